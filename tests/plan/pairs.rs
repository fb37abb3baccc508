//! Random pairs of tables, on two DuckDBs and on DuckDB and a real PostgreSQL, by both strategies: one cell that differs is found, and equal rows are equal.

use presscheck::check::outcome::Outcome;
use presscheck::execute;

use super::across::{ended, on_postgres, planned, planned_for};
use super::told;
use crate::dice::Dice;
use crate::warehouse::{Database, server};

/// A type and values of it that are all different, odd ones among them.
const SORTS: &[(&str, &[&str])] = &[
    ("bigint", &["0", "1", "-1", "9007199254740993", "9007199254740992", "9223372036854775807", "null"]),
    ("smallint", &["0", "-32768", "32767", "null"]),
    (
        "numeric(38, 9)",
        &[
            "0",
            "0.000000001",
            "-0.000000001",
            "1.5",
            "-1.05",
            "100",
            "12345678901234567890.123456789",
            "12345678901234567890.123456788",
            "null",
        ],
    ),
    ("numeric(3, 3)", &["0", "0.5", "-0.5", "0.005", "-0.05", "null"]),
    ("numeric(18, 0)", &["0", "10", "100", "-100", "1", "null"]),
    (
        "double precision",
        &[
            "0",
            "1",
            "0.1",
            "0.30000000000000004",
            "0.3",
            "'nan'",
            "'infinity'",
            "'-infinity'",
            "9007199254740992",
            "1e300",
            "-1e-300",
            "null",
        ],
    ),
    ("real", &["0", "1", "0.1", "'nan'", "'infinity'", "16777216", "null"]),
    (
        "varchar",
        &[
            "''",
            "' '",
            "'a'",
            "'A'",
            "'a '",
            "'ä'",
            "'a\u{308}'",
            "'🤦🏼\u{200d}'",
            "'null'",
            "'~'",
            "'1:~'",
            "'1'",
            "'a|b'",
            "'it''s \"q\"'",
            "'a\nb'",
            "'a\\b'",
            "null",
        ],
    ),
    ("boolean", &["true", "false", "null"]),
    ("date", &["'1970-01-01'", "'2026-11-16'", "'1899-12-31'", "'0007-01-02'", "'12026-01-01'", "'infinity'", "'-infinity'", "null"]),
    (
        "timestamp",
        &[
            "'2026-11-16 00:00:00'",
            "'2026-11-16 00:00:00.000001'",
            "'2026-11-16 00:00:00.1'",
            "'1900-01-01 00:00:00'",
            "'infinity'",
            "'-infinity'",
            "null",
        ],
    ),
    (
        "timestamptz",
        &[
            "'2026-11-16 00:00:00+00'",
            "'2026-11-16 00:00:00+01'",
            "'2026-03-29 01:30:00+00'",
            "'2026-11-16 00:00:00.5+00'",
            "'infinity'",
            "null",
        ],
    ),
];

/// Two tables of the same rows in another order; with one cell planted that differs, if wanted. The key of the row that differs.
fn pair(dice: &mut Dice, planted: bool, strategy: &str) -> (String, String, String, Option<String>) {
    let sorts: Vec<&(&str, &[&str])> = (0..=dice.below(4)).map(|_| &SORTS[dice.below(SORTS.len())]).collect();
    let keys: [(&str, &str); 4] =
        [("bigint", "k"), ("varchar", "'k' || k"), ("date", "date '2026-01-01' + cast(k as int)"), ("integer", "k")];
    let which = dice.below(4);
    let (key_type, key) = keys[which];
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
        let values = rows.join(", ");
        format!(
            "create table {name} as select cast({key} as {key_type}) as k, cast('j' || k % 7 as varchar) as j, {columns} from (values {values}) v(k, {names})"
        )
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
        "integer" => format!("{number}, j{}", number % 7),
        "varchar" => format!("k{number}"),
        _ => (jiff::civil::date(2026, 1, 1) + jiff::Span::new().days(i64::try_from(number).unwrap())).to_string(),
    };
    let key = if key_type == "integer" { "k, j" } else { "k" };
    (
        left,
        right,
        format!(
            "- reconcile_rows: {{name: rows, left: {{model: t}}, right: {{connection: finance, relation: main.x}}, key: [{key}]{strategy}}}"
        ),
        planted.then_some(said),
    )
}

