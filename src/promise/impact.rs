//! Which metrics and reports a changed model reaches, and who answers for them.

use std::collections::BTreeSet;

use super::words::{changed, upstream};
use super::{Person, Version};
use crate::dbt::{Exposure, NodeKind, Project};

/// A model, seed, snapshot or source that differs between two projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChange {
    /// Unique id.
    pub id: String,
    /// As people name it.
    pub name: String,
    /// `added`, `removed` or `changed`.
    pub what: &'static str,
    /// What it reaches.
    pub reaches: Reached,
}

/// Metrics of contracts, and exposures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reached {
    /// Contract, title of the metric, and who answers for it.
    pub metrics: Vec<(String, String, Option<Person>)>,
    /// Name of the exposure, and who answers for it.
    pub exposures: Vec<(String, Option<Person>)>,
}

/// Every relation that differs, in order of name, with what it reaches: in the new project, or in the old one if it is gone.
pub fn models(base: &Project, old: &[Version<'_>], head: &Project, new: &[Version<'_>]) -> Vec<ModelChange> {
    let ids: BTreeSet<&String> = base.nodes.keys().chain(head.nodes.keys()).collect();
    let mut found = Vec::new();
    for id in ids {
        let (what, project, versions) = match (base.nodes.get(id), head.nodes.get(id)) {
            (Some(_), None) => ("removed", base, old),
            (None, Some(_)) => ("added", head, new),
            (Some(was), Some(is)) if is.kind != NodeKind::Source && changed(Some(was), Some(is)) => ("changed", head, new),
            _ => continue,
        };
        let name = project.nodes.get(id).map(crate::dbt::Node::spoken_name).unwrap_or_default();
        found.push(ModelChange { id: id.clone(), name, what, reaches: reached(id, project, versions) });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn reached(id: &str, project: &Project, versions: &[Version<'_>]) -> Reached {
    let mut found = Reached::default();
    for version in versions {
        for metric in &version.plan.expected.metrics {
            let graph = &version.lineage.graph;
            if upstream(version, &metric.id).iter().any(|index| *graph.at(*index).relation == *id) {
                let owner =
                    metric.owner.clone().or_else(|| version.plan.technical_owner.clone()).or_else(|| version.plan.business_owner.clone());
                found.metrics.push((version.plan.contract.clone(), metric.title.clone(), owner));
            }
        }
    }
    for exposure in project.exposures.values() {
        let shows = |shown: &String| shown == id || project.ancestors(shown).contains(id);
        if exposure.depends_on.iter().any(shows) {
            found.exposures.push((exposure.label.clone().unwrap_or_else(|| exposure.name.clone()), person(exposure)));
        }
    }
    found
}

fn person(exposure: &Exposure) -> Option<Person> {
    let team = exposure.owner_name.clone().or_else(|| exposure.owner_email.clone())?;
    Some((team, exposure.owner_email.clone()))
}
