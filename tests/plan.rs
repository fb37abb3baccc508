//! Plans of small worlds, measured by a real DuckDB: what is asked, what comes back and how it is judged, fused and alone.

mod engines;
#[cfg(feature = "postgres")]
pub mod across;
mod near;
#[cfg(feature = "postgres")]
mod pairs;
mod proofs;
mod situations;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;
use presscheck::calendar::{Closures, Interval};
use presscheck::check::outcome::Outcome;
use presscheck::contract::{self, Contract};
use presscheck::dbt::{Column, Exposure, Freshness, Node, NodeKind, Project, Test};
use presscheck::dbt::{catalog, manifest};
use presscheck::lineage::{self, Certainty, Columns, Edge, EdgeKind, Lineage, Part};
use presscheck::macros::Macros;
use presscheck::plan::{self, Asked, Options, Plan, Statement};
use presscheck::warehouse::Warehouse;
use presscheck::{decide, execute, yaml};

use crate::warehouse::Database;

/// One world: SQL that makes the tables, and checks as a contract writes them.
#[derive(Default, serde::Deserialize)]
pub struct Case {
    sql: String,
    #[serde(default)]
    sources: String,
    checks: String,
    /// First instant and first one after it; the week before the decision when absent.
    #[serde(default)]
    interval: Option<(String, String)>,
    /// Days of the schedule's calendar.
    #[serde(default)]
    closed: Option<String>,
    #[serde(default)]
    past: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    history_is_broken: bool,
}

impl Case {
    pub fn of(sql: &str, sources: &str, checks: &str) -> Case {
        let (sql, sources, checks) = (sql.into(), sources.into(), checks.into());
        Case { sql, sources, checks, interval: None, closed: None, past: BTreeMap::new(), history_is_broken: false }
    }
}

pub fn node(kind: NodeKind, name: &str, columns: &[&str]) -> Node {
    let source = kind == NodeKind::Source;
    Node {
        unique_id: if source { format!("source.p.raw.{name}") } else { format!("model.p.{name}") },
        kind,
        name: name.into(),
        source_name: source.then(|| "raw".into()),
        version: None,
        latest_version: false,
        package: "p".into(),
        path: format!("models/{name}.sql").into(),
        fqn: vec!["p".into(), name.into()],
        tags: Vec::new(),
        language: "sql".into(),
        materialized: "table".into(),
        database: Some("brightside".into()),
        schema: "main".into(),
        identifier: name.into(),
        incremental: None,
        relation_name: Some(format!("\"brightside\".\"main\".\"{name}\"")),
        raw_code: String::new(),
        compiled_code: None,
        columns: columns.iter().map(|name| Column { name: (*name).into(), data_type: None }).collect(),
        catalog_columns: Some(columns.iter().map(|name| Column { name: (*name).into(), data_type: None }).collect()),
        depends_on: Vec::new(),
        meta: serde_json::Map::new().into(),
        group: None,
        access: None,
        enforced: None,
        column_types: BTreeMap::new(),
        freshness: None,
        loaded_at_field: None,
        loaded_at_query: None,
        checksum: None,
        hooks: Vec::new(),
        config: serde_json::Map::new(),
    }
}

fn data_test(name: &str, kind: Option<&str>, compiled: Option<&str>) -> Test {
    Test {
        unique_id: format!("test.p.{name}"),
        name: name.into(),
        package: "p".into(),
        path: "models/_p.yml".into(),
        fqn: Vec::new(),
        tags: Vec::new(),
        test_name: kind.map(Into::into),
        namespace: None,
        kwargs: serde_json::Map::new().into(),
        column_name: kind.map(|_| "a".into()),
        attached_node: kind.map(|_| "model.p.t".into()),
        depends_on: vec!["model.p.t".into()],
        warns_only: false,
        warn_if: "!= 0".into(),
        error_if: "!= 0".into(),
        fail_calc: "count(*)".into(),
        filter: None,
        limit: None,
        compiled_code: compiled.map(Into::into),
        raw_code: String::new(),
        meta: serde_json::Map::new().into(),
    }
}

