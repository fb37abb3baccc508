//! `ready_by`: the latest safe publication time, as written and as an instant.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

use super::{Age, Interval, IntervalUnit, Weekday};

/// A moment after the end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadyBy {
    /// `12:00`: the first such time at or after the interval's end.
    Time(Time),
    /// `monday 12:00`: the first such moment at or after the interval's end.
    Weekday(Weekday, Time),
    /// `day 3 12:00`: on that day of a month; the last day of a month that is shorter.
    Day(i8, Time),
    /// `30m`: so long after the interval's end.
    After(Age),
}

impl FromStr for ReadyBy {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a moment after the interval; write 12:00, monday 12:00, day 3 12:00, or 30m");
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [time] if time.contains(':') => clock(time).map(ReadyBy::Time),
            [age] => age.parse().ok().map(ReadyBy::After),
            [day, time] => weekday(day).zip(clock(time)).map(|(day, time)| ReadyBy::Weekday(day, time)),
            ["day", day, time] => {
                let day = day.parse().ok().filter(|day| (1..=31).contains(day));
                day.zip(clock(time)).map(|(day, time)| ReadyBy::Day(day, time))
            }
            _ => None,
        }
        .ok_or_else(wrong)
    }
}

impl ReadyBy {
    /// Reads one of the forms that fit the interval: a day of the week for weeks, a day of the month for months, an age for hours.
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
        let moment = text.parse();
        let fits = match (&moment, unit) {
            (Ok(ReadyBy::After(_)), _) => true,
            (Ok(ReadyBy::Time(_)), IntervalUnit::Day | IntervalUnit::Week | IntervalUnit::Month) => true,
            (Ok(ReadyBy::Weekday(..)), IntervalUnit::Week) | (Ok(ReadyBy::Day(..)), IntervalUnit::Month) => true,
            (Ok(ReadyBy::Time(_) | ReadyBy::Weekday(..) | ReadyBy::Day(..)) | Err(_), _) => false,
        };
        if fits { moment } else { Err(format!("`{text}` is not a moment after the interval; write {forms}")) }
    }

    /// The time of day, if the moment falls on this date.
    fn falls_on(self, date: Date) -> Option<Time> {
        match self {
            ReadyBy::Time(time) => Some(time),
            ReadyBy::Weekday(day, time) => (date.weekday() == day.civil()).then_some(time),
            ReadyBy::Day(day, time) => (date.day() == day.min(date.days_in_month())).then_some(time),
            ReadyBy::After(_) => None,
        }
    }
}

/// The first such moment at or after the interval's end, on the clock of the interval's zone. A moment that happens twice or never that day is
/// the earlier instant, but not one before the interval's end.
///
/// # Errors
/// Only at the end of the calendar.
pub fn deadline(interval: &Interval, ready_by: ReadyBy) -> Result<Timestamp, String> {
    let (end, zone) = (interval.end.timestamp(), interval.end.time_zone());
    if let ReadyBy::After(age) = ready_by {
        let length = i64::try_from(age.seconds).map(SignedDuration::from_secs).map_err(|error| error.to_string())?;
        return end.checked_add(length).map_err(|error| error.to_string());
    }
    let first = interval.end.date();
    // A gap can take the beginning of the day, and a moment in it, away: it is not put off to the next day.
    let whole_day = interval.end.start_of_day().is_ok_and(|start| start == interval.end);
    let mut date = first;
    loop {
        if let Some(time) = ready_by.falls_on(date)
            && (date > first || whole_day || date.to_datetime(time) >= interval.end.datetime())
        {
            let instant = zone.to_ambiguous_timestamp(date.to_datetime(time)).earlier().map_err(|error| error.to_string())?;
            return Ok(instant.max(end));
        }
        date = date.tomorrow().map_err(|error| error.to_string())?;
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
    if !digits(hour, 1) || !digits(minute, 2) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}
