//! How a metric that is held gets free: what to build again, what must then pass, how often that may be tried, and where building again is not safe.
//! Read from the decision, so that it says the same as the decision does.

use std::collections::BTreeSet;

use crate::dbt::{Node, Project};
use crate::record::{CauseRecord, Document, Ended, MetricRecord, ReleaseRecord, Verdict};

/// Most names in a command for people; beyond it the selection is by graph.
const NAMED: usize = 12;

/// The nodes that are to be built again for a decision: what lies above and on the way of every check that keeps a metric, as far as the report needs it.
pub fn to_restore(project: &Project, needed: &BTreeSet<String>, document: &Document) -> BTreeSet<String> {
    held(document).flat_map(|metric| restore(project, needed, document, metric)).collect()
}

/// One plan of release for each metric that is held.
pub fn releases(project: &Project, needed: &BTreeSet<String>, document: &Document, attempts: u64) -> Vec<ReleaseRecord> {
    held(document)
        .map(|metric| {
            let nodes = restore(project, needed, document, metric);
            let named: Vec<&Node> = nodes.iter().filter_map(|id| project.nodes.get(id)).collect();
            ReleaseRecord {
                metric: metric.id.clone(),
                build: command(&named),
                checks: checks(metric),
                run: format!("presscheck run --resume {}", document.contract),
                attempts,
                warnings: named.iter().filter_map(|node| twice(node)).collect(),
            }
        })
        .collect()
}

fn held(document: &Document) -> impl Iterator<Item = &MetricRecord> {
    document.metrics.iter().filter(|metric| metric.verdict == Verdict::Hold)
}

fn keeping(metric: &MetricRecord) -> impl Iterator<Item = &CauseRecord> {
    metric.causes.iter().filter(|cause| cause.asks == Verdict::Hold)
}

/// The checks that must pass; those that were skipped because something was not built only wait for that.
fn checks(metric: &MetricRecord) -> Vec<String> {
    let unbuilt: Vec<&str> =
        keeping(metric).filter(|cause| cause.check.as_deref().is_some_and(of_build)).map(|cause| cause.detail.as_str()).collect();
    let waits = |cause: &&CauseRecord| cause.outcome == Some(Ended::Skipped) && unbuilt.contains(&cause.detail.as_str());
    keeping(metric).filter(|cause| !waits(cause)).filter_map(|cause| cause.check.clone()).collect()
}

fn of_build(check: &str) -> bool {
    check.strip_prefix(crate::plan::BUILT).is_some_and(|rest| rest.starts_with(':'))
}

/// What lies above and on the way of the checks that keep a metric. Where a cause has no way through the graph, everything that the report needs.
fn restore(project: &Project, needed: &BTreeSet<String>, document: &Document, metric: &MetricRecord) -> BTreeSet<String> {
    let mut nodes = BTreeSet::new();
    for cause in keeping(metric) {
        let steps: Vec<&str> = cause.path.iter().map(|step| relation_of(&step.node)).collect();
        let about =
            cause.check.as_ref().and_then(|id| document.checks.iter().find(|check| check.id == *id)).map(|check| check.about.as_str());
        let names: BTreeSet<&str> = steps.into_iter().chain(about).collect();
        let found: Vec<&Node> = project.nodes.values().filter(|node| names.contains(node.spoken_name().as_str())).collect();
        if found.is_empty() {
            return needed.clone();
        }
        for node in found {
            nodes.extend(project.ancestors(&node.unique_id).into_iter().chain([node.unique_id.clone()]));
        }
    }
    nodes.intersection(needed).cloned().collect()
}

/// The relation of a step's node: `model.column`, `model rows lost`.
fn relation_of(node: &str) -> &str {
    let rows = node.strip_suffix(" rows lost").or_else(|| node.strip_suffix(" rows added"));
    rows.unwrap_or_else(|| node.rsplit_once('.').map_or(node, |(relation, _)| relation))
}

fn command(nodes: &[&Node]) -> Option<String> {
    if nodes.is_empty() {
        return None;
    }
    let names: Vec<String> = nodes.iter().take(NAMED).map(|node| super::invocation::selector(node)).collect();
    let more = if nodes.len() > NAMED { format!(" (and {} more)", nodes.len() - NAMED) } else { String::new() };
    Some(format!("dbt build --select {}{more}", names.join(" ")))
}

/// Why building a node again is not the same as building it once.
fn twice(node: &Node) -> Option<String> {
    let incremental = node.incremental.as_ref()?;
    let replaces = incremental.strategy.as_deref().is_some_and(|strategy| ["insert_overwrite", "microbatch"].contains(&strategy));
    (!incremental.has_key && !replaces).then(|| {
        format!(
            "{} is incremental without unique_key: what it already holds of the interval stays, and a second build adds it again; \
             take those rows out first, or build it with --full-refresh",
            node.spoken_name()
        )
    })
}
