//! Lineage against what was seen when the SQL ran: every influence that was observed must be claimed.
//!
//! `lineage/cases/*.json` hold small chains of models, their sources, and the influences that showed when one source column at a time was changed
//! in DuckDB. What was not observed may still exist, so a missing claim is a fault and a surplus one is a matter of precision.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use presscheck::dbt::{Column, Node, NodeKind, Project};
use presscheck::lineage::{self, Certainty, Lineage, Part};
use serde_json::Value;

mod engine;
mod expressions;
mod generator;
mod observe;
mod picture;
mod random;
mod kept;
mod keys;
mod sample;
mod selects;
mod semantic;
mod shrink;
mod text;
mod world;

/// A node with what lineage reads of it; the rest is empty.
pub fn node(kind: NodeKind, name: &str) -> Node {
    let sort = match kind {
        NodeKind::Model => "model",
        NodeKind::Seed => "seed",
        NodeKind::Snapshot => "snapshot",
        NodeKind::Source => "source",
    };
    Node {
        unique_id: format!("{sort}.case.{name}"),
        kind,
        name: name.into(),
        source_name: (kind == NodeKind::Source).then(|| "raw".into()),
        version: None,
        latest_version: false,
        package: "case".into(),
        path: format!("models/{name}.sql").into(),
        fqn: Vec::new(),
        tags: Vec::new(),
        language: "sql".into(),
        materialized: "table".into(),
        database: Some("db".into()),
        schema: "main".into(),
        identifier: name.into(),
        incremental: None,
        relation_name: Some(format!("\"db\".\"main\".\"{name}\"")),
        raw_code: String::new(),
        compiled_code: None,
        columns: Vec::new().into(),
        catalog_columns: None,
        depends_on: Vec::new(),
        meta: serde_json::Map::new().into(),
        group: None,
        access: None,
        enforced: None,
        column_types: BTreeMap::new(),
        freshness: None,
        loaded_at_field: None,
        loaded_at_query: None,
        checksum: None,
        hooks: Vec::new(),
        config: serde_json::Map::new(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A project of sources (name, columns; `None`: not listed) and models (name, SQL) in order; every model has all before it as parents if it
/// names them.
pub fn project(sources: &[(&str, Option<&[&str]>)], models: &[(&str, &str)]) -> Project {
    let mut project = Project { adapter: "duckdb".into(), ..Project::default() };
    for (name, columns) in sources {
        let mut source = node(NodeKind::Source, name);
        source.catalog_columns =
            columns.map(|columns| columns.iter().map(|name| Column { name: (*name).into(), data_type: None }).collect());
        project.nodes.insert(source.unique_id.clone(), source);
    }
    for (name, sql) in models {
        let mut model = node(NodeKind::Model, name);
        model.compiled_code = Some((*sql).into());
        let lower = sql.to_lowercase();
        model.depends_on =
            project.nodes.values().filter(|node| lower.contains(&node.name.to_lowercase())).map(|node| node.unique_id.clone()).collect();
        project.nodes.insert(model.unique_id.clone(), model);
    }
    project
}

/// Gives the columns of a source their types, as a catalog does.
pub fn give_types<'t>(project: &mut Project, source: &str, types: impl Iterator<Item = &'t str>) {
    let node = project.nodes.get_mut(&format!("source.case.{source}")).expect("a source");
    let columns = node.catalog_columns.as_mut().expect("its columns");
    columns.iter_mut().zip(types).for_each(|(column, of)| column.data_type = Some(of.into()));
}

/// A case file as a project.
fn case_project(case: &Value) -> Project {
    let sources: Vec<(&str, Vec<&str>)> = case["sources"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, source)| {
            (name.as_str(), source["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect())
        })
        .collect();
    let sources: Vec<(&str, Option<&[&str]>)> = sources.iter().map(|(name, columns)| (*name, Some(columns.as_slice()))).collect();
    let models: Vec<(&str, &str)> =
        case["models"].as_array().unwrap().iter().map(|model| (model["name"].as_str().unwrap(), model["sql"].as_str().unwrap())).collect();
    let mut project = project(&sources, &models);
    for (name, source) in case["sources"].as_object().unwrap() {
        give_types(&mut project, name, source["columns"].as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()));
    }
    project.on_run_start = case["setup"].as_array().into_iter().flatten().map(text).collect();
    for model in case["models"].as_array().unwrap() {
        let hooks: Vec<String> = model["post_hooks"].as_array().into_iter().flatten().map(text).collect();
        let ids: Vec<String> = project
            .nodes
            .values()
            .filter(|node| hooks.iter().any(|hook| hook.contains(&node.name)))
            .map(|node| node.unique_id.clone())
            .collect();
        let node = project.nodes.get_mut(&format!("model.case.{}", text(&model["name"]))).unwrap();
        node.hooks = hooks;
        node.depends_on.extend(ids);
        node.depends_on.sort();
        node.depends_on.dedup();
    }
    project
}

/// (model, column, upstream relation, upstream column), in lower case.
type Claim = (String, String, String, String);

fn claims(lineage: &Lineage, project: &Project) -> BTreeSet<Claim> {
    let mut claims = BTreeSet::new();
    for line in lineage::lines(lineage, project).lines() {
        let claim: Value = serde_json::from_str(line).unwrap();
        let part = |key: &str| text(&claim[key]).to_lowercase();
        claims.insert((part("model"), part("column"), part("upstream_relation"), part("upstream_column")));
    }
    claims
}

/// Observed, but not claimed for the column nor for the rows of its model.
fn missed(truth: &Value, claims: &BTreeSet<Claim>) -> Vec<String> {
    let mut missed = Vec::new();
    for influence in truth["influences"].as_array().unwrap() {
        let part = |key: &str| text(&influence[key]).to_lowercase();
        let (model, column, relation, upstream) = (part("model"), part("column"), part("upstream_relation"), part("upstream_column"));
        let has = |column: &str| claims.contains(&(model.clone(), column.to_owned(), relation.clone(), upstream.clone()));
        if influence["stable"] == true && column != "*" && !has(&column) && !has("*") {
            missed.push(format!("{model}.{column} <- {relation}.{upstream}"));
        }
    }
    missed
}

/// How well a case is read, for the table of all cases.
fn describe(lineage: &Lineage) -> String {
    match lineage.problems.as_slice() {
        [] => "read".into(),
        problems => problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; "),
    }
}

#[test]
fn every_observed_influence_is_claimed() {
    let mut table = String::new();
    let mut unsound = Vec::new();
    for case in cases() {
        let project = case_project(&case);
        let lineage = lineage::trace(&project);
        let missed = missed(&case["truth"], &claims(&lineage, &project));
        table.push_str(&format!("{}: {}\n", text(&case["id"]), describe(&lineage)));
        if !missed.is_empty() {
            unsound.push(format!("{}: {}", text(&case["id"]), missed.join(", ")));
        }
    }
    assert!(unsound.is_empty(), "missed:\n{}", unsound.join("\n"));
    insta::assert_snapshot!("cases", table);
}

/// The cases, in order of their files.
fn cases() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lineage/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect()
}

/// What is upstream of a part, by relation and part.
pub fn upstream(lineage: &Lineage, relation: &str, part: Part) -> BTreeSet<lineage::Node> {
    let target = lineage.node(relation, part).expect("a target that exists");
    lineage.graph.upstream_of(&[target], false).keys().map(|&index| lineage.graph.at(index).clone()).collect()
}

#[test]
fn ignorance_never_takes_an_influence_away() {
    for case in cases() {
        let project = case_project(&case);
        let known = lineage::trace(&project);
        for id in project.nodes.values().filter(|node| node.kind == NodeKind::Model).map(|node| &node.unique_id) {
            let mut blind = project.clone();
            blind.nodes.get_mut(id).unwrap().compiled_code = Some("nobody understands this".into());
            let assumed = lineage::trace(&blind);
            for (model, columns) in known.columns.iter().filter(|(model, _)| project.nodes[*model].kind == NodeKind::Model) {
                let columns = columns.names.iter().map(|name| Part::Column(name.to_lowercase().into()));
                for part in columns.chain([Part::RowsLost, Part::RowsAdded]) {
                    let more = upstream(&assumed, model, part.clone());
                    let less = upstream(&known, model, part.clone());
                    let gone: Vec<_> = less
                        .iter()
                        .filter(|node| project.nodes[&*node.relation].kind == NodeKind::Source && !more.contains(node))
                        .collect();
                    assert!(gone.is_empty(), "{}: without {id}, {model} {part:?} lost {gone:?}", case["id"]);
                }
            }
        }
    }
}

/// Claims for a folder of case files, for a scorer outside: `LINEAGE_CASES=dir LINEAGE_CLAIMS=out.jsonl cargo test lineage::claims_of_a_folder -- --ignored`.
#[test]
#[ignore = "writes a file for a scorer"]
fn claims_of_a_folder() {
    let (from, to) = (std::env::var("LINEAGE_CASES").unwrap(), std::env::var("LINEAGE_CLAIMS").unwrap());
    let mut out = String::new();
    for entry in std::fs::read_dir(from).unwrap() {
        let case: Value = serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        let project = case_project(&case);
        let lineage = lineage::trace(&project);
        println!("{}: {}", text(&case["id"]), describe(&lineage));
        for line in lineage::lines(&lineage, &project).lines() {
            let mut claim: Value = serde_json::from_str(line).unwrap();
            claim["case"] = case["id"].clone();
            out.push_str(&format!("{claim}\n"));
        }
    }
    std::fs::write(to, out).unwrap();
}

/// Whether one part influences another, and by known edges alone.
pub fn reaches(lineage: &Lineage, from: (&str, Part), to: (&str, &str)) -> Option<Certainty> {
    let from = lineage.node(from.0, from.1).expect("a node that exists");
    let targets: Vec<_> = [Part::Column(to.1.into()), Part::RowsLost, Part::RowsAdded]
        .into_iter()
        .map(|part| lineage.node(to.0, part).expect("a target that exists"))
        .collect();
    let by = |known| lineage.graph.upstream_of(&targets, known).contains_key(&from);
    by(true).then_some(Certainty::Known).or_else(|| by(false).then_some(Certainty::Assumed))
}

/// Claims for a dbt project, for the same scorer: `LINEAGE_TARGET=folder/target LINEAGE_CLAIMS=out.jsonl cargo test lineage::claims_of_a_project -- --ignored`.
#[test]
#[ignore = "writes a file for a scorer"]
fn claims_of_a_project() {
    let (target, to) = (std::env::var("LINEAGE_TARGET").unwrap(), std::env::var("LINEAGE_CLAIMS").unwrap());
    let (manifest, catalog) = (Path::new(&target).join("manifest.json"), Path::new(&target).join("catalog.json"));
    let mut project = presscheck::dbt::manifest::read(&std::fs::read(&manifest).unwrap(), &manifest).unwrap();
    if let Ok(bytes) = std::fs::read(&catalog) {
        presscheck::dbt::catalog::apply(&mut project, &bytes, &catalog).unwrap();
    }
    let before = std::time::Instant::now();
    let lineage = lineage::trace(&project);
    println!("{} nodes in {:?}, {} graph nodes", project.nodes.len(), before.elapsed(), lineage.graph.len());
    for problem in &lineage.problems {
        println!("{}: {} {:?}", problem.model, problem.message, problem.place);
    }
    std::fs::write(to, lineage::lines(&lineage, &project)).unwrap();
}
