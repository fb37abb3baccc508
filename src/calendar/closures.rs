//! A calendar file: the days on which nothing is due, and where what would be due then moves to.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Day;
use crate::diagnostic::At;

/// The file that `schedule.calendar` names.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Closures {
    /// The days, in any order.
    pub closed: Vec<Closure>,
}

/// A day on which nothing is due.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Closure {
    /// The day.
    pub day: At<Day>,
    /// What people call it: `Christmas Day`.
    #[serde(default)]
    pub name: Option<At<String>>,
    /// Where what is due on it moves to; the next day that is not closed when absent.
    #[serde(default)]
    pub moves_to: Option<At<Day>>,
}

/// Days on which nothing is due, each with the day that it moves to, where one is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    days: BTreeMap<Date, Option<Date>>,
}

impl From<Closures> for Closed {
    fn from(file: Closures) -> Self {
        let day = |closure: Closure| (closure.day.value.0, closure.moves_to.map(|day| day.value.0));
        Closed { days: file.closed.into_iter().map(day).collect() }
    }
}

impl Closed {
    /// Where the file says that what is due on a closed day moves to; nothing where it does not say, or where the day is not closed.
    pub fn moves_to(&self, day: Date) -> Option<Date> {
        self.days.get(&day).copied().flatten()
    }
    /// Whether nothing is due on this day.
    pub fn contains(&self, day: Date) -> bool {
        self.days.contains_key(&day)
    }

    /// The first day, from this one on, on which something is due. A day never moves backwards, and not for ever.
    pub fn due(&self, day: Date) -> Date {
        let mut due = day;
        for _ in 0..=self.days.len() {
            let Some(moves_to) = self.days.get(&due) else { return due };
            let next = due.tomorrow().unwrap_or(due);
            due = moves_to.filter(|day| *day > due).unwrap_or(next);
        }
        due
    }
}
