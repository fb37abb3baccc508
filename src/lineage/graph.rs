//! The graph of influence: nodes are parts of relations, edges lead from what is upstream to what it influences.
//!
//! Not for SQL: this file knows nothing of how an edge was found.

use std::collections::{BTreeMap, VecDeque};

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
    /// Every node of a relation.
    pub fn parts_of(&self, relation: &str) -> Vec<(NodeIndex, Part)> {
        let end = |part| Node { relation: relation.to_owned(), part };
        let range = self.index.range(end(Part::Column(String::new()))..=end(Part::RowsAdded));
        range.map(|(node, &index)| (index, node.part.clone())).collect()
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
