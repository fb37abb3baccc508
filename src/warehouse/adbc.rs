//! Every engine that is reached through an ADBC driver: Snowflake, BigQuery, Databricks, Spark, Trino, Redshift, SQLite, Flight SQL.
//!
//! A session is one connection that answers one statement at a time. The boundary against writing is the grants of the profile's user (SQLite is
//! opened read-only besides); statements that do not begin as a query are not sent. A statement that was stopped takes its connection
//! with it, and the session's next statement gets a new one: some drivers leave a stopped statement running until its session ends, and some do not
//! heed being stopped at all. Not for what a profile's keys mean: see `profile`; nor for finding drivers: see `driver`.
#![expect(clippy::disallowed_methods, reason = "this room reads the clock for deadlines, and the files of an SQLite database")]

mod cells;
mod connection;
mod driver;
mod faults;
mod fields;
mod profile;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use adbc_driver_manager::ManagedDriver;
use jiff::Timestamp;
use serde_json::{Map, Value};

use self::connection::{Connection, Running, Said, Wanted};
use self::profile::Target;
use super::streamed::{Row, Values};
use super::{NO_SNAPSHOT, Rows, Session, Take, Warehouse};
use crate::check::field::Column;
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
pub use driver::Drivers;
pub use profile::KINDS;

/// How often a waiting session looks whether the run was cancelled, and repeats that a statement be stopped.
const WATCH: Duration = Duration::from_millis(25);
/// How long a statement that was stopped may take to end. Then it is left to itself.
const GRACE: Duration = Duration::from_secs(2);
/// Longest that opening a connection may take: some warehouses wake up first.
const OPENING: Duration = Duration::from_secs(60);
/// Longest that the engine's clock may take.
const CLOCK: Duration = Duration::from_secs(60);
/// SQLite's header, which counts the changes of the file.
const HEADER: u64 = 100;

/// The rows by which SQLite's driver tells what a column holds.
const SQLITE_TELLS: u32 = 1024;

/// One target of an ADBC engine.
pub struct Adbc {
    driver: ManagedDriver,
    target: Arc<Target>,
}

impl Adbc {
    /// Reads the target and loads its driver; nothing is connected yet. `kind` is one of [`KINDS`]; relative paths are taken against `folder`.
    ///
    /// # Errors
    /// [`Reason::Unreachable`] with what to do: a key that is missing or not supported, a driver that is not installed.
    pub fn from_profile(kind: &str, fields: &Map<String, Value>, folder: &Path) -> Result<Self, Fault> {
        Adbc::with_drivers(kind, fields, folder, &Drivers::of_this_machine())
    }

    /// The same, with drivers from these folders only, and from where the system's loader looks.
    ///
    /// # Errors
    /// As [`Adbc::from_profile`].
    pub fn with_drivers(kind: &str, fields: &Map<String, Value>, folder: &Path, drivers: &Drivers) -> Result<Self, Fault> {
        let target = profile::read(kind, fields, folder)?;
        let driver = driver::load(target.kind, &target.driver, drivers)?;
        Ok(Adbc { driver, target: Arc::new(target) })
    }
}

impl Warehouse for Adbc {
    fn dialect(&self) -> &'static str {
        self.target.dialect
    }

    fn session(&self) -> Result<Box<dyn Session>, Fault> {
        let mut session = AdbcSession {
            driver: self.driver.clone(),
            target: Arc::clone(&self.target),
            connection: None,
            stop: Arc::new(Stop { cancelled: AtomicBool::new(false), running: std::sync::Mutex::default() }),
        };
        session.connected(OPENING)?;
        Ok(Box::new(session))
    }

    /// For SQLite a hash of each file's header, length, time of change and write-ahead log. The other engines name no state that holds for all
    /// their tables, and say so.
    fn snapshot(&self) -> String {
        if self.target.files.is_empty() {
            return format!("{}:{NO_SNAPSHOT}", self.target.kind);
        }
        let hashes: Vec<String> = self.target.files.iter().map(|file| fingerprint(file)).collect();
        format!("sqlite:{}", hashes.join("+"))
    }
}

/// A text that no two states of an SQLite file share.
fn fingerprint(path: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let mut told = || {
        for (path, whole) in [(path, false), (Path::new(&log), true)] {
            let file = match File::open(path) {
                Err(error) if whole && error.kind() == std::io::ErrorKind::NotFound => continue,
                other => other?,
            };
            let meta = fs::metadata(path)?;
            let changed = meta.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            hasher.update(&meta.len().to_le_bytes()).update(&changed.as_nanos().to_le_bytes());
            hasher.update_reader(file.take(if whole { u64::MAX } else { HEADER }))?;
        }
        Ok::<(), std::io::Error>(())
    };
    match told() {
        Ok(()) => hasher.finalize().to_hex()[..16].to_owned(),
        // Two failures must not look like one state.
        Err(error) => format!("unreadable at {:?}: {error}", std::time::SystemTime::now()),
    }
}

