//! What a change does to promises: a table of single edits of the sample, and random edits against the decision itself.

mod random;
mod slips;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use presscheck::contract::{self, Contract};
use presscheck::dbt::{Project, catalog, manifest};
use presscheck::lineage::{self, Lineage, NodeIndex};
use presscheck::macros::Macros;
use presscheck::plan::{self, Plan};
use presscheck::promise::{self, Version};

const SAMPLE: &str = include_str!("../sample_project/contracts/weekly_operating_report.yml");

/// See `promise/edits.yml`.
#[derive(serde::Deserialize)]
struct Edit {
    /// The model whose SQL is edited; the contract is when absent.
    #[serde(default)]
    model: Option<String>,
    find: String,
    replace: String,
    /// What stands in the place of `find` in the older version of the contract; `find` itself when absent.
    #[serde(default)]
    older: Option<String>,
    /// What the model depends on then, too.
    #[serde(default)]
    parent: Option<String>,
}

struct Side {
    contract: Contract,
    project: Project,
    lineage: Lineage,
    plan: Plan,
    targets: Vec<(String, Result<Vec<NodeIndex>, String>)>,
}

fn now() -> Timestamp {
    "2026-11-23T11:40:00Z".parse().unwrap()
}

fn project() -> Project {
    let file = Path::new("sample_project/artifacts/manifest.json");
    manifest::read(&std::fs::read(file).unwrap(), file).unwrap()
}

fn with_catalog(mut project: Project) -> Project {
    let file = Path::new("sample_project/artifacts/catalog.json");
    catalog::apply(&mut project, &std::fs::read(file).unwrap(), file).unwrap();
    project
}

fn side(text: &str, project: Project, macros: &Macros) -> Side {
    let lineage = lineage::trace(&project);
    let read = contract::parse(text, Path::new("c.yml"));
    assert!(read.findings.is_empty(), "{:#?}", read.findings.iter().map(ToString::to_string).collect::<Vec<_>>());
    let contract = read.value.unwrap();
    let options = plan::Options { interval: interval(&contract), selection: None, macros, given: plan::Given::default() };
    let plan = plan::build(&contract, &project, &lineage, &options).unwrap();
    let targets = plan::targets(&contract, &project, &lineage, &options);
    Side { contract, project, lineage, plan, targets }
}

fn interval(contract: &Contract) -> Option<presscheck::calendar::Interval> {
    let schedule = contract.schedule.as_ref()?;
    let zone = jiff::tz::TimeZone::get(schedule.timezone.as_ref().map_or("UTC", |zone| zone.as_str())).ok()?;
    let starts = schedule.starts.as_ref().map_or(presscheck::calendar::Weekday::Monday, |starts| starts.value);
    presscheck::calendar::latest_interval(schedule.interval.value, starts, &zone, now()).ok()
}

fn version<'a>(side: &'a Side, macros: &'a BTreeMap<String, String>) -> Version<'a> {
    let Side { contract, project, lineage, plan, targets } = side;
    Version { contract, plan, targets, project, lineage, macros }
}

fn edited(edit: &Edit, model: &str) -> Project {
    let mut project = project();
    let node = project.nodes.get_mut(&format!("model.brightside.{model}")).unwrap();
    let compiled = node.compiled_code.clone().unwrap();
    assert_eq!(compiled.matches(&edit.find).count(), 1, "`{}` stands in {model} once", edit.find);
    let changed = compiled.replace(&edit.find, &edit.replace);
    (node.raw_code, node.compiled_code) = (changed.clone(), Some(changed));
    node.depends_on.extend(edit.parent.clone());
    project
}

#[test]
fn single_edits_say_what_they_do() {
    let edits: indexmap::IndexMap<String, Edit> = yaml_serde::from_str(include_str!("promise/edits.yml")).unwrap();
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let (none, mut told) = (BTreeMap::new(), String::new());
    let (base, bare) = (side(SAMPLE, with_catalog(project()), &macros), side(SAMPLE, project(), &macros));
    for (name, edit) in &edits {
        // The catalog is of the warehouse as it was; an edit of SQL is looked at without it.
        let older: Option<Side>;
        let (old, new) = match &edit.model {
            Some(model) => (&bare, side(SAMPLE, edited(edit, model), &macros)),
            None => {
                assert_eq!(SAMPLE.matches(&edit.find).count(), 1, "{name}: `{}` stands in the sample once", edit.find);
                let of = |text: &str| side(&SAMPLE.replace(&edit.find, text), with_catalog(project()), &macros);
                older = edit.older.as_deref().map(of);
                (older.as_ref().unwrap_or(&base), of(&edit.replace))
            }
        };
        let change = promise::compare(&version(old, &none), &version(&new, &none), now());
        told += &format!("== {name}\n");
        for change in &change.changes {
            told += &format!("{}\n", change.what);
        }
        for metric in change.metrics.iter().filter(|metric| !metric.changes.is_empty()) {
            let is = [(metric.loosened, "loosened"), (metric.broken, "broken"), (metric.tightened, "tightened")];
            let is: Vec<&str> = is.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
            told += &format!("{}: {}\n", metric.id, is.join(", "));
            for change in &metric.changes {
                told += &format!("  {:?}: {}\n", change.kind, change.what);
            }
        }
        if edit.model.is_some() {
            for model in promise::models(&old.project, &[version(old, &none)], &new.project, &[version(&new, &none)]) {
                let metrics: Vec<&str> = model.reaches.metrics.iter().map(|(_, metric, _)| metric.as_str()).collect();
                let exposures: Vec<&str> = model.reaches.exposures.iter().map(|(exposure, _)| exposure.as_str()).collect();
                told += &format!("{} {}: {}; {}\n", model.name, model.what, metrics.join(", "), exposures.join(", "));
            }
        }
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}

/// The 31st of November is the 30th, and the 31st of December is not: one occasion does not speak for all.
#[test]
fn a_deadline_is_compared_on_every_occasion() {
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let none = BTreeMap::new();
    let monthly = |ready_by: &str| {
        let text =
            SAMPLE.replace("interval: week\n  starts: monday", "interval: month").replace("monday 12:00  ", &format!("{ready_by}  "));
        side(&text, with_catalog(project()), &macros)
    };
    let [thirtieth, last, noon] = ["day 30 12:00", "day 31 12:00", "day 30 11:00"].map(monthly);
    let moved = |old: &Side, new: &Side| {
        let change = promise::compare(&version(old, &none), &version(new, &none), now());
        (change.metrics.iter().all(|metric| metric.loosened), change.metrics.iter().any(|metric| metric.tightened))
    };
    assert_eq!(thirtieth.plan.expected.ready_by, last.plan.expected.ready_by);
    assert_eq!(moved(&thirtieth, &last), (true, false));
    assert_eq!(moved(&last, &noon), (false, true));
    assert_eq!(moved(&last, &last), (false, false));
}
