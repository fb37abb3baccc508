//! One Monday of a weekly report, told in many ways (`situations.yml`): a small plan, and how its checks ended.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use presscheck::calendar::Interval;
use presscheck::check::common::Severity;
use presscheck::check::outcome::{Evidence, Fault, Measured, Outcome, Reason};
use presscheck::decide::{Context, Decision, FactName, FactState, decide_safely};
use presscheck::execute::{Answer, Answers};
use presscheck::lineage::{Certainty, EdgeKind};
use presscheck::plan::{ActiveCaveat, ActiveWaiver, Expected, GuardedMetric, GuardingCheck, Plan, Reach, Step, Upstream};
use presscheck::record::{Document, Meta};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    when: String,
    #[serde(default)]
    ended: BTreeMap<String, String>,
    all: Option<String>,
    #[serde(default)]
    facts: BTreeMap<FactName, FactState>,
    late: Option<Severity>,
    waiver: Option<Waiver>,
    caveat: Option<Caveat>,
    #[serde(default)]
    assumed: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    unresolved: BTreeMap<String, String>,
    unguarded: Option<String>,
    #[serde(default)]
    only: BTreeMap<String, String>,
    stray: Option<String>,
    /// Check -> metric -> what anything but a pass asks for.
    #[serde(default)]
    severity_for: BTreeMap<String, BTreeMap<String, Severity>>,
    /// Checks that hold, and what each asks for while there are too few earlier runs.
    #[serde(default)]
    young: BTreeMap<String, Severity>,
    interval: Option<String>,
}

