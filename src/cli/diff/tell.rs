//! The result of a comparison: for a person, for a comment on a pull request, for a program.

use std::fmt::Write;

use serde::Serialize;

use super::super::Stopped;
use super::Told;
use crate::diagnostic::{Finding, codes};
use crate::output::markdown_cell as cell;
use crate::promise::{Change, ContractChange, Kind, MetricChange, ModelChange, Person};

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Loosened => "loosened",
        Kind::Broken => "broken",
        Kind::Tightened => "tightened",
        Kind::Neutral => "neutral",
    }
}

fn words(metric: &MetricChange) -> Vec<&'static str> {
    let all = [(metric.loosened, Kind::Loosened), (metric.broken, Kind::Broken), (metric.tightened, Kind::Tightened)];
    all.into_iter().filter(|(is, _)| *is).map(|(_, kind)| word(kind)).collect()
}

fn person((team, contact): &Person) -> String {
    contact.as_ref().filter(|contact| *contact != team).map_or_else(|| team.clone(), |contact| format!("{team}, {contact}"))
}

fn by(owner: Option<&Person>) -> String {
    owner.map_or_else(String::new, |owner| format!(" ({})", person(owner)))
}

/// `2 metrics loosened, 1 broken, 0 tightened`.
fn summary(told: &Told) -> String {
    let metrics = || told.contracts.iter().flat_map(|contract| &contract.metrics);
    let count = |is: fn(&MetricChange) -> bool| metrics().filter(|metric| is(metric)).count();
    let loosened = count(|metric| metric.loosened);
    let plural = if loosened == 1 { "metric" } else { "metrics" };
    format!("{loosened} {plural} loosened, {} broken, {} tightened", count(|metric| metric.broken), count(|metric| metric.tightened))
}

pub(super) fn text(told: &Told) -> String {
    let mut out = String::new();
    for contract in &told.contracts {
        let _ = writeln!(out, "{} ({})", contract.report, contract.contract);
        for change in &contract.changes {
            let _ = writeln!(out, "  {}", change.what);
        }
        let untouched: Vec<&str> =
            contract.metrics.iter().filter(|metric| metric.changes.is_empty()).map(|metric| metric.title.as_str()).collect();
        for metric in contract.metrics.iter().filter(|metric| !metric.changes.is_empty()) {
            let words = words(metric);
            let words = if words.is_empty() { "no verdict changes".to_owned() } else { words.join(", ") };
            let _ = writeln!(out, "  {}: {words}{}", metric.title, by(metric.owner.as_ref()));
            for change in &metric.changes {
                let _ = writeln!(out, "    {:9}  {}", word(change.kind), change.what);
            }
        }
        if !untouched.is_empty() {
            let _ = writeln!(out, "  untouched: {}", untouched.join(", "));
        }
        out.push('\n');
    }
    if !told.models.is_empty() {
        out.push_str("models\n");
        for model in &told.models {
            let _ = writeln!(out, "  {} ({}): {}", model.name, model.what, reaches(model));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", summary(told));
    for note in &told.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

/// What a model reaches: metrics with who answers for them, then reports.
fn reaches(model: &ModelChange) -> String {
    let mut all: Vec<String> =
        model.reaches.metrics.iter().map(|(contract, metric, owner)| format!("{metric} of {contract}{}", by(owner.as_ref()))).collect();
    all.extend(model.reaches.exposures.iter().map(|(exposure, owner)| format!("the report {exposure}{}", by(owner.as_ref()))));
    if all.is_empty() { "reaches no metric and no report".to_owned() } else { format!("reaches {}", all.join("; ")) }
}

pub(super) fn markdown(told: &Told) -> String {
    let mut out = format!("### presscheck: {}\n", cell(&summary(told)));
    for contract in &told.contracts {
        let _ = writeln!(out, "\n#### {}\n", cell(&contract.report));
        for change in &contract.changes {
            let _ = writeln!(out, "- {}", cell(&change.what));
        }
        let touched: Vec<&MetricChange> = contract.metrics.iter().filter(|metric| !metric.changes.is_empty()).collect();
        if touched.is_empty() {
            out.push_str("No metric is touched.\n");
            continue;
        }
        out.push_str("\n| metric | | why | owner |\n|---|---|---|---|\n");
        for metric in touched {
            let words = words(metric);
            let words = if words.is_empty() { "no verdict changes".to_owned() } else { format!("**{}**", words.join(", ")) };
            let why: Vec<String> = metric.changes.iter().map(|change| format!("{}: {}", word(change.kind), cell(&change.what))).collect();
            let owner = metric.owner.as_ref().map(|owner| cell(&person(owner))).unwrap_or_default();
            let _ = writeln!(out, "| {} | {words} | {} | {owner} |", cell(&metric.title), why.join("<br>"));
        }
    }
    if !told.models.is_empty() {
        out.push_str("\n<details><summary>Models</summary>\n\n| model | | reaches |\n|---|---|---|\n");
        for model in &told.models {
            let _ = writeln!(out, "| {} | {} | {} |", cell(&model.name), model.what, cell(&reaches(model)));
        }
        out.push_str("\n</details>\n");
    }
    for note in &told.notes {
        let _ = writeln!(out, "\n{}", cell(note));
    }
    out
}

/// `diff --format json`, version 1.
#[derive(Serialize)]
struct DiffJson<'a> {
    format: u32,
    contracts: Vec<ContractJson<'a>>,
    models: Vec<ModelJson<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct ContractJson<'a> {
    contract: &'a str,
    report: &'a str,
    owners: Vec<PersonJson<'a>>,
    changes: Vec<ChangeJson<'a>>,
    metrics: Vec<MetricJson<'a>>,
}

#[derive(Serialize)]
struct MetricJson<'a> {
    id: &'a str,
    title: &'a str,
    owner: Option<PersonJson<'a>>,
    loosened: bool,
    tightened: bool,
    broken: bool,
    changes: Vec<ChangeJson<'a>>,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    kind: &'static str,
    what: &'a str,
}

#[derive(Serialize)]
struct PersonJson<'a> {
    team: &'a str,
    contact: Option<&'a str>,
}

