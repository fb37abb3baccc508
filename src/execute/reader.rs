//! Reads one answer as measurements. The number of rows and columns must be exact and every cell must be of the type that its check expects, before
//! anything is judged: a cell that is read as another is a false pass. Pure.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::check::common::Expect;
use crate::check::measurement::{Cell, Measurement};
use crate::check::outcome::{Fault, Reason};
use crate::warehouse::Rows;

/// Where one check's measurement stands in the row.
pub(super) struct Place<'a> {
    pub check: &'a str,
    pub rows_seen: usize,
    pub first: usize,
    pub columns: &'a [Expect],
    /// Whether the row only counts what may be bad, at `first`.
    pub proof: bool,
}

/// What a row says of one check.
pub(super) enum Said {
    Measured(Measurement),
    /// A proof that there is nothing bad failed; nothing is measured yet.
    Doubtful,
}

impl Place<'_> {
    /// Columns that the row has at least, for this check.
    fn width(&self) -> usize {
        (self.rows_seen + 1).max(self.first + if self.proof { 1 } else { self.columns.len() })
    }
}

/// The only row of the answer, of exactly the width that its places need.
pub(super) fn only_row<'a>(rows: &'a Rows, places: &[Place<'_>]) -> Result<&'a [Cell], Fault> {
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
    let width = places.iter().map(Place::width).max().unwrap_or(0);
    if row.len() == width {
        Ok(row)
    } else {
        Err(fault(Reason::WrongType, format!("the query returned {} columns, {width} were asked for", row.len())))
    }
}

/// One check's measurement out of the row.
pub(super) fn said(row: &[Cell], place: &Place<'_>, now: jiff::Timestamp) -> Result<Said, Fault> {
    let missing = || fault(Reason::WrongType, "the query returned too few columns");
    let rows_seen = count(row.get(place.rows_seen).ok_or_else(missing)?).map_err(|wrong| named(wrong, "rows_seen"))?;
    if place.proof {
        // Whatever is no plain zero is a doubt, and the exact statement says why.
        return Ok(match row.get(place.first).map(count) {
            Some(Ok(0)) => Said::Measured(Measurement { rows_seen, cells: vec![Cell::Int(0); place.columns.len()], now }),
            Some(Ok(_) | Err(_)) | None => Said::Doubtful,
        });
    }
    let cells = row.get(place.first..place.first + place.columns.len()).ok_or_else(missing)?;
    let cells = cells.iter().zip(place.columns).map(|(cell, expect)| valid(cell, *expect));
    Ok(Said::Measured(Measurement { rows_seen, cells: cells.collect::<Result<_, _>>()?, now }))
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
