//! Two relations row by row: both sides stream by and are summed up by segments; the rows of segments that differ are fetched again and compared in
//! full. Not for what is kept of a row, nor for what a difference means: see [`crate::check::rows`].

use std::time::Duration;

use super::across::{Limits, Sessions, both};
use crate::check::alike::Class;
use crate::check::field::{Column, Record, Sort};
use crate::check::judge::fault;
use crate::check::measurement::{Cell, Measurement};
use crate::check::outcome::{Fault, Reason};
use crate::check::reconcile_rows::{LISTED, ReconcileRows};
use crate::check::rows::{Held, Layout, Segmenting, Tally, accounted, differences, unequal};
use crate::plan::compare::{Comparison, Side};
use crate::warehouse::Session;

/// Most rows of both sides that are held to be compared in full.
const HELD: u64 = 200_000;
/// Most ranges of keys that one statement asks for.
const RANGES: usize = 200;

/// The columns that are compared, and how each side's rows are read.
struct Layouts {
    names: Vec<String>,
    excluded: Vec<String>,
    sides: [Layout; 2],
    /// Whether the first part of the key is a whole number on both sides.
    whole: bool,
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
    let layouts = layouts(spec, &left, &right)?;
    let by = if layouts.whole { by_range(&mut sessions, comparison, limits.time)? } else { Segmenting::by_hash() };
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
    let (mut left, right) = both(&mut sessions, comparison, tally)?;
    let unequal = unequal(&mut left, &right);
    let mut room = HELD.min(limits.rows);
    let mut segments = Vec::new();
    for (segment, rows) in &unequal {
        // At least one is always looked at, so that a difference is always shown.
        if *rows > room && !segments.is_empty() {
            break;
        }
        room = room.saturating_sub(*rows);
        segments.push(*segment);
    }
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
    let (left_held, right_held) = both(&mut sessions, comparison, held)?;
    if complete {
        accounted((&left, &left_held), (&right, &right_held))?;
    }
    let found = differences(&left_held, &right_held, LISTED);
    let null_keys = left.null_keys.saturating_add(right.null_keys);
    let shown = found.differing + found.left_only + found.right_only + found.repeated;
    if shown == 0 && !segments.is_empty() {
        let detail = "segments of rows differ, and no row of them does: the second look saw other rows than the first";
        return Err(fault(Reason::SnapshotMoved, detail));
    }
    // Each segment that was not looked at holds a difference at least.
    let unseen = u64::try_from(unequal.len() - segments.len()).unwrap_or(u64::MAX);
    let moved = left.rows.saturating_add(right.rows).saturating_add(left_held.count).saturating_add(right_held.count);
    let number = |number: u64| Cell::Int(number.into());
    let list = |names: Vec<&str>| if names.is_empty() { Cell::Null } else { Cell::Text(names.join(", ")) };
    let cells = vec![
        number(found.differing.saturating_add(unseen)),
        number(found.left_only),
        number(found.right_only),
        number(found.repeated),
        number(null_keys),
        number(left.rows),
        number(right.rows),
        number(moved),
        number(u64::from(complete)),
        list(layouts.names.iter().map(String::as_str).collect()),
        list(layouts.excluded.iter().map(String::as_str).collect()),
    ];
    let item = |(key, state, columns): &(String, &str, Vec<usize>)| {
        let names: Vec<&str> = columns.iter().filter_map(|at| layouts.names.get(*at)).map(String::as_str).collect();
        vec![Cell::Text(key.clone()), Cell::Text((*state).to_owned()), Cell::Text(names.join(", "))]
    };
    let items = found.listed.iter().map(item).collect();
    Ok(Measurement { rows_seen: left.rows.max(right.rows).into(), cells, items, now: limits.now })
}

fn too_many(most: u64) -> Fault {
    let detail = format!("more than {most} rows of one side would have to be moved to be compared");
    fault(Reason::BudgetExceeded, format!("{detail}: narrow both with `where`, or raise budget.max_moved_rows in presscheck.yml"))
}

