//! The steps of a run as the journal keeps them: what happened, in order, each with everything that a resume or a reader needs of it. Not for how they are kept.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Which run a step belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunKey {
    /// Identifier of the run: one execution.
    pub run: String,
    /// Identifier of the contract.
    pub contract: String,
    /// The span of data as `start/end`, each with offset and zone; empty where the contract has no schedule.
    pub interval: String,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// The lock was taken; nothing else was done yet.
    Started {
        /// Version of presscheck.
        version: String,
        /// Whether this run may publish and alert.
        publishes: bool,
        /// The run whose work this one finishes, where it was asked to.
        resumes: Option<String>,
    },
    /// A run that was interrupted goes on, in a process of its own.
    Resumed {
        /// Version of presscheck.
        version: String,
    },
    /// Hashes of everything that was read: file (or node of the manifest) and blake3.
    Inputs {
        /// By name.
        hashes: BTreeMap<String, String>,
    },
    /// The set of expected checks, fixed before the first query.
    Expected {
        /// Hash of the set and of every statement.
        hash: String,
        /// How many checks.
        checks: u64,
    },
    /// What the source gate saw last: by source, `landed` or why not.
    Landed {
        /// By `source.table`.
        sources: BTreeMap<String, String>,
        /// By unique id of a source that landed, what was measured of it: how a resume knows that it changed since.
        #[serde(default)]
        seen: BTreeMap<String, String>,
    },
    /// A build begins: from now on these nodes may be other than what was checked.
    Building {
        /// By unique id.
        nodes: BTreeSet<String>,
    },
    /// What a build did: by node, the status in dbt's words.
    Built {
        /// dbt's identifier of the invocation.
        invocation: Option<String>,
        /// By unique id.
        results: BTreeMap<String, String>,
        /// How long it took.
        seconds: u64,
    },
    /// The data that the checks see.
    Snapshot {
        /// As the warehouse names it.
        name: String,
    },
    /// What the warehouse answered, for a resume.
    Answered {
        /// Everything besides the answer that a reuse depends on, hashed.
        basis: BTreeMap<String, String>,
        /// By check.
        answers: BTreeMap<String, Json>,
    },
    /// The decision is stored.
    Decided {
        /// Identifier of the decision document.
        decision: String,
        /// Hash of its text.
        document: String,
        /// Status of the report.
        status: String,
        /// Verdict of each metric.
        verdicts: BTreeMap<String, String>,
        /// The exit code that it asks for.
        exit_code: u8,
    },
    /// Something is about to be done to the world.
    Intent(Intent),
    /// It was done.
    Done {
        /// Of the intent.
        key: String,
        /// What the other side said.
        answer: String,
    },
    /// It was tried and is not known to be done: a resume tries again, with the same key.
    Failed {
        /// Of the intent.
        key: String,
        /// Why, for people.
        error: String,
        /// The decision cannot be acted on any more: the data moved on, or a newer one is out. A resume decides anew.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refused: bool,
    },
    /// The run is at its end.
    Sealed {
        /// Exit code.
        exit_code: u8,
        /// What there is to say of it, for people.
        said: String,
    },
}

/// What is about to be done to the world. A receiver that knows the key does it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Which sort of act.
    pub act: ActKind,
    /// The idempotency key: a function of contract, metric, interval and decision.
    pub key: String,
    /// What is done to whom, for people.
    pub what: String,
    /// What the room that acts wants to read back later; never a secret.
    pub body: Json,
}

/// The sorts of acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// Certified values or the status table are written.
    Publish,
    /// A hook is called.
    Hook,
    /// A message is sent.
    Alert,
}

/// A step with its place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Number in the journal, from 1.
    pub number: i64,
    /// The run.
    pub of: RunKey,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub step: Step,
}

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActRecord {
    /// What was meant.
    pub intent: Intent,
    /// The run that meant it.
    pub of: RunKey,
    /// When it was first meant.
    pub at: Timestamp,
    /// When it was done, and what the other side said.
    pub done: Option<(Timestamp, String)>,
    /// The last error, where one came after the last success or there was none.
    pub failed: Option<String>,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// At its end.
    Sealed {
        /// The exit code.
        exit_code: u8,
    },
    /// Not at its end: it was stopped, or it still runs (whoever holds its lock knows).
    Interrupted,
}

/// A run and its steps, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub key: RunKey,
    /// Its steps; the first is [`Step::Started`].
    pub steps: Vec<Kept>,
}

impl Run {
    /// How far it came. Whatever follows a seal opens it again.
    pub fn state(&self) -> State {
        match self.steps.last().map(|kept| &kept.step) {
            Some(Step::Sealed { exit_code, .. }) => State::Sealed { exit_code: *exit_code },
            _ => State::Interrupted,
        }
    }

    /// When it began.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.steps.first().map(|kept| kept.at)
    }

    /// Intents that are not known to be done, in order.
    pub fn open_intents(&self) -> Vec<&Intent> {
        let done = |key: &str| self.steps.iter().any(|kept| matches!(&kept.step, Step::Done { key: of, .. } if of == key));
        let mut open: Vec<&Intent> = Vec::new();
        for kept in &self.steps {
            if let Step::Intent(intent) = &kept.step
                && !done(&intent.key)
                && !open.iter().any(|known| known.key == intent.key)
            {
                open.push(intent);
            }
        }
        open
    }
}

impl Step {
    /// The step's name, as it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Started { .. } => "started",
            Step::Resumed { .. } => "resumed",
            Step::Inputs { .. } => "inputs",
            Step::Expected { .. } => "expected",
            Step::Landed { .. } => "landed",
            Step::Building { .. } => "building",
            Step::Built { .. } => "built",
            Step::Snapshot { .. } => "snapshot",
            Step::Answered { .. } => "answered",
            Step::Decided { .. } => "decided",
            Step::Intent(_) => "intent",
            Step::Done { .. } => "done",
            Step::Failed { .. } => "failed",
            Step::Sealed { .. } => "sealed",
        }
    }

    /// The key of the act that it is about.
    pub fn key(&self) -> Option<&str> {
        match self {
            Step::Intent(intent) => Some(&intent.key),
            Step::Done { key, .. } | Step::Failed { key, .. } => Some(key),
            Step::Started { .. }
            | Step::Resumed { .. }
            | Step::Inputs { .. }
            | Step::Expected { .. }
            | Step::Landed { .. }
            | Step::Building { .. }
            | Step::Built { .. }
            | Step::Snapshot { .. }
            | Step::Answered { .. }
            | Step::Decided { .. }
            | Step::Sealed { .. } => None,
        }
    }
}
