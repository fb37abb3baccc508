//! One thread of a run: takes the next statement, asks it on its own session, tries again what may pass, splits what is broken.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::across::{self, Limits, Sessions};
use super::reader::{self, Place, Said};
use super::{Answer, POLL, Progress, Shared};
use crate::check::Spec;
use crate::check::measurement::Measurement;
use crate::check::outcome::{Fault, Reason};
use crate::plan::compare::Comparison;
use crate::plan::{Asked, Statement};
use crate::warehouse::{Rows, Session, Warehouse};

/// First try and two more.
const MOST_ATTEMPTS: u32 = 3;
/// Wait before the second try; twice as long before the third; up to as much again by chance, so that threads do not return together.
const WAIT: Duration = Duration::from_millis(100);

pub(super) struct Worker<'a> {
    shared: &'a Shared<'a>,
    /// By connection; `None` is the project's own.
    sessions: BTreeMap<Option<String>, Box<dyn Session>>,
}

/// One statement's answer: how often it was tried in all, and what came in the end.
struct Asking<T> {
    attempts: u32,
    answer: Result<T, Fault>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(shared: &'a Shared<'a>) -> Self {
        Worker { shared, sessions: BTreeMap::new() }
    }

    /// Until there is no statement left, or nothing more may begin.
    pub(super) fn work(mut self) {
        let shared = self.shared;
        while shared.time_left().is_some() {
            let index = shared.next.fetch_add(1, Ordering::SeqCst);
            let Some(statement) = shared.plan.statements.get(index) else { return };
            (shared.progress)(Progress::Started { statement: index });
            let places = places(shared, index);
            let panicked = catch_unwind(AssertUnwindSafe(|| self.measure(index, statement, &places, 0))).is_err();
            if panicked {
                self.sessions.clear();
                let fault = Fault { reason: Reason::Internal, detail: "presscheck panicked while it asked; please report this".into() };
                self.tell_all(statement, &places, 1, &fault);
            }
            let done = shared.done.fetch_add(1, Ordering::SeqCst) + 1;
            (shared.progress)(Progress::Finished { statement: index, done, total: shared.plan.statements.len() });
        }
    }

