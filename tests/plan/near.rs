//! Which dbt tests a report is planned with: those that are left out beforehand, by names alone, are just those that reach none of its metrics.

use std::collections::BTreeSet;
use std::path::Path;

use presscheck::contract;
use presscheck::dbt::{Project, Test, catalog, manifest};
use presscheck::lineage;
use presscheck::macros::Macros;
use presscheck::plan::{self, Options};

use super::week;

fn read(folder: &str, with_catalog: bool) -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let file = |name: &str| std::fs::read(root.join(name)).unwrap();
    let mut project = manifest::read(&file("manifest.json"), Path::new("manifest.json")).unwrap();
    if with_catalog {
        catalog::apply(&mut project, &file("catalog.json"), Path::new("catalog.json")).unwrap();
    }
    project
}

/// Tests of nobody's, each naming one relation as people write it by hand.
fn by_hand(project: &mut Project) {
    let mut made = Vec::new();
    for node in project.nodes.values() {
        let Some(relation) = &node.relation_name else { continue };
        let bare = relation.replace('"', "");
        let last = relation.rsplit('.').next().unwrap_or_default().to_owned();
        let spelt = [relation.clone(), relation.to_uppercase(), bare.to_uppercase(), last, format!("{}.{}", node.schema, node.identifier)];
        for (at, spelt) in spelt.into_iter().enumerate() {
            let name = format!("by_hand_{at}_{}", node.name);
            let unique_id = format!("test.hand.{name}");
            let sql = format!("with a as (select * from {spelt} as x) select * from a where 1 = 0");
            let fqn = vec!["hand".into(), name.clone()];
            made.push(Test { unique_id, name, fqn, package: "hand".into(), compiled_code: Some(sql), ..Test::default() });
        }
    }
    project.tests.extend(made.into_iter().map(|test| (test.unique_id.clone(), test)));
}

/// The dbt tests that reach a metric, of those that are selected.
fn reaching(project: &Project, lineage: &lineage::Lineage, metric: &str, select: &str) -> BTreeSet<String> {
    let text = format!(
        "version: 1\ncontract: one\nowners: {{technical: {{team: Data}}}}\nmetrics: {{one: {{column: {metric}}}}}\nchecks: [{{dbt_tests: {{select: '{select}'}}}}]\n"
    );
    let contract = contract::parse(&text, Path::new("one.yml")).value.unwrap();
    let macros = Macros::new(&project.adapter, Vec::new()).unwrap();
    let options = Options { interval: Some(week()), selection: None, macros: &macros, given: plan::Given::default() };
    let plan = plan::build(&contract, project, lineage, &options).unwrap();
    let reach = plan.expected.checks.iter().filter(|check| !check.reach.is_empty()).map(|check| check.id.clone());
    reach.collect()
}

#[test]
fn no_test_that_reaches_a_metric_is_left_out() {
    for (folder, with_catalog) in [("sample_project/artifacts", true), ("tests/dbt/packs", false)] {
        let mut project = read(folder, with_catalog);
        by_hand(&mut project);
        let lineage = lineage::trace(&project);
        let all = project.tests.values().map(|test| test.name.as_str()).collect::<Vec<_>>().join(" ");
        let (mut found, mut left_out) = (0, 0);
        for node in project.nodes.values().filter(|node| node.relation_name.is_some()) {
            let columns = node.catalog_columns.as_deref().unwrap_or(&node.columns);
            let Some(column) = columns.first() else { continue };
            let metric = format!("{}.{}", node.name, column.name);
            if project.nodes.values().filter(|other| other.name == node.name).count() > 1 || node.unique_id.starts_with("source.") {
                continue;
            }
            let (upstream, every) = (reaching(&project, &lineage, &metric, "upstream"), reaching(&project, &lineage, &metric, &all));
            assert_eq!(upstream, every, "{folder}: {metric}");
            found += upstream.len();
            left_out += project.tests.len() - upstream.len();
        }
        assert!(found > 100 && left_out > 100, "{folder}: {found} found, {left_out} left out");
    }
}
