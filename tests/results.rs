//! dbt's tests by the results that dbt wrote: when they count, and that everything else is no pass.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::commands::{copy, run};

const AT: &str = "2026-11-23T11:40:00+00:00";
const TEST: &str = "not_null_stg_orders_order_date";

/// One way in which dbt's last invocation, or the world around it, was not as it ought to be.
type Edit = fn(&mut Value, &Path);

fn entry<'v>(results: &'v mut Value, name: &str) -> &'v mut Value {
    results["results"].as_array_mut().unwrap().iter_mut().find(|entry| entry["unique_id"].as_str().unwrap().contains(name)).unwrap()
}

fn lose(results: &mut Value, name: &str) {
    results["results"].as_array_mut().unwrap().retain(|entry| !entry["unique_id"].as_str().unwrap().contains(name));
}

const CASES: &[(&str, Edit)] = &[
    ("all built and passed after the sources landed", |_, _| {}),
    ("the test warned", |results, _| {
        entry(results, TEST)["status"] = json!("warn");
        entry(results, TEST)["failures"] = json!(2);
    }),
    ("the test failed", |results, _| {
        entry(results, TEST)["status"] = json!("fail");
        entry(results, TEST)["failures"] = json!(3);
    }),
    ("the test passed and counted nothing", |results, _| entry(results, TEST)["failures"] = Value::Null),
    ("dbt 2 writes Pass", |results, _| entry(results, TEST)["status"] = json!("Pass")),
    ("the test was in error", |results, _| entry(results, TEST)["status"] = json!("error")),
    ("the test was skipped", |results, _| entry(results, TEST)["status"] = json!("skipped")),
    ("the test was reused", |results, _| entry(results, TEST)["status"] = json!("reused")),
    ("the test was a no-op", |results, _| entry(results, TEST)["status"] = json!("no-op")),
    ("the test was not run", |results, _| lose(results, TEST)),
    ("its model was not built", |results, _| lose(results, "model.brightside.stg_orders")),
    ("its model was skipped", |results, _| entry(results, "model.brightside.stg_orders")["status"] = json!("skipped")),
    ("its model was reused", |results, _| entry(results, "model.brightside.stg_orders")["status"] = json!("reused")),
    ("its model was built in part", |results, _| entry(results, "model.brightside.stg_orders")["status"] = json!("partial success")),
    ("its model was built for another target", |results, _| {
        entry(results, "model.brightside.stg_orders")["relation_name"] = json!("\"dev\".\"staging\".\"stg_orders\"");
    }),
    ("nothing says when its model was built", |results, _| entry(results, "model.brightside.stg_orders")["timing"] = json!([])),
    ("it was built before the week ended", |results, _| {
        entry(results, "model.brightside.stg_orders")["timing"] =
            json!([{"name": "execute", "started_at": "2026-11-22T23:59:59Z", "completed_at": "2026-11-23T00:00:01Z"}]);
    }),
    ("it was built before the source landed", |results, _| {
        for entry in results["results"].as_array_mut().unwrap() {
            entry["timing"] = json!([{"name": "execute", "started_at": "2026-11-23T00:00:01Z", "completed_at": "2026-11-23T00:00:02Z"}]);
        }
    }),
    ("built empty", |results, _| results["args"]["empty"] = json!(true)),
    ("built from a sample", |results, _| results["args"]["sample"] = json!("3 days")),
    ("a status that is not known", |results, _| entry(results, TEST)["status"] = json!("fine")),
    ("no results at all", |results, _| *results = Value::Null),
];

fn results(project: &Path) -> Value {
    let manifest: Value = serde_json::from_slice(&fs::read(project.join("target/manifest.json")).unwrap()).unwrap();
    let entry = |(id, node): (&String, &Value)| {
        let kind = node["resource_type"].as_str().unwrap();
        let status = match kind {
            "test" => "pass",
            "model" | "seed" | "snapshot" => "success",
            _ => return None,
        };
        let relation = if kind == "test" { Value::Null } else { node["relation_name"].clone() };
        Some(json!({
            "unique_id": id, "status": status, "failures": if kind == "test" { json!(0) } else { Value::Null }, "message": null, "relation_name": relation,
            "timing": [
                {"name": "compile", "started_at": "2026-11-23T10:00:00Z", "completed_at": "2026-11-23T10:00:01Z"},
                {"name": "execute", "started_at": "2026-11-23T10:00:01Z", "completed_at": "2026-11-23T10:00:02Z"},
            ],
            "thread_id": "Thread-1", "execution_time": 1.0, "adapter_response": {},
        }))
    };
    let metadata = json!({
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json", "dbt_version": "1.12.6", "generated_at": "2026-11-23T10:05:00Z", "invocation_id": "a6b1",
    });
    let results: Vec<Value> = manifest["nodes"].as_object().unwrap().iter().filter_map(entry).collect();
    json!({ "metadata": metadata, "results": results, "elapsed_time": 1.0, "args": { "which": "build", "empty": false } })
}

#[test]
fn a_result_counts_only_for_what_dbt_built_and_tested() {
    let sample = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], sample.path());
    let mut told = String::new();
    for (name, edit) in CASES {
        let folder = tempfile::tempdir().unwrap();
        copy(&sample.path().join("bikes"), folder.path());
        let contract = folder.path().join("contracts/weekly_operating_report.yml");
        let text = fs::read_to_string(&contract).unwrap();
        assert!(text.contains("dbt_tests: {select: upstream}"));
        fs::write(&contract, text.replace("dbt_tests: {select: upstream}", "dbt_tests: {select: upstream, use: results}")).unwrap();
        let mut results = results(folder.path());
        edit(&mut results, folder.path());
        if !results.is_null() {
            fs::write(folder.path().join("target/run_results.json"), results.to_string()).unwrap();
        }
        let (code, text) = run(&["check", "--as-of", AT, "--format", "json"], folder.path());
        let start = text.find('{').unwrap();
        let json: Value = serde_json::Deserializer::from_str(&text[start..]).into_iter().next().unwrap().unwrap();
        let checks = json["decisions"][0]["checks"].as_array().unwrap_or_else(|| panic!("{name}: {text}"));
        let check = checks.iter().find(|check| check["id"].as_str().unwrap() == format!("dbt:{TEST}")).unwrap();
        let passed = checks.iter().filter(|check| check["id"].as_str().unwrap().starts_with("dbt:") && check["outcome"] == "pass").count();
        let all = checks.iter().filter(|check| check["id"].as_str().unwrap().starts_with("dbt:")).count();
        told += &format!(
            "== {name}: ends with {}\n{} {} {}\n{} of {all} tests pass\n",
            code.unwrap(),
            check["outcome"].as_str().unwrap(),
            check["detail"].as_str().unwrap(),
            check["measured"],
            passed
        );
    }
    insta::assert_snapshot!("results_of_dbt", told);
}
