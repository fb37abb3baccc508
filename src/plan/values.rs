//! Where the values of a metric stand, as a query: what `publish` copies, and what is noted of it beside the checks. Not for writing them: see `publish`.

use crate::contract::{Contract, Metric, Snapshot};
use crate::dbt::{self, Node, SemanticModel};
use crate::diagnostic::At;
use crate::macros::{Variables, identifier};

use super::ground::Ground;
use super::{MetricId, Publishing};

/// The values of a metric for the interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The relation that they are read from, as rendered.
    pub relation: String,
    /// Columns `grain` (text: which row of the model, as `week_start=2026-11-16`; empty for a number that stands alone) and `value` (as the model has it).
    pub rows: String,
    /// Columns `seen` (how many rows) and `fingerprint` (a hash over all of them, whatever their order): equal before and after when nothing changed.
    pub fingerprint: String,
}

impl Values {
    fn new((relation, rows): (String, String), dialect: &str) -> Values {
        let text = |sql: &str| if dialect == "postgres" { format!("cast({sql} as text)") } else { format!("cast({sql} as varchar)") };
        let line =
            format!("md5({} || ':' || noted.grain || '=' || coalesce({}, 'null'))", text("length(noted.grain)"), text("noted.value"));
        let fingerprint = format!(
            "select count(*) as seen, md5(coalesce(string_agg(lines.line, ',' order by lines.line), '')) as fingerprint\n\
             from (select {line} as line from (\n{rows}\n) as noted) as lines"
        );
        Values { relation, rows, fingerprint }
    }
}

/// Where every metric of the contract stands, or why its values cannot be copied; nothing where the contract writes no snapshot.
pub(super) fn publishing(ground: &Ground<'_>, contract: &Contract, notes: &mut Vec<String>) -> Publishing {
    let Some(snapshot) = contract.publish.as_ref().and_then(|publish| publish.snapshot.as_ref()) else { return Publishing::default() };
    let one = |(id, metric): (&At<String>, &Metric)| (id.value.clone(), values(ground, snapshot, metric));
    let values: std::collections::BTreeMap<MetricId, Result<Values, String>> = contract.metrics.iter().map(one).collect();
    notes.extend(values.iter().filter_map(|(id, values)| values.as_ref().err().map(|why| format!("{id} cannot be published: {why}"))));
    Publishing { values, kept: ground.options.given.kept.clone() }
}

fn values(ground: &Ground<'_>, snapshot: &Snapshot, metric: &Metric) -> Result<Values, String> {
    let dialect = ground.options.macros.dialect();
    if !["duckdb", "postgres"].contains(&dialect) {
        return Err(format!("this version writes snapshots to DuckDB and PostgreSQL, and not to {dialect}"));
    }
    let from = match (&metric.column, &metric.metric, &metric.expression) {
        (Some(path), None, None) => column(ground, snapshot, path),
        (None, Some(name), None) => semantic(ground, name),
        (None, None, Some(expression)) => {
            let model = metric.model.as_ref().ok_or("an expression needs a model")?;
            expressed(ground, snapshot, expression, model)
        }
        (Some(_) | None, Some(_) | None, Some(_) | None) => Err("it does not say where it comes from".to_owned()),
    }?;
    Ok(Values::new(from, dialect))
}

/// A column: as many values as the model has rows of the interval, told apart by the model's key.
fn column(ground: &Ground<'_>, snapshot: &Snapshot, path: &At<String>) -> Result<(String, String), String> {
    let (relation, column) = crate::check::argument::split_column(path).ok_or_else(|| format!("`{}` is not model.column", path.value))?;
    let node = node(ground, &relation)?;
    let grain = match &snapshot.grain {
        Some(columns) => columns.value.iter().map(|column| column.value.clone()).collect(),
        None => key(ground, node),
    };
    let within = within(ground, snapshot, node, &grain)?;
    let parts = grain.iter().map(|name| part(name, ground.options.macros.dialect())).collect::<Result<Vec<_>, String>>()?;
    let grain = if parts.is_empty() { "''".to_owned() } else { parts.join(" || ', ' || ") };
    rows(node, &grain, &quoted(ground, &column.value)?, &within)
}

