//! `ready_by`: the latest safe publication time, as written.

use jiff::civil::Time;

use crate::calendar::{Age, IntervalUnit, Weekday};

/// A moment after the end of an interval. Which instant it is depends on the interval and the zone: see [`crate::calendar`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadyBy {
    /// `12:00`: the first such time at or after the interval's end.
    Time(Time),
    /// `monday 12:00`: the first such moment at or after the interval's end; weeks only.
    Weekday(Weekday, Time),
    /// `day 3 12:00`: on that day of the month that follows; months only.
    Day(i8, Time),
    /// `30m`: so long after the interval's end.
    After(Age),
}

impl ReadyBy {
    /// Reads the form that fits the interval.
    ///
    /// # Errors
    /// What is wrong with it, with the forms that fit.
    pub fn parse(text: &str, unit: IntervalUnit) -> Result<Self, String> {
        let forms = match unit {
            IntervalUnit::Hour => "a time after the hour, such as 30m",
            IntervalUnit::Day => "a time such as 12:00",
            IntervalUnit::Week => "a day and a time, such as monday 12:00",
            IntervalUnit::Month => "a day of the month and a time, such as day 3 12:00",
        };
        let wrong = || format!("`{text}` is not a moment after the interval; write {forms}");
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match (words.as_slice(), unit) {
            ([time], IntervalUnit::Day | IntervalUnit::Week | IntervalUnit::Month) if time.contains(':') => {
                clock(time).map(ReadyBy::Time).ok_or_else(wrong)
            }
            ([age], _) => age.parse().map(ReadyBy::After).map_err(|_| wrong()),
            ([day, time], IntervalUnit::Week) => Ok(ReadyBy::Weekday(weekday(day).ok_or_else(wrong)?, clock(time).ok_or_else(wrong)?)),
            (["day", day, time], IntervalUnit::Month) => {
                let day = day.parse().ok().filter(|day| (1..=31).contains(day)).ok_or_else(wrong)?;
                Ok(ReadyBy::Day(day, clock(time).ok_or_else(wrong)?))
            }
            (_, IntervalUnit::Hour | IntervalUnit::Day | IntervalUnit::Week | IntervalUnit::Month) => Err(wrong()),
        }
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

/// `9:00` or `09:00`, twenty-four hours.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str, least: usize| (least..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits(hour, 1) && digits(minute, 2);
    fits.then(|| Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()).flatten()
}
