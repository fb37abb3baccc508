//! Contract x lineage -> what to ask, fused into scans, and which metric each answer guards. A plan is a value: the same one is printed by
//! `plan` and executed by `check`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::calendar::{Closed, Interval};
use crate::check::Spec;
use crate::check::common::{Expect, Severity};
use crate::check::outcome::Fault;
use crate::dbt::run_results::RunResults;
use crate::lineage::{Certainty, EdgeKind};
use crate::macros::Macros;

mod bound;
mod build;
mod built;
mod changed;
pub mod compare;
mod dbt_results;
mod dbt_standard;
mod dbt_tests;
mod draft;
mod exposure;
mod fuse;
pub mod grants;
mod ground;
mod keys;
mod measure;
mod metrics;
mod moments;
mod near;
mod reach;
pub mod reads;
mod rows;
mod sources;
mod values;
mod watch;

pub use build::build;
use compare::Comparison;
pub use exposure::for_exposure;
pub use moments::deadline as ready_by;
pub use values::Values;
pub use watch::{Watch, WatchingCheck, targets, watch};

/// A check's identifier, unique in the plan: its name in the contract, or `dbt:<test name>`, or `freshness:<source>`.
pub type CheckId = String;
/// The kind of the check that stands for relations that were not built; it can only be skipped.
pub const BUILT: &str = "built";
/// A metric's key in the contract.
pub type MetricId = String;

/// What a plan depends on besides the contract and the project.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The span of data to decide about; `None` when the contract has no schedule.
    pub interval: Option<Interval>,
    /// Unique ids of the relations whose checks are wanted (and of dbt tests); all when `None`. The checks of the others are skipped, never left out.
    pub selection: Option<BTreeSet<String>>,
    /// The templates of the project's dialect.
    pub macros: &'a Macros,
    /// What else the contract refers to.
    pub given: Given,
}

/// What a contract refers to and neither it nor the project holds.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The days of the schedule's calendar; `None` when the schedule names none.
    pub closed: Option<Closed>,
    /// What earlier runs of the contract measured.
    pub past: Past,
    /// What dbt's last invocation did, where the contract reads results, or why that cannot be read; `None` where nothing was read.
    pub results: Option<Result<RunResults, String>>,
    /// The further connections that the contract uses, or why one cannot be used. One that is absent is not known here.
    pub connections: BTreeMap<String, Result<Connection, Fault>>,
    /// Whether the project's own warehouse is on this machine.
    pub near: bool,
    /// What a build was to make and did not.
    pub unbuilt: Vec<Unbuilt>,
    /// The metrics of which the snapshot keeps a certified value that may be shown while they are held.
    pub kept: BTreeMap<MetricId, Kept>,
}

/// Relations that a build was to make and did not, for one cause: what stands there is of an earlier build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// What names the cause in the check's id: the model that failed, the source that has not landed.
    pub cause: String,
    /// Why, as a clause that follows "because": `dbt could not build int_orders`.
    pub why: String,
    /// Unique ids.
    pub relations: BTreeSet<String>,
}

/// A further connection, as far as planning needs to know it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The templates of its dialect.
    pub macros: Arc<Macros>,
    /// Whether it is on this machine.
    pub near: bool,
}

/// What earlier runs of a contract measured.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// By check: where each interval began, and the value that was measured for it; the newest interval first.
    pub values: BTreeMap<CheckId, Vec<(jiff::Zoned, rust_decimal::Decimal)>>,
    /// Why it cannot be read, if so.
    pub unreadable: Option<String>,
}

