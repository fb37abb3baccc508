//! What DuckDB says when it cannot answer, as one of the closed list of reasons. Not for values: see `cells`.

use std::path::Path;

use crate::check::outcome::{Fault, Reason};

/// Longest engine text that is kept, in characters.
const LONGEST: usize = 400;

/// What is said of a file that another process holds.
pub(super) const HELD: &str = "is being written by another program";

/// The fault behind a statement that failed.
pub(super) fn of_statement(error: &duckdb::Error) -> Fault {
    let text = text(error);
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let class = text.split_once(':').map_or("", |(class, _)| class);
    let reason = match class {
        "Catalog Error" if has(&["Table with name", "View with name", "Schema with name", "Catalog with name"]) => Reason::MissingRelation,
        "Binder Error" if has(&["Catalog \""]) => Reason::MissingRelation,
        "Binder Error" if has(&["Referenced column", "does not have a column named"]) => Reason::MissingColumn,
        "INTERRUPT Error" => Reason::Cancelled,
        "IO Error" => Reason::Unreachable,
        "Out of Range Error" => Reason::OutOfRange,
        _ => Reason::QueryError,
    };
    let hint = if class == "Permission Error" {
        " (presscheck reads database files of the profile, and Parquet files that sources name as they are: build a table from what the view reads)"
    } else {
        ""
    };
    Fault { reason, detail: shortened(&text) + hint }
}

/// The fault behind a database that cannot be opened, with what to do.
pub(super) fn of_opening(path: &Path, error: &duckdb::Error) -> Fault {
    let text = text(error);
    let path = path.display();
    let detail = if text.contains("lock") && text.contains("onflicting") || text.contains("being used by another process") {
        format!("{path} {HELD} (a running dbt, a notebook, a DuckDB shell): try again when that has ended")
    } else if text.contains("version number") || text.contains("newer version") || text.contains("storage version") {
        format!("{path} was written by a newer DuckDB than the {} that is built into presscheck: use a newer presscheck", engine_version())
    } else if text.contains("not a valid DuckDB database") {
        format!("{path} is not a DuckDB database: check `path` in profiles.yml")
    } else if text.contains("Permission denied") {
        format!("{path} cannot be read: permission denied")
    } else {
        format!("{path} cannot be opened: {}", shortened(&text))
    };
    Fault { reason: Reason::Unreachable, detail }
}

/// The release of the engine: `v2.0.0`.
fn engine_version() -> String {
    duckdb::Connection::open_in_memory()
        .and_then(|connection| connection.version())
        .map_or_else(|_| "DuckDB".to_owned(), |v| format!("DuckDB {v}"))
}

fn text(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

/// Without the excerpt of the statement that DuckDB draws below its message, on one line, not too long.
pub(super) fn shortened(text: &str) -> String {
    let kept: Vec<&str> =
        text.lines().take_while(|line| !line.starts_with("LINE ")).map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut line = kept.join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
