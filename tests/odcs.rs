//! The Open Data Contract Standard: what an import makes of a document, and an export that the standard's own schema accepts and an import gives back.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::commands::run;

fn project(folder: &Path) -> std::path::PathBuf {
    run(&["demo", "--into", "bikes"], folder);
    folder.join("bikes")
}

fn yaml(text: &str) -> Value {
    presscheck::yaml::value(text, Path::new("document")).unwrap()
}

/// Standard output alone.
fn printed(arguments: &[&str], folder: &Path) -> String {
    let program = env!("CARGO_BIN_EXE_presscheck");
    let output = std::process::Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_document_becomes_a_contract_that_lints_clean() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/odcs/orders.odcs.yaml");
    assert_standard(&yaml(&fs::read_to_string(&document).unwrap()));
    fs::remove_file(project.join("contracts/weekly_operating_report.yml")).unwrap();
    let (code, said) = run(&["import", "odcs", document.to_str().unwrap(), "--into", "contracts/orders.yml"], &project);
    assert_eq!(code, Some(0), "{said}");
    let contract = fs::read_to_string(project.join("contracts/orders.yml")).unwrap();
    let (code, lint) = run(&["lint", "contracts/orders.yml"], &project);
    assert!(code == Some(0) && lint.contains("0 errors, 0 warnings"), "{lint}\n{contract}");
    let (_, decided) = run(&["check", "--as-of", "2026-11-23T11:40:00+00:00", "--format", "json"], &project);
    let start = decided.find('{').unwrap();
    let told: Value = serde_json::Deserializer::from_str(&decided[start..]).into_iter().next().unwrap().unwrap();
    let checks = told["decisions"][0]["checks"].as_array().unwrap();
    let ended: String = checks
        .iter()
        .map(|check| {
            format!("{}: {} {}\n", check["id"].as_str().unwrap(), check["outcome"].as_str().unwrap(), check["detail"].as_str().unwrap())
        })
        .collect();
    insta::assert_snapshot!("a_document_as_a_contract", format!("{contract}\n-- said\n{said}\n-- decided\n{ended}"));
}

#[test]
fn every_contract_survives_the_way_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    let reference = include_str!("../contracts/reference.yml");
    let sample = fs::read_to_string(project.join("contracts/weekly_operating_report.yml")).unwrap();
    let (document, again) = there_and_back(&project, &sample);
    assert_standard(&document);
    assert_eq!(again, yaml(&sample));
    insta::assert_snapshot!("the_sample_as_a_document", presscheck::odcs::text(&document));
    // Every key of the language; its models are those of the sample, its names need not be.
    let every = presscheck::odcs::export(&yaml(reference), &|position| {
        (position % 3 > 0).then(|| ("stg_orders".to_owned(), (position % 3 == 1).then(|| "order_id".to_owned())))
    });
    assert_standard(&yaml(&presscheck::odcs::text(&every)));
    let around = presscheck::odcs::Around { relation: &|name| Some(name.to_owned()), column: &|_, name| Some(name.to_owned()) };
    let imported = presscheck::odcs::import(&yaml(&presscheck::odcs::text(&every)), &around).unwrap();
    assert_eq!(imported.left, Vec::<String>::new());
    assert_eq!(imported.contract, yaml(reference));
}

fn there_and_back(project: &Path, contract: &str) -> (Value, Value) {
    fs::write(project.join("contracts/weekly_operating_report.yml"), contract).unwrap();
    let document = printed(&["export", "odcs"], project);
    fs::write(project.join("exported.odcs.yaml"), &document).unwrap();
    let again = printed(&["import", "odcs", "exported.odcs.yaml"], project);
    (yaml(&document), yaml(&again))
}

/// The official JSON Schema of ODCS 3.1.0, by Bitol (Linux Foundation), Apache License 2.0.
fn assert_standard(document: &Value) {
    let schema: Value = serde_json::from_str(include_str!("odcs/odcs-v3.1.0.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(document).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_document_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    for (text, says) in [
        ("a: 1\n", "PC443"),
        ("apiVersion: v2.2.2\nkind: DataContract\n", "PC443"),
        (
            "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\nschema: [{name: elsewhere}]\n",
            "nothing can be a metric",
        ),
        ("a: [", "PC001"),
    ] {
        fs::write(project.join("x.yaml"), text).unwrap();
        let (code, said) = run(&["import", "odcs", "x.yaml"], &project);
        assert!(code == Some(2) && said.contains(says), "{text}: {code:?} {said}");
    }
    let (code, said) = run(&["import", "odcs", "nowhere.yaml"], &project);
    assert!(code == Some(2), "{said}");
}
