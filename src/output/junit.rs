//! JUnit XML, for the test reports of CI services: a suite for each contract.

use std::collections::BTreeSet;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::escape::{level, path};
use crate::diagnostic::{Finding, Level};
use crate::record::{CheckRecord, Document, Ended, MetricRecord, Severity, Verdict};

/// Findings: a suite for each file that was looked at. What is advice is told and does not fail.
pub fn junit(findings: &[Finding], files: &[String]) -> String {
    let mut report = Report::new("presscheck lint");
    let named: BTreeSet<String> = findings.iter().map(file_of).chain(files.iter().cloned()).collect();
    for file in named {
        let mut suite = TestSuite::new(file.as_str());
        let own: Vec<&Finding> = findings.iter().filter(|finding| file_of(finding) == file).collect();
        if own.is_empty() {
            suite.add_test_case(case("lint", &file, &file, TestCaseStatus::success()));
        }
        for finding in own {
            let place = finding.span.map_or_else(String::new, |span| format!(" at {}:{}", span.line, span.column));
            let name = format!("{}{place}: {}", finding.code, finding.message);
            let told = finding.to_string();
            let status = if finding.level == Level::Error { failure("error", &finding.message, &told) } else { TestCaseStatus::success() };
            let mut case = case(&name, finding.code, &file, status);
            if finding.level < Level::Error {
                case.set_system_out(format!("{}: {told}", level(finding.level)));
            }
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    text(&report)
}

/// Decisions: a suite for each contract, a case for each metric and each check. What warns is told and does not fail.
pub fn junit_decisions(documents: &[Document]) -> String {
    let mut report = Report::new("presscheck check");
    for document in documents {
        let mut suite = TestSuite::new(document.contract.as_str());
        suite.add_test_cases(document.metrics.iter().map(|metric| metric_case(document, metric)));
        suite.add_test_cases(document.checks.iter().map(|check| check_case(document, check)));
        report.add_test_suite(suite);
    }
    text(&report)
}

fn metric_case(document: &Document, metric: &MetricRecord) -> TestCase {
    let status = match metric.verdict {
        Verdict::Publish | Verdict::Warn => TestCaseStatus::success(),
        Verdict::Hold => failure("hold", &metric.sentence, &metric.sentence),
    };
    let mut made = case(&metric.id, &format!("{}.metrics", document.contract), "", status);
    if metric.verdict == Verdict::Warn {
        made.set_system_out(metric.sentence.as_str());
    }
    made
}

fn check_case(document: &Document, check: &CheckRecord) -> TestCase {
    let said = format!("{}: {}", check.title, check.detail);
    let asks = match check.severity {
        Severity::Warn => "warn",
        Severity::Hold => "hold",
    };
    let status = match check.outcome {
        Ended::Pass => TestCaseStatus::success(),
        Ended::FailWarn => failure("warn", &said, &said),
        Ended::FailHold => failure("hold", &said, &said),
        Ended::Error => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(asks).set_message(said.as_str());
            status
        }
        Ended::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(said.as_str());
            status
        }
    };
    case(&check.id, &format!("{}.checks", document.contract), "", status)
}

fn failure(kind: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(message).set_description(text);
    status
}

fn case(name: &str, class: &str, file: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    if !file.is_empty() {
        case.extra.insert("file".into(), file.into());
    }
    case
}

fn file_of(finding: &Finding) -> String {
    finding.file.as_deref().map_or_else(|| "the project".to_owned(), path)
}

fn text(report: &Report) -> String {
    report
        .to_string()
        .unwrap_or_else(|error| format!("<!-- the report cannot be written: {} -->\n", error.to_string().replace("--", "- -")))
}
