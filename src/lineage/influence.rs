//! Sets of influences inside one statement: which nodes a value or a row depends on, and how.
//!
//! Cheap to copy, because `select *` through ten CTEs repeats the same sets: a copy costs a pointer, and the commonest set, one node, not even
//! that. Not for edges of the graph, which are drawn once per model from these sets.

use std::rc::Rc;

use super::graph::{EdgeKind, NodeIndex};

/// From here on, numbers are no nodes: each stands for one computed column of the statement, so that a column of the same model that is computed
/// from it can be told ([`Influences::everything`]).
pub(super) const FIRST_COMPUTED: NodeIndex = 1 << 31;

/// Nodes with the way in which each counts; for two ways, the more direct one (known before assumed). In order of the nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Influences(Set);

#[derive(Debug, Clone, Default)]
enum Set {
    #[default]
    Empty,
    One((NodeIndex, EdgeKind)),
    Many(Rc<Vec<(NodeIndex, EdgeKind)>>),
}

impl Influences {
    /// One node.
    pub(super) fn of(node: NodeIndex, kind: EdgeKind) -> Self {
        Influences(Set::One((node, kind)))
    }
    fn list(&self) -> &[(NodeIndex, EdgeKind)] {
        match &self.0 {
            Set::Empty => &[],
            Set::One(one) => std::slice::from_ref(one),
            Set::Many(many) => many,
        }
    }
    /// All of both.
    pub(super) fn add(&mut self, other: &Influences) {
        let (mine, theirs) = (self.list(), other.list());
        if theirs.is_empty() || std::ptr::eq(mine, theirs) {
            return;
        }
        if mine.is_empty() {
            self.0 = other.0.clone();
        } else if !covers(mine, theirs) {
            if covers(theirs, mine) {
                self.0 = other.0.clone();
            } else {
                self.0 = Set::Many(Rc::new(union(mine, theirs)));
            }
        }
    }
    /// The same with others added.
    pub(super) fn with(mut self, other: &Influences) -> Self {
        self.add(other);
        self
    }
    /// The same influences seen through one more step.
    pub(super) fn through(&self, kind: EdgeKind) -> Self {
        let list = self.list();
        if kind == EdgeKind::Identity || list.iter().all(|&(_, inner)| compose(kind, inner) == inner) {
            return self.clone();
        }
        let step = |&(node, inner): &(NodeIndex, EdgeKind)| (node, compose(kind, inner));
        Influences(match list {
            [one] => Set::One(step(one)),
            many => Set::Many(Rc::new(many.iter().map(step).collect())),
        })
    }
    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }
    /// The nodes, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeIndex, EdgeKind)> + '_ {
        self.everything().filter(|(node, _)| *node < FIRST_COMPUTED)
    }
    /// The nodes, in order, then the computed columns of the statement.
    pub(super) fn everything(&self) -> impl Iterator<Item = (NodeIndex, EdgeKind)> + '_ {
        self.list().iter().copied()
    }
    /// Whether two sets name the same nodes; for the fixed point of a recursion.
    pub(super) fn same_nodes(&self, other: &Influences) -> bool {
        self.list().iter().map(|(node, _)| node).eq(other.list().iter().map(|(node, _)| node))
    }
}

/// Whether all of `small` is in `large`, at least as directly.
fn covers(large: &[(NodeIndex, EdgeKind)], small: &[(NodeIndex, EdgeKind)]) -> bool {
    let mut rest = large.iter();
    small.len() <= large.len()
        && small.iter().all(|(node, kind)| rest.find(|(have, _)| have >= node).is_some_and(|(have, way)| have == node && way <= kind))
}

fn union(left: &[(NodeIndex, EdgeKind)], right: &[(NodeIndex, EdgeKind)]) -> Vec<(NodeIndex, EdgeKind)> {
    let mut all = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().copied().peekable(), right.iter().copied().peekable());
    while let (Some(&a), Some(&b)) = (left.peek(), right.peek()) {
        all.push(match a.0.cmp(&b.0) {
            std::cmp::Ordering::Less => (left.next(), a).1,
            std::cmp::Ordering::Greater => (right.next(), b).1,
            std::cmp::Ordering::Equal => {
                left.next();
                right.next();
                (a.0, a.1.min(b.1))
            }
        });
    }
    all.extend(left.chain(right));
    all
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
