//! For programs: the decision documents in one envelope, with the findings and the exit code. Its shape is versioned and published.

use schemars::JsonSchema;
use serde::Serialize;

use super::Told;
use crate::diagnostic::{Finding, Level};
use crate::record::Document;

/// The number of the envelope's format.
const FORMAT: u32 = 1;

/// What `--format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
struct Envelope<'a> {
    /// Number of this format: 1.
    format: u32,
    /// The exit code of the command: 0 nothing is held, 1 the data broke a promise, 2 bad input or nothing to check, 3 could not decide.
    exit_code: u8,
    /// One decision for each contract.
    decisions: &'a [Document],
    /// What was wrong with the input.
    findings: Vec<FindingJson<'a>>,
}

/// One thing that is wrong with the input.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingJson<'a> {
    /// Stable code.
    code: &'a str,
    /// `error`, `warning` or `note`.
    level: &'a str,
    /// One sentence.
    message: &'a str,
    /// The file.
    file: Option<String>,
    /// Line, from 1.
    line: Option<u32>,
    /// Column in characters, from 1.
    column: Option<u32>,
    /// What to do.
    help: Option<&'a str>,
}

fn finding(finding: &Finding) -> FindingJson<'_> {
    let level = match finding.level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    FindingJson {
        code: finding.code,
        level,
        message: &finding.message,
        file: finding.file.as_ref().map(|file| file.display().to_string()),
        line: finding.span.map(|span| span.line),
        column: finding.span.map(|span| span.column),
        help: finding.help.as_deref(),
    }
}

/// Pretty JSON; keys in the order of the types, so the same input gives the same bytes.
fn pretty<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value)
        .unwrap_or_else(|error| format!("{{\"format\": {FORMAT}, \"exit_code\": 3, \"error\": \"{error:?}\"}}"))
}

/// The envelope as text.
pub fn json(told: &Told) -> String {
    let findings = told.findings.iter().map(finding).collect();
    pretty(&Envelope { format: FORMAT, exit_code: told.exit_code, decisions: &told.decisions, findings })
}

/// The envelope of a command that only has findings.
pub fn findings_json(findings: &[Finding], exit_code: u8) -> String {
    pretty(&Envelope { format: FORMAT, exit_code, decisions: &[], findings: findings.iter().map(finding).collect() })
}

/// One document, as it is stored.
pub fn stored(document: &Document) -> String {
    pretty(document) + "\n"
}

/// The JSON Schema of the envelope (draft 2020-12).
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::SchemaGenerator::new(schemars::generate::SchemaSettings::draft2020_12().for_serialize())
        .into_root_schema_for::<Envelope<'_>>();
    schema.insert("title".to_owned(), "presscheck decisions".into());
    schema.to_value()
}
