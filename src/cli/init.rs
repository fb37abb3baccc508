//! `presscheck init`: settings and a first contract for each report, from what dbt already knows. Writes nothing over.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::arguments::Place;
use super::load::{self, Loaded};
use super::{Ended, Stopped, draw};
use crate::diagnostic::{Finding, codes, nearest};
use crate::lint::Surroundings;
use crate::starter::{self, Report};

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The exposures (or models) to begin a contract for; every exposure that no contract guards when none is given
    #[arg(value_name = "EXPOSURE|MODEL")]
    reports: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// Write without asking
    #[arg(long, short)]
    yes: bool,
}

impl Init {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let loaded = Loaded::new(&self.place, look)?;
        loaded.say_notes(look);
        let macros = load::macros(&loaded)?;
        let around =
            Surroundings { project: &loaded.project, lineage: &loaded.lineage, macros: &macros, now: Timestamp::now(), closed: None };
        let root = &loaded.workspace.root;
        let mut files: Vec<(PathBuf, String)> = Vec::new();
        let settings = root.join("presscheck.yml");
        if !settings.exists() {
            files.push((settings, starter::SETTINGS.to_owned()));
        }
        let folder =
            loaded.workspace.settings.contracts.first().map(|folder| folder.value.clone()).unwrap_or_else(|| PathBuf::from("contracts"));
        for (name, report) in self.wanted(&loaded)? {
            let text = starter::contract(report, &around).map_err(|why| {
                let finding = Finding::error(codes::NOTHING_TO_CHECK, format!("no contract can be begun for `{name}`: {why}"));
                Stopped::usage(finding.help("give the exposure depends_on: in dbt, or name a model"))
            })?;
            files.push((root.join(&folder).join(format!("{name}.yml")), text));
        }
        if let Some((there, _)) = files.iter().find(|(file, _)| file.exists()) {
            let finding = Finding::error(codes::NOT_WRITTEN, "this file is there already, and nothing is written over").in_file(there);
            return Err(Stopped::usage(finding.help("move it away first, or name another exposure or model")));
        }
        self.agreed(&files)?;
        for (file, text) in &files {
            write(file, text)?;
            draw::say(&format!("wrote {}", file.display()));
        }
        draw::say("next: finish the lines with TODO, then `presscheck lint` and `presscheck plan`");
        Ok(0)
    }

    /// What contracts are begun for: name of the file, and the report.
    fn wanted<'l>(&self, loaded: &'l Loaded) -> Result<Vec<(String, Report<'l>)>, Stopped> {
        let project = &loaded.project;
        if self.reports.is_empty() {
            let guarded = match load::contracts(loaded, &[]) {
                Ok(read) => read,
                Err(stopped) if stopped.findings.iter().all(|finding| finding.code == codes::NO_CONTRACT) => Vec::new(),
                Err(stopped) => return Err(stopped),
            };
            let guarded: Vec<String> =
                guarded.iter().filter_map(|one| Some(one.contract.as_ref()?.exposure.as_ref()?.value.clone())).collect();
            let open: Vec<_> = project
                .exposures
                .values()
                .filter(|exposure| exposure.package == project.name && !guarded.contains(&exposure.name))
                .map(|exposure| (file_name(&exposure.name), Report::Exposure(exposure)))
                .collect();
            if open.is_empty() {
                let what = if project.exposures.is_empty() { "the dbt project has no exposure" } else { "every exposure has a contract" };
                let finding = Finding::error(codes::NOT_WRITTEN, format!("{what}, so there is nothing to begin"));
                return Err(Stopped::usage(finding.help("name a model that a report shows: presscheck init MODEL")));
            }
            return Ok(open);
        }
        let find = |name: &String| {
            if let Some(exposure) = project.exposure(name) {
                return Ok((file_name(name), Report::Exposure(exposure)));
            }
            if let Some(node) = project.find(name) {
                return Ok((file_name(&node.name), Report::Model(node)));
            }
            let names = project
                .exposures
                .values()
                .map(|exposure| exposure.name.as_str())
                .chain(project.nodes.values().map(|node| node.name.as_str()));
            let help = nearest(name, names)
                .map_or_else(|| "name an exposure or a model of the dbt project".to_owned(), |near| format!("did you mean `{near}`?"));
            Err(Stopped::usage(Finding::error(codes::UNKNOWN_EXPOSURE, format!("there is no exposure and no model `{name}`")).help(help)))
        };
        self.reports.iter().map(find).collect()
    }

    /// Whether the files may be written: `--yes`, or a person says so.
    fn agreed(&self, files: &[(PathBuf, String)]) -> Result<(), Stopped> {
        if self.yes {
            return Ok(());
        }
        for (file, text) in files {
            draw::print(&format!("--- {}\n{text}", file.display()));
        }
        let no = |help: &str| Stopped::usage(Finding::error(codes::NOT_WRITTEN, "nothing was written").help(help));
        if !std::io::stdin().is_terminal() {
            return Err(no("there is nobody to ask: presscheck init --yes writes these files"));
        }
        let mut err = std::io::stderr().lock();
        let asked = write!(err, "Write {}? [y/N] ", if files.len() == 1 { "it" } else { "them" }).and_then(|()| err.flush());
        let mut answer = String::new();
        let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
        match (read, answer.trim().to_lowercase().as_str()) {
            (Ok(_), "y" | "yes") => Ok(()),
            (Ok(_) | Err(_), _) => Err(no("as you wish")),
        }
    }
}

/// A name that is a file's name everywhere.
fn file_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect();
    plain.trim_start_matches('_').to_owned()
}

/// Writes a file that is not there.
fn write(file: &Path, text: &str) -> Result<(), Stopped> {
    let made = file.parent().map_or(Ok(()), fs::create_dir_all);
    let written = made
        .and_then(|()| fs::OpenOptions::new().write(true).create_new(true).open(file))
        .and_then(|mut open| open.write_all(text.as_bytes()));
    written.map_err(|error| Stopped::usage(Finding::error(codes::NOT_WRITTEN, format!("it cannot be written: {error}")).in_file(file)))
}
