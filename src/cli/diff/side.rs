//! One of the two versions: its project, its contracts and their plans.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::arguments::Place;
use super::super::load::{self, Loaded};
use super::super::{Stopped, draw, prepare};
use super::git::{self, Scratch};
use crate::contract::Contract;
use crate::diagnostic::{Finding, Level, codes};
use crate::lineage::NodeIndex;
use crate::plan::{self, MetricId, Plan};
use crate::promise::Version;

/// A version, read.
pub(super) struct Side {
    pub(super) loaded: Loaded,
    pub(super) planned: Vec<Planned>,
    /// Names of contracts that are there and cannot be decided.
    pub(super) undecidable: Vec<(String, Vec<Finding>)>,
    macros: BTreeMap<String, String>,
    /// Whether it has artifacts of its own.
    pub(super) own_manifest: bool,
    _scratch: Option<Scratch>,
}

/// One contract of a version.
pub(super) struct Planned {
    pub(super) contract: Contract,
    plan: Plan,
    targets: Vec<(MetricId, Result<Vec<NodeIndex>, String>)>,
}

impl Side {
    /// Reads `what`: a folder with a dbt project, else a version of the repository that the project at `root` lies in. `manifest` is used where
    /// it is given, and `otherwise` where the version has none of its own.
    pub(super) fn read(
        what: &str,
        root: &Path,
        manifest: Option<&Path>,
        otherwise: Option<&Path>,
        now: Timestamp,
        look: &draw::Look,
    ) -> Result<Side, Stopped> {
        let folder = Path::new(what);
        if folder.join("dbt_project.yml").is_file() {
            let place = Place { project_dir: Some(folder.to_path_buf()), manifest: manifest.map(Path::to_path_buf), target_path: None };
            return Side::load(&place, otherwise, now, look, None);
        }
        let scratch = git::read(root, what)?;
        let place = Place { project_dir: Some(scratch.folder.clone()), manifest: manifest.map(Path::to_path_buf), target_path: None };
        let named = |stopped: Stopped| renamed(stopped, &scratch.folder, what);
        let folder = scratch.folder.clone();
        if !folder.join("dbt_project.yml").is_file() {
            let finding = Finding::error(codes::NOT_A_PROJECT, format!("there is no dbt_project.yml in this folder at `{what}`"));
            return Err(Stopped::usage(finding));
        }
        // The scratch folder must live as long as what was read of it.
        let mut side = Side::load(&place, otherwise, now, look, None).map_err(named)?;
        for (_, findings) in &mut side.undecidable {
            *findings = std::mem::take(findings).into_iter().map(|finding| at_version(finding, &folder, what)).collect();
        }
        Ok(Side { _scratch: Some(scratch), ..side })
    }

    /// Reads the project at a place.
    pub(super) fn load(
        place: &Place,
        otherwise: Option<&Path>,
        now: Timestamp,
        look: &draw::Look,
        scratch: Option<Scratch>,
    ) -> Result<Side, Stopped> {
        let quiet = look.quietly();
        let (loaded, own_manifest) = match (Loaded::new(place, &quiet), otherwise) {
            (Ok(loaded), _) => (loaded, true),
            (Err(stopped), Some(manifest)) if stopped.findings.iter().all(|finding| finding.code == codes::NO_ARTIFACT) => {
                (Loaded::new(&Place { manifest: Some(manifest.to_path_buf()), ..place.clone() }, &quiet)?, false)
            }
            (Err(stopped), _) => return Err(stopped),
        };
        let kind = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let overrides = loaded.templates.iter().map(|(path, text)| (kind(path), text.clone())).collect();
        let macros = load::macros(&loaded)?;
        let read = match load::contracts(&loaded, &[]) {
            Ok(read) => read,
            Err(stopped) if stopped.findings.iter().all(|finding| finding.code == codes::NO_CONTRACT) => Vec::new(),
            Err(stopped) => return Err(stopped),
        };
        let (mut planned, mut undecidable) = (Vec::new(), Vec::new());
        for one in read {
            let wrong: Vec<Finding> = one.findings.iter().filter(|finding| finding.level == Level::Error).cloned().collect();
            let name =
                one.contract.as_ref().map_or_else(|| one.file.path.display().to_string(), |contract| contract.contract.value.clone());
            let Some(contract) = one.contract.filter(|_| wrong.is_empty()) else {
                undecidable.push((name, wrong));
                continue;
            };
            let interval = contract.schedule.as_ref().map(|schedule| prepare::interval(schedule, now)).transpose()?;
            let options = plan::Options { interval, selection: None, macros: &macros, given: plan::Given::default() };
            match plan::build(&contract, &loaded.project, &loaded.lineage, &options) {
                Ok(plan) => {
                    let targets = plan::targets(&contract, &loaded.project, &loaded.lineage, &options);
                    planned.push(Planned { contract, plan, targets });
                }
                Err(findings) => {
                    let findings = findings.into_iter().map(|finding| prepare::placed(finding, &one.file.path)).collect();
                    undecidable.push((name, findings));
                }
            }
        }
        Ok(Side { loaded, planned, undecidable, macros: overrides, own_manifest, _scratch: scratch })
    }

    /// Every contract that can be decided.
    pub(super) fn versions(&self) -> Vec<Version<'_>> {
        let version = |planned| self.version(planned);
        self.planned.iter().map(version).collect()
    }

    pub(super) fn version<'a>(&'a self, planned: &'a Planned) -> Version<'a> {
        Version {
            contract: &planned.contract,
            plan: &planned.plan,
            targets: &planned.targets,
            project: &self.loaded.project,
            lineage: &self.loaded.lineage,
            macros: &self.macros,
        }
    }
}

fn renamed(stopped: Stopped, folder: &Path, what: &str) -> Stopped {
    let findings = stopped.findings.into_iter().map(|finding| at_version(finding, folder, what)).collect();
    Stopped { findings, ..stopped }
}

/// A finding in a file of a scratch folder, which will be gone when it is read.
fn at_version(finding: Finding, folder: &Path, what: &str) -> Finding {
    let file = finding.file.as_ref().and_then(|file| file.strip_prefix(folder).ok()).map(|file| format!("{what}:{}", file.display()));
    match file {
        Some(file) => finding.in_file(file),
        None => finding,
    }
}
