//! What of the graph people look at: the upstream of some nodes to some depth, with what stands twice drawn once.
//!
//! Two names of one relation of the warehouse (a source declared over a seed's table) are one; rows lost and rows added are one `rows` where the same
//! decides about both. What the depth cuts off is counted, never left out in silence.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Guards, Names, edge_word};
use crate::lineage::{Graph, NodeIndex, Part};

/// See the module.
#[derive(Debug)]
pub struct View {
    pub(super) nodes: Vec<Seen>,
    /// By index in `nodes`, in order and each once.
    pub(super) targets: Vec<usize>,
    /// Nodes that are further up than the depth allows.
    pub(super) cut: usize,
    /// Further names of relations that have several.
    also: BTreeMap<String, Vec<String>>,
}

/// One node as people see it.
#[derive(Debug)]
pub(super) struct Seen {
    /// `stg_orders`; of a table with several names the one that models say.
    pub relation: String,
    /// `amount`, `rows`, `rows lost`, `rows added`.
    pub part: String,
    pub is_column: bool,
    /// Names of the checks that watch it.
    pub guards: Vec<String>,
    /// What influences it: index in `nodes` and the words of the edges.
    pub above: Vec<(usize, String)>,
    /// Further influences that the depth cut off.
    pub cut: usize,
}

impl Seen {
    /// `stg_orders.amount`, `stg_orders rows`.
    pub fn label(&self) -> String {
        if self.is_column { format!("{}.{}", self.relation, self.part) } else { format!("{} {}", self.relation, self.part) }
    }
    /// The checks, the first few by name.
    pub fn checks(&self) -> Option<String> {
        const NAMED: usize = 3;
        let more = self.guards.len().saturating_sub(NAMED);
        let named = self.guards.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match (self.guards.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(named),
            (false, more) => Some(format!("{named} and {more} more")),
        }
    }
}

/// A node of the view before it is drawn: index of its relation, and its part.
type Key<'g> = (usize, Drawn<'g>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Drawn<'g> {
    Column(&'g str),
    Rows,
    RowsLost,
    RowsAdded,
}

type Above<'g> = BTreeMap<Key<'g>, BTreeSet<&'static str>>;

impl View {
    /// The upstream of `targets`, `depth` steps far.
    pub fn new(graph: &Graph, targets: &[NodeIndex], names: Names<'_>, guards: Guards<'_>, depth: usize) -> View {
        let reached: Vec<NodeIndex> = graph.upstream_of(targets, false).into_keys().collect();
        let relations = Relations::of(graph, &reached, names);
        let split = relations.split(graph, &reached);
        let key = |index: NodeIndex| relations.key(graph, index, &split);
        let mut above: BTreeMap<Key<'_>, Above<'_>> = BTreeMap::new();
        let mut checks: BTreeMap<Key<'_>, BTreeSet<String>> = BTreeMap::new();
        for &index in &reached {
            relations.influences(graph, index, &split, above.entry(key(index)).or_default());
            checks.entry(key(index)).or_default().extend(guards(index));
        }
        let wanted: BTreeSet<Key<'_>> = targets.iter().map(|&target| key(target)).collect();
        let near = near(&wanted, &above, depth);
        let mut order: Vec<Key<'_>> = near.into_iter().collect();
        order.sort_by_key(|(relation, part)| (&relations.spoken[*relation], *part));
        let place: BTreeMap<Key<'_>, usize> = order.iter().enumerate().map(|(at, key)| (*key, at)).collect();
        let seen = |key: &Key<'_>| {
            let all = above.get(key).into_iter().flatten();
            let mut drawn: Vec<(usize, String)> =
                all.filter_map(|(from, words)| Some((*place.get(from)?, words.iter().copied().collect::<Vec<_>>().join(", ")))).collect();
            drawn.sort_by_key(|(from, _)| (!matches!(order[*from].1, Drawn::Column(_)), *from));
            let (part, is_column) = match key.1 {
                Drawn::Column(name) => (name, true),
                Drawn::Rows => ("rows", false),
                Drawn::RowsLost => ("rows lost", false),
                Drawn::RowsAdded => ("rows added", false),
            };
            Seen {
                relation: relations.spoken[key.0].clone(),
                part: part.to_owned(),
                is_column,
                guards: checks.get(key).into_iter().flatten().cloned().collect(),
                cut: above.get(key).map_or(0, BTreeMap::len) - drawn.len(),
                above: drawn,
            }
        };
        View {
            nodes: order.iter().map(seen).collect(),
            targets: wanted.iter().filter_map(|key| place.get(key).copied()).collect::<BTreeSet<_>>().into_iter().collect(),
            cut: above.len() - order.len(),
            also: relations.also,
        }
    }

    /// Relations that stand in the view and have further names.
    pub(super) fn of_several_names(&self) -> impl Iterator<Item = (&str, &[String])> {
        let drawn: BTreeSet<&str> = self.nodes.iter().map(|node| node.relation.as_str()).collect();
        self.also.iter().map(|(name, also)| (name.as_str(), also.as_slice())).filter(move |(name, _)| drawn.contains(name))
    }

    /// A relation by all of its names: `raw.orders = orders`.
    pub(super) fn all_names(&self, relation: &str) -> String {
        let also = self.also.get(relation).into_iter().flatten().map(String::as_str);
        std::iter::once(relation).chain(also).collect::<Vec<_>>().join(" = ")
    }

    /// The nodes of each relation, in order.
    pub(super) fn relations(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut relations: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            relations.entry(&node.relation).or_default().push(at);
        }
        relations
    }
}

