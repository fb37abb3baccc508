//! How two sides of a join make one: whose rows pass, whose columns turn NULL, and whether a row can find two partners.
//!
//! A LEFT JOIN onto rows that are proven unique in the equated fields cannot repeat a row of the left side: then the right side reaches only the
//! columns that come from it. Without the proof, its surplus rows (and the values of the join condition) reach the rows of the result.

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, Spanned};

use super::graph::EdgeKind;
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::resolve::{Place, Reader, bare, object_parts};
use super::scope::{Merged, Scope, Sight, Spot};
use super::shape::{DECLARED, Field, add_key};
use super::spelling::Spelling;

/// Keys kept for one scope: more than a query needs, few enough to combine.
const MOST_KEYS: usize = 8;

/// Which side's rows are kept without a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    Neither,
    Left,
    Right,
    Both,
}

/// What the condition of a join says.
#[derive(Default)]
pub(super) struct Condition {
    /// What it depends on.
    pub(super) from: Influences,
    /// Fields of the left side that equal something that is fixed for a row of the right side.
    left_fixed: BTreeSet<Spot>,
    /// The same of the right side for a row of the left side.
    right_fixed: BTreeSet<Spot>,
    /// Pairs of USING and NATURAL, with their name.
    using: Vec<(String, Spot, Spot)>,
}

impl<'a> Scope<'a> {
    /// Every row of both, all columns of both.
    pub(super) fn cross(&mut self, right: Scope<'a>) {
        let (left_keys, right_keys) = (self.keys.clone(), shifted_keys(&right, self.tables.len()));
        self.rows.join(&right.rows);
        self.append(right);
        self.keys = combined(&left_keys, &right_keys);
    }
    /// The tables and merged columns of `right`, behind the own ones.
    pub(super) fn append(&mut self, right: Scope<'a>) {
        let by = self.tables.len();
        self.order.add(&right.order);
        let shift = |(table, field): Spot| (table + by, field);
        self.tables.extend(right.tables);
        self.merged.extend(right.merged.into_iter().map(|merged| Merged {
            members: merged.members.into_iter().map(shift).collect(),
            leader: merged.leader.map(shift),
            ..merged
        }));
    }
    /// `by` reaches every column of these tables.
    pub(super) fn colour(&mut self, tables: std::ops::Range<usize>, by: &Influences) {
        for table in &mut self.tables[tables.clone()] {
            table.fields.iter_mut().for_each(|field| field.from.add(by));
            table.open.iter_mut().for_each(|open| open.with.add(by));
        }
        for merged in &mut self.merged {
            if merged.members.iter().any(|(table, _)| tables.contains(table)) {
                merged.from.add(by);
            }
        }
    }
}

