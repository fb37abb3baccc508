//! One connection of a driver, on a thread of its own: drivers block, and some do not heed being stopped, so nobody waits for one without a limit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use adbc_core::options::{OptionDatabase, OptionStatement, OptionValue};
use adbc_core::{CancelHandle, Connection as _, Database as _, Driver as _, Optionable as _, Statement as _};
use adbc_driver_manager::{ManagedConnection, ManagedDriver, ManagedStatement};
use arrow_array::{RecordBatch, RecordBatchReader};

use super::cells::{self, Texts};
use super::faults;
use super::profile::Target;
use crate::check::field::{Column, Sort};
use crate::check::outcome::{Fault, Reason};
use crate::warehouse::{MAX_ROWS, Rows, streamed};

/// How long the end of a connection is waited for: the server then knows that nobody reads any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// The running statement's handle; empty between statements.
pub(super) type Running = Arc<Mutex<Option<Box<dyn CancelHandle>>>>;

/// Batches that wait to be taken, at most.
const WAITING: usize = 4;

/// What is wanted of an answer.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// Its first rows.
    First,
    /// All of it, as it comes.
    All,
}

/// What comes of a statement.
pub(super) enum Said {
    /// Its first rows, and the end of it.
    Rows(Rows),
    /// The columns of all that comes.
    Columns(Vec<Column>),
    /// Some more rows.
    Batch(RecordBatch),
    /// There are no more.
    End,
}

/// A connection that is open. Dropped, it is closed, and that is waited for only so long.
pub(super) struct Connection {
    asked: Option<Sender<(String, Duration, Wanted)>>,
    answers: Receiver<Result<Said, Fault>>,
    /// Nobody reads any more.
    left: Arc<AtomicBool>,
    pub(super) running: Running,
}

impl Connection {
    /// Opens a connection and runs the target's greeting; gives up after `limit`.
    pub(super) fn open(mut driver: ManagedDriver, target: &Arc<Target>, limit: Duration) -> Result<Connection, Fault> {
        let (asked, questions) = mpsc::channel::<(String, Duration, Wanted)>();
        let (answer, answers) = mpsc::sync_channel(WAITING);
        let left = Arc::new(AtomicBool::new(false));
        let its_left = Arc::clone(&left);
        let running = Running::default();
        let (its_target, its_running) = (Arc::clone(target), Arc::clone(&running));
        let work = move || {
            let opened = connect(&mut driver, &its_target);
            let mut connection = match opened {
                Ok(connection) => connection,
                Err(fault) => return drop(answer.send(Err(fault))),
            };
            let nothing = Rows { columns: Vec::new(), rows: Vec::new() };
            if answer.send(Ok(Said::Rows(nothing))).is_err() {
                return;
            }
            let mut limited = None;
            while let Ok((sql, limit, wanted)) = questions.recv() {
                let told = limit_on_server(&mut connection, &its_target, limit, &mut limited).and_then(|()| match wanted {
                    Wanted::First => read(&mut connection, &sql, &its_target, &its_running).map(Said::Rows),
                    Wanted::All => stream(&mut connection, &sql, &its_target, &its_running, &answer, &its_left).map(|()| Said::End),
                });
                *its_running.lock().unwrap_or_else(PoisonError::into_inner) = None;
                if answer.send(told).is_err() {
                    return;
                }
            }
        };
        let no_thread = |_| Fault { reason: Reason::Internal, detail: "no thread could be started for a connection".into() };
        thread::Builder::new().name("adbc".into()).spawn(work).map_err(no_thread)?;
        let connection = Connection { asked: Some(asked), answers, left, running };
        match connection.answer(limit) {
            Some(answer) => answer.map(|_| connection),
            None => {
                let detail = format!("{} cannot be reached: no connection within {} s", target.kind, limit.as_secs());
                Err(Fault { reason: Reason::Unreachable, detail })
            }
        }
    }

    /// Hands a statement over, which the server may stop by itself after `limit` where it can.
    pub(super) fn ask(&self, sql: &str, limit: Duration, wanted: Wanted) {
        // When the thread has ended, the answer says so.
        let _ended = self.asked.as_ref().map(|asked| asked.send((sql.to_owned(), limit, wanted)));
    }

