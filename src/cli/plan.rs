//! `presscheck plan`: what `check` would ask, and which metrics each answer can hold; runs nothing. With `--estimate` the warehouse says what each
//! query would read.

use std::fmt::Write;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::arguments::{Format, Place, Reach, Which};
use super::estimate::{self, Estimated};
use super::{Ended, Stopped, draw, prepare};
use crate::check::common::Severity;
use crate::diagnostic::{Finding, codes};
use crate::lineage::Certainty;
use crate::plan::{Asked, GuardingCheck, Plan as Planned, Statement, Upstream};

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
    /// Show the exact text of every query
    #[arg(long)]
    sql: bool,
    /// Ask the warehouse what each query would read, without running it; connects
    #[arg(long)]
    estimate: bool,
    #[command(flatten)]
    reach: Reach,
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

impl Plan {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let now = self.which.as_of.unwrap_or_else(Timestamp::now);
        let (loaded, prepared) = prepare::plans(&self.place, &self.which, &self.reach, now, look)?;
        let plans: Vec<&Planned> = prepared.iter().map(|one| &one.plan).collect();
        let estimates = if self.estimate { Some(estimate::of(&loaded, &self.reach, &plans)?) } else { None };
        let of = |at: usize| estimates.as_ref().and_then(|all| all.get(at)).map_or(&[][..], Vec::as_slice);
        let text = match self.format {
            Format::Terminal => plans.iter().enumerate().map(|(at, plan)| text(plan, self.sql, of(at))).collect::<Vec<_>>().join("\n"),
            Format::Json => json(plans.iter().enumerate().map(|(at, plan)| plan_json(plan, of(at))).collect())?,
        };
        draw::print(&text);
        loaded.say_notes(look);
        let nothing = plans.iter().any(|plan| plan.expected.checks.is_empty() || plan.expected.metrics.is_empty());
        let failed = estimates.iter().flatten().flatten().any(|estimated| estimated.estimate.is_err());
        Ok(if nothing {
            2
        } else if failed {
            3
        } else {
            0
        })
    }
}

fn severity(check: &GuardingCheck) -> &'static str {
    match check.severity {
        Severity::Hold => "hold",
        Severity::Warn => "warn",
    }
}

/// The metrics that a check reaches, those reached by assumption alone in brackets.
fn guards(check: &GuardingCheck) -> String {
    let names: Vec<String> = check
        .reach
        .iter()
        .map(|(metric, reach)| match reach.certainty {
            Certainty::Known => metric.clone(),
            Certainty::Assumed => format!("({metric})"),
        })
        .collect();
    if names.is_empty() { "no metric".to_owned() } else { names.join(", ") }
}

fn skipped(plan: &Planned, check: &GuardingCheck) -> Option<String> {
    match plan.asks.get(&check.id) {
        Some(Asked::Skipped(fault)) => Some(fault.detail.clone()),
        Some(Asked::Measured { .. }) => None,
        None => Some("nobody planned it".to_owned()),
    }
}

