//! Who depends on whom, and which node a name means. Not for columns: that is [`crate::lineage`].

use std::collections::BTreeSet;

use super::{Exposure, Metric, Node, NodeKind, Project, Test};
use crate::diagnostic::nearest;

/// Why a name means no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Nothing has that name; the nearest that has one.
    Unknown(Option<String>),
    /// It is there, but disabled: its unique id.
    Disabled(String),
    /// Several nodes have it: their unique ids. Say which by `package.name`.
    Ambiguous(Vec<String>),
}

impl Project {
    /// The node that a contract means by `model`, `model.v2`, `source.table`, `package.model` or a unique id. See [`Project::resolve`].
    pub fn find(&self, name: &str) -> Option<&Node> {
        self.resolve(name).ok()
    }

    /// The node that a contract means by `model`, `model.v2`, `source.table`, `package.model` or a unique id, or why there is none.
    /// Models, seeds and snapshots go before sources, the project's own before those of its packages; a bare name means the latest version.
    pub fn resolve(&self, name: &str) -> Result<&Node, Missing> {
        if let Some(node) = self.nodes.get(name) {
            return Ok(node);
        }
        let mut readings = vec![self.relations(None, name, None)];
        if let Some((first, last)) = name.rsplit_once('.') {
            if let Some(version) = last.strip_prefix('v') {
                readings.push(self.relations(None, first, Some(version)));
                if let Some((package, model)) = first.split_once('.') {
                    readings.push(self.relations(Some(package), model, Some(version)));
                }
            }
            let source = |n: &&Node| {
                let source = n.source_name.as_deref().unwrap_or_default();
                n.kind == NodeKind::Source && n.name == last && (source == first || format!("{}.{source}", n.package) == first)
            };
            readings.push(self.nodes.values().filter(source).collect());
            readings.push(self.relations(Some(first), last, None));
        }
        let found = readings.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
        match found.as_slice() {
            [only] => Ok(only),
            [] => Err(self.missing(name)),
            several => {
                let own: Vec<&Node> = several.iter().copied().filter(|n| n.package == self.name).collect();
                match own.as_slice() {
                    [only] => Ok(only),
                    [] | [_, _, ..] => Err(Missing::Ambiguous(several.iter().map(|n| n.unique_id.clone()).collect())),
                }
            }
        }
    }

    fn relations(&self, package: Option<&str>, name: &str, version: Option<&str>) -> Vec<&Node> {
        let wanted = |n: &&Node| {
            n.kind != NodeKind::Source
                && n.name == name
                && package.is_none_or(|package| n.package == package)
                && version.map_or(n.version.is_none() || n.latest_version, |wanted| n.version.as_deref() == Some(wanted))
        };
        self.nodes.values().filter(wanted).collect()
    }

    fn missing(&self, name: &str) -> Missing {
        let disabled = self.disabled.iter().find(|(id, bare)| {
            let relation = ["model.", "seed.", "snapshot.", "source."].iter().any(|kind| id.starts_with(kind));
            relation && (bare.as_str() == name || id.as_str() == name || (name.contains('.') && id.ends_with(&format!(".{name}"))))
        });
        match disabled {
            Some((id, _)) => Missing::Disabled(id.clone()),
            None => Missing::Unknown(nearest(name, self.names().iter().map(String::as_str)).map(str::to_owned)),
        }
    }

    /// Every name that [`Project::find`] knows, each once, in order: `model`, `model.v1`, `source.table`. For suggestions.
    pub fn names(&self) -> BTreeSet<String> {
        self.nodes.values().flat_map(Node::spoken_names).collect()
    }

    /// The exposure of that name; the project's own before those of its packages.
    pub fn exposure(&self, name: &str) -> Option<&Exposure> {
        let named = |own: bool| self.exposures.values().find(|e| e.name == name && (e.package == self.name) == own);
        named(true).or_else(|| named(false)).or_else(|| self.exposures.get(name))
    }

    /// The semantic-layer metric of that name; the project's own before those of its packages.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        let named = |own: bool| self.metrics.values().find(|m| m.name == name && (m.package == self.name) == own);
        named(true).or_else(|| named(false)).or_else(|| self.metrics.get(name))
    }

    /// Unique ids of the direct parents of a node, test, exposure, metric or semantic model; empty for an unknown id.
    pub fn parents(&self, unique_id: &str) -> Vec<&str> {
        let listed = None
            .or_else(|| self.nodes.get(unique_id).map(|n| &n.depends_on))
            .or_else(|| self.tests.get(unique_id).map(|t| &t.depends_on))
            .or_else(|| self.exposures.get(unique_id).map(|e| &e.depends_on))
            .or_else(|| self.metrics.get(unique_id).map(|m| &m.depends_on));
        match listed {
            Some(parents) => parents.iter().map(String::as_str).collect(),
            None => self.semantic_models.get(unique_id).and_then(|s| s.model.as_deref()).into_iter().collect(),
        }
    }

    /// Unique ids of everything upstream of `unique_id`, itself not included. Ids that the project does not hold (functions) are among them.
    pub fn ancestors(&self, unique_id: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![unique_id];
        while let Some(at) = waiting.pop() {
            for parent in self.parents(at) {
                if parent != unique_id && reached.insert(parent.to_owned()) {
                    waiting.push(parent);
                }
            }
        }
        reached
    }

    /// The data tests whose SQL reads `unique_id`, in order of their ids: tests attached to it, and tests of others that look it up.
    pub fn tests_of<'a>(&'a self, unique_id: &'a str) -> impl Iterator<Item = &'a Test> {
        self.tests.values().filter(move |test| test.depends_on.iter().any(|parent| parent == unique_id))
    }
}

impl Node {
    /// What people call it: `model`, `model.v2`, `source.table`.
    pub fn spoken_name(&self) -> String {
        match (&self.source_name, &self.version) {
            (Some(source), _) => format!("{source}.{}", self.name),
            (None, Some(version)) => format!("{}.v{version}", self.name),
            (None, None) => self.name.clone(),
        }
    }

    fn spoken_names(&self) -> Vec<String> {
        let mut names = vec![self.spoken_name()];
        if self.kind != NodeKind::Source && self.version.is_some() && self.latest_version {
            names.push(self.name.clone());
        }
        names
    }
}
