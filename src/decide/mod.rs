//! When may a number be published? Expected set x outcomes x context x time -> one verdict for each metric, and the report's status.
//!
//! ```text
//! verdict(m) = max( checks, evidence, lineage, context, time, caveats )
//! ```
//!
//! Whatever is missing, unknown, unparsed or late is never better than what is known to be good: the nine laws in `tests/laws.rs` hold
//! this room to that. Not for: thresholds ([`crate::check`]), reach ([`crate::plan`]) or words ([`crate::sentence`]).

mod cause;
mod context;
pub mod naive;
mod outcomes;
mod rules;
mod status;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::outcome::Outcome;
use crate::plan::{CheckId, Expected, MetricId};

pub use cause::{Cause, Rule};
pub use context::{Context, Fact, FactName, FactState};
pub use naive::agree;
pub use outcomes::outcomes;
pub use status::{Class, FailOn, Status, WaiverState, WaiverUse};

/// What may be done with one number. Ordered: the worst wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Show it.
    Publish,
    /// Show it with its caveats.
    Warn,
    /// Do not show it.
    Hold,
}

/// The verdict of one metric and everything that stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDecision {
    /// The metric's key in the contract.
    pub id: MetricId,
    /// What may be done with it.
    pub verdict: Verdict,
    /// Of a held metric: whether the data is wrong, or it could not be decided.
    pub class: Option<Class>,
    /// Worst first; empty exactly when the verdict is publish.
    pub causes: Vec<Cause>,
}

/// All verdicts of one contract for one interval, with the report's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The one decision time, UTC.
    pub decided_at: jiff::Timestamp,
    /// In the order of the contract.
    pub metrics: Vec<MetricDecision>,
    /// The first of `statuses`.
    pub status: Status,
    /// Every status that holds, worst first; never empty.
    pub statuses: Vec<Status>,
    /// What became of each waiver.
    pub waivers: Vec<WaiverUse>,
    /// The facts that the decision rests on.
    pub context: Context,
    /// Whether there was no metric or no check at all: never success.
    pub nothing_to_check: bool,
}

/// Decides. Pure; total: every metric of the expected set gets exactly one verdict.
pub fn decide(expected: &Expected, outcomes: &BTreeMap<CheckId, Outcome>, context: &Context, decided_at: jiff::Timestamp) -> Decision {
    let case = rules::Case { expected, outcomes, context, decided_at };
    let common = case.common();
    let metrics: Vec<_> = expected.metrics.iter().map(|metric| judged(metric.id.clone(), case.causes(metric, &common))).collect();
    let statuses = status::statuses(&case, &metrics);
    Decision {
        decided_at,
        status: status::first(&statuses),
        statuses,
        waivers: status::waivers(&case),
        context: context.clone(),
        nothing_to_check: expected.metrics.is_empty() || expected.checks.is_empty(),
        metrics,
    }
}

/// What each expected check asks for by itself, waivers applied: what a gate before the decision goes by.
pub fn asked(expected: &Expected, outcomes: &BTreeMap<CheckId, Outcome>, decided_at: jiff::Timestamp) -> BTreeMap<CheckId, Verdict> {
    let context = Context::unknown();
    let case = rules::Case { expected, outcomes, context: &context, decided_at };
    expected.checks.iter().map(|check| (check.id.clone(), case.asked(check))).collect()
}

/// Decides twice, by two roads, and survives a bug in either: a panic or a disagreement holds every metric.
pub fn decide_safely(
    expected: &Expected,
    outcomes: &BTreeMap<CheckId, Outcome>,
    context: &Context,
    decided_at: jiff::Timestamp,
) -> Decision {
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let decision = decide(expected, outcomes, context, decided_at);
        agree(expected, outcomes, context, &decision).map(|()| decision)
    }));
    match attempt {
        Ok(Ok(decision)) => decision,
        Ok(Err(disagreement)) => undecided(expected, context, decided_at, &disagreement),
        Err(_) => undecided(expected, context, decided_at, "deciding panicked"),
    }
}

/// The decision when deciding failed: every metric is held.
pub fn undecided(expected: &Expected, context: &Context, decided_at: jiff::Timestamp, detail: &str) -> Decision {
    let metrics = expected.metrics.iter().map(|metric| judged(metric.id.clone(), vec![Cause::Internal { detail: detail.to_owned() }]));
    Decision {
        decided_at,
        metrics: metrics.collect(),
        status: Status::Failed,
        statuses: vec![Status::Failed],
        waivers: Vec::new(),
        context: context.clone(),
        nothing_to_check: expected.metrics.is_empty() || expected.checks.is_empty(),
    }
}

fn judged(id: MetricId, causes: Vec<Cause>) -> MetricDecision {
    let verdict = match causes.iter().map(Cause::asks).max() {
        Some(worst) => worst,
        None => Verdict::Publish,
    };
    MetricDecision { id, verdict, class: status::class(verdict, &causes), causes }
}

impl Decision {
    /// The decision about one metric.
    pub fn metric(&self, id: &str) -> Option<&MetricDecision> {
        self.metrics.iter().find(|metric| metric.id == id)
    }

    /// The exit code; see [`exit_code`].
    pub fn exit_code(&self, fail_on: FailOn) -> u8 {
        exit_code(self.nothing_to_check, self.metrics.iter().map(|metric| (metric.verdict, metric.class)), fail_on)
    }
}

/// 0 nothing is held; 1 at least one metric is held because the data broke a promise; 2 nothing was there to check; 3 nothing broke, but
/// something could not be decided. `fail_on` moves the line between 0 and 1, and nothing else.
pub fn exit_code(nothing_to_check: bool, metrics: impl Iterator<Item = (Verdict, Option<Class>)>, fail_on: FailOn) -> u8 {
    let (mut broken, mut undecided, mut warned) = (false, false, false);
    for (verdict, class) in metrics {
        match (verdict, class) {
            (Verdict::Publish, _) => {}
            (Verdict::Warn, _) => warned = true,
            (Verdict::Hold, Some(Class::DataIsWrong)) => broken = true,
            (Verdict::Hold, Some(Class::CouldNotDecide) | None) => undecided = true,
        }
    }
    let fails = match fail_on {
        FailOn::Warn => broken || warned,
        FailOn::Hold => broken,
        FailOn::Never => false,
    };
    match () {
        () if nothing_to_check => 2,
        () if fails => 1,
        () if undecided => 3,
        () => 0,
    }
}
