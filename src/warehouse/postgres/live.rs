//! One connection in its transaction: opens, asks with a deadline, stops what runs on the server. Not for sharing: see the pool above.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, pin_mut};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::cells;
use super::copied;
use super::faults;
use super::profile::{Options, TlsMode};
use crate::check::field::Column;
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::warehouse::reads::begins_with;
use crate::warehouse::{MAX_ROWS, Rows, Take};

/// How long a server may take to accept a request to cancel.
const ACCEPT: Duration = Duration::from_secs(1);
/// How long a server may take to heed it before the session is given up.
const HEED: Duration = Duration::from_secs(2);
/// By how much the server's own time-out is longer than the client's: it is for statements whose client has gone.
const SLACK: Duration = Duration::from_secs(1);
/// How long a connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(200);
/// Comes back to life what a failed statement left of the transaction.
const AGAIN: &str = "ROLLBACK TO SAVEPOINT presscheck";

/// Set by other threads.
#[derive(Default)]
pub(super) struct Stop {
    flag: AtomicBool,
    wake: Notify,
}

impl Stop {
    pub(super) fn now(&self) {
        self.flag.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }
    pub(super) fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }
}

/// A connection whose transaction is open.
pub(super) struct Live {
    runtime: Runtime,
    client: Client,
    /// Reads and writes the socket while something is awaited.
    connection: JoinHandle<()>,
    cancel: CancelToken,
    tls: MakeRustlsConnect,
    /// The name under which others can join the snapshot.
    pub(super) exported: String,
    /// Which transactions the snapshot sees.
    pub(super) identity: String,
    /// Whether the connection can no longer be used.
    pub(super) broken: bool,
    /// The server's time-out, in whole seconds, since the last failure.
    server_limit: Option<u64>,
}

/// How waiting ended.
enum Waited<T> {
    Done(T),
    TooLong,
    Stopped,
}

/// Why there is no answer.
pub(super) enum Ended {
    /// The server or the connection said so.
    Said(Error),
    /// Whoever takes the rows wants no more of them, or they cannot be read.
    Refused(Fault),
}

impl Live {
    /// Connects and begins, on the given exported snapshot or on a new one.
    ///
    /// # Errors
    /// [`Reason::SnapshotMoved`] when the snapshot is no longer exported, else why the server cannot be used.
    pub(super) fn open(options: &Options, tls: &MakeRustlsConnect, snapshot: Option<&str>) -> Result<Live, Fault> {
        let no_runtime =
            |error: std::io::Error| Fault { reason: Reason::Internal, detail: format!("no connection could be prepared: {error}") };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(no_runtime)?;
        let place = format!("{}:{}", options.host, options.port);
        let mut tries = 0;
        let (client, connection) = loop {
            let config = config(options);
            match runtime.block_on(async { timeout(options.connect_timeout, config.connect(tls.clone())).await }) {
                Ok(Ok(connected)) => break connected,
                Ok(Err(error)) => {
                    let fault = faults::of_connecting(&error, &place, &options.user);
                    if tries >= options.retries || fault.reason != Reason::Unreachable {
                        return Err(fault);
                    }
                    tries += 1;
                    runtime.block_on(async { sleep(Duration::from_millis(200)).await });
                }
                Err(_late) => {
                    let detail = format!("PostgreSQL at {place} did not answer within {} s", options.connect_timeout.as_secs());
                    return Err(Fault { reason: Reason::Unreachable, detail });
                }
            }
        };
        let cancel = client.cancel_token();
        let connection = runtime.spawn(async move {
            // What ends it is told to whoever asks next.
            let _ended = connection.await;
        });
        let mut live = Live {
            runtime,
            client,
            connection,
            cancel,
            tls: tls.clone(),
            exported: String::new(),
            identity: String::new(),
            broken: false,
            server_limit: None,
        };
        match live.begin(options, snapshot) {
            Ok(()) => Ok(live),
            Err(fault) => {
                live.close();
                Err(fault)
            }
        }
    }

