//! SARIF 2.1.0: findings with their lines, and the help of their rules, for GitHub code scanning and editors.

use serde_json::{Value, json};

use super::escape::{fingerprints, level, uri};
use crate::diagnostic::{Finding, Level, codes, guide};

/// One run with all findings.
pub fn sarif(findings: &[Finding]) -> String {
    let used: Vec<&codes::Code> = codes::ALL.iter().filter(|code| findings.iter().any(|finding| finding.code == code.code)).collect();
    let results: Vec<Value> = findings.iter().zip(fingerprints(findings)).map(|(finding, print)| result(finding, &used, &print)).collect();
    let run = json!({
        "tool": {"driver": {
            "name": "presscheck",
            "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": used.iter().map(|code| rule(code)).collect::<Vec<_>>(),
        }},
        "columnKind": "unicodeCodePoints",
        "results": results,
    });
    let log = json!({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]});
    format!("{log:#}")
}

fn rule(code: &codes::Code) -> Value {
    let mut rule = json!({"id": code.code, "name": code.name, "shortDescription": {"text": code.meaning}});
    if let Some(guide) = guide::of(code.code) {
        let text = format!("{}\n\nWhy: {}\n\nFor example:\n\n{}\n\nTo mend it: {}", code.meaning, guide.why, guide.example, guide.mend);
        let fence = if guide.example.contains("```") { "~~~~" } else { "```" };
        let markdown = format!(
            "{}\n\n**Why**: {}\n\n**For example**\n\n{fence}\n{}\n{fence}\n\n**To mend it**: {}",
            code.meaning, guide.why, guide.example, guide.mend
        );
        rule["fullDescription"] = json!({"text": format!("{} {}", code.meaning, guide.why)});
        rule["help"] = json!({"text": text, "markdown": markdown});
    }
    let usual = if codes::ADVICE.contains(&code.code) { "warning" } else { "error" };
    rule["defaultConfiguration"] = json!({"level": usual});
    rule
}

fn result(finding: &Finding, used: &[&codes::Code], print: &str) -> Value {
    let help = finding.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
    let mut result = json!({
        "ruleId": finding.code,
        "level": match finding.level { Level::Note | Level::Warning | Level::Error => level(finding.level) },
        "message": {"text": format!("{}{help}", finding.message)},
        "partialFingerprints": {"presscheck/v1": print},
    });
    if let Some(index) = used.iter().position(|code| code.code == finding.code) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(file) = &finding.file {
        let mut physical = json!({"artifactLocation": {"uri": uri(file)}});
        if let Some(span) = finding.span.filter(|span| span.line > 0) {
            physical["region"] = json!({"startLine": span.line, "startColumn": span.column.max(1)});
        }
        result["locations"] = json!([{"physicalLocation": physical}]);
    }
    result
}
