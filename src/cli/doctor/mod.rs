//! `presscheck doctor`: what would keep a check from its work, and how to mend it. One fault does not hide the others: whatever can still be looked
//! at is. Not for deciding about data: see `check`.

mod project;
mod report;
mod server;

use clap::Args;
use jiff::Timestamp;

use super::arguments::{Format, Place, Reach};
use super::{Ended, connect, draw};
use crate::dbt::Project;
use crate::dbt::profiles::Profile;
use crate::diagnostic::{Finding, codes};
use report::Report;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    place: Place,
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    /// A dbt exposure that has no contract
    #[arg(long, value_name = "NAME", conflicts_with = "contracts")]
    exposure: Option<String>,
    #[command(flatten)]
    reach: Reach,
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

impl Doctor {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let mut report = Report::default();
        report.fact("presscheck", env!("CARGO_PKG_VERSION"));
        for profile in self.examine(&mut report, look).unwrap_or_default() {
            report.hide(&|text| profile.hide(text));
        }
        let exit_code = report.exit_code();
        let text = match self.format {
            Format::Terminal => report.text(),
            Format::Json => report.json(),
        };
        draw::print(&text);
        Ok(exit_code)
    }

    /// Looks at everything; gives the profiles, whose secrets must not be said.
    fn examine(&self, report: &mut Report, look: &draw::Look) -> Option<Vec<Profile>> {
        let workspace = report.take(super::load::workspace(&self.place)).map(|(workspace, findings)| {
            report.findings(findings, 2);
            workspace
        })?;
        let seen = project::examine(report, &self.place, &self.reach, &self.contracts, self.exposure.as_deref(), look);
        let profile = report.take(connect::profile(&workspace, &self.reach))?;
        report.fact("profile", format!("{}, target {}, type {}", profile.name, profile.target, profile.kind));
        let nothing = Project::default();
        let project = seen.loaded.as_ref().map_or(&nothing, |loaded| &loaded.project);
        if !project.adapter.is_empty() && project.adapter != profile.kind {
            let finding = Finding::warning(
                codes::OTHER_ENGINE,
                format!("the manifest was made for {}, but the target is of type {}", project.adapter, profile.kind),
            );
            report.warn(finding.help("choose the target that dbt used, with --target, or run `dbt compile` for this one"));
        }
        let threads = connect::threads(&workspace, &self.reach, &profile);
        report.fact("threads", threads.to_string());
        let adapter = if project.adapter.is_empty() { profile.kind.as_str() } else { project.adapter.as_str() };
        let own = server::Asked { connection: None, adapter, read: &seen.read, named: &seen.named, threads };
        match connect::unlimited(&workspace, project, &profile) {
            Ok(warehouse) => server::examine(report, warehouse.as_ref(), &own, Timestamp::now),
            Err(fault) => server::unreached(report, &own, &fault),
        }
        let mut profiles = vec![profile];
        for (name, read) in &seen.elsewhere {
            let further = connect::further(&workspace, &self.reach, name);
            let asked = |adapter| server::Asked { connection: Some(name.as_str()), adapter, read, named: &[], threads };
            match further {
                Ok(profile) => {
                    report.fact(format!("{name}: profile"), format!("{}, target {}, type {}", profile.name, profile.target, profile.kind));
                    match connect::unlimited(&workspace, project, &profile) {
                        Ok(warehouse) => server::examine(report, warehouse.as_ref(), &asked(&profile.kind), Timestamp::now),
                        Err(fault) => server::unreached(report, &asked(&profile.kind), &fault),
                    }
                    profiles.push(profile);
                }
                Err(fault) => server::unreached(report, &asked(""), &fault),
            }
        }
        Some(profiles)
    }
}
