//! PostgreSQL's values, in its binary form, as cells: exact, or said not to be. Not for what a cell means to a check: see [`crate::check`].

use std::error::Error;

use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::check::measurement::Cell;
use crate::warehouse::exact::{exact, shortest};

/// A value of any type.
pub(super) struct Value(pub(super) Cell);

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Value(cell(kind, raw).unwrap_or_else(|| Cell::Unsupported(kind.name().to_owned()))))
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Value(Cell::Null))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// `None` for a type that no check reads, and for bytes that are no value of their type.
fn cell(kind: &Type, raw: &[u8]) -> Option<Cell> {
    Some(match *kind {
        Type::BOOL => Cell::Bool(raw != [0]),
        Type::INT2 => Cell::Int(i16::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT4 => Cell::Int(i32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT8 => Cell::Int(i64::from_be_bytes(raw.try_into().ok()?).into()),
        Type::OID => Cell::Int(u32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::FLOAT4 => match f32::from_be_bytes(raw.try_into().ok()?) {
            value if value.is_finite() => shortest(&value.to_string()),
            _ => Cell::NotFinite,
        },
        Type::FLOAT8 => match f64::from_be_bytes(raw.try_into().ok()?) {
            value if value.is_finite() => shortest(&value.to_string()),
            _ => Cell::NotFinite,
        },
        Type::NUMERIC => numeric(raw)?,
        Type::DATE => date(i32::from_be_bytes(raw.try_into().ok()?)),
        Type::TIMESTAMP => match instant(i64::from_be_bytes(raw.try_into().ok()?)) {
            Time::At(instant) => Cell::Local(jiff::tz::TimeZone::UTC.to_datetime(instant)),
            Time::Odd(cell) => cell,
        },
        Type::TIMESTAMPTZ => match instant(i64::from_be_bytes(raw.try_into().ok()?)) {
            Time::At(instant) => Cell::Instant(instant),
            Time::Odd(cell) => cell,
        },
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
            std::str::from_utf8(raw).map_or_else(|_| Cell::Unsupported("text that is not UTF-8".into()), |text| Cell::Text(text.to_owned()))
        }
        Type::UUID => Cell::Text(uuid(raw.try_into().ok()?)),
        _ if matches!(kind.kind(), Kind::Enum(_)) => Cell::Text(std::str::from_utf8(raw).ok()?.to_owned()),
        _ => return None,
    })
}

/// Groups of four decimal digits: how many, the power of 10,000 of the first, the sign, the places after the point.
fn numeric(raw: &[u8]) -> Option<Cell> {
    const NEGATIVE: u16 = 0x4000;
    const FINITE: [u16; 2] = [0, NEGATIVE];
    let (head, digits) = raw.split_first_chunk::<8>()?;
    let short = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (count, weight, sign, places) = (usize::from(short(0)), i32::from(short(2).cast_signed()), short(4), i32::from(short(6)));
    if !FINITE.contains(&sign) {
        return Some(Cell::NotFinite);
    }
    let groups: Vec<u16> = digits.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    if groups.len() != count {
        return None;
    }
    let mut value: i128 = 0;
    let mut too_large = false;
    for group in &groups {
        let next = value.checked_mul(10_000).and_then(|value| value.checked_add(i128::from(*group)));
        (value, too_large) = next.map_or((value, true), |next| (next, too_large));
    }
    // The last group stands for 10,000 to the power of this.
    let exponent = 4 * (weight - i32::try_from(count).ok()? + 1);
    let mut scale = -exponent;
    while !too_large && (scale < 0 || (scale > places && value % 10 == 0)) {
        if scale < 0 {
            let next = value.checked_mul(10);
            (value, too_large) = next.map_or((value, true), |next| (next, false));
            scale += 1;
        } else {
            (value, scale) = (value / 10, scale - 1);
        }
    }
    if too_large {
        let digits = groups.iter().map(|group| format!("{group:04}")).collect::<String>();
        let sign = if sign == NEGATIVE { "-" } else { "" };
        return Some(Cell::OutOfRange(format!("{sign}{}e{exponent}", digits.trim_start_matches('0'))));
    }
    let value = if sign == NEGATIVE { -value } else { value };
    if scale <= 0 && places == 0 {
        return Some(Cell::Int(value));
    }
    Some(exact(value, u32::try_from(scale).ok()?))
}

enum Time {
    At(Timestamp),
    Odd(Cell),
}

/// Microseconds from the first moment of 2000; the largest and the smallest number are the infinities.
fn instant(micros: i64) -> Time {
    const YEAR_2000: i64 = 946_684_800;
    if micros == i64::MAX || micros == i64::MIN {
        return Time::Odd(Cell::InfiniteTime);
    }
    let epoch = Timestamp::constant(YEAR_2000, 0);
    epoch
        .checked_add(SignedDuration::from_micros(micros))
        .map_or_else(|_| Time::Odd(Cell::OutOfRange(format!("a time {micros} microseconds from 2000"))), Time::At)
}

/// Days from the first day of 2000.
fn date(days: i32) -> Cell {
    if days == i32::MAX || days == i32::MIN {
        return Cell::InfiniteTime;
    }
    let day = Span::new().try_days(days).and_then(|span| Date::constant(2000, 1, 1).checked_add(span));
    day.map_or_else(|_| Cell::OutOfRange(format!("a date {days} days from 2000")), |day| Cell::Local(day.at(0, 0, 0, 0)))
}

pub(super) fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
