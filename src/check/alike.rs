//! When two values of two engines are the same value: one form in bytes for each column, by what it holds on both sides. Not for counting differences:
//! see `reconcile_rows`.
//!
//! Numbers by their value, whatever type and scale; floats bit by bit, but for -0, which is 0, or by so many significant digits where the contract says
//! so; text by its characters, case and blanks included; times by their microsecond. NULL is no value: it is equal to NULL alone. NaN is equal to NaN.

use super::field::{self, Field, Sort};
use super::judge::fault;
use super::outcome::{Fault, Reason};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What a column is compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Whole numbers and decimals.
    Number,
    /// Floats, exactly.
    Float,
    /// Numbers, by so many significant digits.
    Digits(u32),
    /// Text.
    Text,
    /// True or false.
    Bool,
    /// Dates.
    Day,
    /// Timestamps without zone, and dates as their midnights.
    Local,
    /// Timestamps with zone.
    Instant,
}

impl Class {
    /// What two columns can be compared as.
    ///
    /// # Errors
    /// Why they cannot, for people.
    pub fn of(left: &Sort, right: &Sort, digits: Option<u32>) -> Result<Class, String> {
        let number = |sort: &Sort| matches!(sort, Sort::Whole | Sort::Exact);
        Ok(match (left, right) {
            (left, right) if number(left) && number(right) => Class::Number,
            (Sort::Float, Sort::Float) => digits.map_or(Class::Float, Class::Digits),
            (Sort::Float, other) | (other, Sort::Float) if number(other) => match digits {
                Some(digits) => Class::Digits(digits),
                None => {
                    return Err(
                        "a float on one side and an exact number on the other: say with `float_digits` how many digits count".into()
                    );
                }
            },
            (Sort::Text, Sort::Text) => Class::Text,
            (Sort::Bool, Sort::Bool) => Class::Bool,
            (Sort::Day, Sort::Day) => Class::Day,
            (Sort::Local, Sort::Local) | (Sort::Day, Sort::Local) | (Sort::Local, Sort::Day) => Class::Local,
            (Sort::Instant, Sort::Instant) => Class::Instant,
            (left, right) => return Err(format!("{} on the left and {} on the right", left.spoken(), right.spoken())),
        })
    }

    /// What templates call it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Number => "number",
            Class::Float => "float",
            Class::Digits(_) => "digits",
            Class::Text => "text",
            Class::Bool => "bool",
            Class::Day => "day",
            Class::Local => "local",
            Class::Instant => "instant",
        }
    }

    /// Adds the value's form to `to`: values are the same exactly if their forms are.
    ///
    /// # Errors
    /// A value that is not read, or is not what its column holds.
    pub fn write(self, value: &Field<'_>, to: &mut Vec<u8>) -> Result<(), Fault> {
        let mut tagged = |tag: u8, bytes: &[u8]| {
            to.push(tag);
            to.extend_from_slice(bytes);
        };
        match (self, value) {
            (_, Field::Null) => tagged(0, &[]),
            (Class::Number, Field::Whole(value)) => number(to, *value, 0),
            (Class::Number, Field::Exact { value, scale }) => {
                let (value, scale) = field::stripped(*value, *scale);
                number(to, value, scale);
            }
            (Class::Number, Field::Long(written)) => {
                let written = field::trimmed(written);
                let places = written.split_once('.').map_or(0, |(_, places)| places.len());
                match (written.replacen('.', "", 1).parse::<i128>(), u32::try_from(places)) {
                    (Ok(value), Ok(scale)) => number(to, value, scale),
                    (_, _) => text(to, 3, written),
                }
            }
            (Class::Number | Class::Digits(_), Field::NotFinite(name)) => text(to, 4, name),
            (Class::Float, Field::Float(value)) => float(to, *value),
            (Class::Digits(digits), value) => match approximate(value)? {
                value if value.is_nan() => text(to, 4, "NaN"),
                value if value.is_infinite() => text(to, 4, if value > 0.0 { "Infinity" } else { "-Infinity" }),
                0.0 => text(to, 6, "0"),
                value => {
                    let places = usize::try_from(digits.saturating_sub(1)).unwrap_or(0);
                    text(to, 6, &format!("{value:.places$e}"));
                }
            },
            (Class::Text, Field::Text(value)) => text(to, 7, value),
            (Class::Bool, Field::Bool(value)) => tagged(8, &[u8::from(*value)]),
            (Class::Day, Field::Day(days)) => tagged(9, &days.to_le_bytes()),
            (Class::Local, Field::Local(micros)) => tagged(10, &micros.to_le_bytes()),
            (Class::Local, Field::Day(days)) => {
                let micros = days.checked_mul(DAY).ok_or_else(|| fault(Reason::OutOfRange, format!("day {days} is beyond all times")))?;
                tagged(10, &micros.to_le_bytes());
            }
            (Class::Instant, Field::Instant(micros)) => tagged(11, &micros.to_le_bytes()),
            (Class::Day | Class::Local | Class::Instant, Field::Infinite { future }) => tagged(12, &[u8::from(*future)]),
            (_, Field::Unread(what)) => return Err(fault(Reason::WrongType, format!("a value is {what}, which is not compared"))),
            (_, _) => return Err(fault(Reason::WrongType, "a value is not of its column's type")),
        }
        Ok(())
    }
}

fn number(to: &mut Vec<u8>, value: i128, scale: u32) {
    match i64::try_from(value) {
        Ok(value) => {
            to.push(1);
            to.extend_from_slice(&value.to_le_bytes());
        }
        Err(_) => {
            to.push(2);
            to.extend_from_slice(&value.to_le_bytes());
        }
    }
    to.extend_from_slice(&scale.to_le_bytes());
}

/// The length goes before it, so that two texts are not another two.
fn text(to: &mut Vec<u8>, tag: u8, text: &str) {
    to.push(tag);
    to.extend_from_slice(&text.len().to_le_bytes());
    to.extend_from_slice(text.as_bytes());
}

fn float(to: &mut Vec<u8>, value: f64) {
    let bits = match value {
        value if value.is_nan() => f64::NAN.to_bits(),
        0.0 => 0,
        value => value.to_bits(),
    };
    to.push(5);
    to.extend_from_slice(&bits.to_le_bytes());
}

/// The nearest float of any number, where the contract says that so many digits are enough.
fn approximate(value: &Field<'_>) -> Result<f64, Fault> {
    let written = match value {
        Field::Float(value) => return Ok(*value),
        Field::Whole(value) => value.to_string(),
        Field::Exact { value, scale } => field::plain(*value, *scale),
        Field::Long(written) => written.clone(),
        _ => return Err(fault(Reason::WrongType, "a value is not of its column's type")),
    };
    written.parse().map_err(|_| fault(Reason::OutOfRange, format!("`{written}` is no float")))
}

/// A value of a key for people.
pub fn spoken(value: &Field<'_>) -> String {
    match value {
        Field::Null => "NULL".to_owned(),
        Field::Whole(value) => value.to_string(),
        Field::Exact { value, scale } => field::trimmed(&field::plain(*value, *scale)).to_owned(),
        Field::Long(text) => field::trimmed(text).to_owned(),
        Field::Float(value) => value.to_string(),
        Field::NotFinite(name) => (*name).to_owned(),
        Field::Text(text) => text.clone().into_owned(),
        Field::Bool(value) => value.to_string(),
        Field::Day(days) => field::day(*days),
        Field::Local(micros) | Field::Instant(micros) => field::time(*micros),
        Field::Infinite { future } => if *future { "infinity" } else { "-infinity" }.to_owned(),
        Field::Unread(what) => what.clone(),
    }
}
