//! The rows of a query as `COPY` sends them, in PostgreSQL's binary form: each value is looked at where it lies in the message. Not for deadlines:
//! see `live`.

use futures_util::{StreamExt, pin_mut};
use tokio_postgres::Client;
use tokio_postgres::types::{Kind, Type};

use super::cells;
use super::live::Ended;
use crate::check::field::{Column, Field, Record, Sort};
use crate::check::outcome::{Fault, Reason};
use crate::warehouse::Take;

/// How the binary form begins; 32 bits of flags and the length of what else there is follow.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Microseconds from 1970 to 2000, where PostgreSQL begins to count, and days.
const MICROS_TO_2000: i64 = 946_684_800_000_000;
const DAYS_TO_2000: i64 = 10_957;
const NUMERIC_NEGATIVE: u16 = 0x4000;
const NUMERIC_NAN: u16 = 0xc000;
const NUMERIC_INFINITY: u16 = 0xd000;
const NUMERIC_MINUS_INFINITY: u16 = 0xf000;

/// Every row of the query. The server's own parser first says that it is one statement by itself: inside of `COPY (...)` it can be nothing else.
pub(super) async fn rows(client: &Client, sql: &str, take: &mut Take<'_>) -> Result<Vec<Column>, Ended> {
    let prepared = client.prepare(sql).await.map_err(Ended::Said)?;
    let types: Vec<Type> = prepared.columns().iter().map(|column| column.type_().clone()).collect();
    let columns: Vec<Column> =
        prepared.columns().iter().map(|column| Column { name: column.name().to_owned(), sort: sort(column.type_()) }).collect();
    let copied = client.copy_out(&format!("COPY (\n{sql}\n) TO STDOUT (FORMAT binary)")).await.map_err(Ended::Said)?;
    pin_mut!(copied);
    let mut places = vec![Place { start: 0, length: -1 }; types.len()];
    let (mut begun, mut ended) = (false, false);
    while let Some(message) = copied.next().await {
        let message = message.map_err(Ended::Said)?;
        let mut rest: &[u8] = &message;
        if !begun {
            rest = after_header(rest).ok_or_else(garbled)?;
            begun = true;
        }
        // A row is a message; a server that sends several in one is understood, too.
        while !rest.is_empty() {
            let Some(after) = find(rest, &mut places).ok_or_else(garbled)? else {
                ended = true;
                break;
            };
            let row = Row { types: &types, places: &places, bytes: rest };
            take(&columns, &row).map_err(Ended::Refused)?;
            rest = after;
        }
    }
    // Without the mark at their end there may have been more.
    if ended { Ok(columns) } else { Err(garbled()) }
}

fn garbled() -> Ended {
    Ended::Refused(Fault { reason: Reason::Unreachable, detail: "PostgreSQL sent rows that cannot be read".into() })
}

fn after_header(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(SIGNATURE)?;
    let (flags, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    // With OIDs each row would have one value more.
    if u32::from_be_bytes(*flags) != 0 {
        return None;
    }
    rest.get(usize::try_from(u32::from_be_bytes(*length)).ok()?..)
}

/// Where a value stands in its row; a negative length is NULL.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    length: i32,
}

/// Finds the values of the row at the beginning, and what follows the row; `Some(None)` at the end of all rows.
fn find<'b>(bytes: &'b [u8], places: &mut [Place]) -> Option<Option<&'b [u8]>> {
    let count = i16::from_be_bytes(*bytes.first_chunk::<2>()?);
    if count == -1 {
        return Some(None);
    }
    if usize::try_from(count).ok()? != places.len() {
        return None;
    }
    let mut at = 2;
    for place in places {
        let length = i32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?);
        at += 4;
        *place = Place { start: at, length };
        if length > 0 {
            at = at.checked_add(usize::try_from(length).ok()?)?;
        }
        if at > bytes.len() || length < -1 {
            return None;
        }
    }
    Some(bytes.get(at..))
}

struct Row<'r> {
    types: &'r [Type],
    places: &'r [Place],
    bytes: &'r [u8],
}

impl Record for Row<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        let (Some(kind), Some(place)) = (self.types.get(column), self.places.get(column)) else {
            return Field::Unread("a column that the server did not send".to_owned());
        };
        let Ok(length) = usize::try_from(place.length) else { return Field::Null };
        let bytes = self.bytes.get(place.start..place.start + length);
        bytes.and_then(|bytes| value(kind, bytes)).unwrap_or_else(|| Field::Unread(format!("bytes that are no {}", kind.name())))
    }
}

fn sort(kind: &Type) -> Sort {
    match *kind {
        Type::BOOL => Sort::Bool,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Sort::Whole,
        Type::NUMERIC => Sort::Exact,
        Type::FLOAT4 | Type::FLOAT8 => Sort::Float,
        Type::DATE => Sort::Day,
        Type::TIMESTAMP => Sort::Local,
        Type::TIMESTAMPTZ => Sort::Instant,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::UUID => Sort::Text,
        _ if matches!(kind.kind(), Kind::Enum(_)) => Sort::Text,
        _ => Sort::Other(kind.name().to_owned()),
    }
}

