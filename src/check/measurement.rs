//! What the warehouse returned for a check: one row that begins with `rows_seen`, and what it lists, validated before anything is judged.

use rust_decimal::Decimal;

/// One value of an answer, as exact as the engine gave it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// Whole numbers of any width up to 128 bits.
    Int(i128),
    /// Exact decimals, and floats that are finite and fit exactly enough (28 digits).
    Decimal(Decimal),
    /// NaN or an infinity.
    NotFinite,
    /// A number that does not fit: never comparable.
    OutOfRange(String),
    /// A point in time.
    Instant(jiff::Timestamp),
    /// A date or timestamp without zone.
    Local(jiff::civil::DateTime),
    /// An infinite date or timestamp.
    InfiniteTime,
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// A type that no check reads; holds its name.
    Unsupported(String),
}

/// One validated row: `rows_seen` and the columns that the check asked for, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Rows that the check looked at.
    pub rows_seen: i128,
    /// The other columns, each of the type that the check expects.
    pub cells: Vec<Cell>,
    /// What a kind that lists things was told of each, in order of rank; empty for the others.
    pub items: Vec<Vec<Cell>>,
    /// The decision time, for ages: UTC, from the warehouse's clock.
    pub now: jiff::Timestamp,
}
