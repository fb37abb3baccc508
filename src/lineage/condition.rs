//! What the condition of a join says: what it reads, which fields of a side it fixes for a row of the other, which columns USING makes one.
//!
//! A field is fixed by an equality if its values are compared as what they are (see `kind`): the copies that a conversion makes of a key find
//! several partners. Not for what the join makes of its sides (see `join`).

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, Expr, Join, JoinConstraint, Spanned};

use super::influence::Influences;
use super::join::conjuncts;
use super::parse::{Read, Unclear};
use super::resolve::{Place, Reader, bare, object_parts};
use super::scope::{Merged, Scope, Sight, Spot};
use super::shape::Field;

/// What the condition of a join says.
#[derive(Default)]
pub(super) struct Condition {
    /// What it depends on.
    pub(super) from: Influences,
    /// Fields of the left side that equal something that is fixed for a row of the right side.
    pub(super) left_fixed: BTreeSet<Spot>,
    /// The same of the right side for a row of the left side.
    pub(super) right_fixed: BTreeSet<Spot>,
    /// Fields of either side that are not NULL where the condition holds.
    pub(super) equated: BTreeSet<Spot>,
    /// Pairs of USING and NATURAL, with their name.
    pub(super) using: Vec<(String, Spot, Spot)>,
}

impl Reader<'_> {
    pub(super) fn condition<'a>(
        &mut self,
        both: &mut Scope<'a>,
        middle: usize,
        constraint: &'a JoinConstraint,
        join: &'a Join,
    ) -> Read<Condition> {
        let mut condition = Condition::default();
        match constraint {
            JoinConstraint::None => {}
            JoinConstraint::On(on) => {
                condition.from = self.value(on, both, Place::Row)?.from;
                for part in conjuncts(on) {
                    self.note_equality(part, both, middle, &mut condition);
                }
            }
            JoinConstraint::Using(names) => {
                for name in names {
                    let parts = object_parts(name);
                    let lower = parts.last().ok_or_else(|| Unclear::at("USING without a column", name.span()))?;
                    self.pair(lower, both, middle, &mut condition)?;
                }
            }
            JoinConstraint::Natural => {
                if both.tables.iter().any(|table| !table.open.is_empty()) {
                    return Err(Unclear::at("a natural join of tables whose columns are not completely known", join.span()));
                }
                let right: BTreeSet<String> =
                    both.tables[middle..].iter().flat_map(|table| &table.fields).map(|field| field.name.to_string()).collect();
                let left: BTreeSet<String> =
                    both.tables[..middle].iter().flat_map(|table| &table.fields).map(|field| field.name.to_string()).collect();
                for name in left.intersection(&right) {
                    self.pair(name, both, middle, &mut condition)?;
                }
            }
        }
        Ok(condition)
    }

    /// One column of USING.
    fn pair(&mut self, name: &str, both: &mut Scope<'_>, middle: usize, condition: &mut Condition) -> Read<()> {
        let whole = both.tables.len();
        let (left, right) = (self.side(name, both, 0..middle)?, self.side(name, both, middle..whole)?);
        let merged: Vec<&Merged> = both.merged.iter().filter(|merged| &*merged.name == name).collect();
        for from in merged.iter().map(|merged| &merged.from).chain([&both.field(left).from, &both.field(right).from]) {
            condition.from.add(from);
        }
        // What USING made of several fields of a full join equals none of them.
        let itself = |spot: &Spot| merged.iter().all(|merged| !merged.members.contains(spot) || merged.leader == Some(*spot));
        let (left_kind, right_kind) = (both.field(left).kind, both.field(right).kind);
        condition.left_fixed.extend(Some(left).filter(itself).filter(|_| left_kind.stays_apart(right_kind)));
        condition.right_fixed.extend(Some(right).filter(itself).filter(|_| right_kind.stays_apart(left_kind)));
        condition.using.push((name.to_owned(), left, right));
        Ok(())
    }

    /// The field that USING means on one side. A table whose columns are not listed gets it listed.
    fn side(&mut self, name: &str, both: &mut Scope<'_>, tables: std::ops::Range<usize>) -> Read<Spot> {
        let earlier =
            both.merged.iter().find(|merged| &*merged.name == name && merged.members.iter().any(|(table, _)| tables.contains(table)));
        if let Some(spot) = earlier.and_then(|merged| merged.leader.or_else(|| merged.members.first().copied())) {
            return Ok(spot);
        }
        let (mut listed, mut maybe) = (Vec::new(), Vec::new());
        for table in tables.filter(|&table| both.tables[table].visible) {
            match both.within(table, name) {
                Sight::At(spot) => listed.push(spot),
                Sight::Maybe(_) => maybe.push(table),
                Sight::Several(_) | Sight::Merged(_) | Sight::Ambiguous | Sight::Nowhere => {}
            }
        }
        match (listed.as_slice(), maybe.as_slice()) {
            ([spot], _) => Ok(*spot),
            ([], &[table, ..]) => {
                let mut from = Influences::default();
                maybe.iter().for_each(|&table| from.add(&self.open_column(&both.tables[table].open, name)));
                let table_fields = &mut both.tables[table];
                table_fields.fields.push(Field::new(name, from));
                for open in &mut table_fields.open {
                    open.without.insert(name.to_owned());
                }
                Ok((table, both.tables[table].fields.len() - 1))
            }
            _ => Err(Unclear::new(format!("USING: not one column {name} on each side"))),
        }
    }

    /// `a = b` fixes a field of one side for a row of the other, if the other operand reads nothing of the field's side.
    fn note_equality(&mut self, part: &Expr, both: &Scope<'_>, middle: usize, condition: &mut Condition) {
        let (Expr::BinaryOp { left, op: BinaryOperator::Eq, right } | Expr::IsNotDistinctFrom(left, right)) = part else { return };
        for (field, other) in [(left, right), (right, left)] {
            let (Expr::Identifier(_) | Expr::CompoundIdentifier(_)) = bare(field) else { continue };
            let Some(spot) = self.value(field, both, Place::Row).ok().and_then(|value| value.spot) else { continue };
            condition.equated.extend(Some(spot).filter(|_| matches!(part, Expr::BinaryOp { .. })));
            let own_side = spot.0 >= middle;
            let fixed = tables_of(other, both).is_some_and(|tables| tables.iter().all(|&table| (table >= middle) != own_side));
            let fixed = fixed && self.stays_apart(both.field(spot).kind, other, both);
            if fixed && own_side {
                condition.right_fixed.insert(spot);
            } else if fixed {
                condition.left_fixed.insert(spot);
            }
        }
    }
}