struct AdbcSession {
    driver: ManagedDriver,
    target: Arc<Target>,
    /// `None` before the first statement and after one that was stopped.
    connection: Option<Connection>,
    stop: Arc<Stop>,
}

/// What other threads use to stop a session.
struct Stop {
    cancelled: AtomicBool,
    running: std::sync::Mutex<Option<Running>>,
}

/// Why a statement was stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Not,
    Deadline,
    Cancelled,
}

impl AdbcSession {
    fn connected(&mut self, limit: Duration) -> Result<&Connection, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.driver.clone(), &self.target, limit.min(OPENING)).map_err(|fault| self.hidden(fault))?,
        };
        *self.stop.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&connection.running));
        Ok(self.connection.insert(connection))
    }

    /// Without the profile's secrets.
    fn hidden(&self, fault: Fault) -> Fault {
        let secrets = self.target.secrets.iter().filter(|secret| !secret.is_empty());
        Fault { detail: secrets.fold(fault.detail, |text, secret| text.replace(secret.as_str(), "***")), ..fault }
    }

    fn ask(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        let start = self.begin(sql, limit, Wanted::First)?;
        match self.next(start, limit)? {
            Said::Rows(rows) => Ok(rows),
            Said::Columns(_) | Said::Batch(_) | Said::End => Err(self.confused()),
        }
    }

    /// Hands a statement over.
    fn begin(&mut self, sql: &str, limit: Duration, wanted: Wanted) -> Result<Instant, Fault> {
        if self.stop.cancelled.load(Ordering::SeqCst) {
            return Err(stopped_by_user());
        }
        let start = Instant::now();
        self.connected(limit)?.ask(sql, limit, wanted);
        Ok(start)
    }

    /// The answer of the statement that began then, or the next part of it.
    fn next(&mut self, start: Instant, limit: Duration) -> Result<Said, Fault> {
        let stop = Arc::clone(&self.stop);
        let connection = self.connected(limit)?;
        let (mut stopped, mut since) = (Stopped::Not, start);
        let answer = loop {
            let left = limit.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
            if let Some(answer) = connection.answer(WATCH.min(left)) {
                break Some(answer);
            }
            if stopped == Stopped::Not {
                stopped = match () {
                    () if stop.cancelled.load(Ordering::SeqCst) => Stopped::Cancelled,
                    () if start.elapsed() >= limit => Stopped::Deadline,
                    () => Stopped::Not,
                };
                since = Instant::now();
            }
            if stopped != Stopped::Not {
                if since.elapsed() >= GRACE {
                    break None;
                }
                cancel(&connection.running);
            }
        };
        match (stopped, answer) {
            // It came in time, or just before it was stopped.
            (Stopped::Not | Stopped::Deadline, Some(Ok(said))) => Ok(said),
            (Stopped::Cancelled, _) => {
                self.connection = None;
                Err(stopped_by_user())
            }
            (Stopped::Deadline, _) => {
                self.connection = None;
                Err(Fault { reason: Reason::TimedOut, detail: format!("no answer within {} s", limit.as_secs_f32()) })
            }
            (Stopped::Not, Some(Err(fault))) if fault.reason == Reason::Cancelled => {
                self.connection = None;
                let own = self.stop.cancelled.load(Ordering::SeqCst);
                Err(if own { stopped_by_user() } else { self.hidden(fault) })
            }
            (Stopped::Not, Some(Err(fault))) => {
                if matches!(fault.reason, Reason::Unreachable | Reason::Internal) {
                    self.connection = None;
                }
                Err(self.hidden(fault))
            }
            (Stopped::Not, None) => Err(Fault { reason: Reason::Internal, detail: "a statement was left without being stopped".into() }),
        }
    }

    /// Every part of an answer is taken, within the time.
    fn stream_all(&mut self, sql: &str, limit: Duration, take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
        let start = self.begin(sql, limit, Wanted::All)?;
        let Said::Columns(columns) = self.next(start, limit)? else { return Err(self.confused()) };
        loop {
            match self.next(start, limit)? {
                Said::End => return Ok(columns),
                Said::Rows(_) | Said::Columns(_) => return Err(self.confused()),
                Said::Batch(batch) => {
                    let values: Vec<Values<'_>> = batch.columns().iter().map(Values::of).collect();
                    let taken = (0..batch.num_rows()).try_for_each(|row| take(&columns, &Row { columns: &values, row }));
                    if let Err(fault) = taken {
                        self.leave();
                        return Err(fault);
                    }
                }
            }
            if self.stop.cancelled.load(Ordering::SeqCst) {
                self.leave();
                return Err(stopped_by_user());
            }
            if start.elapsed() >= limit {
                self.leave();
                return Err(Fault { reason: Reason::TimedOut, detail: format!("not all of the answer within {} s", limit.as_secs_f32()) });
            }
        }
    }

    /// Stops a statement of whose answer nobody wants the rest.
    fn leave(&mut self) {
        if let Some(connection) = self.connection.take() {
            cancel(&connection.running);
        }
    }

    fn confused(&mut self) -> Fault {
        self.connection = None;
        Fault { reason: Reason::Internal, detail: "the driver's thread answered another question; please report this".into() }
    }
}

