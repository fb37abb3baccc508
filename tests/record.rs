//! The decision document: its shape is frozen, it decides again, and equal inputs give equal bytes.

use presscheck::decide::FailOn;
use presscheck::record::{Document, Verdict, json_schema};

use crate::situations::situations;

#[test]
fn every_document_follows_its_schema_and_decides_again() {
    let schema = jsonschema::validator_for(&json_schema()).unwrap();
    for situation in situations() {
        let document = situation.document();
        let text = document.to_json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let faults: Vec<String> = schema.iter_errors(&value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert_eq!(faults, Vec::<String>::new(), "in `{}`", situation.when);
        let stored: Document = serde_json::from_str(&text).unwrap();
        assert_eq!(stored, document);
        assert_eq!(stored.to_json().unwrap(), text);
        assert_eq!(stored.contradictions(), Vec::<String>::new(), "in `{}`", situation.when);
        for line in [FailOn::Warn, FailOn::Hold, FailOn::Never] {
            assert_eq!(stored.exit_code(line), situation.decision.exit_code(line));
        }
    }
}

#[test]
fn the_document_is_as_it_was() {
    let told = situations().into_iter().find(|situation| situation.when == "fourteen products have no cost").unwrap();
    let mut document = told.document();
    document.presscheck.version = "[version]".into();
    (document.run, document.expected_hash) = ("[hash]".into(), "[hash]".into());
    insta::assert_snapshot!(document.to_json().unwrap());
}

#[test]
fn the_schema_is_as_it_was() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&json_schema()).unwrap());
}

/// The identifier of a decision changes with every input that it names, and with nothing else.
#[test]
fn a_decision_has_one_identifier() {
    let (first, again) = (situations(), situations());
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(first.document().run, again.document().run);
    }
    let mut runs: Vec<String> = first.iter().filter(|situation| situation.context == first[0].context).map(|s| s.document().run).collect();
    let all = runs.len();
    runs.sort();
    runs.dedup();
    assert_eq!(runs.len(), all);
}

/// A stored document that says better of itself than what follows from it is found out.
#[test]
fn a_forged_verdict_contradicts_itself() {
    let held = situations().into_iter().find(|situation| situation.when == "fourteen products have no cost").unwrap();
    let mut forged = held.document();
    forged.metrics[3].verdict = Verdict::Publish;
    assert_eq!(forged.contradictions(), ["contribution_margin"]);
    let mut emptied = situations().remove(0).document();
    emptied.checks[2].measured = None;
    assert_eq!(emptied.contradictions(), ["contribution_margin"], "a pass without its measurement is not read as a pass");
}
