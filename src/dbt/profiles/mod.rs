//! `profiles.yml` and `dbt_project.yml`: which warehouse a project means, and what its keys are.
//!
//! Text and environment come in as values; only the chosen target is rendered, so that variables of others need not be set. A [`Profile`]
//! never shows its values. Not for what the keys mean: each warehouse knows its own.

mod jinja;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::diagnostic::{Finding, Span, codes, nearest};
use jinja::Renderer;

/// Keys whose values are never shown, wherever they came from.
const SECRET_KEYS: [&str; 12] = [
    "password",
    "pass",
    "token",
    "access_token",
    "refresh_token",
    "client_secret",
    "secret",
    "secret_access_key",
    "private_key",
    "private_key_passphrase",
    "api_key",
    "motherduck_token",
];

/// One target of one profile, rendered.
#[derive(Clone, PartialEq)]
pub struct Profile {
    /// The profile's name.
    pub name: String,
    /// The target's name.
    pub target: String,
    /// `type`: `duckdb`, `postgres`, ...
    pub kind: String,
    fields: Map<String, Value>,
    secrets: BTreeSet<String>,
}

impl Profile {
    /// All keys of the target, `type` included. They hold secrets: do not print them.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// `text` with `***` in the place of every secret of this profile. For messages of drivers and servers.
    pub fn hide(&self, text: &str) -> String {
        let mut longest_first: Vec<&String> = self.secrets.iter().collect();
        longest_first.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        longest_first.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

impl fmt::Debug for Profile {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.fields.keys().collect();
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("target", &self.target)
            .field("kind", &self.kind)
            .field("keys", &keys)
            .finish()
    }
}

/// Reads one target of one profile: `target`, else the profile's own, else `default`. `vars` are dbt's `--vars`.
///
/// # Errors
/// YAML that cannot be read, no such profile or target, a variable that is not set, a template that cannot be rendered, no `type`.
#[allow(clippy::result_large_err, reason = "read once per run")]
pub fn read(
    profiles_yml: &str,
    file: &Path,
    profile_name: &str,
    target: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
    vars: &Map<String, Value>,
) -> Result<Profile, Finding> {
    let in_file = |finding: Finding| finding.in_file(file);
    let all = mapping(crate::yaml::value(profiles_yml, file)?, "profiles.yml").map_err(in_file)?;
    let Some(profile) = all.get(profile_name) else {
        return Err(in_file(unknown(&format!("profile `{profile_name}`"), profile_name, all.keys().filter(|key| *key != "config"))));
    };
    let at_profile = |finding: Finding| in_file(finding.at(place_of(profiles_yml, &[&format!("{profile_name}:")])));
    let jinja = Renderer::new(profiles_yml, env, vars, true);
    let target = match (target, profile.get("target")) {
        (Some(chosen), _) => chosen.to_owned(),
        (None, Some(own)) => match jinja.deep(own, &format!("{profile_name}.target")).map_err(in_file)? {
            Value::String(own) => own,
            Value::Null => "default".to_owned(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(at_profile(Finding::error(codes::BAD_PROFILE, format!("`{profile_name}.target` is not a name"))));
            }
        },
        (None, None) => "default".to_owned(),
    };
    let Some(Value::Object(outputs)) = profile.get("outputs") else {
        let finding = Finding::error(codes::BAD_PROFILE, format!("the profile `{profile_name}` has no `outputs`"));
        return Err(at_profile(finding.help("dbt expects `outputs:` with one entry for each target")));
    };
    let Some(output) = outputs.get(&target) else {
        return Err(at_profile(unknown(&format!("target `{target}` in the profile `{profile_name}`"), &target, outputs.keys())));
    };
    let route = format!("{profile_name}.outputs.{target}");
    let rendered = jinja.deep(output, &route).map_err(in_file)?;
    let fields = mapping(rendered, &route).map_err(at_profile)?;
    let Some(Value::String(kind)) = fields.get("type").cloned() else {
        return Err(at_profile(Finding::error(codes::BAD_PROFILE, format!("`{route}` has no `type`")).help("for example `type: duckdb`")));
    };
    let mut secrets = jinja.secrets();
    collect_secrets(&fields, &mut secrets);
    secrets.remove("");
    Ok(Profile { name: profile_name.to_owned(), target, kind, fields, secrets })
}

/// The names of every profile and of its targets, nothing rendered and no other key looked at; `None` in place of targets that cannot be told from
/// the text, and of everything where it is not a mapping of profiles.
pub fn names(profiles_yml: &str, file: &Path) -> Option<BTreeMap<String, Option<Vec<String>>>> {
    let Value::Object(all) = crate::yaml::value(profiles_yml, file).ok()? else { return None };
    let targets = |profile: &Value| Some(profile.get("outputs")?.as_object()?.keys().cloned().collect());
    Some(all.iter().filter(|(name, _)| *name != "config").map(|(name, profile)| (name.clone(), targets(profile))).collect())
}

/// Where `profiles.yml` may be, the first that exists counts. A folder that was said (`--profiles-dir`, else `DBT_PROFILES_DIR`) is the only one;
/// otherwise the working folder, the project's and `~/.dbt`.
pub fn places(
    profiles_dir: Option<&Path>,
    dbt_profiles_dir: Option<&Path>,
    working: &Path,
    project: &Path,
    home: Option<&Path>,
) -> Vec<PathBuf> {
    let mut folders = match profiles_dir.or(dbt_profiles_dir) {
        Some(said) => vec![said.to_owned()],
        None => [Some(working.to_owned()), Some(project.to_owned()), home.map(|home| home.join(".dbt"))].into_iter().flatten().collect(),
    };
    folders.dedup();
    folders.into_iter().map(|folder| folder.join("profiles.yml")).collect()
}

/// What is read of `dbt_project.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// The project's name.
    pub name: String,
    /// The profile that it uses; `None` when it names none.
    pub profile: Option<String>,
    /// Where dbt writes artifacts, relative to the project; `target` when absent.
    pub target_path: PathBuf,
}

