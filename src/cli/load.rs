//! Loads what every command needs: the workspace, the dbt project, its lineage, and the contracts that were asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::arguments::Place;
use super::timings::Timings;
use super::{Stopped, draw, store};
use crate::check::definition::Kinds;
use crate::contract::{self, Contract};
use crate::dbt::{self, Project};
use crate::diagnostic::{At, Finding, Level, codes};
use crate::lineage::{self, Lineage};
use crate::lint;
use crate::plan::Plan;
use crate::project::{Options, TextFile, Unreadable, Workspace};

/// A dbt project, read.
pub(super) struct Loaded {
    pub(super) workspace: Workspace,
    pub(super) project: Project,
    pub(super) lineage: Lineage,
    /// What reading them cost.
    pub(super) timings: Timings,
    /// The project's own templates: file and text.
    pub(super) templates: Vec<(PathBuf, String)>,
    /// The kinds of check that they define.
    pub(super) kinds: Kinds,
    /// Hash of every input read so far: file and blake3.
    pub(super) inputs: Vec<(PathBuf, blake3::Hash)>,
    /// The target folder of the build that this run did, where it did one: its results count, not those of dbt's last run.
    pub(super) built_in: Option<PathBuf>,
}

/// A contract file, read; `contract` is there when enough of it was right.
pub(super) struct ReadContract {
    pub(super) contract: Option<Contract>,
    pub(super) file: TextFile,
    pub(super) findings: Vec<Finding>,
}

impl From<Unreadable> for Stopped {
    fn from(unreadable: Unreadable) -> Self {
        if unreadable.artifact { Stopped::unreadable(unreadable.finding) } else { Stopped::usage(unreadable.finding) }
    }
}

impl From<dbt::artifact::ReadFault> for Stopped {
    fn from(fault: dbt::artifact::ReadFault) -> Self {
        Stopped::unreadable(*fault.finding)
    }
}

impl Loaded {
    /// Reads the project; findings that do not stop the work are drawn.
    pub(super) fn new(place: &Place, look: &draw::Look) -> Result<Loaded, Stopped> {
        let mut timings = Timings::start();
        let (workspace, findings) = workspace(place)?;
        stop_at_errors(&findings, 2)?;
        let bytes = workspace.manifest_bytes()?;
        let mut inputs = vec![(workspace.manifest.clone(), blake3::hash(&bytes))];
        let mut project = dbt::manifest::read(&bytes, &workspace.manifest)?;
        // The text is as large as all that is kept of it, and more.
        drop(bytes);
        if let Some((path, bytes)) = workspace.artifact("catalog.json")? {
            inputs.push((path.clone(), blake3::hash(&bytes)));
            dbt::catalog::apply(&mut project, &bytes, &path)?;
        }
        let has_templates = project.has_templates();
        complete(&workspace, &mut project, has_templates, &mut inputs);
        timings.ended("artifacts");
        let (lineage, keep) = lineage::trace_cached(&project, &store::kept(&workspace.target, store::LINEAGE));
        timings.ended("lineage");
        if let Some(keep) = keep {
            store::keep(&workspace.target, store::LINEAGE, &[&keep]);
        }
        timings.ended("keeping it");
        if !look.quiet {
            draw::findings(&findings);
        }
        let (templates, kinds) = kinds(&workspace)?;
        Ok(Loaded { workspace, project, lineage, timings, templates, kinds, inputs, built_in: None })
    }

    /// Says what reading the artifacts lost or doubted; for commands whose output has no place for it.
    pub(super) fn say_notes(&self, look: &draw::Look) {
        if !look.quiet {
            self.project.notes.iter().for_each(|note| draw::say(&format!("note: {note}")));
        }
    }

    /// Whether every input still is what was read.
    pub(super) fn unchanged(&self) -> Result<(), String> {
        for (path, hash) in &self.inputs {
            match std::fs::read(path) {
                Ok(bytes) if blake3::hash(&bytes) == *hash => {}
                Ok(_) => return Err(format!("{} was changed while the checks ran", path.display())),
                Err(error) => return Err(format!("{} can no longer be read: {error}", path.display())),
            }
        }
        Ok(())
    }

    /// Unique ids of every relation that the plan's checks and metrics stand on.
    fn behind(&self, plan: &Plan) -> BTreeSet<String> {
        let passed: BTreeSet<&str> = plan
            .expected
            .checks
            .iter()
            .flat_map(|check| check.reach.values())
            .flat_map(|reach| &reach.path)
            .map(|step| relation_of(&step.node))
            .collect();
        let on_the_way = self.project.nodes.values().filter(|node| passed.contains(node.spoken_name().as_str()));
        on_the_way.flat_map(|node| self.project.ancestors(&node.unique_id).into_iter().chain([node.unique_id.clone()])).collect()
    }

