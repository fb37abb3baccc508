//! Loads a project for a command that is about some of its contracts: what the last run made of manifest and catalog is taken from the target folder, and
//! models are read only where answers depend on them.
//!
//! Nothing here decides what is true: what is kept counts only for the very bytes that it was made of, read by this very program.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::arguments::Place;
use super::load::{self, Loaded};
use super::timings::Timings;
use super::{Stopped, draw, store};
use crate::dbt::{self, Project, kept};
use crate::diagnostic::{Finding, codes};
use crate::lineage::{self, Before, Models};
use crate::project::{Glance, Hashes, Workspace};

/// Bytes before the project in its file.
const START: usize = Glance::LENGTH + Hashes::LENGTH;

/// A project, with the lineage of the part that somebody asked for.
pub(super) struct Part {
    pub(super) loaded: Loaded,
    /// Hash of manifest and catalog.
    artifacts: blake3::Hash,
    /// Hash of all that lineage is read from.
    world: blake3::Hash,
    wanted: BTreeSet<String>,
    models: Models,
    /// Whether `models` are of this `world`.
    same: bool,
    /// Whether there is something new in `models`.
    grown: bool,
    /// What the project was taken from, if it was kept.
    pack: Option<Arc<dbt::late::Pack>>,
}

/// What a project is made of, as far as files say.
struct Artifacts {
    project: Project,
    has_templates: bool,
    hash: blake3::Hash,
    manifest: blake3::Hash,
    pack: Option<Arc<dbt::late::Pack>>,
}

impl Part {
    /// Reads the project, and traces what the contracts name. `fresh`: nothing that was kept is looked at.
    pub(super) fn new(place: &Place, contracts: &[String], look: &draw::Look, fresh: bool) -> Result<Part, Stopped> {
        let timings = Timings::start();
        let (workspace, findings) = load::workspace(place)?;
        load::stop_at_errors(&findings, 2)?;
        let artifacts = match if fresh { None } else { from_last_run(&workspace) } {
            Some(artifacts) => artifacts,
            None => from_files(&workspace)?,
        };
        let Artifacts { mut project, has_templates, hash, manifest, pack } = artifacts;
        let mut inputs = vec![(workspace.manifest.clone(), manifest)];
        load::complete(&workspace, &mut project, has_templates, &mut inputs);
        let world = world(&workspace, &hash, &inputs);
        let (models, same) =
            if fresh { (Models::default(), false) } else { Models::unpack(&store::kept(&workspace.target, store::MODELS), &world) };
        if !look.quiet {
            draw::findings(&findings);
        }
        let (templates, kinds) = load::kinds(&workspace)?;
        let loaded = Loaded { workspace, project, lineage: lineage::Lineage::default(), timings, templates, kinds, inputs, built_in: None };
        let wanted = named(&loaded, contracts);
        let mut part = Part { loaded, artifacts: hash, world, wanted, models, same, grown: false, pack };
        part.trace()?;
        Ok(part)
    }

    /// Traces what answers turned out to depend on. Whether there was any such thing: then the answers are to be asked again.
    pub(super) fn further(&mut self) -> Result<bool, Stopped> {
        let asked: BTreeSet<String> =
            self.loaded.lineage.asked().into_iter().filter(|id| self.loaded.project.nodes.contains_key(id)).collect();
        let before = self.wanted.len();
        self.wanted.extend(asked);
        if self.wanted.len() == before {
            return Ok(false);
        }
        self.trace()?;
        Ok(true)
    }

    /// Whether something that was kept turned out not to be whole: then nothing that was said on its ground holds.
    pub(super) fn is_broken(&self) -> bool {
        self.pack.as_ref().is_some_and(|pack| pack.is_broken())
    }

    /// Keeps what was read of models, as far as it is new.
    pub(super) fn keep(&self) {
        if self.grown
            && let Some(bytes) = self.models.pack(&self.world)
        {
            store::keep(&self.loaded.workspace.target, store::MODELS, &[&bytes]);
        }
    }

