//! dbt's own contract of a model, where it is enforced: dbt builds no such model with other columns.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::wire::Node;

/// dbt's own contract of a model.
#[derive(Deserialize)]
pub struct Contract {
    #[serde(default)]
    pub enforced: Option<bool>,
}

/// What a model or a column of it must satisfy; `columns` for those of a model.
#[derive(Deserialize)]
pub struct Constraint {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub columns: Option<Vec<String>>,
}

/// The columns that an enforced contract of dbt keeps from being NULL; `None` where none is enforced. Of a view dbt enforces names and types alone.
pub(super) fn columns(node: &Node, materialized: Option<&str>) -> Option<BTreeSet<String>> {
    if node.contract.as_ref().and_then(|contract| contract.enforced) != Some(true) {
        return None;
    }
    if !matches!(materialized, Some("table" | "incremental")) {
        return Some(BTreeSet::new());
    }
    let keeps = |constraint: &&Constraint| matches!(constraint.kind.as_str(), "not_null" | "primary_key");
    let columns = node.columns.0.iter().filter(|(_, column)| column.constraints.iter().flatten().any(|one| keeps(&one)));
    let of_model = node.constraints.iter().flatten().filter(keeps).flat_map(|constraint| constraint.columns.iter().flatten());
    Some(columns.map(|(key, column)| column.name.as_ref().unwrap_or(key)).chain(of_model).map(|name| name.to_lowercase()).collect())
}
