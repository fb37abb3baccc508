//! A relation's rows have two sides, rows that are missing and rows that are there too often: what each of them was seen to change.
//!
//! The models of every case run on DuckDB over rows drawn from the domains of its sources, and again with some rows of one source deleted, or some
//! repeated. A deletion shows what the source's rows-lost does; read backwards (the fuller run is the faulty one) it shows what its rows-added
//! does, and a repetition the other way round. For what changed column values do, see the observed truth inside the case files.
//!
//! When a model has lost or added rows: see [`Difference::between`]. What was not observed may exist, so precision is a lower bound.

use std::collections::{BTreeMap, BTreeSet};

use presscheck::dbt::{NodeKind, Project};
use presscheck::lineage::{self, Lineage, Part};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::engine::{Difference, Engine, Model, Output, Stage, literal, quoted};
use super::{case_project, cases, text};
use crate::dice::Dice;

/// Data sets for each case; in every second the columns meant to be unique repeat.
const DATA_SETS: u64 = 2;
/// Rows that are deleted or repeated one at a time, in each data set.
const SINGLE_ROWS: usize = 3;

/// (model, its part, source, part of the source): the second influences the first.
pub type Influence = (String, Part, String, Part);

pub fn column(name: &str) -> Part {
    Part::Column(name.to_lowercase().into())
}

/// What the lineage of the SQL says of every part of every model, in terms of sources; not joined, a column alone is without its model's rows.
pub fn claimed(lineage: &Lineage, project: &Project) -> BTreeSet<Influence> {
    let mut claims = BTreeSet::new();
    for model in project.nodes.values().filter(|node| node.kind == NodeKind::Model) {
        let columns = lineage.columns.get(&model.unique_id).into_iter().flat_map(|columns| &columns.names);
        for part in columns.map(|name| column(name)).chain([Part::RowsLost, Part::RowsAdded]) {
            let target = lineage.node(&model.unique_id, part.clone()).expect("a part that exists");
            for &index in lineage.graph.upstream_of(&[target], false).keys() {
                let from = lineage.graph.at(index);
                if let Some(source) = project.nodes.get(&*from.relation).filter(|node| node.kind == NodeKind::Source) {
                    claims.insert((model.name.to_lowercase(), part.clone(), source.name.to_lowercase(), from.part.clone()));
                }
            }
        }
    }
    claims
}

/// Whether an observed influence is claimed: rows by themselves; a column by itself or by the rows of its model, which every metric has with it.
pub fn covers(claims: &BTreeSet<Influence>, influence: &Influence) -> bool {
    let with = |part: Part| claims.contains(&(influence.0.clone(), part, influence.2.clone(), influence.3.clone()));
    match &influence.1 {
        Part::Column(_) => with(influence.1.clone()) || with(Part::RowsLost) || with(Part::RowsAdded),
        rows => with(rows.clone()),
    }
}

/// The name of a part in the files for a scorer.
fn part_name(part: &Part) -> &str {
    match part {
        Part::Column(name) => name,
        Part::RowsLost => "rows lost",
        Part::RowsAdded => "rows added",
    }
}

/// The two directions in which a deletion (or, with the sides changed, a repetition) is read.
pub fn both_ways(source: &str, model: &str, names: &[String], difference: &Difference, deleted: bool, seen: &mut BTreeSet<Influence>) {
    let (first, second) = if deleted { (Part::RowsLost, Part::RowsAdded) } else { (Part::RowsAdded, Part::RowsLost) };
    for (from, lost, added) in [(first, difference.lost, difference.added), (second, difference.added, difference.lost)] {
        let columns = difference.columns.iter().map(|&at| column(&names[at]));
        for part in columns.chain(lost.then_some(Part::RowsLost)).chain(added.then_some(Part::RowsAdded)) {
            seen.insert((model.to_lowercase(), part, source.to_lowercase(), from.clone()));
        }
    }
}

/// What one case showed.
#[derive(Default)]
struct Truth {
    columns: BTreeMap<String, Vec<String>>,
    seen: BTreeSet<Influence>,
    tried: BTreeMap<String, usize>,
}

/// A case on its way through the engine.
struct Observer<'a> {
    case: &'a Value,
    engine: &'a Engine,
    models: Vec<Model>,
    truth: Truth,
}

/// Runs a case in all its variants.
fn observe(case: &Value) -> Truth {
    let engine = Engine::new();
    engine.execute("create schema numbered; create schema variant").unwrap();
    for statement in case["setup"].as_array().into_iter().flatten() {
        engine.execute(&text(statement)).unwrap();
    }
    let mut observer = Observer { case, engine: &engine, models: models(case), truth: Truth::default() };
    (0..DATA_SETS).for_each(|data_set| observer.observe(data_set));
    observer.truth
}

