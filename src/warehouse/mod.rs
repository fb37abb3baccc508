//! The warehouse: one adapter is one file. Read-only sessions that answer one statement at a time.

use std::time::Duration;

use crate::check::measurement::Cell;
use crate::check::outcome::Fault;

/// All rows of a small answer, with column names.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// A place where checks run. Opening is cheap to repeat; every session of one warehouse sees one snapshot where the engine can.
pub trait Warehouse: Send + Sync {
    /// `duckdb`, `postgres`, ...: chooses the macro variants.
    fn dialect(&self) -> &'static str;
    /// Opens one read-only session.
    fn session(&self) -> Result<Box<dyn Session>, Fault>;
    /// What identifies the state of the data that the sessions see, for evidence.
    fn snapshot(&self) -> String;
}

/// One connection, used by one thread.
pub trait Session: Send {
    /// Runs one statement with a deadline; stops it on the server when the deadline passes. At most `MAX_ROWS` rows are read.
    fn query(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault>;
    /// The engine's clock, UTC.
    fn now(&mut self) -> Result<jiff::Timestamp, Fault>;
    /// A handle that other threads use to stop the running statement.
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync>;
}
