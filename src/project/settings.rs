//! `presscheck.yml`: what a project may say of itself. Everything has a default; contracts may use only what is named here.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::Age;
use crate::diagnostic::At;

/// The settings of a project.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folders with contracts; `contracts` when absent.
    pub contracts: Vec<PathBuf>,
    /// Folders with the project's own check templates (`*.sql`); `contracts/macros` when absent.
    pub macros: Vec<PathBuf>,
    /// The profile of profiles.yml; the one of dbt_project.yml when absent.
    pub profile: Option<At<String>>,
    /// The target of the profile; the profile's own when absent.
    pub target: Option<At<String>>,
    /// Statements at once; the target's `threads` when absent.
    pub threads: Option<At<u64>>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Further connections, by the name that contracts use.
    pub connections: IndexMap<At<String>, Connection>,
    /// Where alerts go, by the name that contracts use. Read and validated; not executed yet.
    pub routes: IndexMap<At<String>, Route>,
    /// Where the history of runs is kept; `.presscheck` when absent.
    pub history: Option<History>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            contracts: vec![PathBuf::from("contracts")],
            macros: vec![PathBuf::from("contracts/macros")],
            profile: None,
            target: None,
            threads: None,
            timeouts: Timeouts::default(),
            connections: IndexMap::new(),
            routes: IndexMap::new(),
            history: None,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// One statement; `5m` when absent.
    pub statement: Option<At<Age>>,
    /// All statements of a run; `30m` when absent.
    pub run: Option<At<Age>>,
}

/// Another connection: a target of profiles.yml.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The profile; the project's own when absent.
    #[serde(default)]
    pub profile: Option<At<String>>,
    /// The target.
    #[serde(default)]
    pub target: Option<At<String>>,
}

/// Where an alert goes. Secrets are named by environment variable, never written here.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// A Slack channel: the environment variable that holds its webhook address.
    Slack(At<String>),
    /// A webhook: the environment variable that holds its address.
    Webhook(At<String>),
    /// An e-mail address.
    Email(At<String>),
    /// A program and its arguments; no shell.
    Command(Vec<At<String>>),
}

/// Where the history of runs is kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// A folder below the project.
    pub path: At<PathBuf>,
}

/// The JSON Schema of `presscheck.yml`.
pub fn settings_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Settings);
    schema.insert("title".to_owned(), "presscheck.yml".into());
    schema.to_value()
}
