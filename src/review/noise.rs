//! Which checks cried wolf: what held and was let through as it was, and what came and went. Not for whether they were right.

use std::collections::BTreeMap;

use super::{Noise, NoiseKind};
use crate::record::{CheckRecord, Document, Ended, Verdict};

/// Changes between passing and not, within the time that is reviewed, from which a check flaps.
const CHANGES: usize = 3;

/// The noise in these decisions, by check.
pub(super) fn noise(decisions: &[&Document]) -> Vec<Noise> {
    let mut ids: Vec<&str> = Vec::new();
    for check in decisions.iter().flat_map(|decision| &decision.checks) {
        if !ids.contains(&check.id.as_str()) {
            ids.push(&check.id);
        }
    }
    ids.into_iter().flat_map(|id| overridden(id, decisions).into_iter().chain(flapping(id, decisions))).collect()
}

/// It held a metric, and a later decision about the same interval saw the same number and held nothing because of it.
fn overridden(id: &str, decisions: &[&Document]) -> Option<Noise> {
    let mut held: BTreeMap<Option<&str>, &str> = BTreeMap::new();
    let mut through = 0_usize;
    for decision in decisions {
        let interval = decision.interval.as_ref().map(|interval| interval.start.as_str());
        let Some(value) = decision.check(id).filter(|check| failed_or_passed(check)).and_then(value) else { continue };
        if holds(decision, id) {
            held.insert(interval, value);
        } else if held.get(&interval) == Some(&value) {
            held.remove(&interval);
            through += 1;
        }
    }
    (through > 0).then(|| {
        let times = if through == 1 { "once".to_owned() } else { format!("{through} times") };
        let text = format!("held {times} what was let through afterwards with the same measurement");
        Noise { check: id.to_owned(), kind: NoiseKind::Overridden, text }
    })
}

/// It passed, did not, passed again.
fn flapping(id: &str, decisions: &[&Document]) -> Option<Noise> {
    let ended: Vec<bool> = decisions.iter().filter_map(|decision| decision.check(id)).map(|check| check.outcome == Ended::Pass).collect();
    let changes = ended.windows(2).filter(|pair| matches!(pair, [one, other] if one != other)).count();
    (changes >= CHANGES).then(|| {
        let text = format!("changed {changes} times between passing and not, in {} decisions", ended.len());
        Noise { check: id.to_owned(), kind: NoiseKind::Flapping, text }
    })
}

fn failed_or_passed(check: &CheckRecord) -> bool {
    matches!(check.outcome, Ended::Pass | Ended::FailWarn | Ended::FailHold)
}

fn value(check: &CheckRecord) -> Option<&str> {
    check.measured.as_ref().map(|measured| measured.value.as_str())
}

fn holds(decision: &Document, id: &str) -> bool {
    let causes = decision.metrics.iter().filter(|metric| metric.verdict == Verdict::Hold).flat_map(|metric| &metric.causes);
    causes.filter(|cause| cause.asks == Verdict::Hold).any(|cause| cause.check.as_deref() == Some(id))
}
