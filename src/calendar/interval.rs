//! Which span of data a run covers. Not for when it is due: see `ready_by`.

use jiff::civil::{self, Date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};

use super::{Day, IntervalUnit, Weekday};

/// The half-open span of data `[start, end)` that a run covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// First instant.
    pub start: Zoned,
    /// First instant after it.
    pub end: Zoned,
}

impl Weekday {
    /// Every day, in order.
    pub const ALL: [Weekday; 7] =
        [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday, Weekday::Saturday, Weekday::Sunday];
    /// As a contract writes it: `monday`.
    pub fn name(self) -> &'static str {
        match self {
            Weekday::Monday => "monday",
            Weekday::Tuesday => "tuesday",
            Weekday::Wednesday => "wednesday",
            Weekday::Thursday => "thursday",
            Weekday::Friday => "friday",
            Weekday::Saturday => "saturday",
            Weekday::Sunday => "sunday",
        }
    }
    /// The same day in jiff's words.
    pub fn civil(self) -> civil::Weekday {
        match self {
            Weekday::Monday => civil::Weekday::Monday,
            Weekday::Tuesday => civil::Weekday::Tuesday,
            Weekday::Wednesday => civil::Weekday::Wednesday,
            Weekday::Thursday => civil::Weekday::Thursday,
            Weekday::Friday => civil::Weekday::Friday,
            Weekday::Saturday => civil::Weekday::Saturday,
            Weekday::Sunday => civil::Weekday::Sunday,
        }
    }
}

/// The newest interval that has ended at `now`, in `zone`; `starts` is the first day of a week and counts for weeks only.
///
/// # Errors
/// Only at the ends of the calendar, about the years -9999 and 9999.
pub fn latest_interval(unit: IntervalUnit, starts: Weekday, zone: &TimeZone, now: Timestamp) -> Result<Interval, String> {
    let current = interval_containing(unit, starts, zone, now)?;
    let before = current.start.timestamp().checked_sub(SignedDuration::from_nanos(1)).map_err(|error| error.to_string())?;
    interval_containing(unit, starts, zone, before)
}

/// The interval in which `instant` lies.
///
/// # Errors
/// As [`latest_interval`].
pub fn interval_containing(unit: IntervalUnit, starts: Weekday, zone: &TimeZone, instant: Timestamp) -> Result<Interval, String> {
    let at = instant.to_zoned(zone.clone());
    let day = at.date();
    let found = match unit {
        IntervalUnit::Hour => hour(&at),
        IntervalUnit::Day => days(day, Span::new().days(1), zone),
        IntervalUnit::Week => {
            let into = day.weekday().since(starts.civil());
            day.checked_sub(Span::new().days(into)).and_then(|first| days(first, Span::new().days(7), zone))
        }
        IntervalUnit::Month => days(day.first_of_month(), Span::new().months(1), zone),
    };
    found.map_err(|error| error.to_string())
}

/// The intervals that lie in the half-open span of days `[first, end)`, the oldest first.
///
/// # Errors
/// As [`latest_interval`]; more than 10,000 of them.
pub fn intervals_between(unit: IntervalUnit, starts: Weekday, zone: &TimeZone, first: Date, end: Date) -> Result<Vec<Interval>, String> {
    let text = |error: jiff::Error| error.to_string();
    let (first, end) = (first_instant(first, zone).map_err(text)?, first_instant(end, zone).map_err(text)?);
    let mut found = Vec::new();
    let mut at = interval_containing(unit, starts, zone, first.timestamp())?;
    while at.end <= end {
        if at.start >= first {
            found.push(at.clone());
        }
        if found.len() > 10_000 {
            return Err("these are more than 10,000 intervals".to_owned());
        }
        at = interval_containing(unit, starts, zone, at.end.timestamp())?;
    }
    Ok(found)
}

/// The first instant after `day` in `zone`: what is valid through a day ends there.
///
/// # Errors
/// Only at the end of the calendar.
pub fn end_of(day: Day, zone: &TimeZone) -> Result<Timestamp, String> {
    day.0.tomorrow().and_then(|next| first_instant(next, zone)).map(|start| start.timestamp()).map_err(|error| error.to_string())
}

fn days(first: Date, length: Span, zone: &TimeZone) -> Result<Interval, jiff::Error> {
    Ok(Interval { start: first_instant(first, zone)?, end: first_instant(first.checked_add(length)?, zone)? })
}

/// Midnight, the first of two midnights, or the end of the gap that takes midnight away.
pub(super) fn first_instant(day: Date, zone: &TimeZone) -> Result<Zoned, jiff::Error> {
    day.at(12, 0, 0, 0).to_zoned(zone.clone())?.start_of_day()
}

/// Sixty minutes from the last full hour on the zone's clock; an hour that happens twice is two intervals.
fn hour(at: &Zoned) -> Result<Interval, jiff::Error> {
    let into = SignedDuration::from_secs(i64::from(at.minute()) * 60 + i64::from(at.second()))
        + SignedDuration::from_nanos(at.subsec_nanosecond().into());
    let start = at.checked_sub(into)?;
    let end = start.checked_add(SignedDuration::from_hours(1))?;
    Ok(Interval { start, end })
}
