//! A DuckDB file opened for writing, for one publication. The file has one writer, so it waits a while for others to end.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use duckdb::Connection;
use serde_json::{Map, Value};

use super::{Access, Opened, Options, Stopped, faults, files, profile, stream, watch};
use crate::check::outcome::{Fault, Reason};
use crate::warehouse::Rows;
use crate::warehouse::writer::{Refused, Work, Writing};

/// Longest that another program may hold the file.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked whether it still does.
const LOOK: Duration = Duration::from_millis(100);

struct Writer {
    connection: Connection,
}

impl Writing for Writer {
    fn begin(&self) -> &'static str {
        "BEGIN TRANSACTION"
    }
    fn query(&mut self, sql: &str) -> Result<Rows, Fault> {
        stream::first(&self.connection, sql).map_err(|error| faults::of_statement(&error))
    }
    fn execute(&mut self, sql: &str) -> Result<(), Fault> {
        self.connection.execute_batch(sql).map_err(|error| faults::of_statement(&error))
    }
}

/// Opens the file of a target for writing and lets `work` use it, at most so long.
pub(in crate::warehouse) fn write(
    fields: &Map<String, Value>,
    folder: &Path,
    names: &[String],
    limit: Duration,
    work: &mut Work<'_>,
) -> Result<Vec<Rows>, Refused> {
    let (path, options) = profile::read(fields, folder).map_err(Refused::Fault)?;
    let options = Options { files: files::resolved(names, fields, folder), ..options };
    if !path.exists() {
        return Err(Refused::Fault(crate::warehouse::unreachable(format!("there is no DuckDB database at {}", path.display()))));
    }
    let Opened { root, greeting, .. } = patiently(&path, &options).map_err(Refused::Fault)?;
    let mut writer = Writer { connection: root };
    writer.execute(&greeting).map_err(Refused::Fault)?;
    let interrupt = writer.connection.interrupt_handle();
    let (finished, waits) = mpsc::channel::<()>();
    let nobody = AtomicBool::new(false);
    let (written, stopped) = thread::scope(|scope| {
        let watchdog = thread::Builder::new().spawn_scoped(scope, {
            let (nobody, interrupt) = (&nobody, &*interrupt);
            move || watch(&waits, limit, nobody, interrupt)
        });
        let Ok(watchdog) = watchdog else {
            let detail = "no thread could be started to watch the deadline".to_owned();
            return (Err(Refused::Fault(Fault { reason: Reason::Internal, detail })), Stopped::Not);
        };
        let written = work(&mut writer);
        drop(finished);
        (written, watchdog.join().unwrap_or(Stopped::Not))
    });
    match (written, stopped) {
        (Err(Refused::Fault(_)), Stopped::Deadline) => {
            let detail = format!("it was not written within {} s", limit.as_secs_f32());
            Err(Refused::Fault(Fault { reason: Reason::TimedOut, detail }))
        }
        (written, _) => written,
    }
}

fn patiently(path: &Path, options: &Options) -> Result<Opened, Fault> {
    let begun = Instant::now();
    loop {
        match super::connect(path, options, Access::Write) {
            Err(fault) if fault.detail.contains(faults::HELD) && begun.elapsed() < PATIENCE => thread::sleep(LOOK),
            other => return other,
        }
    }
}
