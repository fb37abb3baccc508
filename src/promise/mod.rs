//! Two versions of a promise: what a change loosens, tightens or breaks, metric by metric, in the contract and in the SQL beneath it.
//!
//! A change *loosens* a metric when some outcome of the checks gives it a lower verdict than before (`publish` < `warn` < `hold`), and *tightens* it
//! when some outcome gives a higher one. Both are computed, not guessed: [`outcomes`](self) pairs, check by check, how the old and the new version may
//! end on the same data, and [`order`](self) asks whether any choice of them lowers or raises the verdict. Where it is not known that two versions
//! measure the same, every pair is possible, so that a loosening is never missed. Pure; `cli` reads the versions and tells the result.

mod change;
mod deadline;
mod impact;
mod order;
mod outcomes;
mod rest;
mod same;
mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::contract::Contract;
use crate::dbt::Project;
use crate::lineage::{Lineage, NodeIndex};
use crate::plan::{MetricId, Plan};

pub use change::{Change, ContractChange, Kind, MetricChange, Person};
pub use impact::{ModelChange, Reached, models};

/// One version of a contract, planned beside its project.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// What it asks, for the newest interval at the moment of comparison.
    pub plan: &'a Plan,
    /// What each metric is made of; see [`crate::plan::targets`].
    pub targets: &'a [(MetricId, Result<Vec<NodeIndex>, String>)],
    /// The dbt project.
    pub project: &'a Project,
    /// Its lineage.
    pub lineage: &'a Lineage,
    /// The project's own templates: kind and text.
    pub macros: &'a BTreeMap<String, String>,
}

/// What a change does to one contract that both versions have. `now` is the moment: what has expired counts in neither.
pub fn compare(base: &Version<'_>, head: &Version<'_>, now: Timestamp) -> ContractChange {
    change::compare(base, head, now)
}

/// A contract that only the new version has.
pub fn added(head: &Version<'_>) -> ContractChange {
    change::alone(head, false)
}

/// A contract that only the old version has: all its promises are gone.
pub fn removed(base: &Version<'_>) -> ContractChange {
    change::alone(base, true)
}

/// A contract whose old version could not be decided: every metric was held, and may publish now.
pub fn decidable(head: &Version<'_>) -> ContractChange {
    change::decidable(head)
}
