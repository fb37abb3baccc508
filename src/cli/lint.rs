//! `presscheck lint`: contracts against the dbt project; opens no socket and runs nothing.

use clap::Args;

use super::{Ended, arguments, draw, load};
use crate::diagnostic::Level;

#[derive(Debug, Args)]
pub(super) struct Lint {
    #[command(flatten)]
    place: arguments::Place,
    /// Contract files or names; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[arg(long, value_enum, default_value_t = arguments::Format::Terminal)]
    format: arguments::Format,
}

impl Lint {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let loaded = load::Loaded::new(&self.place, look)?;
        loaded.say_notes(look);
        let read = load::contracts(&loaded, &self.contracts)?;
        let findings: Vec<_> = read.iter().flat_map(|one| one.findings.iter().cloned()).collect();
        let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
        let code = if errors > 0 { 2 } else { 0 };
        match self.format {
            arguments::Format::Json => draw::print(&crate::output::findings_json(&findings, code)),
            arguments::Format::Terminal => {
                draw::findings(&findings);
                if !look.quiet {
                    let files = read.len();
                    let warnings = findings.iter().filter(|finding| finding.level == Level::Warning).count();
                    draw::say(&format!(
                        "{files} contract{} checked: {errors} error{}, {warnings} warning{}",
                        plural(files),
                        plural(errors),
                        plural(warnings)
                    ));
                }
            }
        }
        Ok(code)
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
