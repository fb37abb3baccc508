//! How well a whole project is understood: how many models wholly, in part, not at all, and why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Names;
use crate::dbt::{NodeKind, Project};
use crate::lineage::relation::ANY_COLUMN;
use crate::lineage::{Certainty, Lineage, Part};

/// For people. Counts models and snapshots, each by its own SQL alone: wholly known when every edge into it was read, assumed when none of its parts
/// is free of assumed edges, partly assumed between. The reasons follow, the most frequent first, with all models that have them.
pub fn summary(lineage: &Lineage, project: &Project, names: Names<'_>) -> String {
    let models: Vec<&str> = project
        .nodes
        .values()
        .filter(|node| matches!(node.kind, NodeKind::Model | NodeKind::Snapshot))
        .map(|node| node.unique_id.as_str())
        .collect();
    let doubted: BTreeSet<&str> = lineage.problems.iter().map(|problem| &*problem.model).collect();
    let [mut known, mut partly, mut assumed] = [0_usize; 3];
    for model in &models {
        let mut parts = lineage.graph.parts_of(model);
        parts.retain(|(_, part)| !matches!(part, Part::Column(name) if **name == *ANY_COLUMN));
        let unsure = parts.iter().filter(|(index, _)| {
            lineage.graph.influences(*index).iter().any(|(_, edge)| match edge.certainty {
                Certainty::Assumed => true,
                Certainty::Known => false,
            })
        });
        match unsure.count() {
            0 if !doubted.contains(model) && !parts.is_empty() => known += 1,
            count if count > 0 && count >= parts.len() => assumed += 1,
            _ => partly += 1,
        }
    }
    let mut text = format!(
        "{} {}: {known} wholly known, {partly} partly assumed, {assumed} assumed\n",
        models.len(),
        if models.len() == 1 { "model" } else { "models" }
    );
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for problem in &lineage.problems {
        reasons.entry(&problem.message).or_default().insert(&problem.model);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(message, models)| (std::cmp::Reverse(models.len()), *message));
    let width = reasons.first().map_or(0, |(_, models)| models.len().to_string().len());
    for (message, models) in reasons {
        let of: Vec<String> = models.iter().map(|model| names(model)).collect();
        let _ = writeln!(text, "\n{:>width$}  {}\n{:>width$}  in {}", models.len(), one_line(message), "", of.join(", "));
    }
    text
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
