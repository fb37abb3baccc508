//! Waivers and deadlines: what depends on the calendar and on the clock.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Look, Planned, Surroundings};
use crate::calendar::{self, IntervalUnit, ReadyBy, Weekday};
use crate::contract::Contract;
use crate::diagnostic::{Finding, Level, codes};

/// How far ahead deadlines are looked at: each change of the clock comes once a year.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 370);

/// The contract's zone; UTC when it names none, nothing when it names no zone that there is.
pub(super) fn zone(contract: &Contract) -> Option<TimeZone> {
    match contract.schedule.as_ref().and_then(|schedule| schedule.timezone.as_ref()) {
        Some(name) => TimeZone::get(name).ok(),
        None => Some(TimeZone::UTC),
    }
}

pub(super) fn waivers(look: &mut Look<'_>, now: Timestamp) {
    let contract = look.contract;
    let Some(zone) = zone(contract) else { return };
    let known = people(look);
    for waiver in &contract.waivers {
        if calendar::end_of(waiver.until.value, &zone).is_ok_and(|end| end <= now) {
            let message = format!("the waiver of `{}` ended on {}, so it excuses nothing", waiver.check, waiver.until.value.0);
            let finding = Finding::warning(codes::EXPIRED_WAIVER, message).at(waiver.until.span);
            look.found.push(finding.help(format!("remove it, or ask {} to renew it", waiver.approved_by)));
        }
        let by = waiver.approved_by.trim();
        if !by.is_empty() && !by.contains('@') && !known.contains(&by.to_lowercase()) {
            let message = format!("nobody knows how to reach `{by}`, who approved this waiver");
            let finding = Finding::warning(codes::UNOWNED_WAIVER, message).at(waiver.approved_by.span);
            look.found.push(finding.help("write an address, or one of the contract's owners"));
        }
    }
}

/// Everybody whom the contract or dbt names as an owner, in small letters.
fn people(look: &Look<'_>) -> BTreeSet<String> {
    let contract = look.contract;
    let owners = contract.owners.iter().flat_map(|owners| owners.business.iter().chain(&owners.technical));
    let owners = owners.chain(contract.metrics.values().filter_map(|metric| metric.owner.as_ref()));
    let named = owners.flat_map(|owner| [Some(owner.team.value.clone()), owner.contact.as_ref().map(|contact| contact.value.clone())]);
    let exposures = look.project.exposures.values().flat_map(|exposure| [exposure.owner_name.clone(), exposure.owner_email.clone()]);
    let groups =
        look.project.groups.values().flat_map(|group| [Some(group.name.clone()), group.owner_name.clone(), group.owner_email.clone()]);
    named.chain(exposures).chain(groups).flatten().map(|name| name.trim().to_lowercase()).collect()
}

pub(super) fn clock(look: &mut Look<'_>, now: Timestamp) {
    let contract = look.contract;
    let (Some(schedule), Some(zone)) = (&contract.schedule, zone(contract)) else { return };
    let Some(written) = &schedule.ready_by else { return };
    let unit = schedule.interval.value;
    let Ok(ready_by) = ReadyBy::parse(written, unit) else { return };
    let time = match ready_by {
        ReadyBy::Time(time) | ReadyBy::Weekday(_, time) | ReadyBy::Day(_, time) => time,
        ReadyBy::After(_) => return,
    };
    let starts = schedule.starts.as_ref().map_or(Weekday::Monday, |starts| starts.value);
    let Ok(last) = now.checked_add(AHEAD) else { return };
    let mut at = now;
    while at < last {
        let Ok(interval) = calendar::interval_containing(unit, starts, &zone, at) else { return };
        let Ok(deadline) = calendar::deadline(&interval, ready_by) else { return };
        let shown = deadline.to_zoned(zone.clone());
        let day = shown.date();
        let skipped = shown.time() != time && deadline > interval.end.timestamp();
        let twice = zone.to_ambiguous_timestamp(shown.datetime()).is_ambiguous();
        if skipped || twice {
            let what = if skipped {
                format!("there is no {} on {day}", written.trim())
            } else {
                format!("{} comes twice on {day}", written.trim())
            };
            let name = zone.iana_name().unwrap_or("the contract's zone").to_owned();
            let finding = Finding::warning(codes::SHIFTED_DEADLINE, format!("{what} in {name}: the clock is changed")).at(written.span);
            look.found.push(
                finding.help(format!("that day the deadline is {}; choose a time that every day has once", shown.strftime("%H:%M %:z"))),
            );
            return;
        }
        // The first instant after the interval is in the next one.
        at = interval.end.timestamp();
    }
}

