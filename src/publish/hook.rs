//! What a hook is told: that a decision was published, or that it holds, in the words of the record. Not for whom to alert: see `tell`.

use jiff::Timestamp;
use serde::Serialize;

use super::Shown;
use crate::record::{Document, IntervalRecord, Status, Verdict};

/// What a webhook gets as its body, and a command on its standard input. Version 1.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    /// The idempotency key: whoever knows it has heard of this before.
    key: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    contract: &'a str,
    report: &'a str,
    interval: Option<&'a IntervalRecord>,
    decision: &'a str,
    decided_at: Timestamp,
    status: Status,
    summary: &'a str,
    metrics: Vec<Metric<'a>>,
}

#[derive(Serialize)]
struct Metric<'a> {
    id: &'a str,
    title: &'a str,
    verdict: Verdict,
    sentence: &'a str,
    caveats: &'a [String],
    /// What the table of certified values shows; absent where the contract has none.
    shown: Option<&'a str>,
    /// First instant of the interval that the shown value is of.
    of: Option<&'a str>,
}

/// The text of a call.
///
/// # Errors
/// It cannot be written as JSON: a bug.
pub(super) fn payload(document: &Document, shown: &[Shown], key: &str) -> Result<String, String> {
    let metrics = document.metrics.iter().map(|metric| {
        let now = shown.iter().find(|shown| shown.metric == metric.id);
        Metric {
            id: &metric.id,
            title: &metric.title,
            verdict: metric.verdict,
            sentence: &metric.sentence,
            caveats: &metric.caveats,
            shown: now.map(|shown| shown.shown.as_str()),
            of: now.and_then(|shown| shown.of.as_deref()),
        }
    });
    let data = Data {
        contract: &document.contract,
        report: &document.report,
        interval: document.interval.as_ref(),
        decision: &document.run,
        decided_at: document.decided_at,
        status: document.status,
        summary: &document.summary,
        metrics: metrics.collect(),
    };
    // The moment is the decision's, so that the same call has the same text.
    let payload = Payload { kind: "presscheck.published", timestamp: document.decided_at, key, data };
    serde_json::to_string(&payload).map_err(|error| error.to_string())
}