/// Pairs in every run of the tests; `PRESSCHECK_RANDOM_PAIRS` asks for more.
const PAIRS: u64 = 64;

#[test]
fn one_cell_that_differs_is_found_and_equal_rows_are_equal() {
    let asked = std::env::var("PRESSCHECK_RANDOM_PAIRS").ok().map(|text| text.parse::<u64>().unwrap());
    let server = server::shared();
    for round in 0..asked.unwrap_or(PAIRS) {
        let mut dice = Dice(round);
        let planted = round % 2 == 0;
        // Seventeen digits are those of any float.
        let strategy = if round % 4 < 2 { ", strategy: stream" } else { ", strategy: checksums, float_digits: 17" };
        let (left, right, checks, key) = pair(&mut dice, planted, strategy);
        let own = Database::of(&left).open_and_keep();
        let with_postgres = round % 16 < 6;
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
            Some(key) => assert_eq!(said, format!("Hold: 1 key with other values: {key}"), "round {round}, {checks}:\n{left}\n{right}"),
            None => assert!(said.starts_with("pass: 0 keys of "), "round {round}: {said}, {checks}\n{left}\n{right}"),
        }
    }
}

/// 60,000 orders, of which few differ: `change` is what the right side has of them.
fn orders(change: &str) -> (String, String) {
    let rows = |name: &str, more: &str| {
        format!(
            "create table {name} as select cast(3 * i as bigint) as k, 'order ' || i as name, cast(i % 97 as numeric(12, 2)) * 0.25 as amount, \
             timestamp '2026-01-01 00:00:00' + i * interval '1 minute' as at from generate_series(1, 60000) g(i); {more}"
        )
    };
    (rows("t", ""), rows("x", change))
}