/// Days of the deadline that a month lacks, or that the calendar closes.
pub(super) fn days(look: &mut Look<'_>, around: &Surroundings<'_>) {
    let contract = look.contract;
    let (Some(schedule), Some(zone)) = (&contract.schedule, zone(contract)) else { return };
    let Some(written) = &schedule.ready_by else { return };
    let unit = schedule.interval.value;
    let Ok(ready_by) = ReadyBy::parse(written, unit) else { return };
    let warn = |message: String| Finding::warning(codes::MISSED_DAY, message).at(written.span);
    if let ReadyBy::Day(day @ 29.., _) = ready_by {
        let finding = warn(format!("not every month has a day {day}: there the deadline is the last day of the month"));
        look.found.push(finding.help("choose a day up to 28, if the first days of the next month are not meant"));
    }
    let Some(closed) = around.closed else { return };
    let starts = schedule.starts.as_ref().map_or(Weekday::Monday, |starts| starts.value);
    let Ok(last) = around.now.checked_add(AHEAD) else { return };
    let mut at = around.now;
    while at < last {
        let Ok(interval) = calendar::interval_containing(unit, starts, &zone, at) else { return };
        let next = calendar::interval_containing(unit, starts, &zone, interval.end.timestamp());
        let day_of = |interval: &calendar::Interval| {
            calendar::deadline(interval, ready_by).ok().map(|deadline| deadline.to_zoned(zone.clone()).date())
        };
        let (Some(day), Some(following)) = (day_of(&interval), next.ok().and_then(|next| day_of(&next))) else { return };
        let due = closed.due(day);
        let hourly = unit == IntervalUnit::Hour;
        let finding = if !closed.contains(day) {
            None
        } else if due >= following && !hourly {
            let finding = warn(format!("{day} is closed, and its report is not due before the next one, on {following}"));
            Some(finding.help("let the day move to an earlier one in the calendar, or take it out"))
        } else if let Some(moves_to) = closed.moves_to(day).filter(|moves_to| *moves_to != due) {
            let finding = warn(format!("{day} is closed and cannot move to {moves_to}: the deadline is on {due}"));
            Some(finding.help("write a later day that is not closed in the calendar"))
        } else if closed.moves_to(day).is_none() && !hourly {
            let finding = warn(format!("{day} is closed, and the calendar does not say where the deadline moves to: it is on {due}"));
            Some(Finding { level: Level::Note, ..finding }.help(format!("write `moves_to: {due}` beside the day, so that readers know")))
        } else {
            None
        };
        if let Some(finding) = finding {
            look.found.push(finding);
            return;
        }
        at = interval.end.timestamp();
    }
}

pub(super) fn early(look: &mut Look<'_>, planned: &Planned<'_>) {
    let Some(written) = look.contract.schedule.as_ref().and_then(|schedule| schedule.ready_by.as_ref()) else { return };
    let (Some(ready_by), Some(interval)) = (planned.plan.expected.ready_by, &planned.plan.interval) else { return };
    if ready_by <= interval.end.timestamp() {
        let finding = Finding::warning(codes::EARLY_DEADLINE, "the deadline is the end of the interval, before its data can be refreshed");
        look.found.push(finding.at(written.span).help("put it after the time by which the sources have landed and dbt has run"));
    }
}
