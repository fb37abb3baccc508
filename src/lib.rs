//! presscheck decides, metric by metric, whether a report publishes, warns or holds.
//!
//! This file is the map. The order of the rooms is the order of the story, and a room imports only rooms above its own
//! (`tests/architecture.rs` holds it there):
//!
//! > a contract and a dbt project are read; lineage is derived from SQL; a plan says what to ask and which metric each
//! > answer guards; the warehouse answers; the decision is made, recorded, and told.
//!
//! `Contract -> Plan -> Answers -> Outcomes -> Decision -> Record -> text`: each made once, by one function, from what stands left of it.
//!
//! Invariants
//! - *Thinking is pure.* Only the rooms under "asking the warehouse" and "telling the world" touch the clock, the environment, files or sockets.
//! - *A pass is built from evidence* ([`check::outcome::Evidence`]); whatever is missing, null, unparsed, late or skipped is not a pass.
//! - *Macros measure, Rust judges.* SQL returns facts; thresholds, time and severity are compared in [`check`].
//! - *The expected set is fixed before the first query*; an answer that is missing is `skipped (not started)`.
//! - Deliberately absent: a scheduler, an SQL parser of its own, an async runtime, plug-ins, a daemon.

// -- what is said ------------------------------------------------------------------ pure
pub mod diagnostic;
pub mod yaml;
pub mod calendar;
pub mod dbt;
pub mod jinja;
pub mod check;
pub mod contract;
// -- thinking ---------------------------------------------------------------------- pure
pub mod lineage;
pub mod macros;
pub mod plan;
pub mod lint;
pub mod starter;
pub mod odcs;
// -- asking the warehouse ---------------------------------------------------------- effects
pub mod warehouse;
pub mod execute;
// -- deciding ---------------------------------------------------------------------- pure
pub mod decide;
pub mod promise;
pub mod sentence;
pub mod record;
// -- telling the world ------------------------------------------------------------- effects
pub mod history;
pub mod tell;
pub mod review;
pub mod openlineage;
pub mod publish;
pub mod output;
pub mod project;
pub mod runner;
pub mod cli;
