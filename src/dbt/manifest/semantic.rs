//! Semantic models and metrics, of the specification with measures (dbt 1.6) and of the one with simple metrics that aggregate by themselves (2026).

use std::collections::BTreeMap;

use super::wire::{self, Filter, Input};
use super::{by_name, merged, path, united};
use crate::dbt::json::{Keyed, Text};
use crate::dbt::{Measure, Metric, Project, SemanticModel};

/// Adds them to the project, whose nodes must be there already.
pub fn add(project: &mut Project, models: Keyed<wire::SemanticModel>, metrics: Keyed<wire::Metric>) {
    project.semantic_models = models.0.into_iter().map(|(id, model)| (id.clone(), semantic_model(project, id, model))).collect();
    let old = metrics.0.values().filter(|metric| metric.type_params.is_none()).count();
    if old > 0 {
        let note = format!("metrics of dbt 1.5's semantic layer ({old}) have no measures that can be followed");
        project.notes.push(note);
    }
    let ids: BTreeMap<String, String> = metrics.0.iter().map(|(id, metric)| (metric.name.clone(), id.clone())).collect();
    project.metrics = metrics.0.into_iter().map(|(id, raw)| (id.clone(), metric(project, &ids, id, raw))).collect();
}

fn semantic_model(project: &Project, unique_id: String, model: wire::SemanticModel) -> SemanticModel {
    let parts = |parts: Option<Vec<wire::Part>>| -> Vec<(String, String)> {
        parts.unwrap_or_default().into_iter().map(|part| (part.name.clone(), part.expr.map_or(part.name, |Text(expr)| expr))).collect()
    };
    let measure = |measure: wire::Measure| Measure {
        expr: measure.expr.map_or_else(|| measure.name.clone(), |Text(expr)| expr),
        name: measure.name,
        agg: measure.agg,
    };
    let parents = model.depends_on.and_then(|on| on.nodes).unwrap_or_default();
    SemanticModel {
        unique_id,
        name: model.name,
        package: model.package_name,
        path: path(&model.original_file_path),
        fqn: model.fqn.0,
        model: parents.into_iter().find(|id| project.nodes.contains_key(id)),
        measures: model.measures.unwrap_or_default().into_iter().map(measure).collect(),
        dimensions: parts(model.dimensions),
        entities: parts(model.entities),
        time_dimension: model.defaults.and_then(|defaults| defaults.agg_time_dimension),
    }
}

/// `ids` are the metrics of the project by name.
fn metric(project: &Project, ids: &BTreeMap<String, String>, unique_id: String, metric: wire::Metric) -> Metric {
    let config = metric.config.unwrap_or_default();
    let params = metric.type_params.unwrap_or_default();
    let (aggregation, written) = (params.metric_aggregation_params, params.expr.or(metric.expression).map(|Text(expr)| expr));
    let mut reads = Reads::default();
    reads.filter(metric.filter);
    reads.measures(params.measure);
    reads.metrics(params.numerator);
    reads.metrics(params.denominator);
    params.metrics.unwrap_or_default().into_iter().for_each(|input| reads.metrics(Some(input)));
    if let Some(conversion) = params.conversion_type_params {
        reads.measures(conversion.base_measure);
        reads.measures(conversion.conversion_measure);
        reads.metrics(conversion.base_metric);
        reads.metrics(conversion.conversion_metric);
    }
    reads.metrics(params.cumulative_type_params.and_then(|cumulative| cumulative.metric));

    let semantic_model =
        aggregation.as_ref().and_then(|a| by_name(&project.semantic_models, &a.semantic_model, |s| s.name.as_str())).cloned();
    let mut depends_on = metric.depends_on.and_then(|on| on.nodes).unwrap_or_default();
    let measured =
        |name: &String| project.semantic_models.values().find(|s| s.measures.iter().any(|m| &m.name == name)).map(|s| s.unique_id.clone());
    // dbt 2 leaves some of them out.
    let listed = |name: &String| depends_on.iter().any(|id| id.starts_with("metric.") && id.ends_with(&format!(".{name}")));
    let inputs: Vec<String> = reads.metrics.iter().filter(|name| !listed(name)).filter_map(|name| ids.get(name).cloned()).collect();
    for parent in inputs.into_iter().chain(reads.measures.iter().filter_map(measured)).chain(semantic_model.clone()) {
        if !depends_on.contains(&parent) {
            depends_on.push(parent);
        }
    }
    Metric {
        unique_id,
        expr: written.or_else(|| aggregation.as_ref().map(|_| metric.name.clone())),
        agg: aggregation.map(|aggregation| aggregation.agg),
        name: metric.name,
        label: metric.label,
        description: metric.description,
        kind: metric.kind.or(metric.calculation_method).unwrap_or_default(),
        measures: reads.measures,
        metrics: reads.metrics,
        filters: reads.filters,
        semantic_model,
        depends_on,
        package: metric.package_name,
        path: path(&metric.original_file_path),
        fqn: metric.fqn.0,
        tags: united(metric.tags.0, config.tags.0),
        group: metric.group.or(config.group),
        meta: merged(wire::object(metric.meta), wire::object(config.meta)),
    }
}

/// What a metric reads, each name once, in the order of the file.
#[derive(Default)]
struct Reads {
    measures: Vec<String>,
    metrics: Vec<String>,
    filters: Vec<String>,
}

impl Reads {
    fn measures(&mut self, input: Option<Input>) {
        let name = self.input(input);
        self.measures.extend(name.filter(|name| !self.measures.contains(name)));
    }
    fn metrics(&mut self, input: Option<Input>) {
        let name = self.input(input);
        self.metrics.extend(name.filter(|name| !self.metrics.contains(name)));
    }
    fn input(&mut self, input: Option<Input>) -> Option<String> {
        let (name, filter) = match input? {
            Input::Named(name) => (name, None),
            Input::Detailed { name, filter } => (name, filter),
        };
        self.filter(filter);
        Some(name)
    }
    fn filter(&mut self, filter: Option<Filter>) {
        match filter {
            None => {}
            Some(Filter::Text(text)) => self.filters.push(text),
            Some(Filter::List { where_filters }) => self.filters.extend(where_filters.into_iter().map(|one| one.where_sql_template)),
            Some(Filter::One(one)) => self.filters.push(one.where_sql_template),
        }
    }
}
