//! Failing rows that a contract lets be shown: in the terminal and in the decision, and nowhere else.

use std::fs;
use std::path::Path;

use crate::commands::run;

const AT: &str = "2026-11-23T11:40:00+00:00";

fn project(folder: &Path, samples: &str) -> std::path::PathBuf {
    run(&["demo", "--into", "bikes"], folder);
    let project = folder.join("bikes");
    let contract = project.join("contracts/weekly_operating_report.yml");
    let text = fs::read_to_string(&contract).unwrap();
    assert!(text.contains("unit: products\n"));
    fs::write(contract, text.replacen("unit: products\n", &format!("unit: products\n      {samples}\n"), 1)).unwrap();
    project
}

/// The values that the decision tells of one check.
fn told(project: &Path) -> Vec<String> {
    let (_, text) = run(&["check", "--as-of", AT, "--format", "json"], project);
    let start = text.find('{').unwrap();
    let told: serde_json::Value = serde_json::Deserializer::from_str(&text[start..]).into_iter().next().unwrap().unwrap();
    let checks = told["decisions"][0]["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "sku_cost_mapping").unwrap();
    let rows = check["samples"]["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().flat_map(|row| row.as_array().unwrap()).map(|value| value.as_str().unwrap_or("NULL").to_owned()).collect()
}

#[test]
fn failing_rows_are_shown_where_they_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path(), "samples: {columns: [sku, order_id], limit: 3}");
    let values = told(&project);
    assert_eq!(values.len(), 6, "{values:?}");
    let (_, text) = run(&["check", "--as-of", AT], &project);
    assert!(text.contains("failing rows, such as") && text.contains(&format!("sku {}, order_id {}", values[0], values[1])), "{text}");
    let (_, explained) = run(&["explain", "contribution_margin"], &project);
    assert!(explained.contains(&format!("sku {}", values[0])), "{explained}");
    let (_, plan) = run(&["plan", "--sql", "--as-of", AT], &project);
    assert!(plan.contains("when sku_cost_mapping fails, up to 3 rows of it are read: sku, order_id"), "{plan}");
    for format in ["github", "junit", "sarif", "markdown", "gitlab"] {
        let (_, text) = run(&["check", "--as-of", AT, "--format", format], &project);
        assert!(values.iter().all(|value| !text.contains(value)), "{format} tells values of rows: {text}");
    }
    // A real decision, so that it is kept.
    run(&["check"], &project);
    let kept = fs::read(project.join(".presscheck/history.sqlite")).unwrap();
    let holds = |value: &str| kept.windows(value.len()).any(|window| window == value.as_bytes());
    assert!(holds("sku_cost_mapping"), "the decision is kept");
    assert!(values.iter().all(|value| !holds(value)), "the history keeps values of rows");
}

#[test]
fn no_row_is_read_unless_columns_are_declared() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path(), "severity_is_elsewhere: x");
    let (code, text) = run(&["lint"], &project);
    assert_eq!(code, Some(2), "{text}");
    let contract = project.join("contracts/weekly_operating_report.yml");
    let sound = fs::read_to_string(&contract).unwrap().replace("      severity_is_elsewhere: x\n", "");
    fs::write(&contract, &sound).unwrap();
    assert!(told(&project).is_empty());
    for (samples, says) in [
        ("samples: {columns: [skuu]}", "did you mean `sku`?"),
        ("samples: {columns: []}", "is empty"),
        ("samples: {columns: [sku], limit: 21}", "1 to 20"),
        ("samples: {limit: 2}", "`columns` is missing"),
    ] {
        fs::write(&contract, sound.replacen("unit: products\n", &format!("unit: products\n      {samples}\n"), 1)).unwrap();
        let (code, text) = run(&["lint"], &project);
        assert!(code == Some(2) && text.contains(says), "{samples}: {text}");
    }
}