impl Reader<'_> {
    /// Joins `right` to `left`.
    pub(super) fn join<'a>(&mut self, left: &mut Scope<'a>, right: Scope<'a>, join: &'a Join) -> Read<()> {
        let (constraint, keeps) = match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) | JoinOperator::StraightJoin(on) => {
                (on, Keeps::Neither)
            }
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (on, Keeps::Left),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => (on, Keeps::Right),
            JoinOperator::FullOuter(on) => (on, Keeps::Both),
            JoinOperator::Semi(on) | JoinOperator::LeftSemi(on) | JoinOperator::Anti(on) | JoinOperator::LeftAnti(on) => {
                return self.semi(left, right, on, join);
            }
            JoinOperator::RightSemi(_) | JoinOperator::RightAnti(_) => return Err(Unclear::at("a right semi or anti join", join.span())),
            JoinOperator::OuterApply if self.manners.spelling == Spelling::DuckDb => {
                super::one_partner::positional(left, right);
                return Ok(());
            }
            JoinOperator::CrossApply | JoinOperator::OuterApply => return Err(Unclear::at("APPLY", join.span())),
            JoinOperator::AsOf { match_condition, constraint } => return self.nearest(left, right, match_condition, constraint, join),
            JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
                return Err(Unclear::at("ARRAY JOIN", join.span()));
            }
        };
        let middle = left.tables.len();
        let (left_rows, right_rows) = (left.rows.clone(), right.rows.clone());
        let (left_keys, right_keys) = (left.keys.clone(), shifted_keys(&right, middle));
        left.append(right);
        let condition = self.condition(left, middle, constraint, join)?;
        let unique = |keys: &[BTreeSet<Spot>], fixed: &BTreeSet<Spot>| keys.iter().any(|key| key.is_subset(fixed));
        let left_unique = unique(&left_keys, &condition.left_fixed);
        let right_unique = unique(&right_keys, &condition.right_fixed) || numbered_one(left, middle, constraint, &condition.right_fixed);
        // What a test of dbt says is enough to know that a missing row of the other side takes no row away: were there copies, the test would fail.
        let declared = |fixed: &BTreeSet<Spot>| fixed.iter().copied().chain([(DECLARED, DECLARED)]).collect();
        let left_at_most_one = left_unique || unique(&left_keys, &declared(&condition.left_fixed));
        let right_at_most_one = right_unique || unique(&right_keys, &declared(&condition.right_fixed));
        let by = condition.from.through(EdgeKind::Join);
        // Then only what makes copies of that key can repeat a row: values of the key itself, not those that look for it.
        let of_key = |fixed: &BTreeSet<Spot>| {
            fixed.iter().fold(Influences::default(), |all, spot| all.with(&left.field(*spot).from)).through(EdgeKind::Join)
        };
        let by_right_key = if right_at_most_one { of_key(&condition.right_fixed) } else { by.clone() };
        let by_left_key = if left_at_most_one { of_key(&condition.left_fixed) } else { by.clone() };
        let whole = left.tables.len();
        match keeps {
            Keeps::Neither => {
                left.rows.join(&right_rows);
                left.rows.decided_by(&by);
            }
            Keeps::Left => {
                if !right_unique {
                    left.rows.added.add(&right_rows.added);
                    left.rows.added.add(&by_right_key);
                }
                if !right_at_most_one {
                    left.rows.lost.add(&right_rows.lost);
                    left.rows.lost.add(&by);
                }
                left.colour(middle..whole, &right_rows.any().with(&by));
            }
            Keeps::Right => {
                left.rows = right_rows;
                if !left_unique {
                    left.rows.added.add(&left_rows.added);
                    left.rows.added.add(&by_left_key);
                }
                if !left_at_most_one {
                    left.rows.lost.add(&left_rows.lost);
                    left.rows.lost.add(&by);
                }
                left.colour(0..middle, &left_rows.any().with(&by));
            }
            Keeps::Both => {
                left.rows.join(&right_rows);
                left.rows.decided_by(&by);
                left.colour(0..middle, &left_rows.any().with(&by));
                left.colour(middle..whole, &right_rows.any().with(&by));
            }
        }
        merge(left, &condition, keeps);
        left.keys = match keeps {
            // A row that only one side has is NULL in the other side's key: two such rows may look alike.
            Keeps::Both => Vec::new(),
            Keeps::Neither | Keeps::Left | Keeps::Right => {
                let mut keys = combined(&left_keys, &right_keys);
                if right_unique && keeps != Keeps::Right {
                    left_keys.iter().for_each(|key| add_key(&mut keys, key.clone()));
                }
                if left_unique && keeps != Keeps::Left {
                    right_keys.iter().for_each(|key| add_key(&mut keys, key.clone()));
                }
                keys
            }
        };
        Ok(())
    }

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
        condition.left_fixed.extend(Some(left).filter(itself));
        condition.right_fixed.extend(Some(right).filter(itself));
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
            let own_side = spot.0 >= middle;
            let fixed = tables_of(other, both).is_some_and(|tables| tables.iter().all(|&table| (table >= middle) != own_side));
            if fixed && own_side {
                condition.right_fixed.insert(spot);
            } else if fixed {
                condition.left_fixed.insert(spot);
            }
        }
    }
}

