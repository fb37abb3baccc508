//! DuckDB: one file, opened read-only, with external access off and its configuration locked.
//!
//! Sessions are connections of one database instance, each in a `READ ONLY` transaction. While the file is open here no other process can write
//! it (DuckDB's file lock), so that all sessions see one snapshot. Further files are attached as the profile says, and Parquet files that sources
//! name are read where they are. What writes is `writer`, for a publication.
#![expect(clippy::disallowed_methods, reason = "this room reads the database file, and the clock for deadlines")]

mod about;
mod cells;
mod estimate;
mod faults;
mod files;
mod profile;
mod stream;
mod writer;

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

use super::{About, Estimate, Rows, Session, Standing, Take, Warehouse, reads};
use crate::check::field::Column;
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::dbt::relation_name::RelationName;
use estimate::Scan;
pub use profile::{Options, ReadableFile};
pub(super) use writer::write;

/// How often a watchdog looks whether the run was cancelled, and repeats an interrupt that the engine did not yet heed.
const WATCH: Duration = Duration::from_millis(25);
/// The transaction of every session.
const BEGIN: &str = "BEGIN TRANSACTION READ ONLY";
/// First words of statements that read. The transaction is no boundary for files: DuckDB lets `COPY ... TO` write to any path that it may read, its own
/// database among them.
const READING: &[&str] = &["select", "with", "from", "values", "table"];
/// The main header and the two database headers, 4 KiB each; a database header counts checkpoints.
const HEADERS: u64 = 3 * 4096;

/// One DuckDB database file.
pub struct DuckDb {
    path: PathBuf,
    /// Sessions are cloned from this connection, which runs nothing else after opening.
    root: Mutex<Connection>,
    /// Run by each session first.
    greeting: String,
    attached: Vec<PathBuf>,
    /// Parquet files that are read.
    files: Vec<PathBuf>,
    /// Files that sources name and that are not read, by the name in SQL.
    refused: Arc<Vec<(String, Fault)>>,
}

impl DuckDb {
    /// Opens the file that a dbt-duckdb target names; relative paths are taken against `folder`, where dbt runs.
    ///
    /// # Errors
    /// [`Reason::Unreachable`] with what to do: no file, in memory, held by a writer, written by a newer DuckDB.
    pub fn from_profile(fields: &Map<String, Value>, folder: &Path) -> Result<Self, Fault> {
        DuckDb::from_profile_with(fields, folder, &[])
    }

    /// The same, with Parquet files that SQL may read by these names.
    ///
    /// # Errors
    /// As [`DuckDb::from_profile`]. A file that cannot be read is the fault of statements that read it.
    pub fn from_profile_with(fields: &Map<String, Value>, folder: &Path, files: &[String]) -> Result<Self, Fault> {
        let (path, options) = profile::read(fields, folder)?;
        DuckDb::open(&path, &Options { files: files::resolved(files, fields, folder), ..options })
    }

    /// Opens `path` read-only.
    ///
    /// # Errors
    /// As [`DuckDb::from_profile`].
    pub fn open(path: &Path, options: &Options) -> Result<Self, Fault> {
        let missing = |path: &Path, key: &str| {
            super::unreachable(format!(
                "there is no DuckDB database at {}: run `dbt build`, or correct `{key}` in profiles.yml",
                path.display()
            ))
        };
        if !path.exists() {
            return Err(missing(path, "path"));
        }
        if let Some((absent, _)) = options.attach.iter().find(|(path, _)| !path.exists()) {
            return Err(missing(absent, "attach"));
        }
        let Opened { root, greeting, files, refused } = connect(path, options, Access::Read)?;
        let attached = options.attach.iter().map(|(path, _)| path.clone()).collect();
        Ok(DuckDb { path: path.to_owned(), root: Mutex::new(root), greeting, attached, files, refused: Arc::new(refused) })
    }
}

/// Whether the database file itself may be changed; what is attached beside it never is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// A locked connection, what its clones must run first, and which files can be read.
struct Opened {
    root: Connection,
    greeting: String,
    files: Vec<PathBuf>,
    refused: Vec<(String, Fault)>,
}

