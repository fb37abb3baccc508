//! What the whole report is called, which of two sorts a held metric is, and what became of the waivers.

use serde::{Deserialize, Serialize};

use crate::check::outcome::Ended;
use crate::plan::CheckId;

use super::cause::Cause;
use super::rules::Case;
use super::{MetricDecision, Verdict};

/// The status of a report, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No decision could be made, or every metric is held.
    Failed,
    /// Some source's freshness failed.
    Stale,
    /// At least one metric is held, or a group or date is missing.
    Partial,
    /// Decided after the latest safe publication time.
    Late,
    /// Everything publishes and on time, caveats allowed.
    Complete,
}

/// The two sorts of held metric: different words, different addressees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A promise was broken; the metric's owner mends it.
    DataIsWrong,
    /// Something could not be read or is not known; the platform's owner mends it.
    CouldNotDecide,
}

/// What makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// A metric that warns, or one that is held.
    Warn,
    /// A metric that is held.
    Hold,
    /// Nothing.
    Never,
}

/// What became of a waiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverState {
    /// Its check did not pass, and it applied.
    Used,
    /// Its check passed.
    NotNeeded,
    /// Its check ended in a way that it does not cover.
    DoesNotCover,
    /// It had ended before the decision.
    Expired,
    /// No expected check has its name.
    NoSuchCheck,
}

/// A waiver and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverUse {
    /// The check, by name.
    pub check: CheckId,
    /// Why.
    pub reason: String,
    /// Who agreed.
    pub approved_by: String,
    /// First instant at which it no longer counts.
    pub ends: jiff::Timestamp,
    /// What became of it.
    pub state: WaiverState,
}

/// Every status that holds, worst first; never empty.
pub(super) fn statuses(case: &Case<'_>, metrics: &[MetricDecision]) -> Vec<Status> {
    let checks = &case.expected.checks;
    let held = metrics.iter().filter(|metric| metric.verdict == Verdict::Hold).count();
    let mut statuses = Vec::new();
    if held == metrics.len() {
        statuses.push(Status::Failed);
    }
    if checks.iter().any(|check| check.freshness && case.ended(check).failed()) {
        statuses.push(Status::Stale);
    }
    if held > 0 || checks.iter().any(|check| check.coverage && case.ended(check).failed()) {
        statuses.push(Status::Partial);
    }
    if case.expected.ready_by.is_some_and(|ready_by| case.decided_at > ready_by) {
        statuses.push(Status::Late);
    }
    if statuses.is_empty() {
        statuses.push(Status::Complete);
    }
    statuses
}

/// The first status, which names the report's state; a report without one has failed.
pub(super) fn first(statuses: &[Status]) -> Status {
    match statuses.first() {
        Some(status) => *status,
        None => Status::Failed,
    }
}

/// Of a held metric: wrong data if any cause that holds says so, otherwise undecided.
pub(super) fn class(verdict: Verdict, causes: &[Cause]) -> Option<Class> {
    match verdict {
        Verdict::Publish | Verdict::Warn => None,
        Verdict::Hold => {
            let wrong = causes.iter().any(|cause| cause.asks() == Verdict::Hold && cause.data_is_wrong());
            Some(if wrong { Class::DataIsWrong } else { Class::CouldNotDecide })
        }
    }
}

/// What became of each waiver, in the order of the contract.
pub(super) fn waivers(case: &Case<'_>) -> Vec<WaiverUse> {
    let state = |waiver: &crate::plan::ActiveWaiver| {
        if case.decided_at >= waiver.ends {
            return WaiverState::Expired;
        }
        let Some(check) = case.expected.checks.iter().find(|check| check.id == waiver.check) else { return WaiverState::NoSuchCheck };
        match case.ended(check) {
            Ended::Pass => WaiverState::NotNeeded,
            Ended::FailWarn | Ended::FailHold | Ended::Error | Ended::Skipped => {
                if case.covers(waiver, check) {
                    WaiverState::Used
                } else {
                    WaiverState::DoesNotCover
                }
            }
        }
    };
    let used = |waiver: &crate::plan::ActiveWaiver| WaiverUse {
        check: waiver.check.clone(),
        reason: waiver.reason.clone(),
        approved_by: waiver.approved_by.clone(),
        ends: waiver.ends,
        state: state(waiver),
    };
    case.expected.waivers.iter().map(used).collect()
}