/// The right side of `join ... on r.n = 1` with `n` a row number: unique in what the numbers are partitioned by.
fn numbered_one(both: &Scope<'_>, middle: usize, constraint: &JoinConstraint, fixed: &BTreeSet<Spot>) -> bool {
    let JoinConstraint::On(on) = constraint else { return false };
    both.tables.len() == middle + 1
        && conjuncts(on)
            .into_iter()
            .any(|part| first_of(part, both).is_some_and(|(key, _)| key.is_subset(fixed) && key.iter().all(|spot| spot.0 == middle)))
}

/// For `n = 1` with `n` a row number: the fields that the numbers are partitioned by, and whether every partition has its number 1.
pub(super) fn first_of(part: &Expr, scope: &Scope<'_>) -> Option<(BTreeSet<Spot>, bool)> {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = part else { return None };
    let number = if is_one(right) {
        left
    } else if is_one(left) {
        right
    } else {
        return None;
    };
    let sight = match bare(number) {
        Expr::Identifier(name) => scope.bare(&name.value.to_lowercase()),
        Expr::CompoundIdentifier(names) => match names.as_slice() {
            [table, name] => scope.within(scope.table(&[table.value.to_lowercase()])?, &name.value.to_lowercase()),
            _ => return None,
        },
        _ => return None,
    };
    let Sight::At(spot) = sight else { return None };
    let numbers = scope.field(spot).numbers.as_ref()?;
    Some((numbers.by.iter().map(|&field| (spot.0, field)).collect(), numbers.whole))
}

/// Whether an expression is the number 1.
pub(super) fn is_one(expression: &Expr) -> bool {
    matches!(bare(expression), Expr::Value(value) if matches!(&value.value, sqlparser::ast::Value::Number(number, _) if number == "1"))
}

/// The parts of a condition that must all hold.
pub(super) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    let (mut parts, mut rest) = (Vec::new(), vec![condition]);
    while let Some(expression) = rest.pop() {
        match bare(expression) {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => rest.extend([right.as_ref(), left.as_ref()]),
            part => parts.push(part),
        }
    }
    parts
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

/// Makes one column of each pair of USING.
pub(super) fn merge(scope: &mut Scope<'_>, condition: &Condition, keeps: Keeps) {
    for (name, left, right) in &condition.using {
        let (mut members, mut left_from, mut leads) = (vec![*left, *right], scope.field(*left).from.clone(), Some(*left));
        scope.merged.retain(|earlier| {
            let same = &*earlier.name == name.as_str();
            if same {
                members.extend(earlier.members.iter().filter(|member| *member != left && *member != right).copied().collect::<Vec<_>>());
                left_from = earlier.from.clone();
                leads = earlier.leader;
            }
            !same
        });
        let right_from = scope.field(*right).from.clone();
        let (from, leader) = match keeps {
            Keeps::Neither | Keeps::Left => (left_from, leads),
            Keeps::Right => (right_from, Some(*right)),
            Keeps::Both => (left_from.with(&right_from).through(EdgeKind::Transformation), None),
        };
        scope.merged.push(Merged { name: name.as_str().into(), from, members, leader });
    }
}

fn shifted_keys(right: &Scope<'_>, by: usize) -> Vec<BTreeSet<Spot>> {
    right
        .keys
        .iter()
        .map(|key| key.iter().map(|&(table, field)| if table == DECLARED { (table, field) } else { (table + by, field) }).collect())
        .collect()
}

/// A pair of rows is told apart by a key of each side.
fn combined(left: &[BTreeSet<Spot>], right: &[BTreeSet<Spot>]) -> Vec<BTreeSet<Spot>> {
    let mut keys = Vec::new();
    for (left, right) in left.iter().flat_map(|left| right.iter().map(move |right| (left, right))).take(MOST_KEYS) {
        add_key(&mut keys, left.union(right).copied().collect());
    }
    keys
}