#[derive(Deserialize)]
struct Waiver {
    check: String,
    until: String,
    #[serde(default)]
    covers: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Caveat {
    metric: Option<String>,
    text: String,
    until: Option<String>,
}

pub struct Situation {
    pub when: String,
    pub plan: Plan,
    pub outcomes: BTreeMap<String, Outcome>,
    pub context: Context,
    pub decision: Decision,
}

impl Situation {
    pub fn document(&self) -> Document {
        let measurement = || Err(Fault { reason: Reason::Internal, detail: String::new() });
        let answer = |id: &String| (id.clone(), Answer { measurement: measurement(), sql_hash: format!("sql of {id}"), attempts: 1 });
        let answers = Answers { by_check: self.outcomes.keys().map(answer).collect(), snapshot: "file 1".into(), ..Answers::default() };
        let meta = Meta {
            promise: Some("By 12:00 every Monday, leadership sees complete numbers through Sunday.".into()),
            rehearsal: false,
            dbt_version: "1.12.0".into(),
            schema_version: 12,
            generated_at: Some("2026-11-23T05:00:00Z".parse().unwrap()),
            manifest_hash: "abc".into(),
            contract_hash: Some("def".into()),
            notes: vec![],
        };
        Document::new(&self.plan, &answers, &self.outcomes, &self.decision, &meta)
    }
}

pub fn situations() -> Vec<Situation> {
    let written: Vec<Written> = yaml_serde::from_str(include_str!("situations.yml")).unwrap();
    written.into_iter().map(situation).collect()
}

fn situation(written: Written) -> Situation {
    let decided_at: Timestamp = "2026-11-23T11:30:00Z".parse().unwrap();
    let mut plan = plan(written.interval.as_deref().unwrap_or("week"));
    let expected = &mut plan.expected;
    if let Some(severity) = written.late {
        expected.ready_by = Some("2026-11-23T11:00:00Z".parse().unwrap());
        expected.late_holds = severity == Severity::Hold;
    }
    expected.waivers.extend(written.waiver.map(|waiver| ActiveWaiver {
        check: waiver.check,
        reason: "FX correction lands on Wednesday, agreed with Finance.".into(),
        approved_by: "finance@brightside.example".into(),
        ends: after(&waiver.until),
        covers_error: waiver.covers.contains("error"),
        covers_skipped: waiver.covers.contains("skipped"),
    }));
    expected.caveats.extend(written.caveat.map(|caveat| ActiveCaveat {
        metric: caveat.metric,
        text: caveat.text,
        ends: caveat.until.as_deref().map(after),
    }));
    for metric in &mut expected.metrics {
        if let Some(models) = written.assumed.get(&metric.id) {
            metric.upstream = Upstream::Assumed(models.clone());
        }
        if let Some(why) = written.unresolved.get(&metric.id) {
            metric.upstream = Upstream::Unresolved(why.clone());
        }
    }
    for check in &mut expected.checks {
        check.reach.retain(|metric, _| {
            written.unguarded.as_ref() != Some(metric) && written.only.get(metric).is_none_or(|only| *only == check.id)
        });
    }
    for check in &mut expected.checks {
        check.severity_for = written.severity_for.get(&check.id).cloned().unwrap_or_default();
        if let Some(asks) = written.young.get(&check.id) {
            (check.severity, check.without_baseline) = (Severity::Hold, Some(*asks));
        }
    }
    for (metric, only) in &written.only {
        let check = expected.checks.iter_mut().find(|check| check.id == *only).unwrap();
        check.reach.insert(metric.clone(), reach(&check.about, metric));
    }
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    for check in &expected.checks {
        let ended = written.ended.get(&check.id).or(written.all.as_ref()).map_or("pass", String::as_str);
        outcomes.extend(outcome(ended).map(|outcome| (check.id.clone(), outcome)));
    }
    assert!(written.ended.keys().all(|id| expected.checks.iter().any(|check| check.id == *id)), "no such check in `{}`", written.when);
    outcomes.extend(written.stray.map(|id| (id, outcome("pass").unwrap())));
    let state = |name: FactName| written.facts.get(&name).copied().unwrap_or(FactState::Holds);
    let context = FactName::ALL.into_iter().fold(Context::unknown(), |context, name| match state(name) {
        FactState::Unknown => context,
        known => context.with(name, known, "as told"),
    });
    let decision = decide_safely(expected, &outcomes, &context, decided_at);
    Situation { when: written.when, plan, outcomes, context, decision }
}

/// The first instant after a day, in London in winter.
fn after(day: &str) -> Timestamp {
    let day: jiff::civil::Date = day.parse().unwrap();
    day.tomorrow().unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

fn plan(interval: &str) -> Plan {
    let metric = |id: &str, title: &str, owner: Option<&str>, last_safe: bool| GuardedMetric {
        id: id.into(),
        title: title.into(),
        owner: owner.map(|team| (team.into(), Some(format!("{}@brightside.example", team.to_lowercase())))),
        last_safe,
        upstream: Upstream::Known,
    };
    let check = |id: &str, kind: &str, title: &str, severity: Severity, about: &str, metrics: &[&str]| GuardingCheck {
        id: id.into(),
        kind: kind.into(),
        title: title.into(),
        severity,
        without_baseline: None,
        severity_for: BTreeMap::new(),
        about: about.into(),
        unit: None,
        recover: (id == "sku_cost_mapping").then(|| "Add the missing SKUs to erp.sku_costs, then rerun.".into()),
        freshness: kind == "freshness",
        coverage: id == "ad_platforms_landed",
        narrowed: None,
        reach: metrics.iter().map(|metric| ((*metric).into(), reach(about, metric))).collect(),
    };
    let (hold, warn) = (Severity::Hold, Severity::Warn);
    let revenue = ["gross_revenue", "refunds", "contribution_margin"];
    let (start, ready_by) = match interval {
        "day" => ("2026-11-22T00:00[Europe/London]", "2026-11-23T12:00:00Z"),
        "month" => ("2026-10-01T00:00[Europe/London]", "2026-11-23T12:00:00Z"),
        _ => ("2026-11-16T00:00[Europe/London]", "2026-11-23T12:00:00Z"),
    };
    let before: (&str, &str) = match interval {
        "day" => ("2026-11-21T00:00[Europe/London]", "2026-11-22T00:00[Europe/London]"),
        "month" => ("2026-09-01T00:00[Europe/London]", "2026-10-01T00:00[Europe/London]"),
        _ => ("2026-11-09T00:00[Europe/London]", "2026-11-16T00:00[Europe/London]"),
    };
    let kept = (interval != "none").then(|| (before.0.parse().unwrap(), before.1.parse().unwrap()));
    let end = if interval == "month" { "2026-11-01T00:00[Europe/London]" } else { "2026-11-23T00:00[Europe/London]" };
    Plan {
        contract: "weekly_operating_report".into(),
        report: "Weekly Operating Performance Report".into(),
        technical_owner: Some(("Analytics".into(), Some("data@brightside.example".into()))),
        business_owner: Some(("Operations".into(), Some("ops@brightside.example".into()))),
        interval: (interval != "none").then(|| Interval { start: start.parse().unwrap(), end: end.parse().unwrap() }),
        expected: Expected {
            metrics: vec![
                metric("gross_revenue", "Gross revenue", None, false),
                metric("refunds", "Refunds", None, false),
                metric("ad_spend", "Ad spend", Some("Marketing"), false),
                metric("contribution_margin", "Contribution margin", Some("Finance"), true),
            ],
            checks: vec![
                check(
                    "dbt:not_null_stg_refunds",
                    "dbt_test",
                    "not_null_stg_refunds",
                    hold,
                    "stg_refunds",
                    &["refunds", "contribution_margin"],
                ),
                check("orders_fresh", "freshness", "Freshness of shopify.orders", hold, "shopify.orders", &revenue),
                check("sku_cost_mapping", "not_null", "SKU cost mapping", hold, "int_order_margin", &["contribution_margin"]),
                check(
                    "finance_bridge",
                    "reconcile",
                    "Finance revenue bridge",
                    hold,
                    "mart_weekly_revenue_bridge",
                    &["gross_revenue", "contribution_margin"],
                ),
                check("ad_platforms_landed", "sql", "Ad platform landing", hold, "stg_ad_spend", &["ad_spend", "contribution_margin"]),
                check("order_volume", "row_count", "Order volume", warn, "stg_orders", &["gross_revenue", "contribution_margin"]),
            ],
            caveats: vec![],
            waivers: vec![],
            ready_by: Some(ready_by.parse().unwrap()),
            late_holds: false,
        },
        asks: BTreeMap::new(),
        statements: vec![],
        samples: BTreeMap::new(),
        not_executed: vec!["escalation".into()],
        blind: vec![],
        notes: vec![],
        stands_on: BTreeMap::new(),
        landings: BTreeMap::new(),
        publishing: presscheck::plan::Publishing {
            kept: [("contribution_margin".to_owned(), kept)].into(),
            ..presscheck::plan::Publishing::default()
        },
    }
}

fn reach(from: &str, metric: &str) -> Reach {
    let step = |node: String, edge| Step { node, edge };
    Reach {
        certainty: Certainty::Known,
        path: vec![
            step(format!("{from} rows lost"), Some((EdgeKind::Rows, Certainty::Known))),
            step(format!("mart_weekly_operating_report.{metric}"), None),
        ],
    }
}

fn outcome(written: &str) -> Option<Outcome> {
    let (word, rest) = written.split_once([' ', ':']).unwrap_or((written, ""));
    let fault = || Fault { reason: serde_json::from_value(rest.into()).unwrap(), detail: format!("the engine said: {rest}") };
    let asks = if word == "hold" { Severity::Hold } else { Severity::Warn };
    Some(match word {
        "absent" => return None,
        "pass" => Outcome::Pass(Evidence::of(measured("0", "rows"), "sql".into(), "file 1".into(), 1).unwrap()),
        "error" => Outcome::Error(fault()),
        "skipped" => Outcome::Skipped(fault()),
        "empty" => {
            let measured = Measured { rows_seen: 0, ..measured("0", "rows") }.of_too_few_rows();
            Outcome::Fail { asks: Severity::Hold, measured, why: "there are no rows, and nothing says that this is fine".into() }
        }
        "hold" | "warn" if written.contains(": ") => Outcome::Fail { asks, measured: measured("0", "rows"), why: rest.trim().into() },
        "hold" | "warn" => {
            let (value, unit) = rest.split_once(' ').unwrap();
            Outcome::Fail { asks, measured: measured(value, unit), why: format!("{value} {unit} are wrong") }
        }
        _ => panic!("`{written}` is no outcome"),
    })
}

fn measured(value: &str, unit: &str) -> Measured {
    Measured { rows_seen: 240, value: value.into(), unit: unit.into(), facts: vec![] }
}
