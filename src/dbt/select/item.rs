//! What can be selected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::dbt::{Node, NodeKind, Project, Test};

/// dbt's resource types, of those that are read.
pub const RESOURCE_TYPES: [&str; 8] = ["model", "seed", "snapshot", "source", "test", "exposure", "metric", "semantic_model"];

/// One thing that can be selected.
pub struct Item<'a> {
    pub resource_type: &'static str,
    pub name: &'a str,
    pub package: &'a str,
    pub path: &'a Path,
    pub fqn: &'a [String],
    pub tags: &'a [String],
    pub group: Option<&'a str>,
    pub node: Option<&'a Node>,
    pub test: Option<&'a Test>,
}

/// All that can be selected, by unique id.
pub struct Items<'a> {
    pub project: &'a Project,
    pub all: BTreeMap<&'a str, Item<'a>>,
}

impl<'a> Items<'a> {
    pub fn of(project: &'a Project) -> Self {
        let mut all = BTreeMap::new();
        for (id, n) in &project.nodes {
            let resource_type = match n.kind {
                NodeKind::Model => "model",
                NodeKind::Seed => "seed",
                NodeKind::Snapshot => "snapshot",
                NodeKind::Source => "source",
            };
            let (node, test, group) = (Some(n), None, n.group.as_deref());
            all.insert(
                id.as_str(),
                Item { resource_type, name: &n.name, package: &n.package, path: &n.path, fqn: &n.fqn, tags: &n.tags, group, node, test },
            );
        }
        for (id, t) in &project.tests {
            let (resource_type, node, test, group) = ("test", None, Some(t), None);
            all.insert(
                id,
                Item { resource_type, name: &t.name, package: &t.package, path: &t.path, fqn: &t.fqn, tags: &t.tags, group, node, test },
            );
        }
        for (id, e) in &project.exposures {
            let (resource_type, node, test, group) = ("exposure", None, None, None);
            all.insert(
                id,
                Item { resource_type, name: &e.name, package: &e.package, path: &e.path, fqn: &e.fqn, tags: &e.tags, group, node, test },
            );
        }
        for (id, m) in &project.metrics {
            let (resource_type, node, test, group) = ("metric", None, None, m.group.as_deref());
            all.insert(
                id,
                Item { resource_type, name: &m.name, package: &m.package, path: &m.path, fqn: &m.fqn, tags: &m.tags, group, node, test },
            );
        }
        for (id, s) in &project.semantic_models {
            let (resource_type, node, test, group, tags) = ("semantic_model", None, None, None, [].as_slice());
            all.insert(id, Item { resource_type, name: &s.name, package: &s.package, path: &s.path, fqn: &s.fqn, tags, group, node, test });
        }
        Items { project, all }
    }

    pub fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.all.keys().copied()
    }

    pub fn has(&self, id: &str) -> bool {
        self.all.contains_key(id)
    }

    pub fn is_test(&self, id: &str) -> bool {
        self.all.get(id).is_some_and(|item| item.test.is_some())
    }

    /// The ids of what is wanted.
    pub fn pick(&self, wanted: impl Fn(&Item<'a>) -> bool) -> BTreeSet<&'a str> {
        self.all.iter().filter(|(_, item)| wanted(item)).map(|(id, _)| *id).collect()
    }
}
