//! `presscheck diff BASE [HEAD]`: what a change does to promises: loosened, tightened, broken; and whom it reaches. Offline.

mod git;
mod side;
mod tell;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::arguments::Place;
use super::load;
use super::{Ended, Stopped, draw};
use crate::diagnostic::{Finding, codes};
use crate::project::{Options, Workspace};
use crate::promise::{self, ContractChange, ModelChange};
use side::Side;

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The old version: a folder with a dbt project, or a commit, branch or tag
    #[arg(value_name = "BASE")]
    base: String,
    /// The new version; the project as it stands when absent
    #[arg(value_name = "HEAD")]
    head: Option<String>,
    #[command(flatten)]
    place: Place,
    /// The manifest of the old version; else the one in its target folder, else the new one's
    #[arg(long, value_name = "FILE")]
    base_manifest: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Which changes end with exit code 1; none when absent
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    /// Compare as if it were this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a person
    Text,
    /// For a program
    Json,
    /// For a comment on a pull request
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A metric that some outcome now gives a lower verdict
    Loosened,
    /// A metric that some outcome now gives a higher verdict
    Tightened,
    /// A metric that lost something that it stood on
    Broken,
    /// Each of these
    Any,
}

/// Everything that is told.
struct Told {
    contracts: Vec<ContractChange>,
    models: Vec<ModelChange>,
    /// What could not be compared, and why.
    notes: Vec<String>,
}

impl Diff {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let now = self.as_of.unwrap_or_else(Timestamp::now);
        let head_manifest = self.place.manifest.as_deref();
        let root = self.root()?;
        let head = match &self.head {
            None => Side::load(&self.place, None, now, look, None)?,
            Some(what) => Side::read(what, &root, head_manifest, self.manifest_here(&root).as_deref(), now, look)?,
        };
        let manifest = head.loaded.workspace.manifest.clone();
        let base = Side::read(&self.base, &root, self.base_manifest.as_deref(), Some(&manifest), now, look)?;
        let wrong: Vec<Finding> = head.undecidable.iter().flat_map(|(_, findings)| findings.iter().cloned()).collect();
        if !wrong.is_empty() {
            return Err(Stopped { findings: wrong, exit_code: 2 });
        }
        if base.planned.is_empty() && base.undecidable.is_empty() && head.planned.is_empty() {
            let finding = Finding::error(codes::NO_CONTRACT, "neither version has a contract: nothing to compare");
            return Err(Stopped::usage(finding.help("`presscheck init` begins one")));
        }
        let told = self.compare(&base, &head, now);
        draw::print(&match self.format {
            Form::Text => tell::text(&told),
            Form::Markdown => tell::markdown(&told),
            Form::Json => tell::json(&told)?,
        });
        Ok(u8::from(self.fails(&told)))
    }

    /// The root of the project as it stands: what versions of git are versions of.
    fn root(&self) -> Result<PathBuf, Stopped> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let options = Options { project_dir: self.place.project_dir.clone(), ..Options::default() };
        let (workspace, _) = Workspace::find(&here, &options, &load::target_path)?;
        Ok(workspace.root)
    }

    /// The manifest of the project as it stands, for a version that has none.
    fn manifest_here(&self, root: &Path) -> Option<PathBuf> {
        let options = Options { project_dir: Some(root.to_path_buf()), target_path: self.place.target_path.clone(), ..Options::default() };
        let (workspace, _) = Workspace::find(root, &options, &load::target_path).ok()?;
        workspace.manifest.is_file().then_some(workspace.manifest)
    }

    fn compare(&self, base: &Side, head: &Side, now: Timestamp) -> Told {
        let mut notes = Vec::new();
        let same = !base.own_manifest || !head.own_manifest;
        if same {
            let which = if base.own_manifest { self.head.as_deref().unwrap_or("the new version") } else { self.base.as_str() };
            notes.push(format!(
                "{which} has no manifest of its own, so both versions are compared beside one: changes of SQL are not seen (--base-manifest FILE)"
            ));
        }
        let mut contracts = Vec::new();
        for after in &head.planned {
            let name = &after.contract.contract;
            let before = base.planned.iter().find(|before| before.contract.contract == *name);
            contracts.push(match before {
                Some(before) => promise::compare(&base.version(before), &head.version(after), now),
                None if base.undecidable.iter().any(|(undecidable, _)| *undecidable == name.value) => {
                    notes
                        .push(format!("the contract {name} could not be decided at {}: every metric may publish that was held", self.base));
                    promise::decidable(&head.version(after))
                }
                None => promise::added(&head.version(after)),
            });
        }
        let still = |name: &str| head.planned.iter().any(|after| after.contract.contract.value == name);
        let gone = base.planned.iter().filter(|before| !still(&before.contract.contract));
        contracts.extend(gone.map(|before| promise::removed(&base.version(before))));
        let models =
            if same { Vec::new() } else { promise::models(&base.loaded.project, &base.versions(), &head.loaded.project, &head.versions()) };
        Told { contracts, models, notes }
    }

    fn fails(&self, told: &Told) -> bool {
        let metrics = || told.contracts.iter().flat_map(|contract| &contract.metrics);
        self.fail_on.iter().any(|on| match on {
            FailOn::Loosened => metrics().any(|metric| metric.loosened),
            FailOn::Tightened => metrics().any(|metric| metric.tightened),
            FailOn::Broken => metrics().any(|metric| metric.broken),
            FailOn::Any => metrics().any(|metric| metric.loosened || metric.tightened || metric.broken),
        })
    }
}