/// Everything that will be asked, and what each answer is for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Contract identifier.
    pub contract: String,
    /// What readers call the report.
    pub report: String,
    /// Who mends the report and who reads it: (team, contact).
    pub technical_owner: Option<(String, Option<String>)>,
    /// See `technical_owner`.
    pub business_owner: Option<(String, Option<String>)>,
    /// The span of data that is decided about.
    pub interval: Option<Interval>,
    /// What the decision needs, and nothing else: the expected set, fixed before the first query.
    pub expected: Expected,
    /// How to measure each check that is measured; in the order of `expected.checks`.
    pub asks: BTreeMap<CheckId, Asked>,
    /// The statements after fusing, in the order in which they are sent.
    pub statements: Vec<Statement>,
    /// How to list failing rows of the checks whose contract declares columns of them; asked only after a check failed.
    pub samples: BTreeMap<CheckId, Sampling>,
    /// Contract keys that are valid but not executed by this version, for people.
    pub not_executed: Vec<String>,
    /// Models whose lineage is assumed, and why; for people.
    pub blind: Vec<String>,
    /// What people should know of how this plan came about: a source without freshness, a check that reaches no metric.
    pub notes: Vec<String>,
    /// What each metric stands on, with the checks that reach it: unique ids of relations.
    pub stands_on: BTreeMap<MetricId, BTreeSet<String>>,
    /// What must have landed: by the unique id of the source, the checks that show it.
    pub landings: BTreeMap<String, Vec<CheckId>>,
    /// What is to be noted of the metrics' values, for publishing.
    pub publishing: Publishing,
}

/// Where the values stand that a snapshot is made of. Empty where the contract writes none.
#[derive(Debug, Clone, Default)]
pub struct Publishing {
    /// Of each metric, or why its values cannot be copied.
    pub values: BTreeMap<MetricId, Result<Values, String>>,
    /// The metrics of which the snapshot keeps an earlier certified value to show while they are held.
    pub kept: BTreeMap<MetricId, Kept>,
}

/// The interval that a kept value is of: its first instant and the first after it; `None` where the contract has no schedule.
pub type Kept = Option<(jiff::Zoned, jiff::Zoned)>;

/// The expected set: metrics, checks and the reach of each check.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// In the order of the contract.
    pub metrics: Vec<GuardedMetric>,
    /// In the order of the contract, then by id.
    pub checks: Vec<GuardingCheck>,
    /// Caveats with the metric they are for (all when `None`), the sentence, and the instant after their last day.
    pub caveats: Vec<ActiveCaveat>,
    /// Waivers by check.
    pub waivers: Vec<ActiveWaiver>,
    /// Latest safe publication time.
    pub ready_by: Option<jiff::Timestamp>,
    /// Whether a decision after it holds instead of warning.
    pub late_holds: bool,
}

/// A metric and what is known of where it comes from.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct GuardedMetric {
    pub id: MetricId,
    pub title: String,
    /// Team and contact.
    pub owner: Option<(String, Option<String>)>,
    pub last_safe: bool,
    pub upstream: Upstream,
}

/// How well a metric's upstream is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// Every edge on the way up was read from SQL.
    Known,
    /// Some edges are assumed: models by unique id.
    Assumed(Vec<String>),
    /// The metric itself could not be resolved to columns.
    Unresolved(String),
}

/// A check as the decision sees it.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct GuardingCheck {
    pub id: CheckId,
    pub kind: String,
    pub title: String,
    /// The worst that the check can ask for; what error and skipped ask for.
    pub severity: Severity,
    /// What `error(no baseline)` asks for instead, of a check against earlier runs.
    pub without_baseline: Option<Severity>,
    /// What anything but a pass asks for, of single metrics.
    pub severity_for: BTreeMap<MetricId, Severity>,
    /// The relation it is about, as people name it.
    pub about: String,
    pub unit: Option<String>,
    pub recover: Option<String>,
    /// Whether it is a freshness check of a source: report status `stale`.
    pub freshness: bool,
    /// Whether a failure means that a group or date is missing: report status `partial`.
    pub coverage: bool,
    /// Why `affects_only` takes metrics away, if it does: (reason, metrics taken away).
    pub narrowed: Option<(String, BTreeSet<MetricId>)>,
    /// May and knows: the metrics that the check can reach.
    pub reach: BTreeMap<MetricId, Reach>,
}

