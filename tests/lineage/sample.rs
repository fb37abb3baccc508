//! The sample project: which metric a fault of unit costs, of their keys, or of the CRM reaches.

use presscheck::dbt::{Project, catalog, manifest};
use presscheck::lineage::{self, Certainty, Lineage, Part};

use super::reaches;

const MART: &str = "model.brightside.mart_weekly_operating_report";

/// The sample's artifacts, with or without its catalog.
fn project(catalog: bool) -> Project {
    let read = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_project/artifacts").join(name);
        (std::fs::read(&path).unwrap(), path)
    };
    let (bytes, path) = read("manifest.json");
    let mut project = manifest::read(&bytes, &path).unwrap();
    if catalog {
        let (bytes, path) = read("catalog.json");
        catalog::apply(&mut project, &bytes, &path).unwrap();
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

#[test]
fn metrics_of_the_semantic_layer_are_columns() {
    let project = project(false);
    let told = |name: &str| match lineage::semantic(&project, name) {
        Ok(columns) => {
            columns.into_iter().map(|(model, columns)| format!("{model}: {}", columns.into_iter().collect::<Vec<_>>().join(", "))).collect()
        }
        Err(error) => vec![error],
    };
    let table: Vec<String> =
        project.metrics.values().map(|metric| format!("{}\n    {}\n", metric.name, told(&metric.name).join("\n    "))).collect();
    insta::assert_snapshot!(format!("{}unheard_of\n    {}\n", table.concat(), told("unheard_of").concat()));
}

#[test]
fn a_seed_under_a_source_is_the_same_relation() {
    let lineage = lineage::trace(&project(true));
    let from = ("seed.brightside.sku_costs", Part::Column("unit_cost".into()));
    assert_eq!(reaches(&lineage, from.clone(), (MART, "contribution_margin")), Some(Certainty::Known));
    assert_eq!(reaches(&lineage, from, (MART, "gross_revenue")), None);
}
