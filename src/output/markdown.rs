//! Markdown for a comment on a pull request, or the summary of a CI job.

use std::fmt::Write;

use super::escape::{cell, code, level, path, summary, worst_first};
use crate::diagnostic::Finding;
use crate::record::{Document, Verdict};

/// Findings as a table, worst first.
pub fn markdown(findings: &[Finding], heading: &str) -> String {
    let mut out = format!("### {}\n\n{}\n", cell(heading), summary(findings));
    if findings.is_empty() {
        return out;
    }
    out.push_str("\n| | rule | where | what | to mend it |\n|---|---|---|---|---|\n");
    for finding in worst_first(findings) {
        let place = finding.file.as_deref().map_or_else(String::new, |file| {
            let line = finding.span.map_or_else(String::new, |span| format!(":{}", span.line));
            code(&format!("{}{line}", path(file)))
        });
        let help = finding.help.as_deref().map(cell).unwrap_or_default();
        let _ = writeln!(out, "| {} | {} | {place} | {} | {help} |", level(finding.level), finding.code, cell(&finding.message));
    }
    out
}

/// Decisions: a table of verdicts for each report, then what is said of what is held.
pub fn decisions_markdown(documents: &[Document]) -> String {
    let mut out = String::new();
    for document in documents {
        let status = serde_json::to_value(document.status).ok().and_then(|status| status.as_str().map(str::to_owned)).unwrap_or_default();
        let _ = writeln!(out, "### {}: {status}\n\n| | metric | why |\n|---|---|---|", cell(&document.report));
        for metric in &document.metrics {
            let verdict = match metric.verdict {
                Verdict::Publish => "✓ publish",
                Verdict::Warn => "! warn",
                Verdict::Hold => "✗ hold",
            };
            let why = metric.causes.first().map(|cause| cell(&cause.text)).unwrap_or_default();
            let _ = writeln!(out, "| {verdict} | {} | {why} |", cell(&metric.title));
        }
        let _ = writeln!(out, "\n{}\n", cell(&document.summary));
    }
    out
}
