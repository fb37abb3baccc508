//! The keys of a dbt-duckdb target, read for what presscheck needs of them. Pure.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::check::outcome::Fault;
use crate::warehouse::unreachable;

/// Settings of the engine that change what a query means or costs; any other setting of a profile is not applied. The boundary (read only, no
/// external access, no extensions from the network, locked) is not among them.
const APPLIED: &[&str] = &[
    "calendar",
    "default_collation",
    "default_null_order",
    "default_order",
    "ieee_floating_point_ops",
    "integer_division",
    "max_temp_directory_size",
    "memory_limit",
    "old_implicit_casting",
    "order_by_non_integer_literal",
    "preserve_insertion_order",
    "scalar_subquery_error_on_multiple_rows",
    "temp_directory",
    "timezone",
];

/// How a database is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The catalog's name in SQL; the file's stem when absent.
    pub database: Option<String>,
    /// Threads of the engine, for all sessions together; the engine's own choice when absent.
    pub threads: Option<u32>,
    /// Settings of the engine, in order: name and value as text.
    pub settings: Vec<(String, String)>,
    /// Extensions that are loaded if they are installed on this machine; none is ever downloaded.
    pub extensions: Vec<String>,
}

/// The database file and how to open it.
pub(super) fn read(fields: &Map<String, Value>, folder: &Path) -> Result<(PathBuf, Options), Fault> {
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let path = text("path").unwrap_or(":memory:");
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(unreachable(
            "the profile's DuckDB is in memory (`path: ':memory:'`), so what dbt built is gone when dbt ends: give it a file, such as `path: warehouse.duckdb`",
        ));
    }
    if let Some((scheme, _)) = path.split_once(':').filter(|(scheme, _)| scheme.len() > 1) {
        return Err(unreachable(format!("a DuckDB path of the form `{scheme}:` is not supported by this version: only a local file is")));
    }
    if fields.get("attach").is_some_and(|attach| attach.as_array().is_none_or(|list| !list.is_empty())) {
        return Err(unreachable(
            "`attach` of the DuckDB profile is not supported by this version: presscheck reads the one file named by `path`",
        ));
    }
    let path = path.strip_prefix("file:").unwrap_or(path);
    let settings = fields.get("settings").and_then(Value::as_object).into_iter().flatten();
    let extensions = fields.get("extensions").and_then(Value::as_array).into_iter().flatten();
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let options = Options {
        database: text("database").map(str::to_owned).or_else(|| Path::new(path).file_stem()?.to_str().map(str::to_owned)),
        threads: None,
        settings: settings
            .filter(|(name, _)| APPLIED.contains(&name.to_lowercase().as_str()))
            .map(|(name, value)| (name.to_lowercase(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect(),
        extensions: extensions
            .filter_map(|extension| extension.as_str().or_else(|| extension.get("name")?.as_str()))
            .filter(|name| plain(name))
            .map(str::to_owned)
            .collect(),
    };
    Ok((folder.join(path), options))
}