    /// The relations behind the plan that dbt's last invocation was to build and did not: what stands in the warehouse is of an earlier build, so
    /// checks on it say nothing of today's data. `run_results.json` holds only the last invocation; without it nothing is said.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is not what dbt writes.
    pub(super) fn unbuilt(&self, plan: &Plan) -> Result<Vec<String>, String> {
        let artifact = self.workspace.artifact("run_results.json").map_err(|unreadable| unreadable.finding.message)?;
        let Some((path, bytes)) = artifact else { return Ok(Vec::new()) };
        let last = dbt::run_results::read(&bytes, &path).map_err(|fault| fault.finding.message)?;
        let behind = self.behind(plan);
        let unbuilt = |(id, result): (&String, &dbt::run_results::RunResult)| {
            let node = self.project.nodes.get(id).filter(|_| behind.contains(id))?;
            (!built(result.status)).then(|| node.spoken_name())
        };
        Ok(last.results.iter().filter_map(unbuilt).collect())
    }

    /// The models behind the plan's checks and metrics whose file is gone or no longer holds the SQL that the manifest holds, by name. Where a
    /// manifest was named and there is no project around it, there are no files to compare.
    pub(super) fn stale_models(&self, plan: &Plan) -> Vec<String> {
        let behind = self.behind(plan);
        let reads = |node: &&dbt::Node| behind.contains(&node.unique_id) && node.package == self.project.name;
        let stale = |node: &&dbt::Node| {
            let differs = match std::fs::read_to_string(self.workspace.root.join(&node.path)) {
                Ok(text) => text.trim() != node.raw_code.trim(),
                Err(_) => self.workspace.dbt_project.is_some(),
            };
            node.kind == dbt::NodeKind::Model && differs
        };
        self.project.nodes.values().filter(reads).filter(stale).map(dbt::Node::spoken_name).collect()
    }

    /// A relation as people name it: `model`, `source.table`.
    pub(super) fn name(&self, unique_id: &str) -> String {
        self.project.nodes.get(unique_id).map_or_else(|| unique_id.to_owned(), dbt::Node::spoken_name)
    }
}

/// Where the project is, and what is wrong with its presscheck.yml.
pub(super) fn workspace(place: &Place) -> Result<(Workspace, Vec<Finding>), Stopped> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let options =
        Options { project_dir: place.project_dir.clone(), manifest: place.manifest.clone(), target_path: place.target_path.clone() };
    Ok(Workspace::find(&here, &options, &target_path)?)
}

/// Adds what is not in the artifacts: statements that dbt runs first, and variables, where a model must be rendered here.
pub(super) fn complete(workspace: &Workspace, project: &mut Project, has_templates: bool, inputs: &mut Vec<(PathBuf, blake3::Hash)>) {
    if let Some(file) = workspace.dbt_project.as_ref().filter(|_| project.on_run_start.is_empty()) {
        project.on_run_start = dbt::profiles::on_run_start(&file.text, &file.path);
    }
    if has_templates {
        match variables(workspace, inputs) {
            Ok(variables) => project.variables = variables,
            Err(finding) => project.notes.push(format!("the project's variables are not known: {}", finding.message)),
        }
    }
}

/// What templates read of dbt_project.yml, the packages' own included. Nothing where there is no project around the manifest.
fn variables(workspace: &Workspace, inputs: &mut Vec<(PathBuf, blake3::Hash)>) -> Result<dbt::Variables, Finding> {
    let Some(root) = &workspace.dbt_project else { return Ok(dbt::Variables::default()) };
    let beside = workspace.variables().map_err(|unreadable| unreadable.finding)?;
    let pair = beside.as_ref().map(|file| (file.text.as_str(), file.path.as_path()));
    let mut variables = dbt::Variables::of_root(&root.text, &root.path, pair)?;
    let packages = workspace.packages().map_err(|unreadable| unreadable.finding)?;
    for file in &packages {
        variables.add_package(&file.text, &file.path)?;
    }
    inputs.extend([root].into_iter().chain(&beside).chain(&packages).map(|file| (file.path.clone(), blake3::hash(file.text.as_bytes()))));
    Ok(variables)
}

pub(super) fn target_path(file: &TextFile) -> Option<String> {
    let env = |name: &str| std::env::var(name).ok();
    let written = dbt::profiles::read_project_file(&file.text, &file.path, &env, &serde_json::Map::new()).ok()?;
    Some(written.target_path.display().to_string())
}

