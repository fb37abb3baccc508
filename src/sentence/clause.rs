//! One cause in words: what follows "because".

use crate::check::outcome::{Measured, Outcome, Reason};
use crate::decide::{Cause, FactName, FactState};
use crate::plan::GuardingCheck;

use super::Telling;
use super::words;

/// Kinds that say why themselves. The judged number of the others counts the bad things: they fail *for* so many.
const SAYING_WHY: &[&str] =
    &["freshness", "row_count", "date_coverage", "groups_present", "schema", "reconcile", "reconcile_rows", "aggregate", "change"];

/// Whether a clause stands alone beside a number, or after "could not be verified because".
#[derive(Clone, Copy)]
pub(super) enum Voice {
    Caveat,
    Because,
}

impl Telling<'_> {
    /// What the cause says, without a capital or a full stop of its own: `SKU cost mapping failed for 14 products`.
    pub fn clause(&self, cause: &Cause) -> String {
        self.said(cause, Voice::Caveat)
    }

    pub(super) fn said(&self, cause: &Cause, voice: Voice) -> String {
        match cause {
            Cause::Check { check, .. } => self.check_clause(check, voice),
            Cause::NoEvidence { known, .. } if known.is_empty() => String::from("no check is known to cover it"),
            Cause::NoEvidence { .. } => String::from("none of the checks that cover it passed"),
            Cause::AssumedLineage { models } => {
                let names: Vec<String> = models.iter().map(|model| short(model)).collect();
                format!("where it comes from is not fully known (the SQL of {} was not understood)", words::list(&names))
            }
            Cause::Unresolved { why } => format!("where it comes from is not known: {}", words::unstopped(why)),
            Cause::Context { fact, state, .. } => fact_words(*fact, *state).to_owned(),
            Cause::Late { ready_by, .. } => format!("the decision came after {}", words::weekday_and_time(*ready_by, self.plan)),
            Cause::Caveat { text } => words::unstopped(text).to_owned(),
            Cause::Waiver { check, reason, approved_by, ends } => {
                let until = words::last_day_before(*ends, self.plan);
                format!("{}, waived until {until} by {approved_by}: {}", self.check_clause(check, voice), words::unstopped(reason))
            }
            Cause::Internal { .. } => String::from("presscheck itself failed while deciding"),
        }
    }

    /// What was seen, where the clause is too short for whoever mends it: the engine's words, the detail of a fact.
    pub fn detail(&self, cause: &Cause) -> String {
        match cause {
            Cause::Check { check, .. } => match self.outcomes.get(check) {
                Some(Outcome::Fail { why, .. }) => why.clone(),
                Some(Outcome::Error(fault) | Outcome::Skipped(fault)) => fault.detail.clone(),
                Some(Outcome::Pass(_)) => String::new(),
                None => String::from("no answer came"),
            },
            Cause::Context { detail, .. } | Cause::Internal { detail } => detail.clone(),
            Cause::NoEvidence { known, .. } => known.join(", "),
            Cause::AssumedLineage { models } => models.join(", "),
            Cause::Unresolved { why } => why.clone(),
            Cause::Waiver { reason, .. } => reason.clone(),
            Cause::Late { .. } | Cause::Caveat { .. } => String::new(),
        }
    }

    /// Whether that is why something was not built.
    fn is_of_build(&self, why: &str) -> bool {
        self.plan.expected.checks.iter().any(|check| check.kind == crate::plan::BUILT && check.title == why)
    }

    fn check_clause(&self, id: &str, voice: Voice) -> String {
        let title = self.title(id);
        let (error, skipped) = match voice {
            Voice::Caveat => ("could not be verified", "was not verified"),
            Voice::Because => ("could not be measured", "was not measured"),
        };
        match self.outcomes.get(id) {
            // Of what was not built everything is skipped; the cause is said once.
            Some(Outcome::Skipped(fault)) if self.is_of_build(&fault.detail) => fault.detail.clone(),
            Some(Outcome::Pass(_)) => format!("{title} passed"),
            Some(Outcome::Fail { measured, why, .. }) => failure(self.check(id), &title, measured, why),
            Some(Outcome::Error(fault)) => unmeasured(&title, error, fault.reason),
            Some(Outcome::Skipped(fault)) => unmeasured(&title, skipped, fault.reason),
            None => unmeasured(&title, skipped, Reason::NotStarted),
        }
    }
}

fn failure(check: Option<&GuardingCheck>, title: &str, measured: &Measured, why: &str) -> String {
    let counts = check.is_some_and(|check| !SAYING_WHY.contains(&check.kind.as_str()));
    let positive = measured.value.parse::<u128>().is_ok_and(|number| number > 0);
    if counts && positive && !measured.too_few_rows() && !measured.unit.is_empty() {
        format!("{title} failed for {}", words::counted(&measured.value, &measured.unit))
    } else {
        format!("{title} failed ({})", words::unstopped(why))
    }
}