fn text(plan: &Planned, sql: bool, estimates: &[Estimated]) -> String {
    let mut out = format!("{} ({})\n", plan.report, plan.contract);
    if let Some(interval) = &plan.interval {
        let _ = writeln!(out, "interval  {} to before {}", interval.start, interval.end);
    }
    if let Some(ready_by) = plan.expected.ready_by {
        let _ = writeln!(out, "ready by  {ready_by}");
    }
    out.push_str("\nmetrics\n");
    let width = plan.expected.metrics.iter().map(|metric| metric.id.len()).max().unwrap_or_default();
    for metric in &plan.expected.metrics {
        let checks = plan.expected.checks.iter().filter(|check| check.reach.contains_key(&metric.id)).count();
        let upstream = match &metric.upstream {
            Upstream::Known => "lineage known".to_owned(),
            Upstream::Assumed(models) => format!("lineage assumed through {}: warns at best", models.join(", ")),
            Upstream::Unresolved(why) => format!("not resolved, so it is held: {why}"),
        };
        let _ = writeln!(out, "  {:width$}  {checks} checks, {upstream}", metric.id);
    }
    out.push_str("\nchecks\n");
    for check in &plan.expected.checks {
        let _ = writeln!(out, "  {}  {} on {}, asks {}: {}", check.id, check.kind, check.about, severity(check), guards(check));
        if let Some(why) = skipped(plan, check) {
            let _ = writeln!(out, "      not asked, so it counts as skipped: {why}");
        }
        for (metric, severity) in &check.severity_for {
            let asks = if *severity == Severity::Hold { "hold" } else { "warn" };
            let _ = writeln!(out, "      of {metric} it asks {asks}");
        }
        if let Some((because, metrics)) = &check.narrowed {
            let metrics: Vec<&str> = metrics.iter().map(String::as_str).collect();
            let _ = writeln!(out, "      affects_only takes away {}: {because}", metrics.join(", "));
        }
    }
    let measured = plan.asks.values().filter(|asked| matches!(asked, Asked::Measured { .. })).count();
    let _ = writeln!(out, "\n{measured} checks in {} queries", plan.statements.len());
    for (number, statement) in plan.statements.iter().enumerate() {
        let _ = writeln!(out, "  {}. {}: {}", number + 1, asked_of(statement), statement.checks.join(", "));
        if let Some(why) = statement.compare.as_ref().and_then(|compare| compare.why()).filter(|_| !sql) {
            let _ = writeln!(out, "       {why}");
        }
        if let Some(estimated) = estimates.get(number) {
            let _ = writeln!(out, "       reads {}", estimate::spoken(estimated));
            if let Some(beyond) = &estimated.beyond {
                let _ = writeln!(out, "       {beyond}");
            }
        }
        if sql {
            for line in statement.sql.trim_end().lines() {
                let _ = writeln!(out, "       {line}");
            }
        }
    }
    for (id, sampling) in &plan.samples {
        let _ = writeln!(out, "  when {id} fails, up to {} rows of it are read: {}", sampling.limit, sampling.columns.join(", "));
        if sql {
            for line in sampling.statement.sql.trim_end().lines() {
                let _ = writeln!(out, "       {line}");
            }
        }
    }
    for (id, values) in &plan.publishing.values {
        match values {
            Ok(values) => {
                let _ = writeln!(out, "  the values of {id} are noted, so that only they are published");
                for line in values.fingerprint.lines().filter(|_| sql) {
                    let _ = writeln!(out, "       {line}");
                }
            }
            Err(why) => {
                let _ = writeln!(out, "  the values of {id} cannot be published: {why}");
            }
        }
    }
    for note in plan.not_executed.iter().map(|key| format!("not executed by this version: {key}")).chain(plan.blind.iter().cloned()) {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

/// Relations, and where they are: `a, b`, `c on finance`.
fn asked_of(statement: &Statement) -> String {
    let on = |relation: &str, connection: Option<&String>| connection.map_or(relation.to_owned(), |name| format!("{relation} on {name}"));
    match &statement.compare {
        Some(compare) => compare.sides().map(|side| on(&side.relation, side.connection.as_ref())).join(" against "),
        None => on(&statement.relations.join(", "), statement.connection.as_ref()),
    }
}

/// `plan --format json`, version 1.
#[derive(Serialize)]
struct PlansJson<'a> {
    format: u32,
    plans: Vec<PlanJson<'a>>,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    contract: &'a str,
    report: &'a str,
    interval: Option<[String; 2]>,
    ready_by: Option<Timestamp>,
    metrics: Vec<MetricJson<'a>>,
    checks: Vec<CheckJson<'a>>,
    statements: Vec<StatementJson<'a>>,
    /// What is noted of the metrics' values, where the contract publishes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<ValuesJson<'a>>,
    not_executed: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct MetricJson<'a> {
    id: &'a str,
    title: &'a str,
    lineage: &'static str,
    detail: Vec<String>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    id: &'a str,
    kind: &'a str,
    title: &'a str,
    about: &'a str,
    severity: Severity,
    skipped: Option<String>,
    guards: Vec<GuardJson<'a>>,
}

#[derive(Serialize)]
struct GuardJson<'a> {
    metric: &'a str,
    certainty: Certainty,
    path: Vec<&'a str>,
}

