//! Catalog, run results and source freshness, as dbt 1.12 and dbt 2 wrote them.

use std::path::Path;

use presscheck::dbt::{catalog, run_results, sources};

use super::{DBT_1, DBT_2, project};

#[test]
fn catalog_columns() {
    let catalogs = [include_bytes!("dbt-1.12/catalog.json").as_slice(), include_bytes!("dbt-2/catalog.json")];
    let told = [DBT_1, DBT_2].into_iter().zip(catalogs).flat_map(|(manifest, bytes)| {
        let mut read = project(manifest);
        catalog::apply(&mut read, bytes, Path::new("catalog.json")).unwrap();
        let columns = read.nodes.values().map(|node| {
            let columns = node.catalog_columns.iter().flatten();
            let columns: Vec<String> = columns.map(|c| format!("{} {}", c.name, c.data_type.as_deref().unwrap_or("?"))).collect();
            format!("{}: {}", node.unique_id, columns.join(", "))
        });
        columns.chain(read.notes.clone()).collect::<Vec<_>>()
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn run_result_statuses() {
    let files = [include_bytes!("dbt-1.12/run_results.json").as_slice(), include_bytes!("dbt-2/run_results.json")];
    let told = files.into_iter().flat_map(|bytes| {
        let read = run_results::read(bytes, Path::new("run_results.json")).unwrap();
        let lines =
            read.results.iter().map(|(id, r)| format!("{id}: {:?} {:?} {:?} {:?}", r.status, r.failures, r.message, r.completed_at));
        std::iter::once(format!("dbt {}, {:?}", read.dbt_version, read.invocation_id)).chain(lines).collect::<Vec<_>>()
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn source_freshness() {
    let by_hand = br#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}, "results": [
        {"unique_id": "source.a.b.c", "error": "no such table", "status": "runtime error"},
        {"unique_id": "source.a.b.d", "max_loaded_at": "2022-01-01T00:00:00", "snapshotted_at": "2022-01-02T00:00:00Z", "status": "warn"}]}"#;
    let files = [include_bytes!("dbt-1.12/sources.json").as_slice(), include_bytes!("dbt-2/sources.json"), by_hand];
    let told = files.map(|bytes| format!("{:#?}", sources::read(bytes, Path::new("sources.json")).unwrap().results));
    insta::assert_snapshot!(told.join("\n"));
}
