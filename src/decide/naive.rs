//! The verdict a second time, written as a beginner would, by another road than `rules`. It knows no causes and no order; it
//! counts reasons to hold and reasons to warn. The program compares both before it reports.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::common::Severity::{Hold, Warn};
use crate::check::outcome::{
    Outcome,
    Reason::{NoBaseline, NotStarted},
};
use crate::lineage::Certainty;
use crate::plan::{CheckId, Expected, GuardedMetric, MetricId, Upstream};

use super::context::{Context, FactName, FactState};
use super::{Decision, Verdict};

/// The verdict of one metric.
pub fn verdict(
    expected: &Expected,
    outcomes: &BTreeMap<CheckId, Outcome>,
    context: &Context,
    at: jiff::Timestamp,
    metric: &GuardedMetric,
) -> Verdict {
    let (mut holds, mut warns, mut verified) = (0_u32, 0_u32, 0_u32);
    for check in &expected.checks {
        let Some(reach) = check.reach.get(&metric.id) else { continue };
        let mut waivers = expected.waivers.iter().filter(|waiver| waiver.check == check.id && waiver.ends > at);
        let (bad, excused) = match outcomes.get(&check.id) {
            Some(Outcome::Pass(_)) => {
                verified += u32::from(reach.certainty == Certainty::Known);
                continue;
            }
            Some(Outcome::Fail { measured, .. }) if measured.too_few_rows() => {
                (holds, warns) = (holds + u32::from(waivers.next().is_none()), warns + 1);
                continue;
            }
            Some(Outcome::Fail { asks, .. }) => (*asks == Hold, waivers.next().is_some()),
            Some(Outcome::Error(fault)) => {
                let young = fault.reason == NoBaseline && check.without_baseline == Some(Warn);
                (check.severity == Hold && !young, waivers.any(|waiver| waiver.covers_error))
            }
            Some(Outcome::Skipped(fault)) if fault.reason != NotStarted => {
                (check.severity == Hold, waivers.any(|waiver| waiver.covers_skipped))
            }
            Some(Outcome::Skipped(_)) | None => (check.severity == Hold, false),
        };
        let bad = check.severity_for.get(&metric.id).map_or(bad, |asks| *asks == Hold);
        if bad && !excused { holds += 1 } else { warns += 1 }
    }
    holds += u32::from(verified == 0);
    holds += u32::from(matches!(metric.upstream, Upstream::Unresolved(_)));
    warns += u32::from(matches!(metric.upstream, Upstream::Assumed(_)));
    let excusable = [FactName::OneSnapshot, FactName::ClocksAgree, FactName::LockHeld, FactName::RecordDurable];
    for name in FactName::ALL {
        let state = context.fact(name).state;
        let fine = state == FactState::Holds || (state == FactState::DoesNotApply && excusable.contains(&name));
        holds += u32::from(!fine);
    }
    let checks: BTreeSet<&CheckId> = expected.checks.iter().map(|check| &check.id).collect();
    let metrics: BTreeSet<&MetricId> = expected.metrics.iter().map(|metric| &metric.id).collect();
    holds += u32::from(checks.len() != expected.checks.len() || metrics.len() != expected.metrics.len());
    holds += u32::from(!outcomes.keys().all(|id| checks.contains(id)));
    holds += u32::from(!expected.checks.iter().all(|check| check.reach.keys().all(|id| metrics.contains(id))));
    if expected.ready_by.is_some_and(|ready_by| ready_by < at) {
        if expected.late_holds { holds += 1 } else { warns += 1 }
    }
    let concerns = |named: &Option<String>| named.is_none() || named.as_ref() == Some(&metric.id);
    let live = expected.caveats.iter().filter(|caveat| concerns(&caveat.metric) && (caveat.ends.is_none() || caveat.ends > Some(at)));
    warns += u32::from(live.count() > 0);
    if holds > 0 {
        Verdict::Hold
    } else if warns > 0 {
        Verdict::Warn
    } else {
        Verdict::Publish
    }
}

/// Whether a decision says of every metric what this room says. The message names the first that differs.
pub fn agree(expected: &Expected, outcomes: &BTreeMap<CheckId, Outcome>, context: &Context, decision: &Decision) -> Result<(), String> {
    if decision.metrics.len() != expected.metrics.len() {
        return Err(format!("{} metrics were expected, {} were decided", expected.metrics.len(), decision.metrics.len()));
    }
    for (metric, decided) in expected.metrics.iter().zip(&decision.metrics) {
        let naive = verdict(expected, outcomes, context, decision.decided_at, metric);
        if metric.id != decided.id || naive != decided.verdict {
            return Err(format!("two ways of deciding `{}` disagree: {:?} and {naive:?}", metric.id, decided.verdict));
        }
    }
    Ok(())
}
