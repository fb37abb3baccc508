//! `presscheck.yml`: what a project may say of itself. Everything has a default; contracts may use only what is named here.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::Age;
use crate::diagnostic::At;
use crate::tell::{Mail, Route};

/// The settings of a project.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folders with contracts; `contracts` when absent. Each that is named must be there.
    pub contracts: Vec<At<PathBuf>>,
    /// Folders with the project's own check templates (`*.sql`); `contracts/macros` when absent. Each that is named must be there.
    pub macros: Vec<At<PathBuf>>,
    /// The profile of profiles.yml; the one of dbt_project.yml when absent.
    pub profile: Option<At<String>>,
    /// The target of the profile; the profile's own when absent.
    pub target: Option<At<String>>,
    /// Statements at once; the target's `threads` when absent.
    pub threads: Option<At<u64>>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// What `presscheck run` builds the relations of a report with.
    pub build: Build,
    /// How much one statement may read, by the warehouse's own estimate.
    pub budget: Budget,
    /// Further connections, by the name that contracts use.
    pub connections: IndexMap<At<String>, Connection>,
    /// The target with which `publish` writes, where it is another role than the one that reads; the project's own when absent.
    pub publish: Option<Connection>,
    /// Where alerts go, by the name that contracts use.
    pub routes: IndexMap<At<String>, Route>,
    /// The server that takes e-mail.
    pub mail: Option<Mail>,
    /// Where run events go, as OpenLineage writes them; nowhere when absent.
    pub openlineage: Option<crate::openlineage::Settings>,
    /// Where the history of runs is kept; `.presscheck` when absent.
    pub history: Option<History>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            contracts: vec![At::nowhere(PathBuf::from("contracts"))],
            macros: vec![At::nowhere(PathBuf::from("contracts/macros"))],
            profile: None,
            target: None,
            threads: None,
            timeouts: Timeouts::default(),
            build: Build::default(),
            budget: Budget::default(),
            connections: IndexMap::new(),
            publish: None,
            routes: IndexMap::new(),
            mail: None,
            openlineage: None,
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

/// What `presscheck run` builds the relations of a report with.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Build {
    /// `dbt` (default); `command`: the team's own program; `none`: they are built before.
    pub with: Option<At<Builder>>,
    /// The program and its first arguments, no shell: of dbt, `[dbt]` when absent; of a command, all of it.
    pub command: Vec<At<String>>,
    /// Longest that a build may take; `2h` when absent.
    pub timeout: Option<At<Age>>,
    /// How often `run --resume` tries a run before somebody has to look; 3 when absent.
    pub attempts: Option<At<u64>>,
}

/// Who builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Builder {
    Dbt,
    Command,
    None,
}

/// How much one statement may read. It is estimated before the statement is sent; one beyond the budget is not sent, nor is one of which the
/// warehouse cannot say it. No engine estimates time: see `timeouts` for that.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Rows of everything that it scans; no limit when absent.
    pub max_rows: Option<At<u64>>,
    /// Bytes of everything that it scans: `500MB`, `20GB`; no limit when absent.
    pub max_bytes: Option<At<Bytes>>,
    /// Most rows that one comparison across connections fetches; 10,000,000 when absent.
    pub max_moved_rows: Option<At<u64>>,
}

/// A number of bytes: a whole number with or without a unit (kB, MB, GB, TB; KiB, MiB, GiB, TiB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl std::str::FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a number of bytes; write a whole number and a unit: 500MB, 20GB");
        let trimmed = text.trim();
        let (count, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
        let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err(wrong()),
        };
        count.parse::<u64>().ok().and_then(|count| count.checked_mul(unit)).map(Bytes).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Bytes(bytes)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of bytes: 500MB, 20GB",
            "oneOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*\d+\s*([kKmMgGtT]?[iI]?[bB])?\s*$", "examples": ["500MB", "20GB"] }
            ]
        })
    }
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

/// Where the history of runs is kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// A folder below the project; `.presscheck` when absent.
    #[serde(default)]
    pub path: Option<At<PathBuf>>,
    /// A PostgreSQL target of the profile where machines share it; the folder then holds a copy.
    #[serde(default)]
    pub target: Option<At<String>>,
    /// The profile of that target; the project's own when absent.
    #[serde(default)]
    pub profile: Option<At<String>>,
    /// The schema in which it is shared; `presscheck` when absent.
    #[serde(default)]
    pub schema: Option<At<String>>,
}

/// The JSON Schema of `presscheck.yml`.
pub fn settings_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Settings);
    schema.insert("title".to_owned(), "presscheck.yml".into());
    schema.to_value()
}