/// `mart.m` reads `t`, `t` reads the source `raw.src`, `u` stands beside; `eph` has no relation.
fn project() -> Project {
    let mut src = node(NodeKind::Source, "src", &["a", "loaded_at"]);
    src.loaded_at_field = Some("loaded_at".into());
    src.freshness = Some(Freshness { warn_after: Some(3_600), error_after: Some(86_400), filter: None });
    let bare = node(NodeKind::Source, "bare", &["a"]);
    let mut t = node(NodeKind::Model, "t", &["a", "b", "c", "seen_at"]);
    t.compiled_code = Some("select a, b, c, seen_at from \"brightside\".\"main\".\"src\"".into());
    t.depends_on = vec![src.unique_id.clone()];
    let u = node(NodeKind::Model, "u", &["a", "b"]);
    let mut mart = node(NodeKind::Model, "mart", &["m"]);
    mart.compiled_code = Some("select sum(a) as m from \"brightside\".\"main\".\"t\"".into());
    mart.depends_on = vec![t.unique_id.clone()];
    let mut eph = node(NodeKind::Model, "eph", &["a"]);
    eph.relation_name = None;
    eph.materialized = "ephemeral".into();
    let tests = [
        data_test("standard", Some("not_null"), Some("\n select a\nfrom \"brightside\".\"main\".\"t\"\nwhere a is null\n")),
        data_test("replaced", Some("not_null"), Some("select a from \"brightside\".\"main\".\"t\" where a < 0")),
        data_test("unique_a", Some("unique"), None),
        data_test("singular", None, Some("-- said first\nselect * from \"brightside\".\"main\".\"t\" where a > 2")),
        data_test("uncompiled", None, None),
        Test { warns_only: true, warn_if: ">5".into(), ..data_test("tolerant", None, Some("select * from \"brightside\".\"main\".\"t\"")) },
        Test { warn_if: "between 1 and 5".into(), ..data_test("odd", None, Some("select * from \"brightside\".\"main\".\"t\"")) },
        Test {
            fail_calc: "sum(a)".into(),
            ..data_test("null_sum", None, Some("select * from \"brightside\".\"main\".\"t\" where a > 99"))
        },
        Test { limit: Some(1), ..data_test("limited", None, Some("select * from \"brightside\".\"main\".\"t\"")) },
    ];
    Project {
        name: "p".into(),
        adapter: "duckdb".into(),
        nodes: [src, bare, t, u, mart, eph].into_iter().map(|node| (node.unique_id.clone(), node)).collect(),
        tests: tests.into_iter().map(|test| (test.unique_id.clone(), test)).collect(),
        ..Project::default()
    }
}

fn contract(case: &Case) -> Contract {
    let indent = |text: &str| text.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let sources = if case.sources.is_empty() { String::new() } else { format!("sources:\n{}", indent(&case.sources)) };
    let text = format!("version: 1\ncontract: c\nmetrics:\n  m: {{column: mart.m}}\n{sources}checks:\n{}", indent(&case.checks));
    let read = yaml::read::<Contract>(&text, Path::new("c.yml"));
    assert!(read.findings.is_empty(), "{:?}\n{text}", read.findings);
    read.value.unwrap()
}

pub fn week() -> Interval {
    Interval { start: "2026-11-16T00:00[Europe/London]".parse().unwrap(), end: "2026-11-23T00:00[Europe/London]".parse().unwrap() }
}

