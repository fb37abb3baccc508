//! A dbt-duckdb project whose sources are a Parquet file and a table of an attached database, through the program; the manifest is as dbt 1.12 makes it.

use std::fs;
use std::path::Path;

use presscheck::warehouse::seed::{Step, build_duckdb};
use serde_json::{Value, json};

use super::run;

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, text)).expect("written");
    };
    let staged = "select id, amount from 'data/Orders.parquet'";
    let daily = "select s.id, s.amount, l.amount as budget from \"files\".\"main\".\"stg_orders\" s join \"finance\".\"main\".\"ledger\" l on s.id = l.id";
    let model = |name: &str, sql: &str, parents: &[&str]| {
        json!({
            "resource_type": "model", "name": name, "alias": name, "package_name": "files", "original_file_path": format!("models/{name}.sql"),
            "fqn": ["files", name], "database": "files", "schema": "main", "relation_name": format!("\"files\".\"main\".\"{name}\""),
            "raw_code": sql, "compiled_code": sql, "language": "sql", "config": {"materialized": "view", "enabled": true},
            "depends_on": {"nodes": parents}, "columns": {}
        })
    };
    let source = |source: &str, name: &str, database: &str, rendered: &str| {
        json!({
            "resource_type": "source", "name": name, "source_name": source, "package_name": "files", "original_file_path": "models/s.yml",
            "fqn": ["files", source, name], "database": database, "schema": "main", "identifier": name, "relation_name": rendered,
            "columns": {"id": {"name": "id"}, "amount": {"name": "amount"}}, "config": {"enabled": true}
        })
    };
    let manifest = json!({
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.6",
            "generated_at": "2026-11-23T06:30:00.000000Z", "adapter_type": "duckdb", "project_name": "files", "invocation_id": "a"},
        "nodes": {
            "model.files.stg_orders": model("stg_orders", staged, &["source.files.raw.orders"]),
            "model.files.daily": model("daily", daily, &["model.files.stg_orders", "source.files.fin.ledger"]),
        },
        "sources": {
            "source.files.raw.orders": source("raw", "orders", "files", "'data/Orders.parquet'"),
            "source.files.fin.ledger": source("fin", "ledger", "finance", "\"finance\".\"main\".\"ledger\""),
        },
    });
    write("target/manifest.json", &manifest.to_string());
    write("models/stg_orders.sql", staged);
    write("models/daily.sql", daily);
    write("dbt_project.yml", "name: files\nprofile: files\n");
    write(
        "profiles.yml",
        "files:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: files.duckdb, attach: [{path: fin/ledger.duckdb, alias: finance}]}\n",
    );
    write(
        "contracts/weekly.yml",
        "version: 1\ncontract: weekly\nowners: {technical: {team: Shop, contact: shop@shop.example}}\n\
         metrics: {revenue: {column: daily.amount}}\nchecks:\n  - not_null: {name: filled, column: daily.amount}\n  \
         - unique: {name: landed, column: raw.orders.id}\n  - not_null: {name: budgeted, column: fin.ledger.amount}\n",
    );
    fs::create_dir_all(folder.path().join("data")).and_then(|()| fs::create_dir(folder.path().join("fin"))).expect("folders");
    let parquet = folder.path().join("data/Orders.parquet");
    build_duckdb(
        &folder.path().join("fin/ledger.duckdb"),
        &[Step::Sql("create table ledger as select range as id, 10 as amount from range(50)".into())],
    )
    .expect("a database");
    let made = format!("copy (select range as id, range * 2 as amount from range(50)) to '{}' (format parquet)", parquet.display());
    // The views cannot be made before dbt has attached and gone to its folder: stand-ins of the same columns are.
    let stand_ins = "create schema other; create table stg_orders as select 1 as id, 2 as amount; create table daily as select 1 as id, 2 as amount, 3 as budget";
    build_duckdb(&folder.path().join("files.duckdb"), &[Step::Sql(made), Step::Sql(stand_ins.into())]).expect("a database");
    folder
}

fn decided(folder: &Path, elsewhere: &Path) -> (Option<i32>, Value) {
    let text = folder.to_str().expect("UTF-8");
    let (code, text) = run(&["check", "--format", "json", "--quiet", "--project-dir", text, "--profiles-dir", text], elsewhere);
    (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

#[test]
fn sources_in_files_are_checked_wherever_one_stands() {
    let folder = project();
    let elsewhere = tempfile::tempdir().expect("a folder");
    // A file of the same name where the user stands is not the project's.
    fs::create_dir(elsewhere.path().join("data"))
        .and_then(|()| fs::write(elsewhere.path().join("data/Orders.parquet"), "no"))
        .expect("a file");
    for here in [folder.path(), elsewhere.path()] {
        let (code, decision) = decided(folder.path(), here);
        assert_eq!(code, Some(0), "{decision:#}");
        let text = decision.to_string();
        assert!(text.contains("\"publish\"") && !text.contains("not fully known") && !text.contains("not understood"), "{decision:#}");
    }
    let (code, text) = run(&["doctor"], folder.path());
    assert!(code == Some(0) && text.contains("3 of 3 are there"), "{text}");
    let (code, text) = run(&["plan", "--estimate"], folder.path());
    assert!(code == Some(0) && text.contains("about 50 rows, unknown how many bytes"), "{text}");
    let (_, text) = run(&["grants", "--for", "duckdb", "--role", "x"], folder.path());
    assert!(text.contains("--   'data/Orders.parquet'"), "{text}");
    fs::remove_file(folder.path().join("data/Orders.parquet")).expect("removed");
    let (code, decision) = decided(folder.path(), folder.path());
    assert!(code == Some(3) && decision.to_string().contains("there is no file 'data/Orders.parquet'"), "{decision:#}");
    let (code, text) = run(&["doctor"], folder.path());
    assert!(code == Some(3) && text.contains("PC433") && text.contains("there is no file"), "{text}");
}
