//! A connection to PostgreSQL that writes, for one publication: repeatable read, with the server's own time-outs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;

use super::live::{config, fetch, literal};
use super::{faults, profile, tls};
use crate::check::outcome::{Fault, Reason};
use crate::warehouse::writer::{Refused, Work, Writing};
use crate::warehouse::{Rows, unreachable};

/// How long the connection may take to end.
const GOODBYE: Duration = Duration::from_millis(200);

struct Writer<'r> {
    runtime: &'r Runtime,
    client: Client,
    /// When all must be done.
    until: Instant,
    limit: Duration,
}

impl Writing for Writer<'_> {
    /// What is compared and what is copied are of one state.
    fn begin(&self) -> &'static str {
        "BEGIN ISOLATION LEVEL REPEATABLE READ"
    }
    fn query(&mut self, sql: &str) -> Result<Rows, Fault> {
        let until = self.until;
        let answer = self.runtime.block_on(async { tokio::time::timeout_at(until, fetch(&self.client, sql)).await });
        match answer {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(said(faults::of_statement(&error))),
            Err(_late) => {
                Err(Fault { reason: Reason::TimedOut, detail: format!("it was not written within {} s", self.limit.as_secs_f32()) })
            }
        }
    }
    fn execute(&mut self, sql: &str) -> Result<(), Fault> {
        self.query(sql).map(|_| ())
    }
}

/// The hint of a reading session is not the one of a writing one.
fn said(fault: Fault) -> Fault {
    let detail = fault.detail.replace(
        "grant the role of the profile SELECT on it, and USAGE on its schema",
        "`presscheck grants --publish` prints what is needed",
    );
    Fault { detail, ..fault }
}

/// Connects to a target and lets `work` use the connection, at most so long.
pub(in crate::warehouse) fn write(
    fields: &Map<String, Value>,
    folder: &Path,
    limit: Duration,
    work: &mut Work<'_>,
) -> Result<Vec<Rows>, Refused> {
    let options = profile::read(fields, folder).map_err(Refused::Fault)?;
    let tls = tls::connector(&options.tls).map_err(Refused::Fault)?;
    let no_runtime = |error: std::io::Error| {
        Refused::Fault(Fault { reason: Reason::Internal, detail: format!("no connection could be prepared: {error}") })
    };
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(no_runtime)?;
    let place = format!("{}:{}", options.host, options.port);
    let connected = runtime.block_on(async { timeout(options.connect_timeout, config(&options).connect(tls)).await });
    let (client, connection) = match connected {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return Err(Refused::Fault(faults::of_connecting(&error, &place, &options.user))),
        Err(_late) => {
            let detail = format!("PostgreSQL at {place} did not answer within {} s", options.connect_timeout.as_secs());
            return Err(Refused::Fault(unreachable(detail)));
        }
    };
    let connection = runtime.spawn(async move {
        // What ends it is told to whoever asks next.
        let _ended = connection.await;
    });
    let until = runtime.block_on(async { Instant::now() + limit });
    let mut writer = Writer { runtime: &runtime, client, until, limit };
    // The connection is our own and ends with the work, so nothing that is set here outlives it.
    let seconds = limit.as_secs().max(1);
    let mut settings = vec![
        ("timezone", "UTC".to_owned()),
        ("search_path", options.search_path.clone()),
        ("standard_conforming_strings", "on".to_owned()),
        ("statement_timeout", format!("{seconds}s")),
        ("lock_timeout", format!("{seconds}s")),
        ("idle_in_transaction_session_timeout", format!("{}s", seconds.saturating_add(60))),
        ("synchronous_commit", "on".to_owned()),
    ];
    settings.extend(options.role.clone().map(|role| ("role", role)));
    let settings = settings.iter().map(|(name, value)| format!("set_config({}, {}, false)", literal(name), literal(value)));
    let set = format!("SELECT {}", settings.collect::<Vec<_>>().join(", "));
    let written = writer.query(&set).map_err(Refused::Fault).and_then(|_| work(&mut writer));
    drop(writer);
    let _rude = runtime.block_on(async { timeout(GOODBYE, connection).await });
    runtime.shutdown_background();
    written
}
