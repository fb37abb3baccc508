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
use crate::dice::Dice;
use crate::warehouse::{Database, server};

#[derive(serde::Deserialize)]
struct Across {
    left: String,
    right: String,
    checks: String,
}

fn planned(checks: &str, dialect: &str) -> Result<Plan, String> {
    let project = project();
    let lineage = graph(&project);
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let further = plan::Connection { macros: Arc::new(Macros::new(dialect, Vec::new()).unwrap()), near: true };
    let connections = [("finance".to_owned(), Ok(further))].into();
    let given = plan::Given { connections, near: true, ..plan::Given::default() };
    let options = Options { interval: Some(week()), selection: None, macros: &macros, given };
    let said = |findings: Vec<presscheck::diagnostic::Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    plan::build(&contract(&Case::of("", "", checks)), &project, &lineage, &options).map_err(said)
}

fn ended(plan: &Plan, own: &dyn Warehouse, finance: &dyn Warehouse, moved: u64) -> BTreeMap<String, Outcome> {
    let cancel = AtomicBool::new(false);
    let connections = [("finance".to_owned(), finance)].into();
    let options = execute::Options { threads: 2, moved, connections, ..super::options(&cancel) };
    let answers = execute::run(plan, own, &options, &|_| ());
    assert_eq!(answers.connections.len(), 1, "the snapshot of each connection is kept");
    decide::outcomes(plan, &answers, options.local)
}

/// The same tables in the same schema: PostgreSQL calls its own `public`.
fn on_postgres(sql: &str) -> String {
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

/// A type and values of it that are all different, odd ones among them.
const SORTS: &[(&str, &[&str])] = &[
    ("bigint", &["0", "1", "-1", "9007199254740993", "9007199254740992", "9223372036854775807", "null"]),
    (
        "numeric(38, 9)",
        &["0", "0.000000001", "-0.000000001", "1.5", "12345678901234567890.123456789", "12345678901234567890.123456788", "null"],
    ),
    (
        "double precision",
        &["0", "1", "0.1", "0.30000000000000004", "0.3", "'nan'", "'infinity'", "'-infinity'", "9007199254740992", "null"],
    ),
    ("varchar", &["''", "' '", "'a'", "'A'", "'a '", "'ä'", "'null'", "'1'", "'a|b'", "null"]),
    ("boolean", &["true", "false", "null"]),
    ("date", &["'1970-01-01'", "'2026-11-16'", "'1899-12-31'", "'infinity'", "null"]),
    ("timestamp", &["'2026-11-16 00:00:00'", "'2026-11-16 00:00:00.000001'", "'1900-01-01 00:00:00'", "'infinity'", "null"]),
    ("timestamptz", &["'2026-11-16 00:00:00+00'", "'2026-11-16 00:00:00+01'", "'2026-03-29 01:30:00+00'", "null"]),
];

/// Two tables of the same rows in another order; with one cell planted that differs, if wanted. The key of the row that differs.
fn pair(dice: &mut Dice, planted: bool) -> (String, String, String, Option<String>) {
    let sorts: Vec<&(&str, &[&str])> = (0..=dice.below(4)).map(|_| &SORTS[dice.below(SORTS.len())]).collect();
    let keys: [(&str, &str); 3] = [("bigint", "k"), ("varchar", "'k' || k"), ("date", "date '2026-01-01' + cast(k as int)")];
    let (key_type, key) = keys[dice.below(3)];
    let count = 1 + dice.below(40);
    let mut rows: Vec<(usize, Vec<&str>)> = (0..count)
        .map(|row| (row * (1 + dice.below(3)) + row * 100, sorts.iter().map(|(_, values)| values[dice.below(values.len())]).collect()))
        .collect();
    let columns: Vec<String> = sorts.iter().enumerate().map(|(at, (sort, _))| format!("cast(c{at} as {sort}) as c{at}")).collect();
    let names: Vec<String> = (0..sorts.len()).map(|at| format!("c{at}")).collect();
    let table = |name: &str, rows: &[(usize, Vec<&str>)]| {
        let value = |(value, (sort, _)): (&&str, &&(&str, &[&str]))| format!("cast({value} as {sort})");
        let row = |(key, values): &(usize, Vec<&str>)| {
            format!("({key}, {})", values.iter().zip(&sorts).map(value).collect::<Vec<_>>().join(", "))
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        let (columns, names) = (columns.join(", "), names.join(", "));
        format!("create table {name} as select cast({key} as {key_type}) as k, {columns} from (values {}) v(k, {names})", rows.join(", "))
    };
    let left = table("t", &rows);
    let place = dice.below(count);
    let number = rows[place].0;
    if planted {
        let column = dice.below(sorts.len());
        let values = sorts[column].1;
        let here = values.iter().position(|value| *value == rows[place].1[column]).unwrap();
        rows[place].1[column] = values[(here + 1 + dice.below(values.len() - 1)) % values.len()];
    }
    let turn = dice.below(count);
    rows.rotate_left(turn);
    let right = table("x", &rows);
    let said = match key_type {
        "bigint" => number.to_string(),
        "varchar" => format!("k{number}"),
        _ => (jiff::civil::date(2026, 1, 1) + jiff::Span::new().days(i64::try_from(number).unwrap())).to_string(),
    };
    (
        left,
        right,
        "- reconcile_rows: {name: rows, left: {model: t}, right: {connection: finance, relation: main.x}, key: [k]}".to_owned(),
        planted.then_some(said),
    )
}

/// Pairs in every run of the tests; `PRESSCHECK_RANDOM_PAIRS` asks for more.
const PAIRS: u64 = 40;

#[test]
fn one_cell_that_differs_is_found_and_equal_rows_are_equal() {
    let asked = std::env::var("PRESSCHECK_RANDOM_PAIRS").ok().map(|text| text.parse::<u64>().unwrap());
    let server = server::shared();
    for round in 0..asked.unwrap_or(PAIRS) {
        let mut dice = Dice(round);
        let planted = round % 2 == 0;
        let (left, right, checks, key) = pair(&mut dice, planted);
        let own = Database::of(&left).open_and_keep();
        let with_postgres = round % 8 < 2;
        let outcomes = if with_postgres {
            let name = server.database(&on_postgres(&right));
            let ended = ended(&planned(&checks, "postgres").unwrap(), &own, &server.open(&name), execute::MOVED);
            server.run("postgres", &format!("drop database {name} with (force)"));
            ended
        } else {
            ended(&planned(&checks, "duckdb").unwrap(), &own, &Database::of(&right).open_and_keep(), execute::MOVED)
        };
        let said = told(&outcomes["rows"]);
        match key {
            Some(key) => assert_eq!(said, format!("Hold: 1 key with other values: {key}"), "round {round}:\n{left}\n{right}"),
            None => assert!(said.starts_with("pass: 0 keys of "), "round {round}: {said}\n{left}\n{right}"),
        }
    }
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
