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
    /// Further database files, and what each is called in SQL.
    pub attach: Vec<(PathBuf, String)>,
    /// Parquet files that SQL may read.
    pub files: Vec<ReadableFile>,
}

/// A Parquet file, and the name by which SQL reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadableFile {
    /// As written in SQL, without quotes: `data/orders.parquet`.
    pub name: String,
    /// Where it is; or why it is not read.
    pub path: Result<PathBuf, String>,
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
    if let Some(scheme) = scheme(path) {
        return Err(not_local("the DuckDB profile's `path`", scheme));
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
        attach: attached(fields.get("attach"), folder)?,
        files: Vec::new(),
    };
    Ok((folder.join(path), options))
}

/// `md`, `s3`, `postgres`, ... where a path has such a beginning; a single letter is a drive.
fn scheme(path: &str) -> Option<&str> {
    path.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| scheme.len() > 1 && *scheme != "file")
}

/// Says the scheme alone: what follows can be a password.
fn not_local(what: &str, scheme: &str) -> Fault {
    match scheme {
        "md" | "motherduck" => unreachable(format!(
            "{what} is at MotherDuck (`{scheme}:`), which presscheck does not read: give it a target with a local DuckDB file"
        )),
        other => unreachable(format!(
            "{what} begins with `{other}:`, and presscheck reads only local DuckDB files: give it a target with local files alone"
        )),
    }
}

/// `attach`: local DuckDB files under their alias, whatever else the profile allows dbt to do with them.
fn attached(written: Option<&Value>, folder: &Path) -> Result<Vec<(PathBuf, String)>, Fault> {
    let entries = match written {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            return Err(unreachable("`attach` of the DuckDB profile is not a list: write `- path: other.duckdb` below it"));
        }
    };
    let mut found = Vec::new();
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let kind = text("type").or_else(|| entry.get("options")?.get("type")?.as_str()).unwrap_or("duckdb");
        if !kind.eq_ignore_ascii_case("duckdb") {
            return Err(unreachable(format!(
                "`attach` of the DuckDB profile has a database of type `{kind}`, and presscheck attaches only local DuckDB files: give it a target without that"
            )));
        }
        let Some(path) = text("path") else {
            return Err(unreachable("an entry of `attach` of the DuckDB profile has no `path`"));
        };
        if let Some(scheme) = scheme(path) {
            return Err(not_local("a database under `attach` of the DuckDB profile", scheme));
        }
        if path.starts_with(':') {
            return Err(unreachable("`attach` of the DuckDB profile has a database in memory, of which nothing is left when dbt ends"));
        }
        // Whatever else is said of it may change what is read: a key to decrypt it, another catalog format.
        let nothing = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Object(map) => map.keys().all(|key| ["type", "read_only"].contains(&key.as_str())),
            Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Array(_) => false,
        };
        let keys = entry.as_object().into_iter().flatten();
        let mut strange = keys.filter(|(key, value)| !["path", "type", "alias", "read_only"].contains(&key.as_str()) && !nothing(value));
        if let Some((key, _)) = strange.next() {
            return Err(unreachable(format!(
                "`{key}` of `attach` in the DuckDB profile is not supported: presscheck attaches only plain DuckDB files (path, alias)"
            )));
        }
        let path = path.strip_prefix("file:").unwrap_or(path);
        let alias = text("alias").or_else(|| Path::new(path).file_stem()?.to_str());
        let Some(alias) = alias else {
            return Err(unreachable("an entry of `attach` of the DuckDB profile has no `alias`, and its file's name is none"));
        };
        let alias = alias.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).map_or(alias.to_owned(), |a| a.replace("\"\"", "\""));
        found.push((folder.join(path), alias));
    }
    Ok(found)
}
