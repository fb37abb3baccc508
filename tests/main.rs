//! The one test binary: a file for each room, tables and snapshots beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on stops there")]
#![allow(clippy::disallowed_methods, reason = "tests read tables and write scratch folders")]

mod architecture;
mod dbt;
mod book;
mod calendar;
mod checks;
mod commands;
mod decide;
mod dice;
mod differential;
mod doctor;
mod editor;
mod execute;
mod history;
mod incidents;
mod laws;
mod mondays;
mod jinja;
mod kinds;
mod lineage;
mod lint;
mod macros;
mod odcs;
mod openlineage;
mod offline;
mod output;
mod plan;
mod promise;
#[cfg(feature = "duckdb")]
mod publish;
mod record;
mod results;
mod review;
mod running;
mod samples;
mod sentence;
mod simulation;
mod situations;
mod tell;
mod verify;
mod warehouse;
mod yaml;
mod contract;
