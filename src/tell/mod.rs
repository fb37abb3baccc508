//! Who is told what, when, and by which route: decision, contract's escalation, what was told before and the moment in; messages out, then sent.
//!
//! Thinking ([`messages`]) is pure: the same input gives the same messages with the same keys. What is sent is asked of the world by [`send`] alone. One cause
//! is one message for whoever is told of it; it is not repeated until the cause changes, recovers, or a later step is due. Everything that is said
//! comes from the record: no row values, and no words of a server. Not for words about a single metric ([`crate::sentence`]), nor for hooks after publishing.
#![expect(clippy::disallowed_methods, reason = "this room sends, and what it starts has a time limit")]

mod alert;
mod deliver;
mod email;
mod flow;
mod incident;
mod past;
mod route;
mod send;
mod slack;
mod words;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::calendar::Closed;
use crate::history::{Line, What};
use crate::record::{Document, IntervalRecord, OwnerRecord, OwnersRecord};

pub use alert::{Alert, payload};
pub use deliver::{Delivered, Delivery, Told, tell};
pub use email::mail;
pub use flow::messages;
pub use route::{Destination, Mail, MailTls, Means, Quiet, Route, Routes, Urgent};
pub use send::{Undelivered, Wire, call, post_json, send};
pub use slack::blocks;

/// What a step of escalation reacts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A metric is held.
    Hold,
    /// Nothing was decided when it was due, or too late.
    Late,
    /// A metric publishes with a caveat.
    Warn,
    /// What was told is over.
    Recovered,
    /// Nothing is held.
    Publish,
}

impl Occasion {
    /// As a contract writes it.
    pub fn word(self) -> &'static str {
        match self {
            Occasion::Hold => "hold",
            Occasion::Late => "late",
            Occasion::Warn => "warn",
            Occasion::Recovered => "recovered",
            Occasion::Publish => "publish",
        }
    }
}

/// How much a report matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Breaks the quiet of routes that let it.
    Critical,
    /// The usual.
    Standard,
    /// Never pages anyone.
    Experiment,
}

/// One step of escalation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it reacts to.
    pub on: Occasion,
    /// How long that must last first, in seconds.
    pub after: u64,
    /// Routes as the contract writes them: `slack:channel`, `email:owners.business`.
    pub to: Vec<String>,
}

/// What dbt's `meta` says of a relation or exposure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Who answers for it.
    pub owner: Option<OwnerRecord>,
    /// A channel, without `#`.
    pub channel: Option<String>,
}

/// What a contract and the settings say of telling.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Identifier of the contract.
    pub contract: String,
    /// What readers call the report.
    pub report: String,
    /// How much it matters.
    pub tier: Tier,
    /// Who answers for it.
    pub owners: OwnersRecord,
    /// The steps, in the order of the contract; the default ones where it has none.
    pub steps: Vec<Step>,
    /// How to recover, whatever fails.
    pub recovery: Option<String>,
    /// Days on which nobody is told, unless the report is critical.
    pub closed: Closed,
    /// The zone in which the contract's days are counted.
    pub zone: TimeZone,
    /// Where messages can go.
    pub routes: Routes,
    /// What dbt says of the exposure.
    pub exposure: Known,
    /// What dbt says of relations, by the name that checks use.
    pub relations: std::collections::BTreeMap<String, Known>,
}

impl Setup {
    /// The steps of a contract that has none: whoever mends it is told of what is held and late, by e-mail and in the channel that dbt names for the exposure.
    pub fn default_steps(exposure: &Known) -> Vec<Step> {
        let channel = exposure.channel.iter().map(|channel| format!("slack:{channel}"));
        let to: Vec<String> = channel.chain(["email:owner".to_owned()]).collect();
        [Occasion::Hold, Occasion::Late].map(|on| Step { on, after: 0, to: to.clone() }).into()
    }
}

/// A report that was due and of which nothing is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The span of data.
    pub interval: IntervalRecord,
    /// When it was due.
    pub ready_by: Timestamp,
}

/// What is known of a report at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The latest decision.
    pub document: Option<&'a Document>,
    /// Whether an interval after it was due and is not decided.
    pub overdue: Option<&'a Overdue>,
    /// The moment.
    pub now: Timestamp,
}

/// One message to one destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The same for the same thing said to the same destination: who has seen it need not read it again.
    pub key: String,
    /// The cause, as [`Line::incident`] names it.
    pub incident: String,
    /// Where it goes.
    pub to: Destination,
    /// What is said.
    pub alert: Alert,
    /// Hash of what matters in it.
    pub content: String,
}

impl Message {
    /// The line that is kept of it when it was taken.
    pub fn line(&self, at: Timestamp) -> Line {
        let interval = self.alert.interval.as_ref().map(|interval| interval.start.clone()).unwrap_or_default();
        let what = if self.alert.occasion == Occasion::Recovered { What::Recovered } else { What::Done };
        Line {
            at,
            contract: self.alert.contract.clone(),
            incident: self.incident.clone(),
            what,
            message: self.key.clone(),
            route: self.to.name.clone(),
            interval,
            content: self.content.clone(),
            details: String::new(),
        }
    }
}

/// A message that is not sent now.
#[derive(Debug, Clone, PartialEq)]
pub struct PutOff {
    /// What it is about, in a line.
    pub heading: String,
    /// Where it would go.
    pub route: String,
    /// Why it is not sent now.
    pub why: String,
    /// From when on it may be sent, where that is known.
    pub until: Option<Timestamp>,
}

/// What is to be done now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Telling {
    /// Causes that came and went: to be kept before anything is sent.
    pub seen: Vec<Line>,
    /// What is to be sent.
    pub messages: Vec<Message>,
    /// What waits.
    pub put_off: Vec<PutOff>,
    /// Routes of the contract by which nobody can be reached, and why: somebody must be told loudly.
    pub unreachable: Vec<(String, String)>,
}
