//! What drivers and engines say when they cannot answer, as one of the closed list of reasons. Not for values: see `cells`.
//!
//! Drivers differ in what they fill in: a status, an SQLSTATE, or only a text. The clearest of them counts; what none of them makes clear is a
//! query error.

use adbc_core::error::{Error, Status};

use crate::check::outcome::{Fault, Reason};

/// Longest engine text that is kept, in characters.
const LONGEST: usize = 400;

/// Texts that name their cause, in the words of the engines. The first that is found counts.
const WORDS: &[(&str, Reason)] = &[
    // Spark, Databricks, Sail
    ("[TABLE_OR_VIEW_NOT_FOUND]", Reason::MissingRelation),
    ("[SCHEMA_NOT_FOUND]", Reason::MissingRelation),
    ("[CATALOG_NOT_FOUND]", Reason::MissingRelation),
    ("REQUIRES_SINGLE_PART_NAMESPACE", Reason::MissingRelation),
    ("[UNRESOLVED_COLUMN", Reason::MissingColumn),
    ("[FIELD_NOT_FOUND]", Reason::MissingColumn),
    ("[ARITHMETIC_OVERFLOW", Reason::OutOfRange),
    ("[OPERATION_CANCELED]", Reason::Cancelled),
    ("table not found", Reason::MissingRelation),
    ("cannot resolve attribute", Reason::MissingColumn),
    // SQLite
    ("no such table", Reason::MissingRelation),
    ("unknown database", Reason::MissingRelation),
    ("no such column", Reason::MissingColumn),
    ("integer overflow", Reason::OutOfRange),
    ("unable to open database file", Reason::Unreachable),
    ("database disk image is malformed", Reason::Unreachable),
    ("file is not a database", Reason::Unreachable),
    ("disk I/O error", Reason::Unreachable),
    // Snowflake
    ("does not exist or not authorized", Reason::MissingRelation),
    ("invalid identifier", Reason::MissingColumn),
    ("Incorrect username or password", Reason::AuthenticationFailed),
    // BigQuery
    ("Not found: Table", Reason::MissingRelation),
    ("Not found: Dataset", Reason::MissingRelation),
    ("Unrecognized name:", Reason::MissingColumn),
    // Trino
    ("TABLE_NOT_FOUND", Reason::MissingRelation),
    ("SCHEMA_NOT_FOUND", Reason::MissingRelation),
    ("CATALOG_NOT_FOUND", Reason::MissingRelation),
    ("COLUMN_NOT_FOUND", Reason::MissingColumn),
    ("NUMERIC_VALUE_OUT_OF_RANGE", Reason::OutOfRange),
    // the way to the engine
    ("connection refused", Reason::Unreachable),
    ("Connection refused", Reason::Unreachable),
    ("connection reset", Reason::Unreachable),
    ("broken pipe", Reason::Unreachable),
    ("no such host", Reason::Unreachable),
    ("i/o timeout", Reason::Unreachable),
    ("transport is closing", Reason::Unreachable),
    ("error reading from server", Reason::Unreachable),
    ("server closed the connection", Reason::Unreachable),
    ("no connection to the server", Reason::Unreachable),
    ("code = Unavailable", Reason::Unreachable),
    ("code = Unauthenticated", Reason::AuthenticationFailed),
    ("INVALID_HANDLE.SESSION", Reason::Unreachable),
];

/// The fault behind a statement that failed.
pub(super) fn of_statement(error: &Error) -> Fault {
    let reason = of_state(&state(error)).or_else(|| of_words(&error.message)).unwrap_or(match error.status {
        Status::Timeout => Reason::TimedOut,
        Status::Cancelled => Reason::Cancelled,
        Status::IO => Reason::Unreachable,
        Status::Unauthenticated => Reason::AuthenticationFailed,
        _ => Reason::QueryError,
    });
    Fault { reason, detail: shortened(&error.message) }
}

/// The fault behind a connection that cannot be made.
pub(super) fn of_opening(kind: &str, error: &Error) -> Fault {
    let told = of_statement(error);
    let login = told.reason == Reason::AuthenticationFailed || error.status == Status::Unauthorized;
    let reason = if login { Reason::AuthenticationFailed } else { Reason::Unreachable };
    Fault { reason, detail: format!("{kind} cannot be reached: {}", told.detail) }
}

/// The SQLSTATE, of the error or in its text; empty where there is none.
fn state(error: &Error) -> String {
    let given: String = error.sqlstate.iter().filter_map(|c| u8::try_from(*c).ok()).map(char::from).collect();
    if given.len() == 5 && given != "00000" && given.chars().all(|c| c.is_ascii_alphanumeric()) {
        return given;
    }
    let told = error.message.rsplit_once("SQLSTATE: ").map_or("", |(_, rest)| rest);
    told.chars().take(5).filter(char::is_ascii_alphanumeric).collect()
}

fn of_state(state: &str) -> Option<Reason> {
    match state {
        "42P01" | "42S02" | "3F000" | "3D000" | "42704" => Some(Reason::MissingRelation),
        "42703" | "42S22" => Some(Reason::MissingColumn),
        "57014" | "HY008" => Some(Reason::Cancelled),
        "22003" => Some(Reason::OutOfRange),
        "57P01" | "57P02" | "57P03" | "53300" => Some(Reason::Unreachable),
        other if other.starts_with("08") => Some(Reason::Unreachable),
        other if other.starts_with("28") => Some(Reason::AuthenticationFailed),
        _ => None,
    }
}

fn of_words(text: &str) -> Option<Reason> {
    WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, reason)| *reason)
}

/// Without the plan or the excerpt that some engines put below their message, on one line, not too long.
pub(super) fn shortened(text: &str) -> String {
    let told = |line: &&str| !["LINE ", "JVM stacktrace", "== SQL", "'", "+- "].iter().any(|below| line.starts_with(below));
    let kept: Vec<&str> = text.lines().take_while(told).map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut line = kept.join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
