//! `presscheck man --into DIR`: man pages, made from the same definitions as `--help`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::{Ended, Stopped, draw};
use crate::diagnostic::{Finding, codes};

#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The folder to write presscheck.1 and a page for each command into; without it presscheck.1 is printed
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Manual {
    pub(super) fn run<Program: CommandFactory>(&self) -> Ended {
        let refused = |error: std::io::Error| {
            let finding = Finding::error(codes::NOT_WRITTEN, format!("the man pages cannot be written: {error}"));
            Stopped::usage(finding.help("name a folder that you may write to"))
        };
        let Some(folder) = &self.into else {
            let mut page = Vec::new();
            clap_mangen::Man::new(Program::command()).render(&mut page).map_err(refused)?;
            draw::print(String::from_utf8_lossy(&page).trim_end());
            return Ok(0);
        };
        std::fs::create_dir_all(folder).map_err(refused)?;
        clap_mangen::generate_to(Program::command(), folder).map_err(refused)?;
        Ok(0)
    }
}
