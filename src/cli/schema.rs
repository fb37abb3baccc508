//! `presscheck schema`: JSON Schemas, generated from the types that read and write.

use clap::{Args, ValueEnum};

use super::{Ended, draw};

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Which schema
    #[arg(long, value_enum, default_value_t = Of::Contract)]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// Contract files
    Contract,
    /// presscheck.yml
    Settings,
    /// What `--format json` prints
    Decision,
}

impl Schema {
    pub(super) fn run(&self) -> Ended {
        let schema = match self.of {
            Of::Contract => crate::contract::json_schema(),
            Of::Settings => crate::project::settings_schema(),
            Of::Decision => crate::output::json_schema(),
        };
        draw::print(&format!("{schema:#}"));
        Ok(0)
    }
}