impl<'a> Observer<'a> {
    /// Fills the sources; gives the number of rows of each.
    fn fill(&self, data_set: u64) -> Vec<(&'a str, usize)> {
        let mut dice = Dice::of(&format!("{} {data_set}", self.case["id"]));
        let sources = self.case["sources"].as_object().unwrap().iter();
        sources.map(|(name, source)| (name.as_str(), fill(self.engine, name, source, data_set % 2 == 1, &mut dice))).collect()
    }
    fn keys(&self, model: usize, output: &Output) -> Vec<usize> {
        let keys = self.case["models"][model]["keys"].as_array().into_iter().flatten();
        keys.map(|key| output.names.iter().position(|name| name == key.as_str().unwrap()).expect("a key that is a column")).collect()
    }
    fn observe(&mut self, data_set: u64) {
        let sizes = self.fill(data_set);
        let names: Vec<&str> = sizes.iter().map(|(name, _)| *name).collect();
        let plain = self.models.iter().all(|model| model.hooks.is_empty());
        let stage =
            plain.then(|| Stage::of(self.engine, &names, &self.models).unwrap_or_else(|error| panic!("{}: {error}", self.case["id"])));
        let before = self.run(stage.as_ref(), None);
        for (model, output) in self.models.iter().zip(&before) {
            self.truth.columns.insert(model.name.clone(), output.names.clone());
        }
        let mut dice = Dice(data_set);
        for (source, size) in sizes {
            let mut picks: Vec<Vec<usize>> = (0..SINGLE_ROWS).map(|_| vec![dice.below(size)]).collect();
            picks.extend([(0..size).filter(|_| dice.below(2) == 0).collect(), (0..size).collect()]);
            for (pick, deleted) in picks.iter().flat_map(|pick| [(pick, true), (pick, false)]) {
                let after = self.run(stage.as_ref(), Some((source, &varied(source, pick, deleted))));
                for (index, (model, (before, after))) in self.models.iter().zip(before.iter().zip(&after)).enumerate() {
                    let difference = Difference::between(before, after, &self.keys(index, before));
                    both_ways(source, &model.name, &before.names, &difference, deleted, &mut self.truth.seen);
                }
            }
            for part in [Part::RowsLost, Part::RowsAdded] {
                *self.truth.tried.entry(format!("{source}.{}", part_name(&part))).or_default() += 2 * picks.len();
            }
        }
    }
    /// What the models give when the rows of a source come from a query. Models with hooks must be tables.
    fn run(&self, stage: Option<&Stage<'_>>, change: Option<(&str, &str)>) -> Vec<Output> {
        let outputs = stage.map_or_else(
            || {
                self.engine.execute("drop schema variant cascade; create schema variant").unwrap();
                if let Some((source, query)) = change {
                    self.engine.execute(&format!("create table variant.{} as {query}", quoted(source))).unwrap();
                }
                self.engine.run("variant,base,main", &self.models)
            },
            |stage| stage.outputs(change),
        );
        outputs.unwrap_or_else(|error| panic!("{}: {error}", self.case["id"]))
    }
}

/// The rows of a source with these deleted or repeated.
fn varied(source: &str, pick: &[usize], deleted: bool) -> String {
    let rows = format!("select * exclude (row) from numbered.{}", quoted(source));
    let numbers = pick.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (pick, deleted) {
        ([], _) => rows,
        (_, true) => format!("{rows} where row not in ({numbers})"),
        (_, false) => format!("{rows} union all {rows} where row in ({numbers})"),
    }
}

/// The models of a case, in order.
fn models(case: &Value) -> Vec<Model> {
    let models = case["models"].as_array().unwrap().iter();
    models
        .map(|model| Model {
            name: text(&model["name"]),
            sql: text(&model["sql"]),
            hooks: model["post_hooks"].as_array().into_iter().flatten().map(text).collect(),
        })
        .collect()
}

