//! A warehouse that asks what a statement would read before it sends it, and does not send what is beyond the budget.
//!
//! It stands between a run and any adapter, so that no adapter has to know of budgets. Not for how long things take: see deadlines.
#![expect(clippy::disallowed_methods, reason = "what the estimate took is taken from the statement's time")]

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{About, Estimate, Rows, Session, Standing, Take, Warehouse};
use crate::check::field::Column;
use crate::check::outcome::{Fault, Reason};
use crate::dbt::relation_name::RelationName;

/// The most that one statement may read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Rows of all its scans.
    pub max_rows: Option<u64>,
    /// Bytes of all its scans.
    pub max_bytes: Option<u64>,
}

impl Budget {
    /// Whether there is any limit.
    pub fn is_set(&self) -> bool {
        self.max_rows.is_some() || self.max_bytes.is_some()
    }

    /// Whether a statement of this estimate may be sent. What is limited and unknown may not.
    ///
    /// # Errors
    /// [`Reason::BudgetExceeded`] with what is too much.
    pub fn allows(&self, estimate: Estimate) -> Result<(), Fault> {
        let limits = [(self.max_rows, estimate.rows, "rows", "max_rows"), (self.max_bytes, estimate.bytes, "bytes", "max_bytes")];
        for (most, reckoned, unit, key) in limits {
            let Some(most) = most else { continue };
            let why = match reckoned {
                Some(reckoned) if reckoned <= most => continue,
                Some(reckoned) => format!("would read about {reckoned} {unit}, by the warehouse's estimate"),
                None => format!("would read nobody knows how many {unit}: the warehouse cannot estimate it"),
            };
            let detail =
                format!("not sent: it {why}, and `budget.{key}` of presscheck.yml is {most}; raise it, or narrow the check with `where`");
            return Err(Fault { reason: Reason::BudgetExceeded, detail });
        }
        Ok(())
    }
}

/// A warehouse with a budget.
pub struct Budgeted {
    inner: Box<dyn Warehouse>,
    budget: Budget,
}

impl Budgeted {
    /// The same warehouse; only statements within the budget reach it.
    pub fn new(inner: Box<dyn Warehouse>, budget: Budget) -> Self {
        Budgeted { inner, budget }
    }
}

impl Warehouse for Budgeted {
    fn dialect(&self) -> &'static str {
        self.inner.dialect()
    }
    fn session(&self) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(BudgetedSession { inner: self.inner.session()?, budget: self.budget }))
    }
    fn snapshot(&self) -> String {
        self.inner.snapshot()
    }
    fn about(&self) -> Result<About, Fault> {
        self.inner.about()
    }
    fn privileges(&self, relations: &[RelationName]) -> Result<Vec<Standing>, Fault> {
        self.inner.privileges(relations)
    }
}

struct BudgetedSession {
    inner: Box<dyn Session>,
    budget: Budget,
}

impl BudgetedSession {
    /// The time that is left for a statement that may be sent.
    fn allowed(&mut self, sql: &str, limit: Duration) -> Result<Duration, Fault> {
        let begun = Instant::now();
        let estimate = self.inner.estimate(sql, limit)?;
        self.budget.allows(estimate)?;
        let late = || Fault { reason: Reason::TimedOut, detail: format!("no estimate within {} s", limit.as_secs_f32()) };
        limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()).ok_or_else(late)
    }
}

impl Session for BudgetedSession {
    /// A statement that the engine cannot even plan has that fault; it is not sent either.
    fn query(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        let left = self.allowed(sql, limit)?;
        self.inner.query(sql, left)
    }
    fn stream(&mut self, sql: &str, limit: Duration, take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
        let left = self.allowed(sql, limit)?;
        self.inner.stream(sql, left, take)
    }
    /// Reads no rows, so that there is nothing to budget.
    fn columns(&mut self, sql: &str, limit: Duration) -> Result<Vec<Column>, Fault> {
        self.inner.columns(sql, limit)
    }
    fn estimate(&mut self, sql: &str, limit: Duration) -> Result<Estimate, Fault> {
        self.inner.estimate(sql, limit)
    }
    fn now(&mut self) -> Result<Timestamp, Fault> {
        self.inner.now()
    }
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        self.inner.canceller()
    }
}
