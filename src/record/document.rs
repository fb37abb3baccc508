//! The shape of the decision document, format 1. Names are stable: a change of meaning or a removal is a new format.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Certainty, CheckRecord, Class, EdgeKind, Ended, FactName, FactState, Reason, Rule, Status, Verdict, WaiverState};

/// The number of this format.
pub const FORMAT: u32 = 1;

/// What was decided about one contract and interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Which format this is and what wrote it.
    pub presscheck: Format,
    /// Identifier of the decision: a hash of contract, interval, decision time, expected set and outcomes.
    pub run: String,
    /// Identifier of the contract.
    pub contract: String,
    /// What readers call the report.
    pub report: String,
    /// The promise, in the words of the business.
    pub promise: Option<String>,
    /// The span of data that was decided about.
    pub interval: Option<IntervalRecord>,
    /// The one decision time, UTC.
    #[schemars(with = "String")]
    pub decided_at: Timestamp,
    /// Latest safe publication time.
    #[schemars(with = "Option<String>")]
    pub ready_by: Option<Timestamp>,
    /// Whether a decision after `ready_by` holds instead of warning.
    pub late_holds: bool,
    /// Whether the decision time was given by the user: a rehearsal authorises nothing.
    pub rehearsal: bool,
    /// The first of `statuses`.
    pub status: Status,
    /// Every status that holds, worst first.
    pub statuses: Vec<Status>,
    /// What is said of the whole report.
    pub summary: String,
    /// Whether there was no metric or no check at all: never success.
    pub nothing_to_check: bool,
    /// Who answers for the report.
    pub owners: OwnersRecord,
    /// In the order of the contract.
    pub metrics: Vec<MetricRecord>,
    /// In the order of the contract, then by id.
    pub checks: Vec<CheckRecord>,
    /// What is known of the freshness of each source that was checked, in the order of the checks.
    pub sources: Vec<SourceRecord>,
    /// Caveats of the contract.
    pub caveats: Vec<CaveatRecord>,
    /// Waivers of the contract and what became of them.
    pub waivers: Vec<WaiverRecord>,
    /// The facts around the checks.
    pub context: Vec<FactRecord>,
    /// What presscheck read.
    pub artifacts: ArtifactsRecord,
    /// Hash of the expected set and of every statement, fixed before the first query.
    pub expected_hash: String,
    /// Results that nobody expected: a bug, which holds everything.
    pub unexpected: Vec<String>,
    /// Keys of the contract that this version validates and does not execute.
    pub not_executed: Vec<String>,
    /// Models whose lineage is assumed, and why.
    pub blind: Vec<String>,
    /// What else people should know.
    pub notes: Vec<String>,
    /// How each metric that is held gets free again, where a run decided; in the order of the metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<ReleaseRecord>,
}

/// How a metric that is held gets free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRecord {
    /// The metric.
    pub metric: String,
    /// The command that builds again what it needs; absent where nothing is built.
    pub build: Option<String>,
    /// The checks that must then pass.
    pub checks: Vec<String>,
    /// The command that does all of it: builds, asks, decides, publishes.
    pub run: String,
    /// How often that may be tried before somebody looks.
    pub attempts: u64,
    /// Where building again is not the same as building once.
    pub warnings: Vec<String>,
}

/// Format and writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Number of the format: 1.
    pub format: u32,
    /// Version of presscheck.
    pub version: String,
}

/// The half-open span `[start, end)` of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntervalRecord {
    /// First instant, with offset and zone.
    pub start: String,
    /// First instant after it.
    pub end: String,
    /// First day, in the contract's zone.
    pub first_day: String,
    /// Last day, in the contract's zone.
    pub last_day: String,
    /// IANA name of the zone in which it is counted.
    pub timezone: String,
}

/// A team and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerRecord {
    /// The team's name.
    pub team: String,
    /// An address or channel.
    pub contact: Option<String>,
}

/// Who answers for the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnersRecord {
    /// Reads it.
    pub business: Option<OwnerRecord>,
    /// Mends it.
    pub technical: Option<OwnerRecord>,
}

