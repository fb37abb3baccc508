//! `presscheck.yml` beside what it points to: routes that contracts use, and targets of `profiles.yml`, of which only names are read.

use std::path::{Path, PathBuf};

use crate::dbt::profiles;
use crate::diagnostic::{At, Finding, codes, nearest};
use crate::lint;
use crate::project::settings::Connection;
use crate::project::{Workspace, read_text};

/// A profiles.yml is small.
const LARGEST_PROFILES: u64 = 1 << 20;

/// A profile and a target, each where it is named.
type Named = (Option<At<String>>, Option<At<String>>);

/// What presscheck.yml says of telling.
pub(super) fn routes(workspace: &Workspace) -> lint::Routes<'_> {
    let settings = &workspace.settings;
    let ways = settings.routes.iter().flat_map(|(name, route)| {
        let ways = [("slack", route.slack.is_some()), ("webhook", route.webhook.is_some()), ("command", route.command.is_some())];
        ways.into_iter().filter(|(_, is)| *is).map(|(way, _)| (way, name.value.as_str()))
    });
    lint::Routes { named: ways.collect(), mail: settings.mail.is_some() }
}

/// Profiles and targets that presscheck.yml names and profiles.yml does not define: the file in `folder`, else the project's own. Nothing where it is
/// not there, as in a clean checkout: nothing outside the project is looked for.
pub(super) fn targets(workspace: &Workspace, folder: Option<&Path>) -> Vec<Finding> {
    let named = named(workspace);
    let path = folder.map_or_else(|| shown(workspace, "profiles.yml"), |folder| folder.join("profiles.yml"));
    if named.is_empty() || !path.is_file() {
        return Vec::new();
    }
    let settings = shown(workspace, "presscheck.yml");
    let own = own_profile(workspace);
    // What is wrong in the file is not quoted: it holds secrets.
    let known = read_text(&path, LARGEST_PROFILES).ok().and_then(|file| profiles::names(&file.text, &file.path));
    let Some(known) = known else {
        let finding = Finding::warning(
            codes::BAD_PROFILE,
            "this file cannot be read as dbt reads it, so that the targets of presscheck.yml were not looked for",
        );
        return vec![finding.in_file(&path).help("`dbt debug` says more")];
    };
    let unknown = |(profile, target): &Named| {
        let name = profile.as_ref().map(|profile| profile.value.clone()).or_else(|| own.clone())?;
        let Some(targets) = known.get(&name) else {
            let said = profile.as_ref().or(target.as_ref())?;
            let finding = Finding::error(codes::UNKNOWN_PROFILE, format!("{} has no profile `{name}`", path.display())).at(said.span);
            return Some(with_names(finding, &name, known.keys().map(String::as_str).collect()));
        };
        let (target, targets) = (target.as_ref()?, targets.as_ref()?);
        if targets.contains(&target.value) || target.contains("{{") {
            return None;
        }
        let message = format!("the profile `{name}` of {} has no target `{}`", path.display(), target.value);
        let finding = Finding::error(codes::UNKNOWN_PROFILE, message).at(target.span);
        Some(with_names(finding, target, targets.iter().map(String::as_str).collect()))
    };
    let mut found: Vec<Finding> = named.iter().filter_map(unknown).map(|finding| finding.in_file(&settings)).collect();
    crate::yaml::sort(&mut found);
    found.dedup();
    found
}

/// Every profile and target that presscheck.yml names; the profile `None` where it is the project's own.
fn named(workspace: &Workspace) -> Vec<Named> {
    let settings = &workspace.settings;
    let own = settings.profile.clone();
    let further = |connection: &Connection| (connection.profile.clone().or_else(|| own.clone()), connection.target.clone());
    let history = settings.history.iter().map(|history| (history.profile.clone().or_else(|| own.clone()), history.target.clone()));
    let mut all = vec![(own.clone(), settings.target.clone())];
    all.extend(settings.connections.values().chain(&settings.publish).map(further));
    all.extend(history);
    all.retain(|(profile, target)| profile.is_some() || target.is_some());
    all
}

/// A file of the project, as the user would name it.
fn shown(workspace: &Workspace, name: &str) -> PathBuf {
    if workspace.root == Path::new(".") { PathBuf::from(name) } else { workspace.root.join(name) }
}

/// The profile that dbt_project.yml names.
fn own_profile(workspace: &Workspace) -> Option<String> {
    let file = workspace.dbt_project.as_ref()?;
    profiles::read_project_file(&file.text, &file.path, &|name| std::env::var(name).ok(), &serde_json::Map::new()).ok()?.profile
}

fn with_names(finding: Finding, name: &str, known: Vec<&str>) -> Finding {
    match nearest(name, known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => finding.help("it has none at all"),
        None => finding.help(format!("it has {}", known.join(", "))),
    }
}
