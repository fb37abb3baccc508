//! Kinds of check: how each judges an answer, and what contradicts itself in what is written.

use std::path::Path;

use jiff::Timestamp;
use presscheck::check::measurement::{Cell, Measurement};
use presscheck::check::outcome::Judgement;
use presscheck::check::{KINDS, Spec};
use presscheck::diagnostic::At;
use presscheck::yaml;

#[derive(serde::Deserialize)]
struct Case {
    check: String,
    answers: Vec<String>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Written {
    checks: Vec<At<Spec>>,
}

/// A check as a contract writes it.
pub fn read(check: &str) -> Result<Spec, String> {
    let read = yaml::read::<Written>(&format!("checks:\n  - {check}\n"), Path::new("c"));
    let said: Vec<String> = read.findings.iter().map(ToString::to_string).collect();
    let spec = read.value.and_then(|written| written.checks.into_iter().next());
    spec.filter(|_| said.is_empty()).map(|spec| spec.value).ok_or_else(|| said.join("\n"))
}

fn cell(text: &str) -> Cell {
    match text {
        "null" => Cell::Null,
        "nan" => Cell::NotFinite,
        "huge" => Cell::OutOfRange("1e200".into()),
        "true" => Cell::Bool(true),
        "@infinity" => Cell::InfiniteTime,
        _ => {
            let rest = &text[1..];
            match &text[..1] {
                "@" => rest.parse().map(Cell::Instant).unwrap_or_else(|_| Cell::Local(rest.parse().unwrap())),
                "?" => Cell::Unsupported(rest.into()),
                "\"" => Cell::Text(rest.trim_end_matches('"').into()),
                _ => text.parse().map(Cell::Int).unwrap_or_else(|_| Cell::Decimal(text.parse().unwrap())),
            }
        }
    }
}

fn measurement(answer: &str) -> Measurement {
    let mut rows = answer.split(';');
    let cells = |text: &str| text.split('|').map(str::trim).filter(|part| !part.is_empty()).map(cell).collect::<Vec<_>>();
    let (rows_seen, rest) = rows.next().unwrap().split_once('|').map_or((answer.split(';').next().unwrap(), ""), |both| both);
    let now: Timestamp = "2026-11-23T11:40:00Z".parse().unwrap();
    Measurement { rows_seen: rows_seen.trim().parse().unwrap(), cells: cells(rest), items: rows.map(cells).collect(), now }
}

/// One line: what a reader is told, and the number that the sentence is made of.
pub fn told(judgement: &Judgement) -> String {
    let number =
        |measured: &presscheck::check::outcome::Measured| format!("[{} {} of {} rows]", measured.value, measured.unit, measured.rows_seen);
    match judgement {
        Judgement::Pass(measured) => format!("pass {}", number(measured)),
        Judgement::Fail { asks, measured, why } => format!("{asks:?}: {why} {}", number(measured)).to_lowercase(),
        Judgement::Error(fault) => format!("error {:?}: {}", fault.reason, fault.detail),
    }
}

fn cases() -> Vec<Case> {
    yaml_serde::from_str(include_str!("checks/judge.yml")).unwrap()
}

#[test]
fn answers_are_judged() {
    let mut lines = String::new();
    for case in cases() {
        let spec = read(&case.check).unwrap();
        lines += &format!("== {}\n", case.check);
        for answer in &case.answers {
            lines += &format!("{answer:40} -> {}\n", told(&spec.kind().judge(&measurement(answer))));
        }
    }
    insta::assert_snapshot!("judged", lines);
}

/// Law 5, kind by kind: put anything unusable in the place of a number or a time that passed, and it no longer passes.
#[test]
fn nothing_unusable_passes() {
    let unusable = [
        Cell::Null,
        Cell::NotFinite,
        Cell::OutOfRange("1e200".into()),
        Cell::InfiniteTime,
        Cell::Bool(true),
        Cell::Text("0".into()),
        Cell::Unsupported("x".into()),
    ];
    let mut passes = 0;
    for case in cases() {
        let spec = read(&case.check).unwrap();
        let judged = spec.kind().request().columns;
        for answer in case.answers.iter().map(|answer| measurement(answer)).filter(|answer| answer.rows_seen > 0) {
            let Judgement::Pass(_) = spec.kind().judge(&answer) else { continue };
            passes += 1;
            for (place, (name, expect)) in judged.iter().enumerate() {
                if *expect == presscheck::check::common::Expect::Text {
                    continue;
                }
                for bad in &unusable {
                    let mut answer = answer.clone();
                    answer.cells[place] = bad.clone();
                    let judgement = spec.kind().judge(&answer);
                    assert!(!matches!(judgement, Judgement::Pass(_)), "{}: {bad:?} for {name} passed", case.check);
                }
                let mut short = answer.clone();
                short.cells.truncate(place);
                assert!(!matches!(spec.kind().judge(&short), Judgement::Pass(_)), "{}: no {name} passed", case.check);
            }
            let none = Measurement { rows_seen: 0, ..answer };
            let empty = matches!(spec.kind().judge(&none), Judgement::Pass(_));
            assert!(!empty || spec.kind().common().allow_empty.is_some(), "{}: no rows passed", case.check);
        }
    }
    assert!(passes > 30, "only {passes} passes looked at");
}

#[test]
fn contradictions_are_found() {
    let checks: Vec<String> = yaml_serde::from_str(include_str!("checks/problems.yml")).unwrap();
    let mut lines = String::new();
    for check in &checks {
        let said = match read(check) {
            Err(said) => said,
            Ok(spec) => {
                let problems: Vec<String> = spec.problems().iter().map(ToString::to_string).collect();
                let executed = spec.kind().executed().err().map(|why| format!("not executed: {why}"));
                problems.into_iter().chain(executed).collect::<Vec<_>>().join("\n")
            }
        };
        lines += &format!("== {check}\n{}\n", if said.is_empty() { "fine" } else { &said });
    }
    insta::assert_snapshot!("problems", lines);
}

#[test]
fn every_kind_has_its_macro_and_its_cases() {
    let judged: Vec<String> = cases().into_iter().map(|case| case.check).collect();
    let problems: Vec<String> = yaml_serde::from_str(include_str!("checks/problems.yml")).unwrap();
    for kind in KINDS {
        let spec = judged.iter().chain(&problems).filter(|check| check.starts_with(&format!("{kind}:"))).find_map(|check| read(check).ok());
        let spec = spec.unwrap_or_else(|| panic!("{kind} has no case"));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("macros/{kind}.sql"));
        // dbt's tests come with SQL of their own.
        let measured = spec.kind().executed().is_ok() && *kind != "dbt_tests";
        assert_eq!(file.exists(), measured, "{kind}: a kind that is executed has a macro, no other has one");
    }
}