/// Lineage by hand, so that these tests are about plans: `src` -> `t` -> `mart` known, `bare` -> `t` assumed, `u` apart.
fn graph(project: &Project) -> Lineage {
    let mut lineage = Lineage::default();
    let part = |relation: &str, part: Part| lineage::Node { relation: relation.into(), part };
    for node in project.nodes.values() {
        let names: Vec<String> = node.columns.iter().map(|column| column.name.clone()).collect();
        let columns = names.iter().map(|name| Part::Column(name.as_str().into())).chain([Part::RowsLost, Part::RowsAdded]);
        for column in columns {
            lineage.graph.node(part(&node.unique_id, column));
        }
        lineage.columns.insert(node.unique_id.clone(), Columns { names, complete: true });
    }
    let (src, bare, t, mart) = ("source.p.raw.src", "source.p.raw.bare", "model.p.t", "model.p.mart");
    let column = |name: &str| Part::Column(name.into());
    let (identity, rows, assumed) = (EdgeKind::Identity, EdgeKind::Rows, EdgeKind::Assumed);
    let edges = [
        (src, column("a"), t, column("a"), Certainty::Known, identity),
        (src, Part::RowsLost, t, Part::RowsLost, Certainty::Known, rows),
        (src, Part::RowsAdded, t, Part::RowsAdded, Certainty::Known, rows),
        (bare, column("a"), t, column("a"), Certainty::Assumed, assumed),
        (bare, Part::RowsLost, t, Part::RowsLost, Certainty::Assumed, assumed),
        (t, column("a"), mart, column("m"), Certainty::Known, EdgeKind::Aggregation),
        (t, Part::RowsLost, mart, column("m"), Certainty::Known, rows),
        (t, Part::RowsAdded, mart, column("m"), Certainty::Known, rows),
    ];
    for (from, from_part, to, to_part, certainty, kind) in edges {
        let (from, to) = (lineage.graph.node(part(from, from_part)), lineage.graph.node(part(to, to_part)));
        lineage.graph.draw(from, to, Edge { certainty, kind });
    }
    lineage
}

/// An empty table, or one with fewer rows than the check needs, holds every metric: also one of which the contract says that it is only to be
/// warned of. What is wrong otherwise does not.
#[test]
fn no_severity_of_one_metric_makes_an_empty_table_less_bad() {
    let sql = "create table t (a int, b double, c varchar, seen_at timestamptz); create table u as select 1 as a, null::int as b; \
               create table mart as select 1 as m";
    let asks = |checks: &str| {
        let case = Case::of(sql, "", &format!("- {checks}\n- not_null: {{name: sound, column: mart.m}}"));
        let plan = planned(&case).unwrap();
        let outcomes = ended(&plan, &Database::of(sql));
        let context = decide::FactName::ALL.into_iter().fold(decide::Context::unknown(), |context, fact| context.holds(fact, ""));
        decide::decide(&plan.expected, &outcomes, &context, "2026-11-23T11:40:00Z".parse().unwrap()).metrics[0].verdict
    };
    let empty = [
        "not_null: {column: t.a, severity_for: {m: warn}}",
        "row_count: {model: t, between: {max: 5}, severity_for: {m: warn}}",
        "not_null: {column: u.a, min_rows: 3, affects: [m], severity_for: {m: warn}}",
        "reconcile: {left: {model: t, value: sum(a)}, right: {model: t, value: sum(a)}, by: [a], severity_for: {m: warn}}",
        "aggregate: {model: t, value: count(a), between: {max: 5}, affects: [m], severity_for: {m: warn}}",
        "freshness: {model: t, loaded_at: seen_at, hold_after: 1d, severity_for: {m: warn}}",
        "date_coverage: {column: t.seen_at, severity_for: {m: warn}}",
        "groups_present: {column: t.c, expect: [x], severity_for: {m: warn}}",
    ];
    for checks in empty {
        assert_eq!(asks(checks), decide::Verdict::Hold, "{checks}");
    }
    for checks in [
        "not_null: {column: u.b, affects: [m], severity_for: {m: warn}}",
        "row_count: {model: u, between: {min: 2}, affects: [m], severity_for: {m: warn}}",
    ] {
        assert_eq!(asks(checks), decide::Verdict::Warn, "{checks}");
    }
}

/// What earlier runs measured: by check, `interval start = value`, the newest first.
fn past(case: &Case) -> plan::Past {
    let value = |line: &String| {
        let (start, value) = line.split_once('=').unwrap();
        (start.trim().parse().unwrap(), value.trim().parse().unwrap())
    };
    let values = case.past.iter().map(|(id, lines)| (id.clone(), lines.iter().map(value).collect()));
    plan::Past { values: values.collect(), unreadable: case.history_is_broken.then(|| "it is damaged".into()) }
}

pub fn planned(case: &Case) -> Result<Plan, String> {
    selected(case, None)
}

fn selected(case: &Case, selection: Option<&[&str]>) -> Result<Plan, String> {
    planned_of(case, &project(), selection)
}

