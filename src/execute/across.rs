//! What two connections are asked, each on a session of its own and at the same time, and how their answers come together. Not for what a difference
//! means: that is the kind's, in [`crate::check`].

use std::thread;
use std::time::Duration;

use super::rows;
use crate::check::Spec;
use crate::check::field::{Column, Record};
use crate::check::judge::fault;
use crate::check::keyed::Keyed;
use crate::check::measurement::Measurement;
use crate::check::outcome::{Fault, Reason};
use crate::plan::compare::{Comparison, How, Side};
use crate::warehouse::Session;

/// Most keys of one side that are held to be compared.
const MOST_KEYS: u64 = 1_000_000;

/// Both sides' sessions; one where both are on the same connection.
pub(super) enum Sessions<'s> {
    Two(&'s mut dyn Session, &'s mut dyn Session),
    One(&'s mut dyn Session),
}

/// How far a comparison may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Longest that one statement may take.
    pub(super) time: Duration,
    /// Most rows that may be fetched in all.
    pub(super) rows: u64,
    /// The decision time.
    pub(super) now: jiff::Timestamp,
}

/// Asks both sides and compares them.
pub(super) fn measure(comparison: &Comparison, spec: &Spec, mut sessions: Sessions<'_>, limits: Limits) -> Result<Measurement, Fault> {
    match (&comparison.how, spec) {
        (How::Keyed { keys }, Spec::reconcile(reconcile)) => {
            let most = MOST_KEYS.min(limits.rows);
            let ask = |session: &mut dyn Session, side: &Side, _: usize| keyed(session, side, *keys, most, limits.time);
            let (left, right) = both(&mut sessions, comparison, ask)?;
            reconcile.merged(&left, &right, limits.now)
        }
        (How::Rows { .. }, Spec::reconcile_rows(reconcile)) => rows::measure(comparison, reconcile, sessions, limits),
        (How::Keyed { .. } | How::Rows { .. }, _) => {
            Err(fault(Reason::Internal, "two connections are asked for a kind that compares nothing"))
        }
    }
}

/// The same work on both sides (0 is the left), at the same time where there are two sessions.
pub(super) fn both<T: Send>(
    sessions: &mut Sessions<'_>,
    comparison: &Comparison,
    work: impl Fn(&mut dyn Session, &Side, usize) -> Result<T, Fault> + Sync,
) -> Result<(T, T), Fault> {
    let on = |side: &Side, fault: Fault| match &side.connection {
        Some(connection) => Fault { detail: format!("on {connection}: {}", fault.detail), ..fault },
        None => fault,
    };
    let Comparison { left, right, .. } = comparison;
    let (first, second) = match sessions {
        Sessions::One(session) => {
            let first = work(*session, left, 0).map_err(|fault| on(left, fault))?;
            (Ok(first), work(*session, right, 1))
        }
        Sessions::Two(one, other) => thread::scope(|scope| {
            let beside = thread::Builder::new().spawn_scoped(scope, || work(*other, right, 1));
            let first = work(*one, left, 0);
            let lost = || fault(Reason::Internal, "no thread could be kept for the other side");
            let second = beside.map_err(|_| lost()).and_then(|beside| beside.join().unwrap_or_else(|_| Err(lost())));
            (first, second)
        }),
    };
    Ok((first.map_err(|fault| on(left, fault))?, second.map_err(|fault| on(right, fault))?))
}

fn keyed(session: &mut dyn Session, side: &Side, keys: usize, most: u64, limit: Duration) -> Result<Keyed, Fault> {
    let mut answer = Keyed::default();
    let mut rows = 0;
    let columns = session.stream(&side.sql, limit, &mut |columns: &[Column], record: &dyn Record| {
        rows += 1;
        if rows > most {
            let detail = format!("there are more than {most} keys, which is more than may be moved to be compared");
            return Err(fault(Reason::BudgetExceeded, format!("{detail}: group `by` less, or narrow each side with `where`")));
        }
        answer.add(columns, keys, record)
    })?;
    if columns.len() <= keys {
        return Err(fault(Reason::WrongType, "the side answered too few columns"));
    }
    answer.sorts = columns.into_iter().take(keys).map(|column| column.sort).collect();
    Ok(answer)
}
