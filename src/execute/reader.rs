//! Reads one answer as measurements, with the things that a check lists. The number of rows and columns must be exact and every cell must be of the type that its check expects, before
//! anything is judged: a cell that is read as another is a false pass. Pure.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::check::common::Expect;
use crate::check::measurement::{Cell, Measurement};
use crate::check::outcome::{Fault, Reason};
use crate::warehouse::{MAX_ROWS, Rows};

/// Where one check's measurement stands in the row.
pub(super) struct Place<'a> {
    pub check: &'a str,
    pub rows_seen: usize,
    pub first: usize,
    pub columns: &'a [Expect],
    /// What each listed thing is made of, after its rank; empty for a check that lists nothing.
    pub items: Vec<Expect>,
}

impl Place<'_> {
    /// Columns that the row has at least, for this check.
    fn width(&self) -> usize {
        (self.rows_seen + 1).max(self.first + self.columns.len())
    }
}

/// Each check's measurement out of the answer. Where a check lists things, every row begins alike and ends in one of them.
///
/// # Errors
/// What is wrong with the answer as a whole.
pub(super) fn measurements(rows: &Rows, places: &[Place<'_>], now: jiff::Timestamp) -> Result<Vec<Result<Measurement, Fault>>, Fault> {
    let width = places.iter().map(Place::width).max().unwrap_or(0);
    let listed = places.iter().map(|place| place.items.len()).max().unwrap_or(0);
    let (row, items) = if listed == 0 { (only_row(rows, width)?, Vec::new()) } else { listing(rows, width, listed)? };
    let one = |place: &Place<'_>| {
        let told = items.iter().map(|item| item.iter().zip(&place.items).map(|(cell, expect)| valid(cell, *expect)).collect());
        let items = told.collect::<Result<Vec<Vec<Cell>>, Fault>>()?;
        Ok(Measurement { items, ..measurement(row, place, now)? })
    };
    Ok(places.iter().map(one).collect())
}

/// The only row of the answer, of exactly this width.
fn only_row(rows: &Rows, width: usize) -> Result<&[Cell], Fault> {
    let row = match rows.rows.as_slice() {
        [row] => row,
        [] => return Err(fault(Reason::NoRows, "the query returned no row; a check's query returns exactly one")),
        several => {
            return Err(fault(
                Reason::SeveralRows,
                format!("the query returned {} rows or more; a check's query returns exactly one", several.len()),
            ));
        }
    };
    if row.len() == width {
        Ok(row)
    } else {
        Err(fault(Reason::WrongType, format!("the query returned {} columns, {width} were asked for", row.len())))
    }
}

/// What all rows begin with, and what they list, in order of rank. A list that may have been cut off, has a gap, or whose rows do not begin alike
/// is none.
fn listing(rows: &Rows, width: usize, listed: usize) -> Result<(&[Cell], Vec<&[Cell]>), Fault> {
    let Some(first) = rows.rows.first() else {
        return Err(fault(Reason::NoRows, "the query returned no row; a list has at least one, which says that it is empty"));
    };
    if rows.rows.len() >= MAX_ROWS {
        return Err(fault(Reason::SeveralRows, format!("the query lists {MAX_ROWS} things or more, which is more than are read")));
    }
    let wide = width + 1 + listed;
    if let Some(row) = rows.rows.iter().find(|row| row.len() != wide) {
        return Err(fault(Reason::WrongType, format!("the query returned {} columns, {wide} were asked for", row.len())));
    }
    if rows.rows.iter().any(|row| row[..width] != first[..width]) {
        return Err(fault(
            Reason::SeveralRows,
            "the query's rows do not begin alike; a list repeats what was measured on each of its rows",
        ));
    }
    if rows.rows.len() == 1 && first[width..].iter().all(|cell| *cell == Cell::Null) {
        return Ok((&first[..width], Vec::new()));
    }
    let ranked = |row: &'_ Vec<Cell>| count(&row[width]).map_err(|wrong| named(wrong, "the rank"));
    let mut ranks = rows.rows.iter().map(|row| Ok((ranked(row)?, &row[width + 1..]))).collect::<Result<Vec<_>, Fault>>()?;
    ranks.sort_by_key(|(rank, _)| *rank);
    if ranks.iter().zip(1..).any(|((rank, _), place)| *rank != place) {
        return Err(fault(Reason::OutOfRange, "the query's list has a gap, or a rank twice"));
    }
    Ok((&first[..width], ranks.into_iter().map(|(_, item)| item).collect()))
}