/// Finds the key and the columns on both sides.
fn layouts(spec: &ReconcileRows, left: &[Column], right: &[Column]) -> Result<Layouts, Fault> {
    let find = |columns: &[Column], name: &str, side: &str| {
        found(columns, name).ok_or_else(|| fault(Reason::MissingColumn, format!("there is no column `{name}` on the {side}")))
    };
    let digits = spec.float_digits.as_ref().map(|digits| digits.value);
    let mut wrong = Vec::new();
    let mut pair = |name: &str, l: usize, r: usize| {
        Class::of(&left[l].sort, &right[r].sort, digits).map_err(|why| wrong.push(format!("`{name}` is {why}"))).ok()
    };
    let mut sides = [Layout { keys: Vec::new(), columns: Vec::new() }, Layout { keys: Vec::new(), columns: Vec::new() }];
    let mut whole = false;
    for (at, name) in spec.key.iter().enumerate() {
        let (l, r) = (find(left, name, "left")?, find(right, name, "right")?);
        whole |= at == 0 && left[l].sort == Sort::Whole && right[r].sort == Sort::Whole;
        if let Some(class) = pair(name, l, r) {
            sides[0].keys.push((l, class));
            sides[1].keys.push((r, class));
        }
    }
    let keys: Vec<usize> = sides[0].keys.iter().map(|(at, _)| *at).collect();
    let wanted = match &spec.columns {
        Some(columns) => {
            let one =
                |name: &crate::diagnostic::At<String>| Ok((name.value.clone(), find(left, name, "left")?, find(right, name, "right")?));
            columns.iter().map(one).collect::<Result<Vec<_>, Fault>>()?
        }
        None => in_common(spec, left, right, &keys)?,
    };
    let mut names = Vec::new();
    for (name, l, r) in wanted {
        if let Some(class) = pair(&name, l, r) {
            sides[0].columns.push((l, class));
            sides[1].columns.push((r, class));
            names.push(name);
        }
    }
    if !wrong.is_empty() {
        let detail = format!("{}: not comparable; list the others under `columns`, or give both sides one type", wrong.join("; "));
        return Err(fault(Reason::WrongType, detail));
    }
    let excluded = spec.exclude.iter().flat_map(|exclude| exclude.iter()).map(|name| name.value.clone()).collect();
    Ok(Layouts { names, excluded, sides, whole })
}

/// Where a column of this name stands, case aside where that leaves one.
fn found(columns: &[Column], name: &str) -> Option<usize> {
    let bare = name.trim().trim_matches(['"', '`']);
    let exact = columns.iter().position(|column| column.name == bare);
    let alike = || {
        let mut alike = columns.iter().enumerate().filter(|(_, column)| column.name.eq_ignore_ascii_case(bare));
        alike.next().filter(|_| alike.next().is_none()).map(|(at, _)| at)
    };
    exact.or_else(alike)
}

/// Every column but the key and what is excluded, where it stands on both sides.
///
/// # Errors
/// A column that one side alone has: a column that was dropped is a difference, and nothing compares it.
fn in_common(spec: &ReconcileRows, left: &[Column], right: &[Column], keys: &[usize]) -> Result<Vec<(String, usize, usize)>, Fault> {
    let excluded = |columns: &[Column]| -> Vec<usize> {
        spec.exclude.iter().flat_map(|exclude| exclude.iter()).filter_map(|name| found(columns, name)).collect()
    };
    let mut unknown = spec.exclude.iter().flat_map(|exclude| exclude.iter());
    if let Some(name) = unknown.find(|name| found(left, name).is_none() && found(right, name).is_none()) {
        return Err(fault(Reason::MissingColumn, format!("`exclude` names `{name}`, which neither side has")));
    }
    let (without, without_right) = (excluded(left), excluded(right));
    let (mut shared, mut taken, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for (l, column) in left.iter().enumerate() {
        match found(right, &column.name) {
            Some(r) => {
                taken.push(r);
                if !keys.contains(&l) && !without.contains(&l) {
                    shared.push((column.name.clone(), l, r));
                }
            }
            None if keys.contains(&l) || without.contains(&l) => {}
            None => alone.push(format!("`{}` (left)", column.name)),
        }
    }
    let of_right = right.iter().enumerate().filter(|(r, _)| !taken.contains(r) && !without_right.contains(r));
    alone.extend(of_right.map(|(_, column)| format!("`{}` (right)", column.name)));
    if alone.is_empty() {
        return Ok(shared);
    }
    let detail = format!("one side alone has {}", alone.join(", "));
    Err(fault(
        Reason::MissingColumn,
        format!("{detail}: leave out under `exclude` what need not be there, or list what must agree under `columns`"),
    ))
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
