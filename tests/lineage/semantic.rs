//! Metrics of dbt's semantic layer: the columns that they are computed from, against the SQL that MetricFlow writes for them.
//!
//! `semantic/shop` says the same metrics in both specifications, `semantic/remake` asks dbt for manifests and MetricFlow for SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use presscheck::dbt::{Project, manifest};
use presscheck::lineage;

const MANIFESTS: [&str; 3] = ["measures-1.12", "latest-1.12", "latest-2"];

fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lineage/semantic").join(file);
    std::fs::read_to_string(path).unwrap()
}

fn read(manifest: &str) -> Project {
    manifest::read(manifest.as_bytes(), Path::new("manifest.json")).unwrap()
}

type Columns = BTreeMap<String, BTreeSet<String>>;

/// `orders(amount,ordered_at) days(date_day)`.
fn listed(columns: &Columns) -> String {
    let one = |(relation, columns): (&String, &BTreeSet<String>)| {
        format!("{relation}({})", columns.iter().map(String::as_str).collect::<Vec<_>>().join(","))
    };
    columns.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn columns(project: &Project, metric: &str) -> Result<Columns, String> {
    let found = lineage::semantic(project, metric)?;
    Ok(found.into_iter().map(|(id, columns)| (id.rsplit('.').next().unwrap().to_owned(), columns)).collect())
}

/// Lines `metric | orders(amount,ordered_at)`.
fn of_metricflow(file: &str) -> BTreeMap<String, Columns> {
    let relation = |text: &str| {
        let (name, columns) = text.trim_end_matches(')').split_once('(').unwrap();
        (name.to_owned(), columns.split(',').filter(|column| !column.is_empty()).map(str::to_owned).collect())
    };
    let line = |line: &str| {
        let (metric, relations) = line.split_once(" | ").unwrap();
        (metric.to_owned(), relations.split_whitespace().map(relation).collect())
    };
    text(file).lines().map(line).collect()
}

#[test]
fn metrics_read_what_metricflow_reads() {
    let mut table = BTreeMap::<String, BTreeMap<String, Vec<&str>>>::new();
    let mut less = Vec::new();
    for name in MANIFESTS {
        let project = read(&text(&format!("{name}.json")));
        let truth = of_metricflow(if name.starts_with("measures") { "measures.txt" } else { "latest.txt" });
        for metric in project.metrics.values().map(|metric| &metric.name) {
            let found = columns(&project, metric).unwrap_or_else(|why| panic!("{name}: {why}"));
            for (relation, read) in &truth[metric] {
                let none = BTreeSet::new();
                let known = found.get(relation);
                let missing: Vec<_> = read.difference(known.unwrap_or(&none)).collect();
                if known.is_none() || !missing.is_empty() {
                    less.push(format!("{name}: {metric}: {relation} {missing:?}"));
                }
            }
            table.entry(metric.clone()).or_default().entry(listed(&found)).or_default().push(name);
        }
    }
    assert!(less.is_empty(), "missed:\n{}", less.join("\n"));
    let mut lines = String::new();
    for (metric, readings) in table {
        for (columns, manifests) in readings {
            lines.push_str(&format!("{metric} | {columns}  [{}]\n", manifests.join(" ")));
        }
    }
    insta::assert_snapshot!(lines);
}

/// Whatever cannot be resolved is an error, never fewer columns: the text in the manifest, what stands there instead, the metric that breaks.
#[test]
fn what_is_not_resolved_is_an_error() {
    let cases = [
        ("Dimension('order__status') }} = 'done'", "Dimension('order__state') }} = 'done'", "done_revenue"),
        ("Dimension('order__status') }} = 'done'", "Dimension('order__status') }} = 'done' and note = 'x'", "done_revenue"),
        ("Dimension('order__status') }} = 'done'", "Dimension(this) }} = 'done'", "done_revenue"),
        ("Dimension('order__status') }} = 'done'", "Dimension('order__status').of('x') }} = 'done'", "done_revenue"),
        ("Dimension('order__status') }} = 'done'", "Dimension('order__status') ", "done_revenue"),
        ("{{ Dimension('order__status') }} = 'done'", "{% if x %} true {% endif %}", "done_revenue"),
        ("{{ Dimension('order__status') }} = 'done'", "exists (select 1 from secrets)", "done_revenue"),
        ("Dimension('customer__tier')", "Dimension('nobody__tier')", "gold_revenue"),
        ("Dimension('customer__tier')", "Dimension('customer__visited_at')", "gold_revenue"),
        ("entity_path=['customer']", "entity_path=['account']", "city_revenue"),
        ("Metric('visits', ['customer'])", "Metric('visitors', ['customer'])", "regulars_revenue"),
        ("Metric('visits', ['customer'])", "Metric('visits', ['region'])", "regulars_revenue"),
        ("Metric('visits', ['customer'])", "Metric('regulars_revenue', ['customer'])", "regulars_revenue"),
        ("\"now - before\"", "\"now - then\"", "growth"),
        ("\"type\": \"ratio\"", "\"type\": \"quotient\"", "basket"),
        ("\"type\": \"ratio\"", "\"type\": \"derived\"", "basket"),
        ("\"entity\": \"customer\"", "\"entity\": \"shopper\"", "converted"),
        ("\"base_property\": \"page\"", "\"base_property\": \"pages\"", "converted_alike"),
        ("\"agg_time_dimension\": \"shipped\"", "\"agg_time_dimension\": \"landed\"", "shipped_revenue"),
        ("\"window_groupings\": [ \"customer\" ]", "\"window_groupings\": [ \"branches\" ]", "balance"),
        ("\"time_spine\": {", "\"times\": {", "running"),
        ("\"expr\": \"amount - discount\"", "\"expr\": \"(select 1)\"", "net_revenue"),
        ("\"expr\": \"amount - discount\"", "\"expr\": \"amount -\"", "weekly"),
    ];
    let mut answers = String::new();
    for name in ["measures-1.12", "latest-2"] {
        let sound = text(&format!("{name}.json"));
        for (from, to, metric) in cases {
            assert!(sound.contains(from), "{name} has {from}");
            let said = match columns(&read(&sound.replace(from, to)), metric) {
                Ok(columns) => format!("still {}", listed(&columns)),
                Err(why) => why,
            };
            answers.push_str(&format!("{metric}: {to}\n  {name}: {said}\n"));
        }
    }
    insta::assert_snapshot!(answers);
}

/// Ways to write the same thing, and grains of the project's own, which the time spine explains.
#[test]
fn filters_are_read_as_metricflow_reads_them() {
    let cases = [
        ("Dimension('order__status') }} = 'done'", "Dimension('Order__Status') }} = 'done'", "done_revenue"),
        ("Dimension('order__status') }} = 'done'", "Dimension( name = 'order__status' ) }} in ('done', 'sent')", "done_revenue"),
        ("TimeDimension('metric_time', 'day')", "Dimension('metric_time').grain('week')", "recent_revenue"),
        ("TimeDimension('metric_time', 'day')", "Dimension('metric_time__month')", "recent_revenue"),
        ("TimeDimension('metric_time', 'day')", "TimeDimension('metric_time', 'fiscal')", "recent_revenue"),
        ("TimeDimension('order__shipped', 'day')", "Dimension('order__shipped').grain('fiscal').date_part('year')", "late_revenue"),
        ("TimeDimension('order__shipped', 'day')", "TimeDimension('customer__joined_on', 'day')", "late_revenue"),
        ("Dimension('region__city', entity_path=['customer'])", "Entity('region', entity_path=['customer'])", "city_revenue"),
        ("Metric('visits', ['customer'])", "Metric('visits', group_by=['customer', 'customer__region'])", "regulars_revenue"),
    ];
    let sound = text("latest-1.12.json");
    let answer = |(from, to, metric): (&str, &str, &str)| {
        assert!(sound.contains(from), "{from}");
        let said = columns(&read(&sound.replace(from, to)), metric);
        format!("{to}\n  {}\n", said.map_or_else(|why| why, |columns| listed(&columns)))
    };
    insta::assert_snapshot!(cases.map(answer).concat());
}
