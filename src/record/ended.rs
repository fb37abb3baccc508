//! How one check ended, in the decision document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Certainty, Ended, Reason, Severity};

/// One check and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRecord {
    /// Identifier.
    pub id: String,
    /// Kind: `not_null`, `freshness`, ...
    pub kind: String,
    /// What readers call it.
    pub title: String,
    /// The relation it is about.
    pub about: String,
    /// The worst that it can ask for; what an error asks for.
    pub severity: Severity,
    /// What too little history asks for instead, of a check against earlier runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_baseline: Option<Severity>,
    /// What anything but a pass asks for, of single metrics, where the contract says so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub severity_for: BTreeMap<String, Severity>,
    /// How it ended.
    pub outcome: Ended,
    /// Why it gave no usable measurement, or was not tried.
    pub reason: Option<Reason>,
    /// What was seen, in words; empty for a pass.
    pub detail: String,
    /// What was measured; absent where nothing was.
    pub measured: Option<MeasuredRecord>,
    /// How to recover.
    pub recover: Option<String>,
    /// Failing rows, where the contract declares columns of them. They hold values of the data: no sentence, alert or annotation is written from them, and the
    /// history does not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SamplesRecord>,
    /// Hash of the SQL that measured it.
    pub sql_hash: Option<String>,
    /// What identifies the data that it saw.
    pub snapshot: Option<String>,
    /// The metrics that it can reach, and whether by known edges alone.
    pub reaches: BTreeMap<String, Certainty>,
    /// Metrics that the contract takes away from it, and why.
    pub narrowed: Option<NarrowedRecord>,
    /// Whether it is a freshness check of a source.
    pub freshness: bool,
    /// Whether a failure means that a group or date is missing.
    pub coverage: bool,
}

/// Some failing rows of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamplesRecord {
    /// The columns that the contract declares.
    pub columns: Vec<String>,
    /// Their values as text, cut to size; null is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Why they could not be read, if so.
    pub missing: Option<Reason>,
}

/// Why a check does not reach metrics that lineage would give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NarrowedRecord {
    /// The contract's `because`.
    pub because: String,
    /// The metrics taken away.
    pub metrics: Vec<String>,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredRecord {
    /// Rows looked at, exact, as text.
    pub rows_seen: String,
    /// The judged number, exact, as text.
    pub value: String,
    /// What it counts, in the plural.
    pub unit: String,
    /// Further numbers by name.
    pub facts: BTreeMap<String, String>,
}
