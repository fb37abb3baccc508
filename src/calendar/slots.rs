//! The hours, days, weeks and months of an interval: what data must be there for. Not for which of them are excused: a check says that.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};

use super::{Interval, IntervalUnit, first_instant};

/// One expected stretch of time, half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// As people call it: `2026-11-16`, `2026-11-16 10:00+00:00`, `week of 2026-11-16`, `2026-11`.
    pub name: String,
    /// First instant.
    pub start: Zoned,
    /// First instant after it.
    pub end: Zoned,
}

/// Every hour, day, week or month that begins in the interval. Weeks begin on `monday` unless the interval itself is one.
///
/// # Errors
/// Only at the ends of the calendar.
pub fn slots(interval: &Interval, unit: IntervalUnit) -> Result<Vec<Slot>, String> {
    let wrong = |error: jiff::Error| error.to_string();
    let zone = interval.start.time_zone();
    let mut slots = Vec::new();
    if unit == IntervalUnit::Hour {
        let mut start = interval.start.clone();
        while start < interval.end {
            let end = start.checked_add(SignedDuration::from_hours(1)).map_err(wrong)?;
            slots.push(Slot { name: start.strftime("%Y-%m-%d %H:%M%:z").to_string(), start, end: end.clone() });
            start = end;
        }
        return Ok(slots);
    }
    let whole_week = interval.start.date().checked_add(Span::new().days(7)).is_ok_and(|day| day == interval.end.date());
    let week_starts = if whole_week { interval.start.date().weekday() } else { jiff::civil::Weekday::Monday };
    let mut day = interval.start.date();
    loop {
        let start = first_instant(day, zone).map_err(wrong)?;
        if start >= interval.end {
            return Ok(slots);
        }
        let (begins, length, name) = match unit {
            IntervalUnit::Hour | IntervalUnit::Day => (true, Span::new().days(1), day.to_string()),
            IntervalUnit::Week => (day.weekday() == week_starts, Span::new().days(7), format!("week of {day}")),
            IntervalUnit::Month => (day.day() == 1, Span::new().months(1), day.strftime("%Y-%m").to_string()),
        };
        if begins && start >= interval.start {
            let end = day.checked_add(length).and_then(|next| first_instant(next, zone)).map_err(wrong)?;
            slots.push(Slot { name, start, end });
        }
        day = day.tomorrow().map_err(wrong)?;
    }
}

impl Slot {
    /// From when to before when a clock of this zone shows it. An hour is sixty minutes of that clock even where it is turned back meanwhile, so that no
    /// hour is empty.
    pub fn on_clock(&self, zone: &TimeZone) -> (DateTime, DateTime) {
        let start = self.start.with_time_zone(zone.clone()).datetime();
        let end = self.end.with_time_zone(zone.clone()).datetime();
        let hour = SignedDuration::from_hours(1);
        if self.end.timestamp().duration_since(self.start.timestamp()) == hour {
            (start, start.checked_add(hour).unwrap_or(end))
        } else {
            (start, end)
        }
    }

    /// The same as instants.
    pub fn instants(&self) -> (Timestamp, Timestamp) {
        (self.start.timestamp(), self.end.timestamp())
    }
}
