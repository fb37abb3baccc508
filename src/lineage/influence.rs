//! Sets of influences inside one statement: which nodes of the graph a value or a row depends on, and how.
//!
//! Cheap to copy, because `select *` through ten CTEs repeats the same sets: a copy costs a pointer. Not for edges of the graph, which are drawn
//! once per model from these sets.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::graph::{EdgeKind, NodeIndex};

/// From here on, numbers are no nodes of the graph: each stands for one computed column of the statement, so that a column of the same model that
/// is computed from it can be told ([`Influences::everything`]).
pub(super) const FIRST_COMPUTED: NodeIndex = 1 << 31;

/// Nodes of the graph with the way in which each counts; for two ways, the more direct one (known before assumed).
#[derive(Debug, Clone, Default)]
pub(super) struct Influences(Rc<BTreeMap<NodeIndex, EdgeKind>>);

impl Influences {
    /// One node.
    pub(super) fn of(node: NodeIndex, kind: EdgeKind) -> Self {
        Influences(Rc::new(BTreeMap::from([(node, kind)])))
    }
    /// All of both.
    pub(super) fn add(&mut self, other: &Influences) {
        if other.0.is_empty() || Rc::ptr_eq(&self.0, &other.0) {
            return;
        }
        if self.0.is_empty() {
            self.0 = Rc::clone(&other.0);
            return;
        }
        if other.0.iter().all(|(node, kind)| self.0.get(node).is_some_and(|have| have <= kind)) {
            return;
        }
        let mine = Rc::make_mut(&mut self.0);
        for (&node, &kind) in other.0.iter() {
            mine.entry(node).and_modify(|have| *have = kind.min(*have)).or_insert(kind);
        }
    }
    /// The same with others added.
    pub(super) fn with(mut self, other: &Influences) -> Self {
        self.add(other);
        self
    }
    /// The same influences seen through one more step.
    pub(super) fn through(&self, kind: EdgeKind) -> Self {
        if kind == EdgeKind::Identity || self.0.values().all(|&inner| compose(kind, inner) == inner) {
            return self.clone();
        }
        Influences(Rc::new(self.0.iter().map(|(&node, &inner)| (node, compose(kind, inner))).collect()))
    }
    /// The nodes of the graph, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeIndex, EdgeKind)> + '_ {
        self.everything().filter(|(node, _)| *node < FIRST_COMPUTED)
    }
    /// The nodes of the graph, in order, then the computed columns of the statement.
    pub(super) fn everything(&self) -> impl Iterator<Item = (NodeIndex, EdgeKind)> + '_ {
        self.0.iter().map(|(&node, &kind)| (node, kind))
    }
    /// Whether two sets name the same nodes; for the fixed point of a recursion.
    pub(super) fn same_nodes(&self, other: &Influences) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || (self.0.len() == other.0.len() && self.0.keys().eq(other.0.keys()))
    }
}

/// What two steps make together: between values the stronger change; an indirect or assumed step stays what it is.
fn compose(outer: EdgeKind, inner: EdgeKind) -> EdgeKind {
    if inner > EdgeKind::Aggregation { inner } else { outer.max(inner) }
}

/// What decides which rows there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Rows that ought to be there are missing because of these.
    pub(super) lost: Influences,
    /// Rows are there twice, or ought not to be, because of these.
    pub(super) added: Influences,
}

impl Rows {
    /// Either way.
    pub(super) fn any(&self) -> Influences {
        self.lost.clone().with(&self.added)
    }
    /// `by` decides about rows, in both ways.
    pub(super) fn decided_by(&mut self, by: &Influences) {
        self.lost.add(by);
        self.added.add(by);
    }
    /// Rows of both.
    pub(super) fn join(&mut self, other: &Rows) {
        self.lost.add(&other.lost);
        self.added.add(&other.added);
    }
}
