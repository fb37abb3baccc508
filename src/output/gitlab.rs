//! GitLab's code quality report: a list of issues, each with a path, a line and a fingerprint of its own.

use serde_json::{Value, json};

use super::escape::{fingerprints, path};
use crate::diagnostic::{Finding, Level};

/// The report. An issue must have a place: what has none stands at the first line of `otherwise`.
pub fn gitlab(findings: &[Finding], otherwise: &str) -> String {
    let issue = |(finding, fingerprint): (&Finding, String)| {
        let severity = match finding.level {
            Level::Note => "info",
            Level::Warning => "minor",
            Level::Error => "critical",
        };
        let help = finding.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
        json!({
            "description": format!("{}{help}", finding.message),
            "check_name": finding.code,
            "fingerprint": fingerprint,
            "severity": severity,
            "location": {
                "path": finding.file.as_deref().map_or_else(|| otherwise.to_owned(), path),
                "lines": {"begin": finding.span.map_or(1, |span| span.line.max(1))},
            },
        })
    };
    let issues: Vec<Value> = findings.iter().zip(fingerprints(findings)).map(issue).collect();
    format!("{:#}", Value::Array(issues))
}