/// `None` for bytes that are no value of their type.
fn value<'b>(kind: &Type, raw: &'b [u8]) -> Option<Field<'b>> {
    Some(match *kind {
        Type::BOOL => match raw {
            [0] => Field::Bool(false),
            [1] => Field::Bool(true),
            _ => return None,
        },
        Type::INT2 => Field::Whole(i16::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT4 => Field::Whole(i32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT8 => Field::Whole(i64::from_be_bytes(raw.try_into().ok()?).into()),
        Type::OID => Field::Whole(u32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::FLOAT4 => Field::Float(f32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::FLOAT8 => Field::Float(f64::from_be_bytes(raw.try_into().ok()?)),
        Type::NUMERIC => numeric(raw)?,
        Type::DATE => match i32::from_be_bytes(raw.try_into().ok()?) {
            i32::MAX => Field::Infinite { future: true },
            i32::MIN => Field::Infinite { future: false },
            days => Field::Day(i64::from(days) + DAYS_TO_2000),
        },
        Type::TIMESTAMP | Type::TIMESTAMPTZ => match i64::from_be_bytes(raw.try_into().ok()?) {
            i64::MAX => Field::Infinite { future: true },
            i64::MIN => Field::Infinite { future: false },
            micros => {
                let micros = micros.checked_add(MICROS_TO_2000)?;
                if *kind == Type::TIMESTAMPTZ { Field::Instant(micros) } else { Field::Local(micros) }
            }
        },
        // The blanks at its end are the type's, not the value's.
        Type::BPCHAR => Field::Text(std::str::from_utf8(raw).ok()?.trim_end_matches(' ').into()),
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => Field::Text(std::str::from_utf8(raw).ok()?.into()),
        Type::UUID => Field::Text(cells::uuid(raw.try_into().ok()?).into()),
        _ if matches!(kind.kind(), Kind::Enum(_)) => Field::Text(std::str::from_utf8(raw).ok()?.into()),
        _ => Field::Unread(format!("of the type {}", kind.name())),
    })
}

/// Groups of four decimal digits: how many, the power of 10,000 of the first, the sign, the places after the point.
fn numeric(raw: &[u8]) -> Option<Field<'static>> {
    let (head, digits) = raw.split_first_chunk::<8>()?;
    let short = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (count, weight, sign, places) = (usize::from(short(0)), i32::from(short(2).cast_signed()), short(4), u32::from(short(6)));
    match sign {
        0 | NUMERIC_NEGATIVE => {}
        NUMERIC_NAN => return Some(Field::NotFinite("NaN")),
        NUMERIC_INFINITY => return Some(Field::NotFinite("Infinity")),
        NUMERIC_MINUS_INFINITY => return Some(Field::NotFinite("-Infinity")),
        _ => return None,
    }
    let groups = digits.as_chunks::<2>().0;
    if groups.len() != count {
        return None;
    }
    let groups = || groups.iter().map(|pair| u16::from_be_bytes(*pair));
    // The last group stands for 10,000 to the power of this.
    let last = weight - i32::try_from(count).ok()? + 1;
    let mut value: i128 = 0;
    if count <= 4 {
        // Most amounts: 64 bits hold them.
        value = groups().fold(0_i64, |value, group| value * 10_000 + i64::from(group)).into();
    } else {
        for group in groups() {
            match value.checked_mul(10_000).and_then(|value| value.checked_add(group.into())) {
                Some(next) => value = next,
                None => return long(groups(), weight, sign == NUMERIC_NEGATIVE, places),
            }
        }
    }
    let value = if sign == NUMERIC_NEGATIVE { -value } else { value };
    let scale = u32::try_from(-4 * last).unwrap_or(0);
    if last > 0 {
        return match 10_000_i128.checked_pow(last.unsigned_abs()).and_then(|factor| value.checked_mul(factor)) {
            Some(value) => Some(Field::Exact { value, scale: 0 }),
            None => long(groups(), weight, sign == NUMERIC_NEGATIVE, places),
        };
    }
    // Four digits a group: those behind the last place are zeros.
    match scale.checked_sub(places) {
        Some(zeros @ 1..=3) => Some(Field::Exact { value: value / 10_i128.pow(zeros), scale: places }),
        Some(_) | None => Some(Field::Exact { value, scale }),
    }
}

/// The same in plain writing.
fn long(groups: impl Iterator<Item = u16>, weight: i32, negative: bool, places: u32) -> Option<Field<'static>> {
    let groups: Vec<u16> = groups.collect();
    let group = |power: i32| usize::try_from(weight - power).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0);
    let mut text: String = (0..=weight.max(0)).rev().map(|power| format!("{:04}", group(power))).collect();
    text = text.trim_start_matches('0').to_owned();
    if text.is_empty() {
        text.push('0');
    }
    if places > 0 {
        let of = (1..=i32::try_from(places.div_ceil(4)).ok()?).map(|power| format!("{:04}", group(-power)));
        let decimals: String = of.collect();
        text.push('.');
        text.push_str(decimals.get(..usize::try_from(places).ok()?)?);
    }
    Some(Field::Long(if negative { format!("-{text}") } else { text }))
}
