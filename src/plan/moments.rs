//! Until when things count: caveats and waivers to the end of their day, the deadline after the interval's end; all in the contract's zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::{self, Closed, Interval};
use crate::check::common::Severity;
use crate::contract::{Contract, Covers, Schedule};
use crate::diagnostic::{At, Finding, codes};

use super::{ActiveCaveat, ActiveWaiver, Expected};

/// Fills caveats, waivers and the deadline of the expected set.
pub(super) fn fill(
    expected: &mut Expected,
    contract: &Contract,
    interval: Option<&Interval>,
    closed: Option<&Closed>,
) -> Result<(), Vec<Finding>> {
    let schedule = contract.schedule.as_ref();
    let zone = zone(schedule).map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    let mut end = |day: &At<calendar::Day>| {
        calendar::end_of(day.value, &zone).map_err(|message| findings.push(Finding::error(codes::BAD_DEADLINE, message).at(day.span))).ok()
    };
    for caveat in &contract.caveats {
        let ends = caveat.until.as_ref().map(&mut end);
        let metric = caveat.metric.as_ref().map(|metric| metric.value.clone());
        // A day that cannot be read has left a finding; then there is no plan.
        expected.caveats.push(ActiveCaveat { metric, text: caveat.text.value.clone(), ends: ends.flatten() });
    }
    for waiver in &contract.waivers {
        let covers = |what: Covers| waiver.covers.iter().any(|covered| covered.value == what);
        let Some(ends) = end(&waiver.until) else { continue };
        expected.waivers.push(ActiveWaiver {
            check: waiver.check.value.clone(),
            reason: waiver.reason.value.clone(),
            approved_by: waiver.approved_by.value.clone(),
            ends,
            covers_error: covers(Covers::Error),
            covers_skipped: covers(Covers::Skipped),
        });
    }
    if let (Some(schedule), Some(interval)) = (schedule, interval) {
        match deadline(schedule, interval, closed) {
            Ok(ready_by) => expected.ready_by = ready_by,
            Err(finding) => findings.push(finding),
        }
        expected.late_holds = match schedule.late.as_ref().map(|late| late.value) {
            Some(Severity::Hold) => true,
            Some(Severity::Warn) | None => false,
        };
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// The contract's zone; UTC when it names none.
pub(super) fn zone(schedule: Option<&Schedule>) -> Result<TimeZone, Finding> {
    let Some(name) = schedule.and_then(|schedule| schedule.timezone.as_ref()) else { return Ok(TimeZone::UTC) };
    let unknown = || {
        Finding::error(codes::BAD_ZONE, format!("`{name}` is not a zone")).at(name.span).help("write an IANA name such as Europe/London")
    };
    TimeZone::get(name).map_err(|_| unknown())
}

/// The latest safe publication time of an interval, where the contract has one; the calendar may move it.
///
/// # Errors
/// A moment or zone that cannot be read.
pub fn deadline(schedule: &Schedule, interval: &Interval, closed: Option<&Closed>) -> Result<Option<Timestamp>, Finding> {
    let Some(text) = &schedule.ready_by else { return Ok(None) };
    let wrong = |message: String| Finding::error(codes::BAD_DEADLINE, message).at(text.span);
    let ready_by = calendar::ReadyBy::parse(text, schedule.interval.value).map_err(&wrong)?;
    let due = calendar::deadline(interval, ready_by).map_err(&wrong)?;
    let Some(closed) = closed else { return Ok(Some(due)) };
    // The same time of day, on the day that the calendar moves it to.
    let zone = interval.end.time_zone();
    let at = due.to_zoned(zone.clone());
    let moved = closed.due(at.date());
    if moved == at.date() {
        return Ok(Some(due));
    }
    zone.to_ambiguous_timestamp(moved.to_datetime(at.time())).earlier().map(Some).map_err(|error| wrong(error.to_string()))
}
