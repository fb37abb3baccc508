//! Makes a small DuckDB file from seeds and statements: the demo's warehouse, and the tests'. It is a new file: one that exists is refused.
//!
//! Not for a user's database, which nothing here ever opens for writing.
#![expect(clippy::disallowed_methods, reason = "this file writes the demo's database")]

use std::fs;
use std::path::Path;

use duckdb::Connection;

use crate::check::outcome::{Fault, Reason};

/// One step of making a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One or more statements.
    Sql(String),
    /// A table made from a CSV file with a header line, as `dbt seed` makes it: nothing between two commas is NULL.
    Csv {
        /// The table, as written in SQL: `"shopify"."orders"`. Its schema must exist.
        relation: String,
        /// Column types by name; a column that is not listed gets the type that DuckDB finds for it.
        types: Vec<(String, String)>,
        /// The file's text, comma-separated.
        text: String,
    },
}

/// Makes the file `path` and runs `steps` in order, in the zone UTC. On failure no file is left behind.
///
/// # Errors
/// [`Reason::Unreachable`] when the file exists or cannot be made; [`Reason::QueryError`] with the step that failed.
pub fn build_duckdb(path: &Path, steps: &[Step]) -> Result<(), Fault> {
    if path.exists() {
        return Err(super::unreachable(format!("{} exists: a demo database is only made anew", path.display())));
    }
    let made = fill(path, steps);
    if made.is_err() {
        // The first error is the one worth telling.
        let _leftover = fs::remove_file(path).err();
    }
    made
}

fn fill(path: &Path, steps: &[Step]) -> Result<(), Fault> {
    let wrong = |error: &dyn std::fmt::Display| super::unreachable(format!("{} cannot be made: {error}", path.display()));
    let connection = Connection::open(path).map_err(|error| wrong(&error))?;
    connection.execute_batch("SET GLOBAL timezone = 'UTC'").map_err(|error| wrong(&error))?;
    let mut csv = path.as_os_str().to_owned();
    csv.push(".seed.csv");
    let csv = Path::new(&csv);
    for step in steps {
        let done = match step {
            Step::Sql(sql) => connection.execute_batch(sql),
            Step::Csv { relation, types, text } => {
                fs::write(csv, text).map_err(|error| wrong(&error))?;
                let done = connection.execute_batch(&load(relation, types, csv));
                fs::remove_file(csv).map_err(|error| wrong(&error))?;
                done
            }
        };
        done.map_err(|error| {
            let (Step::Sql(about) | Step::Csv { relation: about, .. }) = step;
            let about: String = about.chars().take(120).collect();
            Fault { reason: Reason::QueryError, detail: format!("{}, in the step `{about}`", super::duckdb::told(&error)) }
        })?;
    }
    connection.close().map_err(|(_, error)| wrong(&error))
}

/// The statement that makes one table from the file.
fn load(relation: &str, types: &[(String, String)], file: &Path) -> String {
    let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let types: Vec<String> = types.iter().map(|(name, kind)| format!("{}: {}", text(name), text(kind))).collect();
    let types = if types.is_empty() { String::new() } else { format!(", types = {{{}}}", types.join(", ")) };
    let file = text(&file.to_string_lossy());
    format!(
        "CREATE TABLE {relation} AS FROM read_csv({file}, header = true, delim = ',', quote = '\"', escape = '\"', sample_size = -1{types})"
    )
}
