//! Intervals, deadlines, ages and zones. Pure: the moment comes in as a value.
//!
//! Days are civil days of a zone and begin at their first instant, which is not midnight where a gap takes midnight away. Everything is
//! half-open. Where a civil time happens twice or never, the earlier instant counts: a deadline is never later than it reads.

mod closures;
mod interval;
mod ready_by;
mod slots;

use std::borrow::Cow;
use std::str::FromStr;

pub use closures::{Closed, Closure, Closures};
pub use interval::{Interval, end_of, interval_containing, intervals_between, latest_interval};
pub use ready_by::{ReadyBy, deadline};
pub use slots::{Slot, slots};

use interval::first_instant;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

/// A calendar day as written: `2026-12-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub jiff::civil::Date);

/// A length of time: dbt's `{count: 12, period: hour}` or `12h`, `30m`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    /// Length in whole seconds; a day is 24 hours.
    pub seconds: u64,
}

/// The span of data that one run covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum IntervalUnit {
    Hour,
    Day,
    Week,
    Month,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl FromStr for Day {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Day).map_err(|_| format!("`{text}` is not a day; write it as 2026-12-03"))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "A calendar day: 2026-12-03" })
    }
}

impl FromStr for Age {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a length of time; write a whole number and a unit: 30m, 12h, 7d");
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (count, unit) = trimmed.split_at(split);
        let unit = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        count.parse::<u64>().ok().and_then(|count| count.checked_mul(unit)).map(|seconds| Age { seconds }).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Age {
    /// `12h`, or dbt's `{count: 12, period: hour}`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Period {
            Minute,
            Hour,
            Day,
        }
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Short(String),
            #[serde(rename_all = "snake_case")]
            Long {
                count: u64,
                period: Period,
            },
        }
        match Written::deserialize(deserializer)? {
            Written::Short(text) => text.parse().map_err(de::Error::custom),
            Written::Long { count, period } => {
                let unit = match period {
                    Period::Minute => 60,
                    Period::Hour => 3_600,
                    Period::Day => 86_400,
                };
                count.checked_mul(unit).map(|seconds| Age { seconds }).ok_or_else(|| de::Error::custom("this length of time is too long"))
            }
        }
    }
}

impl JsonSchema for Age {
    fn schema_name() -> Cow<'static, str> {
        "Age".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: 12h, or dbt's {count: 12, period: hour}",
            "oneOf": [
                { "type": "string", "pattern": r"^\s*\d+\s*[smhd]\s*$", "examples": ["30m", "12h", "7d"] },
                {
                    "type": "object",
                    "properties": {
                        "count": { "type": "integer", "minimum": 0 },
                        "period": { "type": "string", "enum": ["minute", "hour", "day"] }
                    },
                    "required": ["count", "period"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
