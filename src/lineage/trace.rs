//! The whole project: each model is read once its parents were, several at a time, or taken from the cache; then all become one graph.
//!
//! What one model says is in `model`, the graph in `merge`. Not for single expressions (see `reads`).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rayon::{Scope, ThreadPoolBuilder};

use super::Lineage;
use super::cache::{Cache, Key};
use super::defined::defined;
use super::dialect::manners;
use super::kind::Types;
use super::merge::Merger;
use super::model::{self, Ground};
use super::parse::{self, Read, Unclear};
use super::relation::{Position, Relations, Schema};
use super::render;
use super::shape::{DECLARED, add_key};
use super::traced::Traced;
use super::typed;
use crate::dbt::{Node, NodeKind, Project};
use crate::jinja::Renderer;

/// Derives the lineage of every relation of the project. Never fails: what cannot be read becomes assumed edges and a [`super::Problem`].
pub fn trace(project: &Project) -> Lineage {
    trace_cached(project, &[]).0
}

/// The same, with what an earlier call kept: a model whose SQL and whose parents' columns are as they were is not read again. The second value
/// is what to keep for the next call, `None` when `kept` still says it all. Anything may be in `kept`: what is not understood of it is ignored.
pub fn trace_cached(project: &Project, kept: &[u8]) -> (Lineage, Option<Vec<u8>>) {
    let order = in_order(project, project.nodes.values());
    let relations = Relations::of(order.iter().copied());
    let cache = Cache::new(kept, &project.adapter);
    let done = Work::new(project, &order, &relations, &cache, Vec::new()).run();
    let keep = cache.next(done.iter().flatten().filter_map(|done| Some((done.key.as_ref()?, done.traced.as_ref().ok()?, done.from_cache))));
    let mut lineage = put_together(&order, &relations, done);
    lineage.relations = Some(Arc::new(relations));
    (lineage, keep)
}

/// What was read of each model, in their order, as one graph.
pub(super) fn put_together(order: &[&Node], relations: &Relations, done: Vec<Option<Done>>) -> Lineage {
    let mut merger = Merger::new();
    for (at, node) in order.iter().enumerate() {
        match relations.schema(at) {
            Some(schema) => merger.add(node, schema),
            None => merger.add(node, &listed(node, Types::Plain)),
        }
    }
    for (at, (node, done)) in order.iter().zip(done).enumerate() {
        match done.map(|done| done.traced) {
            Some(Ok(traced)) => merger.draw(relations, at, node, traced),
            Some(Err(error)) => merger.assume(node, error),
            None if matches!(node.kind, NodeKind::Model | NodeKind::Snapshot) => {
                merger.assume(node, Unclear::new("its SQL broke the parser"));
            }
            None => {}
        }
    }
    merger.finish(order, relations)
}

/// One model, finished.
pub(super) struct Done {
    pub(super) traced: Read<Traced>,
    pub(super) key: Option<Key>,
    pub(super) from_cache: bool,
}

/// All models, some of them finished.
pub(super) struct Work<'p> {
    ground: Ground<'p>,
    order: &'p [&'p Node],
    cache: &'p Cache<'p>,
    /// For each model its parents that come before it.
    parents: Vec<BTreeSet<Position>>,
    children: Vec<Vec<Position>>,
    /// Keys that dbt's tests declare, by unique id.
    declared: HashMap<&'p str, Vec<Vec<String>>>,
    /// For each model the parents that are not finished.
    waits_for: Vec<AtomicUsize>,
    /// What is known of a model before anything is read; empty, where nothing is.
    known: Vec<Mutex<Option<Done>>>,
    done: Vec<OnceLock<Done>>,
}