    /// Asks one statement and lands an answer for each of its checks; a fused one that is broken is asked part by part.
    fn measure(&mut self, index: usize, statement: &Statement, places: &[Place<'_>], attempts_before: u32) {
        let now = self.shared.measured_at;
        if let Some(comparison) = &statement.compare {
            return self.compare(index, statement, comparison, places);
        }
        let Asking { attempts, answer } = self.ask(index, statement, |rows| reader::measurements(rows, places, now));
        let attempts = attempts_before + attempts;
        match answer {
            Ok(measured) => {
                for (place, said) in places.iter().zip(measured) {
                    match said {
                        Ok(Said::Measured(measurement)) => self.tell(statement, place.check, attempts, Ok(measurement)),
                        Ok(Said::Doubtful) => {
                            // Told only if its part cannot be asked any more.
                            let reason = if self.shared.cancelled() { Reason::Cancelled } else { Reason::TimedOut };
                            let fault = Fault { reason, detail: "there is something bad, and the run ended before it was counted".into() };
                            self.split(index, statement, std::slice::from_ref(place), attempts, &fault);
                        }
                        Err(fault) => self.tell(statement, place.check, attempts, Err(fault)),
                    }
                }
            }
            Err(fault) if !statement.parts.is_empty() && may_be_one_expression(fault.reason) => {
                (self.shared.progress)(Progress::Splitting { statement: index });
                self.split(index, statement, places, attempts, &fault);
            }
            Err(fault) => self.tell_all(statement, places, attempts, &fault),
        }
    }

    /// Asks the parts, so that a broken expression stands alone. A check that no part measures keeps the fault of the whole.
    fn split(&mut self, index: usize, whole: &Statement, places: &[Place<'_>], attempts: u32, fault: &Fault) {
        let mut left: Vec<&Place<'_>> = places.iter().collect();
        for part in &whole.parts {
            let measures = |place: &&Place<'_>| part.checks.iter().any(|check| check == place.check);
            let (own, others): (Vec<&Place<'_>>, Vec<&Place<'_>>) = left.iter().copied().partition(measures);
            if let [place] = own.as_slice()
                && self.shared.time_left().is_some()
            {
                let place =
                    Place { check: place.check, rows_seen: 0, first: 1, columns: place.columns, items: place.items.clone(), proof: false };
                self.measure(index, part, &[place], attempts);
                left = others;
            }
        }
        for place in left {
            self.tell(whole, place.check, attempts, Err(fault.clone()));
        }
    }

    /// Asks two connections and compares what they say. Each comparison is of one check.
    fn compare(&mut self, index: usize, statement: &Statement, comparison: &Comparison, places: &[Place<'_>]) {
        let connections: Vec<&Option<String>> = comparison.sides().into_iter().map(|side| &side.connection).collect();
        for place in places {
            let Some(Asked::Measured { spec, .. }) = self.shared.plan.asks.get(place.check) else { continue };
            let asking = self.again(index, &connections, |worker| worker.compare_once(comparison, spec));
            self.tell(statement, place.check, asking.attempts, asking.answer);
        }
    }

    fn compare_once(&mut self, comparison: &Comparison, spec: &Spec) -> Result<Measurement, Fault> {
        let (left, right) = (&comparison.left.connection, &comparison.right.connection);
        self.open(left)?;
        self.open(right)?;
        let limits = Limits { time: self.limit()?, rows: self.shared.options.moved, now: self.shared.measured_at };
        let ended = || Fault { reason: Reason::Internal, detail: "a session was lost".into() };
        if left == right {
            let session = self.sessions.get_mut(left).ok_or_else(ended)?;
            return across::measure(comparison, spec, Sessions::One(session.as_mut()), limits);
        }
        // Both are borrowed at once, so one of them leaves its place meanwhile.
        let mut one = self.sessions.remove(left).ok_or_else(ended)?;
        let other = self.sessions.get_mut(right).ok_or_else(ended)?;
        let measured = across::measure(comparison, spec, Sessions::Two(one.as_mut(), other.as_mut()), limits);
        self.sessions.insert(left.clone(), one);
        measured
    }

    /// Asks until there is an answer, a fault that will not pass, or no try left.
    fn ask<T>(&mut self, index: usize, statement: &Statement, read: impl Fn(&Rows) -> Result<T, Fault>) -> Asking<T> {
        self.again(index, &[&statement.connection], |worker| worker.ask_once(statement).and_then(|rows| read(&rows)))
    }

    fn again<T>(&mut self, index: usize, connections: &[&Option<String>], mut ask: impl FnMut(&mut Self) -> Result<T, Fault>) -> Asking<T> {
        for connection in connections {
            if let Err(fault) = self.warehouse(connection) {
                return Asking { attempts: 1, answer: Err(fault) };
            }
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match ask(self) {
                Err(fault) if may_pass(fault.reason) && attempts < MOST_ATTEMPTS && self.wait(attempts) => {
                    // The connection may be what is broken.
                    connections.iter().for_each(|connection| drop(self.sessions.remove(*connection)));
                    (self.shared.progress)(Progress::Retrying { statement: index, attempt: attempts + 1 });
                }
                answer => return Asking { attempts, answer },
            }
        }
    }

    fn ask_once(&mut self, statement: &Statement) -> Result<Rows, Fault> {
        self.open(&statement.connection)?;
        let limit = self.limit()?;
        match self.sessions.get_mut(&statement.connection) {
            Some(session) => session.query(&statement.sql, limit),
            None => Err(stopped()),
        }
    }

    /// Makes sure that there is a session of the connection.
    fn open(&mut self, connection: &Option<String>) -> Result<(), Fault> {
        if !self.sessions.contains_key(connection) {
            let session = self.warehouse(connection)?.session()?;
            self.shared.cancellers.lock().unwrap_or_else(PoisonError::into_inner).push(session.canceller());
            self.sessions.insert(connection.clone(), session);
        }
        Ok(())
    }

    /// How long the next statement may take.
    fn limit(&self) -> Result<Duration, Fault> {
        self.shared.time_left().ok_or_else(stopped)
    }

    fn warehouse(&self, connection: &Option<String>) -> Result<&'a dyn Warehouse, Fault> {
        self.shared.warehouses.get(connection)
    }

    /// Waits before the next try; false when the run ends meanwhile.
    fn wait(&self, attempts: u32) -> bool {
        let chance = u32::try_from(RandomState::new().hash_one(attempts) % 1000).unwrap_or(0);
        let mut left = WAIT * attempts + WAIT * attempts * chance / 1000;
        while !left.is_zero() && self.shared.time_left().is_some() {
            let slice = left.min(POLL);
            thread::sleep(slice);
            left -= slice;
        }
        self.shared.time_left().is_some()
    }

    fn tell_all(&self, statement: &Statement, places: &[Place<'_>], attempts: u32, fault: &Fault) {
        for place in places {
            self.tell(statement, place.check, attempts, Err(fault.clone()));
        }
    }

    fn tell(&self, statement: &Statement, check: &str, attempts: u32, measurement: Result<Measurement, Fault>) {
        let sql_hash = blake3::hash(statement.sql.as_bytes()).to_hex().to_string();
        self.shared.answered(check, Answer { measurement, sql_hash, attempts });
    }
}

fn stopped() -> Fault {
    Fault { reason: Reason::Cancelled, detail: "the run was stopped".into() }
}

/// Where each measured check of a statement stands in its row, by check.
fn places<'a>(shared: &'a Shared<'a>, index: usize) -> Vec<Place<'a>> {
    let of = |(check, asked): (&'a String, &'a Asked)| match asked {
        Asked::Measured { spec, statement, rows_seen, first, columns, proof } if *statement == index => {
            let items = spec.kind().request().items.into_iter().map(|(_, expect)| expect).collect();
            Some(Place { check, rows_seen: *rows_seen, first: *first, columns, items, proof: *proof })
        }
        Asked::Measured { .. } | Asked::Skipped(_) => None,
    };
    shared.plan.asks.iter().filter_map(of).collect()
}

/// Whether a fault can go away by itself. A failed check is never one; a time-out would only burden the warehouse again.
fn may_pass(reason: Reason) -> bool {
    reason == Reason::Unreachable
}

/// Whether one expression of a fused scan can be the cause, so that the other checks may be measured without it.
fn may_be_one_expression(reason: Reason) -> bool {
    match reason {
        Reason::QueryError
        | Reason::MissingRelation
        | Reason::MissingColumn
        | Reason::NoRows
        | Reason::SeveralRows
        | Reason::Null
        | Reason::NotFinite
        | Reason::OutOfRange
        | Reason::WrongType
        | Reason::ZeroDenominator => true,
        Reason::NotStarted
        | Reason::NotExecutedYet
        | Reason::Deselected
        | Reason::Cancelled
        | Reason::Interrupted
        | Reason::TimedOut
        | Reason::Unreachable
        | Reason::AuthenticationFailed
        | Reason::FutureTimestamp
        | Reason::TimestampWithoutZone
        | Reason::ClockSkew
        | Reason::StaleArtifact
        | Reason::SnapshotMoved
        | Reason::LineageUnknown
        | Reason::NoBaseline
        | Reason::InputsChanged
        | Reason::StoreFailed
        | Reason::BudgetExceeded
        | Reason::Internal => false,
    }
}
