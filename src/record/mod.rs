//! The decision document: what was decided about one contract and interval, with everything that it rests on.
//!
//! Versioned and self-contained: every output, alert and page is written from it alone, and [`Document::replay`] decides again from it.
//! Its bytes are a function of the inputs: nothing in it depends on thread count, retries or order of completion (attempts and durations
//! belong to the journal of a run). Its types are its own; nothing internal is dumped. Not for layout: see `output`.

mod document;
mod ended;
mod replay;
mod write;

pub use document::*;
pub use ended::*;
pub use write::Meta;

pub use crate::check::common::Severity;
pub use crate::check::outcome::{Ended, Reason};
pub use crate::check::unit::counted;
pub use crate::decide::{Class, FactName, FactState, FailOn, Rule, Status, Verdict, WaiverState};
pub use crate::lineage::{Certainty, EdgeKind};

/// The JSON Schema of the document (draft 2020-12).
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".into(), "presscheck decision document".into());
    schema.to_value()
}