/// The tables that a simple expression (names, values, scalar functions of them) reads; `None` when it is not simple.
fn tables_of(expression: &Expr, scope: &Scope<'_>) -> Option<BTreeSet<usize>> {
    match bare(expression) {
        Expr::Identifier(name) => match scope.bare(&name.value.to_lowercase()) {
            Sight::At((table, _)) => Some(BTreeSet::from([table])),
            Sight::Several(_) | Sight::Merged(_) | Sight::Maybe(_) | Sight::Ambiguous | Sight::Nowhere => None,
        },
        Expr::CompoundIdentifier(names) => {
            let qualifier: Vec<String> = names.iter().map(|name| name.value.to_lowercase()).collect();
            let (_, qualifier) = qualifier.split_last()?;
            scope.table(qualifier).map(|table| BTreeSet::from([table]))
        }
        Expr::Function(function) => {
            let call = super::anatomy::call(function);
            let scalar = super::functions::sort(&object_parts(&function.name).join(".")) == super::functions::Sort::Scalar;
            (scalar && call.subquery.is_none() && !call.star && call.stars_of.is_empty() && call.compared.is_empty()).then_some(())?;
            tables_of_all(call.arguments.into_iter().chain(call.modifiers), scope)
        }
        other => tables_of_all(super::anatomy::parts(other)?.into_iter().map(|(part, _)| part), scope),
    }
}

fn tables_of_all<'e>(list: impl Iterator<Item = &'e Expr>, scope: &Scope<'_>) -> Option<BTreeSet<usize>> {
    let mut all = BTreeSet::new();
    for part in list {
        all.extend(tables_of(part, scope)?);
    }
    Some(all)
}
