//! The lineage of some relations: of these and all that is upstream of them, no other model is read.
//!
//! For a command that is about a few reports of a large project. Whoever works with such a lineage asks, and what is asked of a relation that was not
//! traced is remembered ([`Lineage::asked`]): then the answer holds only after a trace that has it. Not for how a model is read (see `trace`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use super::Lineage;
use super::cache::{Cache, Key};
use super::parse::Unclear;
use super::relation::{Relations, Schema, full_name};
use super::trace::{Done, Work, in_order, put_together};
use super::traced::Traced;
use crate::dbt::{Node, NodeKind, Project};

/// Hash of the sources of this room and of the locked dependencies, made when the program is built.
const CODE: &str = env!("PRESSCHECK_LINEAGE_CODE");
const HASH: usize = 32;

/// What was read of models, kept for the next run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// Nodes (unique ids) that are one relation of the warehouse.
    same: Vec<Vec<String>>,
    read: BTreeMap<String, Model>,
}

/// Why a model could not be read, and where in its text.
type Unread = (String, Option<(u32, u32)>);

/// One model, read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Model {
    /// Of its text and its surroundings, where it has a text.
    key: Option<Key>,
    /// What was read of it, or why it could not be.
    read: Result<Vec<u8>, Unread>,
}

impl Models {
    /// As bytes, with a hash of all that they were read from.
    pub fn pack(&self, of: &blake3::Hash) -> Option<Vec<u8>> {
        let bytes = [head().as_bytes().as_slice(), of.as_bytes(), &[0; HASH]].concat();
        let mut bytes = postcard::to_extend(self, bytes).ok()?;
        let sum = blake3::hash(bytes.get(3 * HASH..)?);
        bytes.get_mut(2 * HASH..3 * HASH)?.copy_from_slice(sum.as_bytes());
        Some(bytes)
    }

    /// What [`Models::pack`] wrote, and whether it was of the same; none, if it was another program or is no longer whole.
    pub fn unpack(bytes: &[u8], of: &blake3::Hash) -> (Models, bool) {
        let read = || {
            let (found, rest) = bytes.strip_prefix(head().as_bytes().as_slice())?.split_first_chunk::<HASH>()?;
            let (sum, body) = rest.split_first_chunk::<HASH>()?;
            let models = (blake3::hash(body) == *sum).then(|| postcard::from_bytes(body).ok())??;
            Some((models, of == found))
        };
        read().unwrap_or_default()
    }
}

fn head() -> blake3::Hash {
    blake3::hash(format!("presscheck models 1\n{CODE}").as_bytes())
}

/// What there is to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Before<'k> {
    /// What [`trace_reaching`] gave back.
    pub models: &'k Models,
    /// Whether it gave it back for this very project: the same artifacts, the same variables, the same program. Then nothing is compared.
    pub same: bool,
    /// What [`super::trace_cached`] gave back, of whatever project.
    pub kept: &'k [u8],
    /// Whether the project has the texts of its models.
    pub has_texts: bool,
}

/// The part of a project that a lineage is of.
#[derive(Debug)]
pub(super) struct Part {
    /// Columns and keys of the relations that were traced, by unique id.
    schemas: HashMap<String, Option<Schema>>,
    /// All names of the project, for queries; made when one is read.
    relations: OnceLock<Arc<Relations>>,
    asked: Mutex<BTreeSet<String>>,
}

impl Part {
    /// The names of the whole project, with the columns and keys of what was traced.
    pub(super) fn relations(&self, project: &Project) -> Arc<Relations> {
        let made = self.relations.get_or_init(|| {
            let relations = Relations::of(project.nodes.values());
            for (id, schema) in &self.schemas {
                if let (Some(at), Some(schema)) = (relations.position(id), schema) {
                    relations.add(at, schema.clone());
                }
            }
            Arc::new(relations)
        });
        Arc::clone(made)
    }

    pub(super) fn ask(&self, relation: &str) {
        if !self.schemas.contains_key(relation)
            && let Ok(mut asked) = self.asked.lock()
            && !asked.contains(relation)
        {
            asked.insert(relation.to_owned());
        }
    }

    pub(super) fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }
}