/// DuckDB names the catalog after the file; where dbt calls it otherwise, the file is attached under dbt's name to an empty database in memory.
fn connect(path: &Path, options: &Options, access: Access) -> Result<Opened, Fault> {
    let wrong = |error: duckdb::Error| faults::of_opening(path, &error);
    let config = || {
        let config = Config::default().enable_autoload_extension(false)?;
        match options.threads {
            Some(threads) => config.threads(threads.into()),
            None => Ok(config),
        }
    };
    let attach = |connection: &Connection, path: &Path, name: &str, access: Access| {
        let name = name.replace('"', "\"\"");
        let how = if access == Access::Read { "READ_ONLY, " } else { "" };
        connection.execute_batch(&format!("ATTACH {} AS \"{name}\" ({how}TYPE duckdb)", files::literal(path)))
    };
    let connection = config()
        .and_then(|config| config.with("access_mode", if access == Access::Read { "read_only" } else { "read_write" }))
        .and_then(|config| Connection::open_with_flags(path, config))
        .map_err(wrong)?;
    let named: String = connection.query_row("select current_database()", [], |row| row.get(0)).map_err(wrong)?;
    let (connection, mut greeting) = match &options.database {
        Some(wanted) if !wanted.eq_ignore_ascii_case(&named) => {
            drop(connection);
            let connection = config().and_then(Connection::open_in_memory_with_flags).map_err(wrong)?;
            attach(&connection, path, wanted, access).map_err(wrong)?;
            (connection, format!("USE \"{}\"; ", wanted.replace('"', "\"\"")))
        }
        Some(_) | None => (connection, String::new()),
    };
    for (path, alias) in &options.attach {
        attach(&connection, path, alias, Access::Read).map_err(|error| faults::of_opening(path, &error))?;
    }
    for extension in &options.extensions {
        // What is not installed here is not missed: a statement that needs it fails and says so.
        let _missing = connection.execute_batch(&format!("LOAD {extension}")).err();
    }
    // Days are counted in UTC unless the profile says otherwise. A library without time zones refuses the setting, and knows no other zone.
    let _zone = connection.execute_batch("SET GLOBAL timezone = 'UTC'").err();
    for (name, value) in &options.settings {
        connection.execute_batch(&format!("SET GLOBAL {name} = '{}'", value.replace('\'', "''"))).map_err(wrong)?;
    }
    let (mut files, mut refused) = (Vec::new(), Vec::new());
    for file in &options.files {
        let readable = file.path.clone().map_err(|detail| Fault { reason: Reason::MissingRelation, detail }).and_then(|path| {
            let first = format!("SELECT * FROM read_parquet({}) LIMIT 0", files::literal(&path));
            connection.execute_batch(&first).map_err(|error| faults::of_statement(&error))?;
            Ok(path)
        });
        match readable {
            Ok(path) => {
                greeting.push_str(&format!("{}; ", files::view(&file.name, &path)));
                files.push(path);
            }
            Err(fault) => refused.push((file.name.clone(), fault)),
        }
    }
    if !files.is_empty() {
        let paths: Vec<String> = files.iter().map(|path| files::literal(path)).collect();
        connection.execute_batch(&format!("SET GLOBAL allowed_paths = [{}]", paths.join(", "))).map_err(wrong)?;
    }
    connection.execute_batch("SET GLOBAL enable_external_access = false; SET GLOBAL lock_configuration = true").map_err(wrong)?;
    Ok(Opened { root: connection, greeting, files, refused })
}

