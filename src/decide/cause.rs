//! Why a verdict is above publish: one cause is one fact that, were it otherwise, would no longer stand in the way.

use serde::{Deserialize, Serialize};

use crate::check::outcome::Ended;
use crate::lineage::Certainty;
use crate::plan::{CheckId, Step};

use super::Verdict;
use super::context::{FactName, FactState};

/// Which of the six parts of a verdict a cause belongs to (or that deciding itself went wrong).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A check that may reach the metric did not pass.
    Checks,
    /// No check that is known to reach the metric passed.
    Evidence,
    /// The metric's upstream is not wholly known.
    Lineage,
    /// A fact around the checks does not hold.
    Context,
    /// It is later than promised.
    Time,
    /// A caveat or a waiver applies.
    Caveats,
    /// Deciding failed: a bug.
    Deciding,
}

/// One cause of a verdict above publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A check that may reach the metric ended otherwise than in a pass.
    Check {
        /// The check.
        check: CheckId,
        /// How it ended.
        ended: Ended,
        /// What it asks for, after a waiver lowered it.
        asks: Verdict,
        /// Whether a waiver lowered it or would have, had it asked for more.
        waived: bool,
        /// Whether known edges alone lead from the check to the metric.
        certainty: Certainty,
        /// From the check's subject to the metric; empty when the contract says that the check affects the metric.
        path: Vec<Step>,
    },
    /// No check that is known to reach the metric passed.
    NoEvidence {
        /// The checks that are known to reach it: none of them passed.
        known: Vec<CheckId>,
        /// Whether one of them failed: then the data is wrong rather than unknown.
        failed: bool,
    },
    /// Part of the metric's upstream is assumed.
    AssumedLineage {
        /// Unique ids of the models whose SQL was not understood.
        models: Vec<String>,
    },
    /// The metric was not resolved to columns.
    Unresolved {
        /// Why.
        why: String,
    },
    /// A fact of the context does not hold.
    Context {
        /// Which.
        fact: FactName,
        /// What is known of it.
        state: FactState,
        /// What was seen.
        detail: String,
    },
    /// The decision came after the latest safe publication time.
    Late {
        /// That time.
        ready_by: jiff::Timestamp,
        /// What lateness asks for.
        asks: Verdict,
    },
    /// A caveat of the contract applies.
    Caveat {
        /// The sentence.
        text: String,
    },
    /// A waiver of the contract applies, because its check did not pass.
    Waiver {
        /// The check.
        check: CheckId,
        /// Why it was waived.
        reason: String,
        /// Who agreed.
        approved_by: String,
        /// First instant at which it no longer counts.
        ends: jiff::Timestamp,
    },
    /// Deciding panicked, or two ways of deciding disagreed.
    Internal {
        /// What happened.
        detail: String,
    },
}

impl Cause {
    /// The part of the verdict that it belongs to.
    pub fn rule(&self) -> Rule {
        match self {
            Cause::Check { .. } => Rule::Checks,
            Cause::NoEvidence { .. } => Rule::Evidence,
            Cause::AssumedLineage { .. } | Cause::Unresolved { .. } => Rule::Lineage,
            Cause::Context { .. } => Rule::Context,
            Cause::Late { .. } => Rule::Time,
            Cause::Caveat { .. } | Cause::Waiver { .. } => Rule::Caveats,
            Cause::Internal { .. } => Rule::Deciding,
        }
    }
    /// What it asks for: warn or hold.
    pub fn asks(&self) -> Verdict {
        match self {
            Cause::Check { asks, .. } | Cause::Late { asks, .. } => *asks,
            Cause::NoEvidence { .. } | Cause::Unresolved { .. } | Cause::Context { .. } | Cause::Internal { .. } => Verdict::Hold,
            Cause::AssumedLineage { .. } | Cause::Caveat { .. } | Cause::Waiver { .. } => Verdict::Warn,
        }
    }
    /// Whether it says that the data broke a promise, rather than that something could not be decided.
    pub fn data_is_wrong(&self) -> bool {
        match self {
            Cause::Check { ended, .. } => ended.failed(),
            Cause::NoEvidence { failed, .. } => *failed,
            Cause::Late { .. } => true,
            Cause::AssumedLineage { .. } | Cause::Unresolved { .. } | Cause::Context { .. } => false,
            Cause::Caveat { .. } | Cause::Waiver { .. } | Cause::Internal { .. } => false,
        }
    }
}
