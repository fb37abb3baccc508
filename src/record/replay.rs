//! Deciding again from a stored document: its verdicts must follow from what it says.

use std::collections::BTreeMap;

use crate::check::outcome::{Ended, Evidence, Fault, Measured, Outcome, Reason};
use crate::decide::{Class, Context, FailOn, Verdict, decide_safely};
use crate::lineage::Certainty;
use crate::plan::{ActiveCaveat, ActiveWaiver, CheckId, Expected, GuardedMetric, GuardingCheck, MetricId, Reach, Upstream};

use super::Severity;
use super::document::*;
use super::ended::CheckRecord;

impl Document {
    /// The verdict of every metric, decided again from what the document says of checks, context, time, caveats and waivers.
    pub fn replay(&self) -> BTreeMap<MetricId, Verdict> {
        let decision = decide_safely(&self.expected(), &self.outcomes(), &self.facts(), self.decided_at);
        decision.metrics.into_iter().map(|metric| (metric.id, metric.verdict)).collect()
    }

    /// The metrics whose stored verdict is not the one that follows; empty for a document that says the truth about itself.
    pub fn contradictions(&self) -> Vec<MetricId> {
        let again = self.replay();
        self.metrics.iter().filter(|metric| again.get(&metric.id) != Some(&metric.verdict)).map(|metric| metric.id.clone()).collect()
    }

    /// The exit code: see [`crate::decide::Decision::exit_code`].
    pub fn exit_code(&self, fail_on: FailOn) -> u8 {
        let verdicts = self.metrics.iter().map(|metric| (metric.verdict, metric.class));
        crate::decide::exit_code(self.nothing_to_check, verdicts, fail_on)
    }

    /// The held metrics of one class.
    pub fn held(&self, class: Class) -> impl Iterator<Item = &MetricRecord> {
        self.metrics.iter().filter(move |metric| metric.class == Some(class))
    }

    /// A check by its id.
    pub fn check(&self, id: &str) -> Option<&CheckRecord> {
        self.checks.iter().find(|check| check.id == id)
    }

    fn expected(&self) -> Expected {
        Expected {
            metrics: self.metrics.iter().map(guarded).collect(),
            checks: self.checks.iter().map(guarding).collect(),
            caveats: self
                .caveats
                .iter()
                .map(|caveat| ActiveCaveat { metric: caveat.metric.clone(), text: caveat.text.clone(), ends: caveat.ends })
                .collect(),
            waivers: self.waivers.iter().map(waiver).collect(),
            ready_by: self.ready_by,
            late_holds: self.late_holds,
        }
    }

    fn outcomes(&self) -> BTreeMap<CheckId, Outcome> {
        let mut outcomes: BTreeMap<CheckId, Outcome> = self.checks.iter().map(|check| (check.id.clone(), outcome(check))).collect();
        for stray in &self.unexpected {
            let fault = Fault { reason: Reason::Internal, detail: String::from("answered although nobody asked") };
            outcomes.insert(stray.clone(), Outcome::Error(fault));
        }
        outcomes
    }

    fn facts(&self) -> Context {
        self.context.iter().fold(Context::unknown(), |context, fact| context.with(fact.fact, fact.state, fact.detail.clone()))
    }
}

fn guarded(metric: &MetricRecord) -> GuardedMetric {
    GuardedMetric {
        id: metric.id.clone(),
        title: metric.title.clone(),
        owner: metric.owner.clone().map(|owner| (owner.team, owner.contact)),
        last_safe: metric.last_safe,
        upstream: match &metric.upstream {
            UpstreamRecord::Known => Upstream::Known,
            UpstreamRecord::Assumed(models) => Upstream::Assumed(models.clone()),
            UpstreamRecord::Unresolved(why) => Upstream::Unresolved(why.clone()),
        },
    }
}

fn guarding(check: &CheckRecord) -> GuardingCheck {
    let reach = |(metric, certainty): (&String, &Certainty)| (metric.clone(), Reach { certainty: *certainty, path: Vec::new() });
    GuardingCheck {
        id: check.id.clone(),
        kind: check.kind.clone(),
        title: check.title.clone(),
        severity: check.severity,
        without_baseline: check.without_baseline,
        severity_for: check.severity_for.clone(),
        about: check.about.clone(),
        unit: None,
        recover: check.recover.clone(),
        freshness: check.freshness,
        coverage: check.coverage,
        narrowed: None,
        reach: check.reaches.iter().map(reach).collect(),
    }
}

fn waiver(waiver: &WaiverRecord) -> ActiveWaiver {
    ActiveWaiver {
        check: waiver.check.clone(),
        reason: waiver.reason.clone(),
        approved_by: waiver.approved_by.clone(),
        ends: waiver.ends,
        covers_error: waiver.covers_error,
        covers_skipped: waiver.covers_skipped,
    }
}

/// The outcome as stored. A pass without its evidence, or a number that is none, is not read as a pass.
fn outcome(check: &CheckRecord) -> Outcome {
    let fault = |detail: &str| match check.reason {
        Some(reason) => Fault { reason, detail: check.detail.clone() },
        None => Fault { reason: Reason::Internal, detail: detail.to_owned() },
    };
    match (check.outcome, measured(check)) {
        (Ended::Pass, Some(measured)) => {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            match Evidence::of(measured, text(&check.sql_hash), text(&check.snapshot), 1) {
                Ok(evidence) => Outcome::Pass(evidence),
                Err(fault) => Outcome::Error(fault),
            }
        }
        (Ended::FailWarn, Some(measured)) => Outcome::Fail { asks: Severity::Warn, measured, why: check.detail.clone() },
        (Ended::FailHold, Some(measured)) => Outcome::Fail { asks: Severity::Hold, measured, why: check.detail.clone() },
        (Ended::Pass | Ended::FailWarn | Ended::FailHold, None) => Outcome::Error(fault("the record has no measurement")),
        (Ended::Error, Some(_) | None) => Outcome::Error(fault("the record has no reason")),
        (Ended::Skipped, Some(_) | None) => Outcome::Skipped(fault("the record has no reason")),
    }
}

fn measured(check: &CheckRecord) -> Option<Measured> {
    let stored = check.measured.as_ref()?;
    Some(Measured {
        rows_seen: stored.rows_seen.parse().ok()?,
        value: stored.value.clone(),
        unit: stored.unit.clone(),
        facts: stored.facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
    })
}
