//! What a build left as it was, by cause, so that each cause is said once and holds exactly what it reaches.

use std::collections::{BTreeMap, BTreeSet};

use super::machine::Built;
use crate::dbt::Project;
use crate::plan::Unbuilt;

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

/// `needed`: unique ids of what the report stands on and a build makes; `late`: sources that have not landed; `built`: what a build did. Gives each cause
/// with everything below it.
pub fn left_out(project: &Project, needed: &BTreeSet<String>, late: &BTreeMap<String, String>, built: &Built) -> Vec<Unbuilt> {
    let above: BTreeMap<&String, BTreeSet<String>> = needed.iter().map(|node| (node, project.ancestors(node))).collect();
    let below = |cause: &String| -> BTreeSet<String> {
        needed.iter().filter(|node| *node == cause || above.get(node).is_some_and(|above| above.contains(cause))).cloned().collect()
    };
    let name = |id: &String| project.nodes.get(id).map_or_else(|| id.clone(), crate::dbt::Node::spoken_name);
    let mut causes: Vec<Unbuilt> = Vec::new();
    for source in late.keys() {
        let relations = below(source);
        if !relations.is_empty() {
            causes.push(Unbuilt {
                cause: name(source),
                why: format!("{} has not landed and nothing was built on it", name(source)),
                relations,
            });
        }
    }
    let covered = |causes: &[Unbuilt]| -> BTreeSet<String> { causes.iter().flat_map(|cause| cause.relations.iter().cloned()).collect() };
    let waiting = covered(&causes);
    for node in needed.iter().filter(|node| !waiting.contains(*node)) {
        if Status::of(built.results.get(node)) == Status::Failed {
            causes.push(Unbuilt { cause: name(node), why: format!("dbt could not build {}", name(node)), relations: below(node) });
        }
    }
    let explained = covered(&causes);
    let lost = needed.iter().filter(|node| !explained.contains(*node) && Status::of(built.results.get(*node)) != Status::Built);
    // Of a chain that dbt never came to, its beginning is the cause.
    let lost: BTreeSet<String> = lost.cloned().collect();
    for node in lost.iter().filter(|node| above.get(node).is_none_or(|above| above.is_disjoint(&lost))) {
        causes.push(Unbuilt { cause: name(node), why: format!("dbt did not come to build {}", name(node)), relations: below(node) });
    }
    causes
}
