//! Run events: valid by the official schemas (`openlineage/`), sent once, and sent again when they were not taken.

use std::fs;
use std::path::Path;

use presscheck::openlineage::{Names, events};
use presscheck::record::{Ended, Verdict};
use serde_json::{Value, json};

use crate::situations::situations;
use crate::tell::{as_real, bikes, http, presscheck, text};

/// The official schemas by their address, ready to be asked for a part of one.
fn registry() -> jsonschema::Registry<'static> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openlineage");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let known = files.map(|file| serde_json::from_str::<Value>(&fs::read_to_string(file).unwrap()).unwrap());
    let registry = known.fold(jsonschema::Registry::new(), |registry, schema| {
        let id = schema["$id"].as_str().unwrap().to_owned();
        registry.add(id, schema).unwrap()
    });
    registry.prepare().unwrap()
}

/// What is wrong with an event and every facet in it, by the schema that each names; and how many were looked at.
fn faults(event: &Value, registry: &jsonschema::Registry<'static>) -> (Vec<String>, usize) {
    let mut parts = vec![(event["schemaURL"].as_str().unwrap().to_owned(), event.clone())];
    let datasets = ["inputs", "outputs"].into_iter().flat_map(|side| event[side].as_array().unwrap());
    let groups = datasets.flat_map(|dataset| [&dataset["facets"], &dataset["inputFacets"]]).chain([&event["run"]["facets"]]);
    for facet in groups.filter_map(Value::as_object).flat_map(|facets| facets.values()) {
        parts.push((facet["_schemaURL"].as_str().unwrap().to_owned(), facet.clone()));
    }
    let mut found = Vec::new();
    for (schema, part) in &parts {
        let schema_of_it = json!({"$ref": schema});
        let validator = jsonschema::options().with_registry(registry).should_validate_formats(true).build(&schema_of_it).unwrap();
        found.extend(validator.iter_errors(part).map(|fault| format!("{schema}: {fault}")));
    }
    (found, parts.len())
}

#[test]
fn every_event_is_valid_and_leaves_no_check_out() {
    let registry = registry();
    let mut looked = 0;
    for situation in situations() {
        let document = situation.document();
        let names = Names {
            namespace: "duckdb".into(),
            relations: [("stg_orders".to_owned(), "brightside.staging.stg_orders".to_owned())].into(),
            columns: document.metrics.iter().map(|metric| (metric.id.clone(), ("mart".to_owned(), metric.id.clone()))).collect(),
            began: None,
        };
        let told = events(&document, &names);
        for event in &told {
            let (faults, parts) = faults(&event.body, &registry);
            assert!(faults.is_empty(), "{}: {faults:#?}", situation.when);
            looked += parts;
        }
        let held = document.nothing_to_check || document.metrics.iter().any(|metric| metric.verdict == Verdict::Hold);
        assert_eq!([told[0].state, told[1].state], ["START", if held { "FAIL" } else { "COMPLETE" }], "{}", situation.when);
        assert_eq!(told[0].body["run"]["runId"], told[1].body["run"]["runId"]);
        let passed = document.checks.iter().filter(|check| check.outcome == Ended::Pass).count();
        let tests = told[1].body["run"]["facets"]["test"]["tests"].as_array().unwrap();
        let passes = tests.iter().filter(|test| test["status"] == "pass").count();
        assert_eq!((passes, tests.len()), (passed, document.checks.len()), "{}: only a pass is a pass", situation.when);
        let inputs = told[1].body["inputs"].as_array().unwrap();
        let assertions = inputs.iter().flat_map(|input| input["inputFacets"]["dataQualityAssertions"]["assertions"].as_array().unwrap());
        let (success, all) = assertions.fold((0, 0), |(good, all), one| (good + usize::from(one["success"] == true), all + 1));
        let about = document.checks.iter().filter(|check| !check.about.is_empty());
        let good = about.clone().filter(|check| check.outcome == Ended::Pass).count();
        assert_eq!((success, all), (good, about.count()), "{}", situation.when);
    }
    assert!(looked > 100, "{looked}");
    let schema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
    let broken = json!({"eventType": "DONE", "schemaURL": schema, "inputs": [], "outputs": [], "run": {"facets": {}}});
    assert!(!faults(&broken, &registry).0.is_empty(), "the schemas are looked at");
}

