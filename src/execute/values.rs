//! What the metrics' values are while their checks are asked: a count and a fingerprint of each, by small statements on the same snapshot, for `publish` to
//! compare. What goes wrong here changes no outcome; it keeps a metric from being published.

use std::collections::BTreeMap;

use super::samples::watched;
use super::{Options, Warehouses};
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::plan::{MetricId, Plan, Values};
use crate::warehouse::{Rows, Session, Warehouse};

/// What was noted of a metric's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How many rows there are.
    pub rows: u64,
    /// A hash over which row each is and its number.
    pub fingerprint: String,
    /// Hash of the exact SQL.
    pub sql_hash: String,
}

/// Notes the values of every metric that can be published. `snapshot` is what identified the data of the run: of other data nothing is noted.
pub fn values(plan: &Plan, warehouse: &dyn Warehouse, options: &Options<'_>, snapshot: &str) -> BTreeMap<MetricId, Result<Seen, Fault>> {
    let stated = |why: &String| Fault { reason: Reason::NotExecutedYet, detail: why.clone() };
    let all = plan.publishing.values.iter();
    let wanted = all.map(|(id, values)| (id.clone(), values.as_ref().map_err(stated)));
    let (wanted, mut noted) = wanted.fold((Vec::new(), BTreeMap::new()), |(mut wanted, mut noted), (id, values)| {
        match values {
            Ok(values) => wanted.push((id, values)),
            Err(fault) => drop(noted.insert(id, Err(fault))),
        }
        (wanted, noted)
    });
    if wanted.is_empty() {
        return noted;
    }
    match warehouse.session() {
        Err(fault) => noted.extend(wanted.into_iter().map(|(id, _)| (id, Err(fault.clone())))),
        Ok(mut session) => {
            let canceller = session.canceller();
            let seen = watched(canceller.as_ref(), options.cancel, || {
                wanted.into_iter().map(|(id, values)| (id, seen(session.as_mut(), values, options))).collect::<Vec<_>>()
            });
            drop(session);
            let warehouses = Warehouses { own: warehouse, named: &options.connections };
            let same = warehouses.snapshot(&warehouses.of_each()) == snapshot;
            let moved = || Fault { reason: Reason::SnapshotMoved, detail: "the data changed before the values were noted".to_owned() };
            noted.extend(seen.into_iter().map(|(id, seen)| (id, if same { seen } else { Err(moved()) })));
        }
    }
    noted
}

fn seen(session: &mut dyn Session, values: &Values, options: &Options<'_>) -> Result<Seen, Fault> {
    if options.cancel.load(std::sync::atomic::Ordering::SeqCst) {
        return Err(Fault { reason: Reason::Cancelled, detail: "the run was stopped".to_owned() });
    }
    let Rows { rows, .. } = session.query(&values.fingerprint, options.limit)?;
    let sql_hash = blake3::hash(values.fingerprint.as_bytes()).to_hex().to_string();
    match rows.as_slice() {
        [row] => match row.as_slice() {
            [Cell::Int(rows), Cell::Text(fingerprint)] => {
                let rows = u64::try_from(*rows).map_err(|_| wrong())?;
                Ok(Seen { rows, fingerprint: fingerprint.clone(), sql_hash })
            }
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

fn wrong() -> Fault {
    Fault { reason: Reason::WrongType, detail: "the values are not told by a count and a hash".to_owned() }
}