    fn trace(&mut self) -> Result<(), Stopped> {
        let kept =
            if self.same || self.wanted.is_empty() { Vec::new() } else { store::kept(&self.loaded.workspace.target, store::LINEAGE) };
        let reached = self.reach(&kept);
        let (lineage, models) = match reached {
            Some(reached) => reached,
            None => {
                // The texts of models are in the manifest alone.
                let workspace = &self.loaded.workspace;
                let read = from_files(workspace)?;
                let mut inputs = vec![(workspace.manifest.clone(), read.manifest)];
                let mut project = read.project;
                load::complete(workspace, &mut project, read.has_templates, &mut inputs);
                let world = world(workspace, &read.hash, &inputs);
                // dbt may have written it again since.
                self.same &= world == self.world;
                (self.artifacts, self.world, self.pack) = (read.hash, world, None);
                (self.loaded.project, self.loaded.inputs) = (project, inputs);
                // Nothing may be said on the ground of a lineage that is not there.
                let lost = || Stopped::unreadable(Finding::error(codes::INTERNAL, "models of the manifest have no text"));
                self.reach(&kept).ok_or_else(lost)?
            }
        };
        self.loaded.lineage = lineage;
        if let Some(models) = models.filter(|_| !self.wanted.is_empty()) {
            (self.models, self.same, self.grown) = (models, true, true);
        }
        Ok(())
    }

    fn reach(&self, kept: &[u8]) -> Option<(lineage::Lineage, Option<Models>)> {
        let before = Before { models: &self.models, same: self.same, kept, has_texts: self.pack.is_none() };
        lineage::trace_reaching(&self.loaded.project, &self.wanted, before)
    }
}

/// Relations whose name is in the text of a contract, and those of exposures: a guess of what answers will depend on, which saves asking twice. What it has
/// too much costs time alone, and what it lacks is asked for.
fn named(loaded: &Loaded, contracts: &[String]) -> BTreeSet<String> {
    let files = loaded.workspace.contracts(contracts).unwrap_or_default();
    let of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words: HashSet<&str> = files.iter().flat_map(|file| file.text.split(|letter| !of_word(letter))).collect();
    let project = &loaded.project;
    let nodes = project.nodes.values().filter(|node| words.contains(node.name.as_str())).map(|node| node.unique_id.clone());
    let exposures = project.exposures.values().filter(|exposure| words.contains(exposure.name.as_str()));
    nodes.chain(exposures.flat_map(|exposure| exposure.depends_on.iter().cloned())).filter(|id| project.nodes.contains_key(id)).collect()
}

/// The project as the last run left it, if manifest and catalog are the same bytes: the file system says so, or they are read.
fn from_last_run(workspace: &Workspace) -> Option<Artifacts> {
    let glance = workspace.glance();
    let (file, written) = store::kept_if(&workspace.target, store::PROJECT, &glance.bytes())?;
    let kept = Hashes::of(file.get(Glance::LENGTH..START)?)?;
    let hashes = if glance.was_before(written) {
        kept
    } else {
        let hashes = workspace.hashes()?;
        if hashes == kept && workspace.glance() == glance {
            // From now on the file system can say so.
            store::renew(&workspace.target, store::PROJECT);
        }
        hashes
    };
    let kept = kept::unpack(file, START, &hashes.both())?;
    let pack = Some(kept.pack);
    Some(Artifacts { project: kept.project, has_templates: kept.has_templates, hash: hashes.both(), manifest: hashes.manifest, pack })
}

/// The project as dbt's files say, and kept for the next run.
fn from_files(workspace: &Workspace) -> Result<Artifacts, Stopped> {
    let glance = workspace.glance();
    let bytes = workspace.manifest_bytes()?;
    let (manifest, size) = (blake3::hash(&bytes), bytes.len());
    let mut project = dbt::manifest::read(&bytes, &workspace.manifest)?;
    drop(bytes);
    let mut catalog = None;
    if let Some((path, bytes)) = workspace.artifact("catalog.json")? {
        catalog = Some(blake3::hash(&bytes));
        dbt::catalog::apply(&mut project, &bytes, &path)?;
    }
    let hashes = Hashes { manifest, catalog };
    let hash = hashes.both();
    if let Some(bytes) = kept::pack(&project, &hash, size) {
        store::keep(&workspace.target, store::PROJECT, &[&glance.bytes(), &hashes.bytes(), &bytes]);
    }
    Ok(Artifacts { has_templates: project.has_templates(), project, hash, manifest, pack: None })
}

/// All that the lineage of a model is read from: the artifacts, dbt_project.yml, and the files that variables come from.
fn world(workspace: &Workspace, artifacts: &blake3::Hash, inputs: &[(std::path::PathBuf, blake3::Hash)]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(artifacts.as_bytes());
    if let Some(file) = &workspace.dbt_project {
        hasher.update(blake3::hash(file.text.as_bytes()).as_bytes());
    }
    // The first is the manifest.
    for (path, hash) in inputs.iter().skip(1) {
        hasher.update(path.as_os_str().as_encoded_bytes()).update(&[0]).update(hash.as_bytes());
    }
    hasher.finalize()
}
