//! The graph of influence: nodes are parts of relations, edges lead from what is upstream to what it influences.
//!
//! Not for SQL: this file knows nothing of how an edge was found.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Index of a node in a [`Graph`].
pub type NodeIndex = u32;

/// What of a relation a node stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The values of one column, by lower-cased name.
    Column(Arc<str>),
    /// Rows that ought to be there are missing.
    RowsLost,
    /// Rows are there twice, or ought not to be.
    RowsAdded,
}

/// One node: a part of a relation (a dbt unique id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// dbt unique id of the model, seed, snapshot or source; `metric:<id>` for a metric of the contract.
    pub relation: Arc<str>,
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
    relations: HashMap<Arc<str>, Parts>,
    /// For each node, the nodes that influence it.
    upstream: Vec<Vec<Drawn>>,
}

/// An edge as the node that it leads to has it.
type Drawn = (NodeIndex, Edge);

/// The nodes of one relation.
#[derive(Debug, Clone, Default)]
struct Parts {
    columns: BTreeMap<Arc<str>, NodeIndex>,
    lost: Option<NodeIndex>,
    added: Option<NodeIndex>,
}

impl Parts {
    fn find(&self, part: &Part) -> Option<NodeIndex> {
        match part {
            Part::Column(name) => self.columns.get(name).copied(),
            Part::RowsLost => self.lost,
            Part::RowsAdded => self.added,
        }
    }

    /// The index of a part of the relation that these are of, made when new.
    fn made(&mut self, relation: &Arc<str>, part: Part, (nodes, upstream): (&mut Vec<Node>, &mut Vec<Vec<Drawn>>)) -> NodeIndex {
        if let Some(index) = self.find(&part) {
            return index;
        }
        #[expect(clippy::expect_used, reason = "a graph of four billion nodes does not fit in memory")]
        let index = NodeIndex::try_from(nodes.len()).expect("fewer than 2^32 nodes");
        match &part {
            Part::Column(name) => drop(self.columns.insert(Arc::clone(name), index)),
            Part::RowsLost => self.lost = Some(index),
            Part::RowsAdded => self.added = Some(index),
        }
        nodes.push(Node { relation: Arc::clone(relation), part });
        upstream.push(Vec::new());
        index
    }
}

impl Graph {
    /// The index of a node, made when new.
    pub fn node(&mut self, node: Node) -> NodeIndex {
        let Graph { nodes, relations, upstream } = self;
        relations.entry(Arc::clone(&node.relation)).or_default().made(&node.relation, node.part, (nodes, upstream))
    }
    /// The indices of parts of one relation, in their order, made where they are new.
    pub(super) fn nodes_of(&mut self, relation: &Arc<str>, wanted: impl Iterator<Item = Part>) -> Vec<NodeIndex> {
        let Graph { nodes, relations, upstream } = self;
        let parts = relations.entry(Arc::clone(relation)).or_default();
        wanted.map(|part| parts.made(relation, part, (nodes, upstream))).collect()
    }
    /// The index of a part of a relation, made when new; for callers that hold no [`Node`].
    pub(super) fn part(&mut self, relation: &str, part: PartName<'_>) -> NodeIndex {
        if let Some((known, parts)) = self.relations.get_key_value(relation) {
            let found = match part {
                PartName::Column(name) => parts.columns.get(name).copied(),
                PartName::RowsLost => parts.lost,
                PartName::RowsAdded => parts.added,
            };
            if let Some(index) = found {
                return index;
            }
            let relation = Arc::clone(known);
            return self.node(Node { relation, part: part.into() });
        }
        self.node(Node { relation: relation.into(), part: part.into() })
    }
    /// Draws an edge: `from` influences `to`.
    pub fn draw(&mut self, from: NodeIndex, to: NodeIndex, edge: Edge) {
        let edges = &mut self.upstream[to as usize];
        if !edges.contains(&(from, edge)) {
            edges.push((from, edge));
        }
    }
    /// Draws edges to a node that has none of them yet, each given once.
    pub(super) fn draw_new(&mut self, to: NodeIndex, edges: impl Iterator<Item = (NodeIndex, Edge)>) {
        self.upstream[to as usize].extend(edges);
    }
    /// Looks a node up.
    pub fn find(&self, node: &Node) -> Option<NodeIndex> {
        self.relations.get(&node.relation)?.find(&node.part)
    }
    /// Every node of a relation: columns by name, then rows lost and rows added.
    pub fn parts_of(&self, relation: &str) -> Vec<(NodeIndex, Part)> {
        let Some(parts) = self.relations.get(relation) else { return Vec::new() };
        let columns = parts.columns.iter().map(|(name, &index)| (index, Part::Column(Arc::clone(name))));
        let rows = [(parts.lost, Part::RowsLost), (parts.added, Part::RowsAdded)];
        columns.chain(rows.into_iter().filter_map(|(index, part)| Some((index?, part)))).collect()
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
        let mut queue: VecDeque<NodeIndex> = reached.keys().copied().collect();
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

/// A [`Part`] whose name is borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartName<'n> {
    Column(&'n str),
    RowsLost,
    RowsAdded,
}

impl From<PartName<'_>> for Part {
    fn from(name: PartName<'_>) -> Part {
        match name {
            PartName::Column(name) => Part::Column(name.into()),
            PartName::RowsLost => Part::RowsLost,
            PartName::RowsAdded => Part::RowsAdded,
        }
    }
}
