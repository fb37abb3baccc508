//! The Mondays on PostgreSQL: what real dbt built there, decided as on DuckDB, word for word.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Mondays, json, presscheck};
use crate::warehouse::server::{self, Server};

/// What may differ: how the data is called, what the statements were, which files dbt wrote and when.
const OWN: &[&str] = &["snapshot", "sql_hash", "manifest_hash", "generated_at", "expected_hash", "run"];

#[test]
fn every_monday_is_decided_as_on_duckdb() {
    let text = include_str!("../../sample_project/mondays.yml");
    let table: Mondays = yaml_serde::from_str(text).expect("the table of Mondays");
    let server = server::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("bikes");
    let base = build_with_dbt(server, folder.path(), &project);
    let tables = tables_of(&project);
    let mut wrong = String::new();
    // PostgreSQL refuses to give a column another type while views read it: what this Monday is about cannot happen there.
    let happens = |monday: &&super::Monday| !monday.missing_warehouse && !monday.sql.iter().any(|sql| sql.starts_with("alter table"));
    for monday in table.mondays.iter().filter(happens) {
        let elsewhere = tempfile::tempdir().expect("a folder");
        let demo = presscheck(&["demo", "--into", "duck", "--monday", &monday.name, "--format", "json"], elsewhere.path());
        // dbt names the database in full, so that this Monday takes the name of the one that dbt built.
        server.run("postgres", &format!("alter database brightside rename to {base}"));
        server.run("postgres", &format!("create database brightside template {base}"));
        for sql in monday.sql.iter().chain(&tables) {
            server.run("brightside", sql);
        }
        let check = presscheck(&["check", "--profiles-dir", ".", "--as-of", &monday.as_of, "--format", "json"], &project);
        server.run("postgres", "drop database brightside");
        server.run("postgres", &format!("alter database {base} rename to brightside"));
        let (on_duckdb, on_postgres) = (told(&demo), told(&check));
        if on_duckdb != on_postgres {
            let lines = similar(&on_duckdb, &on_postgres);
            wrong += &format!("{}: PostgreSQL decided differently\n{lines}\n", monday.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Seeds and models of the sample, built by dbt in the database `brightside`; the name under which that is put aside.
fn build_with_dbt(server: &Server, folder: &Path, project: &Path) -> &'static str {
    let demo = presscheck(&["demo", "--into", "bikes", "--format", "json"], folder);
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    fs::remove_file(project.join("brightside.duckdb")).expect("the other warehouse");
    fs::remove_dir_all(project.join("target")).expect("the other artifacts");
    let profile = format!(
        "brightside:\n  target: dev\n  outputs:\n    dev: {{type: postgres, host: 127.0.0.1, port: {}, user: presscheck, password: '-', \
         dbname: brightside, schema: main, threads: 2}}\n",
        server.port
    );
    fs::write(project.join("profiles.yml"), profile).expect("a profile");
    server.run("postgres", "create database brightside");
    let made =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/make-venv")).arg("dbt-1.12").output().expect("make-venv starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let dbt = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()).join("bin/dbt");
    for command in ["seed", "run", "docs"] {
        let mut dbt = Command::new(&dbt);
        dbt.args(["--quiet", "--no-use-colors", command]).args((command == "docs").then_some("generate"));
        let done = dbt.args(["--profiles-dir", "."]).env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false").current_dir(project).output();
        let done = done.expect("dbt starts");
        assert!(done.status.success(), "dbt {command}: {}", String::from_utf8_lossy(&done.stdout));
    }
    // It names the last invocation, which built nothing.
    fs::remove_file(project.join("target/run_results.json")).expect("dbt's results");
    "brightside_of_dbt"
}

/// Statements that fill the models that are tables anew, parents first.
fn tables_of(project: &Path) -> Vec<String> {
    let manifest = fs::read(project.join("target/manifest.json")).expect("the manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut left: Vec<(&String, &serde_json::Value)> =
        manifest["nodes"].as_object().expect("nodes").iter().filter(|(id, _)| id.starts_with("model.")).collect();
    let mut statements = Vec::new();
    while !left.is_empty() {
        let waits = |node: &serde_json::Value| {
            let parents = node["depends_on"]["nodes"].as_array().into_iter().flatten();
            parents.filter_map(|parent| parent.as_str()).any(|parent| left.iter().any(|(id, _)| *id == parent))
        };
        let (later, ready): (Vec<_>, Vec<_>) = left.iter().copied().partition(|(_, node)| waits(node));
        for (_, node) in ready.iter().filter(|(_, node)| node["config"]["materialized"] == "table") {
            let (relation, sql) = (text(&node["relation_name"]), text(&node["compiled_code"]));
            statements.push(format!("truncate {relation}; insert into {relation} {sql}"));
        }
        assert_ne!(later.len(), left.len(), "the models have an order");
        left = later;
    }
    statements
}

/// The decision without what is each engine's own.
fn told(output: &std::process::Output) -> String {
    fn plain(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.retain(|name, _| !OWN.contains(&name.as_str()));
                fields.values_mut().for_each(plain);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(plain),
            serde_json::Value::String(text) if text.starts_with("duckdb:") || text.starts_with("postgres:") => {
                *text = "the snapshot".into()
            }
            _ => {}
        }
    }
    let mut told = json(output);
    plain(&mut told);
    serde_json::to_string_pretty(&told).expect("JSON")
}

/// Lines that only one side has.
fn similar(left: &str, right: &str) -> String {
    let only = |a: &str, b: &str, mark: &str| {
        a.lines()
            .filter(|line| !b.lines().any(|other| other == *line))
            .map(|line| format!("{mark} {}\n", line.trim()))
            .take(20)
            .collect::<String>()
    };
    only(left, right, "-") + &only(right, left, "+")
}
