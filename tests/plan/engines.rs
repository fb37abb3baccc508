//! Every kind of check on the same worlds in DuckDB and in PostgreSQL: both end alike, and both list the same failing rows.

use std::sync::atomic::AtomicBool;

use presscheck::check::KINDS;
use presscheck::check::outcome::Outcome;
use presscheck::execute;
use presscheck::warehouse::Warehouse;

use super::{Case, ended_on, planned_on, told};
use crate::warehouse::Database;

fn worlds() -> indexmap::IndexMap<String, Case> {
    yaml_serde::from_str(include_str!("engines.yml")).unwrap()
}

/// How each check ends, and the rows that it shows. What an engine says of a fault is its own.
fn lines(case: &Case, dialect: &str, database: &str, warehouse: &dyn Warehouse) -> String {
    let plan = match planned_on(case, dialect, database) {
        Ok(plan) => plan,
        Err(said) => return said,
    };
    let outcomes = ended_on(&plan, warehouse);
    let failed: Vec<String> = outcomes.iter().filter(|(_, outcome)| outcome.ended().failed()).map(|(id, _)| id.clone()).collect();
    let samples = execute::samples(&plan, &failed, warehouse, &super::options(&AtomicBool::new(false)), &warehouse.snapshot());
    let mut lines = String::new();
    for (id, outcome) in &outcomes {
        let ended = match outcome {
            Outcome::Error(fault) => format!("error {:?}", fault.reason),
            Outcome::Pass(_) | Outcome::Fail { .. } | Outcome::Skipped(_) => told(outcome),
        };
        lines += &format!("{id}: {ended}\n");
        match samples.get(id) {
            Some(Ok(sampled)) => {
                let row =
                    |row: &Vec<Option<String>>| row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(" | ");
                sampled.rows.iter().for_each(|one| lines += &format!("    {}\n", row(one)));
            }
            Some(Err(fault)) => lines += &format!("    no rows: {:?}\n", fault.reason),
            None => {}
        }
    }
    lines
}

#[test]
fn every_kind_ends_on_duckdb_as_the_table_says() {
    let worlds = worlds();
    let told = worlds.iter().map(|(name, case)| {
        let warehouse = Database::of(&case.sql).open_and_keep();
        format!("== {name}\n{}", lines(case, "duckdb", "brightside", &warehouse))
    });
    insta::assert_snapshot!("every_kind", told.collect::<String>());
}

#[cfg(feature = "postgres")]
#[test]
fn every_kind_ends_on_postgresql_as_on_duckdb() {
    let server = crate::warehouse::server::shared();
    let mut wrong = String::new();
    for (name, case) in &worlds() {
        let on_duckdb = lines(case, "duckdb", "brightside", &Database::of(&case.sql).open_and_keep());
        let database = server.database(&format!("create schema main; {}", case.sql));
        let on_postgres = lines(case, "postgres", &database, &server.open(&database));
        for (one, other) in on_duckdb.lines().zip(on_postgres.lines()).filter(|(one, other)| !alike(one, other)) {
            wrong += &format!("{name}\n  DuckDB     {one}\n  PostgreSQL {other}\n");
        }
        if on_duckdb.lines().count() != on_postgres.lines().count() {
            wrong += &format!("{name}: PostgreSQL says\n{on_postgres}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Equal, but for how an engine spells what is no number, and where one cannot compute what the other finds to be wrong.
fn alike(one: &str, other: &str) -> bool {
    let plain = |line: &str| if line.starts_with(' ') { line.to_lowercase().replace("infinity", "inf") } else { line.to_owned() };
    let fails = |line: &str, how: &str| line.split_once(": ").is_some_and(|(_, ended)| ended.starts_with(how));
    plain(one) == plain(other) || (fails(one, "error QueryError") && fails(other, "Hold"))
}

/// The engines of these tests keep no time of a change: nothing is guessed in its place.
#[test]
fn a_warehouse_that_does_not_say_when_a_table_changed_is_an_error() {
    let case = Case { checks: "- freshness: {model: t, metadata: true, hold_after: 1d}".into(), ..Case::default() };
    let said = |dialect: &str| planned_on(&case, dialect, "brightside").map(|plan| plan.statements[0].sql.clone());
    for dialect in ["duckdb", "postgres", "spark", "trino", "sqlite"] {
        assert!(said(dialect).unwrap_err().contains("does not keep when a table was changed"), "{dialect}");
    }
    let asked = ["snowflake", "databricks", "bigquery"].map(|dialect| said(dialect).unwrap());
    insta::assert_snapshot!("changed_at", asked.join("\n\n"));
}

#[test]
fn every_kind_is_in_the_table() {
    let checks: String = worlds().values().map(|case| case.checks.clone()).collect();
    let missing: Vec<&&str> = KINDS.iter().filter(|kind| !checks.contains(&format!("- {kind}:"))).collect();
    // dbt's own tests and the rows of two relations have tables of their own.
    assert_eq!(missing, [&"reconcile_rows", &"dbt_tests"]);
}