impl Warehouse for DuckDb {
    fn dialect(&self) -> &'static str {
        "duckdb"
    }

    fn session(&self) -> Result<Box<dyn Session>, Fault> {
        let root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = root.try_clone().map_err(|error| faults::of_opening(&self.path, &error))?;
        connection.execute_batch(&format!("{}{BEGIN}", self.greeting)).map_err(|error| faults::of_opening(&self.path, &error))?;
        let interrupt = connection.interrupt_handle();
        Ok(Box::new(DuckDbSession {
            connection,
            interrupt,
            cancelled: Arc::new(AtomicBool::new(false)),
            refused: Arc::clone(&self.refused),
        }))
    }

    /// A hash of each file's headers, its length and its write-ahead log: every checkpoint changes a header, every commit before it the log. Of a
    /// Parquet file its end, which says where everything stands in it, its length and when it was written.
    fn snapshot(&self) -> String {
        let databases = std::iter::once(&self.path).chain(&self.attached).map(|path| fingerprint(path));
        let hashes = databases.chain(self.files.iter().map(|path| files::fingerprint(path))).collect::<std::io::Result<Vec<String>>>();
        match hashes {
            Ok(hashes) => format!("duckdb:{}", hashes.join("+")),
            Err(error) => format!("duckdb: unreadable: {error}"),
        }
    }

    fn about(&self) -> Result<About, Fault> {
        about::about(&self.path, self.session()?.as_mut())
    }

    fn privileges(&self, relations: &[RelationName]) -> Result<Vec<Standing>, Fault> {
        about::standing(self.session()?.as_mut(), relations)
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
    refused: Arc<Vec<(String, Fault)>>,
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
        self.may_be_sent(sql)?;
        self.run(sql, limit).map_err(|fault| self.explained(sql, fault))
    }

    fn stream(&mut self, sql: &str, limit: Duration, take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
        self.may_be_sent(sql)?;
        self.guarded(limit, |connection| stream::rows(connection, sql, take)).map_err(|fault| self.explained(sql, fault))
    }

    fn estimate(&mut self, sql: &str, limit: Duration) -> Result<Estimate, Fault> {
        if !self.only_reads(sql) {
            return Ok(Estimate::default());
        }
        let plan = self.run(&format!("EXPLAIN (FORMAT JSON) {sql}"), limit)?;
        let scans = plan.rows.iter().find_map(|row| match row.as_slice() {
            [_, Cell::Text(plan)] => estimate::scans(plan),
            _ => None,
        });
        let mut total = Estimate { rows: Some(0), bytes: Some(0) };
        for scan in scans.unwrap_or_else(|| vec![Scan::Unknown]) {
            total = total.and(match scan {
                Scan::Table(table) => estimate::of_table(&table, |sql| match self.run(sql, limit).ok()?.rows.first()?.first()? {
                    Cell::Int(number) => u64::try_from(*number).ok(),
                    _ => None,
                }),
                Scan::File(rows) => Estimate { rows, bytes: None },
                Scan::Unknown => Estimate::default(),
            });
        }
        Ok(total)
    }

    fn now(&mut self) -> Result<Timestamp, Fault> {
        // `now()` is the start of the transaction, so it takes one of its own.
        let wrong = |error: duckdb::Error| faults::of_statement(&error);
        self.connection.execute_batch("COMMIT").map_err(wrong)?;
        let rows = stream::first(&self.connection, "select now()").map_err(wrong);
        self.connection.execute_batch(BEGIN).map_err(wrong)?;
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

impl DuckDbSession {
    fn may_be_sent(&self, sql: &str) -> Result<(), Fault> {
        let refused =
            || Fault { reason: Reason::QueryError, detail: "presscheck sends nothing but queries, one at a time: SELECT or WITH".into() };
        if self.only_reads(sql) { Ok(()) } else { Err(refused()) }
    }

    /// The fault behind a file that is not read, where the statement names one.
    fn explained(&self, sql: &str, fault: Fault) -> Fault {
        let refused = self.refused.iter().find(|(name, _)| sql.contains(&format!("'{}'", name.replace('\'', "''"))));
        match (fault.reason, refused) {
            (Reason::QueryError | Reason::MissingRelation, Some((_, why))) => why.clone(),
            _ => fault,
        }
    }

    /// One statement that only reads, as far as its words say; the engine's own parser is asked where a `;` could hide a second one.
    fn only_reads(&self, sql: &str) -> bool {
        let first = reads::begins_with(sql, READING);
        first && (reads::stands_alone(sql) || self.parses_as_one_query(sql))
    }

    fn parses_as_one_query(&self, sql: &str) -> bool {
        let tree = self.connection.query_row("select json_serialize_sql(?)::varchar", [sql], |row| row.get::<_, String>(0));
        let tree = tree.ok().and_then(|tree| serde_json::from_str::<Value>(&tree).ok());
        tree.and_then(|tree| tree.get("statements")?.as_array().map(Vec::len)) == Some(1)
    }

    fn run(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        self.guarded(limit, |connection| stream::first(connection, sql).map_err(|error| faults::of_statement(&error)))
    }

    /// Work on the connection with a deadline; after a failure the session reads the same snapshot again.
    fn guarded<T>(&mut self, limit: Duration, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
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
            let answer = work(&self.connection);
            drop(finished);
            (answer, watchdog.join().unwrap_or(Stopped::Not))
        });
        answer.map_err(|fault| {
            // A failed statement can leave the transaction aborted. The file cannot have changed: a new transaction sees the same snapshot.
            let _not_in_one = self.connection.execute_batch("ROLLBACK").err();
            let again = self.connection.execute_batch(BEGIN);
            match (stopped, again) {
                (Stopped::Deadline, _) => Fault { reason: Reason::TimedOut, detail: format!("no answer within {} s", limit.as_secs_f32()) },
                (Stopped::Cancelled, _) => stopped_by_user(),
                (Stopped::Not, Ok(())) if fault.reason == Reason::Cancelled => stopped_by_user(),
                (Stopped::Not, Ok(())) => fault,
                (Stopped::Not, Err(error)) => Fault { reason: Reason::Unreachable, detail: faults::of_statement(&error).detail },
            }
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
