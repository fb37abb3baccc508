//! The cheaper questions: on random tables, in DuckDB and PostgreSQL, what is proven or counted by them is what the exact statements say.

use presscheck::check::outcome::Outcome;
use presscheck::warehouse::Warehouse;

use super::{Case, ended_on, planned_on, told, unfused};
use crate::dice::Dice;
use crate::warehouse::Database;

/// Rounds in every run of the tests; `PRESSCHECK_RANDOM_TABLES` asks for more.
const ROUNDS: u64 = 60;

/// A type of a column, and values that are usual and odd for it.
const SORTS: &[(&str, &[&str])] = &[
    ("bigint", &["1", "2", "3", "4", "5", "6", "7", "40", "62", "63", "64", "-1", "1048576", "1048577", "9223372036854775807", "null"]),
    ("int", &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "null"]),
    ("double precision", &["1", "2", "2.5", "3", "'nan'", "'infinity'", "'-infinity'", "-0.0", "0.0", "9007199254740993", "null"]),
    ("numeric(12, 2)", &["1", "1.5", "1.50", "2", "2.49", "2.51", "3", "-0.01", "null"]),
    ("text", &["'a'", "'b'", "'c'", "''", "'A'", "'1'", "'2'", "null"]),
    ("date", &["'2026-11-16'", "'2026-11-17'", "'infinity'", "null"]),
];

fn table(dice: &mut Dice, name: &str, columns: &[&str]) -> (String, Vec<&'static str>) {
    let sorts: Vec<&(&str, &[&str])> = columns.iter().map(|_| &SORTS[usize::try_from(dice.next()).unwrap_or(0) % SORTS.len()]).collect();
    let rows = dice.one(&["0", "1", "4", "9", "30"]).parse::<usize>().expect("a number");
    // Often nothing odd at all, so that proofs hold as often as they fail.
    let plain = dice.next().is_multiple_of(2);
    let defined: Vec<String> = columns.iter().zip(&sorts).map(|(column, (sort, _))| format!("{column} {sort}")).collect();
    let mut sql = format!("create table {name} ({});", defined.join(", "));
    for row in 0..rows {
        let value = |dice: &mut Dice, (_, values): &(&str, &'static [&'static str])| {
            let usual = if plain { &values[..values.len().min(4)] } else { values };
            if plain { usual[row % usual.len()].to_owned() } else { dice.one(usual).to_owned() }
        };
        let values: Vec<String> = sorts.iter().map(|sort| value(dice, sort)).collect();
        sql += &format!("insert into {name} values ({});", values.join(", "));
    }
    (sql, sorts.iter().map(|(sort, _)| *sort).collect())
}

fn checks(dice: &mut Dice) -> String {
    let null = |dice: &mut Dice| dice.one(&["", ", null: pass"]);
    let mut checks = String::new();
    for column in ["a", "b", "c"] {
        checks += &format!("- not_null: {{column: t.{column}}}\n");
        let null = null(dice);
        checks += &match dice.next() % 3 {
            0 => format!("- range: {{column: t.{column}, min: 1{null}}}\n"),
            1 => format!("- range: {{column: t.{column}, max: 7{null}}}\n"),
            _ => format!("- range: {{column: t.{column}, min: 0, max: 7.5{null}}}\n"),
        };
        let list = dice.one(&["['a', b, c]", "[1, 2, 3, 4]", "['2026-11-16']"]);
        checks += &format!("- accepted_values: {{column: t.{column}, values: {list}{null}}}\n");
    }
    checks += "- not_null: {model: t, columns: [a, b], name: both}\n- row_count: {model: t, between: {min: 1}}\n";
    let expression = dice.one(&["a is not null", "a = b", "b > 1 or c is null", "a >= 1 and a <= 7"]);
    checks += &format!("- expression: {{model: t, expression: {expression}{}}}\n", null(dice));
    checks += match dice.next() % 4 {
        0 => "- unique: {column: t.a}\n",
        1 => "- unique: {model: t, columns: [a, b]}\n",
        2 => "- unique: {model: t, columns: [b, a]}\n",
        _ => "- unique: {model: t, columns: [a, c], null: pass}\n",
    };
    checks += &format!("- relationships: {{column: t.a, to: u.a, name: forward{}}}\n", null(dice));
    checks += &format!("- relationships: {{column: u.a, to: t.a, name: backward{}}}\n", null(dice));
    checks += "- unique: {column: u.a, name: unique_u}\n";
    // Asked twice, with another limit.
    checks += &format!("- relationships: {{column: t.a, to: u.a, name: forward_again, hold_if: '> 2'{}}}\n", null(dice));
    checks += "- unique: {column: u.a, name: unique_u_again, hold_if: '> 1'}\n";
    checks
}