#[test]
fn events_arrive_once_and_are_sent_again_when_they_were_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path(), "unmapped_skus");
    let registry = registry();
    let settings = |text: &str| fs::write(bikes.join("presscheck.yml"), text).unwrap();
    assert_eq!(presscheck(&["openlineage"], &bikes, &[]).status.code(), Some(2), "there is no place for events");
    settings("openlineage: {file: a, endpoint: B}\n");
    assert_eq!(presscheck(&["openlineage"], &bikes, &[]).status.code(), Some(2), "one place, not two");
    settings("openlineage: {endpoint: LINEAGE, api_key: LINEAGE_KEY}\n");
    let (address, received) = http();
    let env = [("LINEAGE", address.as_str()), ("LINEAGE_KEY", "k3y-of-lineage")];

    let shown = presscheck(&["openlineage", "--preview"], &bikes, &env);
    let lines: Vec<Value> =
        text(&shown.stdout).lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{}", text(&shown.stderr));
    for line in &lines {
        assert_eq!(faults(line, &registry).0, Vec::<String>::new());
    }
    let fields = lines[1]["outputs"][0]["facets"]["columnLineage"]["fields"].as_object().unwrap();
    let from = &fields["contribution_margin"]["inputFields"][0];
    assert!(from["name"].as_str().unwrap().ends_with(".mart_weekly_operating_report"), "{from}");
    assert_eq!(from["field"], "contribution_margin");
    assert_eq!(presscheck(&["openlineage"], &bikes, &env).status.code(), Some(0));
    assert!(received.requests.lock().unwrap().is_empty(), "nothing is sent of a rehearsal, nor by a preview");

    as_real(&bikes);
    received.answers.lock().unwrap().push("400 Bad Request".to_owned());
    let refused = presscheck(&["openlineage"], &bikes, &env);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("START was not taken") && !said.contains("127.0.0.1") && !said.contains("k3y"), "{said}");
    assert_eq!(received.requests.lock().unwrap().len(), 1, "no end without a beginning");
    for _ in 0..2 {
        let output = presscheck(&["openlineage"], &bikes, &env);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let requests = received.requests.lock().unwrap().clone();
    let states: Vec<Value> = requests.iter().map(|(_, body)| serde_json::from_str::<Value>(body).unwrap()["eventType"].clone()).collect();
    assert_eq!(states, ["START", "START", "FAIL"]);
    assert!(requests.iter().all(|(head, _)| head.to_lowercase().contains("authorization: bearer k3y-of-lineage")));
    let kept = fs::read(bikes.join(".presscheck/history.sqlite")).unwrap();
    let holds = |what: &str| kept.windows(what.len()).any(|window| window == what.as_bytes());
    assert!(!holds("k3y") && !holds("127.0.0.1"), "the history knows no address and no key");
}

#[test]
fn a_file_gets_a_line_for_each_event_even_after_one_that_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path(), "all_landed");
    as_real(&bikes);
    fs::write(bikes.join("presscheck.yml"), "openlineage: {file: events.ndjson}\n").unwrap();
    fs::write(bikes.join("events.ndjson"), "{\"eventType\": \"STA").unwrap();
    for _ in 0..2 {
        let output = presscheck(&["openlineage"], &bikes, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let written = fs::read_to_string(bikes.join("events.ndjson")).unwrap();
    let states: Vec<Option<Value>> =
        written.lines().map(|line| serde_json::from_str::<Value>(line).ok().map(|event| event["eventType"].clone())).collect();
    assert_eq!(states, [None, Some("START".into()), Some("COMPLETE".into())]);
}
