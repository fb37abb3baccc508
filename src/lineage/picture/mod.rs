//! The upstream of some nodes, for eyes and for programs; one format is one file. Not for walking: that is the graph's.
//!
//! What people look at ([`tree()`], [`mermaid()`], [`dot()`]) is drawn from one [`View`], in which what stands twice in the graph is merged; what
//! programs read ([`picture`], [`openlineage()`]) is the graph itself.

mod dot;
mod json;
mod mermaid;
mod openlineage;
mod summary;
mod tree;
mod view;

use super::{Certainty, Edge, EdgeKind, Graph, NodeIndex, Part};

pub use dot::dot;
pub use json::{Picture, PictureEdge, PictureNode, PictureProblem, picture};
pub use mermaid::mermaid;
pub use openlineage::openlineage;
pub use summary::summary;
pub use tree::tree;
pub use view::{View, same_table};

/// Names relations as people do; without a name the unique id is shown.
pub type Names<'a> = &'a dyn Fn(&str) -> String;

/// What guards a node, by the names of the checks; empty when nothing does.
pub type Guards<'a> = &'a dyn Fn(NodeIndex) -> Vec<String>;

/// How a node is written: `model.column`, `model rows lost`, `model rows added`.
pub fn label(graph: &Graph, index: NodeIndex, names: Names<'_>) -> String {
    let node = graph.at(index);
    let relation = names(&node.relation);
    match &node.part {
        Part::Column(column) => format!("{relation}.{column}"),
        Part::RowsLost => format!("{relation} rows lost"),
        Part::RowsAdded => format!("{relation} rows added"),
    }
}

/// An edge in OpenLineage's words; `assumed` where the SQL was not understood.
pub fn edge_word(edge: Edge) -> &'static str {
    match (edge.certainty, edge.kind) {
        (Certainty::Assumed, _) | (_, EdgeKind::Assumed) => "assumed",
        (Certainty::Known, kind) => match kind {
            EdgeKind::Identity => "identity",
            EdgeKind::Transformation => "transformation",
            EdgeKind::Aggregation => "aggregation",
            EdgeKind::Filter => "filter",
            EdgeKind::Join => "join",
            EdgeKind::GroupBy => "group_by",
            EdgeKind::Sort => "sort",
            EdgeKind::Window => "window",
            EdgeKind::Conditional => "conditional",
            EdgeKind::Rows => "rows",
            EdgeKind::Assumed => "assumed",
        },
    }
}
