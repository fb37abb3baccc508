//! Two relations row by row: which way they are compared, and what came out of it. The ways are `stream` and `checksums`. Not for what a difference means:
//! see [`crate::check::reconcile_rows`].

use super::across::{Limits, Sessions, both};
use super::checksums::{self, Texts};
use super::layouts::{Layouts, layouts};
use super::stream;
use crate::check::judge::fault;
use crate::check::measurement::{Cell, Measurement};
use crate::check::outcome::{Fault, Reason};
use crate::check::reconcile_rows::{ReconcileRows, Strategy};
use crate::check::rows::Differences;
use crate::plan::compare::{Comparison, How, Side};
use crate::warehouse::Session;

/// Most rows of both sides that are held to be compared in full.
const HELD: u64 = 200_000;
/// So few rows are fetched sooner than summed up.
const FEW: u64 = 2_000;
/// Fewer rows say nothing of how wide they are: an engine keeps them in blocks.
const MANY: u64 = 100_000;
/// Bytes from which on a row is wide.
const WIDE: u64 = 1_000;

/// What was seen of both sides.
pub(super) struct Seen {
    pub(super) found: Differences,
    pub(super) null_keys: u64,
    pub(super) rows: [u64; 2],
    /// Rows that were fetched of both, those of answers about segments included.
    pub(super) moved: u64,
    /// Segments that were not looked at; each holds a difference at least.
    pub(super) unseen: u64,
}

/// Asks both sides and compares their rows.
pub(super) fn measure(
    comparison: &Comparison,
    spec: &ReconcileRows,
    mut sessions: Sessions<'_>,
    limits: Limits,
) -> Result<Measurement, Fault> {
    let begun = |session: &mut dyn Session, side: &Side, _: usize| session.columns(&side.sql, limits.time);
    let (left, right) = both(&mut sessions, comparison, begun)?;
    let layouts = layouts(spec, comparison, [left, right])?;
    let (seen, how) = match &comparison.how {
        How::Rows { strategy: Strategy::Stream, .. } => {
            (stream::measure(comparison, &layouts, &mut sessions, limits)?, "stream, as the contract says".to_owned())
        }
        How::Rows { strategy: Strategy::Checksums, .. } => {
            let texts = Texts::of(comparison, &layouts).map_err(|why| {
                fault(
                    Reason::WrongType,
                    format!("{why}, so that no checksums can be compared: write `strategy: stream`, or give floats `float_digits`"),
                )
            })?;
            let ends = checksums::ends(&mut sessions, comparison, &layouts, limits)?;
            (checksums::measure(comparison, &texts, &layouts, ends, &mut sessions, limits)?, "checksums, as the contract says".to_owned())
        }
        How::Rows { strategy: Strategy::Auto, near, .. } => chosen(comparison, &layouts, *near, &mut sessions, limits)?,
        How::Keyed { .. } => return Err(fault(Reason::Internal, "rows are compared by values of keys")),
    };
    Ok(told(&seen, how, &layouts, limits))
}

/// Takes the way that costs less, as far as that is known.
fn chosen(
    comparison: &Comparison,
    layouts: &Layouts,
    near: bool,
    sessions: &mut Sessions<'_>,
    limits: Limits,
) -> Result<(Seen, String), Fault> {
    let streamed = |sessions: &mut Sessions<'_>, why: String| {
        stream::measure(comparison, layouts, sessions, limits).map(|seen| (seen, format!("stream: {why}")))
    };
    let width = if near { width(sessions, comparison, limits)? } else { None };
    let why = match (near, width) {
        (false, _) => "a side is over the network".to_owned(),
        (true, Some(width)) if width >= WIDE => format!("a row is about {width} bytes wide"),
        (true, _) => return streamed(sessions, "both sides are on this machine".to_owned()),
    };
    let texts = match Texts::of(comparison, layouts) {
        Ok(texts) => texts,
        Err(without) => return streamed(sessions, without),
    };
    let ends = checksums::ends(sessions, comparison, layouts, limits)?;
    if ends.iter().all(|ends| ends.rows <= FEW) {
        return streamed(sessions, "there are few rows".to_owned());
    }
    match checksums::measure(comparison, &texts, layouts, ends, sessions, limits) {
        Ok(seen) => Ok((seen, format!("checksums: {why}"))),
        Err(fault) if streams_after(fault.reason) => {
            streamed(sessions, format!("checksums came to nothing ({})", fault.detail.lines().next().unwrap_or_default()))
        }
        Err(fault) => Err(fault),
    }
}

/// How wide a row is by the statistics of the wider side; `None` where they say nothing.
fn width(sessions: &mut Sessions<'_>, comparison: &Comparison, limits: Limits) -> Result<Option<u64>, Fault> {
    let of = |session: &mut dyn Session, side: &Side, _: usize| {
        // What cannot be estimated is not known to be wide.
        let estimate = session.estimate(&side.sql, limits.time).unwrap_or_default();
        Ok(estimate.rows.filter(|rows| *rows >= MANY).zip(estimate.bytes).and_then(|(rows, bytes)| bytes.checked_div(rows)))
    };
    both(sessions, comparison, of).map(|(left, right)| left.max(right))
}

/// Whether what went wrong with checksums need not go wrong with rows.
fn streams_after(reason: Reason) -> bool {
    matches!(reason, Reason::QueryError | Reason::OutOfRange | Reason::WrongType | Reason::SnapshotMoved)
}

fn told(seen: &Seen, how: String, layouts: &Layouts, limits: Limits) -> Measurement {
    let Seen { found, null_keys, rows: [left, right], moved, unseen } = seen;
    let number = |number: u64| Cell::Int(number.into());
    let list = |names: &[String]| if names.is_empty() { Cell::Null } else { Cell::Text(names.join(", ")) };
    let cells = vec![
        number(found.differing.saturating_add(*unseen)),
        number(found.left_only),
        number(found.right_only),
        number(found.repeated),
        number(*null_keys),
        number(*left),
        number(*right),
        number(*moved),
        number(u64::from(*unseen == 0)),
        list(&layouts.names),
        list(&layouts.excluded),
        Cell::Text(how),
    ];
    let item = |(key, state, columns): &(String, &str, Vec<usize>)| {
        let names: Vec<&str> = columns.iter().filter_map(|at| layouts.names.get(*at)).map(String::as_str).collect();
        vec![Cell::Text(key.clone()), Cell::Text((*state).to_owned()), Cell::Text(names.join(", "))]
    };
    let items = found.listed.iter().map(item).collect();
    Measurement { rows_seen: (*left).max(*right).into(), cells, items, now: limits.now }
}

/// Of the segments that differ, with their rows, those that are looked at: as many as may be held, and at least one, so that a difference is always shown.
pub(super) fn looked_at<T>(segments: impl IntoIterator<Item = (T, u64)>, limits: Limits) -> Vec<T> {
    let (mut room, mut taken) = (HELD.min(limits.rows), Vec::new());
    for (segment, rows) in segments {
        if rows > room && !taken.is_empty() {
            break;
        }
        room = room.saturating_sub(rows);
        taken.push(segment);
    }
    taken
}

pub(super) fn too_many(most: u64) -> Fault {
    let detail = format!("more than {most} rows of one side would have to be moved to be compared");
    fault(Reason::BudgetExceeded, format!("{detail}: narrow both with `where`, or raise budget.max_moved_rows in presscheck.yml"))
}
