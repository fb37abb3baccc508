//! The one connection that writes: opened for one report, for one transaction, and closed. Whatever disappoints ends it, and then nothing was written.
//!
//! Not for questions of checks: their sessions cannot write (see [`super`]). Not for what is written: see `publish`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Rows, unreachable};
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};

/// What is sent, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Changes something.
    Do(String),
    /// Asks for one number, which must be zero; otherwise nothing is written, for this reason.
    MustBeZero {
        /// A query of one row and one column.
        sql: String,
        /// What a number above zero means, for people.
        otherwise: String,
    },
    /// Changes something if a query of one row and one column says zero.
    Unless {
        /// The query.
        sql: String,
        /// The change.
        then: String,
    },
    /// If a query of one row and one column does not say zero, what follows is done already: all up to the next [`Step::Tell`] is left out.
    Enough(String),
    /// A query whose rows are given back.
    Tell(String),
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A question of a step had another answer, or whoever asked did not agree in the end: to try again alone does not help.
    Said(String),
    /// The engine or the connection failed. Where the connection was lost at the very end it may have been written all the same.
    Fault(Fault),
}

/// Asked before all becomes true: the last chance to refuse.
pub type Agree<'a> = dyn FnMut() -> Result<(), String> + 'a;

/// A connection in use.
pub(super) trait Writing {
    /// The words that begin a transaction.
    fn begin(&self) -> &'static str;
    fn query(&mut self, sql: &str) -> Result<Rows, Fault>;
    fn execute(&mut self, sql: &str) -> Result<(), Fault>;
}

/// What a connection is used for.
#[cfg(any(feature = "duckdb", feature = "postgres"))]
pub(super) type Work<'w> = dyn FnMut(&mut dyn Writing) -> Result<Vec<Rows>, Refused> + 'w;

/// Runs `ready` and then `steps`, each in one transaction, on a writing connection of its own to the target that `kind` and `fields` describe; gives the rows of
/// every [`Step::Tell`]. `limit` is the longest that it may take in all.
///
/// # Errors
/// Why nothing of `steps` was written.
#[cfg_attr(
    not(any(feature = "duckdb", feature = "postgres")),
    expect(unused_mut, unused_variables, reason = "no engine of this build can be written to")
)]
pub fn write(
    (kind, fields, folder, files): (&str, &Map<String, Value>, &Path, &[String]),
    (ready, steps): (&[Step], &[Step]),
    limit: Duration,
    agree: &mut Agree<'_>,
) -> Result<Vec<Rows>, Refused> {
    let mut work = |writing: &mut dyn Writing| {
        // Another publication may make the same table at the same moment: then it is there the second time.
        transaction(writing, ready, &mut || Ok(())).or_else(|_| transaction(writing, ready, &mut || Ok(())))?;
        transaction(writing, steps, agree)
    };
    match kind {
        #[cfg(feature = "duckdb")]
        "duckdb" => super::duckdb::write(fields, folder, files, limit, &mut work),
        #[cfg(feature = "postgres")]
        "postgres" => {
            let _only_of_duckdb = files;
            super::postgres::write(fields, folder, limit, &mut work)
        }
        other => Err(Refused::Fault(unreachable(format!("this presscheck does not write to a target of type `{other}`")))),
    }
}

fn transaction(writing: &mut dyn Writing, steps: &[Step], agree: &mut Agree<'_>) -> Result<Vec<Rows>, Refused> {
    writing.execute(writing.begin()).map_err(Refused::Fault)?;
    let done = run(writing, steps).and_then(|told| agree().map_err(Refused::Said).map(|()| told));
    match done {
        Ok(told) => writing.execute("COMMIT").map(|()| told).map_err(Refused::Fault),
        Err(refused) => {
            // The engine forgets what was not committed, too.
            let _forgotten = writing.execute("ROLLBACK").err();
            Err(refused)
        }
    }
}

fn run(writing: &mut dyn Writing, steps: &[Step]) -> Result<Vec<Rows>, Refused> {
    let mut told = Vec::new();
    let mut enough = false;
    for step in steps {
        match step {
            Step::Tell(sql) => {
                enough = false;
                told.push(writing.query(sql).map_err(Refused::Fault)?);
            }
            _ if enough => {}
            Step::Do(sql) => writing.execute(sql).map_err(Refused::Fault)?,
            Step::MustBeZero { sql, otherwise } => {
                if !is_zero(writing, sql)? {
                    return Err(Refused::Said(otherwise.clone()));
                }
            }
            Step::Unless { sql, then } => {
                if is_zero(writing, sql)? {
                    writing.execute(then).map_err(Refused::Fault)?;
                }
            }
            Step::Enough(sql) => enough = !is_zero(writing, sql)?,
        }
    }
    Ok(told)
}

fn is_zero(writing: &mut dyn Writing, sql: &str) -> Result<bool, Refused> {
    let rows = writing.query(sql).map_err(Refused::Fault)?;
    match rows.rows.first().map(Vec::as_slice) {
        Some([Cell::Int(number)]) if rows.rows.len() == 1 => Ok(*number == 0),
        other => Err(Refused::Fault(Fault {
            reason: Reason::WrongType,
            detail: format!("a question has the answer {other:?}, which is no number"),
        })),
    }
}
