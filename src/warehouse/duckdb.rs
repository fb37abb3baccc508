//! DuckDB: one file, opened read-only, with external access off and its configuration locked.
//!
//! Sessions are connections of one database instance, each in a `READ ONLY` transaction. While the file is open here no other process can write
//! it (DuckDB's file lock), so that all sessions see one snapshot. Not for writing: see [`super::seed`].
#![expect(clippy::disallowed_methods, reason = "this room reads the database file, and the clock for deadlines")]

mod cells;
mod faults;
mod profile;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use duckdb::{Config, Connection, InterruptHandle};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{MAX_ROWS, Rows, Session, Warehouse};
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
pub use profile::Options;

/// How often a watchdog looks whether the run was cancelled, and repeats an interrupt that the engine did not yet heed.
const WATCH: Duration = Duration::from_millis(25);
/// The main header and the two database headers, 4 KiB each; a database header counts checkpoints.
const HEADERS: u64 = 3 * 4096;

/// One DuckDB database file.
pub struct DuckDb {
    path: PathBuf,
    /// Sessions are cloned from this connection, which runs nothing else after opening.
    root: Mutex<Connection>,
    /// Run by each session first.
    greeting: String,
}

impl DuckDb {
    /// Opens the file that a dbt-duckdb target names; relative paths are taken against `folder`, where dbt runs.
    ///
    /// # Errors
    /// [`Reason::Unreachable`] with what to do: no file, in memory, held by a writer, written by a newer DuckDB.
    pub fn from_profile(fields: &Map<String, Value>, folder: &Path) -> Result<Self, Fault> {
        let (path, options) = profile::read(fields, folder)?;
        DuckDb::open(&path, &options)
    }

    /// Opens `path` read-only.
    ///
    /// # Errors
    /// As [`DuckDb::from_profile`].
    pub fn open(path: &Path, options: &Options) -> Result<Self, Fault> {
        if !path.exists() {
            return Err(super::unreachable(format!(
                "there is no DuckDB database at {}: run `dbt build`, or correct `path` in profiles.yml",
                path.display()
            )));
        }
        let (root, greeting) = connect(path, options).map_err(|error| faults::of_opening(path, &error))?;
        Ok(DuckDb { path: path.to_owned(), root: Mutex::new(root), greeting })
    }
}

/// A locked connection, and what its clones must run first. DuckDB names the catalog after the file; where dbt calls it otherwise, the file is
/// attached under dbt's name to an empty database in memory.
fn connect(path: &Path, options: &Options) -> duckdb::Result<(Connection, String)> {
    let begin = "BEGIN TRANSACTION READ ONLY";
    let config = || {
        let config = Config::default().enable_autoload_extension(false)?;
        match options.threads {
            Some(threads) => config.threads(threads.into()),
            None => Ok(config),
        }
    };
    let connection = Connection::open_with_flags(path, config()?.with("access_mode", "read_only")?)?;
    let named: String = connection.query_row("select current_database()", [], |row| row.get(0))?;
    let (connection, greeting) = match &options.database {
        Some(wanted) if !wanted.eq_ignore_ascii_case(&named) => {
            drop(connection);
            let connection = Connection::open_in_memory_with_flags(config()?)?;
            let path = path.to_string_lossy().replace('\'', "''");
            let name = wanted.replace('"', "\"\"");
            connection.execute_batch(&format!("ATTACH '{path}' AS \"{name}\" (READ_ONLY)"))?;
            (connection, format!("USE \"{name}\"; {begin}"))
        }
        Some(_) | None => (connection, begin.to_owned()),
    };
    for extension in &options.extensions {
        // What is not installed here is not missed: a statement that needs it fails and says so.
        let _missing = connection.execute_batch(&format!("LOAD {extension}")).err();
    }
    // Days are counted in UTC unless the profile says otherwise. A library without time zones refuses the setting, and knows no other zone.
    let _zone = connection.execute_batch("SET GLOBAL timezone = 'UTC'").err();
    for (name, value) in &options.settings {
        connection.execute_batch(&format!("SET GLOBAL {name} = '{}'", value.replace('\'', "''")))?;
    }
    connection.execute_batch("SET GLOBAL enable_external_access = false; SET GLOBAL lock_configuration = true")?;
    Ok((connection, greeting))
}

impl Warehouse for DuckDb {
    fn dialect(&self) -> &'static str {
        "duckdb"
    }

    fn session(&self) -> Result<Box<dyn Session>, Fault> {
        let root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = root.try_clone().map_err(|error| faults::of_opening(&self.path, &error))?;
        connection.execute_batch(&self.greeting).map_err(|error| faults::of_opening(&self.path, &error))?;
        let interrupt = connection.interrupt_handle();
        Ok(Box::new(DuckDbSession { connection, interrupt, cancelled: Arc::new(AtomicBool::new(false)) }))
    }

    /// A hash of the file's headers, its length and its write-ahead log: every checkpoint changes a header, every commit before it the log.
    fn snapshot(&self) -> String {
        match fingerprint(&self.path) {
            Ok(hash) => format!("duckdb:{hash}"),
            Err(error) => format!("duckdb: unreadable: {error}"),
        }
    }
}

/// What the engine said, without its excerpt of the statement, for people.
pub(super) fn told(error: &duckdb::Error) -> String {
    faults::of_statement(error).detail
}

