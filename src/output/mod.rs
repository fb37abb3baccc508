//! What was decided, told: one format is one file; record in, text out.
//!
//! Every format says the same, because all are written from the decision document and nothing else. Not for deciding, nor for plans.

mod json;
mod explain;
mod paint;
mod terminal;

use crate::diagnostic::Finding;
use crate::record::Document;

pub use explain::explain;
pub use json::{findings_json, json, json_schema, stored};
pub use terminal::terminal;

/// Everything that a command has to tell.
#[derive(Debug, Clone)]
pub struct Told {
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// One document for each contract, in the order in which they were decided.
    pub decisions: Vec<Document>,
    /// What was wrong with the input.
    pub findings: Vec<Finding>,
}
