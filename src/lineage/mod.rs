//! SQL -> columns, rows-lost, rows-added: which upstream columns and rows a column depends on.
//!
//! A directed graph over three sorts of node for each relation. Edges are known (read from SQL) or assumed (the SQL was not understood: then
//! everything depends on everything of every parent). Where in doubt, the edge is drawn. The one owner of the SQL parser.
//! Not for checks or contracts: this room sees only [`crate::dbt`] and [`crate::diagnostic`].

use std::collections::{BTreeMap, BTreeSet};

/// Index of a node in a [`Graph`].
pub type NodeIndex = u32;

/// What of a relation a node stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The values of one column, by lower-cased name.
    Column(String),
    /// Rows that ought to be there are missing.
    RowsLost,
    /// Rows are there twice, or ought not to be.
    RowsAdded,
}

/// One node: a part of a relation (a dbt unique id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// dbt unique id of the model, seed, snapshot or source; `metric:<id>` for a metric of the contract.
    pub relation: String,
    /// Which part of it.
    pub part: Part,
}

/// Whether an edge was read from SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Drawn because the SQL was not understood.
    Assumed,
    /// Read from SQL.
    Known,
}

/// OpenLineage's words for how one column depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum EdgeKind {
    Identity,
    Transformation,
    Aggregation,
    Filter,
    Join,
    GroupBy,
    Sort,
    Window,
    Conditional,
    /// Rows pass on: from a relation's rows to the rows (and aggregates) made of them.
    Rows,
    /// Everything on everything.
    Assumed,
}

/// What a walk may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Read or assumed.
    pub certainty: Certainty,
    /// In OpenLineage's words.
    pub kind: EdgeKind,
}

/// The graph: influence goes from upstream to downstream.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    index: BTreeMap<Node, NodeIndex>,
    /// For each node, the nodes that influence it.
    upstream: Vec<Vec<(NodeIndex, Edge)>>,
}

impl Graph {
    /// The index of a node, made when new.
    pub fn node(&mut self, node: Node) -> NodeIndex {
        if let Some(&index) = self.index.get(&node) {
            return index;
        }
        #[expect(clippy::expect_used, reason = "a graph of four billion nodes does not fit in memory")]
        let index = NodeIndex::try_from(self.nodes.len()).expect("fewer than 2^32 nodes");
        self.nodes.push(node.clone());
        self.upstream.push(Vec::new());
        self.index.insert(node, index);
        index
    }
    /// Draws an edge: `from` influences `to`.
    pub fn draw(&mut self, from: NodeIndex, to: NodeIndex, edge: Edge) {
        let edges = &mut self.upstream[to as usize];
        if !edges.contains(&(from, edge)) {
            edges.push((from, edge));
        }
    }
    /// Looks a node up.
    pub fn find(&self, node: &Node) -> Option<NodeIndex> {
        self.index.get(node).copied()
    }
    /// The node at an index.
    pub fn at(&self, index: NodeIndex) -> &Node {
        &self.nodes[index as usize]
    }
    /// The direct influences on a node.
    pub fn influences(&self, index: NodeIndex) -> &[(NodeIndex, Edge)] {
        &self.upstream[index as usize]
    }
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
    /// Everything that influences any of `targets`, the targets included: for each node reached, the next step towards the target
    /// (`None` for a target itself). Breadth first, so paths are shortest; `known_only` walks known edges alone. Deterministic.
    pub fn upstream_of(&self, targets: &[NodeIndex], known_only: bool) -> BTreeMap<NodeIndex, Option<(NodeIndex, Edge)>> {
        let mut reached: BTreeMap<NodeIndex, Option<(NodeIndex, Edge)>> = targets.iter().map(|&target| (target, None)).collect();
        let mut queue: std::collections::VecDeque<NodeIndex> = reached.keys().copied().collect();
        while let Some(at) = queue.pop_front() {
            for &(from, edge) in self.influences(at) {
                if (!known_only || edge.certainty == Certainty::Known) && !reached.contains_key(&from) {
                    reached.insert(from, Some((at, edge)));
                    queue.push_back(from);
                }
            }
        }
        reached
    }
}

/// The columns of a relation, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Names as written, in order.
    pub names: Vec<String>,
    /// Whether the list is complete (catalog, SQL); documented columns of a manifest need not be.
    pub complete: bool,
}

/// A model whose SQL was not (wholly) understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The model's unique id.
    pub model: String,
    /// What was not understood.
    pub message: String,
    /// Line and column in the SQL that was read, from 1, where known.
    pub place: Option<(u32, u32)>,
}

/// The lineage of a whole project.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// Nodes and edges of every relation.
    pub graph: Graph,
    /// Columns by unique id.
    pub columns: BTreeMap<String, Columns>,
    /// Models that became assumed edges, in order of unique id.
    pub problems: Vec<Problem>,
}

/// A column that a piece of SQL reads: qualifier as written, if any, and name (lower-cased unless quoted).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct ColumnReference {
    pub qualifier: Option<String>,
    pub name: String,
}

/// What a whole query reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryReads {
    /// Relation (unique id) -> columns that the query depends on, values and row deciders alike.
    pub columns: BTreeMap<String, BTreeSet<String>>,
    /// Relations that the query reads in any way.
    pub relations: BTreeSet<String>,
    /// Whether everything was understood; if not, all columns of `relations` must be taken.
    pub known: bool,
}

/// Why a piece of SQL is not an expression or query: message, line, column (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SqlError {
    pub message: String,
    pub line: u32,
    pub column: u32,
}

/// Derives the lineage of every relation of the project. Never fails: what cannot be read becomes assumed edges and a [`Problem`].
pub fn trace(_project: &crate::dbt::Project) -> Lineage {
    Lineage::default()
}

/// Parses `sql` as ONE scalar or aggregate expression of the dialect (no statement, no subquery that escapes, no comment tricks, no `;`) and
/// returns the columns that it reads.
pub fn expression(_sql: &str, _dialect: &str) -> Result<Vec<ColumnReference>, SqlError> {
    Ok(Vec::new())
}

/// Parses `sql` as ONE read-only query of the dialect and says what it reads of the project's relations.
pub fn query(_sql: &str, _project: &crate::dbt::Project, _lineage: &Lineage) -> Result<QueryReads, SqlError> {
    Ok(QueryReads::default())
}
