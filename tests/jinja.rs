//! Templates of dbt models, rendered: a table of what becomes of each, and what a parse-only manifest of the sample gives against dbt's own text.

use std::collections::BTreeMap;
use std::path::Path;

use presscheck::dbt::{self, Column, Node, NodeKind, Project, Variables};
use presscheck::jinja::Renderer;
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    vars: Vec<BTreeMap<String, serde_json::Value>>,
    macros: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    raw: String,
    gives: Option<String>,
    later: Option<String>,
    fails: Option<String>,
    at: Option<(u32, u32)>,
}

fn node(kind: NodeKind, package: &str, name: &str) -> Node {
    Node {
        unique_id: format!("{}.{package}.{name}", if kind == NodeKind::Source { "source" } else { "model" }),
        kind,
        name: name.into(),
        package: package.into(),
        language: "sql".into(),
        materialized: "table".into(),
        latest_version: true,
        database: Some("db".into()),
        schema: "main".into(),
        identifier: name.into(),
        relation_name: Some(format!("\"db\".\"main\".\"{name}\"")),
        ..Node::default()
    }
}

fn version(version: &str, latest: bool) -> Node {
    let identifier = format!("dim_v{version}");
    Node {
        unique_id: format!("model.shop.dim.v{version}"),
        version: Some(version.into()),
        latest_version: latest,
        relation_name: Some(format!("\"db\".\"main\".\"{identifier}\"")),
        identifier,
        ..node(NodeKind::Model, "shop", "dim")
    }
}

fn project(table: &Table) -> Project {
    let column = |name: &str| Column { name: name.into(), data_type: Some("integer".into()) };
    let nodes = [
        Node { catalog_columns: Some(vec![column("id"), column("amount")].into()), ..node(NodeKind::Model, "shop", "orders") },
        node(NodeKind::Model, "pack", "stock"),
        version("1", false),
        version("2", true),
        Node { materialized: "ephemeral".into(), relation_name: None, ..node(NodeKind::Model, "shop", "passing") },
        Node {
            source_name: Some("raw".into()),
            schema: "landing".into(),
            relation_name: Some("\"db\".\"landing\".\"payments\"".into()),
            ..node(NodeKind::Source, "shop", "payments")
        },
    ];
    let mut project = Project { name: "shop".into(), adapter: "duckdb".into(), dbt_version: "1.12.6".into(), ..Project::default() };
    project.nodes = nodes.into_iter().map(|node| (node.unique_id.clone(), node)).collect();
    for (name, text) in &table.macros {
        let (package, name) = name.split_once('.').expect("package.name");
        project.macros.entry(package.into()).or_default().insert(name.into(), text.as_str().into());
    }
    for file in &table.vars {
        for (kind, file) in file {
            let (text, path) = (file.to_string(), Path::new("dbt_project.yml"));
            if kind == "project" {
                project.variables = Variables::of_root(&text, path, None).expect("YAML");
            } else {
                project.variables.add_package(&text, path).expect("YAML");
            }
        }
    }
    project
}

fn daily(project: &Project, raw: &str) -> Node {
    let config = serde_json::json!({"materialized": "incremental", "unique_key": "id", "owner": "Ann"});
    Node {
        materialized: "incremental".into(),
        raw_code: raw.into(),
        depends_on: project.nodes.keys().cloned().collect(),
        config: config.as_object().cloned().unwrap_or_default(),
        ..node(NodeKind::Model, "shop", "daily")
    }
}