/// How a check reaches a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// `Known` when known edges alone suffice (or the contract says `affects`).
    pub certainty: Certainty,
    /// From the check's subject to the metric's column; empty when the contract says `affects`.
    pub path: Vec<Step>,
}

/// One step of a path: a node, and the edge that leads on from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `model.column`, `model rows lost`, `model rows added`.
    pub node: String,
    /// The edge to the next step; `None` on the last.
    pub edge: Option<(EdgeKind, Certainty)>,
}

/// A caveat in force until an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ActiveCaveat {
    pub metric: Option<MetricId>,
    pub text: String,
    /// First instant at which it no longer counts.
    pub ends: Option<jiff::Timestamp>,
}

/// A waiver in force until an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ActiveWaiver {
    pub check: CheckId,
    pub reason: String,
    pub approved_by: String,
    pub ends: jiff::Timestamp,
    pub covers_error: bool,
    pub covers_skipped: bool,
}

/// How one check is measured, or why it is not.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Asked {
    /// By columns `first..first + columns.len()` of a statement's only row; column `rows_seen` is at `rows_seen`.
    ///
    /// `proof`: the statement only says whether there is anything bad, by one count at `first`. Nothing: every column of the measurement is 0.
    /// Something: the statement's part for the check is asked for the numbers.
    Measured { spec: Spec, statement: usize, rows_seen: usize, first: usize, columns: Vec<Expect>, proof: bool },
    /// Not at all: `skipped` with this reason.
    Skipped(Fault),
}

/// One statement: a query that returns exactly one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Connection name; `None` is the project's own.
    pub connection: Option<String>,
    /// Relations that it reads, as rendered.
    pub relations: Vec<String>,
    /// The checks that it measures.
    pub checks: Vec<CheckId>,
    /// The exact text.
    pub sql: String,
    /// How to split (the same measurements one check at a time), for bisection of a broken scan and for the numbers behind a proof that failed;
    /// empty when unsplittable.
    /// In the row of a part, `rows_seen` is at 0 and the check's columns follow it.
    pub parts: Vec<Statement>,
    /// Where two connections are asked and their answers are compared here: what each is asked. `sql` is then both texts, for people.
    pub compare: Option<Box<Comparison>>,
}

/// A statement that lists failing rows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Sampling {
    pub statement: Statement,
    /// The declared columns, in the order of the statement's.
    pub columns: Vec<String>,
    pub limit: u64,
}

impl Plan {
    /// Hash of the expected set and of every statement, as hexadecimal text: the same plan has the same hash in the same version of the program.
    pub fn expected_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut feed = |text: &str| {
            hasher.update(&u64::try_from(text.len()).map_or([0xff; 8], u64::to_le_bytes));
            hasher.update(text.as_bytes());
        };
        feed(env!("CARGO_PKG_VERSION"));
        feed(&self.contract);
        feed(&self.interval.as_ref().map_or_else(String::new, |interval| format!("{} {}", interval.start, interval.end)));
        feed(&format!("{:?}", self.expected));
        for (id, asked) in &self.asks {
            feed(id);
            match asked {
                Asked::Measured { spec, statement, rows_seen, first, columns, proof } => {
                    feed(&format!("{} {statement} {rows_seen} {first} {columns:?} {proof} {:?}", spec.kind_name(), spec.kind().common()));
                }
                Asked::Skipped(fault) => feed(&format!("{fault:?}")),
            }
        }
        for statement in &self.statements {
            feed(statement.connection.as_deref().unwrap_or_default());
            feed(&statement.sql);
        }
        for (metric, values) in &self.publishing.values {
            feed(metric);
            feed(match values {
                Ok(values) => &values.fingerprint,
                Err(why) => why,
            });
        }
        hasher.finalize().to_hex().to_string()
    }
}
