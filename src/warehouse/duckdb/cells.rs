//! DuckDB's values as cells: exact, or said not to be. Not for what a cell means to a check: see [`crate::check`].

use duckdb::arrow::datatypes::DataType;
use duckdb::types::{TimeUnit, ValueRef};

use crate::check::measurement::Cell;
use crate::warehouse::exact::{self, Unit};

/// Whether values of this Arrow type are read. Of the others only the name is kept: the driver would stop the program on some of them.
pub(super) fn is_read(kind: &DataType) -> bool {
    match kind {
        DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Date32 | DataType::Float32 | DataType::Float64 => true,
        DataType::Timestamp(..) | DataType::Dictionary(..) => true,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => true,
        other => other.is_integer(),
    }
}

/// One value; `kind` is the column's Arrow type, which says whether a timestamp has a zone.
pub(super) fn cell(value: ValueRef<'_>, kind: &DataType) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Boolean(value) => Cell::Bool(value),
        ValueRef::TinyInt(value) => Cell::Int(value.into()),
        ValueRef::SmallInt(value) => Cell::Int(value.into()),
        ValueRef::Int(value) => Cell::Int(value.into()),
        ValueRef::BigInt(value) => Cell::Int(value.into()),
        ValueRef::HugeInt(value) => Cell::Int(value),
        ValueRef::UTinyInt(value) => Cell::Int(value.into()),
        ValueRef::USmallInt(value) => Cell::Int(value.into()),
        ValueRef::UInt(value) => Cell::Int(value.into()),
        ValueRef::UBigInt(value) => Cell::Int(value.into()),
        ValueRef::UHugeInt(value) => i128::try_from(value).map_or_else(|_| Cell::OutOfRange(value.to_string()), Cell::Int),
        ValueRef::Decimal(value) => exact::exact(value.value(), value.scale().into()),
        ValueRef::Float(value) => exact::shortest(&value.to_string()),
        ValueRef::Double(value) => exact::shortest(&value.to_string()),
        ValueRef::Timestamp(unit, value) => timestamp(unit, value, matches!(kind, DataType::Timestamp(_, Some(_)))),
        ValueRef::Date32(days) if days == i32::MAX || days == -i32::MAX => Cell::InfiniteTime,
        ValueRef::Date32(days) => exact::date(days.into()),
        ValueRef::Text(_) | ValueRef::Enum(..) => {
            value.as_str().map_or_else(|_| Cell::Unsupported("text that is not UTF-8".into()), |text| Cell::Text(text.into()))
        }
        other => Cell::Unsupported(format!("{:?}", other.data_type())),
    }
}

/// DuckDB's infinity is the largest number of its unit, and minus that.
fn timestamp(unit: TimeUnit, value: i64, zoned: bool) -> Cell {
    if value == i64::MAX || value == -i64::MAX {
        return Cell::InfiniteTime;
    }
    let unit = match unit {
        TimeUnit::Second => Unit::Second,
        TimeUnit::Millisecond => Unit::Millisecond,
        TimeUnit::Microsecond => Unit::Microsecond,
        TimeUnit::Nanosecond => Unit::Nanosecond,
    };
    exact::time(unit, value, zoned)
}
