//! What a query gives, as the query around it sees it: fields, what decides the rows, which fields tell the rows apart.
//!
//! Not for names of tables (see `scope`) and not for SQL.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::influence::{Influences, Rows};
use super::kind::Kind;
use super::nodes::RelationIndex;
use super::relation::ColumnName;

/// One column of a table or query.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// As written; compared in lower case.
    pub(super) written: Arc<str>,
    /// Lower-cased.
    pub(super) name: Arc<str>,
    /// What its values depend on.
    pub(super) from: Influences,
    /// The sort of its values.
    pub(super) kind: Kind,
    /// For `row_number()`.
    pub(super) numbers: Option<Numbering>,
}

/// How a `row_number()` counts.
#[derive(Debug, Clone)]
pub(super) struct Numbering {
    /// The fields (by position, of the same shape) that it is partitioned by. Rows numbered 1 are unique in these.
    pub(super) by: BTreeSet<usize>,
    /// Whether every row that was numbered is still there. Then each partition has its number 1, whatever the rows were ordered by; once rows were
    /// taken out in between, which partitions have one depends on that order, too.
    pub(super) whole: bool,
}

impl Field {
    pub(super) fn new(written: &str, from: Influences) -> Self {
        Field::named(&ColumnName::new(written), from)
    }
    pub(super) fn named(name: &ColumnName, from: Influences) -> Self {
        Field { written: Arc::clone(&name.written), name: Arc::clone(&name.lower), from, kind: Kind::UNKNOWN, numbers: None }
    }
    /// Holds the values of another field, too.
    pub(super) fn unite(&mut self, other: &Field) {
        self.from.add(&other.from);
        self.kind = self.kind.or(other.kind);
    }
    /// The same, with values of a sort.
    pub(super) fn of(self, kind: Kind) -> Self {
        Field { kind, ..self }
    }
}

/// Fields that nobody listed: a star over relations whose columns are not completely known passes them on by name.
#[derive(Debug, Clone)]
pub(super) struct Open {
    /// The relation that the field comes from; `None`: it is made of nothing but `with` (a PIVOT whose values nobody wrote down).
    pub(super) relation: Option<RelationIndex>,
    /// What counts besides the field of that name.
    pub(super) with: Influences,
    /// Names that the star leaves out.
    pub(super) without: BTreeSet<String>,
    /// Whether the relation itself is outside of the project.
    pub(super) outside: bool,
}

/// A table, as seen by who reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// The known columns, in order.
    pub(super) fields: Vec<Field>,
    /// Where further columns may come from; empty when the list is complete.
    pub(super) open: Vec<Open>,
    /// What decides which rows there are.
    pub(super) rows: Rows,
    /// What decides in which order the rows come, for who reads them in that order.
    pub(super) order: Influences,
    /// Sets of fields (by position) that are proven to be different in every two rows. The empty set: there is at most one row.
    pub(super) keys: Vec<BTreeSet<usize>>,
}

impl Shape {
    /// Everything that the listed fields depend on.
    pub(super) fn values(&self) -> Influences {
        let mut all = Influences::default();
        for field in &self.fields {
            all.add(&field.from);
        }
        for open in &self.open {
            all.add(&open.with);
        }
        all
    }

    /// Rows were taken out: a numbering has gaps.
    pub(super) fn thinned(&mut self) {
        self.fields.iter_mut().filter_map(|field| field.numbers.as_mut()).for_each(|numbers| numbers.whole = false);
    }

    /// BigQuery's `SELECT AS VALUE`: the fields of a struct, which nobody lists.
    pub(super) fn opened(&mut self) {
        let with = self.values();
        self.fields.clear();
        self.keys.clear();
        self.open.push(Open { relation: None, with, without: BTreeSet::new(), outside: false });
    }

    /// Adds a key, unless a smaller one is known.
    pub(super) fn unique_in(&mut self, key: BTreeSet<usize>) {
        add_key(&mut self.keys, key);
    }
}

/// In a key, besides its fields: nothing in the SQL proves it, but a test of dbt says it, so a copy would fail that test.
pub(super) const DECLARED: usize = usize::MAX;

/// Adds a key to a list in which no key contains another.
pub(super) fn add_key<T: Ord>(keys: &mut Vec<BTreeSet<T>>, key: BTreeSet<T>) {
    if !keys.iter().any(|have| have.is_subset(&key)) {
        keys.retain(|have| !key.is_subset(have));
        keys.push(key);
    }
}
