//! Arguments that several commands share; the names are dbt's where dbt has one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where the dbt project is.
#[derive(Debug, Clone, Args)]
pub(super) struct Place {
    /// The dbt project; else the nearest folder upwards that has a dbt_project.yml
    #[arg(long, value_name = "DIR", env = "DBT_PROJECT_DIR")]
    pub(super) project_dir: Option<PathBuf>,
    /// The manifest; else manifest.json in the project's target folder
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,
    /// The project's target folder
    #[arg(long, value_name = "DIR", env = "DBT_TARGET_PATH")]
    pub(super) target_path: Option<PathBuf>,
}

/// Which report to look at.
#[derive(Debug, Clone, Args)]
pub(super) struct Which {
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    pub(super) contracts: Vec<String>,
    /// Decide a dbt exposure that has no contract, from dbt's own tests and source freshness
    #[arg(long, value_name = "NAME", conflicts_with = "contracts")]
    pub(super) exposure: Option<String>,
    /// Ask only checks on these nodes (dbt's selectors); the others count as skipped, so this never publishes more
    #[arg(long, short, value_name = "SELECTOR", num_args = 1..)]
    pub(super) select: Vec<String>,
    /// Do not ask checks on these nodes
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    pub(super) exclude: Vec<String>,
    /// Decide as if it were this moment (RFC 3339); the decision says that it is a rehearsal
    #[arg(long, value_name = "TIME")]
    pub(super) as_of: Option<jiff::Timestamp>,
}

impl Which {
    /// All checks of these contracts, or of an exposure.
    pub(super) fn all_of(contracts: &[String], exposure: Option<String>) -> Which {
        Which { contracts: contracts.to_vec(), exposure, select: Vec::new(), exclude: Vec::new(), as_of: None }
    }
}

/// How to reach the warehouse.
#[derive(Debug, Default, Clone, Args)]
pub(super) struct Reach {
    /// The folder of profiles.yml
    #[arg(long, value_name = "DIR", env = "DBT_PROFILES_DIR")]
    pub(super) profiles_dir: Option<PathBuf>,
    /// The profile; else the one that dbt_project.yml names
    #[arg(long, value_name = "NAME", env = "DBT_PROFILE")]
    pub(super) profile: Option<String>,
    /// The target; else the profile's own
    #[arg(long, short, value_name = "NAME", env = "DBT_TARGET")]
    pub(super) target: Option<String>,
    /// Variables for profiles.yml, as YAML: '{key: value}'
    #[arg(long, value_name = "YAML")]
    pub(super) vars: Option<String>,
    /// Statements at once; else the target's threads
    #[arg(long, value_name = "N", env = "DBT_THREADS")]
    pub(super) threads: Option<std::num::NonZeroUsize>,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a person
    Terminal,
    /// For a program; its JSON Schema: presscheck schema --of decision
    Json,
}

/// For people, programs and services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Report {
    /// For a person
    #[value(alias = "terminal")]
    Text,
    /// For a program; its JSON Schema: presscheck schema --of decision
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// GitHub Actions: annotations, and all in the summary of the job
    Github,
    /// GitLab's code quality report
    Gitlab,
    /// JUnit XML
    Junit,
    /// Markdown, for a comment
    Markdown,
}

impl From<Format> for Report {
    fn from(format: Format) -> Report {
        match format {
            Format::Terminal => Report::Text,
            Format::Json => Report::Json,
        }
    }
}

/// Which verdict is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Exit 1 for a metric with a caveat already
    Warn,
    /// Exit 1 for a held metric
    Hold,
    /// Never exit 1
    Never,
}
