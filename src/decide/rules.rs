//! The six rules of a verdict, each a function from one metric to the causes that it finds. The verdict is the worst that any cause asks
//! for.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::common::Severity;
use crate::check::outcome::{Ended, Outcome, Reason};
use crate::lineage::Certainty;
use crate::plan::{ActiveWaiver, CheckId, Expected, GuardedMetric, GuardingCheck, Upstream};

use super::Verdict;
use super::cause::Cause;
use super::context::{Context, FactName, FactState};

/// All that a verdict is made from.
pub(super) struct Case<'a> {
    pub expected: &'a Expected,
    pub outcomes: &'a BTreeMap<CheckId, Outcome>,
    pub context: &'a Context,
    pub decided_at: jiff::Timestamp,
}

impl Case<'_> {
    /// What stands between every metric and publish: the context and the time.
    pub fn common(&self) -> Vec<Cause> {
        let mut causes = self.context();
        causes.extend(self.time());
        causes
    }

    /// Every cause that stands between the metric and publish, worst first; `common` is [`Case::common`].
    pub fn causes(&self, metric: &GuardedMetric, common: &[Cause]) -> Vec<Cause> {
        let mut causes = self.checks(metric);
        causes.extend(self.evidence(metric));
        causes.extend(self.lineage(metric));
        causes.extend(common.iter().cloned());
        causes.extend(self.caveats(metric));
        causes.sort_by_key(Self::rank);
        causes
    }

    /// How the check ended; one that is absent was not started.
    pub fn ended(&self, check: &GuardingCheck) -> Ended {
        match self.outcomes.get(&check.id) {
            Some(outcome) => outcome.ended(),
            None => Ended::Skipped,
        }
    }

    /// What the contract makes of it for one metric. A pass asks for nothing of any, and a failure for want of rows holds every one.
    fn of_metric(&self, asks: Verdict, check: &GuardingCheck, metric: &GuardedMetric) -> Verdict {
        match (asks, check.severity_for.get(&metric.id)) {
            (Verdict::Publish, Some(_) | None) => Verdict::Publish,
            (Verdict::Warn | Verdict::Hold, Some(_) | None) if self.lacked_rows(check) => Verdict::Hold,
            (Verdict::Warn | Verdict::Hold, Some(Severity::Warn)) => Verdict::Warn,
            (Verdict::Warn | Verdict::Hold, Some(Severity::Hold)) => Verdict::Hold,
            (asks, None) => asks,
        }
    }

    /// Whether it failed because there were fewer rows than count as evidence.
    fn lacked_rows(&self, check: &GuardingCheck) -> bool {
        match self.outcomes.get(&check.id) {
            Some(Outcome::Fail { measured, .. }) => measured.too_few_rows(),
            Some(Outcome::Pass(_) | Outcome::Error(_) | Outcome::Skipped(_)) | None => false,
        }
    }

    /// Whether the result went missing. No waiver speaks of that: a lost result must never be better than a bad one.
    fn lost(&self, check: &GuardingCheck) -> bool {
        match self.outcomes.get(&check.id) {
            None => true,
            Some(Outcome::Skipped(fault)) => fault.reason == Reason::NotStarted,
            Some(Outcome::Pass(_) | Outcome::Fail { .. } | Outcome::Error(_)) => false,
        }
    }

    /// What an error or a skip of the check asks for. With too little history to compare with, that is what the check says of this case.
    fn severity(&self, check: &GuardingCheck) -> Severity {
        match (self.outcomes.get(&check.id), check.without_baseline) {
            (Some(Outcome::Error(fault)), Some(asks)) if fault.reason == Reason::NoBaseline => asks.min(check.severity),
            (Some(_) | None, Some(_) | None) => check.severity,
        }
    }

    /// Whether the waiver is of this check and speaks of how it ended: of failures always, of errors and skips only where it says so, of
    /// passes and lost results never. Not whether it is live.
    pub fn covers(&self, waiver: &ActiveWaiver, check: &GuardingCheck) -> bool {
        waiver.check == check.id
            && match self.ended(check) {
                Ended::Pass => false,
                Ended::FailWarn | Ended::FailHold => true,
                Ended::Error => waiver.covers_error,
                Ended::Skipped => waiver.covers_skipped && !self.lost(check),
            }
    }

    /// The live waiver that covers how this check ended, if there is one.
    pub fn waiver(&self, check: &GuardingCheck) -> Option<&ActiveWaiver> {
        self.expected.waivers.iter().find(|waiver| self.decided_at < waiver.ends && self.covers(waiver, check))
    }

    /// What the check asks for of metrics of which it says nothing special.
    pub fn asked(&self, check: &GuardingCheck) -> Verdict {
        match asks(self.ended(check), self.severity(check)) {
            Verdict::Hold if self.waiver(check).is_some() => Verdict::Warn,
            asked => asked,
        }
    }

    fn checks(&self, metric: &GuardedMetric) -> Vec<Cause> {
        let mut causes = Vec::new();
        for check in &self.expected.checks {
            let Some(reach) = check.reach.get(&metric.id) else { continue };
            let ended = self.ended(check);
            let waived = self.waiver(check).is_some();
            let asks = match self.of_metric(asks(ended, self.severity(check)), check, metric) {
                Verdict::Publish => continue,
                Verdict::Warn => Verdict::Warn,
                Verdict::Hold if waived => Verdict::Warn,
                Verdict::Hold => Verdict::Hold,
            };
            let (check, certainty, path) = (check.id.clone(), reach.certainty, reach.path.clone());
            causes.push(Cause::Check { check, ended, asks, waived, certainty, path });
        }
        causes
    }

    fn evidence(&self, metric: &GuardedMetric) -> Option<Cause> {
        let knows = |check: &&GuardingCheck| check.reach.get(&metric.id).is_some_and(|reach| reach.certainty == Certainty::Known);
        let known: Vec<&GuardingCheck> = self.expected.checks.iter().filter(knows).collect();
        if known.iter().any(|check| self.ended(check) == Ended::Pass) {
            return None;
        }
        let failed = known.iter().any(|check| self.ended(check).failed());
        Some(Cause::NoEvidence { known: known.iter().map(|check| check.id.clone()).collect(), failed })
    }

    fn lineage(&self, metric: &GuardedMetric) -> Option<Cause> {
        match &metric.upstream {
            Upstream::Known => None,
            Upstream::Assumed(models) => Some(Cause::AssumedLineage { models: models.clone() }),
            Upstream::Unresolved(why) => Some(Cause::Unresolved { why: why.clone() }),
        }
    }

    fn context(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        for (name, fact) in self.context.facts() {
            let stands = match fact.state {
                FactState::Holds => true,
                FactState::DoesNotApply => name.may_not_apply(),
                FactState::Broken | FactState::Unknown => false,
            };
            if !stands {
                causes.push(Cause::Context { fact: name, state: fact.state, detail: fact.detail });
            }
        }
        causes.extend(self.unexpected().into_iter().map(|detail| Cause::Context {
            fact: FactName::ExpectedSetComplete,
            state: FactState::Broken,
            detail,
        }));
        causes
    }

    /// What contradicts the expected set: a result that nobody expected, a name that stands for two things. Each is a bug, and holds
    /// everything.
    pub fn unexpected(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut checks = BTreeSet::new();
        let mut metrics = BTreeSet::new();
        for metric in &self.expected.metrics {
            if !metrics.insert(&metric.id) {
                found.push(format!("two metrics are called `{}`", metric.id));
            }
        }
        for check in &self.expected.checks {
            if !checks.insert(&check.id) {
                found.push(format!("two checks are called `{}`", check.id));
            }
            let astray = check.reach.keys().filter(|metric| !metrics.contains(metric));
            found.extend(astray.map(|metric| format!("check `{}` guards `{metric}`, which is no metric of the contract", check.id)));
        }
        let strays = self.outcomes.keys().filter(|id| !checks.contains(id));
        found.extend(strays.map(|id| format!("there is a result for `{id}`, which nobody expected")));
        found
    }

    fn time(&self) -> Option<Cause> {
        let ready_by = self.expected.ready_by?;
        let asks = if self.expected.late_holds { Verdict::Hold } else { Verdict::Warn };
        (self.decided_at > ready_by).then_some(Cause::Late { ready_by, asks })
    }

    fn caveats(&self, metric: &GuardedMetric) -> Vec<Cause> {
        let mut causes = Vec::new();
        for caveat in &self.expected.caveats {
            let concerns = caveat.metric.as_ref().is_none_or(|named| *named == metric.id);
            let live = caveat.ends.is_none_or(|ends| self.decided_at < ends);
            if concerns && live {
                causes.push(Cause::Caveat { text: caveat.text.clone() });
            }
        }
        for check in self.expected.checks.iter().filter(|check| check.reach.contains_key(&metric.id)) {
            if let Some(waiver) = self.waiver(check) {
                let (reason, approved_by) = (waiver.reason.clone(), waiver.approved_by.clone());
                causes.push(Cause::Waiver { check: check.id.clone(), reason, approved_by, ends: waiver.ends });
            }
        }
        causes
    }

    /// Worst first; among equals the rules in their order, a failure before an error before a skip, the contract's own checks before dbt's
    /// tests, then the contract's order (the sort is stable).
    fn rank(cause: &Cause) -> (std::cmp::Reverse<Verdict>, super::cause::Rule, u8, bool) {
        let (kind, dbt) = match cause {
            Cause::Check { check, ended, .. } => {
                let kind = match ended {
                    Ended::FailHold => 0,
                    Ended::FailWarn => 1,
                    Ended::Error => 2,
                    Ended::Skipped => 3,
                    Ended::Pass => 4,
                };
                (kind, check.starts_with("dbt:"))
            }
            Cause::NoEvidence { .. } | Cause::AssumedLineage { .. } | Cause::Unresolved { .. } | Cause::Context { .. } => (0, false),
            Cause::Late { .. } | Cause::Caveat { .. } | Cause::Waiver { .. } | Cause::Internal { .. } => (0, false),
        };
        (std::cmp::Reverse(cause.asks()), cause.rule(), kind, dbt)
    }
}

/// What an outcome asks for, before waivers.
fn asks(ended: Ended, severity: Severity) -> Verdict {
    match (ended, severity) {
        (Ended::Pass, Severity::Warn | Severity::Hold) => Verdict::Publish,
        (Ended::FailWarn, Severity::Warn | Severity::Hold) => Verdict::Warn,
        (Ended::FailHold, Severity::Warn | Severity::Hold) => Verdict::Hold,
        (Ended::Error | Ended::Skipped, Severity::Warn) => Verdict::Warn,
        (Ended::Error | Ended::Skipped, Severity::Hold) => Verdict::Hold,
    }
}
