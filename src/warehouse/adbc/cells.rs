//! Arrow values as cells: exact, or said not to be. Not for what a cell means to a check: see [`crate::check`].

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, TimeUnit};

use crate::check::measurement::Cell;
use crate::warehouse::exact::{self, Unit};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What the texts of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// Themselves.
    Text,
    /// Exact numbers, where Arrow has no type for the engine's.
    Numbers,
    /// Times where they are written as such: SQLite has no type for them.
    Times,
}

impl Texts {
    /// How the driver and the engine mean a column's texts.
    pub(super) fn of(field: &Field, dialect: &str) -> Texts {
        match field.metadata().get("ADBC:postgresql:typname").map(String::as_str) {
            Some("numeric") => Texts::Numbers,
            _ if dialect == "sqlite" => Texts::Times,
            _ => Texts::Text,
        }
    }
}

/// The value in one row.
pub(super) fn cell(array: &ArrayRef, row: usize, texts: Texts) -> Cell {
    if row >= array.len() {
        return Cell::Unsupported("a value that the driver did not send".into());
    }
    if array.is_null(row) {
        return Cell::Null;
    }
    macro_rules! value {
        ($of:ty) => {
            array.as_primitive::<$of>().value(row)
        };
    }
    let zoned = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    match array.data_type() {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Cell::Int(value!(Int8Type).into()),
        DataType::Int16 => Cell::Int(value!(Int16Type).into()),
        DataType::Int32 => Cell::Int(value!(Int32Type).into()),
        DataType::Int64 => Cell::Int(value!(Int64Type).into()),
        DataType::UInt8 => Cell::Int(value!(UInt8Type).into()),
        DataType::UInt16 => Cell::Int(value!(UInt16Type).into()),
        DataType::UInt32 => Cell::Int(value!(UInt32Type).into()),
        DataType::UInt64 => Cell::Int(value!(UInt64Type).into()),
        DataType::Float16 => exact::shortest(&value!(Float16Type).to_f32().to_string()),
        DataType::Float32 => exact::shortest(&value!(Float32Type).to_string()),
        DataType::Float64 => exact::shortest(&value!(Float64Type).to_string()),
        DataType::Decimal32(_, scale) => scaled(&value!(Decimal32Type).to_string(), *scale),
        DataType::Decimal64(_, scale) => scaled(&value!(Decimal64Type).to_string(), *scale),
        DataType::Decimal128(_, scale) => scaled(&value!(Decimal128Type).to_string(), *scale),
        DataType::Decimal256(_, scale) => scaled(&value!(Decimal256Type).to_string(), *scale),
        DataType::Utf8 => text(array.as_string::<i32>().value(row), texts),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row), texts),
        DataType::Utf8View => text(array.as_string_view().value(row), texts),
        DataType::Date32 => exact::date(value!(Date32Type).into()),
        DataType::Date64 => date64(value!(Date64Type)),
        DataType::Timestamp(TimeUnit::Second, _) => exact::time(Unit::Second, value!(TimestampSecondType), zoned),
        DataType::Timestamp(TimeUnit::Millisecond, _) => exact::time(Unit::Millisecond, value!(TimestampMillisecondType), zoned),
        DataType::Timestamp(TimeUnit::Microsecond, _) => exact::time(Unit::Microsecond, value!(TimestampMicrosecondType), zoned),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => exact::time(Unit::Nanosecond, value!(TimestampNanosecondType), zoned),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match cell(&dictionary.keys().slice(row, 1), 0, Texts::Text) {
                Cell::Int(key) => usize::try_from(key)
                    .map_or_else(|_| Cell::Unsupported("a negative dictionary key".into()), |key| cell(dictionary.values(), key, texts)),
                other => other,
            }
        }
        other => Cell::Unsupported(other.to_string()),
    }
}

fn text(text: &str, texts: Texts) -> Cell {
    match texts {
        Texts::Text => Cell::Text(text.to_owned()),
        Texts::Numbers => exact::decimal_text(text),
        Texts::Times => exact::time_text(text),
    }
}

/// Digits and their scale; a negative scale means zeros behind them.
fn scaled(digits: &str, scale: i8) -> Cell {
    match usize::try_from(scale) {
        Ok(places) => exact::scaled_text(digits, places),
        Err(_) => exact::scaled_text(&format!("{digits}{}", "0".repeat(usize::from(scale.unsigned_abs()))), 0),
    }
}

/// Milliseconds that ought to be whole days; where they are not, the time is kept.
fn date64(value: i64) -> Cell {
    if value % DAY == 0 { exact::date(value / DAY) } else { exact::time(Unit::Millisecond, value, false) }
}