#[derive(Serialize)]
struct StatementJson<'a> {
    connection: Option<&'a str>,
    relations: &'a [String],
    checks: &'a [String],
    sql: &'a str,
    /// Where two connections are asked: what each is.
    #[serde(skip_serializing_if = "Option::is_none")]
    sides: Option<[SideJson<'a>; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<EstimateJson<'a>>,
}

#[derive(Serialize)]
struct ValuesJson<'a> {
    metric: &'a str,
    sql: Option<&'a str>,
    /// Why they cannot be published.
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct SideJson<'a> {
    connection: Option<&'a str>,
    relation: &'a str,
    sql: &'a str,
}

/// What is `null` is unknown.
#[derive(Serialize)]
struct EstimateJson<'a> {
    rows: Option<u64>,
    bytes: Option<u64>,
    /// Why it cannot be asked.
    error: Option<&'a str>,
    /// Why `check` would not send it.
    beyond_budget: Option<&'a str>,
}

fn json(plans: Vec<PlanJson<'_>>) -> Result<String, Stopped> {
    serde_json::to_string_pretty(&PlansJson { format: 1, plans })
        .map_err(|error| Stopped::unreadable(Finding::error(codes::INTERNAL, format!("the plan cannot be written: {error}"))))
}

fn plan_json<'a>(plan: &'a Planned, estimates: &'a [Estimated]) -> PlanJson<'a> {
    let metrics = plan.expected.metrics.iter().map(|metric| {
        let (lineage, detail) = match &metric.upstream {
            Upstream::Known => ("known", Vec::new()),
            Upstream::Assumed(models) => ("assumed", models.clone()),
            Upstream::Unresolved(why) => ("unresolved", vec![why.clone()]),
        };
        MetricJson { id: &metric.id, title: &metric.title, lineage, detail }
    });
    let checks = plan.expected.checks.iter().map(|check| {
        let guards = check.reach.iter().map(|(metric, reach)| GuardJson {
            metric,
            certainty: reach.certainty,
            path: reach.path.iter().map(|step| step.node.as_str()).collect(),
        });
        CheckJson {
            id: &check.id,
            kind: &check.kind,
            title: &check.title,
            about: &check.about,
            severity: check.severity,
            skipped: skipped(plan, check),
            guards: guards.collect(),
        }
    });
    let estimate = |estimated: &'a Estimated| EstimateJson {
        rows: estimated.estimate.as_ref().ok().and_then(|estimate| estimate.rows),
        bytes: estimated.estimate.as_ref().ok().and_then(|estimate| estimate.bytes),
        error: estimated.estimate.as_ref().err().map(|fault| fault.detail.as_str()),
        beyond_budget: estimated.beyond.as_deref(),
    };
    let statements = plan.statements.iter().enumerate().map(|(number, statement)| StatementJson {
        connection: statement.connection.as_deref(),
        relations: &statement.relations,
        checks: &statement.checks,
        sql: &statement.sql,
        sides: statement.compare.as_ref().map(|compare| {
            compare.sides().map(|side| SideJson { connection: side.connection.as_deref(), relation: &side.relation, sql: &side.sql })
        }),
        estimate: estimates.get(number).map(estimate),
    });
    let values = plan.publishing.values.iter().map(|(metric, values)| ValuesJson {
        metric,
        sql: values.as_ref().ok().map(|values| values.fingerprint.as_str()),
        error: values.as_ref().err().map(String::as_str),
    });
    PlanJson {
        contract: &plan.contract,
        report: &plan.report,
        interval: plan.interval.as_ref().map(|interval| [interval.start.to_string(), interval.end.to_string()]),
        ready_by: plan.expected.ready_by,
        metrics: metrics.collect(),
        checks: checks.collect(),
        statements: statements.collect(),
        values: values.collect(),
        not_executed: &plan.not_executed,
        notes: &plan.blind,
    }
}
