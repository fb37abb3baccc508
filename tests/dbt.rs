//! dbt's artifacts as real dbt wrote them (`tests/dbt/remake`), older ones written by hand, and broken ones.

mod artifacts;
mod broken;
mod graph;
mod manifest;
mod packs;
mod profiles;
mod select;

use std::path::Path;

use presscheck::dbt::Project;

/// What dbt 1.12 and dbt 2 made of `tests/dbt/shop`.
const DBT_1: &[u8] = include_bytes!("dbt/dbt-1.12/manifest.json");
const DBT_2: &[u8] = include_bytes!("dbt/dbt-2/manifest.json");
const SAMPLE: &[u8] = include_bytes!("../sample_project/artifacts/manifest.json");

fn project(bytes: &[u8]) -> Project {
    presscheck::dbt::manifest::read(bytes, Path::new("target/manifest.json")).unwrap_or_else(|fault| panic!("{fault}"))
}