impl<'p> Work<'p> {
    /// `relations` are those of `order`, and may have others after them, of which only the names are known.
    pub(super) fn new(
        project: &'p Project,
        order: &'p [&'p Node],
        relations: &'p Relations,
        cache: &'p Cache<'p>,
        known: Vec<Option<Done>>,
    ) -> Self {
        let made = |at: &Position| !relations.is_given(*at);
        let before = |(at, node): (Position, &&Node)| {
            node.depends_on.iter().filter_map(|id| relations.position(id)).filter(|&parent| parent < at).collect::<BTreeSet<_>>()
        };
        let known = known.into_iter().map(Mutex::new).collect();
        let parents: Vec<BTreeSet<Position>> = order.iter().enumerate().map(before).collect();
        let mut children = vec![Vec::new(); order.len()];
        for (at, parents) in parents.iter().enumerate() {
            parents.iter().filter(|parent| made(parent)).for_each(|&parent| children[parent].push(at));
        }
        let waits_for = parents.iter().map(|parents| AtomicUsize::new(parents.iter().filter(|parent| made(parent)).count())).collect();
        let done = order.iter().map(|_| OnceLock::new()).collect();
        let manners = manners(&project.adapter);
        let macros = defined(&project.on_run_start, &manners);
        let ground = Ground { project, relations, manners, renderer: Renderer::new(project), macros };
        Work { ground, order, cache, parents, children, declared: declared_keys(project), waits_for, known, done }
    }

    /// Keys that are proven, with those that are declared of the same relation.
    fn with_declared(&self, at: Position, names: &[impl AsRef<str>], mut keys: Vec<BTreeSet<usize>>) -> Vec<BTreeSet<usize>> {
        for columns in self.declared.get(self.order[at].unique_id.as_str()).into_iter().flatten() {
            let found = |column: &String| names.iter().position(|name| name.as_ref().to_lowercase() == *column);
            if let Some(key) = columns.iter().map(found).collect::<Option<BTreeSet<usize>>>() {
                add_key(&mut keys, key.into_iter().chain([DECLARED]).collect());
            }
        }
        keys
    }

    /// Reads every model. What no thread could be started for stays unread.
    pub(super) fn run(self) -> Vec<Option<Done>> {
        for (at, node) in self.order.iter().enumerate().filter(|(at, _)| self.ground.relations.is_given(*at)) {
            let (names, complete) = listed_names(node);
            let keys = self.with_declared(at, &names, Vec::new());
            let kinds = typed::listed(node, self.ground.manners.types);
            self.ground.relations.add(at, Schema::new(&node.unique_id, names.into_iter().zip(kinds), complete, keys));
        }
        let ready: Vec<Position> = (0..self.order.len())
            .filter(|&at| !self.ground.relations.is_given(at) && self.waits_for[at].load(Ordering::Relaxed) == 0)
            .collect();
        let pool = ThreadPoolBuilder::new().stack_size(parse::STACK).thread_name(|at| format!("lineage-{at}")).build();
        if let Ok(pool) = pool {
            let work = &self;
            pool.scope(|scope| ready.into_iter().for_each(|at| scope.spawn(move |scope| work.follow(at, scope))));
        }
        for (at, node) in self.order.iter().enumerate().filter(|(at, _)| self.ground.relations.schema(*at).is_none()) {
            self.ground.relations.add(at, listed(node, self.ground.manners.types));
        }
        self.done.into_iter().map(OnceLock::into_inner).collect()
    }

    /// Reads a model, then those that waited for nothing else.
    fn follow<'s>(&'s self, at: Position, scope: &Scope<'s>) {
        let mut next = Some(at);
        while let Some(at) = next.take() {
            self.finish(at);
            for &child in &self.children[at] {
                if self.waits_for[child].fetch_sub(1, Ordering::AcqRel) == 1 {
                    match next {
                        None => next = Some(child),
                        Some(_) => scope.spawn(move |scope| self.follow(child, scope)),
                    }
                }
            }
        }
    }

    fn finish(&self, at: Position) {
        let done = catch_unwind(AssertUnwindSafe(|| self.one(at)));
        let done = done.unwrap_or_else(|_| Done { traced: Err(Unclear::new("its SQL broke the parser")), key: None, from_cache: false });
        let schema = match &done.traced {
            Ok(traced) => {
                let position = |&at: &u32| if at == u32::MAX { DECLARED } else { at as usize };
                let kinds = typed::of_model(self.order[at], traced, self.ground.manners.types);
                let keys = traced.keys.iter().map(|key| key.iter().map(position).collect());
                let keys = keys.filter(|key| typed::keeps(self.order[at], traced, &kinds, key)).collect();
                let keys = self.with_declared(at, &traced.columns, keys);
                let columns = traced.columns.iter().map(String::as_str).zip(kinds);
                Schema::new(&self.order[at].unique_id, columns, traced.complete, keys)
            }
            Err(_) => listed(self.order[at], self.ground.manners.types),
        };
        self.ground.relations.add(at, schema);
        let _ = self.done[at].set(done);
    }

    fn one(&self, at: Position) -> Done {
        let (node, parents) = (self.order[at], &self.parents[at]);
        if let Some(known) = self.known.get(at).and_then(|known| known.lock().ok()?.take()) {
            return known;
        }
        let texts = match render::sql_of(&self.ground.renderer, self.ground.project, node) {
            Ok(texts) => texts,
            Err(error) => return Done { traced: Err(error), key: None, from_cache: false },
        };
        let key = self.cache.key(self.ground.project, node, &texts);
        if let Some(traced) = self.cache.find(&key).filter(|traced| self.holds(traced, parents)) {
            return Done { traced: Ok(traced), key: Some(key), from_cache: true };
        }
        let traced = model::read(&self.ground, at, node, parents.clone(), &texts);
        Done { traced, key: Some(key), from_cache: false }
    }

    /// Whether what was kept of a model would be read again: its names mean what they meant, and have the columns that they had.
    fn holds(&self, traced: &Traced, parents: &BTreeSet<Position>) -> bool {
        let relations = self.ground.relations;
        let seen: HashMap<u32, &[u8; 16]> = traced.seen.iter().map(|(at, fingerprint)| (*at, fingerprint)).collect();
        let same = |(at, id): (usize, &String)| {
            let position = relations.position(id).filter(|at| relations.is_given(*at) || parents.contains(at));
            let now = position.and_then(|at| relations.schema(at)).map(|schema| &schema.fingerprint);
            now == u32::try_from(at).ok().and_then(|at| seen.get(&at)).copied()
        };
        let means = |(name, id): &(String, Option<String>)| match (relations.find(name, parents), id) {
            (super::relation::Named::One(at), Some(id)) => **relations.id(at) == **id,
            (super::relation::Named::None | super::relation::Named::Several, None) => true,
            (super::relation::Named::One(_), None) | (super::relation::Named::None | super::relation::Named::Several, Some(_)) => false,
        };
        traced.looked_up.iter().all(means) && traced.relations.iter().enumerate().all(same)
    }
}

