//! What names mean inside one SELECT: the tables of its FROM, the SELECTs around it, and which of them a name is seen in.
//!
//! Not for what an expression depends on (see `resolve`): this file answers *where*, not *what*.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{Expr, NamedWindowDefinition};

use super::influence::{Influences, Rows};
use super::shape::{DECLARED, Field, Open, Shape};

/// A field of a table of the scope: position of the table, position of the field.
pub(super) type Spot = (usize, usize);

/// One table of a FROM.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The alias, or the parts of the relation's name, lower-cased. Empty: no name.
    pub(super) names: Vec<String>,
    pub(super) fields: Vec<Field>,
    /// Where unlisted fields may come from.
    pub(super) open: Vec<Open>,
    /// Sets of its fields that differ in every two of its rows, where it is a relation or a CTE.
    pub(super) keys: Vec<BTreeSet<usize>>,
    /// Whether names may refer to it; the right side of a semi join is only seen by its condition.
    pub(super) visible: bool,
}

impl Table {
    /// Rows were taken out: a numbering has gaps.
    pub(super) fn thinned(&mut self) {
        self.fields.iter_mut().filter_map(|field| field.numbers.as_mut()).for_each(|numbers| numbers.whole = false);
    }
}

/// A column that USING or NATURAL made of several.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    pub(super) name: Rc<str>,
    pub(super) from: Influences,
    /// The fields that it replaces in `*` and for bare names.
    pub(super) members: Vec<Spot>,
    /// The one that it equals in every row, if any does.
    pub(super) leader: Option<Spot>,
}

/// The keys of a grouped SELECT.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups<'a> {
    /// Each key: its expression, what it depends on, the field that it is, if it is just a field.
    pub(super) keys: Vec<(&'a Expr, Influences, Option<Spot>)>,
    /// The keys that are just fields.
    pub(super) spots: BTreeSet<Spot>,
    /// The rows that go into the groups.
    pub(super) rows: Rows,
}

/// One SELECT's tables and surroundings.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'a> {
    pub(super) tables: Vec<Table>,
    pub(super) merged: Vec<Merged>,
    /// What decides which rows there are, so far.
    pub(super) rows: Rows,
    /// What decides in which order the rows come: of matter for LIMIT, first(), list(), POSITIONAL JOIN and windows.
    pub(super) order: Influences,
    /// Sets of fields that differ in every two rows.
    pub(super) keys: Vec<BTreeSet<Spot>>,
    /// Fields that all others of their table hang on: where they are alike in two rows, all of that table is.
    pub(super) determining: Vec<BTreeSet<Spot>>,
    /// The SELECT around this one, for correlated subqueries and lateral tables.
    pub(super) outer: Option<&'a Scope<'a>>,
    /// Names that the select list gives to expressions.
    pub(super) aliases: Vec<(String, &'a Expr)>,
    pub(super) groups: Option<Groups<'a>>,
    pub(super) windows: &'a [NamedWindowDefinition],
    /// Whether CONNECT BY gives the rows a place in a tree, of which LEVEL and its like tell.
    pub(super) hierarchic: bool,
}

/// Where a name is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// A listed field.
    At(Spot),
    /// Listed more than once in one table (`select a.*, b.*`): all of these.
    Several(Vec<Spot>),
    /// A merged column, by position.
    Merged(usize),
    /// No list has it; these tables may have it, because theirs are not complete.
    Maybe(Vec<usize>),
    /// Several tables have it.
    Ambiguous,
    /// Nowhere.
    Nowhere,
}

