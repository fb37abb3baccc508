//! From profiles.yml to an open warehouse. One that cannot be opened is an answer too: every check on it ends as an error.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Stopped;
use super::arguments::Reach;
use super::load::Loaded;
use crate::check::outcome::{Fault, Reason};
use crate::dbt::profiles::{self, Profile};
use crate::dbt::{NodeKind, Project};
use crate::diagnostic::{Finding, codes};
use crate::execute::{Answer, Answers};
use crate::plan::{Asked, Plan, Statement};
use crate::project::{Workspace, read_text};
use crate::warehouse::budget::{Budget, Budgeted};
use crate::warehouse::{self, Down, Warehouse};

/// Statements at once where neither option nor profile says.
const THREADS: usize = 4;

/// A warehouse (or why it could not be opened), and how many statements at once it gets.
pub(super) struct Connected {
    pub(super) warehouse: Result<Box<dyn Warehouse>, Fault>,
    pub(super) threads: usize,
}

/// The answers of a warehouse that could not be opened: every check that would have been asked was tried in vain.
pub(super) fn in_vain(plan: &Plan, fault: &Fault) -> Answers {
    let asked = plan.asks.iter().filter(|(_, asked)| matches!(asked, Asked::Measured { .. }));
    let answer =
        |(id, _): (&String, &Asked)| (id.clone(), Answer { measurement: Err(fault.clone()), sql_hash: String::new(), attempts: 1 });
    Answers { by_check: asked.map(answer).collect(), ..Answers::default() }
}

/// The target of a further connection, or why it cannot be used.
pub(super) fn further(workspace: &Workspace, reach: &Reach, name: &str) -> Result<Profile, Fault> {
    let written = workspace.settings.connections.iter().find(|(known, _)| known.value == name).map(|(_, connection)| connection);
    let unknown = || Fault { reason: Reason::Unreachable, detail: format!("presscheck.yml has no connection `{name}`") };
    let written = written.ok_or_else(unknown)?;
    let text = |named: &Option<crate::diagnostic::At<String>>| named.as_ref().map(|named| named.value.clone());
    // What was typed for the project's own warehouse is not meant for this one.
    let profile = text(&written.profile).or_else(|| reach.profile.clone());
    read_profile(workspace, reach, profile, text(&written.target)).map_err(|stopped| {
        let why = stopped.findings.first().map_or_else(String::new, |finding| finding.message.clone());
        Fault { reason: Reason::Unreachable, detail: format!("the connection `{name}` cannot be used: {why}") }
    })
}

/// Opens a further connection; one that cannot be opened says so to whoever asks it.
pub(super) fn open_further(loaded: &Loaded, reach: &Reach, name: &str) -> Box<dyn Warehouse> {
    let opened = further(&loaded.workspace, reach, name).and_then(|profile| opened(&loaded.workspace, &loaded.project, &profile));
    opened.unwrap_or_else(|fault| Box::new(Down(fault)))
}

/// The further connections that the plan's statements use.
pub(super) fn used(plans: &[&Plan]) -> BTreeSet<String> {
    let statements = plans.iter().flat_map(|plan| &plan.statements);
    let sides = |statement: &Statement| -> Vec<Option<String>> {
        let sides = statement.compare.iter().flat_map(|compare| compare.sides()).map(|side| side.connection.clone());
        sides.chain([statement.connection.clone()]).collect()
    };
    statements.flat_map(sides).flatten().collect()
}

/// Opens the warehouse of the project's profile and target.
pub(super) fn open(loaded: &Loaded, reach: &Reach) -> Result<Connected, Stopped> {
    let profile = profile(&loaded.workspace, reach)?;
    let warehouse = opened(&loaded.workspace, &loaded.project, &profile);
    let threads = threads(&loaded.workspace, reach, &profile);
    Ok(Connected { warehouse, threads })
}

/// Opens the warehouse of a profile, with the project's budget around it.
pub(super) fn opened(workspace: &Workspace, project: &Project, profile: &Profile) -> Result<Box<dyn Warehouse>, Fault> {
    let warehouse = unlimited(workspace, project, profile)?;
    let budget = budget(workspace);
    Ok(if budget.is_set() { Box::new(Budgeted::new(warehouse, budget)) } else { warehouse })
}

/// Opens the warehouse of a profile, whatever a statement costs.
pub(super) fn unlimited(workspace: &Workspace, project: &Project, profile: &Profile) -> Result<Box<dyn Warehouse>, Fault> {
    warehouse::open_with_files(&profile.kind, profile.fields(), &workspace.root, &files(project))
}