/// The columns that the artifacts name, and whether these are all.
fn listed_names(node: &Node) -> (Vec<&str>, bool) {
    let columns = node.catalog_columns.as_ref();
    (columns.unwrap_or(&node.columns).iter().map(|column| column.name.as_str()).collect(), columns.is_some())
}

fn listed(node: &Node, types: Types) -> Schema {
    let (names, complete) = listed_names(node);
    Schema::new(&node.unique_id, names.into_iter().zip(typed::listed(node, types)), complete, Vec::new())
}

/// The columns in which dbt's tests say that every two rows differ, by the unique id of the relation. A test that only warns says nothing, nor does
/// one that tolerates some copies.
fn declared_keys(project: &Project) -> HashMap<&str, Vec<Vec<String>>> {
    let mut keys: HashMap<&str, Vec<Vec<String>>> = HashMap::new();
    let none_passes = |test: &&crate::dbt::Test| {
        matches!(test.error_if.replace(' ', "").as_str(), "!=0" | "<>0" | ">0" | ">=1") && test.fail_calc.trim() == "count(*)"
    };
    for test in project.tests.values().filter(|test| !test.warns_only && test.filter.is_none()).filter(none_passes) {
        let columns = match (test.test_name.as_deref(), &test.column_name) {
            (Some("unique"), Some(column)) => Some(vec![column.to_lowercase()]),
            (Some("unique_combination_of_columns"), _) => test
                .kwargs
                .get("combination_of_columns")
                .and_then(|list| list.as_array())
                .and_then(|list| list.iter().map(|name| name.as_str().map(str::to_lowercase)).collect()),
            _ => None,
        };
        if let (Some(columns), Some(node)) = (columns, &test.attached_node) {
            keys.entry(node).or_default().push(columns);
        }
    }
    keys
}

/// Parents before children; ties by the order of the roots (unique ids). A cycle is cut where it is found.
pub(super) fn in_order<'p>(project: &'p Project, roots: impl Iterator<Item = &'p Node>) -> Vec<&'p Node> {
    let (mut order, mut seen) = (Vec::with_capacity(project.nodes.len()), HashSet::new());
    for root in roots {
        let mut stack = vec![(root, false)];
        while let Some((node, done)) = stack.pop() {
            if done {
                order.push(node);
            } else if seen.insert(node.unique_id.as_str()) {
                stack.push((node, true));
                stack.extend(node.depends_on.iter().rev().filter_map(|id| project.nodes.get(id)).map(|parent| (parent, false)));
            }
        }
    }
    order
}
