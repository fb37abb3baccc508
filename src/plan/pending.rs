//! Stand-ins for what other rooms are about to offer; each fails closed.

use std::collections::BTreeSet;

use crate::dbt::Project;
use crate::diagnostic::{Finding, codes};

pub(super) fn semantic(_: &Project, name: &str) -> Result<Vec<(String, BTreeSet<String>)>, String> {
    Err(format!("the metric `{name}` of the semantic layer is not resolved yet"))
}

pub(super) fn select(_: &Project, _: &[String], _: &[String]) -> Result<BTreeSet<String>, Finding> {
    Err(Finding::error(codes::NOTHING_TO_CHECK, "selectors are not read yet").help("select: upstream"))
}