impl<'a> Scope<'a> {
    /// A scope without tables.
    pub(super) fn inside(outer: Option<&'a Scope<'a>>) -> Self {
        Scope { outer, ..Scope::default() }
    }
    /// Puts a table into the scope, without saying anything of rows and keys.
    pub(super) fn place(&mut self, names: Vec<String>, shape: &Shape) -> usize {
        self.tables.push(Table { names, fields: shape.fields.clone(), open: shape.open.clone(), keys: Vec::new(), visible: true });
        self.tables.len() - 1
    }
    /// A scope of one table with its rows and keys.
    pub(super) fn of(names: Vec<String>, shape: &Shape, outer: Option<&'a Scope<'a>>) -> Self {
        let mut scope = Scope::inside(outer);
        scope.place(names, shape);
        scope.rows = shape.rows.clone();
        scope.order = shape.order.clone();
        scope.keys = shape.keys.iter().map(|key| key.iter().map(|&field| spot(0, field)).collect()).collect();
        scope
    }
    /// The field at a spot.
    pub(super) fn field(&self, (table, field): Spot) -> &Field {
        &self.tables[table].fields[field]
    }
    /// A bare name, in this SELECT alone.
    pub(super) fn bare(&self, name: &str) -> Sight {
        if let Some(at) = self.merged.iter().position(|merged| &*merged.name == name) {
            return Sight::Merged(at);
        }
        let tables = || self.tables.iter().enumerate().filter(|(_, table)| table.visible);
        // By far the commonest: one field of one table.
        let mut all = tables().flat_map(|(at, table)| positions(table, name).map(move |field| (at, field)));
        if let (Some(spot), None) = (all.next(), all.next()) {
            return Sight::At(spot);
        }
        let mut seen: Vec<Vec<Spot>> = tables().map(|(at, table)| spots(at, table, name)).filter(|spots| !spots.is_empty()).collect();
        match (seen.pop(), seen.is_empty()) {
            (Some(spots), true) => one_or_several(spots),
            // BigQuery: `unnest(t.items) as items` makes a table and a column of that name; the table's is meant.
            (Some(_), false) => {
                let own = |table: &Table| matches!(table.names.as_slice(), [only] if only == name) && table.fields.len() == 1;
                let mut near =
                    tables().filter(|(_, table)| own(table)).map(|(at, table)| spots(at, table, name)).filter(|spots| !spots.is_empty());
                near.next().map_or(Sight::Ambiguous, one_or_several)
            }
            (None, _) => {
                let maybe: Vec<usize> = tables().filter(|(_, table)| may_have(table, name)).map(|(at, _)| at).collect();
                if maybe.is_empty() { Sight::Nowhere } else { Sight::Maybe(maybe) }
            }
        }
    }
    /// The table that a qualifier (one or more names) means, in this SELECT alone.
    pub(super) fn table(&self, qualifier: &[String]) -> Option<usize> {
        let mut found = self.tables.iter().enumerate().filter(|(_, table)| table.visible && table.names.ends_with(qualifier));
        let first = found.next()?;
        // The same relation twice without aliases: the name is not unique, and no warehouse takes it.
        found.next().is_none().then_some(first.0)
    }
    /// A name within one table.
    pub(super) fn within(&self, table: usize, name: &str) -> Sight {
        let spots = spots(table, &self.tables[table], name);
        if spots.is_empty() {
            if may_have(&self.tables[table], name) { Sight::Maybe(vec![table]) } else { Sight::Nowhere }
        } else {
            one_or_several(spots)
        }
    }
}

/// A field of a table; that a key is [`DECLARED`] is no field.
pub(super) fn spot(table: usize, field: usize) -> Spot {
    if field == DECLARED { (DECLARED, DECLARED) } else { (table, field) }
}

fn one_or_several(spots: Vec<Spot>) -> Sight {
    match spots.as_slice() {
        [one] => Sight::At(*one),
        _ => Sight::Several(spots),
    }
}

fn positions<'t>(table: &'t Table, name: &'t str) -> impl Iterator<Item = usize> + 't {
    table.fields.iter().enumerate().filter(move |(_, field)| &*field.name == name).map(|(field, _)| field)
}

fn spots(at: usize, table: &Table, name: &str) -> Vec<Spot> {
    positions(table, name).map(|field| (at, field)).collect()
}

fn may_have(table: &Table, name: &str) -> bool {
    table.open.iter().any(|open| !open.without.contains(name))
}
