//! Advice of lint beside the sample project: rules, comments that set findings aside, baselines, and what the program says of each rule.

mod fixes;
mod kept;
mod names;
mod settings;

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use presscheck::contract;
use presscheck::dbt::{Project, catalog, manifest};
use presscheck::diagnostic::{Finding, Level, codes, guide};
use presscheck::lineage::{self, Lineage};
use presscheck::lint::{self, Baseline, Ignores, Surroundings};
use presscheck::macros::Macros;

const FILE: &str = "contracts/c.yml";

struct World {
    project: Project,
    lineage: Lineage,
    macros: Macros,
}

fn world() -> World {
    let file = Path::new("sample_project/artifacts/manifest.json");
    let mut project = manifest::read(&std::fs::read(file).unwrap(), file).unwrap();
    let file = Path::new("sample_project/artifacts/catalog.json");
    catalog::apply(&mut project, &std::fs::read(file).unwrap(), file).unwrap();
    let lineage = lineage::trace(&project);
    World { project, lineage, macros: Macros::new("duckdb", Vec::new()).unwrap() }
}

/// Everything that lint says of a contract, comments obeyed.
fn said(world: &World, text: &str) -> Vec<Finding> {
    said_with(world, &world.lineage, text)
}

/// The same with another lineage.
fn said_with(world: &World, lineage: &Lineage, text: &str) -> Vec<Finding> {
    let now: Timestamp = "2026-11-23T11:40:00Z".parse().unwrap();
    let read = contract::parse(text, Path::new(FILE));
    let mut found = read.findings;
    if let Some(contract) = &read.value {
        found.extend(lint::references(contract, &world.project, lineage));
        found.extend(lint::connections(contract, &[]));
        let around = Surroundings { project: &world.project, lineage, macros: &world.macros, now, closed: None };
        found.extend(lint::advice(contract, &around, &found));
    }
    let ignores = Ignores::of(text, Path::new(FILE));
    let problems = ignores.problems(&found, Path::new(FILE));
    let mut left = ignores.apply(found);
    left.extend(problems);
    presscheck::yaml::sort(&mut left);
    left
}

fn with_head(text: &str, usual: bool) -> String {
    let mut head = String::new();
    let mut add = |key: &str, line: &str| {
        if !text.lines().any(|line| line.starts_with(&format!("{key}:"))) {
            head += line;
            head += "\n";
        }
    };
    add("version", "version: 1");
    add("contract", "contract: c");
    add("metrics", "metrics: {m: {column: mart_weekly_operating_report.refunds}}");
    if usual {
        add("exposure", "exposure: weekly_operating_report");
        add("owners", "owners: {technical: {team: Analytics}}");
        add("sources", "sources: [{source: shopify.refunds}]");
        add("checks", "checks: [{not_null: {name: c, column: mart_weekly_operating_report.refunds}}]");
    }
    let text = text.replace("exposure:\n", "");
    head + &text
}