/// For an engine of another dialect, where the tables are in a database of another name.
fn planned_on(case: &Case, dialect: &str, database: &str) -> Result<Plan, String> {
    let mut project = project();
    project.adapter = dialect.to_owned();
    for node in project.nodes.values_mut() {
        node.relation_name = node.relation_name.take().map(|name| name.replace("brightside", database));
        node.database = Some(database.to_owned());
    }
    for test in project.tests.values_mut() {
        test.compiled_code = test.compiled_code.take().map(|code| code.replace("brightside", database));
    }
    planned_of(case, &project, None)
}

fn planned_of(case: &Case, project: &Project, selection: Option<&[&str]>) -> Result<Plan, String> {
    let lineage = graph(project);
    let macros = Macros::new(&project.adapter, Vec::new()).unwrap();
    let selection = selection.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
    let interval = case.interval.as_ref().map(|(start, end)| Interval { start: start.parse().unwrap(), end: end.parse().unwrap() });
    let closed = case.closed.as_ref().map(|text| yaml::read::<Closures>(text, Path::new("calendar.yml")).value.unwrap().into());
    let options = Options {
        interval: interval.or_else(|| Some(week())),
        selection,
        macros: &macros,
        given: plan::Given { closed, past: past(case), ..plan::Given::default() },
    };
    let said = |findings: Vec<presscheck::diagnostic::Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    plan::build(&contract(case), project, &lineage, &options).map_err(said)
}

pub fn ended(plan: &Plan, database: &Database) -> BTreeMap<String, Outcome> {
    ended_on(plan, &database.open())
}

/// One session, at the time at which the cases are decided.
fn options(cancel: &AtomicBool) -> execute::Options<'_> {
    let now: Timestamp = "2026-11-23T11:40:00Z".parse().unwrap();
    execute::Options {
        threads: 1,
        limit: Duration::from_secs(30),
        deadline: None,
        cancel,
        local: now,
        as_of: Some(now),
        moved: execute::MOVED,
        connections: BTreeMap::new(),
    }
}

fn ended_on(plan: &Plan, warehouse: &dyn Warehouse) -> BTreeMap<String, Outcome> {
    let cancel = AtomicBool::new(false);
    let options = options(&cancel);
    let answers = execute::run(plan, warehouse, &options, &|_| ());
    decide::outcomes(plan, &answers, options.local)
}

pub fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Pass(evidence) => {
            format!("pass: {} {} of {}", evidence.measured().value, evidence.measured().unit, evidence.measured().rows_seen)
        }
        Outcome::Fail { asks, why, .. } => format!("{asks:?}: {why}"),
        Outcome::Error(fault) => format!("error {:?}: {}", fault.reason, fault.detail.lines().next().unwrap_or_default()),
        Outcome::Skipped(fault) => format!("skipped {:?}: {}", fault.reason, fault.detail),
    }
}

/// The same plan with every scan taken apart.
fn unfused(plan: &Plan) -> Plan {
    let mut statements: Vec<Statement> = Vec::new();
    let mut asks = BTreeMap::new();
    for (id, asked) in &plan.asks {
        let asked = match asked {
            Asked::Measured { spec, statement, columns, .. } => {
                let whole = &plan.statements[*statement];
                let alone = whole.parts.iter().find(|part| part.checks == [id.clone()]).unwrap_or(whole);
                statements.push(alone.clone());
                Asked::Measured {
                    spec: spec.clone(),
                    statement: statements.len() - 1,
                    rows_seen: 0,
                    first: 1,
                    columns: columns.clone(),
                    proof: false,
                }
            }
            Asked::Skipped(fault) => Asked::Skipped(fault.clone()),
        };
        asks.insert(id.clone(), asked);
    }
    Plan { asks, statements, ..plan.clone() }
}

#[test]
fn checks_are_measured_and_judged() {
    let cases: indexmap::IndexMap<String, Case> = yaml_serde::from_str(include_str!("plan/measured.yml")).unwrap();
    let mut lines = String::new();
    for (name, case) in &cases {
        lines += &format!("== {name}\n");
        let plan = match planned(case) {
            Ok(plan) => plan,
            Err(said) => {
                lines += &format!("{said}\n");
                continue;
            }
        };
        let database = Database::of(&case.sql);
        let outcomes = ended(&plan, &database);
        for (id, outcome) in &outcomes {
            lines += &format!("{id}: {}\n", told(outcome));
        }
        let alone: Vec<String> = ended(&unfused(&plan), &database).values().map(told).collect();
        assert_eq!(alone, outcomes.values().map(told).collect::<Vec<_>>(), "{name}: fused and alone give the same outcomes");
    }
    insta::assert_snapshot!("measured", lines);
}