/// One metric and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricRecord {
    /// Key in the contract.
    pub id: String,
    /// What readers call it.
    pub title: String,
    /// Who answers for it.
    pub owner: Option<OwnerRecord>,
    /// What may be done with it.
    pub verdict: Verdict,
    /// Of a held metric: whether the data is wrong, or it could not be decided.
    pub class: Option<Class>,
    /// What a business reader is told.
    pub sentence: String,
    /// What is shown beside the number when it publishes with caveats.
    pub caveats: Vec<String>,
    /// Who mends it now.
    pub mended_by: Option<OwnerRecord>,
    /// What to do first.
    pub recover: Option<String>,
    /// Why the verdict is not publish, worst first; empty exactly when it is.
    pub causes: Vec<CauseRecord>,
    /// Whether the contract wants the snapshot to show the last safe value while it is held.
    pub last_safe: bool,
    /// The interval of the last safe value that is shown while it is held; absent where the snapshot keeps none, or the metric is not held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptRecord>,
    /// What its values were while the checks were asked; absent where the contract does not publish them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValuesRecord>,
    /// How well its upstream is known.
    pub upstream: UpstreamRecord,
}

/// An earlier value that the snapshot keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptRecord {
    /// First instant of its interval, with offset and zone; absent where the contract has no schedule.
    pub start: Option<String>,
    /// First instant after it.
    pub end: Option<String>,
}

/// What a metric's values were: only these are published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValuesRecord {
    /// Rows of the interval, exact, as text; absent where they could not be noted.
    pub rows: Option<String>,
    /// A hash over which row each is and its number.
    pub fingerprint: Option<String>,
    /// Hash of the SQL that noted them.
    pub sql_hash: Option<String>,
    /// Why they could not be noted.
    pub missing: Option<Reason>,
}

/// How well a metric's upstream is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamRecord {
    /// Every edge was read from SQL.
    Known,
    /// Some edges are assumed: models by unique id.
    Assumed(Vec<String>),
    /// The metric was not resolved to columns: why.
    Unresolved(String),
}

/// One cause of a verdict above publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CauseRecord {
    /// The part of the verdict that it belongs to.
    pub rule: Rule,
    /// What it asks for.
    pub asks: Verdict,
    /// In words for a business reader.
    pub text: String,
    /// What whoever mends it needs besides.
    pub detail: String,
    /// The check that it is about.
    pub check: Option<String>,
    /// How that check ended.
    pub outcome: Option<Ended>,
    /// Whether a waiver covers it.
    pub waived: bool,
    /// Whether known edges alone lead from the check to the metric.
    pub certainty: Option<Certainty>,
    /// From the check's subject to the metric.
    pub path: Vec<StepRecord>,
    /// The fact of the context that it is about.
    pub fact: Option<FactName>,
}

/// One step of a path: a node, and how the next one depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// `model.column`, `model rows lost`, `model rows added`.
    pub node: String,
    /// How the next step depends on this one; absent on the last.
    pub edge: Option<EdgeKind>,
    /// Whether that was read from SQL; absent on the last.
    pub certainty: Option<Certainty>,
}

/// What is known of the freshness of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceRecord {
    /// `source.table`.
    pub source: String,
    /// The check that looked.
    pub check: String,
    /// How it ended.
    pub outcome: Ended,
    /// The newest load time, where it was measured.
    pub newest: Option<String>,
    /// Age of the newest row at the decision time, in whole seconds, as text.
    pub age_seconds: Option<String>,
}

/// A caveat of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaveatRecord {
    /// The metric; every metric when absent.
    pub metric: Option<String>,
    /// The sentence.
    pub text: String,
    /// First instant at which it no longer counts; for ever when absent.
    #[schemars(with = "Option<String>")]
    pub ends: Option<Timestamp>,
    /// Whether it was live at the decision time.
    pub live: bool,
}

/// A waiver and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverRecord {
    /// The check.
    pub check: String,
    /// Why.
    pub reason: String,
    /// Who agreed.
    pub approved_by: String,
    /// First instant at which it no longer counts.
    #[schemars(with = "String")]
    pub ends: Timestamp,
    /// Whether it covers checks that could not be evaluated.
    pub covers_error: bool,
    /// Whether it covers checks that were not tried.
    pub covers_skipped: bool,
    /// What became of it; absent when deciding itself failed.
    pub state: Option<WaiverState>,
}

/// One fact around the checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactRecord {
    /// Which.
    pub fact: FactName,
    /// What is known of it.
    pub state: FactState,
    /// How that is known.
    pub detail: String,
}

/// What presscheck read: dbt's artifacts and the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactsRecord {
    /// Version of dbt that wrote the manifest.
    pub dbt_version: String,
    /// Schema version of the manifest.
    pub schema_version: u32,
    /// When the manifest was written.
    #[schemars(with = "Option<String>")]
    pub generated_at: Option<Timestamp>,
    /// Hash of the manifest's bytes.
    pub manifest_hash: String,
    /// Hash of the contract's bytes; absent without a contract file.
    pub contract_hash: Option<String>,
    /// What identifies the data that was read, of all connections.
    pub snapshot: String,
    /// The same of each further connection, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, String>,
}