/// Faults that concern the whole run are said without the check, so that one outage is said once.
fn unmeasured(title: &str, ended: &str, reason: Reason) -> String {
    let words = reason_words(reason);
    if concerns_the_run(reason) { words.to_owned() } else { format!("{title} {ended} ({words})") }
}

fn concerns_the_run(reason: Reason) -> bool {
    match reason {
        Reason::NotStarted
        | Reason::Deselected
        | Reason::Unreachable
        | Reason::AuthenticationFailed
        | Reason::Cancelled
        | Reason::Interrupted
        | Reason::ClockSkew
        | Reason::StaleArtifact
        | Reason::SnapshotMoved
        | Reason::InputsChanged
        | Reason::StoreFailed
        | Reason::BudgetExceeded => true,
        Reason::NotExecutedYet
        | Reason::TimedOut
        | Reason::QueryError
        | Reason::MissingRelation
        | Reason::MissingColumn
        | Reason::NoRows
        | Reason::SeveralRows
        | Reason::Null
        | Reason::NotFinite
        | Reason::OutOfRange
        | Reason::WrongType
        | Reason::ZeroDenominator
        | Reason::FutureTimestamp
        | Reason::TimestampWithoutZone
        | Reason::LineageUnknown
        | Reason::NoBaseline
        | Reason::Internal => false,
    }
}

/// A reason for people who do not read SQL.
pub fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::NotStarted => "not every check was started",
        Reason::NotExecutedYet => "this version cannot run it yet",
        Reason::Deselected => "not every check was selected",
        Reason::Cancelled => "the run was stopped",
        Reason::Interrupted => "the run was interrupted",
        Reason::TimedOut => "it took too long",
        Reason::Unreachable => "the warehouse could not be reached",
        Reason::AuthenticationFailed => "the warehouse refused the login",
        Reason::QueryError => "its query failed",
        Reason::MissingRelation => "a table that it reads is missing",
        Reason::MissingColumn => "a column that it reads is missing",
        Reason::NoRows => "its query gave no answer",
        Reason::SeveralRows => "its query gave several answers",
        Reason::Null => "the measured value is empty",
        Reason::NotFinite => "the measured value is not a finite number",
        Reason::OutOfRange => "the measured value is out of range",
        Reason::WrongType => "the measured value is of the wrong type",
        Reason::ZeroDenominator => "there is nothing to compare with, because the base is zero",
        Reason::FutureTimestamp => "the newest time lies in the future",
        Reason::TimestampWithoutZone => "its times have no time zone",
        Reason::ClockSkew => "the clocks of the warehouse and of this machine disagree",
        Reason::StaleArtifact => "dbt's artifacts are out of date",
        Reason::SnapshotMoved => "the data changed while it was being read",
        Reason::LineageUnknown => "what it depends on is not known",
        Reason::NoBaseline => "there is too little history to compare with",
        Reason::InputsChanged => "the inputs changed during the run",
        Reason::StoreFailed => "the result could not be stored",
        Reason::BudgetExceeded => "the run's budget was used up",
        Reason::Internal => "presscheck itself made a mistake",
    }
}

fn fact_words(fact: FactName, state: FactState) -> &'static str {
    let broken = match state {
        FactState::Broken => true,
        FactState::Holds | FactState::DoesNotApply | FactState::Unknown => false,
    };
    match (fact, broken) {
        (FactName::InputsUnchanged, true) => "the inputs changed during the run",
        (FactName::InputsUnchanged, false) => "it is not known whether the inputs changed during the run",
        (FactName::ArtifactsFresh, true) => "dbt's artifacts are out of date",
        (FactName::ArtifactsFresh, false) => "it is not known whether dbt's artifacts are up to date",
        (FactName::OneSnapshot, true) => "the data changed while it was being read",
        (FactName::OneSnapshot, false) => "it is not known whether the data changed while it was being read",
        (FactName::ClocksAgree, true) => "the clocks of the warehouse and of this machine disagree",
        (FactName::ClocksAgree, false) => "it is not known whether the clocks agree",
        (FactName::LockHeld, true) => "another run of the same report is going on",
        (FactName::LockHeld, false) => "it is not known whether another run is going on",
        (FactName::ExpectedSetComplete, true) => "the results are not those that were expected",
        (FactName::ExpectedSetComplete, false) => "it is not known whether the results are those that were expected",
        (FactName::RecordDurable, true) => "the decision could not be stored",
        (FactName::RecordDurable, false) => "it is not known whether the decision could be stored",
    }
}

/// `int_order_margin` of `model.brightside.int_order_margin`.
fn short(unique_id: &str) -> String {
    unique_id.splitn(3, '.').last().map_or_else(|| unique_id.to_owned(), str::to_owned)
}
