//! Contracts: what is right is read without a word, what is wrong is found where it stands.

use std::path::Path;

use presscheck::contract::{self, Contract, ReadyBy};
use presscheck::yaml::Read;

const SAMPLE: &str = include_str!("../sample_project/contracts/weekly_operating_report.yml");

fn parse(text: &str) -> Read<Contract> {
    contract::parse(text, Path::new("contract.yml"))
}

fn findings(text: &str) -> Vec<String> {
    parse(text).findings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_sample_is_right() {
    assert_eq!(findings(SAMPLE), Vec::<String>::new());
    let contract = parse(SAMPLE).value.unwrap();
    let names: Vec<String> = contract.checks.iter().map(|check| contract::check_name(check)).collect();
    insta::assert_debug_snapshot!(names);
}

#[test]
fn contradictions_are_found() {
    let cases: indexmap::IndexMap<String, String> = yaml_serde::from_str(include_str!("contract/contradictions.yml")).unwrap();
    let mut told = String::new();
    for (name, text) in &cases {
        let version = if text.contains("version:") { "" } else { "version: 1\n" };
        let metrics = if text.contains("metrics:") { "" } else { "metrics: {m: {column: t.m}}\n" };
        let head = format!("{version}contract: c\n{metrics}");
        let found: String = findings(&format!("{head}{text}")).iter().map(|finding| format!("{finding}\n")).collect();
        told += &format!("== {name}\n{text}--\n{found}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn deadlines_fit_their_intervals() {
    use presscheck::calendar::IntervalUnit::{Day, Hour, Month, Week};
    let cases = [
        ("12:00", Day, true),
        ("9:30", Week, true),
        ("monday 12:00", Week, true),
        ("Monday 09:00", Week, true),
        ("day 3 12:00", Month, true),
        ("30m", Hour, true),
        ("2h", Week, true),
        ("monday 12:00", Day, false),
        ("monday", Week, false),
        ("mondy 12:00", Week, false),
        ("day 32 12:00", Month, false),
        ("day 3 12:00", Week, false),
        ("24:00", Day, false),
        ("12:60", Day, false),
        ("12:0", Day, false),
        ("12:00", Hour, false),
        ("12:00 pm", Day, false),
        ("", Day, false),
    ];
    for (text, unit, right) in cases {
        assert_eq!(ReadyBy::parse(text, unit).is_ok(), right, "{text} {unit:?}");
    }
}
