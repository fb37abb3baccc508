//! Numbers and times as exact cells, from what drivers hand over: scaled integers, floats, counts of seconds. What does not fit is said not to.
//!
//! Shared by the adapters. Not for what a cell means to a check: see [`crate::check`].

#[cfg(any(feature = "duckdb", feature = "adbc"))]
use jiff::{Span, Timestamp, civil::Date};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::check::measurement::Cell;

/// Decimal places that a cell can hold.
const PLACES: u32 = 28;

/// What a count of time counts.
#[cfg(any(feature = "duckdb", feature = "adbc"))]
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

/// `value * 10^-scale`. Trailing zeros are given up where that lets the number fit; digits never are.
pub(super) fn exact(mut value: i128, mut scale: u32) -> Cell {
    loop {
        if let Ok(number) = Decimal::try_from_i128_with_scale(value, scale) {
            return Cell::Decimal(number);
        }
        if scale == 0 {
            return Cell::Int(value);
        }
        if value % 10 != 0 {
            return Cell::OutOfRange(format!("{value}e-{scale}"));
        }
        (value, scale) = (value / 10, scale - 1);
    }
}

/// The shortest decimal text that means a float: what Rust's `to_string` makes of it. NaN and the infinities are not finite. Beyond 28 places the
/// number is rounded away from zero, so that what is not zero never becomes it.
pub(super) fn shortest(text: &str) -> Cell {
    if !text.ends_with(|last: char| last.is_ascii_digit()) {
        return Cell::NotFinite;
    }
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let number = if places <= PLACES as usize {
        Decimal::from_str_exact(text).ok()
    } else {
        let kept = &text[..text.len() - (places - PLACES as usize)];
        let unit = Decimal::try_from_i128_with_scale(if text.starts_with('-') { -1 } else { 1 }, PLACES).ok();
        Decimal::from_str_exact(kept).ok().zip(unit).and_then(|(kept, unit)| kept.checked_add(unit))
    };
    number.map_or_else(
        || Cell::OutOfRange(text.parse::<f64>().map_or_else(|_| text.to_owned(), |value| format!("{value:e}"))),
        |number| Cell::Decimal(number.round_dp_with_strategy(PLACES, RoundingStrategy::AwayFromZero)),
    )
}

/// A point in time, `value` units from 1970: an instant where it has a zone, else the wall time that it shows in UTC.
#[cfg(any(feature = "duckdb", feature = "adbc"))]
pub(super) fn time(unit: Unit, value: i64, zoned: bool) -> Cell {
    let instant = match unit {
        Unit::Second => Timestamp::from_second(value),
        Unit::Millisecond => Timestamp::from_millisecond(value),
        Unit::Microsecond => Timestamp::from_microsecond(value),
        Unit::Nanosecond => Timestamp::from_nanosecond(value.into()),
    };
    match instant {
        Ok(instant) if zoned => Cell::Instant(instant),
        Ok(instant) => Cell::Local(jiff::tz::TimeZone::UTC.to_datetime(instant)),
        Err(_) => Cell::OutOfRange(format!("a time {value} {unit:?}s from 1970")),
    }
}

/// A date, `days` from 1970, as its midnight.
#[cfg(any(feature = "duckdb", feature = "adbc"))]
pub(super) fn date(days: i64) -> Cell {
    let day = Span::new().try_days(days).and_then(|span| Date::constant(1970, 1, 1).checked_add(span));
    day.map_or_else(|_| Cell::OutOfRange(format!("a date {days} days from 1970")), |day| Cell::Local(day.at(0, 0, 0, 0)))
}

/// `-12.50`, `NaN`, `Infinity`: a decimal that a driver hands over as text; whatever else it says stays text.
#[cfg(feature = "adbc")]
pub(super) fn decimal_text(text: &str) -> Cell {
    if ["nan", "infinity", "-infinity"].contains(&text.to_ascii_lowercase().as_str()) {
        return Cell::NotFinite;
    }
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let figures = whole.strip_prefix('-').unwrap_or(whole);
    if figures.is_empty() || !figures.bytes().chain(places.bytes()).all(|figure| figure.is_ascii_digit()) {
        return Cell::Text(text.to_owned());
    }
    scaled_text(&format!("{whole}{places}"), places.len())
}

/// Digits with a sign, and how many of them are decimal places: for integers that are wider than 128 bits.
#[cfg(feature = "adbc")]
pub(super) fn scaled_text(digits: &str, places: usize) -> Cell {
    let zeros = (digits.len() - digits.trim_end_matches('0').len()).min(places);
    let scale = u32::try_from(places).ok();
    let fitting = (0..=zeros).find_map(|dropped| digits[..digits.len() - dropped].parse::<i128>().ok().map(|value| (value, dropped)));
    match (fitting, scale) {
        (Some((value, dropped)), Some(scale)) => exact(value, scale - u32::try_from(dropped).unwrap_or(0)),
        (_, _) => Cell::OutOfRange(format!("{digits}e-{places}")),
    }
}

/// A time as ISO 8601 text, `2026-11-16`, `2026-11-16 09:00:00.5`, `2026-11-16T09:00:00Z`: for engines that have no type for it. With a zone it is
/// an instant. Whatever else stays text.
#[cfg(feature = "adbc")]
pub(super) fn time_text(text: &str) -> Cell {
    let shaped = text.len() >= 10 && text.is_ascii() && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
    if shaped && text.len() == 10 {
        return text.parse::<Date>().map_or_else(|_| Cell::Text(text.to_owned()), |day| Cell::Local(day.at(0, 0, 0, 0)));
    }
    if !shaped || !matches!(text.as_bytes().get(10), Some(b' ' | b'T')) || text.contains('[') {
        return Cell::Text(text.to_owned());
    }
    let zoned = text[11..].contains(['Z', 'z', '+', '-']);
    match (zoned, text.parse::<Timestamp>(), text.parse::<jiff::civil::DateTime>()) {
        (true, Ok(instant), _) => Cell::Instant(instant),
        (false, _, Ok(local)) => Cell::Local(local),
        (_, _, _) => Cell::Text(text.to_owned()),
    }
}
