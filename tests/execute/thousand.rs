//! A thousand checks over two hundred relations on PostgreSQL, through the program: what it holds meanwhile, on the server and in memory.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::warehouse::server;

const RELATIONS: usize = 200;
const THREADS: usize = 3;
/// In KiB: what the process may ever hold.
const MOST_MEMORY: u64 = 100 * 1024;

#[test]
fn a_thousand_checks_hold_few_connections_and_little_memory() {
    let server = server::shared();
    let tables: String = (0..RELATIONS)
        .map(|at| {
            format!(
                "create table t{at} as select g as id, g % 7 as kind, g * 1.5 as amount, 'x' || g as name from generate_series(1, 100) g;"
            )
        })
        .collect();
    let database = server.database(&(tables + "create table mart as select 1 as m"));
    let folder = tempfile::tempdir().expect("a folder");
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, text)).expect("written");
    };
    let relation = |name: &str| format!("\"{database}\".\"public\".\"{name}\"");
    let model = |name: &str, sql: &str, parents: &[String]| {
        write(&format!("models/{name}.sql"), sql);
        let value = json!({
            "resource_type": "model", "name": name, "alias": name, "package_name": "shop", "original_file_path": format!("models/{name}.sql"),
            "fqn": ["shop", name], "database": database, "schema": "public", "relation_name": relation(name), "raw_code": sql,
            "compiled_code": sql, "language": "sql", "config": {"materialized": "table", "enabled": true}, "depends_on": {"nodes": parents},
            "columns": {}
        });
        (format!("model.shop.{name}"), value)
    };
    let names: Vec<String> = (0..RELATIONS).map(|at| format!("t{at}")).collect();
    let mut nodes: Map<String, Value> =
        names.iter().map(|name| model(name, "select 1 as id, 2 as kind, 3.0 as amount, 'x' as name", &[])).collect();
    let all: Vec<String> = names.iter().map(|name| format!("select amount from {}", relation(name))).collect();
    let parents: Vec<String> = names.iter().map(|name| format!("model.shop.{name}")).collect();
    nodes.extend([model("mart", &format!("select sum(amount) as m from ({}) a", all.join(" union all ")), &parents)]);
    let manifest = json!({
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.6",
            "generated_at": "2026-11-23T06:30:00.000000Z", "adapter_type": "postgres", "project_name": "shop", "invocation_id": "a"},
        "nodes": nodes, "sources": {},
    });
    write("target/manifest.json", &manifest.to_string());
    write("dbt_project.yml", "name: shop\nprofile: shop\n");
    let profile = format!(
        "shop:\n  target: dev\n  outputs:\n    dev: {{type: postgres, host: 127.0.0.1, port: {}, user: presscheck, password: '-', \
         dbname: {database}, schema: public, threads: {THREADS}}}\n",
        server.port
    );
    write("profiles.yml", &profile);
    let checks: String = names
        .iter()
        .map(|name| {
            format!(
                "  - not_null: {{column: {name}.name}}\n  - unique: {{column: {name}.id}}\n  - range: {{column: {name}.amount, min: 0}}\n  \
                 - accepted_values: {{column: {name}.kind, values: [0, 1, 2, 3, 4, 5, 6]}}\n  \
                 - expression: {{name: slow_{name}, model: {name}, expression: pg_sleep(0.00002) is not null}}\n"
            )
        })
        .collect();
    let contract =
        "version: 1\ncontract: wide\nowners: {technical: {team: Shop, contact: shop@shop.example}}\nmetrics: {m: {column: mart.m}}\n";
    write("contracts/wide.yml", &format!("{contract}checks:\n{checks}"));

    let decision = fs::File::create(folder.path().join("decision.json")).expect("a file");
    let mut check = Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .args(["check", "--format", "json", "--quiet", "--profiles-dir", "."])
        .current_dir(folder.path())
        .stdout(decision)
        .stderr(Stdio::null())
        .spawn()
        .expect("presscheck starts");
    let asked = format!("select count(*) from pg_stat_activity where datname = '{database}' and application_name like 'presscheck%'");
    let (mut connections, mut memory) = (0, 0);
    let status = loop {
        // The kernel keeps the most that a process ever held, until it ends.
        let held = fs::read_to_string(format!("/proc/{}/status", check.id())).unwrap_or_default();
        let peak = held.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or(0));
        connections = connections.max(server.run("postgres", &asked).parse::<usize>().expect("a number"));
        if let Some(status) = check.try_wait().expect("it can be waited for") {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let told: Value =
        serde_json::from_slice(&fs::read(folder.path().join("decision.json")).expect("a decision")).expect("a decision in JSON");
    let decision = &told["decisions"][0];
    let undecided: Vec<&Value> =
        decision["checks"].as_array().into_iter().flatten().filter(|check| check["outcome"] != "pass").take(3).collect();
    assert_eq!(
        (status.code(), &decision["metrics"][0]["verdict"]),
        (Some(0), &json!("publish")),
        "{undecided:#?} {:#}",
        decision["metrics"][0]["causes"]
    );
    assert_eq!(decision["checks"].as_array().map(Vec::len), Some(5 * RELATIONS));
    assert!((1..=THREADS).contains(&connections), "{connections} connections");
    assert!(memory > 0 && memory <= MOST_MEMORY, "{memory} KiB");
    println!("{connections} connections, {memory} KiB");
}
