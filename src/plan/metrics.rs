//! A metric of the contract -> the nodes that it is made of: its columns and the rows of their relations.

use std::collections::BTreeSet;

use crate::check::argument::split_column;
use crate::contract;
use crate::diagnostic::At;
use crate::lineage::{self, NodeIndex, Part};
use crate::macros::Variables;

use super::ground::Ground;
use super::reach::Upwards;
use super::{GuardedMetric, Upstream};

/// A metric with everything upstream of it.
#[derive(Debug)]
pub(super) struct Traced {
    pub metric: GuardedMetric,
    pub upwards: Upwards,
}

/// Traces one metric of a contract.
pub(super) fn trace(ground: &Ground<'_>, id: &str, metric: &contract::Metric) -> Traced {
    let targets = targets(ground, metric);
    let owner = metric.owner.as_ref().map(person);
    let last_safe = match metric.when_held.as_ref().map(|when| when.value) {
        Some(contract::WhenHeld::LastSafe) => true,
        Some(contract::WhenHeld::Blank) | None => false,
    };
    traced(ground, id, metric.title.as_ref().map_or(id, |title| title.as_str()), owner, last_safe, targets)
}

/// Traces a metric whose targets are found.
pub(super) fn traced(
    ground: &Ground<'_>,
    id: &str,
    title: &str,
    owner: Option<(String, Option<String>)>,
    last_safe: bool,
    targets: Result<Vec<NodeIndex>, String>,
) -> Traced {
    let (upwards, upstream) = match targets {
        Ok(targets) => {
            let upwards = Upwards::from(ground, &targets);
            let upstream = upwards.upstream(ground);
            (upwards, upstream)
        }
        Err(reason) => (Upwards::from(ground, &[]), Upstream::Unresolved(reason)),
    };
    Traced { metric: GuardedMetric { id: id.to_owned(), title: title.to_owned(), owner, last_safe, upstream }, upwards }
}

/// Team and contact.
pub(super) fn person(owner: &contract::Owner) -> (String, Option<String>) {
    (owner.team.value.clone(), owner.contact.as_ref().map(|contact| contact.value.clone()))
}

/// The nodes that a metric of a contract is made of.
pub(super) fn targets(ground: &Ground<'_>, metric: &contract::Metric) -> Result<Vec<NodeIndex>, String> {
    match (&metric.column, &metric.metric, &metric.expression) {
        (Some(path), None, None) => {
            let (relation, column) = split_column(path).ok_or_else(|| format!("`{path}` is not model.column"))?;
            let node = ground.project.find(&relation).ok_or_else(|| format!("`{relation}` is not in the dbt project"))?;
            of_relation(ground, &node.unique_id, &BTreeSet::from([column.value]))
        }
        (None, Some(name), None) => semantic(ground, name),
        (None, None, Some(expression)) => of_expression(ground, expression, metric.model.as_ref()),
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            Err("it says more than one thing about where it comes from".to_owned())
        }
        (None, None, None) => Err("it does not say where it comes from".to_owned()),
    }
}

/// The targets of a metric of dbt's semantic layer.
pub(super) fn semantic(ground: &Ground<'_>, name: &str) -> Result<Vec<NodeIndex>, String> {
    let mut targets = Vec::new();
    for (relation, columns) in lineage::semantic(ground.project, name)? {
        targets.extend(of_relation(ground, &relation, &columns)?);
    }
    if targets.is_empty() { Err(format!("the metric `{name}` reads no column")) } else { Ok(targets) }
}

fn of_expression(ground: &Ground<'_>, expression: &At<String>, model: Option<&At<String>>) -> Result<Vec<NodeIndex>, String> {
    let model = model.ok_or("an expression needs a model")?;
    let node = ground.project.find(model).ok_or_else(|| format!("`{model}` is not in the dbt project"))?;
    let variables = Variables { interval: ground.options.interval.as_ref(), ..Variables::default() };
    let text = ground.options.macros.text(expression, variables).map_err(|finding| finding.message)?;
    let columns = lineage::expression(&text, ground.options.macros.dialect()).map_err(|error| error.message)?;
    of_relation(ground, &node.unique_id, &columns.into_iter().map(|column| column.name).collect())
}

/// Columns of a relation, and its rows: all must be known to lineage.
pub(super) fn of_relation(ground: &Ground<'_>, relation: &str, columns: &BTreeSet<String>) -> Result<Vec<NodeIndex>, String> {
    let parts = columns.iter().map(|column| Part::Column(column.to_lowercase().into())).chain([Part::RowsLost, Part::RowsAdded]);
    let missing = |part: &Part| match part {
        Part::Column(column) => format!("lineage knows no column `{column}` of `{}`", ground.name(relation)),
        Part::RowsLost | Part::RowsAdded => format!("lineage does not know `{}`", ground.name(relation)),
    };
    parts.map(|part| ground.node(relation, part.clone()).ok_or_else(|| missing(&part))).collect()
}
