//! dbt's selector grammar: `+orders`, `tag:nightly,staging`, `2+model+1`, `@source:raw`, `config.materialized:table`.
//!
//! A blank is a union, a comma an intersection. As in dbt, tests go with what they read ("eager" indirect selection). Unlike dbt, which warns,
//! a selector that matches nothing is an error: less would be checked than was asked for. Not for state, results or YAML selectors.

mod config;
mod glob;
mod item;
mod method;

use std::collections::{BTreeMap, BTreeSet};

use super::Project;
use crate::diagnostic::{Finding, codes};
use item::Items;
use method::Method;

/// Unique ids of the models, seeds, snapshots, sources, tests, exposures, metrics and semantic models that `include` (everything, when empty) names
/// and `exclude` does not.
///
/// # Errors
/// A selector that cannot be read, one whose method is not known or not supported, one that matches nothing, or nothing left after `exclude`.
#[allow(clippy::result_large_err, reason = "read once per run")]
pub fn select(project: &Project, include: &[String], exclude: &[String]) -> Result<BTreeSet<String>, Finding> {
    let items = Items::of(project);
    let graph = Neighbours::of(&items, project);
    let mut selected: BTreeSet<&str> = BTreeSet::new();
    for group in groups(include) {
        selected.extend(intersection(group, &items, &graph)?);
    }
    if groups(include).next().is_none() {
        selected.extend(items.ids());
    }
    let mut excluded = BTreeSet::new();
    for group in groups(exclude) {
        excluded.extend(intersection(group, &items, &graph)?);
    }
    selected.retain(|id| !excluded.contains(id));
    if selected.is_empty() {
        let what = if exclude.is_empty() {
            "the project has nothing to select".to_owned()
        } else {
            format!("nothing is left after excluding `{}`", exclude.join(" "))
        };
        return Err(Finding::error(codes::SELECTS_NOTHING, what));
    }
    Ok(selected.into_iter().map(str::to_owned).collect())
}

fn groups(written: &[String]) -> impl Iterator<Item = &str> {
    written.iter().flat_map(|text| text.split_whitespace())
}

#[allow(clippy::result_large_err, reason = "read once per run")]
fn intersection<'a>(group: &str, items: &Items<'a>, graph: &Neighbours<'a>) -> Result<BTreeSet<&'a str>, Finding> {
    let mut common: Option<BTreeSet<&str>> = None;
    for written in group.split(',') {
        let found = Criterion::read(written, group)?.search(items, graph)?;
        common = Some(match common {
            None => found,
            Some(so_far) => so_far.intersection(&found).copied().collect(),
        });
    }
    common
        .filter(|found| !found.is_empty())
        .ok_or_else(|| Finding::error(codes::SELECTS_NOTHING, format!("nothing matches all of `{group}`")))
}

/// One selector: `2+tag:nightly+`.
struct Criterion<'w> {
    written: &'w str,
    /// `@`: its children and all their parents.
    whole: bool,
    /// How many generations up; `None` without `+`.
    up: Option<usize>,
    down: Option<usize>,
    method: Method,
    value: &'w str,
}

impl<'w> Criterion<'w> {
    #[allow(clippy::result_large_err, reason = "read once per run")]
    fn read(written: &'w str, group: &str) -> Result<Self, Finding> {
        let wrong = |message: String| Finding::error(codes::BAD_SELECTOR, message);
        if written.is_empty() {
            return Err(
                wrong(format!("`{group}` has a comma with nothing beside it")).help("a comma means \"and\": write `a,b`, without blanks")
            );
        }
        let (whole, rest) = written.strip_prefix('@').map_or((false, written), |rest| (true, rest));
        let (up, rest) = match rest.split_once('+') {
            Some((depth, rest)) if depth.bytes().all(|b| b.is_ascii_digit()) => (Some(generations(depth, written)?), rest),
            Some(_) | None => (None, rest),
        };
        let (down, rest) = match rest.rsplit_once('+') {
            Some((rest, depth)) if depth.bytes().all(|b| b.is_ascii_digit()) => (Some(generations(depth, written)?), rest),
            Some(_) | None => (None, rest),
        };
        if whole && down.is_some() {
            return Err(wrong(format!("`{written}` has `@` before and `+` after it; `@` has its children already")));
        }
        let is_word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        let (method, value) = match rest.split_once(':') {
            Some((name, value)) if is_word(name) && !name.is_empty() => (Method::read(name, written)?, value),
            Some(_) | None => (Method::default_for(rest), rest),
        };
        if value.is_empty() {
            return Err(wrong(format!("`{written}` names nothing")).help("write a name: `orders`, `tag:nightly`, `+orders`"));
        }
        Ok(Criterion { written, whole, up, down, method, value })
    }

    #[allow(clippy::result_large_err, reason = "read once per run")]
    fn search<'a>(&self, items: &Items<'a>, graph: &Neighbours<'a>) -> Result<BTreeSet<&'a str>, Finding> {
        let named = self.method.search(self.value, items, self.written)?;
        if named.is_empty() {
            let near = self.method.nearest(self.value, items).map(|near| format!("did you mean `{near}`?"));
            let finding = Finding::error(codes::SELECTS_NOTHING, format!("the selector `{}` matches nothing", self.written));
            return Err(near.into_iter().fold(finding, Finding::help));
        }
        let mut found = named.clone();
        if self.whole {
            let below = graph.children.walk(&named, usize::MAX);
            found.extend(graph.parents.walk(&below, usize::MAX));
        }
        found.extend(self.up.into_iter().flat_map(|depth| graph.parents.walk(&named, depth)));
        found.extend(self.down.into_iter().flat_map(|depth| graph.children.walk(&named, depth)));
        // Tests go with what they read.
        let tests: Vec<&str> = found.iter().flat_map(|id| graph.children.next(id)).filter(|id| items.is_test(id)).collect();
        found.extend(tests);
        Ok(found)
    }
}

#[allow(clippy::result_large_err, reason = "read once per run")]
fn generations(depth: &str, written: &str) -> Result<usize, Finding> {
    if depth.is_empty() {
        return Ok(usize::MAX);
    }
    depth.parse().map_err(|_| Finding::error(codes::BAD_SELECTOR, format!("`{depth}` in `{written}` is too many generations")))
}

/// Parents and children of everything that can be selected.
struct Neighbours<'a> {
    parents: Edges<'a>,
    children: Edges<'a>,
}

#[derive(Default)]
struct Edges<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Neighbours<'a> {
    fn of(items: &Items<'a>, project: &'a Project) -> Self {
        let mut all = Neighbours { parents: Edges::default(), children: Edges::default() };
        for child in items.ids() {
            for parent in project.parents(child).into_iter().filter(|parent| items.has(parent)) {
                all.parents.0.entry(child).or_default().push(parent);
                all.children.0.entry(parent).or_default().push(child);
            }
        }
        all
    }
}

impl<'a> Edges<'a> {
    fn next(&self, id: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(id).into_iter().flatten().copied()
    }

    /// `from` and what is at most `depth` steps away.
    fn walk(&self, from: &BTreeSet<&'a str>, depth: usize) -> BTreeSet<&'a str> {
        let mut reached = from.clone();
        let mut edge = from.clone();
        for _ in 0..depth {
            edge = edge.iter().flat_map(|id| self.next(id)).filter(|id| !reached.contains(id)).collect();
            if edge.is_empty() {
                break;
            }
            reached.extend(&edge);
        }
        reached
    }
}
