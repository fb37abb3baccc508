//! What a manifest becomes: one line for each thing, with what is not empty.

use std::fmt::Write;
use std::path::Path;

use presscheck::dbt::{Exposure, Metric, Node, Project, SemanticModel, Test};

use super::{DBT_1, DBT_2, SAMPLE, project};

/// A project as text: `Debug` of every thing, without what is empty, absent or plain.
fn told(project: &Project) -> String {
    let mut out = String::new();
    let mut say = |line: String| writeln!(out, "{line}").unwrap();
    say(format!("{} on {}, dbt {}, schema {}", project.name, project.adapter, project.dbt_version, project.schema_version));
    project.notes.iter().for_each(|note| say(format!("note: {note}")));
    for node in project.nodes.values() {
        say(short(&Node { raw_code: String::new(), checksum: None, compiled_code: one_line(&node.compiled_code), ..node.clone() }));
    }
    for test in project.tests.values() {
        say(short(&Test { raw_code: String::new(), compiled_code: one_line(&test.compiled_code), ..test.clone() }));
    }
    project.exposures.values().for_each(|exposure: &Exposure| say(short(exposure)));
    project.metrics.values().for_each(|metric: &Metric| say(short(metric)));
    project.semantic_models.values().for_each(|model: &SemanticModel| say(short(model)));
    project.groups.values().for_each(|group| say(short(group)));
    say(format!("disabled {:?}", project.disabled));
    out
}

fn one_line(sql: &Option<String>) -> Option<String> {
    sql.as_ref().map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect())
}

/// Debug of a struct without the fields that say nothing.
fn short(thing: &impl std::fmt::Debug) -> String {
    let pretty = format!("{thing:#?}");
    let mut fields: Vec<String> = Vec::new();
    for line in pretty.lines().skip(1) {
        let inner = line.strip_prefix("    ").unwrap_or(line);
        if inner.starts_with(' ') || inner.starts_with([')', ']', '}']) {
            if let Some(last) = fields.last_mut() {
                last.push_str(inner.trim());
            }
        } else {
            fields.push(inner.to_owned());
        }
    }
    let empty = [": None,", ": [],", ": {},", ": \"\",", ": Object {},"];
    fields.retain(|field| !empty.iter().any(|end| field.ends_with(end)));
    format!("{} {}", pretty.lines().next().unwrap_or_default(), fields.concat())
}

#[test]
fn dbt_1_12() {
    insta::assert_snapshot!(told(&project(DBT_1)));
}

#[test]
fn dbt_2() {
    insta::assert_snapshot!(told(&project(DBT_2)));
}

#[test]
fn sample_project() {
    let sample = project(SAMPLE);
    assert_eq!((sample.nodes.len(), sample.tests.len(), sample.metrics.len(), sample.notes.as_slice()), (51, 55, 4, [].as_slice()));
    insta::assert_snapshot!(sample.metrics.values().map(short).collect::<Vec<_>>().join("\n"));
}

/// dbt 1.5, 1.6 and 1.7, from the documented formats.
#[test]
fn old_schema_versions() {
    let old =
        [include_bytes!("old/v9.json").as_slice(), include_bytes!("old/v10.json").as_slice(), include_bytes!("old/v11.json").as_slice()];
    insta::assert_snapshot!(old.map(|bytes| told(&project(bytes))).join("\n"));
}

#[test]
fn version_20_is_12() {
    let text = String::from_utf8(DBT_2.to_vec()).unwrap().replace("manifest/v12.json", "manifest/v20.json");
    let read = project(text.as_bytes());
    assert_eq!((read.schema_version, read.notes.as_slice()), (12, ["manifest schema version 20 is read as 12".to_owned()].as_slice()));
}

#[test]
fn parsed_but_not_compiled() {
    let [one, two] = [include_bytes!("dbt-1.12/parsed.json").as_slice(), include_bytes!("dbt-2/parsed.json")].map(project);
    assert!(one.nodes.values().all(|node| node.compiled_code.is_none()));
    insta::assert_snapshot!([one.notes, two.notes].concat().join("\n"));
}

/// Values of a shape that dbt does not write are faults that name the node, never guesses.
#[test]
fn strange_values() {
    let text = String::from_utf8(DBT_1.to_vec()).unwrap();
    let edits = [
        ("\"severity\": \"warn\"", "\"severity\": \"notice\""),
        ("\"limit\": 5", "\"limit\": \"five\""),
        ("{ \"count\": 12, \"period\": \"hour\" }", "{ \"count\": 12, \"period\": \"fortnight\" }"),
        ("{ \"count\": 12, \"period\": \"hour\" }", "{ \"count\": 12, \"period\": null }"),
        ("{ \"count\": 12, \"period\": \"hour\" }", "{ \"count\": 18446744073709551615, \"period\": \"hour\" }"),
        ("{ \"count\": 12, \"period\": \"hour\" }", "{ \"count\": -12, \"period\": \"hour\" }"),
        ("\"resource_type\": \"seed\"", "\"resource_type\": 7"),
        ("\"depends_on\": {", "\"depends_on\": \"model.x\", \"was\": {"),
    ];
    let answers = edits.map(|(from, to)| {
        assert!(text.contains(from), "{from}");
        let read = presscheck::dbt::manifest::read(text.replace(from, to).as_bytes(), Path::new("m.json"));
        let Err(fault) = read else { panic!("{to} was read") };
        format!("{to}\n  {fault}")
    });
    insta::with_settings!({filters => vec![(r"m.json:\d+:\d+", "m.json:L:C")]}, {
        insta::assert_snapshot!(answers.join("\n"));
    });
}
