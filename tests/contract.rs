//! Contracts: what is right is read without a word, what is wrong is found where it stands.

use std::path::Path;

use presscheck::contract::{self, Contract};
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

/// One edit of the sample, and everything that must then be found: `at` is the text at whose first letter the finding points, looked for from
/// the line of the edit on (from the first line when it is `after: start`).
#[derive(serde::Deserialize)]
struct Corruption {
    find: String,
    replace: String,
    expect: Vec<Expected>,
}

#[derive(serde::Deserialize)]
struct Expected {
    at: String,
    #[serde(default)]
    from_the_start: bool,
    code: String,
    says: String,
}

/// Line and column, from 1, of the first `text` in `whole` from byte `from` on; of the letter after `^`, where there is one.
fn place(whole: &str, text: &str, from: usize) -> (u32, u32) {
    let marked = text.find('^').unwrap_or(0);
    let text = text.replace('^', "");
    let at = from + whole[from..].find(&text).unwrap_or_else(|| panic!("`{text}` is not there")) + marked;
    let start = whole[..at].rfind('\n').map_or(0, |at| at + 1);
    (whole[..at].matches('\n').count() as u32 + 1, whole[start..at].chars().count() as u32 + 1)
}

fn project() -> (presscheck::dbt::Project, presscheck::lineage::Lineage) {
    let file = Path::new("sample_project/artifacts/manifest.json");
    let mut project = presscheck::dbt::manifest::read(&std::fs::read(file).unwrap(), file).unwrap();
    let file = Path::new("sample_project/artifacts/catalog.json");
    presscheck::dbt::catalog::apply(&mut project, &std::fs::read(file).unwrap(), file).unwrap();
    let lineage = presscheck::lineage::trace(&project);
    (project, lineage)
}

/// Everything that is said of a contract beside the sample's project.
fn said(text: &str, project: &(presscheck::dbt::Project, presscheck::lineage::Lineage)) -> Vec<presscheck::diagnostic::Finding> {
    let read = parse(text);
    let references = read.value.iter().flat_map(|contract| presscheck::lint::references(contract, &project.0, &project.1));
    let mut all: Vec<_> = read.findings.iter().cloned().chain(references).collect();
    presscheck::yaml::sort(&mut all);
    all
}