fn blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn templates_give_what_dbt_gives() {
    let table: Table = yaml_serde::from_str(include_str!("jinja/cases.yml")).expect("the table");
    let project = project(&table);
    let renderer = Renderer::new(&project);
    let mut wrong = Vec::new();
    for case in &table.cases {
        let node = daily(&project, &case.raw);
        match (renderer.sql(&project, &node), &case.fails) {
            (Ok(rendered), None) => {
                let found: Vec<String> = rendered.variants.iter().map(|text| blanks(text)).collect();
                let wanted: Vec<String> = case.gives.iter().chain(&case.later).map(|text| blanks(text)).collect();
                if found != wanted {
                    wrong.push(format!("{}\n  gives  {found:?}\n  wanted {wanted:?}", case.raw));
                }
            }
            (Err(error), Some(fails)) if error.message.contains(fails) && (case.at.is_none() || case.at == error.place) => {}
            (found, _) => wrong.push(format!("{}\n  gives  {found:?}\n  wanted {:?} {:?} {:?}", case.raw, case.gives, case.fails, case.at)),
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), table.cases.len(), wrong.join("\n"));
}

#[test]
fn compiled_text_is_used_as_it_is() {
    let project = Project::default();
    let node = Node { compiled_code: Some("select {{ 1".into()), raw_code: "{{ 2 }}".into(), ..node(NodeKind::Model, "shop", "a") };
    let rendered = Renderer::new(&project).sql(&project, &node).expect("the compiled text");
    assert!(matches!(rendered.variants.as_slice(), [std::borrow::Cow::Borrowed("select {{ 1")]));
    let python = Node { language: "python".into(), ..node };
    assert_eq!(Renderer::new(&project).sql(&project, &python).expect_err("no SQL").message, "a python model");
}

/// Values deep inside each other, built step by step, neither abort nor take long.
#[test]
fn deep_values_do_not_break_the_stack() {
    let project = Project::default();
    let renderer = Renderer::new(&project);
    for wrap in ["[ns.x]", "{'a': ns.x}", "(ns.x, 1)", "[ns.x] | list", "zip([ns.x])", "ns.x | batch(1)", "namespace(x=ns.x)"] {
        for end in ["{{ ns.x }}", "{{ ns.x == ns.x ~ '' }}"] {
            let raw = format!("{{% set ns = namespace(x=[1]) %}}{{% for i in range(20000) %}}{{% set ns.x = {wrap} %}}{{% endfor %}}{end}");
            if let Err(error) = renderer.sql(&project, &daily(&project, &raw)) {
                assert_ne!(error.message, "the template broke the renderer", "{raw}");
            }
        }
    }
}

/// dbt's own text of the sample's models, where nothing of it but the manifest without compiled code is read.
#[test]
fn the_sample_is_rendered_as_dbt_compiles_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_project");
    let file = folder.join("artifacts/manifest.json");
    let bytes = std::fs::read(&file).expect("the sample's manifest");
    let compiled = dbt::manifest::read(&bytes, &file).expect("a manifest");
    let mut bare: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    for node in bare["nodes"].as_object_mut().expect("nodes").values_mut() {
        node.as_object_mut().expect("a node").remove("compiled_code");
    }
    let mut project = dbt::manifest::read(bare.to_string().as_bytes(), &file).expect("a manifest");
    let text = std::fs::read_to_string(folder.join("dbt_project.yml")).expect("dbt_project.yml");
    project.variables = Variables::of_root(&text, &folder.join("dbt_project.yml"), None).expect("YAML");
    let renderer = Renderer::new(&project);
    let mut count = 0;
    for node in project.nodes.values() {
        let Some(wanted) = compiled.nodes[&node.unique_id].compiled_code.as_deref() else { continue };
        let rendered = renderer.sql(&project, node).unwrap_or_else(|error| panic!("{}: {error:?}", node.unique_id));
        let wanted = blanks(wanted);
        // dbt puts ephemeral models in front, as further common table expressions.
        let same = |text: &str| match text.contains("__dbt__cte__") {
            true => text.split_once("with ").is_some_and(|(_, rest)| wanted.ends_with(rest)),
            false => wanted == text,
        };
        assert!(rendered.variants.iter().any(|text| same(&blanks(text))), "{}: {:?}", node.unique_id, rendered.variants);
        count += 1;
    }
    assert!(count > 5, "the sample has models");
}
