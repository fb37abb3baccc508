//! Metrics: where each number comes from.

use super::Look;
use crate::check::argument::column_problem;
use crate::contract::WhenHeld;
use crate::diagnostic::{Finding, codes};

pub(super) fn names(look: &mut Look<'_>) {
    let contract = look.contract;
    contract.metrics.keys().for_each(|name| look.must_be_identifier(name, "metric"));
}

pub(super) fn origin(look: &mut Look<'_>) {
    let contract = look.contract;
    for (name, metric) in &contract.metrics {
        let forms = "write one of column: model.column; metric: a metric of dbt; expression: SQL over model:";
        let cut = ["column", "metric", "expression", "model"].iter().any(|key| look.was_cut(&format!("metrics.{name}.{key}")));
        let origins: Vec<_> = [&metric.column, &metric.metric, &metric.expression].into_iter().flatten().collect();
        match origins.as_slice() {
            [] if !cut && !look.was_cut(&format!("metrics.{name}")) => {
                let finding = Finding::error(codes::METRIC_ORIGIN, format!("nothing says where `{name}` comes from")).at(name.span);
                look.report(finding.help(forms));
            }
            [] | [_] => {}
            [_, second, ..] => {
                let finding = Finding::error(codes::METRIC_ORIGIN, format!("`{name}` comes from two places")).at(second.span);
                look.report(finding.help(forms));
            }
        }
        match (&metric.expression, &metric.model) {
            (Some(expression), None) if !cut => {
                let finding = Finding::error(codes::METRIC_ORIGIN, "an expression needs the model that it reads").at(expression.span);
                look.report(finding.help("add `model:`"));
            }
            (None, Some(model)) if !cut => {
                let finding = Finding::error(codes::METRIC_ORIGIN, "`model` is for `expression` only").at(model.span);
                look.report(finding.help("remove it; a column is written as `column: model.column`"));
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        if let Some(problem) = metric.column.as_ref().and_then(column_problem) {
            look.report(problem);
        }
    }
}

pub(super) fn held_values(look: &mut Look<'_>) {
    let contract = look.contract;
    let kept = contract.publish.as_ref().is_some_and(|publish| publish.snapshot.is_some()) || look.was_cut("publish");
    for held in contract.metrics.values().filter_map(|metric| metric.when_held.as_ref()) {
        if held.value == WhenHeld::LastSafe && !kept {
            let finding = Finding::warning(codes::CONTRADICTION, "without a snapshot there is no last safe value to show").at(held.span);
            look.report(finding.help("add `publish: {snapshot: {relation: schema.table}}`"));
        }
    }
}
