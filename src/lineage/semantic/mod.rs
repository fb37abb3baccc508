//! Metrics of dbt's semantic layer -> the columns of models that they are computed from.
//!
//! The manifest says what a metric is made of; this room says where that stands: a measure's expression and time, what filters name
//! ([`filter`]), the keys over which a filter's dimension is joined ([`element`]), the entity of a conversion, the time spine. Too much is a
//! matter of precision; what cannot be found is an error, because a metric must never be thought to depend on less than it does.

mod element;
mod filter;

use std::collections::{BTreeMap, BTreeSet};

use super::reads::expression;
use crate::dbt::{Metric, Project, SemanticModel};
use element::{Path, same};
use filter::Call;

/// Metrics inside metrics that are followed.
const DEEPEST: usize = 50;

/// The columns that a metric reads, by the unique id of their model: its measures' expressions, its filters' dimensions and entities and the keys
/// that lead to them, the dimension that its time goes by, and the time spine where it is joined to that. `Err` says what could not be
/// resolved; then the metric's lineage is unknown.
pub fn semantic(project: &Project, metric_name: &str) -> Result<Vec<(String, BTreeSet<String>)>, String> {
    let mut search = Search { project, found: BTreeMap::new(), bases: BTreeMap::new() };
    search.metric(metric_name, 0)?;
    Ok(search.found.into_iter().collect())
}

/// The semantic models that a metric's measures stand on.
type Bases<'p> = Vec<&'p SemanticModel>;

struct Search<'p> {
    project: &'p Project,
    found: BTreeMap<String, BTreeSet<String>>,
    /// Metrics that were followed; `None` while one is being followed.
    bases: BTreeMap<&'p str, Option<Bases<'p>>>,
}