/// One check's measurement out of the row.
fn measurement(row: &[Cell], place: &Place<'_>, now: jiff::Timestamp) -> Result<Measurement, Fault> {
    let missing = || fault(Reason::WrongType, "the query returned too few columns");
    let rows_seen = count(row.get(place.rows_seen).ok_or_else(missing)?).map_err(|wrong| named(wrong, "rows_seen"))?;
    let cells = row.get(place.first..place.first + place.columns.len()).ok_or_else(missing)?;
    let cells = cells.iter().zip(place.columns).map(|(cell, expect)| valid(cell, *expect));
    Ok(Measurement { rows_seen, cells: cells.collect::<Result<_, _>>()?, items: Vec::new(), now })
}

/// The cell, if it is of the type that is expected. Whole counts become [`Cell::Int`], whatever type the engine gave them.
fn valid(cell: &Cell, expect: Expect) -> Result<Cell, Fault> {
    match expect {
        Expect::Count => count(cell).map(Cell::Int),
        Expect::Number => number(cell),
        Expect::NumberOrNull => match cell {
            Cell::Null => Ok(Cell::Null),
            other => number(other),
        },
        Expect::Time => match cell {
            Cell::Null | Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime => Ok(cell.clone()),
            Cell::OutOfRange(text) => Err(fault(Reason::OutOfRange, format!("{text} is no time that can be compared"))),
            Cell::Int(_) | Cell::Decimal(_) | Cell::NotFinite | Cell::Bool(_) | Cell::Text(_) | Cell::Unsupported(_) => {
                Err(wrong(cell, "a time"))
            }
        },
        Expect::Text => Ok(cell.clone()),
    }
}

fn number(cell: &Cell) -> Result<Cell, Fault> {
    match cell {
        Cell::Int(_) | Cell::Decimal(_) => Ok(cell.clone()),
        Cell::Null => Err(fault(Reason::Null, "the measured number is NULL")),
        Cell::NotFinite => Err(fault(Reason::NotFinite, "the measured number is NaN or infinite")),
        Cell::OutOfRange(text) => Err(fault(Reason::OutOfRange, format!("the measured number {text} does not fit an exact number"))),
        Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime | Cell::Bool(_) | Cell::Text(_) | Cell::Unsupported(_) => {
            Err(wrong(cell, "a number"))
        }
    }
}

fn count(cell: &Cell) -> Result<i128, Fault> {
    let whole = match number(cell)? {
        Cell::Int(count) => Some(count),
        Cell::Decimal(count) if count.fract() == Decimal::ZERO => count.to_i128(),
        _ => None,
    };
    match whole {
        Some(count) if count >= 0 => Ok(count),
        Some(count) => Err(fault(Reason::OutOfRange, format!("a count is {count}"))),
        None => Err(fault(Reason::WrongType, "a count is not a whole number")),
    }
}

fn wrong(cell: &Cell, wanted: &str) -> Fault {
    let kind = match cell {
        Cell::Null => "NULL",
        Cell::Int(_) | Cell::Decimal(_) | Cell::NotFinite | Cell::OutOfRange(_) => "a number",
        Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime => "a time",
        Cell::Bool(_) => "true or false",
        Cell::Text(_) => "text",
        Cell::Unsupported(name) => name,
    };
    fault(Reason::WrongType, format!("the query returned {kind} where {wanted} was asked for"))
}

fn named(fault: Fault, column: &str) -> Fault {
    Fault { detail: format!("{column}: {}", fault.detail), ..fault }
}

fn fault(reason: Reason, detail: impl Into<String>) -> Fault {
    Fault { reason, detail: detail.into() }
}