#[test]
fn advice_is_given_where_it_stands() {
    let cases: indexmap::IndexMap<String, String> = yaml_serde::from_str(include_str!("lint/cases.yml")).unwrap();
    let world = world();
    let mut told = String::new();
    for (name, text) in &cases {
        let found: String = said(&world, &with_head(text, true)).iter().map(|finding| format!("{finding}\n")).collect();
        told += &format!("== {name}\n{text}--\n{found}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_code_has_a_guide_whose_example_triggers_it() {
    let world = world();
    let mut wrong = String::new();
    for code in codes::ALL {
        let Some(guide) = guide::of(code.code) else {
            wrong += &format!("{}: src/diagnostic/guide.rs says nothing of it\n", code.code);
            continue;
        };
        for text in [guide.why, guide.example, guide.mend] {
            if text.trim().is_empty() {
                wrong += &format!("{}: an empty text\n", code.code);
            }
        }
        if guide.example.starts_with("$ ") || guide.example.starts_with("# ") {
            continue;
        }
        let found: BTreeSet<&str> = said(&world, &with_head(guide.example, false)).iter().map(|finding| finding.code).collect();
        if !found.contains(code.code) {
            wrong += &format!("{} is not triggered by its example, which gives {found:?}:\n{}\n", code.code, guide.example);
        }
    }
    let known: BTreeSet<&str> = codes::ALL.iter().map(|code| code.code).collect();
    assert!(guide::ALL.iter().all(|guide| known.contains(guide.code)), "a guide of no code");
    assert_eq!(guide::ALL.len(), codes::ALL.len(), "a code has two guides");
    assert!(wrong.is_empty(), "{wrong}");
}

/// Advice alone can be set aside: a code that lint reports as a warning, and every such code.
#[test]
fn what_can_be_ignored_is_what_only_advises() {
    let source = ["advice", "bounds", "mod", "moments", "reach", "secrets", "tables", "twice"]
        .map(|file| std::fs::read_to_string(format!("src/lint/{file}.rs")).unwrap())
        .concat();
    let warned: BTreeSet<&str> = source
        .match_indices("Finding::warning(")
        .map(|(at, found)| source[at + found.len()..].trim_start().trim_start_matches("codes::"))
        .map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap()])
        .collect();
    let advice: BTreeSet<String> = codes::ADVICE
        .iter()
        .map(|code| codes::ALL.iter().find(|known| known.code == *code).unwrap().name.to_uppercase().replace('-', "_"))
        .collect();
    let cannot: Vec<&&str> = warned.iter().filter(|name| !advice.contains(**name)).collect();
    assert!(cannot.is_empty(), "lint advises, and codes::ADVICE does not have: {cannot:?}");
}

#[test]
fn no_secret_is_repeated() {
    let text = with_head("promise: |\n  Ask xoxb-123456789012-abcdefghijkl\n  postgres://reader:hunter22@db.example/shop\n", true);
    let told: String = said(&world(), &text).iter().map(|finding| format!("{finding}\n")).collect();
    assert!(told.matches("PC255").count() == 2 && !told.contains("xoxb") && !told.contains("hunter22"), "{told}");
}

#[test]
fn a_baseline_holds_old_findings_and_no_errors() {
    let name = |finding: &Finding| finding.file.as_deref().map(|file| file.display().to_string()).unwrap_or_default();
    let finding = |code, message: &str, line| {
        let span = presscheck::diagnostic::Span { offset: 0, length: 0, line, column: 1 };
        Finding::warning(code, message).at(span).in_file(FILE)
    };
    let old = [
        finding(codes::NO_OWNER, "nobody answers for A", 3),
        finding(codes::NO_OWNER, "nobody answers for A", 9),
        finding(codes::SECRET, "x", 4),
    ];
    let error = Finding { level: Level::Error, ..finding(codes::UNKNOWN_COLUMN, "no column", 5) };
    let contradiction = Finding { level: Level::Error, ..finding(codes::CONTRADICTION, "both", 5) };
    let all: Vec<Finding> = old.iter().cloned().chain([error.clone(), contradiction.clone()]).collect();
    let baseline = Baseline::read(&Baseline::of(&all, &name).text()).unwrap();
    assert_eq!(baseline.len(), 3);

    // The same words elsewhere in the file are known again; a third is new; errors stay.
    let later = [
        finding(codes::NO_OWNER, "nobody answers for A", 40),
        finding(codes::NO_OWNER, "nobody answers for A", 41),
        finding(codes::NO_OWNER, "nobody answers for A", 42),
        finding(codes::NO_OWNER, "nobody answers for B", 42),
        error.clone(),
        contradiction.clone(),
    ];
    let (fresh, gone) = baseline.apply(later.to_vec(), &name);
    assert_eq!((fresh, gone), (vec![later[2].clone(), later[3].clone(), error, contradiction], 1));

    for broken in [
        "",
        "[]",
        "{\"format\": 2, \"findings\": []}",
        "{\"format\": 1, \"findings\": [{\"code\": \"PC103\", \"file\": \"\", \"message\": \"\", \"count\": 1}]}",
    ] {
        assert!(Baseline::read(broken).is_err(), "{broken}");
    }
}
