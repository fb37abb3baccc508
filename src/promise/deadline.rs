//! Whether the new version's deadline is later, or earlier, on some occasion of the next year: the last day of a month is now the 28th and now the
//! 31st, so that one occasion does not speak for all.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Version;
use crate::calendar::{self, IntervalUnit, ReadyBy, Weekday};
use crate::contract::Schedule;

/// How far ahead occasions are looked at.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 370);

/// What becomes of the deadline. Both may be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub later: bool,
    pub earlier: bool,
}

/// Compares two deadlines that are both there.
pub(super) fn moved(base: &Version<'_>, head: &Version<'_>, now: Timestamp) -> Moved {
    let (Some(old), Some(new)) = (&base.contract.schedule, &head.contract.schedule) else { return Moved { later: true, earlier: true } };
    let counted =
        |schedule: &Schedule| (schedule.interval.clone(), schedule.starts.clone(), schedule.timezone.clone(), schedule.calendar.clone());
    if counted(old) != counted(new) {
        // Runs cover other spans: their deadlines are not those of one occasion.
        return Moved { later: true, earlier: true };
    }
    if old.ready_by == new.ready_by {
        return Moved { later: false, earlier: false };
    }
    over_a_year(old, new, now).unwrap_or(Moved { later: true, earlier: true })
}

fn over_a_year(old: &Schedule, new: &Schedule, now: Timestamp) -> Option<Moved> {
    let unit = old.interval.value;
    let was = ReadyBy::parse(old.ready_by.as_ref()?, unit).ok()?;
    let is = ReadyBy::parse(new.ready_by.as_ref()?, unit).ok()?;
    let zone = match &old.timezone {
        Some(name) => TimeZone::get(name).ok()?,
        None => TimeZone::UTC,
    };
    let starts = old.starts.as_ref().map_or(Weekday::Monday, |starts| starts.value);
    // An hour's deadline is a length of time, the same after every hour.
    let ahead = if unit == IntervalUnit::Hour { SignedDuration::from_hours(2) } else { AHEAD };
    let last = now.checked_add(ahead).ok()?;
    let (mut at, mut moved) = (now, Moved { later: false, earlier: false });
    while at < last {
        let interval = calendar::interval_containing(unit, starts, &zone, at).ok()?;
        let (before, after) = (calendar::deadline(&interval, was).ok()?, calendar::deadline(&interval, is).ok()?);
        moved.later |= after > before;
        moved.earlier |= after < before;
        at = interval.end.timestamp();
    }
    Some(moved)
}
