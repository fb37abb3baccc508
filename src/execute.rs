//! Plan x warehouse -> answers: parallel, with time-outs and bounded retries; a broken expression in a fused scan is found by splitting.

use std::collections::BTreeMap;

use crate::check::measurement::Measurement;
use crate::check::outcome::Fault;
use crate::plan::CheckId;

/// What the warehouse said to each check; one that is absent was not started.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// By check.
    pub by_check: BTreeMap<CheckId, Answer>,
    /// What identifies the data that was read.
    pub snapshot: String,
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
