//! Plan x warehouse -> answers: parallel, with time-outs and bounded retries; a broken expression in a fused scan is found by splitting.
//!
//! Threads take statements in the order of the plan, each with a session of its own; answers land by check, so that the order of completion
//! changes nothing. Whatever goes wrong becomes a fault of the checks concerned; the run goes on. Not for judging: see [`crate::decide`].
#![expect(clippy::disallowed_methods, reason = "deadlines are measured with a monotonic clock")]

mod across;
mod checksums;
mod layouts;
mod reader;
mod rows;
mod samples;
mod segments;
mod stream;
mod values;
mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::check::measurement::Measurement;
use crate::check::outcome::{Fault, Reason};
use crate::check::samples::Sampled;
use crate::plan::{CheckId, MetricId, Plan};
use crate::warehouse::{NO_SNAPSHOT, Warehouse};

pub use samples::samples;
pub use values::{Seen, values};

/// Most seconds by which the warehouse's clock and the local one may differ.
pub const CLOCKS_AGREE: i64 = 60;
/// Most rows that one comparison may fetch, unless presscheck.yml says otherwise.
pub const MOVED: u64 = 10_000_000;
/// How often a run looks whether it was stopped.
const POLL: Duration = Duration::from_millis(20);

/// What the warehouse said to each check; one that is absent was not started.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// By check.
    pub by_check: BTreeMap<CheckId, Answer>,
    /// What identifies the data that was read, of all connections.
    pub snapshot: String,
    /// The same of each further connection, by its name.
    pub connections: BTreeMap<String, String>,
    /// The same, taken after the last statement: another text means that the data moved under the run.
    pub snapshot_after: String,
    /// The decision time: the warehouse's clock when the run began, or the time of a rehearsal. `None` when the clock could not be read.
    pub now: Option<Timestamp>,
    /// Seconds by which the warehouse's clock is ahead of the local one, at the start; `None` when it could not be read.
    pub clock_skew: Option<i64>,
    /// Failing rows of checks that failed, where their contract declares columns of them; see [`samples`].
    pub samples: BTreeMap<CheckId, Result<Sampled, Fault>>,
    /// What the metrics' values were, where the contract publishes them; see [`values`].
    pub values: BTreeMap<MetricId, Result<Seen, Fault>>,
}

impl Answers {
    /// Whether all statements saw one state of the data, as far as the warehouse can tell.
    pub fn one_snapshot(&self) -> bool {
        !self.snapshot.is_empty() && self.snapshot == self.snapshot_after && self.snapshot_is_named()
    }
    /// Whether every warehouse that was asked names the state of its data, so that a change during the run would have been seen.
    pub fn snapshot_is_named(&self) -> bool {
        ![&self.snapshot, &self.snapshot_after].iter().any(|snapshot| snapshot.contains(NO_SNAPSHOT))
    }
    /// Whether the clocks are known to agree within [`CLOCKS_AGREE`] seconds.
    pub fn clocks_agree(&self) -> bool {
        self.clock_skew.is_some_and(|skew| skew.abs() <= CLOCKS_AGREE)
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The validated measurement, or why there is none.
    pub measurement: Result<Measurement, Fault>,
    /// Hash of the exact SQL.
    pub sql_hash: String,
    /// Attempts, from 1.
    pub attempts: u32,
}

/// How a plan is executed.
pub struct Options<'a> {
    /// Sessions at a time; at least one is used.
    pub threads: usize,
    /// Longest that one statement may take.
    pub limit: Duration,
    /// Longest that all statements together may take; what has not begun by then is not started.
    pub deadline: Option<Duration>,
    /// Set by the caller to stop the run: running statements are stopped on the server, others are not started.
    pub cancel: &'a AtomicBool,
    /// The local clock at the call.
    pub local: Timestamp,
    /// The decision time of a rehearsal, in place of the warehouse's clock.
    pub as_of: Option<Timestamp>,
    /// Most rows that one comparison across connections may fetch.
    pub moved: u64,
    /// Further connections by the name that statements use.
    pub connections: BTreeMap<String, &'a dyn Warehouse>,
}

/// What is going on, for people who watch. Statements by their index in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Progress {
    Started {
        statement: usize,
    },
    /// A fault that may pass; `attempt` is the one to come, from 2.
    Retrying {
        statement: usize,
        attempt: u32,
    },
    /// A fused scan failed and is asked one check at a time.
    Splitting {
        statement: usize,
    },
    Finished {
        statement: usize,
        done: usize,
        total: usize,
    },
}

