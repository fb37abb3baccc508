//! The warehouse: one adapter is one file. Read-only sessions that answer one statement at a time; what writes stands apart, in [`writer`].
//!
//! An adapter returns what the engine said, as exact as the engine said it, or the reason why it said nothing. Not for judging
//! (see [`crate::check`]), nor for what to ask and in which order (see [`crate::plan`] and [`crate::execute`]).

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::check::field::{Column, Record};
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::dbt::relation_name::RelationName;

#[cfg(not(any(feature = "duckdb", feature = "postgres", feature = "adbc")))]
compile_error!("choose an engine: --features duckdb, postgres or adbc");

mod about;
#[cfg(feature = "adbc")]
pub mod adbc;
pub mod budget;
#[cfg(feature = "duckdb")]
pub mod duckdb;
mod exact;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "duckdb", feature = "postgres"))]
mod reads;
#[cfg(any(feature = "duckdb", feature = "adbc"))]
mod streamed;
#[cfg(feature = "duckdb")]
pub mod seed;
pub mod writer;

pub use about::{About, Estimate, Standing};

/// Most rows that are read of one answer; what comes after is not looked at.
pub const MAX_ROWS: usize = 1000;

/// Part of every [`Warehouse::snapshot`] of an engine that names no state of its data: what changes there during a run is not seen.
pub const NO_SNAPSHOT: &str = "no-snapshot";

/// The first rows of an answer (at most [`MAX_ROWS`]), with column names.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// Takes one row of an answer that streams by, with the answer's columns.
pub type Take<'t> = dyn FnMut(&[Column], &dyn Record) -> Result<(), Fault> + 't;

/// A place where checks run. Opening is cheap to repeat; every session of one warehouse sees one snapshot where the engine can.
pub trait Warehouse: Send + Sync {
    /// `duckdb`, `postgres`, ...: chooses the macro variants.
    fn dialect(&self) -> &'static str;
    /// Opens one read-only session.
    fn session(&self) -> Result<Box<dyn Session>, Fault>;
    /// What identifies the state of the data, taken now, for evidence: compared before and after a run. It holds [`NO_SNAPSHOT`] where the engine
    /// names no such state.
    fn snapshot(&self) -> String;
    /// Who asks, and where; for people. An adapter that cannot say leaves it unknown.
    fn about(&self) -> Result<About, Fault> {
        Ok(About::default())
    }
    /// What the role may do with each of these relations, in their order; for people. An adapter that cannot say leaves it unknown.
    fn privileges(&self, relations: &[RelationName]) -> Result<Vec<Standing>, Fault> {
        Ok(vec![Standing::default(); relations.len()])
    }
}

/// A warehouse that cannot be used: whatever is asked of it ends with the reason.
pub struct Down(pub Fault);

impl Warehouse for Down {
    fn dialect(&self) -> &'static str {
        "none"
    }
    fn session(&self) -> Result<Box<dyn Session>, Fault> {
        Err(self.0.clone())
    }
    /// Nothing was read, before or after.
    fn snapshot(&self) -> String {
        "not reached".to_owned()
    }
}

/// One connection, used by one thread.
pub trait Session: Send {
    /// Runs one statement with a deadline; stops it on the server when the deadline passes. At most [`MAX_ROWS`] rows are read.
    fn query(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault>;
    /// Runs one statement and hands over every row of its answer as it comes, with the columns; gives the columns in the end. When `take` fails, the
    /// rest is not fetched and its fault is the answer.
    fn stream(&mut self, _sql: &str, _limit: Duration, _take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
        Err(Fault { reason: Reason::NotExecutedYet, detail: "this warehouse's rows are not streamed by this version".into() })
    }
    /// The columns of what a query would answer.
    fn columns(&mut self, sql: &str, limit: Duration) -> Result<Vec<Column>, Fault> {
        self.stream(&format!("select * from (\n{sql}\n) as described limit 0"), limit, &mut |_, _| Ok(()))
    }
    /// What the statement would read, without running it. An adapter that cannot say leaves it unknown.
    fn estimate(&mut self, _sql: &str, _limit: Duration) -> Result<Estimate, Fault> {
        Ok(Estimate::default())
    }
    /// The engine's clock, UTC.
    fn now(&mut self) -> Result<jiff::Timestamp, Fault>;
    /// A handle that other threads use to stop the running statement and every later one of this session.
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync>;
}

/// Opens the warehouse that one target of `profiles.yml` names. `kind` is its `type`, `fields` all its keys with Jinja rendered; `folder` is
/// where dbt runs, against which it takes relative paths.
///
/// # Errors
/// [`Reason::Unreachable`] with what to do, for a type that this version cannot read, a missing file, a file held by a writer, and the like.
pub fn open(kind: &str, fields: &Map<String, Value>, folder: &Path) -> Result<Box<dyn Warehouse>, Fault> {
    match kind {
        #[cfg(feature = "duckdb")]
        "duckdb" => Ok(Box::new(self::duckdb::DuckDb::from_profile(fields, folder)?)),
        #[cfg(not(feature = "duckdb"))]
        "duckdb" => {
            Err(unreachable(format!("this presscheck was built without DuckDB and cannot open the profile of {}", folder.display())))
        }
        #[cfg(feature = "postgres")]
        "postgres" => Ok(Box::new(self::postgres::Postgres::from_profile(fields, folder)?)),
        #[cfg(not(feature = "postgres"))]
        "postgres" => Err(unreachable("this presscheck was built without PostgreSQL")),
        #[cfg(feature = "adbc")]
        kind if adbc::KINDS.contains(&kind) => Ok(Box::new(adbc::Adbc::from_profile(kind, fields, folder)?)),
        other => Err(unreachable(format!(
            "a profile of type `{other}` is not supported by this version of presscheck; {} are: choose a target of such a type",
            types()
        ))),
    }
}

/// Whether the rows of such a target come as fast as they are read: it is in this process, or a server on this machine.
pub fn is_near(kind: &str, fields: &Map<String, Value>) -> bool {
    let host = fields.get("host").and_then(Value::as_str).unwrap_or_default();
    let here = ["localhost", "::1"].contains(&host) || host.starts_with("127.") || host.starts_with('/');
    match kind {
        "duckdb" | "sqlite" => true,
        "postgres" => here,
        _ => false,
    }
}

/// The profile types that this build reads, for people.
fn types() -> String {
    let types: [&[&str]; _] = [
        #[cfg(feature = "duckdb")]
        &["duckdb"],
        #[cfg(feature = "postgres")]
        &["postgres"],
        #[cfg(feature = "adbc")]
        &adbc::KINDS,
    ];
    format!("`{}`", types.concat().join("`, `"))
}

/// As [`open`], for a project whose sources include files: `files` are the names by which its SQL reads them (`data/orders.parquet`). DuckDB
/// reads such files, if they are Parquet below the folder; other engines have no use for them.
///
/// # Errors
/// As [`open`].
pub fn open_with_files(kind: &str, fields: &Map<String, Value>, folder: &Path, files: &[String]) -> Result<Box<dyn Warehouse>, Fault> {
    #[cfg(feature = "duckdb")]
    if kind == "duckdb" && !files.is_empty() {
        return Ok(Box::new(self::duckdb::DuckDb::from_profile_with(fields, folder, files)?));
    }
    let _only_of_duckdb = files;
    open(kind, fields, folder)
}

fn unreachable(detail: impl Into<String>) -> Fault {
    Fault { reason: Reason::Unreachable, detail: detail.into() }
}
