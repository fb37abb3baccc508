//! `read MANIFEST`: reads a manifest of dbt with serde_json into the fields that lineage and lint need, as plain owned types, and ends. What that costs is the
//! floor of every program that reads the file; `../lint.py --floor` compares. Nothing is checked, made or kept.

use std::collections::HashMap;
use std::error::Error;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Manifest {
    nodes: HashMap<String, Node>,
    sources: HashMap<String, Node>,
    exposures: HashMap<String, Node>,
    metrics: HashMap<String, Metric>,
    macros: HashMap<String, Macro>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "reading is what is measured")]
struct Node {
    resource_type: String,
    name: String,
    package_name: String,
    #[serde(default)]
    original_file_path: String,
    #[serde(default)]
    fqn: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    alias: Option<String>,
    identifier: Option<String>,
    source_name: Option<String>,
    database: Option<String>,
    schema: Option<String>,
    relation_name: Option<String>,
    raw_code: Option<String>,
    compiled_code: Option<String>,
    language: Option<String>,
    checksum: Option<Checksum>,
    config: Option<Config>,
    #[serde(default)]
    columns: HashMap<String, Column>,
    depends_on: Option<DependsOn>,
    test_metadata: Option<Value>,
    column_name: Option<String>,
    attached_node: Option<String>,
    freshness: Option<Value>,
    loaded_at_field: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "reading is what is measured")]
struct Checksum {
    checksum: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "reading is what is measured")]
struct Config {
    enabled: Option<bool>,
    materialized: Option<String>,
    severity: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "reading is what is measured")]
struct Column {
    name: String,
    data_type: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "reading is what is measured")]
struct DependsOn {
    #[serde(default)]
    nodes: Vec<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "reading is what is measured")]
struct Metric {
    name: String,
    depends_on: Option<DependsOn>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "reading is what is measured")]
struct Macro {
    name: String,
    package_name: String,
    macro_sql: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: read MANIFEST")?;
    let read: Manifest = serde_json::from_slice(&std::fs::read(path)?)?;
    println!(
        "{} nodes, {} sources, {} exposures, {} metrics, {} macros",
        read.nodes.len(),
        read.sources.len(),
        read.exposures.len(),
        read.metrics.len(),
        read.macros.len()
    );
    // Ended programs give their memory back at once.
    std::process::exit(0);
}
