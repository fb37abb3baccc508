//! Answers -> outcomes: how each expected check ended. A pass is built from evidence here, and nowhere else.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::check::Spec;
use crate::check::common::{Expect, Severity};
use crate::check::measurement::{Cell, Measurement};
use crate::check::outcome::{Evidence, Fault, Judgement, Measured, Outcome, Reason};
use crate::execute::{Answer, Answers};
use crate::plan::{Asked, CheckId, Plan};

/// How every expected check ended, judged at `now`. A check without an answer was not started. An answer that nobody expected stays in the
/// result under its own name, where [`super::decide`] finds it and holds everything.
pub fn outcomes(plan: &Plan, answers: &Answers, now: jiff::Timestamp) -> BTreeMap<CheckId, Outcome> {
    let mut ended = BTreeMap::new();
    for check in &plan.expected.checks {
        let answer = answers.by_check.get(&check.id);
        let outcome = match plan.asks.get(&check.id) {
            None => Outcome::Error(bug("the plan does not say how to measure it")),
            Some(Asked::Skipped(fault)) => {
                if answer.is_some() {
                    let stray = format!("{} (measured although the plan skips it)", check.id);
                    ended.insert(stray, Outcome::Error(bug("answered although the plan skips it")));
                }
                Outcome::Skipped(fault.clone())
            }
            Some(Asked::Measured { spec, columns, .. }) => match answer {
                None => Outcome::Skipped(Fault { reason: Reason::NotStarted, detail: String::from("no answer came") }),
                Some(answer) => judge(spec, columns, answer, &answers.snapshot, now),
            },
        };
        ended.insert(check.id.clone(), outcome);
    }
    for id in answers.by_check.keys().filter(|id| !ended.contains_key(*id)).cloned().collect::<Vec<_>>() {
        ended.insert(id, Outcome::Error(bug("answered although nobody asked")));
    }
    ended
}

/// Judges one answer. The reader has validated it; what slipped through is caught here again, because a cell that is read as another is a
/// false pass.
fn judge(spec: &Spec, columns: &[Expect], answer: &Answer, snapshot: &str, now: jiff::Timestamp) -> Outcome {
    let measurement = match &answer.measurement {
        Ok(measurement) => Measurement { now, ..measurement.clone() },
        Err(fault) => return Outcome::Error(fault.clone()),
    };
    let items: Vec<Expect> = spec.kind().request().items.into_iter().map(|(_, expect)| expect).collect();
    if let Some(fault) = invalid(&measurement, columns, &items) {
        return Outcome::Error(fault);
    }
    match spec.kind().judge(&measurement) {
        Judgement::Fail { asks, measured, why } => Outcome::Fail { asks, measured, why },
        Judgement::Error(fault) => Outcome::Error(fault),
        Judgement::Pass(measured) => match too_few(spec, &measurement, &measured) {
            Some(failed) => failed,
            None => match Evidence::of(measured, answer.sql_hash.clone(), snapshot.to_owned(), answer.attempts) {
                Ok(evidence) => Outcome::Pass(evidence),
                Err(fault) => Outcome::Error(fault),
            },
        },
    }
}

/// Why a measurement cannot be judged at all.
fn invalid(measurement: &Measurement, columns: &[Expect], items: &[Expect]) -> Option<Fault> {
    if measurement.rows_seen < 0 {
        return Some(fault(Reason::OutOfRange, "fewer than no rows were seen"));
    }
    if measurement.cells.len() != columns.len() {
        return Some(fault(
            Reason::WrongType,
            &format!("{} columns were measured, {} were asked for", measurement.cells.len(), columns.len()),
        ));
    }
    if measurement.items.iter().any(|item| item.len() != items.len() || items.is_empty()) {
        return Some(fault(Reason::WrongType, "something is listed that was not asked for"));
    }
    let listed = measurement.items.iter().flat_map(|item| item.iter().zip(items));
    measurement.cells.iter().zip(columns).chain(listed).find_map(|(cell, expect)| unfit(cell, *expect))
}

/// Why a cell is not of the type that the check expects.
fn unfit(cell: &Cell, expect: Expect) -> Option<Fault> {
    match (cell, expect) {
        (Cell::Int(count), Expect::Count) => (*count < 0).then(|| fault(Reason::OutOfRange, "a count is negative")),
        (Cell::Decimal(count), Expect::Count) => {
            let whole = *count >= Decimal::ZERO && count.fract() == Decimal::ZERO;
            (!whole).then(|| fault(Reason::WrongType, "a count is not a whole number"))
        }
        (Cell::Int(_) | Cell::Decimal(_), Expect::Number | Expect::NumberOrNull) => None,
        (Cell::Null, Expect::NumberOrNull | Expect::Time | Expect::Text) => None,
        (Cell::Null, Expect::Count | Expect::Number) => Some(fault(Reason::Null, "a number is NULL")),
        (Cell::NotFinite, Expect::Count | Expect::Number | Expect::NumberOrNull) => {
            Some(fault(Reason::NotFinite, "a number is NaN or infinite"))
        }
        (Cell::OutOfRange(text), Expect::Count | Expect::Number | Expect::NumberOrNull) => {
            Some(fault(Reason::OutOfRange, &format!("`{text}` does not fit an exact number")))
        }
        (Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime, Expect::Time) => None,
        (Cell::Unsupported(name), Expect::Count | Expect::Number | Expect::NumberOrNull | Expect::Time) => {
            Some(fault(Reason::WrongType, &format!("a column has the type {name}, which no check reads")))
        }
        (
            Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime | Cell::Bool(_) | Cell::Text(_),
            Expect::Count | Expect::Number | Expect::NumberOrNull,
        ) => Some(fault(Reason::WrongType, "a number was expected")),
        (Cell::Int(_) | Cell::Decimal(_) | Cell::NotFinite | Cell::OutOfRange(_) | Cell::Bool(_) | Cell::Text(_), Expect::Time) => {
            Some(fault(Reason::WrongType, "a point in time was expected"))
        }
        (
            Cell::Int(_)
            | Cell::Decimal(_)
            | Cell::NotFinite
            | Cell::OutOfRange(_)
            | Cell::Instant(_)
            | Cell::Local(_)
            | Cell::InfiniteTime
            | Cell::Bool(_)
            | Cell::Text(_)
            | Cell::Unsupported(_),
            Expect::Text,
        ) => None,
    }
}

/// A pass over fewer rows than count as evidence is a failure that holds, whatever the kind said.
fn too_few(spec: &Spec, measurement: &Measurement, measured: &Measured) -> Option<Outcome> {
    let common = spec.kind().common();
    let least = common.min_rows.map_or(1, |least| i128::from(least.value.max(1)));
    let enough = measurement.rows_seen >= least || (measurement.rows_seen == 0 && common.allow_empty.is_some());
    (!enough).then(|| Outcome::Fail {
        asks: Severity::Hold,
        measured: measured.clone().of_too_few_rows(),
        why: if measurement.rows_seen == 0 {
            String::from("there are no rows")
        } else {
            format!("there are {} rows, at least {least} are needed", measurement.rows_seen)
        },
    })
}

fn fault(reason: Reason, detail: &str) -> Fault {
    Fault { reason, detail: detail.to_owned() }
}

fn bug(detail: &str) -> Fault {
    fault(Reason::Internal, detail)
}
