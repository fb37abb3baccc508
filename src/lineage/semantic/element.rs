//! Where a dimension or entity stands that a filter names: in the semantic model itself, or in one that entities lead to.
//!
//! Joins go as MetricFlow's do, from any key to one that names rows (primary, unique, natural). Where several ways lead to the name, all count.

use std::fmt;

use super::filter::is_grain;
use crate::dbt::{Element, Project, SemanticModel};

/// Entities to go over, then what is wanted: `order__status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    entities: Vec<String>,
    wanted: String,
}

impl Path {
    /// As written in a filter, a grain at its end left out.
    pub fn written(text: &str) -> Path {
        let lower = text.to_lowercase();
        let mut parts: Vec<String> = lower.split("__").map(str::to_owned).collect();
        if parts.len() > 1 && parts.last().is_some_and(|last| is_grain(last)) {
            parts.pop();
        }
        let wanted = parts.pop().unwrap_or_default();
        Path { entities: parts, wanted }
    }
    /// The same, beginning with other entities.
    pub fn after(mut self, before: Vec<String>) -> Path {
        let lower: Vec<String> = before.into_iter().map(|written| written.to_lowercase()).collect();
        self.entities.splice(0..0, lower.iter().flat_map(|written| written.split("__").map(str::to_owned)));
        self
    }
    /// Whether it is the time that the metric's own measures go by.
    pub fn is_metric_time(&self) -> bool {
        self.entities.is_empty() && self.wanted == "metric_time"
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entities.iter().try_for_each(|entity| write!(f, "{entity}__"))?;
        f.write_str(&self.wanted)
    }
}

/// Names of the semantic layer know no case.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// An expression and the semantic model that it is of.
type Reading<'p> = (&'p SemanticModel, &'p str);

/// Ways that are followed; no project has as many.
const MOST_WAYS: usize = 1_000;

/// What a metric on `base` reads when it needs what `path` leads to, over all ways that lead there. `Err` says why nothing does.
pub(super) fn columns<'p>(project: &'p Project, base: &'p SemanticModel, path: &Path) -> Result<Vec<Reading<'p>>, String> {
    let mut found: Vec<Reading<'p>> = Vec::new();
    let own = match path.entities.as_slice() {
        [] => true,
        [entity] => owns(base, entity),
        [_, _, ..] => false,
    };
    if own {
        found.extend(wanted(base, path));
    }
    // Each way: where it is, and what it read on its way there.
    let mut ways: Vec<(&SemanticModel, Vec<Reading<'p>>)> = if path.entities.is_empty() { Vec::new() } else { vec![(base, Vec::new())] };
    for (step, entity) in path.entities.iter().enumerate() {
        let mut further = Vec::new();
        for (at, read) in &ways {
            if step > 0 && step + 1 == path.entities.len() && owns(at, entity) {
                arrive(&mut found, at, read, path);
            }
            for key in keys(at, entity) {
                further.extend(project.semantic_models.values().flat_map(|next| joined(at, key, next, read)));
            }
        }
        if further.len() > MOST_WAYS {
            return Err(format!("more than {MOST_WAYS} ways lead to {path}"));
        }
        ways = further;
    }
    for (at, read) in &ways {
        arrive(&mut found, at, read, path);
    }
    if found.is_empty() { Err(format!("{path} is not found from semantic model {}", base.name)) } else { Ok(found) }
}

/// The ways from a key on to another semantic model that has rows for it, with what they read more.
fn joined<'p>(
    at: &'p SemanticModel,
    key: &'p Element,
    next: &'p SemanticModel,
    read: &[Reading<'p>],
) -> Vec<(&'p SemanticModel, Vec<Reading<'p>>)> {
    if next.unique_id == at.unique_id {
        return Vec::new();
    }
    let others = keys(next, &key.name).filter(|other| !same(&other.kind, "foreign"));
    let way = |other: &'p Element| {
        let mut read = read.to_vec();
        read.extend([(at, key.expr.as_str()), (next, other.expr.as_str())]);
        for name in &next.join_dimensions {
            // A partition is compared with that of the same name, where there is one.
            read.extend([at, next].into_iter().filter_map(|model| super::local(model, name).map(|expr| (model, expr))));
        }
        (next, read)
    };
    others.map(way).collect()
}

fn arrive<'p>(found: &mut Vec<Reading<'p>>, at: &'p SemanticModel, read: &[Reading<'p>], path: &Path) {
    if let Some(last) = wanted(at, path) {
        found.extend(read);
        found.push(last);
    }
}

/// Whether a semantic model's own dimensions go by the name of this entity.
fn owns(model: &SemanticModel, entity: &str) -> bool {
    model.primary_entity.as_ref().is_some_and(|primary| same(primary, entity)) || keys(model, entity).any(|key| !same(&key.kind, "foreign"))
}

fn keys<'p, 'n>(model: &'p SemanticModel, entity: &'n str) -> impl Iterator<Item = &'p Element> + use<'p, 'n> {
    model.entities.iter().filter(move |key| same(&key.name, entity))
}

fn wanted<'p>(model: &'p SemanticModel, path: &Path) -> Option<Reading<'p>> {
    super::local(model, &path.wanted).map(|expr| (model, expr))
}
