//! The upstream of some nodes, for eyes and for programs: a tree, Mermaid, JSON. Not for walking: that is the graph's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;

use super::{Certainty, Edge, EdgeKind, Graph, NodeIndex, Part};

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

/// The influences on a node, each once, with all the words of its edges.
fn influences(graph: &Graph, index: NodeIndex, names: Names<'_>) -> Vec<(NodeIndex, String)> {
    let mut words: BTreeMap<NodeIndex, BTreeSet<&'static str>> = BTreeMap::new();
    for &(from, edge) in graph.influences(index) {
        if from != index {
            words.entry(from).or_default().insert(edge_word(edge));
        }
    }
    let mut rows: Vec<_> = words.into_iter().map(|(from, words)| (from, words.into_iter().collect::<Vec<_>>().join(", "))).collect();
    rows.sort_by_key(|(from, _)| (!matches!(graph.at(*from).part, Part::Column(_)), label(graph, *from, names)));
    rows
}

/// A tree of what influences `targets`; a node that was shown is not unfolded again. `depth` counts the steps upstream.
pub fn tree(graph: &Graph, targets: &[NodeIndex], names: Names<'_>, guards: Guards<'_>, depth: usize) -> String {
    struct Drawing<'a> {
        graph: &'a Graph,
        names: Names<'a>,
        guards: Guards<'a>,
        shown: BTreeSet<NodeIndex>,
        text: String,
    }
    impl Drawing<'_> {
        fn line(&mut self, prefix: &str, index: NodeIndex, word: &str) -> bool {
            let guards = (self.guards)(index);
            let again = !self.graph.influences(index).is_empty() && !self.shown.insert(index);
            let name = label(self.graph, index, self.names);
            let mut line = format!("{prefix}{name}");
            if !word.is_empty() {
                let _ = write!(line, "  [{word}]");
            }
            if !guards.is_empty() {
                let _ = write!(line, "  <- {}", guards.join(", "));
            }
            if again {
                line.push_str("  (above)");
            }
            self.text.push_str(line.trim_end());
            self.text.push('\n');
            !again
        }
        fn below(&mut self, indent: &str, index: NodeIndex, depth: usize) {
            let rows = influences(self.graph, index, self.names);
            if depth == 0 && !rows.is_empty() {
                let _ = writeln!(self.text, "{indent}└─ ...");
                return;
            }
            let last = rows.len().saturating_sub(1);
            for (number, (from, word)) in rows.into_iter().enumerate() {
                let (branch, more) = if number == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                if self.line(&format!("{indent}{branch}"), from, &word) {
                    self.below(&format!("{indent}{more}"), from, depth - 1);
                }
            }
        }
    }
    let mut drawing = Drawing { graph, names, guards, shown: BTreeSet::new(), text: String::new() };
    for &target in targets {
        if drawing.line("", target, "") {
            drawing.below("", target, depth);
        }
    }
    drawing.text
}

/// The upstream subgraph as Mermaid: one box for each relation.
pub fn mermaid(graph: &Graph, targets: &[NodeIndex], names: Names<'_>) -> String {
    let reached: Vec<NodeIndex> = graph.upstream_of(targets, false).into_keys().collect();
    let mut relations: BTreeMap<String, Vec<NodeIndex>> = BTreeMap::new();
    for &index in &reached {
        relations.entry(names(&graph.at(index).relation)).or_default().push(index);
    }
    let mut text = String::from("flowchart LR\n");
    for (number, (relation, nodes)) in relations.iter().enumerate() {
        let _ = writeln!(text, "  subgraph r{number}[\"{}\"]", escape(relation));
        for &index in nodes {
            let part = match &graph.at(index).part {
                Part::Column(column) => column.to_string(),
                Part::RowsLost => "rows lost".to_owned(),
                Part::RowsAdded => "rows added".to_owned(),
            };
            let _ = writeln!(text, "    n{index}[\"{}\"]", escape(&part));
        }
        text.push_str("  end\n");
    }
    for &index in &reached {
        for (from, word) in influences(graph, index, names) {
            let arrow = if word.contains("assumed") { "-.->" } else { "-->" };
            let _ = writeln!(text, "  n{from} {arrow}|{word}| n{index}");
        }
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('"', "#quot;")
}

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
pub fn picture(lineage: &super::Lineage, targets: &[NodeIndex], guards: Guards<'_>) -> Picture {
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
