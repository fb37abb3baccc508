//! The promise: the contract language as types, each value with its place.
//!
//! Strict: what is not described here is an error. A contract runs no code. This room knows nothing of the user's dbt project; names are
//! checked against it in [`crate::lint`].

mod consistency;
mod names;
mod schema;
mod sql;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::{Age, Day};
pub use crate::calendar::{IntervalUnit, ReadyBy, Weekday};
use crate::check::definition::Kinds;
use crate::check::{Spec, common::Severity};
use crate::diagnostic::{At, Finding};
use crate::yaml::{self, Read};

pub use names::check_name;
pub use schema::{json_schema, json_schema_with};
pub use sql::{Filled, Place, Written, written};

/// One reporting contract: what a report promises and what must be true for it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Version of the contract language: 1.
    pub version: At<u64>,
    /// Identifier of the contract, unique in the project: letters, digits and `_`.
    pub contract: At<String>,
    /// What readers call the report.
    #[serde(default)]
    pub title: Option<At<String>>,
    /// The dbt exposure that this contract guards.
    #[serde(default)]
    pub exposure: Option<At<String>>,
    /// The promise, in the words of the business.
    #[serde(default)]
    pub promise: Option<At<String>>,
    /// How much the report matters: `critical`, `standard` (default) or `experiment`.
    #[serde(default)]
    pub tier: Option<At<Tier>>,
    /// Who answers for the report.
    #[serde(default)]
    pub owners: Option<Owners>,
    /// What one run covers and when it is due.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// Who is told, when, and by which route.
    #[serde(default)]
    pub escalation: Vec<Escalation>,
    /// How to recover, whatever fails: the procedure, or where it is written. Every alert carries it, after what the failed checks say.
    #[serde(default)]
    pub recovery: Option<At<String>>,
    /// What must have landed.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// The numbers of the report, each with its own verdict.
    #[schemars(extend("minProperties" = 1))]
    pub metrics: IndexMap<At<String>, Metric>,
    /// What must hold.
    #[serde(default)]
    pub checks: Vec<At<Spec>>,
    /// Sentences that a reader sees beside a number.
    #[serde(default)]
    pub caveats: Vec<Caveat>,
    /// Written, expiring, owned exceptions, each to one check.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// Where certified values and the status go.
    #[serde(default)]
    pub publish: Option<Publish>,
    /// The file it was read from.
    #[serde(skip)]
    pub origin: Origin,
}

/// Where a contract was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file, as the user would name it.
    pub file: PathBuf,
    /// Its text.
    pub text: Arc<str>,
}

/// Reads a contract: everything that is wrong with its YAML, its structure and its meaning, as far as no dbt project is needed to know.
pub fn parse(text: &str, file: &Path) -> Read<Contract> {
    parse_with(text, file, &Kinds::new())
}

/// [`parse`], with kinds of check that the project defines.
pub fn parse_with(text: &str, file: &Path, kinds: &Kinds) -> Read<Contract> {
    let mut read =
        if kinds.is_empty() { yaml::read::<Contract>(text, file) } else { yaml::read_as::<Contract>(text, file, &schema::with(kinds)) };
    if let Some(contract) = &mut read.value {
        contract.origin = Origin { file: file.to_owned(), text: text.into() };
        for check in &mut contract.checks {
            if let Spec::own(own) = &mut check.value {
                own.bind(kinds);
            }
        }
        let found = consistency::problems(contract, &read.cut);
        let line_and_column = |finding: &Finding| finding.span.map(|span| (span.line, span.column));
        let known: Vec<_> = read.findings.iter().filter_map(line_and_column).collect();
        // A place that already has a fault of structure gets no second one.
        let fresh = found.into_iter().filter(|finding| line_and_column(finding).is_none_or(|place| !known.contains(&place)));
        read.findings.extend(fresh.map(|finding| finding.in_file(file)));
        yaml::sort(&mut read.findings);
    }
    read
}

/// How much a report matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Decisions depend on it.
    Critical,
    /// The usual.
    Standard,
    /// Never pages anyone.
    Experiment,
}

/// Business and technical owner.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Owners {
    /// Reads the report and acts on it.
    #[serde(default)]
    pub business: Option<Owner>,
    /// Mends it.
    #[serde(default)]
    pub technical: Option<Owner>,
}

/// A team and how to reach it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The team's name.
    pub team: At<String>,
    /// An address or channel.
    #[serde(default)]
    pub contact: Option<At<String>>,
}

/// What one run covers, and the latest safe publication time.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The span of data of one run.
    pub interval: At<IntervalUnit>,
    /// First day of a week interval; monday when absent.
    #[serde(default)]
    pub starts: Option<At<Weekday>>,
    /// IANA zone in which days, weeks and deadlines are counted; UTC when absent.
    #[serde(default)]
    pub timezone: Option<At<String>>,
    /// The latest safe publication time after the interval's end: `monday 12:00` or `12:00`.
    #[serde(default)]
    pub ready_by: Option<At<String>>,
    /// How long `presscheck run` waits for sources that have not landed: `45m`; it looks once when absent. It never waits beyond the last moment at which
    /// the rest of the run still fits before `ready_by`.
    #[serde(default)]
    pub wait: Option<At<Age>>,
    /// What a decision after `ready_by` asks for: `warn` (default) or `hold`.
    #[serde(default)]
    pub late: Option<At<Severity>>,
    /// A YAML file of days on which nothing is due: `closed: [{day: 2026-12-25, name: Christmas Day, moves_to: 2026-12-28}]`.
    #[serde(default)]
    pub calendar: Option<At<String>>,
}

