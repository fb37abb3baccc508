//! `date_coverage`: every hour, day, week or month of the interval is there, in each group. A table that was only just loaded is not complete for that: rows
//! of an old day count for the old day.

use std::str::FromStr;

use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde_json::json;

use super::argument::{Scalar, column_of, column_problem, relation_of};
use super::common::{Common, Expect, Part, Request, Tells};
use super::judge::{count, fault};
use super::measurement::Measurement;
use super::missing::{LISTED, Missing, never_empty, told};
use super::outcome::{Fault, Judgement, Reason};
use crate::calendar::{Day, IntervalUnit, Slot, Weekday};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Every expected date of the interval is present, in each group.
    pub struct DateCoverage {
        /// `model.column`: the date, or a time.
        pub column: At<String>,
        /// Columns whose every combination must have every date. Without `expect`, the combinations are those of all rows.
        #[serde(default)]
        pub by: Vec<At<String>>,
        /// The groups that must have every date, where `by` is one column.
        #[serde(default)]
        pub expect: Option<At<Vec<At<Scalar>>>>,
        /// What must be there: each `hour`, `day`, `week` or `month`; hours of an hour, days of anything longer when absent.
        #[serde(default)]
        pub every: Option<At<IntervalUnit>>,
        /// When nothing is expected: days of the week, days, and `calendar` for those of the schedule's calendar.
        #[serde(default)]
        pub except: Vec<At<Closed>>,
        /// Zone of times that have none: `UTC`; the contract's when absent.
        #[serde(default)]
        pub timezone: Option<At<String>>,
        /// What the interval and the calendar make of it.
        #[serde(skip)]
        #[schemars(skip)]
        pub expected: Vec<Slot>,
    }
}

/// When nothing is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// On this day of each week.
    Weekday(Weekday),
    /// On this day.
    Day(Day),
    /// On the days of the schedule's calendar.
    Calendar,
}

impl FromStr for Closed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let written = text.trim().to_lowercase();
        let weekday = Weekday::ALL.into_iter().find(|day| day.name() == written);
        match weekday {
            Some(day) => Ok(Closed::Weekday(day)),
            None if written == "calendar" => Ok(Closed::Calendar),
            None => written
                .parse()
                .map(Closed::Day)
                .map_err(|_| format!("`{text}` is no day; write a day of the week, a day such as 2026-12-25, or calendar")),
        }
    }
}

impl<'de> Deserialize<'de> for Closed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Closed {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Closed".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^(monday|tuesday|wednesday|thursday|friday|saturday|sunday|calendar|\d{4}-\d{2}-\d{2})$",
            "description": "A day of the week, a day, or `calendar`: the days of the schedule's calendar"
        })
    }
}

impl DateCoverage {
    fn unit(&self) -> &'static str {
        match self.every.as_ref().map(|every| every.value) {
            Some(IntervalUnit::Hour) => "hours",
            Some(IntervalUnit::Day) | None => "days",
            Some(IntervalUnit::Week) => "weeks",
            Some(IntervalUnit::Month) => "months",
        }
    }
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let (expected, missing, undated) = (count(measurement, 0)?, count(measurement, 1)?, count(measurement, 2)?);
        let slots = i128::try_from(self.expected.len()).unwrap_or(i128::MAX);
        if slots == 0 {
            return Err(fault(Reason::Internal, "nothing was expected, and it was asked all the same"));
        }
        // Whole groups have every slot: another number says that another question was answered.
        if expected % slots != 0 || (self.by.is_empty() && expected != slots) {
            return Err(fault(Reason::OutOfRange, format!("{expected} expected {}, where each group has {slots}", self.unit())));
        }
        let listed = measurement.items.iter().map(|item| match self.by.len() {
            0 => told(item, 0),
            _ => format!("{} ({})", told(item, 0), told(item, 1)),
        });
        let facts = vec![("undated_rows".to_owned(), undated.to_string())];
        let (common, listed) = (self.shared(), listed.collect());
        Missing { common: &common, rows_seen: measurement.rows_seen, expected, missing, listed, unit: self.unit(), facts }.judge()
    }
}

/// A stretch of time as the templates see it: on the clock of `zone`, and as instants.
pub(super) fn slot_json(slot: &Slot, zone: &TimeZone) -> serde_json::Value {
    let write = |time: jiff::civil::DateTime| time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let utc = |instant: jiff::Timestamp| instant.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string();
    let ((from, to), (instant_from, instant_to)) = (slot.on_clock(zone), slot.instants());
    json!({ "name": slot.name, "from": write(from), "to": write(to), "instant_from": utc(instant_from), "instant_to": utc(instant_to) })
}

/// The zone of times that have none: as written, else the one in which the slots are counted.
pub(super) fn zone(written: Option<&At<String>>, slot: Option<&Slot>) -> TimeZone {
    let own = || slot.map_or(TimeZone::UTC, |slot| slot.start.time_zone().clone());
    written.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(own)
}

/// Says that a name is no zone.
pub(super) fn zone_problem(written: Option<&At<String>>) -> Option<Finding> {
    let name = written.filter(|name| TimeZone::get(name).is_err())?;
    let finding = Finding::error(codes::BAD_ZONE, format!("`{name}` is not a zone")).at(name.span);
    Some(finding.help("write an IANA name such as Europe/London"))
}

impl super::Kind for DateCoverage {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![relation_of(&self.column)]
    }
    fn subject(&self) -> Vec<Part> {
        let keys = self.by.iter().cloned().chain([column_of(&self.column)]).map(|column| Part::Column { relation: 0, column });
        keys.chain([Part::RowsLost { relation: 0 }]).collect()
    }
    fn request(&self) -> Request<'_> {
        let zone = zone(self.timezone.as_ref(), self.expected.first());
        let by: Vec<&str> = self.by.iter().map(|column| column.as_str()).collect();
        let groups = self.expect.as_ref().map(|expect| expect.iter().map(|group| group.value.json()).collect::<Vec<_>>());
        let slots: Vec<serde_json::Value> = self.expected.iter().map(|slot| slot_json(slot, &zone)).collect();
        Request {
            columns: vec![("expected", Expect::Count), ("missing", Expect::Count), ("undated", Expect::Count)],
            items: vec![("slot", Expect::Text), ("in_group", Expect::Text)],
            arguments: [
                ("column", json!(column_of(&self.column).value)),
                ("by", json!(by)),
                ("groups", json!(groups)),
                ("slots", json!(slots)),
                ("most", json!(LISTED)),
            ]
            .into(),
            ..Request::default()
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let mut problems: Vec<Finding> = column_problem(&self.column).into_iter().chain(zone_problem(self.timezone.as_ref())).collect();
        if let Some(expect) = &self.expect {
            if self.by.len() != 1 {
                let finding = Finding::error(codes::CONTRADICTION, "`expect` lists the groups of one column").at(expect.span);
                problems.push(finding.help("name that column, and no other, under by:"));
            }
            if expect.is_empty() {
                problems.push(Finding::error(codes::BAD_CHECK, "no group is expected").at(expect.span));
            }
        }
        let excepted = |day: &Weekday| self.except.iter().any(|closed| closed.value == Closed::Weekday(*day));
        if let (Some(first), true) = (self.except.first(), Weekday::ALL.iter().all(excepted)) {
            let finding = Finding::error(codes::BAD_CHECK, "every day of the week is excepted: nothing is ever expected").at(first.span);
            problems.push(finding.help("leave out the days on which rows must be there"));
        }
        problems.extend(never_empty(&self.shared(), "say with except: when nothing is expected"));
        problems
    }
    fn tells(&self) -> Tells {
        Tells::Partial
    }
}
