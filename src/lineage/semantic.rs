//! Metrics of dbt's semantic layer -> the columns of models that they are computed from.

use std::collections::{BTreeMap, BTreeSet};

use super::reads::expression;
use crate::dbt::{Metric, Project, SemanticModel};

/// Metrics inside metrics that are followed; more is a cycle.
const DEEPEST: usize = 20;

/// The columns that a metric reads, by the unique id of their model: its measures' expressions, its filters' dimensions and entities, and the
/// dimension that its time goes by. `Err` says what could not be resolved; then the metric's lineage is unknown.
pub fn semantic(project: &Project, metric_name: &str) -> Result<Vec<(String, BTreeSet<String>)>, String> {
    let mut found = BTreeMap::new();
    collect(project, metric_name, &mut found, 0)?;
    Ok(found.into_iter().collect())
}

type Found = BTreeMap<String, BTreeSet<String>>;

fn collect(project: &Project, name: &str, found: &mut Found, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("metric {name} depends on itself"));
    }
    let metric = project
        .metrics
        .values()
        .find(|metric| metric.name == name)
        .ok_or_else(|| format!("no metric of the semantic layer is called {name}"))?;
    let before = found.len();
    for input in &metric.metrics {
        collect(project, input, found, depth + 1)?;
    }
    for measure in &metric.measures {
        take_measure(project, measure, found)?;
    }
    if metric.measures.is_empty() && metric.metrics.is_empty() {
        take_expression(project, metric, found)?;
    }
    for filter in &metric.filters {
        take_filter(project, metric, filter, found)?;
    }
    if found.len() == before && metric.metrics.is_empty() && metric.measures.is_empty() && metric.expr.is_none() {
        return Err(format!("metric {name} names no measure, metric or expression"));
    }
    Ok(())
}

fn take_measure(project: &Project, name: &str, found: &mut Found) -> Result<(), String> {
    let mut owners = project
        .semantic_models
        .values()
        .filter_map(|model| model.measures.iter().find(|measure| measure.name == name).map(|measure| (model, measure)));
    let (model, measure) = owners.next().ok_or_else(|| format!("no semantic model has a measure {name}"))?;
    add(project, model, &measure.expr, found)?;
    if let Some(time) = &model.time_dimension {
        let by = model.dimensions.iter().find(|(dimension, _)| dimension == time).map_or(time.as_str(), |(_, expr)| expr);
        add(project, model, by, found)?;
    }
    Ok(())
}

/// A metric with an expression of its own, on the one semantic model that it depends on.
fn take_expression(project: &Project, metric: &Metric, found: &mut Found) -> Result<(), String> {
    let Some(expr) = &metric.expr else { return Ok(()) };
    let named = metric.semantic_model.as_ref().and_then(|id| project.semantic_models.get(id));
    let among = metric.depends_on.iter().filter_map(|id| {
        let on = |model: &&SemanticModel| model.model.as_ref() == Some(id);
        project.semantic_models.get(id).or_else(|| project.semantic_models.values().find(on))
    });
    let mut models = named.into_iter().chain(among.filter(|_| named.is_none()));
    match (models.next(), models.next()) {
        (Some(model), None) => {
            add(project, model, expr, found)?;
            match &model.time_dimension {
                Some(time) => {
                    add(project, model, model.dimensions.iter().find(|(name, _)| name == time).map_or(time, |(_, expr)| expr), found)
                }
                None => Ok(()),
            }
        }
        _ => Err(format!("metric {} has an expression, but not one semantic model", metric.name)),
    }
}

/// `{{ Dimension('order__status') }} = 'x'`: every quoted name in braces is a dimension, entity or time dimension of some semantic model.
fn take_filter(project: &Project, metric: &Metric, filter: &str, found: &mut Found) -> Result<(), String> {
    for call in filter.split("{{").skip(1) {
        let inner = call.split("}}").next().unwrap_or_default().trim();
        let kind = inner.split('(').next().unwrap_or_default().trim();
        let name =
            inner.split(['\'', '"']).nth(1).ok_or_else(|| format!("metric {}: the filter {{{{ {inner} }}}} names nothing", metric.name))?;
        if kind == "Metric" {
            collect(project, name, found, 1)?;
            continue;
        }
        let (entity, last) = name.rsplit_once("__").map_or((None, name), |(path, last)| (path.rsplit("__").next(), last));
        let mut seen = false;
        for model in project.semantic_models.values() {
            let owns = entity.is_none_or(|entity| model.entities.iter().any(|(name, _)| name == entity) || model.name == entity);
            let named = model.dimensions.iter().chain(&model.entities).find(|(name, _)| name == last);
            if let (true, Some((_, expr))) = (owns, named) {
                seen = true;
                add(project, model, expr, found)?;
                // A dimension of another model is reached over the entity.
                if let Some((_, key)) = entity.and_then(|entity| model.entities.iter().find(|(name, _)| name == entity)) {
                    add(project, model, key, found)?;
                }
            }
        }
        if !seen {
            return Err(format!("metric {}: no semantic model has {name}", metric.name));
        }
    }
    Ok(())
}

fn add(project: &Project, model: &SemanticModel, expr: &str, found: &mut Found) -> Result<(), String> {
    let id = model.model.as_ref().ok_or_else(|| format!("semantic model {} stands on no known model", model.name))?;
    let columns =
        expression(expr, &project.adapter).map_err(|error| format!("semantic model {}: {}: {}", model.name, expr, error.message))?;
    found.entry(id.clone()).or_default().extend(columns.into_iter().map(|column| column.name.to_lowercase()));
    Ok(())
}
