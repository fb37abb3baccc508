//! Lineage as lines: one JSON object for each pair of a model's column (or its rows) and a source's column (or its rows) that influences it.
//!
//! For machines that compare or score lineage. Not for people (see the commands that draw a tree).

use std::collections::BTreeSet;

use super::Lineage;
use super::closure::Closure;
use super::graph::{Node, NodeIndex, Part};
use super::relation::ANY_COLUMN;
use crate::dbt::{self, NodeKind, Project};

/// Everything that every model depends on in sources and seeds, closed over the models between, one JSON object a line:
/// `{"model", "column", "upstream_relation", "upstream_column", "kind": "value" | "row"}`, `"*"` standing for the rows of a relation.
pub fn lines(lineage: &Lineage, project: &Project) -> String {
    let mut ends: Vec<(NodeIndex, Vec<String>)> = Vec::new();
    for source in project.nodes.values().filter(|node| matches!(node.kind, NodeKind::Source | NodeKind::Seed)) {
        let end = |name: &str| end(&source.name, name);
        for (index, part) in lineage.graph.parts_of(&source.unique_id) {
            let written = match &part {
                Part::Column(name) if **name == *ANY_COLUMN => source.columns.iter().map(|column| end(&column.name)).collect(),
                Part::Column(name) => vec![end(name)],
                Part::RowsLost | Part::RowsAdded => vec![end("*")],
            };
            ends.push((index, written));
        }
    }
    ends.sort();
    let closure = Closure::new(&lineage.graph, ends.iter().map(|(index, _)| *index).collect());
    let mut text = String::new();
    for model in project.nodes.values().filter(|node| matches!(node.kind, NodeKind::Model | NodeKind::Snapshot)) {
        let columns = lineage.columns.get(&model.unique_id).map(|columns| columns.names.as_slice()).unwrap_or_default();
        let mut write = |column: &str, targets: &[NodeIndex], kind: &str| {
            let found = closure.of(targets).filter_map(|index| ends.binary_search_by_key(&index, |(end, _)| *end).ok());
            let ends: BTreeSet<&str> = found.flat_map(|at| &ends[at].1).map(String::as_str).collect();
            let start = format!("{{\"model\":{},\"column\":{},", quoted(&model.name), quoted(column));
            for end in ends {
                text.push_str(&start);
                text.push_str(end);
                text.push_str(kind);
                text.push_str("\"}\n");
            }
        };
        for column in columns {
            let target = lineage.graph.find(&node(model, Part::Column(column.to_lowercase().into())));
            write(column, &target.into_iter().collect::<Vec<_>>(), "value");
        }
        let rows = [Part::RowsLost, Part::RowsAdded].into_iter().filter_map(|part| lineage.graph.find(&node(model, part)));
        let unlisted = lineage.graph.find(&node(model, Part::Column(ANY_COLUMN.into())));
        let rows = rows.chain(unlisted.filter(|_| lineage.columns.get(&model.unique_id).is_none_or(|columns| !columns.complete)));
        write("*", &rows.collect::<Vec<_>>(), "row");
    }
    text
}

fn node(of: &dbt::Node, part: Part) -> Node {
    Node { relation: of.unique_id.as_str().into(), part }
}

/// The second half of a line, up to its kind.
fn end(relation: &str, column: &str) -> String {
    format!("\"upstream_relation\":{},\"upstream_column\":{},\"kind\":\"", quoted(relation), quoted(column))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