fn stopped_by_user() -> Fault {
    Fault { reason: Reason::Cancelled, detail: "the run was stopped".into() }
}

/// Asks the driver to stop the running statement, on a thread of its own: some drivers connect for that.
fn cancel(running: &Running) {
    let running = Arc::clone(running);
    // Without a thread the statement is stopped by its end, or left.
    let _started = thread::Builder::new().spawn(move || {
        let handle = running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            // A driver that cannot stop a statement says so; the session then leaves it.
            let _refused = handle.try_cancel().err();
            running.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(handle);
        }
    });
}

impl Session for AdbcSession {
    fn query(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        is_query(sql)?;
        self.ask(sql, limit)
    }

    fn stream(&mut self, sql: &str, limit: Duration, take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
        is_query(sql)?;
        self.stream_all(sql, limit, take)
    }

    /// SQLite's columns have no type; its driver tells it by the first rows.
    fn columns(&mut self, sql: &str, limit: Duration) -> Result<Vec<Column>, Fault> {
        let rows = if self.target.dialect == "sqlite" { SQLITE_TELLS } else { 0 };
        self.stream(&format!("select * from (\n{sql}\n) as described limit {rows}"), limit, &mut |_, _| Ok(()))
    }

    fn now(&mut self) -> Result<Timestamp, Fault> {
        let (sql, in_utc) = clock(self.target.dialect);
        let rows = self.ask(sql, CLOCK)?;
        match rows.rows.first().and_then(|row| row.first()) {
            Some(Cell::Instant(now)) => Ok(*now),
            Some(Cell::Local(now)) if in_utc => now
                .to_zoned(jiff::tz::TimeZone::UTC)
                .map(|now| now.timestamp())
                .map_err(|error| Fault { reason: Reason::WrongType, detail: format!("the engine's clock says {now}: {error}") }),
            other => Err(Fault { reason: Reason::WrongType, detail: format!("the engine's clock says {other:?}") }),
        }
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let stop = Arc::clone(&self.stop);
        Box::new(move || {
            stop.cancelled.store(true, Ordering::SeqCst);
            if let Some(running) = stop.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                cancel(running);
            }
        })
    }
}

/// How each engine tells its clock, and whether an answer without zone is in UTC.
fn clock(dialect: &str) -> (&'static str, bool) {
    match dialect {
        "sqlite" => ("select strftime('%Y-%m-%d %H:%M:%f', 'now')", true),
        "redshift" => ("select getdate()", true),
        "snowflake" => ("select convert_timezone('UTC', current_timestamp())::timestamp_ntz", true),
        _ => ("select current_timestamp", false),
    }
}

fn is_query(sql: &str) -> Result<(), Fault> {
    let detail = "the statement is no query: it does not begin with SELECT or WITH";
    if begins_as_query(sql) { Ok(()) } else { Err(Fault { reason: Reason::QueryError, detail: detail.into() }) }
}

/// A second fence, after the grants: whether the statement begins as a query does.
fn begins_as_query(sql: &str) -> bool {
    let mut rest = sql.trim_start();
    loop {
        let comment = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
            (Some(line), _) => line.split_once('\n').map(|(_, rest)| rest),
            (None, Some(block)) => block.split_once("*/").map(|(_, rest)| rest),
            (None, None) => break,
        };
        let Some(after) = comment else { return false };
        rest = after.trim_start();
    }
    let rest = rest.trim_start_matches(['(', ' ', '\n', '\t']);
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    ["select", "with", "values", "from"].contains(&word.to_ascii_lowercase().as_str())
}
