//! The sample project's Mondays, end to end through the program: what happened in the data, and the decision that must follow.
//!
//! The table is `sample_project/mondays.yml`; a new Monday is a new entry there and nothing here.

#[cfg(feature = "postgres")]
mod ledger;
#[cfg(target_os = "linux")]
pub mod running;
#[cfg(feature = "postgres")]
mod postgres;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;

#[derive(Deserialize)]
struct Mondays {
    mondays: Vec<Monday>,
}

#[derive(Deserialize)]
struct Monday {
    name: String,
    as_of: String,
    #[serde(default)]
    missing_warehouse: bool,
    #[serde(default)]
    sql: Vec<String>,
    expect: Expected,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Expected {
    status: String,
    exit_code: i64,
    verdicts: BTreeMap<String, String>,
    because: BTreeMap<String, Vec<String>>,
}

fn presscheck(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("DBT_PROFILES_DIR")
        .env_remove("DBT_PROJECT_DIR")
        .output()
        .expect("the program starts")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("not JSON: {error}\n{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

#[test]
fn every_monday_is_decided_as_the_table_says() {
    let text = include_str!("../sample_project/mondays.yml");
    let table: Mondays = yaml_serde::from_str(text).expect("the table of Mondays");
    let schema = json(&presscheck(&["schema", "--of", "decision"], Path::new(".")));
    let schema = jsonschema::validator_for(&schema).expect("a JSON Schema");
    let mut wrong = String::new();
    let mut sentences = String::new();
    for monday in &table.mondays {
        let folder = tempfile::tempdir().expect("a folder");
        let demo = presscheck(&["demo", "--into", "bikes", "--monday", &monday.name, "--format", "json"], folder.path());
        if demo.status.code() != Some(0) {
            wrong += &format!("{}: demo ended with {:?}: {}\n", monday.name, demo.status.code(), String::from_utf8_lossy(&demo.stderr));
            continue;
        }
        let told = json(&demo);
        if let Some(error) = schema.iter_errors(&told).next() {
            wrong += &format!("{}: not what the published schema says: {error} at {}\n", monday.name, error.instance_path());
        }
        sentences += &format!("== {}\n{}", monday.name, said(&told));
        let decided = decided(&told, &monday.expect.because);
        if decided != monday.expect {
            wrong += &format!("{}: expected {:#?}\n  decided {:#?}\n", monday.name, monday.expect, decided);
        }
        let check = presscheck(
            &["check", "--project-dir", "bikes", "--profiles-dir", "bikes", "--as-of", &monday.as_of, "--format", "json"],
            folder.path(),
        );
        if check.status.code() != Some(i32::try_from(monday.expect.exit_code).expect("an exit code")) {
            wrong += &format!("{}: check ended with {:?}\n", monday.name, check.status.code());
        }
        if check.stdout != demo.stdout {
            wrong += &format!("{}: demo and check decided differently\n", monday.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    insta::assert_snapshot!("sentences", sentences);
}

/// What readers are told: of the report, and of each metric that does not simply publish.
fn said(told: &serde_json::Value) -> String {
    let decision = &told["decisions"][0];
    let metrics = decision["metrics"].as_array().into_iter().flatten().filter(|metric| metric["verdict"] != "publish");
    let text = |value: &serde_json::Value| format!("{}\n", value.as_str().unwrap_or("?"));
    text(&decision["summary"]) + &metrics.map(|metric| format!("  {}", text(&metric["sentence"]))).collect::<String>()
}

/// The decision in the table's words; of the causes, those that the table names.
fn decided(told: &serde_json::Value, named: &BTreeMap<String, Vec<String>>) -> Expected {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("?").to_owned();
    let decision = &told["decisions"][0];
    let metrics: Vec<&serde_json::Value> = decision["metrics"].as_array().into_iter().flatten().collect();
    let because = metrics.iter().filter_map(|metric| {
        let id = text(&metric["id"]);
        let causes: Vec<String> = metric["causes"].as_array().into_iter().flatten().map(|cause| text(&cause["check"])).collect();
        let found = named.get(&id)?.iter().filter(|name| causes.iter().any(|cause| is(cause, name))).cloned().collect();
        Some((id, found))
    });
    Expected {
        status: text(&decision["status"]),
        exit_code: told["exit_code"].as_i64().unwrap_or(-1),
        verdicts: metrics.iter().map(|metric| (text(&metric["id"]), text(&metric["verdict"]))).collect(),
        because: because.collect(),
    }
}

/// A dbt test is named in the table by dbt's own name.
fn is(cause: &str, name: &str) -> bool {
    cause == name || cause.strip_prefix("dbt:") == Some(name)
}
