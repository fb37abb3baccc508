//! What was decided, told: one format is one file; record in, text out.
//!
//! Every format says the same, because all are written from the decision document and nothing else. Not for deciding, nor for plans.

mod escape;
mod explain;
mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod paint;
mod rule;
mod sarif;
mod terminal;

use crate::diagnostic::{Finding, codes};
use crate::record::{Document, Verdict};

pub use escape::cell as markdown_cell;
pub use explain::explain;
pub use github::{Annotations, github};
pub use gitlab::gitlab;
pub use json::{findings_json, json, json_schema, stored};
pub use junit::{junit, junit_decisions};
pub use markdown::{decisions_markdown, markdown};
pub use rule::{rule, rules, rules_json};
pub use sarif::sarif;
pub use terminal::terminal;

/// Everything that a command has to tell.
#[derive(Debug, Clone)]
pub struct Told {
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// One document for each contract, in the order in which they were decided.
    pub decisions: Vec<Document>,
    /// What was wrong with the input.
    pub findings: Vec<Finding>,
}

/// What was decided as findings: one for each metric that is held or warned about, at the file of its contract where there is one. For the
/// formats that know nothing but findings.
pub fn verdicts(document: &Document, file: Option<&std::path::Path>) -> Vec<Finding> {
    let one = |metric: &crate::record::MetricRecord| {
        let finding = match metric.verdict {
            Verdict::Publish => return None,
            Verdict::Warn => Finding::warning(codes::WARNED, metric.sentence.clone()),
            Verdict::Hold => Finding::error(codes::HELD, metric.sentence.clone()),
        };
        let finding = metric.recover.iter().fold(finding, |finding, recover| finding.help(recover.clone()));
        Some(file.map_or(finding.clone(), |file| finding.in_file(file)))
    };
    document.metrics.iter().filter_map(one).collect()
}
