//! Lineage as lines: one JSON object for each pair of a model's column (or its rows) and a source's column (or its rows) that influences it.
//!
//! For machines that compare or score lineage. Not for people (see the commands that draw a tree).

use std::fmt::Write as _;

use super::graph::{Node, NodeIndex, Part};
use super::relation::ANY_COLUMN;
use super::{Lineage, graph};
use crate::dbt::{self, NodeKind, Project};

/// Everything that every model depends on in sources and seeds, closed over the models between, one JSON object a line:
/// `{"model", "column", "upstream_relation", "upstream_column", "kind": "value" | "row"}`, `"*"` standing for the rows of a relation.
pub fn lines(lineage: &Lineage, project: &Project) -> String {
    let mut text = String::new();
    let models = project.nodes.values().filter(|node| matches!(node.kind, NodeKind::Model | NodeKind::Snapshot));
    for model in models {
        let columns = lineage.columns.get(&model.unique_id).map(|columns| columns.names.as_slice()).unwrap_or_default();
        for column in columns {
            let target = lineage.graph.find(&node(model, Part::Column(column.to_lowercase())));
            write(&mut text, lineage, project, &model.name, column, &target.into_iter().collect::<Vec<_>>(), "value");
        }
        let rows = [Part::RowsLost, Part::RowsAdded].into_iter().filter_map(|part| lineage.graph.find(&node(model, part)));
        write(&mut text, lineage, project, &model.name, "*", &rows.collect::<Vec<_>>(), "row");
    }
    text
}

fn node(of: &dbt::Node, part: Part) -> Node {
    Node { relation: of.unique_id.clone(), part }
}

fn write(text: &mut String, lineage: &Lineage, project: &Project, model: &str, column: &str, targets: &[NodeIndex], kind: &str) {
    let mut claims = std::collections::BTreeSet::new();
    for &from in lineage.graph.upstream_of(targets, false).keys() {
        let graph::Node { relation, part } = lineage.graph.at(from);
        let Some(source) = project.nodes.get(relation).filter(|node| matches!(node.kind, NodeKind::Source | NodeKind::Seed)) else {
            continue;
        };
        match part {
            Part::Column(name) if name == ANY_COLUMN => claims.extend(source.columns.iter().map(|column| (&*source.name, &*column.name))),
            Part::Column(name) => drop(claims.insert((&*source.name, name))),
            Part::RowsLost | Part::RowsAdded => drop(claims.insert((&*source.name, "*"))),
        }
    }
    for (relation, upstream) in claims {
        let line =
            serde_json::json!({"model": model, "column": column, "upstream_relation": relation, "upstream_column": upstream, "kind": kind});
        let _ = writeln!(text, "{line}");
    }
}