/// Runs every statement of the plan that is measured. Returns when all have ended, the deadline has passed or the run was cancelled.
pub fn run(plan: &Plan, warehouse: &dyn Warehouse, options: &Options<'_>, progress: &(dyn Fn(Progress) + Sync)) -> Answers {
    let warehouses = Warehouses { own: warehouse, named: &options.connections };
    let connections = warehouses.of_each();
    let snapshot = warehouses.snapshot(&connections);
    let clock = warehouse.session().and_then(|mut session| session.now()).ok();
    let now = options.as_of.or(clock);
    let shared = Shared {
        plan,
        warehouses,
        options,
        progress,
        begun: Instant::now(),
        measured_at: now.unwrap_or(options.local),
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        answers: Mutex::new(BTreeMap::new()),
        cancellers: Mutex::new(Vec::new()),
    };
    shared.work();
    let by_check = shared.answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let clock_skew = clock.map(|clock| clock.as_second().saturating_sub(options.local.as_second()));
    let snapshot_after = warehouses.snapshot(&warehouses.of_each());
    Answers { by_check, snapshot, snapshot_after, connections, now, clock_skew, samples: BTreeMap::new(), values: BTreeMap::new() }
}

/// The project's own warehouse and the named ones.
#[derive(Clone, Copy)]
struct Warehouses<'a> {
    own: &'a dyn Warehouse,
    named: &'a BTreeMap<String, &'a dyn Warehouse>,
}

impl<'a> Warehouses<'a> {
    /// The warehouse of a connection; `None` is the project's own.
    fn get(&self, connection: &Option<String>) -> Result<&'a dyn Warehouse, Fault> {
        match connection {
            None => Ok(self.own),
            Some(name) => self.named.get(name).copied().ok_or_else(|| Fault {
                reason: Reason::Unreachable,
                detail: format!("no connection `{name}` is open: name it under `connections` in presscheck.yml"),
            }),
        }
    }
    fn of_each(&self) -> BTreeMap<String, String> {
        self.named.iter().map(|(name, warehouse)| (name.clone(), warehouse.snapshot())).collect()
    }
    fn snapshot(&self, of_each: &BTreeMap<String, String>) -> String {
        let named = of_each.iter().map(|(name, snapshot)| format!("{name}={snapshot}"));
        std::iter::once(self.own.snapshot()).chain(named).collect::<Vec<_>>().join(" ")
    }
}

/// What the threads of one run share.
struct Shared<'a> {
    plan: &'a Plan,
    warehouses: Warehouses<'a>,
    options: &'a Options<'a>,
    progress: &'a (dyn Fn(Progress) + Sync),
    begun: Instant,
    measured_at: Timestamp,
    /// The statement that the next free thread takes.
    next: AtomicUsize,
    done: AtomicUsize,
    answers: Mutex<BTreeMap<CheckId, Answer>>,
    /// One for each session that was opened.
    cancellers: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

impl Shared<'_> {
    fn work(&self) {
        let threads = self.options.threads.min(self.plan.statements.len()).max(1);
        let finished = AtomicBool::new(false);
        thread::scope(|scope| {
            // Without this thread a cancel is noticed between statements only.
            let _watch = thread::Builder::new().spawn_scoped(scope, || self.pass_on_cancel(&finished));
            match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                Ok(pool) => {
                    pool.broadcast(|_| worker::Worker::new(self).work());
                }
                Err(_no_threads) => worker::Worker::new(self).work(),
            }
            finished.store(true, Ordering::SeqCst);
        });
    }

    fn cancelled(&self) -> bool {
        self.options.cancel.load(Ordering::SeqCst)
    }

    /// How long the next statement may take; `None` when nothing more may begin.
    fn time_left(&self) -> Option<Duration> {
        if self.cancelled() {
            return None;
        }
        match self.options.deadline {
            None => Some(self.options.limit),
            Some(deadline) => {
                deadline.checked_sub(self.begun.elapsed()).filter(|left| !left.is_zero()).map(|left| left.min(self.options.limit))
            }
        }
    }

    /// Tells every open session to stop, once the caller wants that.
    fn pass_on_cancel(&self, finished: &AtomicBool) {
        while !finished.load(Ordering::SeqCst) {
            if self.cancelled() {
                self.cancellers.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|cancel| cancel());
            }
            thread::sleep(POLL);
        }
    }

    fn answered(&self, check: &str, answer: Answer) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(check.to_owned(), answer);
    }
}
