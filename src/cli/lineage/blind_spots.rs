//! `presscheck lineage --blind-spots`: what metrics depend on and no check watches, nearest the sources first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;

use super::super::load::Loaded;
use super::super::{Ended, draw};
use super::targets;
use crate::lineage::picture::same_table;
use crate::lineage::{NodeIndex, Part};
use crate::plan::Watch;

/// `lineage --blind-spots --format json`, version 1.
#[derive(Serialize)]
struct BlindJson {
    format: u32,
    contracts: Vec<ContractJson>,
}

#[derive(Serialize)]
struct ContractJson {
    contract: String,
    metrics: Vec<MetricJson>,
    /// Checks that reach no metric.
    idle_checks: Vec<String>,
    /// Checks that this version does not ask, so that they watch nothing.
    unasked_checks: Vec<String>,
}

#[derive(Serialize)]
struct MetricJson {
    metric: String,
    /// Why it is not resolved to columns; then nothing is known of what it depends on.
    unresolved: Option<String>,
    blind: Vec<RelationJson>,
}

#[derive(Serialize)]
struct RelationJson {
    relation: String,
    name: String,
    columns: Vec<String>,
    rows_lost: bool,
    rows_added: bool,
}

/// Tells of every contract, or of the metric `of`.
pub(super) fn run(loaded: &mut Loaded, of: Option<&str>, json: bool, look: &draw::Look) -> Ended {
    let watches = targets::watches(loaded, look)?;
    let wanted = |watch: &Watch| of.is_none_or(|of| watch.metrics.iter().any(|(id, _)| id == of));
    let contracts: Vec<ContractJson> = watches
        .iter()
        .filter(|(_, watch)| wanted(watch))
        .map(|(contract, watch)| ContractJson {
            contract: contract.contract.value.clone(),
            metrics: watch
                .metrics
                .iter()
                .filter(|(id, _)| of.is_none_or(|of| of == id))
                .map(|(id, targets)| metric(loaded, watch, id, targets))
                .collect(),
            idle_checks: watch.idle().map(str::to_owned).collect(),
            unasked_checks: watch.checks.iter().filter(|check| !check.asked).map(|check| check.id.clone()).collect(),
        })
        .collect();
    match of {
        Some(of) if contracts.is_empty() => return Err(targets::unknown(loaded, of, &watches)),
        Some(_) | None => {}
    }
    if json {
        let told = BlindJson { format: 1, contracts };
        draw::print(&serde_json::to_string_pretty(&told).map_err(|error| super::internal(&error.to_string()))?);
    } else {
        draw::print(&contracts.iter().map(text).collect::<Vec<_>>().join("\n"));
    }
    Ok(0)
}

fn metric(loaded: &Loaded, watch: &Watch, id: &str, targets: &Result<Vec<NodeIndex>, String>) -> MetricJson {
    let (blind, unresolved) = match targets {
        Ok(targets) => (relations(loaded, &watch.blind(&loaded.lineage.graph, id, targets)), None),
        Err(why) => (Vec::new(), Some(why.clone())),
    };
    MetricJson { metric: id.to_owned(), unresolved, blind }
}

/// Nodes by relation, the nearest to the sources first; a table of two names is told once.
fn relations(loaded: &Loaded, blind: &BTreeSet<NodeIndex>) -> Vec<RelationJson> {
    let graph = &loaded.lineage.graph;
    let mut parts: BTreeMap<&str, BTreeSet<&Part>> = BTreeMap::new();
    for &index in blind {
        let relation = same_table(graph, index).first().copied().unwrap_or(&graph.at(index).relation);
        parts.entry(relation).or_default().insert(&graph.at(index).part);
    }
    let mut order: Vec<&str> = parts.keys().copied().collect();
    // Whatever stands downstream has all of its parents' ancestors, and its parents.
    order.sort_by_cached_key(|id| (loaded.project.ancestors(id).len(), loaded.name(id)));
    let one = |id: &str| {
        let parts = &parts[id];
        let column = |part: &&Part| match part {
            Part::Column(name) => Some(name.to_string()),
            Part::RowsLost | Part::RowsAdded => None,
        };
        RelationJson {
            relation: id.to_owned(),
            name: loaded.name(id),
            columns: parts.iter().filter_map(column).collect(),
            rows_lost: parts.contains(&Part::RowsLost),
            rows_added: parts.contains(&Part::RowsAdded),
        }
    };
    order.into_iter().map(one).collect()
}

fn text(contract: &ContractJson) -> String {
    let mut out = format!("{}\n", contract.contract);
    for metric in &contract.metrics {
        match (&metric.unresolved, metric.blind.is_empty()) {
            (Some(why), _) => drop(writeln!(out, "\n{}: not resolved, so nothing is known of what it depends on: {why}", metric.metric)),
            (None, true) => drop(writeln!(out, "\n{}: a check watches every way to it", metric.metric)),
            (None, false) => drop(writeln!(out, "\n{}: no check watches", metric.metric)),
        }
        for relation in &metric.blind {
            let mut parts: Vec<&str> = relation.columns.iter().map(|name| if name == "*" { "any other column" } else { name }).collect();
            parts.extend(match (relation.rows_lost, relation.rows_added) {
                (true, true) => Some("rows"),
                (true, false) => Some("rows lost"),
                (false, true) => Some("rows added"),
                (false, false) => None,
            });
            let _ = writeln!(out, "  {}: {}", relation.name, parts.join(", "));
        }
    }
    for (checks, what) in [(&contract.idle_checks, "reach no metric"), (&contract.unasked_checks, "are not asked, so they watch nothing")] {
        if !checks.is_empty() {
            let _ = writeln!(out, "\nchecks that {what}: {}", checks.join(", "));
        }
    }
    out
}
