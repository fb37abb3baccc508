//! How long readers saw older values, or none: from the decision that held a metric to the one that let it through. Not for how many read them: nothing here knows.

use jiff::Timestamp;

use super::Stale;
use crate::record::{Document, Verdict};

/// The times within `since` and `until` in which a metric was held for the newest interval that was decided about, in the order in which they began.
pub(super) fn stale(decisions: &[Document], since: Timestamp, until: Timestamp) -> Vec<Stale> {
    let mut found: Vec<Stale> = Vec::new();
    let mut newest: Option<Timestamp> = None;
    for decision in decisions.iter().filter(|decision| decision.decided_at <= until) {
        let begins =
            decision.interval.as_ref().and_then(|interval| interval.start.parse::<jiff::Zoned>().ok()).map(|start| start.timestamp());
        // What is made up for an earlier interval changes nothing of what readers see of the last one.
        if begins < newest {
            continue;
        }
        newest = begins;
        for metric in &decision.metrics {
            let open = found.iter_mut().find(|stale| stale.metric == metric.id && stale.to.is_none());
            match (metric.verdict, open) {
                (Verdict::Hold, None) => found.push(Stale {
                    metric: metric.id.clone(),
                    title: metric.title.clone(),
                    from: decision.decided_at,
                    to: None,
                    blank: metric.kept.is_none(),
                }),
                (Verdict::Publish | Verdict::Warn, Some(open)) => open.to = Some(decision.decided_at),
                (Verdict::Hold, Some(_)) | (Verdict::Publish | Verdict::Warn, None) => {}
            }
        }
    }
    found.retain(|stale| stale.to.is_none_or(|to| to > since));
    found
}