#[test]
fn statements_are_fused_by_relation_and_filter() {
    let case = Case {
        sql: String::new(),
        sources: "- {source: raw.src}\n- {source: raw.bare, complete_through: interval.end, group_by: a, severity: warn}".into(),
        checks: "- not_null: {column: t.a}\n- range: {column: t.b, min: 0.5, max: 10}\n- not_null: {column: t.b, name: this_week, where: 'c >= {{ interval.start }}'}\n\
                 - row_count: {model: t, name: rows_this_week, where: 'c >= {{ interval.start }}', between: {min: 3}}\n- not_null: {column: u.a}\n\
                 - unique: {column: t.a, where: a > 0}\n- relationships: {column: t.a, to: u.a, null: pass}\n\
                 - accepted_values: {column: t.c, values: [it's, 3, true], null: pass}\n- expression: {model: t, expression: a > b or c is null}\n\
                 - sql: {model: t, query: \"select * from {{ model }} where c < {{ interval.end }}\"}\n\
                 - not_null: {column: t.a, name: again, unit: things}\n- range: {column: t.b, name: above, min: 0.5}\n- range: {column: t.b, name: above_again, min: 0.5, warn_if: '> 3'}\n\
                 - reconcile: {left: {model: t, value: sum(a)}, right: {model: u, value: sum(b), where: b > 0}, by: [a], tolerance: {relative: 0.5%, absolute: 100}}\n\
                 - change: {metric: m, between: {min: 50% of previous}}\n- dbt_tests: {select: upstream}"
            .into(),
        ..Case::of("", "", "")
    };
    let plan = planned(&case).unwrap();
    let mut text = String::new();
    for statement in &plan.statements {
        text += &format!("-- {} (parts {})\n{}\n\n", statement.checks.join(", "), statement.parts.len(), statement.sql);
    }
    for (id, asked) in &plan.asks {
        text += &match asked {
            Asked::Measured { statement, first, columns, .. } => {
                format!("{id}: statement {statement}, columns {first}..{}\n", first + columns.len())
            }
            Asked::Skipped(fault) => format!("{id}: skipped, {:?}: {}\n", fault.reason, fault.detail),
        };
    }
    text += &format!("not executed: {:#?}\nnotes: {:#?}\n", plan.not_executed, plan.notes);
    insta::assert_snapshot!("statements", text);
    assert_eq!(plan.expected_hash(), planned(&case).unwrap().expected_hash(), "the same plan has the same hash");
}

fn reached(plan: &Plan) -> String {
    let mut text = String::new();
    for metric in &plan.expected.metrics {
        text += &format!("{}: {:?}\n", metric.id, metric.upstream);
    }
    for check in &plan.expected.checks {
        text += &format!("{} ({} about {}, {:?})", check.id, check.kind, check.about, check.severity);
        for (metric, reach) in &check.reach {
            let path: Vec<&str> = reach.path.iter().map(|step| step.node.as_str()).collect();
            text +=
                &format!("\n    {metric}: {:?} by {}", reach.certainty, if path.is_empty() { "hand".into() } else { path.join(" -> ") });
        }
        if let Some((because, taken)) = &check.narrowed {
            text += &format!("\n    narrowed because {because}: without {taken:?}");
        }
        text += "\n";
    }
    format!("{text}notes: {:#?}\nblind: {:#?}\n", plan.notes, plan.blind)
}

const REACHING: &str = "- not_null: {column: t.a}\n- not_null: {column: t.b}\n- unique: {column: t.b}\n- row_count: {model: u, between: {min: 1}, affects: [m]}\n\
     - row_count: {model: t, between: {min: 1}, affects_only: [], because: only counted for interest}\n- change: {metric: m, between: {min: 1}}\n\
     - not_null: {column: t.gone}\n- relationships: {column: t.b, to: u.a}\n- schema: {model: t}\n- dbt_tests: {select: upstream}";

