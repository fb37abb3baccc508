//! PostgreSQL: every session of a run reads one exported snapshot, in a read-only transaction that no statement can leave.
//!
//! Whatever is set is set for the transaction alone, so that nothing leaks into a pooled connection. A session that is given back waits, in its
//! transaction, for the next who asks; there are never more connections than sessions in use at once. Not for engines that only look like
//! PostgreSQL: one that cannot export a snapshot is refused.

mod about;
mod cells;
mod copied;
mod estimate;
mod faults;
mod live;
mod profile;
mod tls;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::reads::begins_with;
use super::{About, Estimate, Rows, Session, Standing, Take, Warehouse};
use crate::check::field::Column;
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::dbt::relation_name::RelationName;
use live::{Live, Stop};
use profile::Options;
use tokio_postgres_rustls::MakeRustlsConnect;
pub(super) use writer::write;

/// Connections in a row that fail before no more are tried: each costs its time-out.
const MOST_FAILURES: u32 = 3;

/// One PostgreSQL database.
pub struct Postgres {
    pool: Arc<Pool>,
}

/// What the sessions share.
struct Pool {
    options: Options,
    tls: MakeRustlsConnect,
    state: Mutex<State>,
    /// Held while a first snapshot is taken, so that two sessions do not take two.
    first: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Sessions that nobody uses, in their transaction.
    idle: Vec<Live>,
    /// Snapshots that open transactions export: the same data under several names.
    exported: Vec<String>,
    /// What the data is called in evidence.
    identity: Option<String>,
    failures: u32,
    given_up: Option<Fault>,
}

impl Postgres {
    /// Reads a dbt-postgres target; relative paths are taken against `folder`. Connects when the first session is wanted.
    ///
    /// # Errors
    /// [`Reason::Unreachable`] for a profile that cannot be used.
    pub fn from_profile(fields: &Map<String, Value>, folder: &Path) -> Result<Self, Fault> {
        let options = profile::read(fields, folder)?;
        let tls = tls::connector(&options.tls)?;
        Ok(Postgres { pool: Arc::new(Pool { options, tls, state: Mutex::default(), first: Mutex::default() }) })
    }

    fn take(&self) -> Result<PostgresSession, Fault> {
        let live = self.pool.live()?;
        Ok(PostgresSession { stop: Arc::default(), live: Some(live), pool: Arc::clone(&self.pool) })
    }
}

impl Warehouse for Postgres {
    fn dialect(&self) -> &'static str {
        "postgres"
    }

    fn session(&self) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(self.take()?))
    }

    /// The transactions that the snapshot does not see. Another text after a run means that every session was lost meanwhile.
    fn snapshot(&self) -> String {
        let known = self.pool.state().identity.clone();
        known.or_else(|| self.take().ok().and_then(|_session| self.pool.state().identity.clone())).unwrap_or_default()
    }

    fn about(&self) -> Result<About, Fault> {
        about::about(&mut self.take()?)
    }

    fn privileges(&self, relations: &[RelationName]) -> Result<Vec<Standing>, Fault> {
        about::standing(&mut self.take()?, relations)
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session that was given back, or a new one on the common snapshot.
    fn live(&self) -> Result<Live, Fault> {
        {
            let mut state = self.state();
            if let Some(live) = state.idle.pop() {
                return Ok(live);
            }
            if let Some(fault) = &state.given_up {
                return Err(fault.clone());
            }
        }
        let exported = self.state().exported.clone();
        let joined = exported.iter().rev().find_map(|snapshot| match self.connect(Some(snapshot)) {
            // The transaction that exported it may have ended; another one may still be there.
            Err(fault) if fault.reason == Reason::SnapshotMoved => None,
            other => Some(other),
        });
        if let Some(joined) = joined {
            return joined;
        }
        let _alone = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let meanwhile = self.state().exported.iter().rev().find(|snapshot| !exported.contains(snapshot)).cloned();
        self.connect(meanwhile.as_deref())
    }

    /// A new connection, in its transaction; on a snapshot of its own when none is given.
    fn connect(&self, snapshot: Option<&str>) -> Result<Live, Fault> {
        let opened = Live::open(&self.options, &self.tls, snapshot);
        let mut state = self.state();
        match opened {
            Ok(live) => {
                state.failures = 0;
                state.exported.push(live.exported.clone());
                if snapshot.is_none() {
                    state.identity = Some(live.identity.clone());
                }
                Ok(live)
            }
            Err(fault) => {
                if fault.reason == Reason::Unreachable {
                    state.failures += 1;
                    if state.failures >= MOST_FAILURES {
                        state.given_up = Some(fault.clone());
                    }
                }
                Err(fault)
            }
        }
    }

    fn forget(&self, live: Live) {
        self.state().exported.retain(|snapshot| *snapshot != live.exported);
        live.close();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.idle.drain(..).for_each(Live::close);
    }
}

/// A session in use; given back when dropped, unless it is broken or was stopped.
struct PostgresSession {
    pool: Arc<Pool>,
    /// Always there until the drop.
    live: Option<Live>,
    stop: Arc<Stop>,
}

impl Session for PostgresSession {
    fn query(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        match &mut self.live {
            Some(live) => live.query(sql, limit, &self.stop),
            None => Err(super::unreachable("the session has ended")),
        }
    }

    fn stream(&mut self, sql: &str, limit: Duration, take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
        match &mut self.live {
            Some(live) => live.stream(sql, limit, &self.stop, take),
            None => Err(super::unreachable("the session has ended")),
        }
    }

    /// Not a statement that only might be a query: `EXPLAIN (ANALYZE)` would run it.
    fn estimate(&mut self, sql: &str, limit: Duration) -> Result<Estimate, Fault> {
        if !begins_with(sql, &["select", "with", "values", "table"]) {
            return Ok(Estimate::default());
        }
        let plan = self.query(&format!("explain (format json, verbose) {sql}"), limit)?;
        let scans = match plan.rows.first().map(Vec::as_slice) {
            Some([Cell::Text(plan)]) => estimate::scans(plan),
            _ => None,
        };
        let Some(scans) = scans else { return Ok(Estimate::default()) };
        let sizes = match estimate::sizes(&scans) {
            Some(question) => self.query(&question, limit)?,
            None => Rows { columns: Vec::new(), rows: Vec::new() },
        };
        Ok(estimate::total(&scans, &sizes))
    }

    fn now(&mut self) -> Result<Timestamp, Fault> {
        let rows = self.query("select clock_timestamp()", self.pool.options.connect_timeout)?;
        match rows.rows.first().and_then(|row| row.first()) {
            Some(Cell::Instant(now)) => Ok(*now),
            other => Err(Fault { reason: Reason::WrongType, detail: format!("the server's clock says {other:?}") }),
        }
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let stop = Arc::clone(&self.stop);
        Box::new(move || stop.now())
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        let Some(live) = self.live.take() else { return };
        if live.broken || self.stop.is_set() {
            self.pool.forget(live);
        } else {
            self.pool.state().idle.push(live);
        }
    }
}
