//! Parts of statements: texts, moments, and the questions that both tables are asked. Whatever comes in, nothing gets out of the quotes.

use jiff::Zoned;

use super::Engine;
use crate::record::{Document, MetricRecord, Verdict};
use crate::warehouse::writer::Step;

/// A text literal; NUL, which no engine takes, is left out.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\0', "").replace('\'', "''"))
}

/// A text literal, or NULL.
pub(super) fn maybe(value: Option<&str>) -> String {
    value.map_or_else(|| "cast(null as text)".to_owned(), text)
}

/// A moment; NULL where there is none.
pub(super) fn moment(value: Option<jiff::Timestamp>) -> String {
    value.map_or_else(|| "cast(null as timestamp with time zone)".to_owned(), |at| format!("cast('{at}' as timestamp with time zone)"))
}

/// A verdict as it is written.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Publish => "publish",
        Verdict::Warn => "warn",
        Verdict::Hold => "hold",
    }
}

/// Start and end of the interval; both absent without a schedule.
///
/// # Errors
/// The document holds something else.
pub(super) fn interval(document: &Document) -> Result<[Option<jiff::Timestamp>; 2], String> {
    let Some(interval) = &document.interval else { return Ok([None, None]) };
    let read = |written: &str| written.parse::<Zoned>().map(|at| at.timestamp()).map_err(|_| format!("`{written}` is no moment"));
    Ok([Some(read(&interval.start)?), Some(read(&interval.end)?)])
}

/// What is shown beside a number, as one text.
pub(super) fn caveat(metric: &MetricRecord) -> Option<String> {
    (!metric.caveats.is_empty()).then(|| metric.caveats.join("; "))
}

/// The rows of a table that are about this decision's contract and interval.
pub(super) fn about(document: &Document, start: Option<jiff::Timestamp>) -> String {
    format!("contract = {} and interval_start is not distinct from {}", text(&document.contract), moment(start))
}

/// Keeps other writers of the table out until the transaction ends. DuckDB has one writer at a time anyway.
pub(super) fn alone(engine: Engine, table: &str) -> Option<String> {
    match engine {
        Engine::Postgres => Some(format!("lock table {table} in share row exclusive mode")),
        Engine::DuckDb => None,
    }
}

/// Nothing of a later decision about the same interval is there.
pub(super) fn no_newer(relation: &str, document: &Document, start: Option<jiff::Timestamp>) -> Step {
    let (whose, decided) = (about(document, start), moment(Some(document.decided_at)));
    Step::MustBeZero {
        sql: format!("select count(*) from {relation} where {whose} and decided_at > {decided}"),
        otherwise: "a newer decision about this interval is published already".to_owned(),
    }
}

/// Whether this decision is there already: then the transaction was committed, though nobody heard of it.
pub(super) fn enough(relation: &str, document: &Document) -> Step {
    Step::Enough(format!("select count(*) from {relation} where {}", of_run(document)))
}

/// The rows of this decision.
pub(super) fn of_run(document: &Document) -> String {
    format!("contract = {} and run = {}", text(&document.contract), text(&document.run))
}
