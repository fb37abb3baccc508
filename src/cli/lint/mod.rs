//! `presscheck lint`: contracts against the dbt project; opens no socket and runs nothing.

mod fix;
mod settings;
mod unparsed;

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::arguments::{Place, Report};
use super::load::{self, Loaded, ReadContract};
use super::part::Part;
use super::{Ended, Stopped, draw, prepare, report};
use crate::diagnostic::{Finding, Level, codes};
use crate::lint::{self, Baseline, Ignores};
use crate::macros::Macros;
use crate::project::{read_named, read_text};
pub(super) use unparsed::Unparsed;

/// A baseline has a line for each old finding.
const LARGEST_BASELINE: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(super) struct Lint {
    #[command(flatten)]
    place: Place,
    /// Contract files or names; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[arg(long, value_enum, default_value_t = Report::Text)]
    format: Report,
    /// Say nothing of the findings that this file lists
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// List today's warnings and notes in this file, for --baseline
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Which findings end with exit code 1; errors always end with 2
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    fail_on: FailOn,
    /// Make the edits that findings offer where only one can be meant, such as the right name for a misspelt one; then lint
    #[arg(long, conflicts_with = "write_baseline")]
    fix: bool,
    /// Where dbt wrote no manifest, check structure, and names against the project's own files
    #[arg(long)]
    allow_no_manifest: bool,
    /// The folder of profiles.yml, of which only the names of profiles and targets are read; else the project's own
    #[arg(long, value_name = "DIR", env = "DBT_PROFILES_DIR")]
    profiles_dir: Option<PathBuf>,
    /// Lint as if it were this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
}

/// What was looked at and found.
#[derive(Default)]
struct Linted {
    files: Vec<PathBuf>,
    findings: Vec<Finding>,
    /// Why something was not looked at.
    notes: Vec<String>,
}

