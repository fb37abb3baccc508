//! What the doctor found, as text and as JSON. Each finding says whether it stops a check, and with which exit code.

use std::fmt::Write;

use serde::Serialize;

use crate::cli::Stopped;
use crate::diagnostic::{Finding, Level};

/// Facts in the order in which they were found, and findings.
#[derive(Debug, Default)]
pub(super) struct Report {
    facts: Vec<(String, String)>,
    /// With the exit code that a check would end with because of it; 0 for what only warns.
    found: Vec<(Finding, u8)>,
}

impl Report {
    pub(super) fn fact(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.facts.push((name.into(), value.into()));
    }

    /// Something that a check goes on with.
    pub(super) fn warn(&mut self, finding: Finding) {
        self.found.push((finding, 0));
    }

    /// Something that stops a check, or makes it hold.
    pub(super) fn stop(&mut self, finding: Finding, exit_code: u8) {
        self.found.push((finding, exit_code));
    }

    /// Findings of other rooms: errors stop, the rest warns.
    pub(super) fn findings(&mut self, findings: Vec<Finding>, exit_code: u8) {
        for finding in findings {
            let code = if finding.level == Level::Error { exit_code } else { 0 };
            // The settings are read twice, and say twice what is wrong with them.
            if !self.found.iter().any(|(known, _)| *known == finding) {
                self.found.push((finding, code));
            }
        }
    }

    /// What came out, unless its findings kept it from that.
    pub(super) fn take<T>(&mut self, ended: Result<T, Stopped>) -> Option<T> {
        match ended {
            Ok(value) => Some(value),
            Err(stopped) => {
                self.findings(stopped.findings, stopped.exit_code);
                None
            }
        }
    }

    /// Takes secrets out of all that will be said, before it is written in a form that escapes some of their characters.
    pub(super) fn hide(&mut self, hidden: &dyn Fn(&str) -> String) {
        for (_, value) in &mut self.facts {
            *value = hidden(value);
        }
        for (finding, _) in &mut self.found {
            finding.message = hidden(&finding.message);
            finding.help = finding.help.as_deref().map(hidden);
        }
    }

    /// 2 before 3 before 0.
    pub(super) fn exit_code(&self) -> u8 {
        [2, 3].into_iter().find(|code| self.found.iter().any(|(_, found)| found == code)).unwrap_or(0)
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in &self.facts {
            let _ = writeln!(out, "{name:width$}  {value}");
        }
        out.push('\n');
        // What stops a check comes first; within that, the order in which it was looked at.
        let (stops, warns): (Vec<_>, Vec<_>) = self.found.iter().partition(|(_, code)| *code > 0);
        for (finding, code) in stops.iter().chain(&warns) {
            let sign = match (code, finding.level) {
                (1.., _) => "✗",
                (0, Level::Note) => "·",
                (0, Level::Warning | Level::Error) => "!",
            };
            let place = finding.file.as_ref().map(|file| match finding.span {
                Some(span) => format!("{}:{}:{}: ", file.display(), span.line, span.column),
                None => format!("{}: ", file.display()),
            });
            let _ = writeln!(out, "{sign} {}{} [{}]", place.unwrap_or_default(), finding.message, finding.code);
            if let Some(help) = &finding.help {
                let _ = writeln!(out, "    {help}");
            }
        }
        let _ = match (stops.len(), warns.len()) {
            (0, 0) => writeln!(out, "Nothing is wrong."),
            (0, warnings) => writeln!(out, "\nNothing stops a check; {warnings} to look at."),
            (errors, warnings) => writeln!(out, "\n{errors} in the way of a check, {warnings} more to look at."),
        };
        out
    }

    pub(super) fn json(&self) -> String {
        let facts = self.facts.iter().map(|(name, value)| FactJson { name, value }).collect();
        let findings = self.found.iter().map(|(finding, exit_code)| FindingJson {
            code: finding.code,
            level: match finding.level {
                Level::Note => "note",
                Level::Warning => "warning",
                Level::Error => "error",
            },
            stops: *exit_code > 0,
            message: &finding.message,
            file: finding.file.as_ref().map(|file| file.display().to_string()),
            line: finding.span.map(|span| span.line),
            column: finding.span.map(|span| span.column),
            help: finding.help.as_deref(),
        });
        let report = ReportJson { format: 1, exit_code: self.exit_code(), facts, findings: findings.collect() };
        serde_json::to_string_pretty(&report).unwrap_or_else(|_| "{\"format\": 1, \"exit_code\": 3}".to_owned())
    }
}

/// `doctor --format json`, version 1.
#[derive(Serialize)]
struct ReportJson<'a> {
    format: u32,
    exit_code: u8,
    facts: Vec<FactJson<'a>>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct FactJson<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    code: &'a str,
    level: &'a str,
    /// Whether it stops a check, or makes it hold.
    stops: bool,
    message: &'a str,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    help: Option<&'a str>,
}