/// The nodes not further than `depth` steps.
fn near<'g>(targets: &BTreeSet<Key<'g>>, above: &BTreeMap<Key<'g>, Above<'g>>, depth: usize) -> BTreeSet<Key<'g>> {
    let mut near = targets.clone();
    let mut queue: VecDeque<(Key<'g>, usize)> = targets.iter().map(|key| (*key, 0)).collect();
    while let Some((key, far)) = queue.pop_front() {
        for from in above.get(&key).into_iter().flat_map(BTreeMap::keys).filter(|_| far < depth) {
            if near.insert(*from) {
                queue.push_back((*from, far + 1));
            }
        }
    }
    near
}

/// The unique ids of the relation of a node, the one that models name first: influence both ways between the same part of two relations says that
/// these are one table under two names.
pub fn same_table(graph: &Graph, index: NodeIndex) -> Vec<&str> {
    let node = graph.at(index);
    let mut same: Vec<&str> = vec![&node.relation];
    for &(from, _) in graph.influences(index) {
        let other = graph.at(from);
        let is_back = || graph.influences(from).iter().any(|(back, _)| *back == index);
        if other.relation != node.relation && other.part == node.part && is_back() {
            same.push(&other.relation);
        }
    }
    same.sort_by_key(|id| spoken_first(id));
    same.dedup();
    same
}

/// A source is what models name, not the seed below it.
fn spoken_first(id: &str) -> (bool, String) {
    (!id.starts_with("source."), id.to_owned())
}

/// Relations of the view; several unique ids may be one.
struct Relations<'g> {
    places: BTreeMap<&'g str, usize>,
    spoken: Vec<String>,
    also: BTreeMap<String, Vec<String>>,
}

impl<'g> Relations<'g> {
    fn of(graph: &'g Graph, reached: &[NodeIndex], names: Names<'_>) -> Self {
        let mut one: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for &index in reached {
            let node = graph.at(index);
            one.entry(&node.relation).or_default().extend(same_table(graph, index));
        }
        let (mut places, mut spoken, mut further) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        for (relation, same) in &one {
            if places.contains_key(relation) {
                continue;
            }
            let mut same: Vec<&str> = same.iter().copied().collect();
            same.sort_by_key(|id| spoken_first(id));
            places.extend(same.iter().map(|id| (*id, spoken.len())));
            let mut said = same.iter().map(|id| names(id));
            let first = said.next().unwrap_or_default();
            let others: Vec<String> = said.collect();
            if !others.is_empty() {
                further.insert(first.clone(), others);
            }
            spoken.push(first);
        }
        Relations { places, spoken, also: further }
    }

    fn place(&self, relation: &str) -> usize {
        self.places.get(relation).copied().unwrap_or_default()
    }

    fn key(&self, graph: &'g Graph, index: NodeIndex, split: &BTreeSet<usize>) -> Key<'g> {
        let node = graph.at(index);
        let relation = self.place(&node.relation);
        let part = match &node.part {
            Part::Column(column) => Drawn::Column(column),
            Part::RowsLost if split.contains(&relation) => Drawn::RowsLost,
            Part::RowsAdded if split.contains(&relation) => Drawn::RowsAdded,
            Part::RowsLost | Part::RowsAdded => Drawn::Rows,
        };
        (relation, part)
    }

    fn influences(&self, graph: &'g Graph, index: NodeIndex, split: &BTreeSet<usize>, into: &mut Above<'g>) {
        let own = self.key(graph, index, split);
        for &(from, edge) in graph.influences(index) {
            let from = self.key(graph, from, split);
            if from != own {
                into.entry(from).or_default().insert(edge_word(edge));
            }
        }
    }

    /// Relations whose lost and added rows do not depend on the same: begins with none, and looks again until no more are found, because rows that are
    /// told apart upstream may tell apart those below.
    fn split(&self, graph: &'g Graph, reached: &[NodeIndex]) -> BTreeSet<usize> {
        let mut rows: BTreeMap<usize, [Vec<NodeIndex>; 2]> = BTreeMap::new();
        for &index in reached {
            let node = graph.at(index);
            let sort = match node.part {
                Part::Column(_) => continue,
                Part::RowsLost => 0,
                Part::RowsAdded => 1,
            };
            rows.entry(self.place(&node.relation)).or_default()[sort].push(index);
        }
        let mut split: BTreeSet<usize> =
            rows.iter().filter(|(_, [lost, added])| lost.is_empty() != added.is_empty()).map(|(relation, _)| *relation).collect();
        loop {
            let above = |of: &[NodeIndex]| {
                let mut above = Above::new();
                of.iter().for_each(|&index| self.influences(graph, index, &split, &mut above));
                above
            };
            let differ: Vec<usize> = rows
                .iter()
                .filter(|(relation, [lost, added])| !split.contains(relation) && above(lost) != above(added))
                .map(|(relation, _)| *relation)
                .collect();
            if differ.is_empty() {
                return split;
            }
            split.extend(differ);
        }
    }
}
