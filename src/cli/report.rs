//! Where the formats go: standard output, and for GitHub the summary of the job.

use std::io::Write;
use std::path::Path;

use super::arguments::Report;
use super::draw;
use crate::diagnostic::{Finding, Level};
use crate::output::{self, Told};

/// Findings in a format; as text they are drawn on standard error. `files` are those that were looked at.
pub(super) fn findings(format: Report, findings: &[Finding], exit_code: u8, files: &[String]) {
    match format {
        Report::Text => draw::findings(findings),
        Report::Json => draw::print(&output::findings_json(findings, exit_code)),
        Report::Sarif => draw::print(&output::sarif(findings)),
        Report::Github => github(findings, &heading(findings)),
        Report::Gitlab => draw::print(&output::gitlab(findings, "dbt_project.yml")),
        Report::Junit => draw::print(&output::junit(findings, files)),
        Report::Markdown => draw::print(&output::markdown(findings, &heading(findings))),
    }
}

/// Decisions in a format; `files` are those of their contracts.
pub(super) fn decisions(format: Report, told: &Told, files: &[Option<&Path>]) {
    let verdicts = || -> Vec<Finding> {
        let each = told.decisions.iter().zip(files.iter().copied().chain(std::iter::repeat(None)));
        each.flat_map(|(document, file)| output::verdicts(document, file)).collect()
    };
    match format {
        Report::Text => draw::print(&output::terminal(told, draw::Look::colour_on_stdout(), draw::width())),
        Report::Json => draw::print(&output::json(told)),
        Report::Sarif => draw::print(&output::sarif(&verdicts())),
        Report::Github => {
            let annotations = output::github(&verdicts(), "presscheck");
            draw::print(&annotations.commands);
            summarise(&output::decisions_markdown(&told.decisions));
        }
        Report::Gitlab => draw::print(&output::gitlab(&verdicts(), "dbt_project.yml")),
        Report::Junit => draw::print(&output::junit_decisions(&told.decisions)),
        Report::Markdown => draw::print(&output::decisions_markdown(&told.decisions)),
    }
}

fn heading(findings: &[Finding]) -> String {
    let fine = findings.iter().all(|finding| finding.level < Level::Error);
    if fine { "presscheck".to_owned() } else { "presscheck: contracts that cannot be decided".to_owned() }
}

/// Annotations on standard output, the table in the job's summary.
pub(super) fn github(findings: &[Finding], heading: &str) {
    let annotations = output::github(findings, heading);
    if !annotations.commands.is_empty() {
        draw::print(&annotations.commands);
    }
    summarise(&annotations.summary);
}

/// Appends to the file that GITHUB_STEP_SUMMARY names; without one nothing is written.
fn summarise(markdown: &str) {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return };
    let appended = std::fs::OpenOptions::new().append(true).create(true).open(&file).and_then(|mut file| writeln!(file, "{markdown}"));
    if let Err(error) = appended {
        draw::say(&format!("the summary of the job could not be written: {error}"));
    }
}