    /// The answer, or the next part of it, if it comes within `wait`.
    pub(super) fn answer(&self, wait: Duration) -> Option<Result<Said, Fault>> {
        match self.answers.recv_timeout(wait) {
            Ok(answer) => Some(answer),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                let detail = "the driver's thread ended unexpectedly; please report this".into();
                Some(Err(Fault { reason: Reason::Internal, detail }))
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.asked = None;
        self.left.store(true, Ordering::SeqCst);
        // Answers that nobody reads come first; the channel ends with the thread.
        while let Ok(_unread) = self.answers.recv_timeout(FAREWELL) {}
    }
}

fn connect(driver: &mut ManagedDriver, target: &Target) -> Result<ManagedConnection, Fault> {
    let wrong = |error: adbc_core::error::Error| faults::of_opening(target.kind, &error);
    let options = target.options.iter().map(|(name, value)| (OptionDatabase::from(name.as_str()), OptionValue::String(value.clone())));
    let database = driver.new_database_with_opts(options).map_err(wrong)?;
    let mut connection = database.new_connection().map_err(wrong)?;
    for sql in &target.greeting {
        run(&mut connection, sql).map_err(wrong)?;
    }
    Ok(connection)
}

/// Runs a statement whose answer nobody reads.
fn run(connection: &mut ManagedConnection, sql: &str) -> Result<(), adbc_core::error::Error> {
    let mut statement = connection.new_statement()?;
    statement.set_sql_query(sql)?;
    for batch in statement.execute()? {
        batch?;
    }
    Ok(())
}

/// Sets the server's own time-out, a second behind the client's, for when the client is no longer there.
fn limit_on_server(connection: &mut ManagedConnection, target: &Target, limit: Duration, limited: &mut Option<u64>) -> Result<(), Fault> {
    let seconds = limit.as_secs().saturating_add(2);
    let sql = match target.kind {
        "snowflake" => format!("alter session set statement_timeout_in_seconds = {}", seconds.min(604_800)),
        "redshift" => format!("set statement_timeout to {}", seconds.saturating_mul(1000).min(2_147_483_647)),
        _ => return Ok(()),
    };
    if *limited != Some(seconds) {
        run(connection, &sql).map_err(|error| faults::of_statement(&error))?;
        *limited = Some(seconds);
    }
    Ok(())
}

/// A statement that was sent: its answer as it comes.
fn sent<'c>(
    statement: &'c mut ManagedStatement,
    sql: &str,
    target: &Target,
    running: &Running,
) -> Result<impl RecordBatchReader + use<'c>, Fault> {
    let wrong = |error: adbc_core::error::Error| faults::of_statement(&error);
    for (name, limit) in &target.limits {
        statement.set_option(OptionStatement::Other(name.clone()), OptionValue::Int(*limit)).map_err(wrong)?;
    }
    statement.set_sql_query(sql).map_err(wrong)?;
    *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(statement.get_cancel_handle());
    statement.execute().map_err(wrong)
}

/// Hands on every batch of an answer, as fast as they are taken.
fn stream(
    connection: &mut ManagedConnection,
    sql: &str,
    target: &Target,
    running: &Running,
    to: &SyncSender<Result<Said, Fault>>,
    left: &AtomicBool,
) -> Result<(), Fault> {
    let wrong = |error: adbc_core::error::Error| faults::of_statement(&error);
    let mut statement = connection.new_statement().map_err(wrong)?;
    let reader = sent(&mut statement, sql, target, running)?;
    let column = |field: &arrow_schema::Field| {
        // What the driver has no type for comes as text.
        let sort = match Texts::of(field, target.dialect) {
            Texts::Numbers => Sort::Other("numeric, which the driver sends as text".to_owned()),
            Texts::Text | Texts::Times => streamed::sort(field.data_type()),
        };
        Column { name: field.name().clone(), sort }
    };
    let columns = reader.schema().fields().iter().map(|field| column(field)).collect();
    let gone = || Fault { reason: Reason::Cancelled, detail: "nobody reads the answer any more".into() };
    to.send(Ok(Said::Columns(columns))).map_err(|_| gone())?;
    for batch in reader {
        let batch = batch.map_err(|error| wrong(error.into()))?;
        if left.load(Ordering::SeqCst) {
            return Err(gone());
        }
        to.send(Ok(Said::Batch(batch))).map_err(|_| gone())?;
    }
    Ok(())
}

fn read(connection: &mut ManagedConnection, sql: &str, target: &Target, running: &Running) -> Result<Rows, Fault> {
    let wrong = |error: adbc_core::error::Error| faults::of_statement(&error);
    let mut statement = connection.new_statement().map_err(wrong)?;
    let reader = sent(&mut statement, sql, target, running)?;
    let schema = reader.schema();
    let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let texts: Vec<Texts> = schema.fields().iter().map(|field| Texts::of(field, target.dialect)).collect();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| wrong(error.into()))?;
        for row in 0..batch.num_rows() {
            if rows.len() == MAX_ROWS {
                return Ok(Rows { columns, rows });
            }
            rows.push(batch.columns().iter().zip(&texts).map(|(column, texts)| cells::cell(column, row, *texts)).collect());
        }
    }
    Ok(Rows { columns, rows })
}
