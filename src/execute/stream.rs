//! Two relations row by row, both of which stream by once: they are summed up by segments here, and the rows of segments that differ are fetched again and
//! compared in full. Not for what is kept of a row: see [`crate::check::rows`].

use std::time::Duration;

use super::across::{Limits, Sessions, both};
use super::layouts::Layouts;
use super::rows::{Seen, looked_at, too_many};
use crate::check::field::{Column, Record};
use crate::check::judge::fault;
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::check::reconcile_rows::LISTED;
use crate::check::rows::{Held, Segmenting, Tally, accounted, differences, unequal};
use crate::plan::compare::{Comparison, Side};
use crate::warehouse::Session;

/// Most ranges of keys that one statement asks for.
const RANGES: usize = 200;

/// Fetches every row of both sides.
pub(super) fn measure(comparison: &Comparison, layouts: &Layouts, sessions: &mut Sessions<'_>, limits: Limits) -> Result<Seen, Fault> {
    let by = if layouts.whole { by_range(sessions, comparison, limits.time)? } else { Segmenting::by_hash() };
    let tally = |session: &mut dyn Session, side: &Side, at: usize| {
        let layout = &layouts.sides[at];
        let mut tally = Tally::new(layout);
        let mut moved = 0;
        session.stream(&side.sql, limits.time, &mut |_: &[Column], record: &dyn Record| {
            moved += 1;
            if moved > limits.rows {
                return Err(too_many(limits.rows));
            }
            // One side is enough: where both have the same rows, neither has a key twice.
            tally.add(record, layout, &by, at == 0)
        })?;
        Ok(tally)
    };
    let (mut left, right) = both(sessions, comparison, tally)?;
    let unequal = unequal(&mut left, &right);
    let segments = looked_at(unequal.iter().copied(), limits);
    let complete = segments.len() == unequal.len();
    let held = |session: &mut dyn Session, side: &Side, at: usize| {
        let layout = &layouts.sides[at];
        let mut held = Held::new(layout);
        for sql in looked_at_again(side, &by, &segments) {
            session.stream(&sql, limits.time, &mut |_: &[Column], record: &dyn Record| {
                if held.count > limits.rows {
                    return Err(too_many(limits.rows));
                }
                held.keep(record, layout, &by, &segments)
            })?;
        }
        Ok(held)
    };
    let (left_held, right_held) = both(sessions, comparison, held)?;
    if complete {
        accounted((&left, &left_held), (&right, &right_held))?;
    }
    let found = differences(&left_held, &right_held, LISTED);
    if found.number() == 0 && !segments.is_empty() {
        let detail = "segments of rows differ, and no row of them does: the second look saw other rows than the first";
        return Err(fault(Reason::SnapshotMoved, detail));
    }
    let moved = left.rows.saturating_add(right.rows).saturating_add(left_held.count).saturating_add(right_held.count);
    Ok(Seen {
        found,
        null_keys: left.null_keys.saturating_add(right.null_keys),
        rows: [left.rows, right.rows],
        moved,
        unseen: u64::try_from(unequal.len() - segments.len()).unwrap_or(u64::MAX),
    })
}

/// The smallest and the largest key of both sides, which indexes and statistics know.
fn by_range(sessions: &mut Sessions<'_>, comparison: &Comparison, limit: Duration) -> Result<Segmenting, Fault> {
    let ends = |session: &mut dyn Session, side: &Side, _: usize| {
        let key = side.key.as_deref().unwrap_or_default();
        let rows = session.query(&format!("select min({key}) as low, max({key}) as high from (\n{}\n) as side", side.sql), limit)?;
        match rows.rows.first().map(Vec::as_slice) {
            Some([Cell::Int(low), Cell::Int(high)]) => Ok(Some((*low, *high))),
            Some([Cell::Null, Cell::Null]) => Ok(None),
            other => Err(fault(Reason::WrongType, format!("the smallest and largest key are {other:?}"))),
        }
    };
    let (left, right) = both(sessions, comparison, ends)?;
    let low = left.iter().chain(&right).map(|(low, _)| *low).min().unwrap_or(0);
    let high = left.iter().chain(&right).map(|(_, high)| *high).max().unwrap_or(0);
    Ok(Segmenting::by_range(low, high).unwrap_or_else(Segmenting::by_hash))
}

/// The statements that fetch the rows of these segments, and maybe others with them.
fn looked_at_again(side: &Side, by: &Segmenting, segments: &[usize]) -> Vec<String> {
    if segments.is_empty() {
        return Vec::new();
    }
    let mut ranges: Vec<(Option<i128>, Option<i128>)> = Vec::new();
    for segment in segments {
        let Some((from, to)) = by.range(*segment) else { return vec![side.sql.clone()] };
        match ranges.last_mut() {
            // Neighbours are one range.
            Some(last) if last.1.zip(from).is_some_and(|(end, from)| end + 1 == from) => last.1 = to,
            _ => ranges.push((from, to)),
        }
    }
    let key = side.key.as_deref().unwrap_or_default();
    let condition = |(from, to): &(Option<i128>, Option<i128>)| match (from, to) {
        (Some(from), Some(to)) => format!("{key} between {from} and {to}"),
        (Some(from), None) => format!("{key} >= {from}"),
        (None, Some(to)) => format!("{key} <= {to}"),
        (None, None) => "1 = 1".to_owned(),
    };
    let statement = |ranges: &[(Option<i128>, Option<i128>)]| {
        let conditions: Vec<String> = ranges.iter().map(condition).collect();
        format!("select * from (\n{}\n) as side where {}", side.sql, conditions.join(" or "))
    };
    ranges.chunks(RANGES).map(statement).collect()
}