impl Lint {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let ended = self.look_and_tell(look);
        match (&ended, self.format) {
            (Ok(_), _) | (Err(_), Report::Text) => {}
            (Err(stopped), format) => report::findings(format, &stopped.findings, stopped.exit_code, &[]),
        }
        ended
    }

    fn look_and_tell(&self, look: &draw::Look) -> Ended {
        let mut linted = Linted::default();
        for (place, contracts) in self.projects() {
            self.one_project(&place, &contracts, look, &mut linted)?;
        }
        let Linted { files, findings, notes } = linted;
        let findings = self.old(findings)?;
        let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
        let (errors, warnings, rest) = (count(Level::Error), count(Level::Warning), count(Level::Note));
        let fails = match self.fail_on {
            FailOn::Error => false,
            FailOn::Warning => warnings > 0,
            FailOn::Note => warnings + rest > 0,
        };
        let code = match (errors, fails) {
            (1.., _) => 2,
            (0, true) => 1,
            (0, false) => 0,
        };
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        report::findings(self.format, &findings, code, &names);
        if !look.quiet {
            notes.iter().for_each(|note| draw::say(&format!("note: {note}")));
            if self.format == Report::Text {
                let rest = if rest > 0 { format!(", {}", counted(rest, "note")) } else { String::new() };
                let (files, errors, warnings) = (counted(files.len(), "contract"), counted(errors, "error"), counted(warnings, "warning"));
                draw::say(&format!("{files} checked: {errors}, {warnings}{rest}"));
            }
        }
        Ok(code)
    }

    /// The dbt projects of the files that were named, each with its files: hooks name files from the root of a repository, which may hold several
    /// projects. With --project-dir or --manifest, or where nothing but names is given, there is one.
    fn projects(&self) -> Vec<(Place, Vec<String>)> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let told = self.place.project_dir.is_some() || self.place.manifest.is_some();
        if told || self.contracts.is_empty() || here.ancestors().any(|folder| folder.join("dbt_project.yml").is_file()) {
            return vec![(self.place.clone(), self.contracts.clone())];
        }
        let mut groups: BTreeMap<Option<PathBuf>, Vec<String>> = BTreeMap::new();
        for contract in &self.contracts {
            let project = Path::new(contract).ancestors().skip(1).find(|folder| folder.join("dbt_project.yml").is_file());
            groups.entry(project.map(Path::to_path_buf)).or_default().push(contract.clone());
        }
        let place = |project_dir: Option<PathBuf>| Place { project_dir, ..self.place.clone() };
        groups.into_iter().map(|(project, contracts)| (place(project), contracts)).collect()
    }

    fn one_project(&self, place: &Place, contracts: &[String], look: &draw::Look, linted: &mut Linted) -> Result<(), Stopped> {
        match self.parsed(place, contracts, look, false) {
            Ok((files, findings)) => {
                linted.files.extend(files);
                linted.findings.extend(findings);
                Ok(())
            }
            Err(stopped) if self.allow_no_manifest && absent(&stopped) => self.without_manifest(place, contracts, stopped, look, linted),
            Err(stopped) => Err(stopped),
        }
    }

    /// The contracts of one project and what is said of them; `fresh`: without anything that an earlier run kept.
    fn parsed(&self, place: &Place, contracts: &[String], look: &draw::Look, fresh: bool) -> Result<(Vec<PathBuf>, Vec<Finding>), Stopped> {
        let now = self.as_of.unwrap_or_else(Timestamp::now);
        if self.fix {
            // Each edit shows what is wrong below it, so that all is traced at once.
            let loaded = Loaded::new(place, &draw::Look::silent())?;
            fix::files(&loaded, &load::macros(&loaded)?, contracts, now, look)?;
        }
        // The process ends soon: to take a large project apart would cost more than all that was asked of it.
        let mut part = ManuallyDrop::new(Part::new(place, contracts, look, fresh)?);
        let macros = load::macros(&part.loaded)?;
        // Answers show what they depend on, until they depend on nothing that is not traced.
        let (files, mut findings) = loop {
            let said = look_at(&part.loaded, &macros, contracts, now)?;
            if !part.further()? {
                break said;
            }
        };
        if part.is_broken() {
            return self.parsed(place, contracts, look, true);
        }
        part.keep();
        part.loaded.say_notes(look);
        findings.extend(settings::targets(&part.loaded.workspace, self.profiles_dir.as_deref()));
        Ok((files, findings))
    }

    /// The same where dbt wrote no manifest: structure, and the names that the project's own files give.
    fn without_manifest(
        &self,
        place: &Place,
        contracts: &[String],
        stopped: Stopped,
        look: &draw::Look,
        linted: &mut Linted,
    ) -> Result<(), Stopped> {
        let read = Unparsed::of(place);
        let files = match &read.workspace {
            Some(workspace) => workspace.contracts(contracts)?,
            None if contracts.is_empty() => return Err(stopped),
            None => contracts.iter().map(|path| read_named(Path::new(path))).collect::<Result<_, _>>()?,
        };
        linted.notes.extend(read.notes());
        linted.findings.extend(read.workspace.iter().flat_map(|workspace| settings::targets(workspace, self.profiles_dir.as_deref())));
        for mut file in files {
            if self.fix {
                let before = file.text.clone();
                fix::write(file.clone(), &before, &|file| read.findings(file).0, look)?;
                file = read_named(&file.path)?;
            }
            linted.findings.extend(read.findings(&file).0);
            linted.files.push(file.path);
        }
        Ok(())
    }

    /// Findings without those of the baseline; or the baseline is written, with all that can wait.
    fn old(&self, findings: Vec<Finding>) -> Result<Vec<Finding>, Stopped> {
        // The same name wherever the command runs: from the root of the project.
        let root = self.place.project_dir.clone().unwrap_or_default();
        let name = move |finding: &Finding| {
            let file = finding.file.as_deref().unwrap_or(Path::new(""));
            file.strip_prefix(&root).unwrap_or(file).to_string_lossy().replace('\\', "/")
        };
        if let Some(file) = &self.write_baseline {
            let baseline = Baseline::of(&findings, &name);
            std::fs::write(file, baseline.text()).map_err(|error| bad_baseline(file, format!("cannot be written: {error}")))?;
            draw::say(&format!("{} set aside in {}", counted(baseline.len(), "finding"), file.display()));
            return Ok(baseline.apply(findings, &name).0);
        }
        let Some(file) = &self.baseline else { return Ok(findings) };
        let text = read_text(file, LARGEST_BASELINE)?.text;
        let baseline = Baseline::read(&text).map_err(|message| bad_baseline(file, message))?;
        let (mut fresh, gone) = baseline.apply(findings, &name);
        if gone > 0 {
            let message = format!("{} of this baseline {} there no more", counted(gone, "finding"), if gone == 1 { "is" } else { "are" });
            let finding = Finding { level: Level::Note, ..Finding::warning(codes::OLD_BASELINE, message) }.in_file(file);
            fresh.push(finding.help("write it again, so that new findings of the same words are not set aside: lint --write-baseline"));
        }
        Ok(fresh)
    }
}

