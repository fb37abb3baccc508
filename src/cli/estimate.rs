//! What the statements of plans would read, asked of the warehouse without running them. Not for refusing any: see [`crate::warehouse::budget`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::arguments::Reach;
use super::load::Loaded;
use super::{Stopped, connect};
use crate::check::outcome::Fault;
use crate::plan::{Plan, Statement};
use crate::warehouse::budget::Budget;
use crate::warehouse::{Estimate, Session};

/// Longest that one estimate may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The estimate of one statement.
pub(super) struct Estimated {
    /// What it would read; why that cannot be asked.
    pub(super) estimate: Result<Estimate, Fault>,
    /// Why it would not be sent.
    pub(super) beyond: Option<String>,
}

/// The estimates of every plan's statements, in their order.
pub(super) fn of(loaded: &Loaded, reach: &Reach, plans: &[&Plan]) -> Result<Vec<Vec<Estimated>>, Stopped> {
    let connected = connect::open(loaded, reach)?;
    let budget = connect::budget(&loaded.workspace);
    let mut sessions = BTreeMap::from([(None, connected.warehouse.and_then(|warehouse| warehouse.session()))]);
    for name in connect::used(plans) {
        let session = connect::open_further(loaded, reach, &name).session();
        sessions.insert(Some(name), session);
    }
    let of_plan = |plan: &&Plan| plan.statements.iter().map(|statement| one(&mut sessions, statement, budget)).collect();
    Ok(plans.iter().map(of_plan).collect())
}

/// Sessions by connection; `None` is the project's own.
type Sessions = BTreeMap<Option<String>, Result<Box<dyn Session>, Fault>>;

fn one(sessions: &mut Sessions, statement: &Statement, budget: Budget) -> Estimated {
    let mut of = |connection: &Option<String>, sql: &str| match sessions.get_mut(connection) {
        Some(Ok(session)) => session.estimate(sql, LIMIT),
        Some(Err(fault)) => Err(fault.clone()),
        None => Ok(Estimate::default()),
    };
    let estimate = match &statement.compare {
        Some(compare) => {
            let [left, right] = compare.sides().map(|side| of(&side.connection, &side.sql));
            left.and_then(|left| Ok(left.and(right?)))
        }
        None => of(&statement.connection, &statement.sql),
    };
    let beyond = match &estimate {
        Ok(estimate) => budget.allows(*estimate).err().map(|fault| fault.detail),
        Err(_) if budget.is_set() => Some("not sent: its estimate cannot be had".to_owned()),
        Err(_) => None,
    };
    Estimated { estimate, beyond }
}

/// For people: `about 12000 rows, 1.4 MB`.
pub(super) fn spoken(estimated: &Estimated) -> String {
    match &estimated.estimate {
        Ok(Estimate { rows, bytes }) => {
            let rows = rows.map_or("unknown how many rows".to_owned(), |rows| format!("about {rows} rows"));
            let bytes = bytes.map_or("unknown how many bytes".to_owned(), in_units);
            format!("{rows}, {bytes}")
        }
        Err(fault) => format!("cannot be estimated: {}", fault.detail),
    }
}

fn in_units(bytes: u64) -> String {
    let units = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{}.{} {unit}", bytes / size, bytes % size / (size / 10)),
        None => format!("{bytes} bytes"),
    }
}