    fn begin(&mut self, options: &Options, snapshot: Option<&str>) -> Result<(), Fault> {
        let limit = options.connect_timeout;
        self.say("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", limit)?;
        if let Some(snapshot) = snapshot {
            let gone = |fault: Fault| match fault.reason {
                Reason::Unreachable | Reason::TimedOut => fault,
                _ => Fault { reason: Reason::SnapshotMoved, ..fault },
            };
            self.say(&format!("SET TRANSACTION SNAPSHOT {}", literal(snapshot)), limit).map_err(gone)?;
        }
        let mut settings = vec![("timezone", "UTC"), ("search_path", options.search_path.as_str()), ("standard_conforming_strings", "on")];
        // Dates are written as other engines write them; the order in which they are read stays.
        settings.push(("datestyle", "ISO"));
        settings.extend(options.role.as_deref().map(|role| ("role", role)));
        let settings = settings.iter().map(|(name, value)| format!("set_config({}, {}, true)", literal(name), literal(value)));
        self.say(&format!("SELECT {}", settings.collect::<Vec<_>>().join(", ")), limit)?;
        let names = self.say("SELECT pg_export_snapshot(), txid_current_snapshot()::text, current_database()::text", limit)?;
        match names.rows.first().map(Vec::as_slice) {
            Some([Cell::Text(exported), Cell::Text(seen), Cell::Text(database)]) => {
                (self.exported, self.identity) = (exported.clone(), format!("postgres:{database}:{seen}"));
            }
            other => return Err(Fault { reason: Reason::WrongType, detail: format!("the server calls its snapshot {other:?}") }),
        }
        self.say("SAVEPOINT presscheck", limit).map(|_| ())
    }

    /// One statement of our own, within a time.
    fn say(&self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        match self.runtime.block_on(async { timeout(limit, fetch(&self.client, sql)).await }) {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(faults::of_statement(&error)),
            Err(_late) => {
                Err(Fault { reason: Reason::Unreachable, detail: format!("PostgreSQL did not answer within {} s", limit.as_secs_f32()) })
            }
        }
    }

    /// Asks one statement. After a failure the transaction is as it was before.
    pub(super) fn query(&mut self, sql: &str, limit: Duration, stop: &Stop) -> Result<Rows, Fault> {
        self.guarded(sql, limit, stop, async |client: &Client| {
            let rows = fetch(client, sql).await.map_err(Ended::Said)?;
            // What there was more of is cut off.
            let all = rows.rows.len() < MAX_ROWS;
            Ok((rows, all))
        })
    }

    /// Hands over every row of a query, in the binary form in which `COPY` sends them.
    pub(super) fn stream(&mut self, sql: &str, limit: Duration, stop: &Stop, take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
        self.guarded(sql, limit, stop, async |client: &Client| {
            let columns = copied::rows(client, sql, take).await?;
            Ok((columns, true))
        })
    }

