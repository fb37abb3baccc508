//! Contract against project, without data: one rule is one function.
use crate::contract::Contract;
use crate::dbt::Project;
use crate::diagnostic::Finding;
use crate::lineage::Lineage;

/// Names that do not exist, expressions that do not parse, keys that contradict each other: all of them.
pub fn references(_contract: &Contract, _project: &Project, _lineage: &Lineage) -> Vec<Finding> {
    Vec::new()
}
