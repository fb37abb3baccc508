//! Some failing rows of checks that failed: small statements after all others, on the same snapshot. What goes wrong here changes no outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Options, POLL, Warehouses};
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::check::samples::Sampled;
use crate::plan::{CheckId, Plan, Sampling};
use crate::warehouse::{Session, Warehouse};

/// Longest that one of these statements may take.
const LONGEST: Duration = Duration::from_secs(30);

/// The failing rows of these checks, as far as their contract declares columns of them. `snapshot` is what identified the data of the run: rows of other data are
/// not told.
pub fn samples(
    plan: &Plan,
    failed: &[CheckId],
    warehouse: &dyn Warehouse,
    options: &Options<'_>,
    snapshot: &str,
) -> BTreeMap<CheckId, Result<Sampled, Fault>> {
    let wanted: Vec<(&CheckId, &Sampling)> = failed.iter().filter_map(|id| plan.samples.get_key_value(id)).collect();
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let warehouses = Warehouses { own: warehouse, named: &options.connections };
    let mut told: BTreeMap<CheckId, Result<Sampled, Fault>> = BTreeMap::new();
    let connections: BTreeSet<&Option<String>> = wanted.iter().map(|(_, sampling)| &sampling.statement.connection).collect();
    for connection in connections {
        let of = || wanted.iter().filter(|(_, sampling)| sampling.statement.connection == *connection);
        match warehouses.get(connection).and_then(Warehouse::session) {
            Ok(mut session) => told.extend(watched(session.canceller().as_ref(), options.cancel, || {
                of().map(|(id, sampling)| ((*id).clone(), rows(session.as_mut(), sampling, options))).collect::<Vec<_>>()
            })),
            Err(fault) => told.extend(of().map(|(id, _)| ((*id).clone(), Err(fault.clone())))),
        }
    }
    if warehouses.snapshot(&warehouses.of_each()) == snapshot {
        return told;
    }
    let moved = Fault { reason: Reason::SnapshotMoved, detail: "the data changed before its rows were read".to_owned() };
    told.into_keys().map(|id| (id, Err(moved.clone()))).collect()
}

/// Does the work while another thread looks whether the run was stopped.
pub(super) fn watched<T>(cancel: &(dyn Fn() + Send + Sync), stopped: &AtomicBool, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _watch = thread::Builder::new().spawn_scoped(scope, || {
            while !done.load(Ordering::SeqCst) {
                if stopped.load(Ordering::SeqCst) {
                    return cancel();
                }
                thread::sleep(POLL);
            }
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        result
    })
}

fn rows(session: &mut dyn Session, sampling: &Sampling, options: &Options<'_>) -> Result<Sampled, Fault> {
    if options.cancel.load(Ordering::SeqCst) {
        return Err(Fault { reason: Reason::Cancelled, detail: "the run was stopped".to_owned() });
    }
    let answer = session.query(&sampling.statement.sql, options.limit.min(LONGEST))?;
    let text = |cell: &Cell| match cell {
        Cell::Null => Ok(None),
        Cell::Text(text) => Ok(Some(text.clone())),
        _ => Err(Fault { reason: Reason::WrongType, detail: "a value of a failing row is no text".to_owned() }),
    };
    let row = |row: &Vec<Cell>| {
        if row.len() != sampling.columns.len() {
            return Err(Fault { reason: Reason::WrongType, detail: "the failing rows have other columns".to_owned() });
        }
        row.iter().map(text).collect::<Result<Vec<_>, Fault>>()
    };
    let most = usize::try_from(sampling.limit).unwrap_or(0);
    let rows = answer.rows.iter().take(most).map(row).collect::<Result<Vec<_>, Fault>>()?;
    Ok(Sampled::of(sampling.columns.clone(), rows))
}
