//! Joins in which a row of the left side gets at most one partner, or none that is seen: ASOF, semi, anti, positional.
//!
//! Not for joins that can repeat a row (see `join`).

use sqlparser::ast::{Expr, Join, JoinConstraint};

use super::graph::EdgeKind;
use super::join::{Keeps, merge};
use super::parse::Read;
use super::resolve::{Place, Reader};
use super::scope::Scope;

impl Reader<'_> {
    /// An ASOF join: a row of the left side gets the nearest row of the right side, or none.
    pub(super) fn nearest<'a>(
        &mut self,
        left: &mut Scope<'a>,
        right: Scope<'a>,
        matching: &'a Expr,
        constraint: &'a JoinConstraint,
        join: &'a Join,
    ) -> Read<()> {
        let (middle, right_rows, keys) = (left.tables.len(), right.rows.clone(), left.keys.clone());
        left.append(right);
        let condition = self.condition(left, middle, constraint, join)?;
        let by = condition.from.clone().with(&self.value(matching, left, Place::Row)?.from).through(EdgeKind::Join);
        let keeps = match matching {
            Expr::Value(value) if matches!(value.value, sqlparser::ast::Value::Boolean(true)) => Keeps::Left,
            Expr::Value(value) if matches!(value.value, sqlparser::ast::Value::Boolean(false)) => Keeps::Neither,
            _ if self.manners.asof_keeps => Keeps::Left,
            _ => Keeps::Neither,
        };
        let whole = left.tables.len();
        left.colour(middle..whole, &right_rows.any().with(&by));
        if keeps == Keeps::Neither {
            left.rows.join(&right_rows);
            left.rows.decided_by(&by);
        }
        merge(left, &condition, keeps);
        left.keys = keys;
        Ok(())
    }

    /// A semi or anti join: the right side only decides which rows of the left side stay.
    pub(super) fn semi<'a>(&mut self, left: &mut Scope<'a>, right: Scope<'a>, constraint: &'a JoinConstraint, join: &'a Join) -> Read<()> {
        let (middle, right_rows, keys, merged) = (left.tables.len(), right.rows.any(), left.keys.clone(), left.merged.len());
        left.append(right);
        let condition = self.condition(left, middle, constraint, join)?;
        left.rows.decided_by(&condition.from.through(EdgeKind::Join).with(&right_rows));
        left.tables[middle..].iter_mut().for_each(|table| table.visible = false);
        left.merged.truncate(merged);
        left.keys = keys;
        Ok(())
    }
}

/// A positional join: the rows of both sides beside each other, in the order in which they come.
pub(super) fn positional<'a>(left: &mut Scope<'a>, right: Scope<'a>) {
    let right_rows = right.rows.clone();
    left.append(right);
    left.rows.join(&right_rows);
    left.keys.clear();
    // Which row meets which: a row more or less on either side moves all that come after it.
    let (by, tables) = (left.order.through(EdgeKind::Sort).with(&left.rows.any()), left.tables.len());
    left.colour(0..tables, &by);
}
