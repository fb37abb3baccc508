//! Semantic models and metrics, of the specification with measures (dbt 1.6) and of the one with simple metrics that aggregate by themselves (2026).

use std::collections::BTreeMap;

use super::wire::{self, Filter, Input};
use super::{by_name, merged, path, united};
use crate::dbt::json::{Keyed, Text};
use crate::dbt::{Element, Measure, Metric, Project, SemanticModel};

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

/// The columns that the semantic layer reads of a model with one row for each moment. Before dbt 1.9 such a model was known by its name.
pub fn time_spine(node: &wire::Node) -> Option<Vec<String>> {
    let Some(spine) = &node.time_spine else {
        return (node.name == "metricflow_time_spine").then(|| vec!["date_day".to_owned()]);
    };
    let custom = spine.custom_granularities.iter().flatten();
    let custom = custom.map(|custom| custom.column_name.as_ref().unwrap_or(&custom.name).clone());
    Some(std::iter::once(spine.standard_granularity_column.clone()).chain(custom).collect())
}

fn semantic_model(project: &Project, unique_id: String, model: wire::SemanticModel) -> SemanticModel {
    let dimensions = model.dimensions.unwrap_or_default();
    let compared = |part: &&wire::Part| {
        let validity = part.type_params.as_ref().is_some_and(|params| !params.validity_params.0.is_null());
        validity || part.is_partition == Some(true)
    };
    let measure = |measure: wire::Measure| Measure {
        expr: measure.expr.map_or_else(|| measure.name.clone(), |Text(expr)| expr),
        name: measure.name,
        agg: measure.agg,
        time_dimension: measure.agg_time_dimension,
        non_additive: non_additive(measure.non_additive_dimension),
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
        join_dimensions: dimensions.iter().filter(compared).map(|part| part.name.clone()).collect(),
        dimensions: dimensions.into_iter().map(element).collect(),
        entities: model.entities.unwrap_or_default().into_iter().map(element).collect(),
        primary_entity: model.primary_entity,
        time_dimension: model.defaults.and_then(|defaults| defaults.agg_time_dimension),
    }
}

fn element(part: wire::Part) -> Element {
    Element { expr: part.expr.map_or_else(|| part.name.clone(), |Text(expr)| expr), name: part.name, kind: part.kind.unwrap_or_default() }
}

fn non_additive(dimension: Option<wire::NonAdditive>) -> Vec<String> {
    dimension.into_iter().flat_map(|by| std::iter::once(by.name).chain(by.window_groupings.unwrap_or_default())).collect()
}

/// `ids` are the metrics of the project by name.
fn metric(project: &Project, ids: &BTreeMap<String, String>, unique_id: String, metric: wire::Metric) -> Metric {
    let config = metric.config.unwrap_or_default();
    let kind = metric.kind.or(metric.calculation_method).unwrap_or_default();
    let params = metric.type_params.unwrap_or_default();
    let unclear = unclear(&kind, &params);
    let aggregation = params.metric_aggregation_params;
    let mut reads = Reads { time_spine: kind == "cumulative" || params.join_to_timespine == Some(true), ..Reads::default() };
    reads.filter(metric.filter);
    reads.measures(params.measure);
    reads.metrics(params.numerator);
    reads.metrics(params.denominator);
    params.metrics.unwrap_or_default().into_iter().for_each(|input| reads.metrics(Some(input)));
    let (mut entity, mut constant_properties) = (None, Vec::new());
    if let Some(conversion) = params.conversion_type_params {
        reads.measures(conversion.base_measure);
        reads.measures(conversion.conversion_measure);
        reads.metrics(conversion.base_metric);
        reads.metrics(conversion.conversion_metric);
        entity = conversion.entity;
        let properties = conversion.constant_properties.unwrap_or_default();
        constant_properties = properties.into_iter().flat_map(|both| [both.base_property, both.conversion_property]).collect();
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
    let mut written = params.expr.or(metric.expression).map(|Text(expr)| expr);
    let (mut agg, mut time_dimension, mut stays) = (None, None, Vec::new());
    if let Some(aggregation) = aggregation {
        written = written.or(aggregation.expr.map(|Text(expr)| expr)).or_else(|| Some(metric.name.clone()));
        agg = Some(aggregation.agg);
        time_dimension = aggregation.agg_time_dimension;
        stays = non_additive(aggregation.non_additive_dimension);
    }
    Metric {
        unique_id,
        expr: written,
        agg,
        name: metric.name,
        label: metric.label,
        description: metric.description,
        kind,
        measures: reads.measures,
        metrics: reads.metrics,
        filters: reads.filters,
        semantic_model,
        time_dimension,
        non_additive: stays,
        aliases: reads.aliases,
        entity,
        constant_properties,
        joins_time_spine: reads.time_spine,
        unclear,
        depends_on,
        package: metric.package_name,
        path: path(&metric.original_file_path),
        fqn: metric.fqn.0,
        tags: united(metric.tags.0, config.tags.0),
        group: metric.group.or(config.group),
        meta: merged(wire::object(metric.meta), wire::object(config.meta)).into(),
    }
}

/// Why a metric of this type cannot be followed: less than it must name.
fn unclear(kind: &str, params: &wire::TypeParams) -> Option<String> {
    let metrics = params.metrics.as_ref().is_some_and(|metrics| !metrics.is_empty());
    let conversion = params.conversion_type_params.as_ref();
    let cumulative = params.cumulative_type_params.as_ref().is_some_and(|cumulative| cumulative.metric.is_some());
    let missing = match kind {
        "simple" if params.measure.is_some() || params.metric_aggregation_params.is_some() => return None,
        "simple" => "a measure or an aggregation of its own",
        "ratio" if params.numerator.is_some() && params.denominator.is_some() => return None,
        "ratio" => "a numerator and a denominator",
        "derived" if metrics && params.expr.is_some() => return None,
        "derived" => "input metrics and an expression",
        "cumulative" if params.measure.is_some() || cumulative => return None,
        "cumulative" => "a measure or a metric",
        "conversion" => match conversion {
            Some(read)
                if (read.base_measure.is_some() || read.base_metric.is_some())
                    && (read.conversion_measure.is_some() || read.conversion_metric.is_some())
                    && read.entity.is_some() =>
            {
                return None;
            }
            Some(_) | None => "a base, a conversion and an entity",
        },
        other => return Some(format!("nothing is known of metrics of type `{other}`")),
    };
    Some(format!("it is {kind}, but does not name {missing}"))
}

/// What a metric reads, each name once, in the order of the file.
#[derive(Default)]
struct Reads {
    measures: Vec<String>,
    metrics: Vec<String>,
    aliases: Vec<String>,
    filters: Vec<String>,
    time_spine: bool,
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
        match input? {
            Input::Named(name) => Some(name),
            Input::Detailed(input) => {
                self.filter(input.filter);
                self.aliases.extend(input.alias);
                self.time_spine |=
                    input.join_to_timespine == Some(true) || !input.offset_window.0.is_null() || !input.offset_to_grain.0.is_null();
                Some(input.name)
            }
        }
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