/// Makes a source from values drawn from the domains of its columns; in the schema `numbered` a last column `row` numbers the rows.
fn fill(engine: &Engine, name: &str, source: &Value, repeats: bool, dice: &mut Dice) -> usize {
    let columns = source["columns"].as_array().unwrap();
    let defined: Vec<String> =
        columns.iter().map(|column| format!("{} {}", quoted(&text(&column["name"])), text(&column["type"]))).collect();
    let unique = |column: &Value| column["unique"] == true && !repeats;
    let domain = |column: &Value| column["domain"].as_array().expect("a domain").clone();
    let listed = columns.iter().filter(|column| unique(column)).map(|column| domain(column).len());
    let size = listed.min().unwrap_or(usize::MAX).min(usize::try_from(source["n"].as_u64().expect("a number of rows")).unwrap());
    let drawn: Vec<Vec<Value>> = columns
        .iter()
        .map(|column| {
            let mut domain = domain(column);
            if unique(column) {
                (1..domain.len()).rev().for_each(|end| domain.swap(end, dice.below(end + 1)));
                return domain;
            }
            (0..size).map(|_| domain[dice.below(domain.len())].clone()).collect()
        })
        .collect();
    let rows: Vec<String> = (0..size)
        .map(|row| format!("({}, {row})", drawn.iter().map(|values| literal(&values[row])).collect::<Vec<_>>().join(", ")))
        .collect();
    let (table, all, rows) = (quoted(name), defined.join(", "), rows.join(", "));
    let make = format!("create or replace table numbered.{table} ({all}, row int); insert into numbered.{table} values {rows}");
    engine.execute(&make).unwrap();
    engine.execute(&format!("create or replace table base.{table} as select * exclude (row) from numbered.{table}")).unwrap();
    size
}

/// The claims on a part that its targets make: a column's with those of its model's rows.
fn claimed_with_rows(claims: &BTreeSet<Influence>, truth: &Truth) -> BTreeSet<Influence> {
    let mut all = claims.clone();
    for (model, _, source, from) in claims.iter().filter(|claim| !matches!(claim.1, Part::Column(_))) {
        let columns = truth.columns.iter().filter(|(name, _)| name.to_lowercase() == *model).flat_map(|(_, columns)| columns);
        all.extend(columns.map(|name| (model.clone(), column(name), source.clone(), from.clone())));
    }
    all.retain(|claim| !matches!(claim.3, Part::Column(_)));
    all
}

#[test]
fn rows_lost_and_added_reach_what_they_were_seen_to_change() {
    let (mut table, mut missed) = (String::new(), Vec::new());
    let (mut right, mut all) = (0, 0);
    let cases = cases();
    for (case, truth) in cases.iter().zip(cases.par_iter().map(observe).collect::<Vec<_>>()) {
        let project = case_project(case);
        let claims = claimed_with_rows(&claimed(&lineage::trace(&project), &project), &truth);
        for (model, part, source, from) in truth.seen.difference(&claims) {
            missed.push(format!("{}: {model}.{} <- {source}.{}", text(&case["id"]), part_name(part), part_name(from)));
        }
        let seen = truth.seen.intersection(&claims).count();
        (right, all) = (right + seen, all + claims.len());
        table.push_str(&format!("{}: {seen} observed of {} claimed\n", text(&case["id"]), claims.len()));
    }
    assert!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
    insta::assert_snapshot!("rows", format!("{table}all: {right} of {all}, {}%\n", 100 * right / all));
}

/// The observed truth and the claims in the form of a scorer outside:
/// `LINEAGE_TRUTH=folder LINEAGE_CLAIMS=out.jsonl cargo test lineage::observe::truth_for_a_scorer -- --ignored`. The rows of a relation
/// stand among its columns as `rows lost` and `rows added`.
#[test]
#[ignore = "writes files for a scorer"]
fn truth_for_a_scorer() {
    let (folder, to) = (std::env::var("LINEAGE_TRUTH").unwrap(), std::env::var("LINEAGE_CLAIMS").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let mut lines = String::new();
    let as_json = |(model, part, source, from): &Influence| json!({"model": model, "column": part_name(part), "upstream_relation": source, "upstream_column": part_name(from)});
    for case in cases() {
        let project = case_project(&case);
        let mut truth = observe(&case);
        for claim in claimed_with_rows(&claimed(&lineage::trace(&project), &project), &truth) {
            let mut line = as_json(&claim);
            (line["case"], line["kind"]) = (case["id"].clone(), "value".into());
            lines.push_str(&format!("{line}\n"));
        }
        truth.columns.values_mut().for_each(|columns| columns.extend(["rows lost".to_owned(), "rows added".to_owned()]));
        let influences = truth.seen.iter().map(|seen| {
            let mut line = as_json(seen);
            (line["kinds"], line["stable"]) = (json!({"any": 1}), true.into());
            line
        });
        let influences: Vec<Value> = influences.collect();
        let whole = json!({"format": 1, "id": case["id"], "columns": truth.columns, "tried": truth.tried, "influences": influences});
        std::fs::write(format!("{folder}/{}.json", text(&case["id"])), format!("{whole:#}\n")).unwrap();
    }
    std::fs::write(to, lines).unwrap();
}
