//! Formats for services: their shape is what the service reads, and nothing in a name breaks out of it.

use presscheck::diagnostic::{Finding, Level, Span, codes};
use presscheck::output;

/// What people and attackers put into names.
const NASTY: &[&str] = &[
    "plain",
    "a|b|c",
    "line\nbreak\r\nand more",
    "]]><script>alert(1)</script>",
    "%0A::error::forged",
    "::error file=x,line=1::forged",
    "\n::stop-commands::token",
    "##[command]echo forged",
    "100% of a, b: c",
    "@everyone [link](javascript:alert(1)) ![img](http://x.example/y.png) `code` <img src=x>",
    "| --- |\n| forged | row |",
    "\u{1b}[31mred\u{0}\u{8}",
    "naïve 🚲 \u{202e}reversed",
    "\"quoted\" 'single' \\back",
];

fn findings() -> Vec<Finding> {
    let mut all = Vec::new();
    for (line, text) in (1_u32..).zip(NASTY) {
        let span = Span { offset: 0, length: 3, line, column: 2 };
        let finding = Finding::error(codes::UNKNOWN_COLUMN, format!("no column {text}")).at(span).help(format!("did you mean {text}?"));
        all.push(
            Finding { level: [Level::Note, Level::Warning, Level::Error][line as usize % 3], ..finding }
                .in_file(format!("contracts/{}.yml", text.replace('/', "_"))),
        );
    }
    all.push(Finding::warning(codes::UNGUARDED_EXPOSURE, "no place"));
    all.push(all[0].clone());
    all
}

#[test]
fn sarif_is_what_code_scanning_reads() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("output/sarif.schema.json")).unwrap();
    let log: serde_json::Value = serde_json::from_str(&output::sarif(&findings())).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), findings().len());
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
    }
    let prints: std::collections::BTreeSet<String> = results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), results.len(), "equal findings are told apart");
    assert!(validator.is_valid(&serde_json::from_str(&output::sarif(&[])).unwrap()));
}

#[test]
fn gitlab_gets_what_it_documents() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("output/gitlab.schema.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&output::gitlab(&findings(), "dbt_project.yml")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let prints: std::collections::BTreeSet<String> =
        report.as_array().unwrap().iter().map(|issue| issue["fingerprint"].to_string()).collect();
    assert_eq!(prints.len(), findings().len());
}

/// Workflow commands are lines; whatever is on one must be read back as one.
#[test]
fn github_commands_cannot_be_forged() {
    let annotations = output::github(&findings(), "presscheck");
    let lines: Vec<&str> = annotations.commands.split('\n').collect();
    assert_eq!(lines.len(), 12, "ten annotations, one line for the rest, and the end:\n{}", annotations.commands);
    let command = regex::Regex::new(r"^::(error|warning|notice) (file=[^:,]*,line=\d+,col=\d+,)?title=[^:,]*::[^\r\n]*$").unwrap();
    for line in &lines[..10] {
        assert!(command.is_match(line), "{line}");
        assert!(!line.contains("##["), "{line}");
    }
    assert!(lines[0].starts_with("::error") && lines[9].starts_with("::warning"), "the worst first:\n{}", annotations.commands);
    assert!(lines[10].starts_with("6 more"), "{}", lines[10]);
    assert_eq!(
        annotations.commands.matches("forged").count(),
        annotations.commands.lines().filter(|line| command.is_match(line)).map(|line| line.matches("forged").count()).sum::<usize>()
    );

    let many: Vec<Finding> =
        (0..20_000).map(|number| Finding::warning(codes::NO_OWNER, format!("nobody answers for {number} {}", "x".repeat(60)))).collect();
    let summary = output::github(&many, "presscheck").summary;
    assert!(summary.len() < 1 << 20 && summary.ends_with("The rest does not fit.\n"), "{}", summary.len());
}

#[test]
fn a_row_of_markdown_stays_a_row() {
    let told = output::markdown(&findings(), "presscheck");
    let rows: Vec<&str> = told.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")).collect();
    assert_eq!(rows.len(), findings().len(), "{told}");
    let bars = regex::Regex::new(r"(?:^|[^\\])\|").unwrap();
    let code = regex::Regex::new("`[^`]*`").unwrap();
    for row in rows {
        // What stands in a span of code is shown as it is, and no more.
        let row = &code.replace_all(row, "code");
        assert_eq!(bars.find_iter(row).count(), 6, "{row}");
        assert!(!row.contains("<script") && !row.contains("<img") && !row.contains("@everyone") && !row.contains("](javascript"), "{row}");
    }
}

/// Read back by a reader of JUnit, the suites, cases and messages are those that were given.
#[test]
fn junit_is_read_back_as_it_was_written() {
    let text = output::junit(&findings(), &["contracts/fine.yml".to_owned()]);
    let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
    let cases: Vec<_> = report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
    assert_eq!(cases.len(), findings().len() + 1, "{text}");
    let failed = cases.iter().filter(|case| matches!(case.status, quick_junit::TestCaseStatus::NonSuccess { .. })).count();
    assert_eq!(failed, findings().iter().filter(|finding| finding.level == Level::Error).count());
    for name in ["a|b|c", "]]><script>alert(1)</script>", "::error file=x,line=1::forged", "naïve 🚲 \u{202e}reversed"] {
        assert!(cases.iter().any(|case| case.name.as_str().ends_with(&format!("no column {name}"))), "{name}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains('\u{0}') && !text.contains("<script"), "{text}");
}