#[derive(Serialize)]
struct ModelJson<'a> {
    id: &'a str,
    name: &'a str,
    what: &'static str,
    metrics: Vec<ReachedJson<'a>>,
    exposures: Vec<ReachedJson<'a>>,
}

#[derive(Serialize)]
struct ReachedJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<&'a str>,
    name: &'a str,
    owner: Option<PersonJson<'a>>,
}

fn person_json((team, contact): &Person) -> PersonJson<'_> {
    PersonJson { team, contact: contact.as_deref() }
}

fn changes_json(changes: &[Change]) -> Vec<ChangeJson<'_>> {
    changes.iter().map(|change| ChangeJson { kind: word(change.kind), what: &change.what }).collect()
}

fn metric_json(metric: &MetricChange) -> MetricJson<'_> {
    MetricJson {
        id: &metric.id,
        title: &metric.title,
        owner: metric.owner.as_ref().map(person_json),
        loosened: metric.loosened,
        tightened: metric.tightened,
        broken: metric.broken,
        changes: changes_json(&metric.changes),
    }
}

fn contract_json(contract: &ContractChange) -> ContractJson<'_> {
    ContractJson {
        contract: &contract.contract,
        report: &contract.report,
        owners: contract.owners.iter().map(person_json).collect(),
        changes: changes_json(&contract.changes),
        metrics: contract.metrics.iter().map(metric_json).collect(),
    }
}

pub(super) fn json(told: &Told) -> Result<String, Stopped> {
    let document = DiffJson {
        format: 1,
        contracts: told.contracts.iter().map(contract_json).collect(),
        models: told.models.iter().map(model_json).collect(),
        notes: &told.notes,
    };
    serde_json::to_string_pretty(&document)
        .map_err(|error| Stopped::unreadable(Finding::error(codes::INTERNAL, format!("the comparison cannot be written: {error}"))))
}

fn model_json(model: &ModelChange) -> ModelJson<'_> {
    ModelJson {
        id: &model.id,
        name: &model.name,
        what: model.what,
        metrics: model
            .reaches
            .metrics
            .iter()
            .map(|(contract, name, owner)| ReachedJson { contract: Some(contract), name, owner: owner.as_ref().map(person_json) })
            .collect(),
        exposures: model
            .reaches
            .exposures
            .iter()
            .map(|(name, owner)| ReachedJson { contract: None, name, owner: owner.as_ref().map(person_json) })
            .collect(),
    }
}
