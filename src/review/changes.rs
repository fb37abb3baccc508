//! What changed in sources and models beneath the reports, as checks of their columns saw it: somebody has to change a model, or the contract.

use super::Change;
use crate::record::{Document, Ended};

/// The kind of check that looks at columns.
const KIND: &str = "schema";

/// Each change once, with when it was seen first and whether the last decision still sees it.
pub(super) fn changes(decisions: &[&Document]) -> Vec<Change> {
    let mut found: Vec<Change> = Vec::new();
    for decision in decisions {
        let failed =
            decision.checks.iter().filter(|check| check.kind == KIND && matches!(check.outcome, Ended::FailWarn | Ended::FailHold));
        let seen: Vec<_> = failed.collect();
        found.iter_mut().for_each(|change| change.still = seen.iter().any(|check| check.id == change.check && check.detail == change.what));
        for check in seen {
            if !found.iter().any(|change| change.check == check.id && change.what == check.detail) {
                found.push(Change {
                    check: check.id.clone(),
                    about: check.about.clone(),
                    what: check.detail.clone(),
                    reaches: check.reaches.keys().cloned().collect(),
                    seen: decision.decided_at,
                    still: true,
                });
            }
        }
    }
    found
}