/// Whether a status says that a relation is built.
fn built(status: dbt::run_results::Status) -> bool {
    use dbt::run_results::Status;
    match status {
        Status::Success | Status::NoOp | Status::Reused | Status::Pass => true,
        Status::Error | Status::Skipped | Status::PartialSuccess | Status::Fail | Status::Warn | Status::RuntimeError => false,
    }
}

/// The relation of a step's node: `model.column`, `model rows lost`.
fn relation_of(node: &str) -> &str {
    let rows = node.strip_suffix(" rows lost").or_else(|| node.strip_suffix(" rows added"));
    rows.unwrap_or_else(|| node.rsplit_once('.').map_or(node, |(relation, _)| relation))
}

pub(super) fn stop_at_errors(findings: &[Finding], exit_code: u8) -> Result<(), Stopped> {
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return Err(Stopped { findings: findings.to_vec(), exit_code });
    }
    Ok(())
}

/// Reads the contracts that were asked for (all when none was) and checks them against the project.
pub(super) fn contracts(loaded: &Loaded, wanted: &[String]) -> Result<Vec<ReadContract>, Stopped> {
    let files = loaded.workspace.contracts(wanted)?;
    let mut read: Vec<ReadContract> = files.into_iter().map(|file| read_contract(loaded, file)).collect();
    let mut first: BTreeMap<String, PathBuf> = BTreeMap::new();
    for one in &mut read {
        let Some(name) = one.contract.as_ref().map(|contract| contract.contract.clone()) else { continue };
        if let Some(other) = first.get(&name.value) {
            one.findings.push(name_taken(&name, &one.file.path, other));
        } else {
            first.insert(name.value, one.file.path.clone());
        }
    }
    Ok(read)
}

/// Says that an earlier file has a contract of the name.
pub(super) fn name_taken(name: &At<String>, file: &Path, other: &Path) -> Finding {
    let finding = Finding::error(codes::DUPLICATE_CONTRACT, format!("{} has a contract `{name}`, too", other.display()));
    finding.at(name.span).in_file(file).help("give each contract a name of its own")
}

pub(super) fn read_contract(loaded: &Loaded, file: TextFile) -> ReadContract {
    let read = contract::parse_with(&file.text, &file.path, &loaded.kinds);
    let mut findings = read.findings;
    if let Some(contract) = &read.value {
        let mut references = lint::references(contract, &loaded.project, &loaded.lineage);
        let connections: Vec<&str> = loaded.workspace.settings.connections.keys().map(|name| name.value.as_str()).collect();
        references.extend(lint::connections(contract, &connections));
        findings
            .extend(references.into_iter().map(|finding| Finding { file: finding.file.or(Some(Path::new(&file.path).into())), ..finding }));
    }
    findings.sort_by_key(|finding| (finding.span.map(|span| (span.line, span.column)), finding.code));
    ReadContract { contract: read.value, file, findings }
}

/// The contracts that can be worked with: all of them right, or every finding of all of them.
pub(super) fn sound_contracts(loaded: &mut Loaded, wanted: &[String], look: &draw::Look) -> Result<Vec<(Contract, TextFile)>, Stopped> {
    let read = contracts(loaded, wanted)?;
    let set_aside = |one: &ReadContract| lint::Ignores::of(&one.file.text, &one.file.path).apply(one.findings.clone());
    let findings: Vec<Finding> = read.iter().flat_map(set_aside).collect();
    stop_at_errors(&findings, 2)?;
    if !look.quiet {
        draw::findings(&findings);
    }
    loaded.inputs.extend(read.iter().map(|one| (one.file.path.clone(), blake3::hash(one.file.text.as_bytes()))));
    Ok(read.into_iter().filter_map(|one| one.contract.map(|contract| (contract, one.file))).collect())
}

/// The project's templates, with those of the program.
pub(super) fn macros(loaded: &Loaded) -> Result<crate::macros::Macros, Stopped> {
    macros_for(loaded, &loaded.project.adapter)
}

/// The same for another dialect.
pub(super) fn macros_for(loaded: &Loaded, dialect: &str) -> Result<crate::macros::Macros, Stopped> {
    crate::macros::Macros::new(dialect, loaded.templates.clone()).map_err(|findings| Stopped { findings, exit_code: 2 })
}

/// The project's own templates, and the kinds of check that they define.
pub(super) fn kinds(workspace: &Workspace) -> Result<(Vec<(PathBuf, String)>, Kinds), Stopped> {
    let templates: Vec<(PathBuf, String)> = workspace.macros()?.into_iter().map(|file| (file.path, file.text)).collect();
    let kinds = crate::macros::kinds(&templates).map_err(|findings| Stopped { findings, exit_code: 2 })?;
    Ok((templates, kinds))
}