impl<'p> Search<'p> {
    fn metric(&mut self, name: &str, depth: usize) -> Result<Bases<'p>, String> {
        let metric = self
            .project
            .metrics
            .values()
            .find(|metric| metric.name == name)
            .ok_or_else(|| format!("no metric of the semantic layer is called {name}"))?;
        match self.bases.get(name) {
            Some(Some(bases)) => return Ok(bases.clone()),
            Some(None) => return Err(format!("metric {name} depends on itself")),
            None if depth > DEEPEST => return Err(format!("metric {name} is inside more than {DEEPEST} others")),
            None => self.bases.insert(&metric.name, None),
        };
        if let Some(why) = &metric.unclear {
            return Err(format!("metric {name}: {why}"));
        }
        let mut bases: Bases<'p> = Vec::new();
        for input in &metric.metrics {
            let more = self.metric(input, depth + 1)?;
            join(&mut bases, &more);
        }
        for measure in &metric.measures {
            let more = self.measure(measure)?;
            join(&mut bases, &more);
        }
        match (metric.metrics.is_empty(), metric.measures.is_empty()) {
            (true, true) => join(&mut bases, &[self.own_expression(metric)?]),
            (false, true) => known_names(metric, &self.project.adapter)?,
            (_, false) => {}
        }
        if let Some(entity) = &metric.entity {
            for base in &bases {
                self.element(base, &Path::written(entity)).map_err(|why| format!("metric {name}: {why}"))?;
            }
        }
        for property in &metric.constant_properties {
            self.in_some(&bases, &Path::written(property)).map_err(|why| format!("metric {name}: {why}"))?;
        }
        for filter in &metric.filters {
            self.filter(&bases, filter, depth).map_err(|why| format!("metric {name}: {why}"))?;
        }
        if metric.joins_time_spine {
            self.time_spine().map_err(|why| format!("metric {name}: {why}"))?;
        }
        self.bases.insert(&metric.name, Some(bases.clone()));
        Ok(bases)
    }

    /// Every semantic model that has a measure of this name: dbt allows one.
    fn measure(&mut self, name: &str) -> Result<Bases<'p>, String> {
        let project = self.project;
        let mut bases = Vec::new();
        for model in project.semantic_models.values() {
            for measure in model.measures.iter().filter(|measure| measure.name == name) {
                self.add(model, &measure.expr)?;
                self.moments(model, measure.time_dimension.as_ref(), &measure.non_additive)?;
                bases.push(model);
            }
        }
        if bases.is_empty() { Err(format!("no semantic model has a measure {name}")) } else { Ok(bases) }
    }

    /// A metric that aggregates by itself, on the one semantic model that it names or depends on.
    fn own_expression(&mut self, metric: &'p Metric) -> Result<&'p SemanticModel, String> {
        let project = self.project;
        let expr = metric.expr.as_ref().ok_or_else(|| format!("metric {} names no measure, metric or expression", metric.name))?;
        let named = metric.semantic_model.as_ref().and_then(|id| project.semantic_models.get(id));
        let among = metric.depends_on.iter().filter_map(|id| {
            let on = |model: &&SemanticModel| model.model.as_ref() == Some(id);
            project.semantic_models.get(id).or_else(|| project.semantic_models.values().find(on))
        });
        let mut models = named.into_iter().chain(among.filter(|_| named.is_none()));
        match (models.next(), models.next()) {
            (Some(model), None) => {
                self.add(model, expr)?;
                self.moments(model, metric.time_dimension.as_ref(), &metric.non_additive)?;
                Ok(model)
            }
            _ => Err(format!("metric {} has an expression, but not one semantic model", metric.name)),
        }
    }

    /// What a measure's time goes by, and what its first or last row is chosen by.
    fn moments(&mut self, model: &'p SemanticModel, own: Option<&String>, non_additive: &[String]) -> Result<(), String> {
        for name in own.or(model.time_dimension.as_ref()).into_iter().chain(non_additive) {
            let expr = local(model, name).ok_or_else(|| format!("semantic model {} has no dimension {name}", model.name))?;
            self.add(model, expr)?;
        }
        Ok(())
    }

    /// What a filter names, as seen from the models that it filters.
    fn filter(&mut self, bases: &Bases<'p>, text: &str, depth: usize) -> Result<(), String> {
        let filter::Filter { calls, sql } = filter::read(text).map_err(|why| format!("the filter {text}: {why}"))?;
        let outside =
            expression(&sql, &self.project.adapter).map_err(|error| format!("the filter {text} is not understood: {}", error.message))?;
        if let Some(column) = outside.iter().find(|column| !column.name.starts_with(filter::STANDS_FOR)) {
            return Err(format!("the filter {text} reads `{}`, and nothing says of which relation", column.name));
        }
        for call in &calls {
            match call {
                Call::Metric { name, group_by } => {
                    let inner = self.metric(name, depth + 1)?;
                    for path in group_by {
                        self.in_some(bases, path)?;
                        self.in_some(&inner, path)?;
                    }
                }
                Call::Element { path, own_grain } => {
                    if *own_grain {
                        self.time_spine()?;
                    }
                    // The time of the metric itself, which its measures brought along.
                    if !path.is_metric_time() {
                        self.in_some(bases, path)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A filter of a metric with several inputs need not be for all of them: it must be found from one, and is taken from all that have it.
    fn in_some(&mut self, bases: &Bases<'p>, path: &Path) -> Result<(), String> {
        let (mut seen, mut fault) = (false, format!("nothing is known of {path}"));
        for base in bases {
            match self.element(base, path) {
                Ok(()) => seen = true,
                Err(why) => fault = why,
            }
        }
        if seen { Ok(()) } else { Err(fault) }
    }

    fn element(&mut self, base: &'p SemanticModel, path: &Path) -> Result<(), String> {
        element::columns(self.project, base, path)?.into_iter().try_for_each(|(model, expr)| self.add(model, expr))
    }

    /// The rows of every time spine, and the columns that the semantic layer reads of them: which one it takes depends on the question.
    fn time_spine(&mut self) -> Result<(), String> {
        if self.project.time_spines.is_empty() {
            return Err("it is joined to a time spine, but no model of the project is one".to_owned());
        }
        for (id, columns) in &self.project.time_spines {
            self.found.entry(id.clone()).or_default().extend(columns.iter().map(|column| column.to_lowercase()));
        }
        Ok(())
    }

    fn add(&mut self, model: &SemanticModel, expr: &str) -> Result<(), String> {
        let id = model.model.as_ref().ok_or_else(|| format!("semantic model {} stands on no known model", model.name))?;
        let columns = expression(expr, &self.project.adapter)
            .map_err(|error| format!("semantic model {}: {}: {}", model.name, expr, error.message))?;
        self.found.entry(id.clone()).or_default().extend(columns.into_iter().map(|column| column.name.to_lowercase()));
        Ok(())
    }
}

fn join<'p>(bases: &mut Bases<'p>, more: &[&'p SemanticModel]) {
    for model in more {
        if !bases.iter().any(|base| base.unique_id == model.unique_id) {
            bases.push(model);
        }
    }
}

/// The expression of a dimension or entity of a semantic model.
fn local<'p>(model: &'p SemanticModel, name: &str) -> Option<&'p str> {
    model.dimensions.iter().chain(&model.entities).find(|element| same(&element.name, name)).map(|element| element.expr.as_str())
}

/// An expression over other metrics may name these and nothing else.
fn known_names(metric: &Metric, dialect: &str) -> Result<(), String> {
    let Some(expr) = &metric.expr else { return Ok(()) };
    let read = expression(expr, dialect).map_err(|error| format!("metric {}: {expr}: {}", metric.name, error.message))?;
    let known = |name: &str| metric.metrics.iter().chain(&metric.aliases).any(|input| same(input, name));
    match read.iter().find(|column| !known(&column.name)) {
        Some(column) => Err(format!("metric {}: `{}` in {expr} is none of its input metrics", metric.name, column.name)),
        None => Ok(()),
    }
}