/// An aggregate that the contract wrote: one value.
fn expressed(ground: &Ground<'_>, snapshot: &Snapshot, expression: &At<String>, model: &At<String>) -> Result<(String, String), String> {
    let node = node(ground, model)?;
    let variables = Variables { interval: ground.options.interval.as_ref(), ..Variables::default() };
    let value = ground.options.macros.text(expression, variables).map_err(|finding| finding.message)?;
    rows(node, "''", &sound(ground, &value)?, &within(ground, snapshot, node, &key(ground, node))?)
}

/// A simple metric of the semantic layer: the aggregate of one expression over the interval, by the metric's own time.
fn semantic(ground: &Ground<'_>, name: &str) -> Result<(String, String), String> {
    let project = ground.project;
    let metric = project.metrics.values().find(|metric| metric.name == name);
    let metric = metric.ok_or_else(|| format!("no metric of the semantic layer is called {name}"))?;
    let beyond =
        |what: &str| format!("the metric {name} of the semantic layer {what}: give the contract's metric a `column` or an `expression`");
    if metric.kind != "simple" || metric.unclear.is_some() {
        return Err(beyond("is not a simple one"));
    }
    if !metric.filters.is_empty() || metric.joins_time_spine || !metric.metrics.is_empty() || !metric.non_additive.is_empty() {
        return Err(beyond("has filters, a time spine or a dimension that it cannot be added over"));
    }
    let (model, expr, agg, time) = match metric.measures.as_slice() {
        [] => {
            let by_id = metric.semantic_model.as_ref().and_then(|id| project.semantic_models.get(id));
            let model = by_id.ok_or_else(|| beyond("names no semantic model"))?;
            let agg = metric.agg.as_deref().ok_or_else(|| beyond("has no aggregation"))?;
            (model, metric.expr.as_deref().unwrap_or(name), agg, metric.time_dimension.as_ref())
        }
        [one] => {
            let has = |model: &&SemanticModel| model.measures.iter().any(|measure| measure.name == *one);
            let mut models = project.semantic_models.values().filter(has);
            let (Some(model), None) = (models.next(), models.next()) else { return Err(beyond("has not one semantic model")) };
            let measure = model.measures.iter().find(|measure| measure.name == *one).ok_or_else(|| beyond("has no measure"))?;
            if !measure.non_additive.is_empty() {
                return Err(beyond("has a dimension that it cannot be added over"));
            }
            (model, measure.expr.as_str(), measure.agg.as_str(), measure.time_dimension.as_ref())
        }
        [_, _, ..] => return Err(beyond("has several measures")),
    };
    let value = match agg {
        "sum" => format!("sum({expr})"),
        "min" => format!("min({expr})"),
        "max" => format!("max({expr})"),
        "average" => format!("avg({expr})"),
        "count" => format!("count({expr})"),
        "count_distinct" => format!("count(distinct {expr})"),
        "sum_boolean" => format!("sum(case when {expr} then 1 else 0 end)"),
        other => return Err(beyond(&format!("is aggregated by `{other}`"))),
    };
    let node = model.model.as_ref().and_then(|id| project.nodes.get(id)).ok_or_else(|| beyond("stands on no known model"))?;
    let time = time.or(model.time_dimension.as_ref()).and_then(|name| dimension(model, name));
    let within = match (&ground.options.interval, time) {
        (None, _) => "true".to_owned(),
        (Some(_), Some(time)) => between(ground, &sound(ground, time)?)?,
        (Some(_), None) => return Err(beyond("has no time dimension")),
    };
    rows(node, "''", &sound(ground, &value)?, &within)
}

/// SQL that somebody wrote is sent to a connection that may write only if it is one expression.
fn sound(ground: &Ground<'_>, value: &str) -> Result<String, String> {
    let read = crate::lineage::expression(value, ground.options.macros.dialect());
    read.map(|_| format!("({value})")).map_err(|error| format!("`{value}` is not one SQL expression: {}", error.message))
}

/// The relation, and the query over it.
fn rows(node: &Node, grain: &str, value: &str, within: &str) -> Result<(String, String), String> {
    let relation = super::ground::rendered(node).map_err(|fault| fault.detail)?;
    let query = format!("select {grain} as grain, {value} as value\nfrom {relation}\nwhere {within}");
    Ok((relation, query))
}

fn node<'a>(ground: &Ground<'a>, name: &At<String>) -> Result<&'a Node, String> {
    ground.project.find(name).ok_or_else(|| format!("`{}` is not in the dbt project", name.value))
}

