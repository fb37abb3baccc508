//! A decision -> its rows of the status table.

use super::STATUS;
use super::statement::{about, caveat, interval, maybe, moment, of_run, text, verdict};
use crate::record::{Document, MetricRecord, Status, Verdict};
use crate::warehouse::writer::Step;

/// Replaces what the table says of this contract and interval. `snapshot` is the table of certified values, as rendered for SQL, written before in the same transaction;
/// `published` is whether nothing else has to happen first.
///
/// # Errors
/// The document cannot be published, for people.
pub(super) fn status(relation: &str, snapshot: Option<&str>, document: &Document, published: bool) -> Result<Vec<Step>, String> {
    let [start, end] = interval(document)?;
    let row = |metric: &MetricRecord| {
        let [shown, of] = shown(snapshot, document, metric, end);
        let cells = [
            text(&document.contract),
            text(&metric.id),
            text(&document.report),
            text(&metric.title),
            moment(start),
            moment(end),
            text(verdict(metric.verdict)),
            text(word(document.status)),
            maybe(caveat(metric).as_deref()),
            text(&metric.sentence),
            shown,
            of,
            text(if published { "yes" } else { "no" }),
            text(&document.run),
            moment(Some(document.decided_at)),
            "current_timestamp".to_owned(),
            text(&super::key(document, "tables")),
        ];
        Step::Do(format!("insert into {relation} ({}) select {}", STATUS.names(), cells.join(", ")))
    };
    let clear = Step::Do(format!("delete from {relation} where {}", about(document, start)));
    Ok(std::iter::once(clear).chain(document.metrics.iter().map(row)).collect())
}

/// What the snapshot shows of a metric, and until when that is of; without a snapshot a metric that may be published is shown by the dashboard as it stands.
fn shown(snapshot: Option<&str>, document: &Document, metric: &MetricRecord, end: Option<jiff::Timestamp>) -> [String; 2] {
    match (snapshot, metric.verdict) {
        (Some(snapshot), _) => {
            let rows = format!("from {snapshot} where {} and metric = {}", of_run(document), text(&metric.id));
            [format!("(select max(shown) {rows})"), format!("(select max(as_of_end) {rows})")]
        }
        (None, Verdict::Publish | Verdict::Warn) => [maybe(None), moment(end)],
        (None, Verdict::Hold) => [maybe(None), moment(None)],
    }
}

/// Says that everything was done.
pub(super) fn published(relation: &str, document: &Document) -> Vec<Step> {
    vec![Step::Do(format!("update {relation} set published = 'yes' where {}", of_run(document)))]
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Complete => "complete",
        Status::Partial => "partial",
        Status::Stale => "stale",
        Status::Late => "late",
        Status::Failed => "failed",
    }
}
