//! The upstream subgraph for programs: every node and edge as it stands in the graph, nothing merged or cut.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Guards, label};
use crate::lineage::{Certainty, EdgeKind, Lineage, NodeIndex, Part};

/// The upstream subgraph for programs. `format` is the version of this shape.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Picture {
    pub format: u32,
    pub targets: Vec<String>,
    pub nodes: Vec<PictureNode>,
    pub edges: Vec<PictureEdge>,
    pub problems: Vec<PictureProblem>,
}

/// A node: `part` is `column`, `rows_lost` or `rows_added`.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PictureNode {
    pub id: String,
    pub relation: String,
    pub part: &'static str,
    pub column: Option<String>,
    pub checks: Vec<String>,
}

/// `from` influences `to`.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PictureEdge {
    pub from: String,
    pub to: String,
    pub kind: EdgeKind,
    pub certainty: Certainty,
}

/// A model on the way that was not understood.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PictureProblem {
    pub model: String,
    pub message: String,
}

/// The upstream subgraph of `targets`; node ids are labels with unique ids in place of names.
pub fn picture(lineage: &Lineage, targets: &[NodeIndex], guards: Guards<'_>) -> Picture {
    let graph = &lineage.graph;
    let id = |index: NodeIndex| label(graph, index, &|relation| relation.to_owned());
    let reached: Vec<NodeIndex> = graph.upstream_of(targets, false).into_keys().collect();
    let relations: BTreeSet<&str> = reached.iter().map(|&index| &*graph.at(index).relation).collect();
    let nodes = reached.iter().map(|&index| {
        let node = graph.at(index);
        let (part, column) = match &node.part {
            Part::Column(column) => ("column", Some(column.to_string())),
            Part::RowsLost => ("rows_lost", None),
            Part::RowsAdded => ("rows_added", None),
        };
        PictureNode { id: id(index), relation: node.relation.to_string(), part, column, checks: guards(index) }
    });
    let edges = reached.iter().flat_map(|&index| {
        let mut edges: Vec<_> = graph.influences(index).to_vec();
        edges.sort();
        edges.into_iter().map(move |(from, edge)| PictureEdge { from: id(from), to: id(index), kind: edge.kind, certainty: edge.certainty })
    });
    Picture {
        format: 1,
        targets: targets.iter().map(|&index| id(index)).collect(),
        nodes: nodes.collect(),
        edges: edges.collect(),
        problems: lineage
            .problems
            .iter()
            .filter(|problem| relations.contains(problem.model.as_str()))
            .map(|problem| PictureProblem { model: problem.model.clone(), message: problem.message.clone() })
            .collect(),
    }
}
