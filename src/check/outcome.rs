//! How a check ends. There are four ways, and a pass cannot be constructed without its evidence.

use serde::{Deserialize, Serialize};

use super::common::Severity;

/// Why a check gave no usable measurement, or was not tried. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Reason {
    NotStarted,
    /// Written in the contract, valid, but this version does not execute it yet.
    NotExecutedYet,
    Deselected,
    Cancelled,
    Interrupted,
    TimedOut,
    Unreachable,
    AuthenticationFailed,
    QueryError,
    MissingRelation,
    MissingColumn,
    NoRows,
    SeveralRows,
    Null,
    NotFinite,
    OutOfRange,
    WrongType,
    ZeroDenominator,
    FutureTimestamp,
    TimestampWithoutZone,
    ClockSkew,
    StaleArtifact,
    SnapshotMoved,
    LineageUnknown,
    NoBaseline,
    InputsChanged,
    StoreFailed,
    BudgetExceeded,
    Internal,
}

/// A reason with what was seen, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which of the closed list.
    pub reason: Reason,
    /// What the engine or the reader said, without secrets.
    pub detail: String,
}

/// What was measured, in the words of the check: enough to write the sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measured {
    /// Rows looked at.
    pub rows_seen: i128,
    /// The judged number, exact, as text: `14`.
    pub value: String,
    /// What it counts, in the plural: `products`, `rows`.
    pub unit: String,
    /// Further numbers by name, for `explain` and JSON.
    pub facts: Vec<(String, String)>,
}

impl Measured {
    /// The fact of a failure that fewer rows were seen than count as evidence.
    pub const TOO_FEW_ROWS: &'static str = "too_few_rows";

    /// Whether it failed because fewer rows were seen than count as evidence. Such a failure holds every metric that it may reach, whatever
    /// the contract says of single ones: nothing was seen that could be less bad for one of them.
    pub fn too_few_rows(&self) -> bool {
        self.facts.iter().any(|(name, _)| name == Self::TOO_FEW_ROWS)
    }

    /// The same, with that fact.
    #[must_use]
    pub fn of_too_few_rows(mut self) -> Self {
        if !self.too_few_rows() {
            self.facts.push((Self::TOO_FEW_ROWS.to_owned(), "true".to_owned()));
        }
        self
    }
}

impl Reason {
    /// Every reason, in the order of the list.
    pub const ALL: [Reason; 29] = [
        Reason::NotStarted,
        Reason::NotExecutedYet,
        Reason::Deselected,
        Reason::Cancelled,
        Reason::Interrupted,
        Reason::TimedOut,
        Reason::Unreachable,
        Reason::AuthenticationFailed,
        Reason::QueryError,
        Reason::MissingRelation,
        Reason::MissingColumn,
        Reason::NoRows,
        Reason::SeveralRows,
        Reason::Null,
        Reason::NotFinite,
        Reason::OutOfRange,
        Reason::WrongType,
        Reason::ZeroDenominator,
        Reason::FutureTimestamp,
        Reason::TimestampWithoutZone,
        Reason::ClockSkew,
        Reason::StaleArtifact,
        Reason::SnapshotMoved,
        Reason::LineageUnknown,
        Reason::NoBaseline,
        Reason::InputsChanged,
        Reason::StoreFailed,
        Reason::BudgetExceeded,
        Reason::Internal,
    ];
}

/// How a kind judged one valid measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Every threshold is satisfied.
    Pass(Measured),
    /// At least one is crossed; the worst says what is asked for. `why` finishes the sentence "TITLE failed: ...".
    Fail {
        /// What the crossed threshold asks for.
        asks: Severity,
        /// What was measured.
        measured: Measured,
        /// Finishes "TITLE failed: ...".
        why: String,
    },
    /// The measurement cannot be used.
    Error(Fault),
}

/// The proof that a measurement was taken, completely, and satisfied every threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    measured: Measured,
    sql_hash: String,
    snapshot: String,
    attempts: u32,
}

impl Evidence {
    /// Builds evidence from a judged measurement and the statement that took it. What cannot be evidence (a negative number of rows, no value,
    /// a value that is not finite, no statement, no attempt) is an internal fault: the check then ends in [`Outcome::Error`].
    pub fn of(measured: Measured, sql_hash: String, snapshot: String, attempts: u32) -> Result<Self, Fault> {
        let value = measured.value.trim().to_ascii_lowercase();
        let lacks = match () {
            () if measured.rows_seen < 0 => Some("a negative number of rows"),
            () if value.is_empty() => Some("no measured value"),
            () if ["nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "null"].contains(&value.as_str()) => {
                Some("a value that is not finite")
            }
            () if sql_hash.is_empty() => Some("no statement that measured it"),
            () if attempts == 0 => Some("no attempt"),
            () => None,
        };
        match lacks {
            Some(what) => Err(Fault { reason: Reason::Internal, detail: format!("passed with {what}, which is no evidence") }),
            None => Ok(Evidence { measured, sql_hash, snapshot, attempts }),
        }
    }
    /// What was measured.
    pub fn measured(&self) -> &Measured {
        &self.measured
    }
    /// Hash of the SQL that measured it.
    pub fn sql_hash(&self) -> &str {
        &self.sql_hash
    }
    /// Which state of the data it was.
    pub fn snapshot(&self) -> &str {
        &self.snapshot
    }
    /// How often it was tried, from 1.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// The one way in which a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Measured, complete, within every threshold.
    Pass(Evidence),
    /// Measured, and a threshold is crossed.
    Fail {
        /// What the crossed threshold asks for.
        asks: Severity,
        /// What was measured.
        measured: Measured,
        /// Finishes "TITLE failed: ...".
        why: String,
    },
    /// Tried, without a usable measurement.
    Error(Fault),
    /// Not tried.
    Skipped(Fault),
}

/// How a check ended, without its particulars: what the decision looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Measured, within every threshold.
    Pass,
    /// Measured, crosses what warns and nothing that holds.
    FailWarn,
    /// Measured, crosses what holds.
    FailHold,
    /// Tried, without a usable measurement.
    Error,
    /// Not tried.
    Skipped,
}

impl Ended {
    /// Whether it was measured and crosses a threshold.
    pub fn failed(self) -> bool {
        match self {
            Ended::FailWarn | Ended::FailHold => true,
            Ended::Pass | Ended::Error | Ended::Skipped => false,
        }
    }
}

impl Outcome {
    /// How it ended.
    pub fn ended(&self) -> Ended {
        match self {
            Outcome::Pass(_) => Ended::Pass,
            Outcome::Fail { asks: Severity::Warn, .. } => Ended::FailWarn,
            Outcome::Fail { asks: Severity::Hold, .. } => Ended::FailHold,
            Outcome::Error(_) => Ended::Error,
            Outcome::Skipped(_) => Ended::Skipped,
        }
    }
}
