//! What a message says, whatever way it goes: an own, versioned type, which webhooks and commands get as JSON. Not for its layout elsewhere.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Occasion, Tier};
use crate::record::{Class, IntervalRecord, OwnerRecord, Status, Verdict};

/// The number of the format.
pub(super) const FORMAT: u32 = 1;

/// What is said of one cause.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Alert {
    /// Number of this format: 1.
    pub format: u32,
    /// What happened.
    pub occasion: Occasion,
    /// Of a hold: whether the data is wrong, or it could not be decided.
    pub class: Option<Class>,
    /// Identifier of the contract.
    pub contract: String,
    /// What readers call the report.
    pub report: String,
    /// How much it matters.
    pub tier: Tier,
    /// The span of data that it is about.
    pub interval: Option<IntervalRecord>,
    /// Latest safe publication time.
    #[schemars(with = "Option<String>")]
    pub ready_by: Option<Timestamp>,
    /// The report's status; absent where nothing is decided.
    pub status: Option<Status>,
    /// Identifier of the decision; absent where there is none.
    pub run: Option<String>,
    /// Since when it is so.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// One line.
    pub heading: String,
    /// A few sentences for whoever reads the report.
    pub text: String,
    /// The metrics that it is about.
    pub metrics: Vec<AlertMetric>,
    /// What failed, the cause first.
    pub causes: Vec<AlertCause>,
    /// Who mends it.
    pub owners: Vec<OwnerRecord>,
    /// How to recover, as the contract says it.
    pub recover: Vec<String>,
    /// What readers may still use; absent where the text says it.
    pub usable: Option<String>,
    /// For people: what is not in the text, a label and a value each, in the order in which it is read.
    pub facts: Vec<AlertFact>,
}

/// A metric that an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AlertMetric {
    /// Key in the contract.
    pub id: String,
    /// What readers call it.
    pub title: String,
    /// What may be done with it now.
    pub verdict: Verdict,
    /// What a business reader is told.
    pub sentence: String,
}

/// A check that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AlertCause {
    /// Identifier of the check; absent where it is none.
    pub check: Option<String>,
    /// What was seen, in words; never a value of a row, nor words of a server.
    pub text: String,
}

/// A label and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AlertFact {
    /// What it is.
    pub label: String,
    /// What it says.
    pub value: String,
}

/// What a webhook or a command gets.
#[derive(Debug, Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// When it is so, UTC.
    timestamp: Timestamp,
    /// The same for the same thing said to the same destination.
    key: &'a str,
    data: &'a Alert,
}

/// The alert as JSON for programs: `type`, `timestamp`, `key` and `data`.
pub fn payload(alert: &Alert, key: &str, at: Timestamp) -> String {
    let payload = Payload { kind: "presscheck.alert", timestamp: at, key, data: alert };
    // Nothing in it can fail to be written; an empty body would be refused by whoever reads it.
    serde_json::to_string(&payload).unwrap_or_default()
}
