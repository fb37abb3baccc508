//! The reader of YAML: syntax, shapes, places, and agreement with another reader.
use std::path::Path;

use presscheck::diagnostic::{At, Span};
use presscheck::yaml;

/// A small language with everything that the reader has to tell apart.
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Menu {
    /// What it is called.
    name: At<String>,
    #[serde(default)]
    guests: Option<At<u32>>,
    #[serde(default)]
    open: Option<At<bool>>,
    #[serde(default)]
    price: Option<At<f64>>,
    #[serde(default)]
    dishes: Vec<At<Dish>>,
    #[serde(default)]
    mood: Option<At<Mood>>,
    #[serde(default)]
    notes: std::collections::BTreeMap<At<String>, At<String>>,
    #[serde(default)]
    wait: Option<At<presscheck::calendar::Age>>,
}
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Dish {
    Soup(Bowl),
    Bread(At<String>),
}
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bowl {
    of: At<String>,
    #[serde(default)]
    hot: Option<At<bool>>,
}
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mood {
    Quiet,
    Loud,
}

#[test]
fn every_fault_is_found_at_its_place() {
    let cases: indexmap::IndexMap<String, String> = yaml_serde::from_str(include_str!("yaml/cases.yml")).unwrap();
    let mut told = String::new();
    for (name, text) in &cases {
        let read = yaml::read::<Menu>(text, Path::new("f"));
        let found: String = read.findings.iter().map(|finding| format!("{finding}\n")).collect();
        let rest = if read.value.is_some() { "the rest is read" } else { "nothing is read" };
        told += &format!("== {name}\n{text}-- {rest}\n{found}\n");
    }
    insta::assert_snapshot!("faults", told);
}

#[test]
fn values_and_keys_know_their_places() {
    let text = "name: \"Zürich\"\nnotes:\n  ä: b\n";
    let menu = yaml::read::<Menu>(text, Path::new("f")).value.unwrap();
    assert_eq!(menu.name.span, Span { offset: 6, length: 9, line: 1, column: 7 });
    let (key, value) = menu.notes.first_key_value().unwrap();
    assert_eq!((key.span.line, key.span.column, key.span.length), (3, 3, 2));
    assert_eq!((value.span.line, value.span.column, value.span.offset), (3, 6, text.find('b').unwrap()));
}

#[test]
fn a_point_inside_a_scalar_is_found_in_the_file() {
    let cases = [
        ("name: abc\n", (1, 2), (1, 8)),
        ("name: 'abc'\n", (1, 2), (1, 9)),
        ("name: \"abc\"\n", (1, 3), (1, 10)),
        ("name: |\n  abc\n  def\n", (2, 2), (3, 4)),
        ("name: |-   # why\n  abc\n\n  def\n", (3, 3), (4, 5)),
        ("name: >\n  abc\n  def\n", (1, 6), (2, 3)),
        ("name: \"a\\tb\"\n", (1, 3), (1, 7)),
    ];
    for (text, (line, column), expected) in cases {
        let menu = yaml::read::<Menu>(text, Path::new("f")).value.unwrap();
        let place = yaml::within(text, menu.name.span, line, column);
        assert_eq!((place.line, place.column), expected, "{text}");
    }
}

#[test]
fn another_reader_sees_the_same_values() {
    let texts = [
        include_str!("../sample_project/contracts/weekly_operating_report.yml"),
        include_str!("../sample_project/dbt_project.yml"),
        include_str!("../sample_project/profiles.yml"),
        include_str!("../sample_project/models/staging/_sources.yml"),
        "a: [1, -2, +3, 0x1F, 0o17, 1.5, 1e3, .5, true, ~, null, no, on, 012, 1_000, 2026-12-03, 12:30, '5', \"x\\ty\", 18446744073709551615]\n",
        "a: |\n  x\n  y\nb: >-\n  x\n  y\nc: {d: [e, {f: g}]}\n",
        "base: &b {x: 1, y: 2}\nlist: [*b, *b]\n",
    ];
    for text in texts {
        let ours = yaml::value(text, Path::new("f")).unwrap();
        let theirs: serde_json::Value = yaml_serde::from_str(text).unwrap();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn machine_yaml_merges_but_has_no_duplicates() {
    let merged = yaml::value("d: &d {a: 1, b: 2}\ne: {<<: *d, b: 3}\nf: {<<: [{a: 4}, *d]}\n", Path::new("f")).unwrap();
    assert_eq!(merged["e"], serde_json::json!({"a": 1, "b": 3}));
    assert_eq!(merged["f"], serde_json::json!({"a": 4, "b": 2}));
    let twice = yaml::value("a: {b: 1, b: 2}\n", Path::new("p.yml")).unwrap_err();
    assert_eq!(twice.to_string(), "p.yml:1:11: error[PC006]: the key `b` stands twice (it is already at line 1, column 5; keep one)");
}

#[test]
fn large_numbers_do_not_bend() {
    for (text, expected) in [("9223372036854775807", i64::MAX.to_string()), ("-9223372036854775808", i64::MIN.to_string())] {
        assert_eq!(yaml::value(&format!("a: {text}\n"), Path::new("f")).unwrap()["a"].to_string(), expected);
    }
}

proptest::proptest! {
    /// Whatever the text, the reader answers, and a text that it takes is taken alike by the other one.
    #[test]
    fn any_text_gets_an_answer(text in "(name|a|b|-|:|\\{|\\}|\\[|\\]|,| |\n|\t|\"|'|&x|\\*x|!|#|\\||>|\\?|1|\\.nan|é){0,24}") {
        let read = yaml::read::<Menu>(&text, Path::new("f"));
        proptest::prop_assert!(read.value.is_some() || !read.findings.is_empty());
        for finding in &read.findings {
            proptest::prop_assert!(finding.span.is_some(), "{finding}");
        }
    }
}