/// What presscheck.yml lets one statement read.
pub(super) fn budget(workspace: &Workspace) -> Budget {
    let written = &workspace.settings.budget;
    Budget { max_rows: written.max_rows.as_ref().map(|rows| rows.value), max_bytes: written.max_bytes.as_ref().map(|bytes| bytes.value.0) }
}

/// Files that stand for sources: dbt-duckdb writes `external_location` into SQL as a text.
pub(super) fn files(project: &Project) -> Vec<String> {
    let sources = project.nodes.values().filter(|node| node.kind == NodeKind::Source);
    let text = |name: &str| Some(name.trim().strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"));
    let mut files: Vec<String> = sources.filter_map(|node| text(node.relation_name.as_deref()?)).collect();
    files.sort();
    files.dedup();
    files
}

/// Statements at once: as typed, else as presscheck.yml says, else as the target does.
pub(super) fn threads(workspace: &Workspace, reach: &Reach, profile: &Profile) -> usize {
    let said = profile.fields().get("threads").and_then(serde_json::Value::as_u64).and_then(|threads| usize::try_from(threads).ok());
    let settings = workspace.settings.threads.as_ref().and_then(|threads| usize::try_from(threads.value).ok());
    reach.threads.map(std::num::NonZeroUsize::get).or(settings).or(said).unwrap_or(THREADS).max(1)
}

/// The target that is meant, with its secrets.
pub(super) fn profile(workspace: &Workspace, reach: &Reach) -> Result<Profile, Stopped> {
    let target = reach.target.clone().or_else(|| workspace.settings.target.as_ref().map(|target| target.value.clone()));
    read_profile(workspace, reach, reach.profile.clone(), target)
}

/// The target that certified values are written to, with its secrets: that of `publish` in presscheck.yml, else the project's own.
pub(super) fn writing(workspace: &Workspace, reach: &Reach) -> Result<Profile, Stopped> {
    let Some(written) = &workspace.settings.publish else { return profile(workspace, reach) };
    let text = |named: &Option<crate::diagnostic::At<String>>| named.as_ref().map(|named| named.value.clone());
    read_profile(workspace, reach, text(&written.profile).or_else(|| reach.profile.clone()), text(&written.target))
}

/// A target of profiles.yml; the project's own profile when none is named.
pub(super) fn read_profile(
    workspace: &Workspace,
    reach: &Reach,
    named: Option<String>,
    target: Option<String>,
) -> Result<Profile, Stopped> {
    let settings = &workspace.settings;
    let env = |name: &str| std::env::var(name).ok();
    let vars = match &reach.vars {
        Some(text) => match crate::yaml::value(text, Path::new("--vars")).map_err(Stopped::usage)? {
            serde_json::Value::Object(vars) => vars,
            _ => {
                return Err(Stopped::usage(
                    Finding::error(codes::BAD_VARIABLES, "--vars is not a mapping").help("write it as '{key: value}'"),
                ));
            }
        },
        None => serde_json::Map::new(),
    };
    let named = match (&named, &settings.profile, &workspace.dbt_project) {
        (Some(name), ..) => name.clone(),
        (None, Some(name), _) => name.value.clone(),
        (None, None, Some(file)) => {
            let written = profiles::read_project_file(&file.text, &file.path, &env, &vars).map_err(Stopped::usage)?;
            written.profile.ok_or_else(|| {
                Stopped::usage(
                    Finding::error(codes::NO_PROFILE, "dbt_project.yml names no profile")
                        .in_file(&file.path)
                        .help("name one with --profile"),
                )
            })?
        }
        (None, None, None) => {
            let finding = Finding::error(codes::NO_PROFILE, "which profile of profiles.yml connects to the warehouse is not known");
            return Err(Stopped::usage(finding.help("run in the dbt project, or name the profile with --profile")));
        }
    };
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let places = profiles::places(reach.profiles_dir.as_deref(), None, &here, &workspace.root, home.as_deref());
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        let looked: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
        let finding = Finding::error(codes::NO_PROFILE, format!("there is no profiles.yml; looked for {}", looked.join(", ")));
        return Err(Stopped::usage(finding.help("name its folder with --profiles-dir")));
    };
    let file = read_text(path, 1 << 20)?;
    profiles::read(&file.text, &file.path, &named, target.as_deref(), &env, &vars).map_err(Stopped::usage)
}