/// The lineage of the relations that are wanted (unique ids) and of all that is upstream of them. The second value is what to keep for the next call, `None`
/// when `before` says it all. `None`: a model must be read whose text the project does not have.
pub fn trace_reaching(project: &Project, wanted: &BTreeSet<String>, before: Before<'_>) -> Option<(Lineage, Option<Models>)> {
    let found;
    let same: &[Vec<String>] = if before.same {
        &before.models.same
    } else {
        found = same(project);
        &found
    };
    let cached = before.models.read.values().filter_map(|model| Some((model.key?, model.read.as_deref().ok()?)));
    let cache = Cache::new(before.kept, &project.adapter).with(cached.filter(|_| !before.same));
    let mut wanted: BTreeSet<&str> = wanted.iter().filter_map(|id| Some(project.nodes.get_key_value(id)?.0.as_str())).collect();
    loop {
        let chosen = upstream(project, &wanted, same);
        let order = in_order(project, chosen.iter().filter_map(|id| project.nodes.get(*id)));
        let known: Vec<Option<Done>> = order.iter().map(|node| known(node, &before)).collect();
        let all_known = order.iter().zip(&known).all(|(node, known)| known.is_some() || !is_made(node));
        if !all_known && !before.has_texts {
            return None;
        }
        // Names of others matter to who looks one up.
        let others = project.nodes.values().filter(|node| !all_known && !chosen.contains(node.unique_id.as_str()));
        let relations = Relations::of(order.iter().copied().chain(others));
        let done = Work::new(project, &order, &relations, &cache, known).run();
        let named = done.iter().flatten().filter_map(|done| done.traced.as_ref().ok()).flat_map(|traced| &traced.relations);
        let further: BTreeSet<&str> =
            named.filter_map(|id| Some(project.nodes.get_key_value(id)?.0.as_str())).filter(|id| !chosen.contains(id)).collect();
        if further.is_empty() {
            let models = to_keep(same, &order, &done, &before);
            let mut lineage = put_together(&order, &relations, done);
            let schemas = order.iter().enumerate().map(|(at, node)| (node.unique_id.clone(), relations.schema(at).cloned()));
            let part = Part { schemas: schemas.collect(), relations: OnceLock::new(), asked: Mutex::default() };
            lineage.part = Some(Arc::new(part));
            return Some((lineage, models));
        }
        wanted.extend(further);
    }
}

/// Whether SQL of the project makes it.
fn is_made(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Model | NodeKind::Snapshot)
}

/// The relations that are wanted, all their ancestors, and what is the same relation as one of these, with its ancestors.
fn upstream<'p>(project: &'p Project, wanted: &BTreeSet<&'p str>, same: &'p [Vec<String>]) -> BTreeSet<&'p str> {
    let twins: HashMap<&str, &Vec<String>> = same.iter().flat_map(|all| all.iter().map(move |id| (id.as_str(), all))).collect();
    let mut waiting: Vec<&str> = wanted.iter().copied().collect();
    let mut reached: HashSet<&str> = wanted.iter().copied().collect();
    while let Some(at) = waiting.pop() {
        let parents = project.nodes.get(at).map(|node| node.depends_on.as_slice()).unwrap_or_default();
        let twins = twins.get(at).map(|all| all.as_slice()).unwrap_or_default();
        for next in parents.iter().chain(twins).filter(|next| project.nodes.contains_key(*next)) {
            if reached.insert(next) {
                waiting.push(next);
            }
        }
    }
    reached.into_iter().collect()
}

/// What an earlier run of this very project read of a model.
fn known(node: &Node, before: &Before<'_>) -> Option<Done> {
    let model = before.models.read.get(&node.unique_id).filter(|_| before.same)?;
    let traced = match &model.read {
        Ok(bytes) => Ok(postcard::from_bytes::<Traced>(bytes).ok().filter(Traced::is_consistent)?),
        Err((message, place)) => Err(Unclear { message: message.clone(), place: *place }),
    };
    Some(Done { traced, key: model.key, from_cache: true })
}

fn to_keep(same: &[Vec<String>], order: &[&Node], done: &[Option<Done>], before: &Before<'_>) -> Option<Models> {
    let read: Vec<(&&Node, &Done)> = order.iter().zip(done).filter_map(|(node, done)| Some((node, done.as_ref()?))).collect();
    if before.same && read.iter().all(|(node, _)| before.models.read.contains_key(&node.unique_id)) {
        return None;
    }
    let mut models = if before.same { before.models.clone() } else { Models { same: same.to_vec(), read: BTreeMap::new() } };
    for (node, done) in read {
        let read = match &done.traced {
            Ok(traced) => Ok(postcard::to_allocvec(traced).ok()?),
            Err(unclear) => Err((unclear.message.clone(), unclear.place)),
        };
        models.read.insert(node.unique_id.clone(), Model { key: done.key, read });
    }
    Some(models)
}

/// Nodes that are one and the same relation of the warehouse.
fn same(project: &Project) -> Vec<Vec<String>> {
    let mut named: HashMap<String, Vec<&str>> = HashMap::with_capacity(project.nodes.len());
    for node in project.nodes.values() {
        if let Some(name) = full_name(node) {
            named.entry(name.join(".")).or_default().push(&node.unique_id);
        }
    }
    let several = named.into_values().filter(|all| all.len() > 1);
    let mut same: Vec<Vec<String>> = several.map(|all| all.into_iter().map(str::to_owned).collect()).collect();
    same.sort();
    same
}
