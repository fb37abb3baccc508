//! `run_results.json`: what one invocation of dbt did, node by node.
//!
//! It says only that dbt once said so: whether a result counts for an interval is decided elsewhere, and a status is never read as a pass here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use super::artifact::{self, Artifact, Kind, Metadata, ReadFault};
use super::json::Strict;

/// One invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResults {
    /// `metadata.invocation_id`.
    pub invocation_id: Option<String>,
    /// `metadata.dbt_version`.
    pub dbt_version: String,
    /// When the file was written.
    pub generated_at: Option<jiff::Timestamp>,
    /// Whether dbt was told to build less than all rows: `--empty`, `--sample`, a span of event times.
    pub partial: bool,
    /// By unique id. Nodes that were not selected, or not reached because dbt stopped, are absent.
    pub results: BTreeMap<String, RunResult>,
}

/// What became of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// In dbt's words.
    pub status: Status,
    /// Failing rows of a test, as its `fail_calc` counts them. dbt may write 0 for a test whose failures lie within its thresholds.
    pub failures: Option<i64>,
    /// What dbt or the warehouse said. It can hold values of rows: keep it out of alerts.
    pub message: Option<String>,
    /// The begin of the first timed step; `None` when nothing was timed.
    pub started_at: Option<jiff::Timestamp>,
    /// The end of the last timed step; `None` when nothing was timed.
    pub completed_at: Option<jiff::Timestamp>,
    /// The relation that was built, as dbt renders it; `None` where dbt does not say.
    pub relation: Option<String>,
}

/// dbt's statuses. Only [`Status::Pass`] of a test and [`Status::Success`] of the rest mean that something was done and went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Status {
    Success,
    Error,
    Skipped,
    PartialSuccess,
    /// Nothing had to be done.
    NoOp,
    /// dbt 2: not built because nothing had changed.
    Reused,
    Pass,
    Fail,
    Warn,
    RuntimeError,
}

impl fmt::Display for Status {
    /// As dbt writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Success => "success",
            Status::Error => "error",
            Status::Skipped => "skipped",
            Status::PartialSuccess => "partial success",
            Status::NoOp => "no-op",
            Status::Reused => "reused",
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Warn => "warn",
            Status::RuntimeError => "runtime error",
        })
    }
}

impl Status {
    /// dbt 1 writes `pass`, dbt 2 in places `Pass`.
    pub(super) fn read(written: &str) -> Option<Status> {
        Some(match written.to_ascii_lowercase().as_str() {
            "success" => Status::Success,
            "error" => Status::Error,
            "skipped" => Status::Skipped,
            "partial success" => Status::PartialSuccess,
            "no-op" => Status::NoOp,
            "reused" => Status::Reused,
            "pass" => Status::Pass,
            "fail" => Status::Fail,
            "warn" => Status::Warn,
            "runtime error" => Status::RuntimeError,
            _ => return None,
        })
    }
}

#[derive(Deserialize)]
struct File {
    metadata: Option<Metadata>,
    results: Vec<Entry>,
    #[serde(default)]
    args: Option<Args>,
}

/// What the invocation was told, as far as it makes tables incomplete.
#[derive(Deserialize, Default)]
struct Args {
    #[serde(default)]
    empty: Option<bool>,
    #[serde(default)]
    sample: Strict,
    #[serde(default)]
    event_time_start: Strict,
    #[serde(default)]
    event_time_end: Strict,
}

#[derive(Deserialize)]
struct Entry {
    unique_id: String,
    status: String,
    failures: Option<i64>,
    message: Option<String>,
    #[serde(default)]
    timing: Option<Vec<Timing>>,
    #[serde(default)]
    relation_name: Option<String>,
}

#[derive(Deserialize)]
struct Timing {
    started_at: Option<String>,
    completed_at: Option<String>,
}

impl Artifact for File {
    const KIND: Kind = Kind::RunResults;
    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

/// Reads run results of dbt 1.2 to 1.12 and 2.x. `file` is only for messages.
///
/// # Errors
/// Not run results, damaged, of another schema version than 4 to 6, with a status that is not known, or with two results for one
/// node.
pub fn read(bytes: &[u8], file: &Path) -> Result<RunResults, ReadFault> {
    let (read, _) = artifact::read::<File>(bytes, file)?;
    let metadata = read.metadata.unwrap_or_default();
    let mut results = BTreeMap::new();
    for entry in read.results {
        let id = entry.unique_id;
        let fault =
            |what: String| ReadFault::unreadable(format!("this run_results.json cannot be used: `{id}` {what}"), "run dbt again", file);
        let status = Status::read(&entry.status).ok_or_else(|| fault(format!("has the status `{}`, which is not known", entry.status)))?;
        let started = entry.timing.iter().flatten().filter_map(|timing| timing.started_at.as_deref()).filter_map(moment).min();
        let completed = entry.timing.iter().flatten().filter_map(|timing| timing.completed_at.as_deref()).filter_map(moment);
        let completed = completed.max();
        let relation = entry.relation_name;
        let result =
            RunResult { status, failures: entry.failures, message: entry.message, started_at: started, completed_at: completed, relation };
        if results.contains_key(&id) {
            return Err(fault("has two results".to_owned()));
        }
        results.insert(id, result);
    }
    let args = read.args.unwrap_or_default();
    let said = |Strict(value): &Strict| !matches!(value, serde_json::Value::Null | serde_json::Value::Bool(false));
    Ok(RunResults {
        partial: args.empty == Some(true) || [&args.sample, &args.event_time_start, &args.event_time_end].into_iter().any(said),
        generated_at: metadata.generated_at(),
        invocation_id: metadata.invocation_id,
        dbt_version: metadata.dbt_version.unwrap_or_default(),
        results,
    })
}

/// dbt 1 wrote times of UTC without saying so before it said so.
pub(super) fn moment(text: &str) -> Option<jiff::Timestamp> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp()))
}
