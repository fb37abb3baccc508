//! The sample project: which metric a fault of unit costs, of their keys, or of the CRM reaches.

use presscheck::dbt::{Column, Node, NodeKind, Project};
use presscheck::lineage::{self, Certainty, Lineage, Part};
use serde_json::Value;

use super::{node, reaches, text};

const MART: &str = "model.brightside.mart_weekly_operating_report";

fn artifact(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_project/artifacts").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn columns(of: &Value) -> Vec<Column> {
    of["columns"].as_object().into_iter().flatten().map(|(name, _)| Column { name: name.clone(), data_type: None }).collect()
}

/// What lineage reads of a manifest and catalog.
fn project(catalog: bool) -> Project {
    let (manifest, found) = (artifact("manifest.json"), artifact("catalog.json"));
    let mut project = Project { adapter: "duckdb".into(), ..Project::default() };
    let nodes = ["nodes", "sources"].into_iter().flat_map(|key| manifest[key].as_object().unwrap());
    for (id, raw) in nodes {
        let kind = match raw["resource_type"].as_str().unwrap() {
            "model" => NodeKind::Model,
            "seed" => NodeKind::Seed,
            "snapshot" => NodeKind::Snapshot,
            "source" => NodeKind::Source,
            _ => continue,
        };
        let in_catalog = found["nodes"].get(id).or_else(|| found["sources"].get(id)).filter(|_| catalog);
        let optional = |key: &str| raw[key].as_str().map(str::to_owned);
        let node = Node {
            unique_id: id.clone(),
            source_name: optional("source_name"),
            package: text(&raw["package_name"]),
            materialized: text(&raw["config"]["materialized"]),
            database: optional("database"),
            schema: text(&raw["schema"]),
            identifier: optional("alias").or_else(|| optional("identifier")).unwrap(),
            relation_name: optional("relation_name"),
            raw_code: text(&raw["raw_code"]),
            compiled_code: optional("compiled_code"),
            columns: columns(raw),
            catalog_columns: in_catalog.map(columns),
            depends_on: raw["depends_on"]["nodes"].as_array().into_iter().flatten().map(text).collect(),
            ..node(kind, raw["name"].as_str().unwrap())
        };
        project.nodes.insert(id.clone(), node);
    }
    project
}

fn metrics(lineage: &Lineage, model: &str, part: Part) -> String {
    let metrics = ["gross_revenue", "refunds", "ad_spend", "sessions", "contribution_margin"];
    let reached = metrics.into_iter().filter_map(|metric| {
        let certainty = reaches(lineage, (&format!("model.brightside.{model}"), part.clone()), (MART, metric))?;
        Some(if certainty == Certainty::Known { metric.to_owned() } else { format!("{metric}?") })
    });
    reached.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_fault_reaches_the_metrics_that_it_must_and_no_other() {
    for catalog in [true, false] {
        let lineage = lineage::trace(&project(catalog));
        assert_eq!(lineage.problems, [], "catalog: {catalog}");
        let column = |name: &str| Part::Column(name.into());
        let cases = [
            ("int_order_margin", column("unit_cost"), "contribution_margin"),
            ("stg_sku_costs", column("sku"), "gross_revenue contribution_margin"),
            ("stg_sku_costs", Part::RowsAdded, "gross_revenue contribution_margin"),
            ("stg_sku_costs", Part::RowsLost, "contribution_margin"),
            ("stg_sku_costs", column("unit_cost"), "contribution_margin"),
            ("stg_sku_costs", column("supplier"), ""),
            ("stg_ad_spend", column("ad_spend"), "ad_spend contribution_margin"),
            ("stg_ad_spend", Part::RowsLost, "ad_spend contribution_margin"),
            ("stg_orders", column("status"), "gross_revenue contribution_margin"),
            ("stg_refunds", Part::RowsLost, "refunds contribution_margin"),
            ("stg_sessions", Part::RowsAdded, "sessions"),
            ("stg_customers", Part::RowsLost, ""),
            ("stg_customers", column("customer_id"), ""),
            ("stg_calendar_weeks", Part::RowsLost, "gross_revenue refunds ad_spend sessions contribution_margin"),
        ];
        for (model, part, expected) in cases {
            assert_eq!(metrics(&lineage, model, part.clone()), expected, "{model} {part:?}, catalog: {catalog}");
        }
    }
}
