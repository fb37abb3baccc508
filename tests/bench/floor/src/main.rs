//! `floor MANIFEST`: parses the compiled SQL of every model, each tree dropped at once, on one thread; prints one JSON object.
//!
//! The clock runs around the parser only, not around reading the manifest, and counts the CPU time of the thread (Linux).

use std::error::Error;
use std::fs;

use serde_json::{Value, json};
use sqlparser::dialect::DuckDbDialect;
use sqlparser::parser::Parser;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: floor MANIFEST")?;
    let thread = std::thread::Builder::new().stack_size(512 << 20).spawn(move || measure(&path).map_err(|error| error.to_string()))?;
    println!("{}", thread.join().map_err(|_| "the parser panicked")??);
    Ok(())
}

fn measure(path: &str) -> Result<Value, Box<dyn Error>> {
    let mut manifest: Value = serde_json::from_slice(&fs::read(path)?)?;
    let nodes = manifest["nodes"].as_object_mut().ok_or("no nodes")?;
    let texts: Vec<String> = nodes
        .values_mut()
        .filter(|node| node["resource_type"] == "model")
        .filter_map(|node| match node["compiled_code"].take() {
            Value::String(text) => Some(text),
            _ => None,
        })
        .collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let start = cpu_seconds()?;
    let mut refused = 0;
    for text in &texts {
        match Parser::parse_sql(&DuckDbDialect {}, text) {
            Ok(statements) => drop(std::hint::black_box(statements)),
            Err(_) => refused += 1,
        }
    }
    let cpu = cpu_seconds()? - start;
    Ok(json!({"models": texts.len(), "bytes": bytes, "refused": refused, "cpu": cpu, "megabytes_per_second": bytes as f64 / 1e6 / cpu}))
}

/// Nanoseconds on a processor are the first number of the thread's schedstat.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("no schedstat")?.parse::<u64>()? as f64 / 1e9)
}