fn quoted(ground: &Ground<'_>, column: &str) -> Result<String, String> {
    identifier(column, ground.options.macros.dialect()).ok_or_else(|| format!("`{column}` cannot be the name of a column"))
}

/// `week_start=2026-11-16`, the same whatever a server's settings of dates are.
fn part(column: &str, dialect: &str) -> Result<String, String> {
    let name = crate::macros::literal(&format!("{column}="), dialect);
    let (name, column) = name.zip(identifier(column, dialect)).ok_or_else(|| format!("`{column}` cannot be the name of a column"))?;
    Ok(match dialect {
        "postgres" => format!("{name} || coalesce(to_jsonb({column}) #>> '{{}}', 'null')"),
        _ => format!("{name} || coalesce(cast({column} as varchar), 'null')"),
    })
}

/// Which rows are of the interval; all where there is none.
fn within(ground: &Ground<'_>, snapshot: &Snapshot, node: &Node, grain: &[String]) -> Result<String, String> {
    match (&ground.options.interval, &snapshot.date) {
        (None, None) => Ok("true".to_owned()),
        (None, Some(_)) => Err("`date` of the snapshot needs a `schedule`".to_owned()),
        (Some(_), Some(date)) => between(ground, &quoted(ground, date)?),
        (Some(_), None) => {
            let found = dated(ground, node, grain);
            let date = found.ok_or_else(|| {
                format!(
                    "nothing says which rows of {} are of the interval: write `date:`, the column with their date, beside `relation:`",
                    node.name
                )
            })?;
            between(ground, &quoted(ground, &date)?)
        }
    }
}

fn between(ground: &Ground<'_>, time: &str) -> Result<String, String> {
    let variables = Variables { interval: ground.options.interval.as_ref(), ..Variables::default() };
    let text = format!("{time} >= {{{{ interval.start }}}} and {time} < {{{{ interval.end }}}}");
    ground.options.macros.text(&At::nowhere(text), variables).map_err(|finding| finding.message)
}

/// The one column of the key that is a date or a time; else the column that the semantic layer's time goes by.
fn dated(ground: &Ground<'_>, node: &Node, grain: &[String]) -> Option<String> {
    let kind = |name: &String| {
        let all = node.catalog_columns.iter().flatten().chain(&node.columns);
        all.filter(|column| column.name.eq_ignore_ascii_case(name)).find_map(|column| column.data_type.clone())
    };
    let is_time = |kind: String| ["date", "timestamp", "datetime"].iter().any(|time| kind.to_lowercase().starts_with(time));
    let mut timed = grain.iter().filter(|name| kind(name).is_some_and(is_time));
    if let (Some(one), None) = (timed.next(), timed.next()) {
        return Some(one.clone());
    }
    let models = ground.project.semantic_models.values().filter(|model| model.model.as_ref() == Some(&node.unique_id));
    let mut times = models.filter_map(|model| dimension(model, model.time_dimension.as_ref()?));
    let plain = |expr: &&str| expr.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match (times.next(), times.next()) {
        (Some(time), None) => Some(time).filter(plain).map(str::to_owned),
        (Some(_) | None, Some(_) | None) => None,
    }
}

fn dimension<'m>(model: &'m SemanticModel, name: &str) -> Option<&'m str> {
    model.dimensions.iter().find(|dimension| dimension.name.eq_ignore_ascii_case(name)).map(|dimension| dimension.expr.as_str())
}

/// The key of a model by dbt's tests: the first column that is unique, else the first combination of columns.
fn key(ground: &Ground<'_>, node: &Node) -> Vec<String> {
    let of = |test: &&dbt::Test| test.attached_node.as_ref() == Some(&node.unique_id) && test.filter.is_none() && !test.warns_only;
    let tests = || ground.project.tests.values().filter(of);
    if let Some(column) = tests().filter(|test| test.test_name.as_deref() == Some("unique")).find_map(|test| test.column_name.clone()) {
        return vec![column];
    }
    let combined = tests().filter(|test| test.test_name.as_deref() == Some("unique_combination_of_columns"));
    let columns = combined.filter_map(|test| test.kwargs.get("combination_of_columns")?.as_array().cloned());
    let columns = columns.map(|columns| columns.iter().filter_map(|column| column.as_str().map(str::to_owned)).collect::<Vec<_>>());
    columns.into_iter().find(|columns| !columns.is_empty()).unwrap_or_default()
}
