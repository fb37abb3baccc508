//! Checks on a further connection, and comparisons across two: the left on DuckDB, the right on another DuckDB and on a real PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use presscheck::check::outcome::{Fault, Outcome, Reason};
use presscheck::macros::Macros;
use presscheck::plan::{self, Options, Plan};
use presscheck::warehouse::{Down, Warehouse};
use presscheck::{decide, execute};

use super::{Case, contract, graph, project, told, week};
use crate::warehouse::{Database, server};

#[derive(serde::Deserialize)]
struct Across {
    left: String,
    right: String,
    checks: String,
}

pub fn planned(checks: &str, dialect: &str) -> Result<Plan, String> {
    planned_for(checks, dialect, true)
}

/// With both connections on this machine, or over a network.
pub fn planned_for(checks: &str, dialect: &str, near: bool) -> Result<Plan, String> {
    let project = project();
    let lineage = graph(&project);
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let further = plan::Connection { macros: Arc::new(Macros::new(dialect, Vec::new()).unwrap()), near };
    let connections = [("finance".to_owned(), Ok(further))].into();
    let given = plan::Given { connections, near, ..plan::Given::default() };
    let options = Options { interval: Some(week()), selection: None, macros: &macros, given };
    let said = |findings: Vec<presscheck::diagnostic::Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    plan::build(&contract(&Case::of("", "", checks)), &project, &lineage, &options).map_err(said)
}

pub fn ended(plan: &Plan, own: &dyn Warehouse, finance: &dyn Warehouse, moved: u64) -> BTreeMap<String, Outcome> {
    let cancel = AtomicBool::new(false);
    let connections = [("finance".to_owned(), finance)].into();
    let options = execute::Options { threads: 2, moved, connections, ..super::options(&cancel) };
    let answers = execute::run(plan, own, &options, &|_| ());
    assert_eq!(answers.connections.len(), 1, "the snapshot of each connection is kept");
    decide::outcomes(plan, &answers, options.local)
}

/// The same tables in the same schema: PostgreSQL calls its own `public`.
pub fn on_postgres(sql: &str) -> String {
    format!("create schema main; set search_path = main; {sql}")
}

/// What each check says, and what it lists.
fn lines(plan: &Result<Plan, String>, own: &dyn Warehouse, finance: &dyn Warehouse) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(said) => return format!("{said}\n"),
    };
    let mut text = String::new();
    for (id, outcome) in ended(plan, own, finance, execute::MOVED) {
        text += &format!("{id}: {}\n", told(&outcome));
        let facts = match &outcome {
            Outcome::Pass(evidence) => &evidence.measured().facts,
            Outcome::Fail { measured, .. } => &measured.facts,
            Outcome::Error(_) | Outcome::Skipped(_) => continue,
        };
        for (name, value) in facts.iter().filter(|(name, _)| ["worst_", "step ", "key_"].iter().any(|start| name.starts_with(start))) {
            text += &format!("    {name}: {value}\n");
        }
    }
    text
}

#[test]
fn two_connections_are_compared() {
    insta::assert_snapshot!("across", on_both(include_str!("across.yml")));
}

#[test]
fn rows_are_compared() {
    insta::assert_snapshot!("rows", on_both(include_str!("rows.yml")));
}

/// The same cases where the engines sum up rows; what differs from `rows` is seen by a look at both snapshots.
#[test]
fn rows_are_compared_by_checksums() {
    let cases = include_str!("rows.yml").replace("- reconcile_rows: {", "- reconcile_rows: {strategy: checksums, ");
    insta::assert_snapshot!("rows_by_checksums", on_both(&cases));
}

/// What comes out of each case, with the right side on DuckDB and, where that differs, on PostgreSQL.
fn on_both(cases: &str) -> String {
    let cases: indexmap::IndexMap<String, Across> = yaml_serde::from_str(cases).unwrap();
    let mut all = String::new();
    for (name, case) in &cases {
        let own = Database::of(&case.left).open_and_keep();
        let twin = Database::of(&case.right).open_and_keep();
        let database = server::shared().database(&on_postgres(&case.right));
        let postgres = server::shared().open(&database);
        let (of_duckdb, of_postgres) = (planned(&case.checks, "duckdb"), planned(&case.checks, "postgres"));
        all += &format!("== {name}\n");
        let (first, second) = (lines(&of_duckdb, &own, &twin), lines(&of_postgres, &own, &postgres));
        all += &first;
        for (first, second) in first.lines().zip(second.lines()).filter(|(first, second)| first != second) {
            all += &format!("  DuckDB:     {}\n  PostgreSQL: {}\n", first.trim(), second.trim());
        }
        assert_eq!(first.lines().count(), second.lines().count(), "{name}:\n{first}\n{second}");
    }
    all
}

#[test]
fn a_connection_that_is_down_takes_only_its_checks_along() {
    let own = Database::of("create table t as select 1 as a, 2 as b").open_and_keep();
    let down = Down(Fault { reason: Reason::AuthenticationFailed, detail: "no entry".into() });
    let checks = "- not_null: {column: t.a}\n- reconcile: {name: across, left: {model: t, value: sum(b)}, right: {connection: finance, relation: main.x, value: sum(b)}}\n\
                  - not_null: {name: elsewhere, column: main.x.b, connection: finance}";
    let plan = planned(checks, "postgres").unwrap();
    let outcomes = ended(&plan, &own, &down, execute::MOVED);
    let said: Vec<String> = outcomes.iter().map(|(id, outcome)| format!("{id}: {}", told(outcome))).collect();
    insta::assert_snapshot!("across_down", said.join("\n"));
    // And the other way round: the project's own is down.
    let twin = Database::of("create table x as select 1 as b").open_and_keep();
    let outcomes = ended(&plan, &down, &twin, execute::MOVED);
    let passed: Vec<&String> = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Pass(_))).map(|(id, _)| id).collect();
    assert_eq!(passed, ["elsewhere"]);
}

#[test]
fn more_keys_than_may_be_moved_are_not_compared() {
    let own = Database::of("create table t as select i as a, i as b from range(1000) r(i)").open_and_keep();
    let twin = Database::of("create table x as select i as a, i as b from range(1000) r(i)").open_and_keep();
    let plan = planned(
        "- reconcile: {name: across, left: {model: t, value: sum(b)}, right: {connection: finance, relation: main.x, value: sum(b)}, by: [a]}",
        "duckdb",
    );
    let plan = plan.unwrap();
    let said = |moved| told(&ended(&plan, &own, &twin, moved)["across"]);
    assert_eq!(said(1000), "pass: 0 keys of 1000");
    assert!(said(999).starts_with("error BudgetExceeded: there are more than 999 keys"), "{}", said(999));
}

#[test]
fn more_rows_than_may_be_moved_are_not_compared() {
    let own = Database::of("create table t as select i as a, i as b from range(1000) r(i)").open_and_keep();
    let twin = Database::of("create table x as select i as a, i + 1 as b from range(1000) r(i)").open_and_keep();
    let plan =
        planned("- reconcile_rows: {name: rows, left: {model: t}, right: {connection: finance, relation: main.x}, key: [a]}", "duckdb")
            .unwrap();
    let said = |moved| told(&ended(&plan, &own, &twin, moved)["rows"]);
    assert_eq!(
        said(1000),
        "Hold: 1000 keys with other values or more: 0, 1, 2",
        "what does not fit into the second look counts by segments"
    );
    assert!(said(999).starts_with("error BudgetExceeded: more than 999 rows"), "{}", said(999));
    assert_eq!(said(execute::MOVED), "Hold: 1000 keys with other values: 0, 1, 2");
}