/// The contracts that are wanted, and everything that lint says of them.
fn look_at(loaded: &Loaded, macros: &Macros, wanted: &[String], now: Timestamp) -> Result<(Vec<PathBuf>, Vec<Finding>), Stopped> {
    let read = load::contracts(loaded, wanted)?;
    let mut findings: Vec<Finding> = read.iter().flat_map(|one| findings_of(loaded, macros, one, now)).collect();
    if wanted.is_empty() {
        findings.extend(unguarded(loaded, &read));
    }
    Ok((read.into_iter().map(|one| one.file.path).collect(), findings))
}

/// Everything that lint says of a contract that was read; comments that set findings aside are obeyed.
pub(super) fn findings_of(loaded: &Loaded, macros: &Macros, one: &ReadContract, now: Timestamp) -> Vec<Finding> {
    let mut found = one.findings.clone();
    if let Some(contract) = &one.contract {
        let closed = match prepare::closed(loaded, contract) {
            Ok(closed) => closed.map(|(closed, _)| closed),
            Err(stopped) => {
                found.extend(stopped.findings);
                None
            }
        };
        let around = lint::Surroundings { project: &loaded.project, lineage: &loaded.lineage, macros, now, closed: closed.as_ref() };
        let advice = lint::advice(contract, &around, &found);
        found.extend(advice);
        found.extend(lint::routes(contract, &settings::routes(&loaded.workspace)));
    }
    let ignores = Ignores::of(&one.file.text, &one.file.path);
    let problems = ignores.problems(&found, &one.file.path);
    let mut left = ignores.apply(found);
    left.extend(problems);
    crate::yaml::sort(&mut left);
    left.dedup();
    left
}

/// Whether there is nothing to read, rather than something that cannot be read.
fn absent(stopped: &Stopped) -> bool {
    let nothing = |finding: &Finding| [codes::NO_ARTIFACT, codes::NOT_A_PROJECT].contains(&finding.code);
    !stopped.findings.is_empty() && stopped.findings.iter().all(nothing)
}

/// Findings without those that a comment of the text sets aside.
pub(super) fn obeyed(text: &str, file: &Path, found: Vec<Finding>) -> Vec<Finding> {
    Ignores::of(text, file).apply(found)
}

/// Exposures that no contract of the project guards; nothing where a contract cannot be read.
fn unguarded(loaded: &Loaded, read: &[ReadContract]) -> Vec<Finding> {
    let guarded: Option<Vec<&str>> = read
        .iter()
        .map(|one| one.contract.as_ref().map(|contract| contract.exposure.as_ref().map_or("", |exposure| exposure.value.as_str())))
        .collect();
    let found = guarded.map(|guarded| lint::exposures(&loaded.project, &guarded)).unwrap_or_default();
    let root = &loaded.workspace.root;
    let named = |finding: Finding| {
        let file = finding.file.as_deref().map(|file| if root == Path::new(".") { file.to_path_buf() } else { root.join(file) });
        file.map_or(finding.clone(), |file| finding.in_file(file))
    };
    found.into_iter().map(named).collect()
}

fn bad_baseline(file: &Path, message: String) -> Stopped {
    Stopped::usage(Finding::error(codes::BAD_BASELINE, message).in_file(file).help("presscheck lint --write-baseline FILE writes one"))
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