/// One step of escalation.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// What it reacts to.
    pub on: At<Occasion>,
    /// How long the occasion must last first: `60m`.
    #[serde(default)]
    pub after: Option<At<Age>>,
    /// Routes: `slack:channel`, `email:address`, `email:owners.business`, `webhook:name`, `command:name`.
    pub to: Vec<At<String>>,
}

/// What an escalation step or hook reacts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Occasion {
    Publish,
    Warn,
    Hold,
    Late,
    Recovered,
}

/// A source that must have landed.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `source.table` as in dbt.
    pub source: At<String>,
    /// Freshness; dbt's own when absent.
    #[serde(default)]
    pub freshness: Option<At<Freshness>>,
    /// The data must cover every date up to here: `interval.end`.
    #[serde(default)]
    pub complete_through: Option<At<String>>,
    /// The column with the date of a row: what `complete_through` counts, and when `expect` wants its groups.
    #[serde(default)]
    pub date: Option<At<String>>,
    /// Column whose groups must each have landed.
    #[serde(default)]
    pub group_by: Option<At<String>>,
    /// The groups that must be there; each must be fresh, and have every date.
    #[serde(default)]
    pub expect: Option<At<Vec<At<String>>>>,
    /// What a late or missing source asks for; `hold` when absent.
    #[serde(default)]
    pub severity: Option<At<Severity>>,
    /// Why no rows at all are fine.
    #[serde(default)]
    pub allow_empty: Option<At<String>>,
}

impl Source {
    /// Whether its groups are looked for among the rows of the interval, not only by how fresh each is.
    pub fn groups_by_date(&self) -> bool {
        self.date.is_some() && (self.expect.is_some() || self.complete_through.is_some())
    }
}

/// How old the newest row may be.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SourceFreshness")]
pub struct Freshness {
    /// Column (or SQL expression) with the load time; dbt's `loaded_at_field` when absent.
    #[serde(default)]
    pub loaded_at: Option<At<String>>,
    /// `true`: when the table was last changed, as the warehouse itself keeps it; Snowflake, BigQuery, Databricks and Redshift do.
    #[serde(default)]
    pub metadata: Option<At<bool>>,
    /// Older than this warns.
    #[serde(default)]
    pub warn_after: Option<At<Age>>,
    /// Older than this holds.
    #[serde(default)]
    pub hold_after: Option<At<Age>>,
    /// Zone of a timestamp that has none.
    #[serde(default)]
    pub timezone: Option<At<String>>,
}

/// One number of the report. Exactly one of `column`, `metric`, `expression` says where it comes from.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// What readers call it; the key when absent.
    #[serde(default)]
    pub title: Option<At<String>>,
    /// `model.column`.
    #[serde(default)]
    pub column: Option<At<String>>,
    /// A metric of dbt's semantic layer.
    #[serde(default)]
    pub metric: Option<At<String>>,
    /// An SQL expression over `model`.
    #[serde(default)]
    pub expression: Option<At<String>>,
    /// The model that `expression` reads.
    #[serde(default)]
    pub model: Option<At<String>>,
    /// What the number means.
    #[serde(default)]
    pub meaning: Option<At<String>>,
    /// Who answers for this number.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// What the published snapshot shows while it is held: `last_safe` or `blank` (default).
    #[serde(default)]
    pub when_held: Option<At<WhenHeld>>,
}

/// What a held metric shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenHeld {
    /// The last certified value, with its date.
    LastSafe,
    /// Nothing.
    Blank,
}

/// A sentence beside a number.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caveat {
    /// The metric; every metric when absent.
    #[serde(default)]
    pub metric: Option<At<String>>,
    /// The sentence.
    pub text: At<String>,
    /// Last day on which it is shown; for ever when absent.
    #[serde(default)]
    pub until: Option<At<Day>>,
}

/// A written, expiring, owned exception to one check.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The check, by name.
    pub check: At<String>,
    /// Why.
    pub reason: At<String>,
    /// Who agreed.
    pub approved_by: At<String>,
    /// Last day on which it counts, in the contract's zone.
    pub until: At<Day>,
    /// What else than a failure it covers: `error`, `skipped`.
    #[serde(default)]
    pub covers: Vec<At<Covers>>,
}

/// What a waiver covers besides a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Covers {
    Error,
    Skipped,
}

/// Where certified values and the status go.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Certified values, last safe value for held metrics.
    #[serde(default)]
    pub snapshot: Option<Snapshot>,
    /// What a dashboard shows beside the numbers.
    #[serde(default)]
    pub status: Option<Target>,
    /// Hooks after publishing.
    #[serde(default)]
    pub on_publish: Vec<Hook>,
    /// Hooks when anything is held.
    #[serde(default)]
    pub on_hold: Vec<Hook>,
}

/// The table of certified values, and which rows of the metrics' models go into it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SnapshotTable")]
pub struct Snapshot {
    /// `schema.table`.
    pub relation: At<String>,
    /// The column with the date of a row, which says of which interval it is; when absent, the date in the model's key, or the time that dbt's semantic layer knows.
    #[serde(default)]
    pub date: Option<At<String>>,
    /// The columns that tell the rows of a model apart; when absent, what dbt's tests say is unique.
    #[serde(default)]
    pub grain: Option<At<Vec<At<String>>>>,
}

/// A relation to write.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `schema.table`.
    pub relation: At<String>,
}

/// A hook of `presscheck.yml`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// A signed HTTP request.
    Webhook(At<String>),
    /// A program with arguments, no shell.
    Command(At<String>),
}
