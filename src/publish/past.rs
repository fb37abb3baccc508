//! What earlier publications left: of which metrics the snapshot keeps a certified value. Read from the journal, without asking the warehouse.

use std::collections::BTreeMap;

use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use crate::history::{ActKind, History};
use crate::plan::{Kept, MetricId};
use crate::record::Document;

/// What the intent of writing the tables keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    /// The decision.
    pub decision: String,
    /// The relation of the snapshot, as the contract names it.
    pub snapshot: Option<String>,
    /// The relation of the status.
    pub status: Option<String>,
    /// First instant of the interval, and the first after it.
    pub interval: Option<(String, String)>,
    /// The metrics whose values are certified.
    pub certified: Vec<MetricId>,
}

impl Tables {
    pub(super) fn interval(document: &Document) -> Option<(String, String)> {
        document.interval.as_ref().map(|interval| (interval.start.clone(), interval.end.clone()))
    }
}

/// The metrics of which the snapshot keeps a certified value, of an interval that does not begin after `start`, published before `now`; and the interval that the value
/// is of.
///
/// # Errors
/// The history cannot be read.
pub fn kept(
    history: &History,
    contract: &str,
    snapshot: &str,
    start: Option<Timestamp>,
    now: Timestamp,
) -> Result<BTreeMap<MetricId, Kept>, String> {
    let mut found: BTreeMap<MetricId, Kept> = BTreeMap::new();
    for act in history.acts(contract, ActKind::Publish, Timestamp::MIN)? {
        let done = act.done.as_ref().is_some_and(|(at, _)| *at <= now);
        let Ok(tables) = serde_json::from_value::<Tables>(act.intent.body) else { continue };
        if !done || tables.snapshot.as_deref() != Some(snapshot) {
            continue;
        }
        let interval = match &tables.interval {
            None => None,
            Some((start, end)) => match (start.parse::<Zoned>(), end.parse::<Zoned>()) {
                (Ok(start), Ok(end)) => Some((start, end)),
                (Ok(_) | Err(_), Ok(_) | Err(_)) => continue,
            },
        };
        let begins = interval.as_ref().map(|(start, _)| start.timestamp());
        if begins.is_some() != start.is_some() || begins > start {
            continue;
        }
        for metric in tables.certified {
            let older = |known: &Kept| known.as_ref().map(|(start, _)| start.timestamp()) <= begins;
            if found.get(&metric).is_none_or(older) {
                found.insert(metric, interval.clone());
            }
        }
    }
    Ok(found)
}
