//! A decision as OpenLineage run events: START, and COMPLETE or FAIL, with what each relation was asked and what was measured; and the way out, to a file or an
//! address, each event once. Spec 2-0-2. Not for the lineage of models: that is `lineage --format openlineage`.

mod emit;
mod event;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::calendar::Age;
use crate::diagnostic::At;

pub use emit::{Emitted, emit};
pub use event::events;

/// Where run events go: exactly one of `file` and `endpoint`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "OpenLineage")]
pub struct Settings {
    /// A file to which each event is added as a line; relative to the project.
    pub file: Option<At<String>>,
    /// The environment variable that holds the whole address to which events are posted: `https://.../api/v1/lineage`.
    pub endpoint: Option<At<String>>,
    /// Of an endpoint: the environment variable that holds the key, sent as a bearer token.
    pub api_key: Option<At<String>>,
    /// Namespace of relations and jobs; the adapter's name when absent, as in `presscheck lineage --format openlineage`.
    pub namespace: Option<At<String>>,
    /// How long one try may take; 15 seconds when absent.
    pub timeout: Option<At<Age>>,
}

impl Settings {
    /// What is wrong with them.
    pub fn fault(&self) -> Option<&'static str> {
        match (&self.file, &self.endpoint, &self.api_key) {
            (Some(_), Some(_), _) | (None, None, _) => Some("write exactly one of `file` and `endpoint`"),
            (Some(_), None, Some(_)) => Some("`api_key` is sent to an `endpoint`"),
            (Some(_), None, None) | (None, Some(_), _) => None,
        }
    }
}

/// What a decision does not say of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Namespace of relations and jobs.
    pub namespace: String,
    /// The relation of the warehouse, as `database.schema.identifier`, by the name that checks use.
    pub relations: BTreeMap<String, String>,
    /// Of each metric that is a column: the relation by the name that checks use, and the column.
    pub columns: BTreeMap<String, (String, String)>,
    /// When the run began, where that is known.
    pub began: Option<Timestamp>,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `START`, `COMPLETE` or `FAIL`.
    pub state: &'static str,
    /// The same for the same event of the same decision.
    pub key: String,
    /// The event.
    pub body: Value,
}
