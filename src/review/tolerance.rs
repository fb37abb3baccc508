//! Today's thresholds replayed over what was measured: which are crossed by most intervals, and which nothing comes near. Not for thresholds against earlier runs,
//! which move with what is measured.

use std::collections::BTreeMap;

use super::{Fit, Tolerance};
use crate::check::Spec;
use crate::check::common::Common;
use crate::check::judge;
use crate::contract::{Contract, check_name};
use crate::record::Document;

/// Fewest intervals from which a tolerance is called too tight.
const FEW: usize = 4;
/// Fewest intervals from which one is called too loose.
const MANY: usize = 8;
/// A tolerance is too loose where even so many times of what is measured, or a part of it as small, would not cross it.
const TIMES: i128 = 10;

/// Of each check with thresholds of its own, whether they fit; one value for each interval, the one that was measured last.
pub(super) fn tolerances(contract: &Contract, decisions: &[Document]) -> Vec<Tolerance> {
    contract.checks.iter().filter_map(|check| fit(&check.value, decisions)).collect()
}

fn fit(spec: &Spec, decisions: &[Document]) -> Option<Tolerance> {
    let common = spec.kind().common();
    if common.warn_if.is_none() && common.hold_if.is_none() {
        return None;
    }
    let id = check_name(spec);
    let mut last: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    for decision in decisions {
        let interval = decision.interval.as_ref().map_or_else(|| decision.run.clone(), |interval| interval.start.clone());
        let measured = decision.check(&id).and_then(|check| check.measured.as_ref());
        // A number that is no whole one is judged otherwise than by these thresholds.
        let number = measured.and_then(|measured| Some((measured.value.parse().ok()?, measured.rows_seen.parse().ok()?)));
        last.extend(number.map(|number| (interval, number)));
    }
    let mut values: Vec<i128> = last.values().map(|(value, _)| *value).collect();
    values.sort_unstable();
    let crossed = last.values().filter(|(value, rows)| crosses(&common, *value, *rows)).count();
    let intervals = values.len();
    // A tolerance may bound from above or from below; of nothing at all, one is the next that can be seen.
    let far = |value: i128| [value.max(1).saturating_mul(TIMES), value / TIMES, 1];
    let near = last.values().any(|(value, rows)| far(*value).into_iter().any(|value| crosses(&common, value, *rows)));
    let (kind, text) = if intervals >= FEW && crossed.saturating_mul(2) > intervals {
        (Fit::TooTight, format!("{crossed} of {intervals} intervals cross it: either the data is always wrong, or it asks for too much"))
    } else if intervals >= MANY && crossed == 0 && !near {
        (Fit::TooLoose, format!("in {intervals} intervals nothing came within a tenth of it: it would not see what is new"))
    } else {
        return None;
    };
    let at = |place: usize| values.get(place).map(i128::to_string).unwrap_or_default();
    let values = [at(0), at(intervals / 2), at(intervals.saturating_sub(1))];
    Some(Tolerance { check: id, kind, intervals, crossed, values, text })
}

/// As the check itself is judged; what cannot be judged counts as crossed.
fn crosses(common: &Common, value: i128, rows_seen: i128) -> bool {
    !matches!(judge::crossed(common, value, rows_seen), Ok(None))
}