/// Which value an engine stumbles over first is chance.
fn plainly(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Error(fault) => format!("error {:?}", fault.reason),
        Outcome::Pass(_) | Outcome::Fail { .. } | Outcome::Skipped(_) => told(outcome),
    }
}

fn rounds(dialect: &str, database: &str, mut make: impl FnMut(&str) -> Box<dyn Warehouse>) {
    let rounds = std::env::var("PRESSCHECK_RANDOM_TABLES").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let (mut passed, mut failed) = (0, 0);
    for round in 0..rounds {
        let mut dice = Dice(round * 7919);
        let (t, _) = table(&mut dice, "main.t", &["a", "b", "c"]);
        let (u, _) = table(&mut dice, "main.u", &["a", "b"]);
        let case = Case { sql: format!("{t}{u}"), sources: String::new(), checks: checks(&mut dice), ..Case::default() };
        let plan = planned_on(&case, dialect, database).expect("a plan");
        let warehouse = make(&case.sql);
        let quick = ended_on(&plan, warehouse.as_ref());
        let exact = ended_on(&unfused(&plan), warehouse.as_ref());
        for (id, outcome) in &quick {
            assert_eq!(plainly(outcome), plainly(&exact[id]), "round {round}: {id} on\n{}\n{}", case.sql.replace(';', ";\n"), case.checks);
        }
        passed += quick.values().filter(|outcome| told(outcome).starts_with("pass")).count();
        failed += quick.values().filter(|outcome| told(outcome).starts_with("Hold")).count();
    }
    assert!(passed > failed / 4 && failed > passed / 4, "{passed} passed, {failed} failed: the tables are one-sided");
}

#[test]
fn checks_that_ask_the_same_of_keys_share_one_pass() {
    let twice = |check: &str| {
        format!("- {check}, name: first}}\n- {check}, name: again, hold_if: '> 1'}}\n")
            .replace("name: ", &format!("name: {}_", &check[..6]))
    };
    let checks = ["unique: {model: t, columns: [a, b]", "relationships: {column: t.a, to: u.a"].map(twice).concat();
    let sql = "create table main.t as select i as a, j as b from range(9) x(i), range(3) y(j); create table main.u as select i as a from range(8) x(i)";
    let case = Case { sql: sql.to_owned(), sources: String::new(), checks, ..Case::default() };
    let plan = planned_on(&case, "duckdb", "brightside").expect("a plan");
    let asked: Vec<String> = plan.statements.iter().map(|statement| statement.checks.join(", ")).collect();
    assert_eq!(asked, ["unique_first, unique_again, relati_first, relati_again"]);
    let warehouse = Database::of(sql).open_and_keep();
    let ended: Vec<String> = ended_on(&plan, &warehouse).iter().map(|(id, outcome)| format!("{id}: {}", told(outcome))).collect();
    let passed = |name: &str| format!("unique_{name}: pass: 0 keys of 27");
    let failed = "3 rows whose a is not found in u.a";
    assert_eq!(
        ended,
        [format!("relati_again: Hold: {failed} (hold if > 1)"), format!("relati_first: Hold: {failed}"), passed("again"), passed("first")]
    );
}

#[test]
fn what_duckdb_proves_is_so() {
    rounds("duckdb", "brightside", |sql| Box::new(Database::of(sql).open_and_keep()));
}

#[cfg(feature = "postgres")]
#[test]
fn what_postgresql_proves_is_so() {
    let server = crate::warehouse::server::shared();
    let database = server.database("create schema main");
    rounds("postgres", &database, |sql| {
        server.run(&database, &format!("drop table if exists main.t; drop table if exists main.u; {sql}"));
        Box::new(server.open(&database))
    });
}