fn fingerprint(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path)?;
    hasher.update(&file.metadata()?.len().to_le_bytes());
    hasher.update_reader(file.take(HEADERS))?;
    let mut log = path.as_os_str().to_owned();
    log.push(".wal");
    match File::open(log) {
        Ok(log) => hasher.update_reader(log).map(|_| ())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

struct DuckDbSession {
    connection: Connection,
    interrupt: Arc<InterruptHandle>,
    cancelled: Arc<AtomicBool>,
}

/// Why a watchdog stopped a statement.
#[derive(Clone, Copy)]
enum Stopped {
    Not,
    Deadline,
    Cancelled,
}

impl Session for DuckDbSession {
    fn query(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        let stopped_by_user = || Fault { reason: Reason::Cancelled, detail: "the run was stopped".into() };
        if self.cancelled.load(Ordering::SeqCst) {
            return Err(stopped_by_user());
        }
        let (finished, waits) = mpsc::channel::<()>();
        let (interrupt, cancelled) = (&*self.interrupt, &*self.cancelled);
        let (answer, stopped) = thread::scope(|scope| {
            let watchdog = thread::Builder::new().spawn_scoped(scope, move || watch(&waits, limit, cancelled, interrupt));
            let Ok(watchdog) = watchdog else {
                let detail = "no thread could be started to watch the statement's deadline".into();
                return (Err(Fault { reason: Reason::Internal, detail }), Stopped::Not);
            };
            let answer = read(&self.connection, sql).map_err(|error| faults::of_statement(&error));
            drop(finished);
            (answer, watchdog.join().unwrap_or(Stopped::Not))
        });
        answer.map_err(|fault| {
            // A failed statement can leave the transaction aborted. The file cannot have changed: a new transaction sees the same snapshot.
            let _not_in_one = self.connection.execute_batch("ROLLBACK").err();
            let again = self.connection.execute_batch("BEGIN TRANSACTION READ ONLY");
            match (stopped, again) {
                (Stopped::Deadline, _) => Fault { reason: Reason::TimedOut, detail: format!("no answer within {} s", limit.as_secs_f32()) },
                (Stopped::Cancelled, _) => stopped_by_user(),
                (Stopped::Not, Ok(())) if fault.reason == Reason::Cancelled => stopped_by_user(),
                (Stopped::Not, Ok(())) => fault,
                (Stopped::Not, Err(error)) => Fault { reason: Reason::Unreachable, detail: faults::of_statement(&error).detail },
            }
        })
    }

    fn now(&mut self) -> Result<Timestamp, Fault> {
        // `now()` is the start of the transaction, so it takes one of its own.
        let wrong = |error: duckdb::Error| faults::of_statement(&error);
        self.connection.execute_batch("COMMIT").map_err(wrong)?;
        let rows = read(&self.connection, "select now()").map_err(wrong);
        self.connection.execute_batch("BEGIN TRANSACTION READ ONLY").map_err(wrong)?;
        match rows?.rows.as_slice() {
            [row] => match row.as_slice() {
                [Cell::Instant(now)] => Ok(*now),
                other => Err(Fault { reason: Reason::WrongType, detail: format!("the engine's clock says {other:?}") }),
            },
            _ => Err(Fault { reason: Reason::SeveralRows, detail: "the engine's clock says several things".into() }),
        }
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let (interrupt, cancelled) = (Arc::clone(&self.interrupt), Arc::clone(&self.cancelled));
        Box::new(move || {
            cancelled.store(true, Ordering::SeqCst);
            interrupt.interrupt();
        })
    }
}

/// Waits until the statement has finished; interrupts it when its time is up or the run is cancelled, and again until it heeds that.
fn watch(finished: &mpsc::Receiver<()>, limit: Duration, cancelled: &AtomicBool, interrupt: &InterruptHandle) -> Stopped {
    let start = Instant::now();
    let mut stopped = Stopped::Not;
    loop {
        match finished.recv_timeout(WATCH.min(limit.saturating_sub(start.elapsed()).max(Duration::from_millis(1)))) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return stopped,
            Err(RecvTimeoutError::Timeout) => {}
        }
        stopped = match stopped {
            Stopped::Not if cancelled.load(Ordering::SeqCst) => Stopped::Cancelled,
            Stopped::Not if start.elapsed() >= limit => Stopped::Deadline,
            other => other,
        };
        if !matches!(stopped, Stopped::Not) {
            interrupt.interrupt();
        }
    }
}

fn read(connection: &Connection, sql: &str) -> duckdb::Result<Rows> {
    let mut statement = connection.prepare(sql)?;
    let mut found = statement.query([])?;
    let (mut columns, mut kinds, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(statement) = found.as_ref() {
        columns = statement.column_names();
        kinds = (0..columns.len()).map(|column| statement.column_type(column)).collect();
    }
    while rows.len() < MAX_ROWS
        && let Some(row) = found.next()?
    {
        let cells = kinds.iter().enumerate().map(|(column, kind)| {
            Ok(match kind {
                duckdb::arrow::datatypes::DataType::Null => Cell::Null,
                kind if cells::is_read(kind) => cells::cell(row.get_ref(column)?, kind),
                other => Cell::Unsupported(other.to_string()),
            })
        });
        rows.push(cells.collect::<duckdb::Result<Vec<Cell>>>()?);
    }
    Ok(Rows { columns, rows })
}
