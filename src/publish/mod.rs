//! What is published of a decision, and in which words: certified values beside their verdicts, the status that a dashboard shows, and who is called then.
//!
//! It sees the record, and of the plan where values stand. Values never pass through the program: they are copied inside of the warehouse, from the model to the table,
//! and only if they still are what was noted while the checks were asked. Every act has an intent on disk before it and its end after it, so that a run that was killed
//! goes on where it stopped. Not for deciding, nor for whom to alert.

mod acts;
mod hook;
mod key;
mod past;
mod statement;
mod status;
mod table;
mod values;

pub use acts::{Means, Order, Published, Shown, State, publish};
pub use key::key;
pub use past::kept;
pub use table::{Column, Kind, Relation, STATUS, Table, VALUES};

/// Whose SQL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// DuckDB.
    DuckDb,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// By dbt's name of the adapter; `None` where this version does not publish.
    pub fn of(adapter: &str) -> Option<Engine> {
        match adapter {
            "duckdb" => Some(Engine::DuckDb),
            "postgres" => Some(Engine::Postgres),
            _ => None,
        }
    }
}
