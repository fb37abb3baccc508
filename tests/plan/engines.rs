//! Every kind of check on the same worlds in DuckDB and in PostgreSQL: both end alike, and both list the same failing rows.

use std::sync::atomic::AtomicBool;

use presscheck::check::KINDS;
use presscheck::check::outcome::Outcome;
use presscheck::dbt::Freshness;
use presscheck::execute;
use presscheck::plan::Asked;
use presscheck::warehouse::Warehouse;

use super::{Case, ended_on, planned_on, told};
use crate::warehouse::Database;

pub(super) fn worlds() -> indexmap::IndexMap<String, Case> {
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
    let asked = ["snowflake", "databricks", "bigquery", "redshift"].map(|dialect| said(dialect).unwrap());
    insta::assert_snapshot!("changed_at", asked.join("\n\n"));
}

/// What Redshift is asked, of a PostgreSQL that has a table like Redshift's own: its names and functions are PostgreSQL's.
#[cfg(feature = "postgres")]
#[test]
fn the_last_change_that_redshift_keeps_is_judged_like_a_load_time() {
    let server = crate::warehouse::server::shared();
    let ended = |written: &str| {
        let sql = format!(
            "create schema main; create table main.t as select 1 as a; create schema other; create table other.t as select 1 as a;
             set allow_system_table_mods = on; create table pg_catalog.sys_query_detail (table_id int, start_time timestamp, step_name text); {written}"
        );
        let database = server.database(&sql);
        let checks = "- freshness: {model: t, metadata: true, warn_after: 1h, hold_after: 1d}";
        let case = Case { checks: checks.into(), ..Case::default() };
        let plan = planned_on(&case, "redshift", &database).unwrap();
        ended_on(&plan, &server.open(&database)).values().map(told).collect::<String>()
    };
    let insert = |relation: &str, at: &str, step: &str| {
        format!("insert into sys_query_detail values ('{relation}'::regclass::oid::int, '{at}', '{step}');")
    };
    let at = |at: &str| ended(&insert("main.t", at, "insert"));
    assert_eq!(at("2026-11-23 11:00:00"), "pass: 40 minutes of 1");
    assert_eq!(at("2026-11-23 10:00:00"), "Warn: the newest row is 100 minutes old, more than the 60 minutes that are allowed");
    assert_eq!(at("2026-11-20 10:00:00"), "Hold: the newest row is 3 days old, more than the 24 hours that are allowed");
    assert!(at("2026-11-23 12:00:00").starts_with("error FutureTimestamp"));
    // Nothing of this table is kept: another table, another step, nothing at all.
    let unknown = "Hold: no row has a time in `last change of the table`";
    assert_eq!(ended(&insert("other.t", "2026-11-23 11:00:00", "insert")), unknown);
    assert_eq!(ended(&insert("main.t", "2026-11-23 11:00:00", "scan")), unknown);
    assert_eq!(ended(""), unknown);
}

/// A source whose freshness dbt asks of the warehouse: `raw.bare` has ages and no load time.
fn source_without_load_time(source: &str, dialect: &str, dbt: bool, filter: bool) -> String {
    let mut project = super::project();
    project.adapter = dialect.to_owned();
    let bare = project.nodes.get_mut("source.p.raw.bare").unwrap();
    let filter = filter.then(|| "a > 1".to_owned());
    bare.freshness = dbt.then_some(Freshness { warn_after: None, error_after: Some(86_400), filter });
    let plan = match super::planned_of(&Case::of("", source, "- not_null: {column: t.a}"), &project, None) {
        Ok(plan) => plan,
        Err(said) => return said,
    };
    let (id, asked) = plan.asks.iter().find(|(id, _)| id.ends_with(":raw.bare")).unwrap();
    match asked {
        Asked::Measured { statement, .. } => {
            let sql = &plan.statements[*statement].sql;
            let kept = ["last_altered", "last_modified_time", "sys_query_detail"].iter().find(|kept| sql.contains(**kept));
            format!("{id}: {}", kept.unwrap_or_else(|| panic!("{sql}")))
        }
        Asked::Skipped(fault) => format!("{id}: skipped: {}", fault.detail),
    }
}

#[test]
fn a_source_without_a_load_time_is_as_fresh_as_its_warehouse_says_or_holds() {
    let (inherited, stated) = ("- {source: raw.bare}", "- {source: raw.bare, freshness: {metadata: true, warn_after: 1h, hold_after: 2d}}");
    let mut lines = String::new();
    for dialect in ["snowflake", "databricks", "bigquery", "redshift", "duckdb", "postgres", "spark", "trino", "sqlite"] {
        lines += &format!("{dialect}\n  dbt's own     {}\n", source_without_load_time(inherited, dialect, true, false));
        lines += &format!("  the contract's {}\n", source_without_load_time(stated, dialect, false, false));
    }
    let odd = [
        ("not to be asked", "- {source: raw.bare, freshness: {metadata: false, hold_after: 2d}}", false),
        ("with dbt's filter", inherited, true),
        ("for each group", "- {source: raw.bare, group_by: a}", false),
        ("for each group of the interval", "- {source: raw.bare, group_by: a, expect: [x], date: a}", false),
    ];
    for (name, source, filter) in odd {
        lines += &format!("{name}: {}\n", source_without_load_time(source, "snowflake", true, filter));
    }
    insta::assert_snapshot!("sources_by_metadata", lines);
}

#[test]
fn every_kind_is_in_the_table() {
    let checks: String = worlds().values().map(|case| case.checks.clone()).collect();
    let missing: Vec<&&str> = KINDS.iter().filter(|kind| !checks.contains(&format!("- {kind}:"))).collect();
    // The rows of two relations have a table of their own.
    assert_eq!(missing, [&"reconcile_rows"]);
}
