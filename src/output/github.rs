//! GitHub Actions: workflow commands for the worst findings, and a summary of all. The service shows ten annotations of a step; the rest would
//! vanish, so it goes to the summary, and one line says so.

use super::escape::{cut, path, worst_first};
use super::markdown::markdown;
use crate::diagnostic::{Finding, Level};

/// Annotations that a step shows.
const SHOWN: usize = 10;
/// Bytes of a step's summary, with room for what other steps of the job write; the service refuses more than a MiB.
const SUMMARY: usize = 900 << 10;

/// What goes where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotations {
    /// For standard output: workflow commands.
    pub commands: String,
    /// For the file that GITHUB_STEP_SUMMARY names, to be appended: Markdown.
    pub summary: String,
}

/// The worst ten as commands, all as a summary.
pub fn github(findings: &[Finding], heading: &str) -> Annotations {
    let sorted = worst_first(findings);
    let mut commands: String = sorted.iter().take(SHOWN).map(|finding| command(finding) + "\n").collect();
    if let Some(rest) = sorted.len().checked_sub(SHOWN).filter(|rest| *rest > 0) {
        commands.push_str(&format!("{rest} more: see the summary of this job\n"));
    }
    let summary = markdown(findings, heading);
    let summary = match cut(&summary, SUMMARY) {
        whole if whole.len() == summary.len() => summary,
        // Whole lines, so that the table stays a table.
        part => format!("{}\n\nThe rest does not fit.\n", part.rsplit_once('\n').map_or("", |(lines, _)| lines)),
    };
    Annotations { commands, summary }
}

fn command(finding: &Finding) -> String {
    let name = match finding.level {
        Level::Note => "notice",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let mut properties = Vec::new();
    if let Some(file) = &finding.file {
        properties.push(format!("file={}", property(&path(file))));
        if let Some(span) = finding.span.filter(|span| span.line > 0) {
            properties.push(format!("line={},col={}", span.line, span.column.max(1)));
        }
    }
    properties.push(format!("title={}", property(&format!("presscheck {}", finding.code))));
    let help = finding.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
    format!("::{name} {}::{}", properties.join(","), data(&format!("{}{help}", finding.message)))
}

/// As the runner reads it back: the percent sign first. `##[` begins a command of the old form wherever it stands.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A").replace("##[", "# #[")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