fn fact(outcome: &Outcome, name: &str) -> String {
    let facts = match outcome {
        Outcome::Pass(evidence) => &evidence.measured().facts,
        Outcome::Fail { measured, .. } => &measured.facts,
        other => panic!("{other:?}"),
    };
    facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

const CHANGES: &str = "update x set amount = amount + 0.01 where k = 30; update x set name = name || ' ' where k = 90000; delete from x where k = 150000; \
                       insert into x values (31, 'new', 1, null); insert into x select * from x where k = 600";

#[test]
fn few_rows_move_where_few_differ() {
    let (left, right) = orders(CHANGES);
    let (equal, _) = orders("");
    let own = Database::of(&left).open_and_keep();
    let server = server::shared();
    // A role may write its dates as it likes.
    let database = server.database(&on_postgres(&right));
    server.run("postgres", &format!("alter database {database} set datestyle = 'SQL, DMY'"));
    let apart = server.open(&database);
    let alike = server.open(&server.database(&on_postgres(&equal.replace("table t", "table x"))));
    let mut all = String::new();
    // By ranges of whole numbers, by the checksum of a text, by both, and by keys that stand close together in a wide range.
    for key in ["k", "name", "k, name", "name, k"] {
        let checks = format!(
            "- reconcile_rows: {{name: rows, left: {{model: t}}, right: {{connection: finance, relation: main.x}}, key: [{key}], strategy: checksums}}"
        );
        let plan = planned(&checks, "postgres").unwrap();
        for (finance, what) in [(&apart, "apart"), (&alike, "alike")] {
            let outcomes = ended(&plan, &own, finance, execute::MOVED);
            let moved: u64 = fact(&outcomes["rows"], "rows_moved").parse().unwrap();
            assert!(moved < 1200, "{key}, {what}: {moved} rows of 120,000 moved");
            all += &format!("{key}, {what}: {}\n", told(&outcomes["rows"]));
        }
    }
    insta::assert_snapshot!("few_rows_move", all);
}

/// Texts are hashed as UTF-8, whatever a database keeps them as; and more columns than a function takes arguments.
#[test]
fn a_database_of_another_encoding_and_many_columns() {
    let columns = |start: &str| (0..120).map(|at| format!("{start}{at}' as c{at}")).collect::<Vec<_>>().join(", ");
    let server = server::shared();
    server.run("postgres", "create database latin encoding 'LATIN1' locale 'C' template template0");
    server.run("latin", &on_postgres(&format!("create table x as select 1 as k, {}", columns(r"U&'\00e4"))));
    let latin = server.open("latin");
    let checks =
        "- reconcile_rows: {name: rows, left: {model: t}, right: {connection: finance, relation: main.x}, key: [k], strategy: checksums}";
    let plan = planned(checks, "postgres").unwrap();
    let own = |start: &str| Database::of(&format!("create table t as select 1 as k, {}", columns(start))).open_and_keep();
    let said = |start: &str| told(&ended(&plan, &own(start), &latin, execute::MOVED)["rows"]);
    assert_eq!(said("'ä"), "pass: 0 keys of 1");
    assert_eq!(said("'a"), "Hold: 1 key with other values: 1");
}

#[test]
fn auto_takes_checksums_over_a_network() {
    let (left, right) = orders("update x set amount = 0.01 where k = 30");
    let own = Database::of(&left).open_and_keep();
    let twin = Database::of(&right).open_and_keep();
    let check = |more: &str| {
        format!("- reconcile_rows: {{name: rows, left: {{model: t}}, right: {{connection: finance, relation: main.x}}, key: [k]{more}}}")
    };
    let few = ", left: {model: t, where: k < 300}, right: {connection: finance, relation: main.x, where: k < 300}";
    let few = check("").replace(", left: {model: t}, right: {connection: finance, relation: main.x}", few);
    let mut all = String::new();
    for (what, near, checks) in [
        ("near", true, check("")),
        ("far", false, check("")),
        ("far, few rows", false, few),
        ("far, stream", false, check(", strategy: stream")),
        ("near, checksums", true, check(", strategy: checksums")),
    ] {
        let plan = planned_for(&checks, "duckdb", near).unwrap();
        let why = plan.statements[0].sql.lines().next().unwrap().to_owned();
        let outcome = &ended(&plan, &own, &twin, execute::MOVED)["rows"];
        all += &format!("{what}: {why}\n  {}; {}\n", told(outcome), fact(outcome, "strategy"));
    }
    // A float has no text that is the same everywhere, unless so many digits count.
    let (left, right) = (
        "create table t as select 1 as k, cast(0.1 as double precision) as f",
        "create table x as select 1 as k, cast(0.1 as double precision) as f",
    );
    let (own, twin) = (Database::of(left).open_and_keep(), Database::of(right).open_and_keep());
    for (what, more) in [
        ("far, a float", ""),
        ("a float by checksums", ", strategy: checksums"),
        ("of fifteen digits", ", strategy: checksums, float_digits: 15"),
    ] {
        let outcome = &ended(&planned_for(&check(more), "duckdb", false).unwrap(), &own, &twin, execute::MOVED)["rows"];
        let way = if matches!(outcome, Outcome::Pass(_)) { fact(outcome, "strategy") } else { String::new() };
        all += &format!("{what}: {}; {way}\n", told(outcome));
    }
    all += &planned_for(&check(", strategy: checksums"), "snowflake", false).unwrap_err();
    insta::assert_snapshot!("auto", all);
}

#[test]
fn checksums_move_no_more_than_the_budget() {
    let (left, right) = orders("update x set amount = amount + 1");
    let (own, twin) = (Database::of(&left).open_and_keep(), Database::of(&right).open_and_keep());
    let checks =
        "- reconcile_rows: {name: rows, left: {model: t}, right: {connection: finance, relation: main.x}, key: [k], strategy: checksums}";
    let plan = planned(checks, "duckdb").unwrap();
    let said = |moved| told(&ended(&plan, &own, &twin, moved)["rows"]);
    assert_eq!(said(execute::MOVED), "Hold: 60000 keys with other values: 3, 6, 9");
    assert!(said(5000).starts_with("Hold: ") && said(5000).contains(" or more: 3, 6, 9"), "{}", said(5000));
    assert!(said(50).starts_with("error BudgetExceeded: more than 50 rows"), "{}", said(50));
}