#[test]
fn the_sample_fits_its_project() {
    let said: Vec<String> = said(SAMPLE, &project()).iter().map(ToString::to_string).collect();
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn one_corruption_is_found_where_it_stands() {
    let cases: indexmap::IndexMap<String, Corruption> = yaml_serde::from_str(include_str!("contract/corruptions.yml")).unwrap();
    assert!(cases.len() >= 40);
    let project = project();
    let mut wrong = String::new();
    for (name, case) in &cases {
        assert_eq!(SAMPLE.matches(&case.find).count(), 1, "{name}: `{}` must stand in the sample once", case.find);
        let edit = SAMPLE.find(&case.find).unwrap();
        let text = SAMPLE.replace(&case.find, &case.replace);
        let line = text[..edit].rfind('\n').map_or(0, |at| at + 1);
        let found = said(&text, &project);
        let fits = found.len() == case.expect.len()
            && found.iter().zip(&case.expect).all(|(finding, expected)| {
                let from = if expected.from_the_start { 0 } else { line };
                let said = finding.to_string();
                let at = finding.span.map(|span| (span.line, span.column));
                at == Some(place(&text, &expected.at, from)) && finding.code == expected.code && said.contains(&expected.says)
            });
        if !fits {
            wrong += &format!("{name}:\n");
            for finding in &found {
                let here = finding.span.map_or("", |span| &text[span.offset..]);
                let here = here.lines().next().unwrap_or_default();
                wrong += &format!("  {finding}\n      stands at `{here}`\n");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn one_fault_does_not_hide_another() {
    let edits = [
        ("  starts: monday", "  starts: mondy", "PC013"),
        ("{on: late,", "{on: lat,", "PC013"),
        ("- source: stripe.settlements", "- source: stripe.setlements", "PC102"),
        ("    title: Refunds\n", "    titel: Refunds\n", "PC010"),
        ("column: mart_weekly_operating_report.refunds", "column: mart_weekly_operating_reprt.refunds", "PC102"),
        ("    metric: ad_spend ", "    metric: add_spend ", "PC104"),
        ("- not_null:\n      name: sku_cost_mapping", "- not_nul:\n      name: sku_cost_mapping", "PC010"),
        ("column: int_order_margin.unit_cost", "column: int_order_margins.unit_cost", "PC102"),
        ("hold_if: \"> 10\"", "hold_if: ten", "PC016"),
        ("absolute: 100}", "absolute: .inf}", "PC015"),
        ("  - check: finance_bridge", "  - check: finance_brige", "PC106"),
        ("    approved_by: finance@brightside.example\n", "", "PC011"),
        ("[{webhook: bi_banner}]", "[{webhook: bi_banner}, {webhook: a, command: b}]", "PC010"),
    ];
    let project = project();
    let text = edits.iter().fold(SAMPLE.to_owned(), |text, (find, replace, _)| {
        assert_eq!(text.matches(find).count(), 1, "{find}");
        text.replace(find, replace)
    });
    let found: Vec<&str> = said(&text, &project).iter().map(|finding| finding.code).collect();
    let mut expected: Vec<&str> = edits.iter().map(|(_, _, code)| *code).collect();
    // The waiver has lost what it needs, so nothing more is asked of it.
    expected.retain(|code| *code != "PC106");
    assert_eq!(found, expected, "{:#?}", said(&text, &project).iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn every_code_is_in_the_table() {
    let known: std::collections::BTreeSet<&str> = presscheck::diagnostic::codes::ALL.iter().map(|code| code.code).collect();
    assert_eq!(known.len(), presscheck::diagnostic::codes::ALL.len(), "a code stands twice");
    let mut folders = vec![std::path::PathBuf::from("src")];
    let mut unknown = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let codes = text
                .match_indices("\"PC")
                .filter_map(|(at, _)| text.get(at + 1..at + 6).filter(|_| text.as_bytes().get(at + 6) == Some(&b'"')));
            unknown.extend(codes.filter(|code| !known.contains(code)).map(|code| format!("{}: {code}", path.display())));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// The generated schema is in the repository for editors; `PRESSCHECK_REGENERATE=1` writes it.
#[test]
fn the_schema_is_up_to_date() {
    let file = Path::new("contracts/schema.json");
    let schema = format!("{:#}\n", contract::json_schema());
    if std::env::var_os("PRESSCHECK_REGENERATE").is_some() {
        std::fs::write(file, &schema).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == schema, "contracts/schema.json is old: run the tests once with PRESSCHECK_REGENERATE=1");
}

/// Every key that the schema has, wherever it stands.
fn keys(schema: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                if name == "properties" {
                    into.extend(value.as_object().unwrap().keys().cloned());
                }
                keys(value, into);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

#[test]
fn the_reference_has_every_key_and_is_right() {
    let text = include_str!("../contracts/reference.yml");
    assert_eq!(findings(text), Vec::<String>::new());
    assert_eq!(findings(include_str!("../contracts/starter.yml")), Vec::<String>::new());

    let document = presscheck::yaml::value(text, Path::new("reference.yml")).unwrap();
    let validator = jsonschema::validator_for(&contract::json_schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");

    let (mut all, mut used) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    keys(&contract::json_schema(), &mut all);
    fn written(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
        match value {
            serde_json::Value::Object(object) => {
                into.extend(object.keys().cloned());
                object.values().for_each(|value| written(value, into));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| written(item, into)),
            _ => {}
        }
    }
    written(&document, &mut used);
    let unused: Vec<_> = all.difference(&used).collect();
    assert!(unused.is_empty(), "not in contracts/reference.yml: {unused:?}");
}

#[test]
fn the_readme_names_every_key_kind_and_code() {
    let readme = include_str!("../contracts/README.md");
    let mut all = std::collections::BTreeSet::new();
    keys(&contract::json_schema(), &mut all);
    let named = |key: &&String| {
        [format!("`{key}`"), format!("{{{key}"), format!(", {key}"), format!("{{count: 12, {key}")]
            .iter()
            .any(|form| readme.contains(form.as_str()))
    };
    let missing: Vec<_> = all.iter().filter(|key| !named(key)).collect();
    assert!(missing.is_empty(), "not in contracts/README.md: {missing:?}");
    for kind in presscheck::check::KINDS {
        assert!(readme.contains(&format!("### `{kind}`\n")), "contracts/README.md has no section on {kind}");
    }
    let reference = parse(include_str!("../contracts/reference.yml")).value.unwrap();
    for check in &reference.checks {
        // Kinds of which this version executes a part say so in their tables.
        if matches!(check.kind_name(), "row_count" | "reconcile" | "dbt_tests") {
            continue;
        }
        let marked = readme.contains(&format!("### `{}`\n\n*Validated.*", check.kind_name()));
        assert_eq!(marked, check.kind().executed().is_err(), "contracts/README.md on whether {} is executed", check.kind_name());
    }
    for code in presscheck::diagnostic::codes::ALL {
        let row = format!("| {} | {} | {} |\n", code.code, code.name, code.meaning);
        assert!(readme.contains(&row), "contracts/README.md lacks: {row}");
    }
}