#[test]
fn checks_reach_the_metrics_that_depend_on_them() {
    let sources = "- {source: raw.src, severity: warn}\n- {source: raw.bare, complete_through: interval.end, group_by: a}";
    let case = Case::of("", sources, REACHING);
    insta::assert_snapshot!("reach", reached(&planned(&case).unwrap()));
}

#[test]
fn what_is_not_selected_is_skipped_and_still_expected() {
    let case = Case::of("", "- {source: raw.src}", REACHING);
    let (all, some) = (planned(&case).unwrap(), selected(&case, Some(&["source.p.raw.src", "test.p.singular"])).unwrap());
    assert_eq!(format!("{:?}", all.expected), format!("{:?}", some.expected), "the expected set does not shrink");
    let asked: Vec<String> =
        some.asks.iter().filter(|(_, asked)| matches!(asked, Asked::Measured { .. })).map(|(id, _)| id.clone()).collect();
    assert_eq!(asked, ["dbt:singular", "freshness:raw.src"]);
    let mut statements = some.statements.iter().flat_map(|statement| statement.checks.clone()).collect::<Vec<_>>();
    statements.sort();
    assert_eq!(statements, asked, "nothing else is sent to the warehouse");
    assert_ne!(all.expected_hash(), some.expected_hash());
}

#[test]
fn tests_of_dbt_are_selected_as_dbt_selects() {
    let select = |selector: &str| {
        let checks = format!("- dbt_tests: {{select: '{selector}'}}");
        planned(&Case::of("", "", &checks)).map(|plan| plan.asks.into_keys().collect::<Vec<_>>().join(" "))
    };
    insta::assert_snapshot!(
        ["test_name:not_null", "t", "u", "no_such_model", "state:modified"].map(|text| format!("{text}: {:?}\n", select(text))).concat()
    );
}

/// dbt's tests over three rows, over none, and without the table: each as dbt counts it, but an empty table never passes.
#[test]
fn tests_of_dbt_are_measured() {
    let case = |sql: &str| Case {
        sql: sql.into(),
        sources: String::new(),
        checks: "- dbt_tests: {select: upstream, recover: Ask the shop.}".into(),
        ..Case::of("", "", "")
    };
    let mut text = String::new();
    for (name, sql) in [
        ("three rows", "create table t as select * from (values (1), (2), (3)) v(a)"),
        ("a NULL and a duplicate", "create table t as select * from (values (1), (1), (null)) v(a)"),
        ("no rows", "create table t(a int)"),
        ("no table", "create table other(a int)"),
    ] {
        let case = case(sql);
        let plan = planned(&case).unwrap();
        text += &format!("== {name}\n");
        let (database, alone) = (Database::of(&case.sql), unfused(&plan));
        let outcomes = ended(&plan, &database);
        assert_eq!(
            format!("{:?}", ended(&alone, &database).values().map(told).collect::<Vec<_>>()),
            format!("{:?}", outcomes.values().map(told).collect::<Vec<_>>())
        );
        for (id, outcome) in &outcomes {
            let kind = plan.expected.checks.iter().find(|check| check.id == *id).map(|check| check.kind.as_str());
            text += &format!("{id} ({}): {}\n", kind.unwrap(), told(outcome));
        }
    }
    insta::assert_snapshot!("dbt_tests", text);
}

