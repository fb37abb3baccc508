//! One value of a row that streams by, borrowed from the driver: exact, or said not to be. Two engines are compared by these.
//!
//! What is equal to what is defined here once: a number by its value, whatever its type and scale; a text by its characters, all of them; a time by
//! its microsecond. Not for what a difference means: see `keyed` and `reconcile_rows`.

use std::borrow::Cow;

use rust_decimal::Decimal;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A value as the engine holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum Field<'a> {
    /// SQL NULL.
    Null,
    /// A whole number.
    Whole(i128),
    /// `value * 10^-scale`.
    Exact {
        /// The digits.
        value: i128,
        /// How many of them are decimal places.
        scale: u32,
    },
    /// A decimal of more digits than 128 bits hold, in plain writing: `-123.45`.
    Long(String),
    /// Binary, with NaN and the infinities.
    Float(f64),
    /// NaN or an infinity of a decimal type.
    NotFinite(&'static str),
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Bool(bool),
    /// Days since 1970.
    Day(i64),
    /// Microseconds since 1970, on a clock without zone.
    Local(i64),
    /// Microseconds since 1970, UTC.
    Instant(i64),
    /// An infinite date or time: after all others, or before.
    Infinite {
        /// Whether it is after all others.
        future: bool,
    },
    /// What is not read, and why.
    Unread(String),
}

/// What a column holds, as far as comparing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sort {
    /// Whole numbers.
    Whole,
    /// Decimals.
    Exact,
    /// Binary floating point.
    Float,
    /// Text.
    Text,
    /// True or false.
    Bool,
    /// Dates.
    Day,
    /// Timestamps without zone.
    Local,
    /// Timestamps with zone.
    Instant,
    /// A type that is not compared; the engine's name of it.
    Other(String),
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As the engine calls it.
    pub name: String,
    /// What it holds.
    pub sort: Sort,
}

/// One row that streams by.
pub trait Record {
    /// The value of a column, counted from 0.
    fn field(&self, column: usize) -> Field<'_>;
}

impl Sort {
    /// What templates call it.
    pub fn name(&self) -> &str {
        match self {
            Sort::Whole => "whole",
            Sort::Exact => "exact",
            Sort::Float => "float",
            Sort::Text => "text",
            Sort::Bool => "bool",
            Sort::Day => "day",
            Sort::Local => "local",
            Sort::Instant => "instant",
            Sort::Other(name) => name,
        }
    }
    /// For people: `a date`.
    pub fn spoken(&self) -> String {
        match self {
            Sort::Whole => "a whole number",
            Sort::Exact => "a decimal",
            Sort::Float => "a float",
            Sort::Text => "text",
            Sort::Bool => "true or false",
            Sort::Day => "a date",
            Sort::Local => "a timestamp without zone",
            Sort::Instant => "a timestamp with zone",
            Sort::Other(name) => return format!("of the type {name}"),
        }
        .to_owned()
    }
}

/// A whole number and how many of its last digits are decimal places, without zeros at the end: one form for each number.
pub fn stripped(mut value: i128, mut scale: u32) -> (i128, u32) {
    // Most amounts fit 64 bits, which divide many times faster.
    if let Ok(mut small) = i64::try_from(value) {
        while scale > 0 && small % 10 == 0 {
            (small, scale) = (small / 10, scale - 1);
        }
        return (small.into(), scale);
    }
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    (value, scale)
}

/// `-12.5`: plain writing, the decimal places as they are.
pub fn plain(value: i128, scale: u32) -> String {
    let digits = value.unsigned_abs().to_string();
    let scale = usize::try_from(scale).unwrap_or(usize::MAX);
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = if digits.len() <= scale { format!("{}{digits}", "0".repeat(scale + 1 - digits.len())) } else { digits };
    let (whole, places) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{places}")
}

/// Plain writing without zeros at the end of the decimal places.
pub fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A finite float in decimal digits that mean it and no other float; `None` when they are more than an exact number holds.
pub fn shortest(value: f64) -> Option<(i128, u32)> {
    let number: Decimal = Decimal::from_str_exact(&value.to_string()).ok()?;
    Some(stripped(number.mantissa(), number.scale()))
}

/// A date as people write it; what no calendar holds by its number.
pub fn day(days: i64) -> String {
    let date = jiff::Span::new().try_days(days).and_then(|span| jiff::civil::Date::constant(1970, 1, 1).checked_add(span));
    date.map_or_else(|_| format!("day {days}"), |date| date.to_string())
}

/// A time as people write it: a date at midnight, else date and time.
pub fn time(micros: i64) -> String {
    if micros % DAY == 0 {
        return day(micros / DAY);
    }
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(instant) => jiff::tz::TimeZone::UTC.to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S%.f").to_string(),
        Err(_) => format!("microsecond {micros}"),
    }
}