    /// Work on the connection with a deadline, stopped on the server when it is over or told to. The work says, too, whether the answer was read to its
    /// end.
    fn guarded<T>(
        &mut self,
        sql: &str,
        limit: Duration,
        stop: &Stop,
        work: impl AsyncFnOnce(&Client) -> Result<(T, bool), Ended>,
    ) -> Result<T, Fault> {
        let stopped = || Fault { reason: Reason::Cancelled, detail: "the run was stopped".into() };
        if self.broken || self.client.is_closed() {
            self.broken = true;
            return Err(crate::warehouse::unreachable("the connection to PostgreSQL was lost"));
        }
        if stop.is_set() {
            return Err(stopped());
        }
        if !reads(sql) {
            return Err(Fault {
                reason: Reason::QueryError,
                detail: "only SELECT, WITH, VALUES and EXPLAIN are sent to PostgreSQL".into(),
            });
        }
        let seconds = (limit + SLACK).as_secs().max(1) + 1;
        let set = (self.server_limit != Some(seconds)).then(|| format!("SELECT set_config('statement_timeout', '{seconds}s', true)"));
        let (client, cancel, tls) = (&self.client, &self.cancel, &self.tls);
        let (waited, broken) = self.runtime.block_on(async {
            let asking = async {
                if let Some(set) = &set {
                    fetch(client, set).await.map_err(Ended::Said)?;
                }
                work(client).await
            };
            pin_mut!(asking);
            let waited = wait(asking.as_mut(), limit, stop).await;
            let all = match &waited {
                Waited::Done(Ok((_, all))) => *all,
                Waited::Done(Err(Ended::Said(_))) => true,
                Waited::Done(Err(Ended::Refused(_))) | Waited::TooLong | Waited::Stopped => false,
            };
            let mut broken = false;
            if !all {
                let _unheard = timeout(ACCEPT, cancel.cancel_query(tls.clone())).await;
                // Two ways to hear of it: the server heeds the request, or the connection ends.
                broken = !matches!(waited, Waited::Done(_)) && timeout(HEED, asking).await.is_err();
            }
            (waited, broken)
        });
        self.broken |= broken;
        let answer = match waited {
            Waited::Done(Ok((answer, all))) => {
                self.server_limit = Some(seconds);
                if !all {
                    self.recover();
                }
                return Ok(answer);
            }
            Waited::Done(Err(Ended::Said(error))) => faults::of_statement(&error),
            Waited::Done(Err(Ended::Refused(fault))) => fault,
            Waited::TooLong => Fault { reason: Reason::TimedOut, detail: format!("no answer within {} s", limit.as_secs_f32()) },
            Waited::Stopped => stopped(),
        };
        if answer.reason == Reason::Unreachable {
            self.broken = true;
        }
        self.recover();
        Err(answer)
    }

    /// Takes the transaction back to where no statement had failed; what cannot be is broken.
    fn recover(&mut self) {
        self.server_limit = None;
        if self.broken {
            return;
        }
        self.broken = self.say(AGAIN, HEED).is_err();
    }

    /// Ends the connection, in good order if that takes no time.
    pub(super) fn close(self) {
        let Live { runtime, client, connection, .. } = self;
        drop(client);
        let _rude = runtime.block_on(async { timeout(GOODBYE, connection).await });
        runtime.shutdown_background();
    }
}

/// Waits for the answer, at most so long, unless told to stop.
async fn wait<T>(work: impl Future<Output = T> + Unpin, limit: Duration, stop: &Stop) -> Waited<T> {
    let late = pin!(sleep(limit));
    let woken = pin!(stop.wake.notified());
    match select(work, select(late, woken)).await {
        Either::Left((done, _)) => Waited::Done(done),
        Either::Right((Either::Left(_), _)) => Waited::TooLong,
        Either::Right((Either::Right(_), _)) => Waited::Stopped,
    }
}

/// One statement by the extended protocol, which takes no second one behind it.
pub(super) async fn fetch(client: &Client, sql: &str) -> Result<Rows, Error> {
    let stream = client.query_typed_raw(sql, std::iter::empty::<(&str, Type)>()).await?;
    pin_mut!(stream);
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    while rows.len() < MAX_ROWS
        && let Some(row) = stream.next().await
    {
        let row = row?;
        if columns.is_empty() {
            columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
        }
        let cells = (0..row.len()).map(|at| row.try_get::<_, cells::Value>(at).map(|value| value.0));
        rows.push(cells.collect::<Result<Vec<Cell>, Error>>()?);
    }
    Ok(Rows { columns, rows })
}

/// Whether a statement only reads. The transaction refuses what writes, but a `COMMIT` would end it.
fn reads(sql: &str) -> bool {
    begins_with(sql, &["select", "with", "values", "explain", "table"])
}

pub(super) fn config(options: &Options) -> Config {
    let mut config = Config::new();
    config
        .host(&options.host)
        .port(options.port)
        .user(&options.user)
        .dbname(&options.database)
        .connect_timeout(options.connect_timeout)
        .application_name(format!("presscheck/{}", std::process::id()))
        .ssl_mode(match options.tls.mode {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
    if let Some(password) = &options.password {
        config.password(password);
    }
    if let Some(idle) = options.keepalives_idle {
        config.keepalives_idle(idle);
    }
    config
}

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