/// dbt's `loaded_at_query` says how fresh a source is; what it cannot say is skipped, never taken as fresh.
#[test]
fn a_source_is_as_fresh_as_its_query_says() {
    let fresh = |query: &str, sources: &str, loaded_at: &str| {
        let mut project = project();
        let src = project.nodes.get_mut("source.p.raw.src").unwrap();
        (src.loaded_at_field, src.loaded_at_query) = (None, Some(query.into()));
        let lineage = graph(&project);
        let macros = Macros::new("duckdb", Vec::new()).unwrap();
        let options = Options { interval: Some(week()), selection: None, macros: &macros, given: plan::Given::default() };
        let case = Case::of("", sources, "- not_null: {column: t.a}");
        let plan = plan::build(&contract(&case), &project, &lineage, &options).unwrap();
        let sql = format!("create table src as select 1 as a, {loaded_at} as loaded_at; create table t as select 1 as a");
        told(&ended(&plan, &Database::of(&sql))["freshness:raw.src"])
    };
    let (plain, now) = ("- {source: raw.src}", "timestamptz '2026-11-23 11:00:00+00'");
    let lines = [
        fresh("select max(loaded_at) from {{ this }};", plain, now),
        fresh("select max(loaded_at) from {{this}}", plain, "timestamptz '2026-11-20 11:00:00+00'"),
        fresh("select max(loaded_at) from {{ this }}", plain, "timestamptz '2026-11-24 11:00:00+00'"),
        fresh("select max(loaded_at) from {{ this }}", plain, "timestamp '2026-11-23 11:00:00'"),
        fresh("select max(loaded_at) from {{ this }} where false", plain, now),
        fresh("select loaded_at from {{ this }} where false", plain, now),
        fresh("select max(loaded_at) from {{ ref('t') }}", plain, now),
        fresh("select max(loaded_at) from {{ this }}", "- {source: raw.src, group_by: a, expect: ['1']}", now),
        fresh("delete from t", plain, now),
    ];
    insta::assert_snapshot!("loaded_at_query", lines.join("\n"));
}

#[test]
fn an_exposure_is_planned_without_a_contract() {
    let project = project();
    let lineage = graph(&project);
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let options = Options { interval: None, selection: None, macros: &macros, given: plan::Given::default() };
    let mut exposure = Exposure {
        unique_id: "exposure.p.board".into(),
        name: "board".into(),
        package: "p".into(),
        path: "models/_p.yml".into(),
        label: Some("The board".into()),
        kind: "dashboard".into(),
        owner_name: Some("Operations".into()),
        owner_email: Some("ops@brightside.example".into()),
        url: None,
        depends_on: vec!["model.p.mart".into()],
        fqn: Vec::new(),
        tags: Vec::new(),
        meta: serde_json::Map::new().into(),
    };
    let plan = plan::for_exposure(&project, &exposure, &lineage, &options).unwrap();
    insta::assert_snapshot!("exposure", format!("{} by {:?}\n{}", plan.report, plan.business_owner, reached(&plan)));
    exposure.depends_on.clear();
    let findings = plan::for_exposure(&project, &exposure, &lineage, &options).unwrap_err();
    assert_eq!(findings[0].code, "PC232", "nothing to decide is not a success");
}

/// The sample's contract over its real manifest: which check reaches which metric, and how.
#[test]
fn the_sample_is_planned() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_project");
    let file = |name: &str| std::fs::read(root.join(name)).unwrap();
    let mut project = manifest::read(&file("artifacts/manifest.json"), Path::new("manifest.json")).unwrap();
    catalog::apply(&mut project, &file("artifacts/catalog.json"), Path::new("catalog.json")).unwrap();
    let lineage = lineage::trace(&project);
    let text = String::from_utf8(file("contracts/weekly_operating_report.yml")).unwrap();
    let contract = contract::parse(&text, Path::new("weekly_operating_report.yml")).value.unwrap();
    let macros = Macros::new(&project.adapter, Vec::new()).unwrap();
    let plan = plan::build(
        &contract,
        &project,
        &lineage,
        &Options { interval: Some(week()), selection: None, macros: &macros, given: plan::Given::default() },
    )
    .unwrap();
    let mut table = format!("ready by {:?}\n", plan.expected.ready_by);
    for metric in &plan.expected.metrics {
        table += &format!("{}: {:?}\n", metric.id, metric.upstream);
    }
    for check in &plan.expected.checks {
        let reach: Vec<String> = check
            .reach
            .iter()
            .map(|(metric, reach)| format!("{metric}{}", if reach.certainty == Certainty::Known { "" } else { "?" }))
            .collect();
        table += &format!("{} ({}, {:?}): {}\n", check.id, check.kind, check.severity, reach.join(" "));
    }
    table += &format!(
        "{} statements, {} checks\nnot executed: {:#?}\nnotes: {:#?}\nblind: {:#?}",
        plan.statements.len(),
        plan.asks.len(),
        plan.not_executed,
        plan.notes,
        plan.blind
    );
    insta::assert_snapshot!("sample", table);
}