/// Reads `dbt_project.yml`.
///
/// # Errors
/// YAML that cannot be read, no name, a variable that is not set, a template that cannot be rendered.
#[allow(clippy::result_large_err, reason = "read once per run")]
pub fn read_project_file(
    dbt_project_yml: &str,
    file: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    vars: &Map<String, Value>,
) -> Result<ProjectFile, Finding> {
    let in_file = |finding: Finding| finding.in_file(file);
    let read = mapping(crate::yaml::value(dbt_project_yml, file)?, "dbt_project.yml").map_err(in_file)?;
    let jinja = Renderer::new(dbt_project_yml, env, vars, false);
    let text = |key: &str| -> Result<Option<String>, Finding> {
        let place = |finding: Finding| in_file(finding.at(place_of(dbt_project_yml, &[&format!("{key}:")])));
        match read.get(key).map(|value| jinja.deep(value, key)).transpose().map_err(in_file)? {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(place(Finding::error(codes::BAD_PROFILE, format!("`{key}` is not a text"))))
            }
        }
    };
    let name = text("name")?.ok_or_else(|| in_file(Finding::error(codes::BAD_PROFILE, "dbt_project.yml has no `name`")))?;
    Ok(ProjectFile {
        name,
        profile: text("profile")?,
        target_path: text("target-path")?.map_or_else(|| PathBuf::from("target"), PathBuf::from),
    })
}

/// The statements of `on-run-start` in `dbt_project.yml`, as written; none where they cannot be read.
pub fn on_run_start(dbt_project_yml: &str, file: &Path) -> Vec<String> {
    let read = crate::yaml::value(dbt_project_yml, file).ok();
    match read.as_ref().and_then(|read| read.get("on-run-start")) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[allow(clippy::result_large_err, reason = "read once per run")]
fn mapping(value: Value, what: &str) -> Result<Map<String, Value>, Finding> {
    match value {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Finding::error(codes::BAD_PROFILE, format!("`{what}` is not a mapping of keys")))
        }
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Finding {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let finding = Finding::error(codes::UNKNOWN_PROFILE, format!("there is no {what}"));
    match (nearest(name, known.iter().copied()), known.as_slice()) {
        (Some(near), _) => finding.help(format!("did you mean `{near}`?")),
        (None, []) => finding.help("there is none at all"),
        (None, [only]) => finding.help(format!("the only one is `{only}`")),
        (None, [_, _, ..]) => finding.help(format!("there are {}", known.join(", "))),
    }
}

/// The place where the first of `pieces` that stands in `text`, not as the end of a longer word, stands first; nowhere when none does.
fn place_of(text: &str, pieces: &[&str]) -> Span {
    let starts_there = |at: &usize| text[..*at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && before != '_');
    let found = pieces.iter().find_map(|piece| Some((text.match_indices(piece).map(|(at, _)| at).find(starts_there)?, piece.len())));
    let Some((offset, length)) = found else { return Span::default() };
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let (line, column) = (text[..offset].matches('\n').count() + 1, text[start..offset].chars().count() + 1);
    Span { offset, length, line: number(line), column: number(column) }
}

fn collect_secrets(fields: &Map<String, Value>, secrets: &mut BTreeSet<String>) {
    for (key, value) in fields {
        match value {
            Value::String(text) if SECRET_KEYS.contains(&key.to_lowercase().as_str()) => {
                secrets.insert(text.clone());
            }
            Value::Object(inner) => collect_secrets(inner, secrets),
            Value::Array(items) => items.iter().filter_map(Value::as_object).for_each(|inner| collect_secrets(inner, secrets)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
