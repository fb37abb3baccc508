//! `presscheck schema`: JSON Schemas, generated from the types that read and write, and from the kinds of check that the project defines.

use clap::{Args, ValueEnum};

use super::arguments::Place;
use super::{Ended, Stopped, draw, load};
use crate::check::definition::Kinds;
use crate::diagnostic::codes;

#[derive(Debug, Args)]
pub(super) struct Schema {
    #[command(flatten)]
    place: Place,
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
            Of::Contract => crate::contract::json_schema_with(&self.kinds()?),
            Of::Settings => crate::project::settings_schema(),
            Of::Decision => crate::output::json_schema(),
        };
        draw::print(&format!("{schema:#}"));
        Ok(0)
    }

    /// The kinds of the project, where there is one.
    fn kinds(&self) -> Result<Kinds, Stopped> {
        match load::workspace(&self.place) {
            Ok((workspace, _)) => load::kinds(&workspace).map(|(_, kinds)| kinds),
            Err(stopped)
                if self.place.project_dir.is_none() && stopped.findings.iter().all(|finding| finding.code == codes::NOT_A_PROJECT) =>
            {
                Ok(Kinds::new())
            }
            Err(stopped) => Err(stopped),
        }
    }
}
