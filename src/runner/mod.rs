//! The path of a report from its sources to its readers: the source gate, the build, the checks, the decision, publishing, telling.
//!
//! The path is a value ([`Path`]): `run --plan` prints its stages, and [`run`] walks the same value through a [`World`] that does what each stage asks for
//! and writes down what happened before the next one begins. Not for how a stage does its work, nor for when a run begins: schedulers call it.
#![expect(clippy::disallowed_methods, reason = "this room starts processes and waits for them")]

pub mod child;
pub mod invocation;
mod left;
mod machine;
mod progress;
mod release;
mod stages;

pub use left::{Status, below, failed, waiting};
pub use machine::{Acted, Built, Decided, Ended, Halt, Landing, World, run};
pub use progress::{Progress, progress};
pub use release::{releases, to_restore};
pub use stages::{Build, Gate, Path, Stage, StageName};
