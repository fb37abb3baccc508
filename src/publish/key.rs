//! The idempotency key of an act: the same for the same decision, whoever acts on it and how often.

use crate::record::Document;

/// A key of what is done (`values`, `status`, `webhook:bi_refresh`) about a decision: 32 hexadecimal digits. It follows from contract, interval, every metric with its verdict,
/// and the decision's identifier.
pub fn key(document: &Document, act: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut say = |text: &str| {
        hasher.update(&u64::try_from(text.len()).map_or([0xff; 8], u64::to_le_bytes));
        hasher.update(text.as_bytes());
    };
    say(act);
    say(&document.contract);
    match &document.interval {
        Some(interval) => [&interval.start, &interval.end].into_iter().for_each(|text| say(text)),
        None => say("no interval"),
    }
    for metric in &document.metrics {
        say(&metric.id);
        say(super::statement::verdict(metric.verdict));
    }
    say(&document.run);
    hasher.finalize().to_hex().chars().take(32).collect()
}
