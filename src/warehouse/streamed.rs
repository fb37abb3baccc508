//! Arrow's columns as fields of rows that stream by; for every adapter whose driver speaks Arrow. Not for single answers: see `cells` of each.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};

use crate::check::field::{Field, Record, Sort};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// A 32-bit date that stands for an infinite one (DuckDB's).
const ENDLESS: i32 = i32::MAX;

/// What a column of this Arrow type holds.
pub(super) fn sort(kind: &DataType) -> Sort {
    match kind {
        DataType::Boolean => Sort::Bool,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Sort::Float,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => Sort::Exact,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Sort::Text,
        DataType::Dictionary(_, value) if matches!(**value, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => Sort::Text,
        DataType::Date32 | DataType::Date64 => Sort::Day,
        DataType::Timestamp(_, None) => Sort::Local,
        DataType::Timestamp(_, Some(_)) => Sort::Instant,
        other if other.is_integer() => Sort::Whole,
        other => Sort::Other(other.to_string()),
    }
}

/// One column of a batch, its type looked at once.
pub(super) struct Values<'a> {
    array: &'a ArrayRef,
    nullable: bool,
    as_type: As<'a>,
}

enum As<'a> {
    I32(&'a PrimitiveArray<Int32Type>),
    I64(&'a PrimitiveArray<Int64Type>),
    F64(&'a PrimitiveArray<Float64Type>),
    D64(&'a PrimitiveArray<Decimal64Type>, u32),
    D128(&'a PrimitiveArray<Decimal128Type>, u32),
    Text(&'a arrow_array::StringArray),
    Day(&'a PrimitiveArray<Date32Type>),
    Micros(&'a PrimitiveArray<TimestampMicrosecondType>, bool),
    /// Where each row's value stands among the values.
    Dictionary(Vec<usize>, &'a ArrayRef),
    Rare,
}

impl<'a> Values<'a> {
    pub(super) fn of(array: &'a ArrayRef) -> Values<'a> {
        let scale = |scale: &i8| u32::try_from(*scale).ok();
        let as_type = match array.data_type() {
            DataType::Int32 => As::I32(array.as_primitive()),
            DataType::Int64 => As::I64(array.as_primitive()),
            DataType::Float64 => As::F64(array.as_primitive()),
            DataType::Decimal64(_, places) => scale(places).map_or(As::Rare, |scale| As::D64(array.as_primitive(), scale)),
            DataType::Decimal128(_, places) => scale(places).map_or(As::Rare, |scale| As::D128(array.as_primitive(), scale)),
            DataType::Utf8 => As::Text(array.as_string()),
            DataType::Date32 => As::Day(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => As::Micros(array.as_primitive(), zone.is_some()),
            DataType::Dictionary(..) => array
                .as_any_dictionary_opt()
                .map_or(As::Rare, |dictionary| As::Dictionary(dictionary.normalized_keys(), dictionary.values())),
            _ => As::Rare,
        };
        Values { array, nullable: array.null_count() > 0, as_type }
    }

    fn at(&self, row: usize) -> Field<'a> {
        if row >= self.array.len() {
            return Field::Unread("a value that the driver did not send".to_owned());
        }
        if self.nullable && self.array.is_null(row) {
            return Field::Null;
        }
        match &self.as_type {
            As::I32(array) => Field::Whole(array.value(row).into()),
            As::I64(array) => Field::Whole(array.value(row).into()),
            As::F64(array) => Field::Float(array.value(row)),
            As::D64(array, scale) => Field::Exact { value: array.value(row).into(), scale: *scale },
            As::D128(array, scale) => Field::Exact { value: array.value(row), scale: *scale },
            As::Text(array) => Field::Text(array.value(row).into()),
            As::Day(array) => day(array.value(row)),
            As::Micros(array, zoned) => micros(Some(array.value(row)), array.value(row), *zoned),
            As::Dictionary(places, values) => match places.get(row) {
                Some(at) if *at < values.len() => listed(values, *at),
                _ => Field::Unread("a value outside of its dictionary".to_owned()),
            },
            As::Rare => rare(self.array, row),
        }
    }
}

/// A row of a batch.
pub(super) struct Row<'a> {
    pub(super) columns: &'a [Values<'a>],
    pub(super) row: usize,
}

impl Record for Row<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        match self.columns.get(column) {
            Some(values) => values.at(self.row),
            None => Field::Unread("a column that the driver did not send".to_owned()),
        }
    }
}

fn day(days: i32) -> Field<'static> {
    match days {
        ENDLESS => Field::Infinite { future: true },
        days if days == -ENDLESS => Field::Infinite { future: false },
        days => Field::Day(days.into()),
    }
}

/// `micros` of a time whose number in its own unit is `raw`.
fn micros(micros: Option<i64>, raw: i64, zoned: bool) -> Field<'static> {
    match (raw, micros) {
        (i64::MAX, _) => Field::Infinite { future: true },
        (raw, _) if raw == -i64::MAX => Field::Infinite { future: false },
        (_, Some(micros)) if zoned => Field::Instant(micros),
        (_, Some(micros)) => Field::Local(micros),
        // Finer than a microsecond, or too far away: nothing is rounded.
        (_, None) => Field::Unread("a time that is no whole number of microseconds".to_owned()),
    }
}

fn decimal(value: i128, scale: i8) -> Field<'static> {
    match u32::try_from(scale) {
        Ok(scale) => Field::Exact { value, scale },
        Err(_) => {
            let factor = 10_i128.checked_pow(u32::from(scale.unsigned_abs()));
            match factor.and_then(|factor| value.checked_mul(factor)) {
                Some(value) => Field::Whole(value),
                None => Field::Unread("a decimal of too many digits".to_owned()),
            }
        }
    }
}

/// The types that few columns have.
fn rare(array: &ArrayRef, row: usize) -> Field<'_> {
    macro_rules! value {
        ($of:ty) => {
            array.as_primitive::<$of>().value(row)
        };
    }
    match array.data_type() {
        DataType::Null => Field::Null,
        DataType::Boolean => Field::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Field::Whole(value!(Int8Type).into()),
        DataType::Int16 => Field::Whole(value!(Int16Type).into()),
        DataType::UInt8 => Field::Whole(value!(UInt8Type).into()),
        DataType::UInt16 => Field::Whole(value!(UInt16Type).into()),
        DataType::UInt32 => Field::Whole(value!(UInt32Type).into()),
        DataType::UInt64 => Field::Whole(value!(UInt64Type).into()),
        DataType::Float16 => Field::Float(value!(Float16Type).to_f64()),
        DataType::Float32 => Field::Float(value!(Float32Type).into()),
        DataType::Decimal32(_, scale) => decimal(value!(Decimal32Type).into(), *scale),
        DataType::Decimal64(_, scale) => decimal(value!(Decimal64Type).into(), *scale),
        DataType::Decimal128(_, scale) => decimal(value!(Decimal128Type), *scale),
        DataType::Decimal256(_, scale) => match value!(Decimal256Type).to_i128() {
            Some(value) => decimal(value, *scale),
            None => Field::Unread("a decimal of more than 38 digits".to_owned()),
        },
        DataType::LargeUtf8 => Field::Text(array.as_string::<i64>().value(row).into()),
        DataType::Utf8View => Field::Text(array.as_string_view().value(row).into()),
        DataType::Date64 if value!(Date64Type) % DAY == 0 => Field::Day(value!(Date64Type) / DAY),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            let raw = value!(TimestampSecondType);
            micros(raw.checked_mul(1_000_000), raw, zone.is_some())
        }
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            let raw = value!(TimestampMillisecondType);
            micros(raw.checked_mul(1000), raw, zone.is_some())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let raw = value!(TimestampNanosecondType);
            micros((raw % 1000 == 0).then_some(raw / 1000), raw, zone.is_some())
        }
        other => Field::Unread(format!("of the type {other}")),
    }
}

/// A value of a dictionary.
fn listed(values: &ArrayRef, at: usize) -> Field<'_> {
    match values.data_type() {
        _ if values.is_null(at) => Field::Null,
        DataType::Utf8 => Field::Text(values.as_string::<i32>().value(at).into()),
        _ => rare(values, at),
    }
}
