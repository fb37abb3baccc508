//! How two sides of a join make one: whose rows pass, whose columns turn NULL, and whether a row can find two partners.
//!
//! A LEFT JOIN onto rows that are proven unique in the equated fields cannot repeat a row of the left side: then the right side reaches only the
//! columns that come from it. Without the proof, its surplus rows (and the values of the join condition) reach the rows of the result.

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, Spanned};

use super::condition::Condition;
use super::graph::EdgeKind;
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::resolve::{Reader, bare};
use super::scope::{Merged, Scope, Sight, Spot};
use super::shape::{DECLARED, add_key};
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
        self.determining
            .extend(right.determining.into_iter().map(|key| key.into_iter().map(|(table, field)| (table + by, field)).collect()));
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
        note_determining(left, middle, &condition.equated, keeps);
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
}

/// Notes the keys of a relation that a join compares, where rows without a partner are not kept: then no row has a NULL in the key, unless all of
/// the relation's columns are NULL there, which a test of dbt does not look at and a proof need not.
fn note_determining(both: &mut Scope<'_>, middle: usize, equated: &BTreeSet<Spot>, keeps: Keeps) {
    for (at, table) in both.tables.iter().enumerate() {
        let whole = match keeps {
            Keeps::Neither => true,
            Keeps::Left => at >= middle,
            Keeps::Right => at < middle,
            Keeps::Both => false,
        };
        let keys = table.keys.iter().filter(|_| whole).map(|key| key.iter().filter(|&&field| field != DECLARED).map(|&field| (at, field)));
        both.determining.extend(keys.map(Iterator::collect::<BTreeSet<Spot>>).filter(|key| !key.is_empty() && key.is_subset(equated)));
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
        // Of two sorts, the common column is neither of them.
        let leader = leader.filter(|spot| members.iter().all(|member| scope.field(*spot).kind.stays_apart(scope.field(*member).kind)));
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
