//! Where the checks of a contract look, and which ways to its metrics nobody watches. Nothing is measured.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Contract;
use crate::dbt::Project;
use crate::diagnostic::Finding;
use crate::lineage::{Graph, Lineage, NodeIndex};

use super::draft::{Draft, Way};
use super::ground::Ground;
use super::{CheckId, MetricId, Options, build, metrics};

/// A contract's metrics and checks as parts of the lineage.
#[derive(Debug)]
pub struct Watch {
    /// In the order of the contract: the nodes that a metric is made of, or why it is not resolved.
    pub metrics: Vec<(MetricId, Result<Vec<NodeIndex>, String>)>,
    /// In the order of the plan.
    pub checks: Vec<WatchingCheck>,
}

/// A check and the nodes that it vouches for, without those that are only assumed.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct WatchingCheck {
    pub id: CheckId,
    pub nodes: BTreeSet<NodeIndex>,
    /// The metrics that it reaches.
    pub metrics: BTreeSet<MetricId>,
    /// Whether this version asks it at all.
    pub asked: bool,
}

/// Where every check of a contract looks.
///
/// # Errors
/// Everything that the user wrote and that cannot be planned.
pub fn watch(contract: &Contract, project: &Project, lineage: &Lineage, options: &Options<'_>) -> Result<Watch, Vec<Finding>> {
    let ground = Ground::new(project, lineage, options);
    let (traced, drafts) = build::drafts(&ground, contract, &mut Vec::new())?;
    let watching = |draft: &Draft| WatchingCheck {
        id: draft.id.clone(),
        // That a column is there, and of its type, says nothing of what is in it.
        nodes: if draft.kind == "schema" { BTreeSet::new() } else { draft.subject.known.clone() },
        metrics: draft.guard(&ground, &traced).reach.into_keys().collect(),
        asked: match draft.way {
            Way::Measured(_) => true,
            Way::Skipped(_) => draft.kind == "dbt_result",
        },
    };
    let checks = drafts.iter().map(watching).collect();
    let metrics = contract.metrics.iter().map(|(id, metric)| (id.value.clone(), metrics::targets(&ground, metric))).collect();
    Ok(Watch { metrics, checks })
}

/// The nodes that each metric of a contract is made of, or why it is not resolved; in the order of the contract.
pub fn targets(
    contract: &Contract,
    project: &Project,
    lineage: &Lineage,
    options: &Options<'_>,
) -> Vec<(MetricId, Result<Vec<NodeIndex>, String>)> {
    let ground = Ground::new(project, lineage, options);
    contract.metrics.iter().map(|(id, metric)| (id.value.clone(), metrics::targets(&ground, metric))).collect()
}

impl Watch {
    /// The blind spots of a metric: every node from which some way leads to the metric on which no check looks, the node itself and the metric's own
    /// columns included. A node that is not one is watched, or a fault of it can only come to the metric through watched nodes. Only checks
    /// count that are asked and reach this metric. That a node is watched does not say that every fault of it is found.
    pub fn blind(&self, graph: &Graph, metric: &str, targets: &[NodeIndex]) -> BTreeSet<NodeIndex> {
        let counts = |check: &&WatchingCheck| check.asked && check.metrics.contains(metric);
        let watched: BTreeSet<NodeIndex> = self.checks.iter().filter(counts).flat_map(|check| check.nodes.iter().copied()).collect();
        let mut blind = BTreeSet::new();
        let mut open: Vec<NodeIndex> = targets.to_vec();
        while let Some(at) = open.pop() {
            if !watched.contains(&at) && blind.insert(at) {
                open.extend(graph.influences(at).iter().map(|(from, _)| *from));
            }
        }
        blind
    }

    /// The names of the checks on each node.
    pub fn guards(&self) -> BTreeMap<NodeIndex, Vec<String>> {
        let mut guards: BTreeMap<NodeIndex, Vec<String>> = BTreeMap::new();
        for check in &self.checks {
            check.nodes.iter().for_each(|node| guards.entry(*node).or_default().push(check.id.clone()));
        }
        guards
    }

    /// Checks that reach no metric of the contract.
    pub fn idle(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter(|check| check.metrics.is_empty()).map(|check| check.id.as_str())
    }
}
