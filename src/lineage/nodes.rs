//! The nodes that one statement refers to, numbered for that statement alone: so each model is read by itself, in any thread.
//!
//! A relation that is entered gets a block of numbers: its listed columns, rows lost, rows added. Columns that no list has get theirs when they are
//! named. Not for edges.

use std::collections::HashMap;
use std::sync::Arc;

use super::graph::{EdgeKind, NodeIndex, PartName};
use super::influence::{Influences, Rows};
use super::relation::Schema;
use super::traced::TracedPart;

/// Position of a relation among those that a statement refers to.
pub(super) type RelationIndex = u32;

/// The relations and nodes of one statement.
#[derive(Debug, Default)]
pub(super) struct Nodes<'p> {
    relations: Vec<Entered<'p>>,
    by_id: HashMap<Arc<str>, RelationIndex>,
    /// For each node, its relation and its position there.
    list: Vec<(RelationIndex, u32)>,
}

#[derive(Debug)]
struct Entered<'p> {
    id: Arc<str>,
    schema: Option<&'p Schema>,
    /// Number of its first column.
    first: NodeIndex,
    /// Columns that no list has: name and number.
    unlisted: Vec<(Arc<str>, NodeIndex)>,
}

impl<'p> Nodes<'p> {
    /// The relation of a unique id, entered when new.
    pub(super) fn enter(&mut self, id: &Arc<str>, schema: Option<&'p Schema>) -> RelationIndex {
        if let Some(&known) = self.by_id.get(id) {
            return known;
        }
        let at = index(self.relations.len());
        let first = index(self.list.len());
        let parts = schema.map_or(0, |schema| schema.columns.len()) + 2;
        self.list.extend((0..index(parts)).map(|position| (at, position)));
        self.relations.push(Entered { id: Arc::clone(id), schema, first, unlisted: Vec::new() });
        self.by_id.insert(Arc::clone(id), at);
        at
    }
    /// The unique id of a relation.
    pub(super) fn id(&self, relation: RelationIndex) -> &Arc<str> {
        &self.relations[relation as usize].id
    }
    /// The columns of a relation, if it was entered with them.
    pub(super) fn schema(&self, relation: RelationIndex) -> Option<&'p Schema> {
        self.relations[relation as usize].schema
    }
    /// How many relations were entered.
    pub(super) fn relations(&self) -> usize {
        self.relations.len()
    }
    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
    /// The influence of a listed column, by position.
    pub(super) fn listed(&self, relation: RelationIndex, position: usize, kind: EdgeKind) -> Influences {
        Influences::of(self.relations[relation as usize].first + index(position), kind)
    }
    /// The influence of a column, by lower-cased name.
    pub(super) fn column(&mut self, relation: RelationIndex, lower: &str, kind: EdgeKind) -> Influences {
        Influences::of(self.number(relation, lower), kind)
    }
    fn number(&mut self, relation: RelationIndex, lower: &str) -> NodeIndex {
        let entered = &mut self.relations[relation as usize];
        let listed = entered.schema.and_then(|schema| schema.columns.iter().position(|column| &*column.lower == lower));
        if let Some(position) = listed {
            return entered.first + index(position);
        }
        if let Some((_, number)) = entered.unlisted.iter().find(|(name, _)| &**name == lower) {
            return *number;
        }
        let number = index(self.list.len());
        let listed = entered.schema.map_or(0, |schema| schema.columns.len());
        self.list.push((relation, index(listed + 2 + entered.unlisted.len())));
        entered.unlisted.push((lower.into(), number));
        number
    }
    /// The rows of a relation.
    pub(super) fn rows(&self, relation: RelationIndex, kind: EdgeKind) -> Rows {
        let entered = &self.relations[relation as usize];
        let after = entered.first + index(entered.schema.map_or(0, |schema| schema.columns.len()));
        Rows { lost: Influences::of(after, kind), added: Influences::of(after + 1, kind) }
    }
    /// What a number stands for, apart from this statement.
    pub(super) fn traced(&self, node: NodeIndex) -> (RelationIndex, TracedPart) {
        let (relation, position) = self.list[node as usize];
        let listed = self.relations[relation as usize].schema.map_or(0, |schema| schema.columns.len());
        let part = match self.at(node).1 {
            PartName::Column(_) if (position as usize) < listed => TracedPart::Listed(position),
            PartName::Column(name) => TracedPart::Named(name.to_owned()),
            PartName::RowsLost => TracedPart::RowsLost,
            PartName::RowsAdded => TracedPart::RowsAdded,
        };
        (relation, part)
    }
    /// What a number stands for.
    pub(super) fn at(&self, node: NodeIndex) -> (RelationIndex, PartName<'_>) {
        let (relation, position) = self.list[node as usize];
        let entered = &self.relations[relation as usize];
        let columns = entered.schema.map_or(&[][..], |schema| &schema.columns);
        let position = position as usize;
        let part = match position.checked_sub(columns.len()) {
            None => PartName::Column(&columns[position].lower),
            Some(0) => PartName::RowsLost,
            Some(1) => PartName::RowsAdded,
            Some(unlisted) => PartName::Column(&entered.unlisted[unlisted - 2].0),
        };
        (relation, part)
    }
}

/// Numbers of one statement: the caps on its text keep them far below the limit.
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
