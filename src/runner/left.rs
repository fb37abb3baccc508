//! What a build leaves as it was, by cause, so that each cause is said once and holds exactly what it reaches.

use std::collections::{BTreeMap, BTreeSet};

use super::machine::Built;
use crate::dbt::{Node, Project};
use crate::plan::{Plan, Unbuilt};

/// The word for a node that was built.
pub(super) const SUCCESS: &str = "success";

/// What became of one node of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// What stands in the warehouse is of this build.
    Built,
    /// dbt tried and failed.
    Failed,
    /// dbt did not try, because something above it failed.
    Skipped,
    /// Nothing is known of it.
    Unknown,
}

impl Status {
    /// Reads a status as a build's results have it.
    pub fn of(word: Option<&String>) -> Status {
        match word.map(String::as_str) {
            Some(SUCCESS | "no-op" | "reused" | "pass") => Status::Built,
            Some("skipped") => Status::Skipped,
            Some(_) => Status::Failed,
            None => Status::Unknown,
        }
    }
}

/// What is not worth building while sources are late, by source: what is made of them and is needed by no metric that could be published all the same. A
/// table that holds other metrics, too, is built; those that the late source reaches are held by its own checks.
pub fn waiting(project: &Project, plan: &Plan, nodes: &BTreeSet<String>, late: &BTreeSet<String>) -> Vec<Unbuilt> {
    let checks: BTreeSet<&String> = late.iter().filter_map(|source| plan.landings.get(source)).flatten().collect();
    let reached: BTreeSet<&String> =
        plan.expected.checks.iter().filter(|check| checks.contains(&check.id)).flat_map(|check| check.reach.keys()).collect();
    let free = plan.stands_on.iter().filter(|(metric, _)| !reached.contains(metric));
    let needed: BTreeSet<&String> = free.flat_map(|(_, relations)| relations).collect();
    let spare: Vec<(&String, BTreeSet<String>)> =
        nodes.iter().filter(|node| !needed.contains(node)).map(|node| (node, project.ancestors(node))).collect();
    late.iter()
        .map(|source| Unbuilt {
            cause: name(project, source),
            why: format!("{} has not landed", name(project, source)),
            relations: spare.iter().filter(|(_, above)| above.contains(source)).map(|(node, _)| (*node).clone()).collect(),
        })
        .filter(|unbuilt| !unbuilt.relations.is_empty())
        .collect()
}

/// Of these nodes, what is made of one of those sources and nodes.
pub fn below(project: &Project, nodes: &BTreeSet<String>, above: &BTreeSet<String>) -> BTreeSet<String> {
    nodes.iter().filter(|node| !project.ancestors(node).is_disjoint(above)).cloned().collect()
}

/// What a build was asked for and did not do: each failure with everything below it.
pub fn failed(project: &Project, asked: &BTreeSet<String>, built: &Built) -> Vec<Unbuilt> {
    let above: BTreeMap<&String, BTreeSet<String>> = asked.iter().map(|node| (node, project.ancestors(node))).collect();
    let below = |cause: &String| -> BTreeSet<String> {
        asked.iter().filter(|node| *node == cause || above.get(node).is_some_and(|above| above.contains(cause))).cloned().collect()
    };
    let status = |node: &String| Status::of(built.results.get(node));
    let cause = |node: &String, verb: &str| {
        let name = name(project, node);
        Unbuilt { why: format!("{verb} {name}"), relations: below(node), cause: name }
    };
    let failed = asked.iter().filter(|node| status(node) == Status::Failed);
    let mut causes: Vec<Unbuilt> = failed.map(|node| cause(node, "dbt could not build")).collect();
    let explained: BTreeSet<String> = causes.iter().flat_map(|cause| cause.relations.iter().cloned()).collect();
    let lost: BTreeSet<String> = asked.iter().filter(|node| !explained.contains(*node) && status(node) != Status::Built).cloned().collect();
    // Of a chain that dbt never came to, its beginning is the cause.
    let begins = lost.iter().filter(|node| above.get(node).is_none_or(|above| above.is_disjoint(&lost)));
    causes.extend(begins.map(|node| cause(node, "dbt did not come to build")));
    causes
}

fn name(project: &Project, id: &str) -> String {
    project.nodes.get(id).map_or_else(|| id.to_owned(), Node::spoken_name)
}
