//! `presscheck import odcs FILE` and `presscheck export odcs [CONTRACT]`: contracts of the Open Data Contract Standard.
#![expect(clippy::disallowed_methods, reason = "the clock says which waivers are live, and the new contract is written")]

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::arguments::Place;
use super::load::{self, Loaded};
use super::{Ended, Stopped, draw};
use crate::check::Spec;
use crate::check::common::Part;
use crate::contract::Contract;
use crate::diagnostic::{Finding, codes};
use crate::lint::Surroundings;
use crate::odcs::{self, Around};
use crate::project::{LARGEST_CONTRACT, read_text};
use crate::{lint, starter};

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// The Open Data Contract Standard, version 3
    Odcs(FromOdcs),
}

#[derive(Debug, Args)]
struct FromOdcs {
    #[command(flatten)]
    place: Place,
    /// The document
    file: PathBuf,
    /// Write the contract to this file, which must not be there yet, in place of printing it
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(subcommand)]
    to: To,
}

#[derive(Debug, Subcommand)]
enum To {
    /// The Open Data Contract Standard, version 3.1
    Odcs(ToOdcs),
}

#[derive(Debug, Args)]
struct ToOdcs {
    #[command(flatten)]
    place: Place,
    /// The contract, by name or file; needed where the project has several
    contract: Option<String>,
}

impl Import {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let From::Odcs(wanted) = &self.from;
        let file = read_text(&wanted.file, LARGEST_CONTRACT).map_err(Stopped::from)?;
        let document = crate::yaml::value(&file.text, &file.path).map_err(Stopped::usage)?;
        let loaded = Loaded::new(&wanted.place, look)?;
        let relation = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or(name);
            let node = loaded.project.find(name).or_else(|| loaded.project.find(last));
            node.or_else(|| loaded.project.nodes.values().find(|node| node.identifier.eq_ignore_ascii_case(last)))
                .map(crate::dbt::Node::spoken_name)
        };
        let column = |relation: &str, name: &str| {
            let node = loaded.project.find(relation)?;
            let known = loaded.lineage.columns.get(&node.unique_id)?;
            known.names.iter().find(|column| column.eq_ignore_ascii_case(name)).cloned()
        };
        let imported = odcs::import(&document, &Around { relation: &relation, column: &column })
            .map_err(|why| Stopped::usage(Finding::error(codes::NOT_ODCS, why).in_file(&file.path)))?;
        let macros = load::macros(&loaded)?;
        let around =
            Surroundings { project: &loaded.project, lineage: &loaded.lineage, macros: &macros, now: Timestamp::now(), closed: None };
        let text = starter::settled(odcs::text(&imported.contract), &around);
        match &wanted.into {
            None => draw::print(text.trim_end()),
            Some(path) => write(path, &text)?,
        }
        if !look.quiet {
            imported.left.iter().for_each(|left| draw::say(&format!("not carried: {left}")));
        }
        Ok(0)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Stopped> {
    let refused = |why: String| Stopped::usage(Finding::error(codes::NOT_WRITTEN, why).in_file(path).help("name another file"));
    if path.exists() {
        return Err(refused("this file is there already, and nothing is written over".to_owned()));
    }
    std::fs::write(path, text).map_err(|error| refused(format!("it cannot be written: {error}")))
}

impl Export {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let To::Odcs(wanted) = &self.to;
        let mut loaded = Loaded::new(&wanted.place, look)?;
        let names: Vec<String> = wanted.contract.iter().cloned().collect();
        let contracts = load::sound_contracts(&mut loaded, &names, look)?;
        let [(contract, file)] = contracts.as_slice() else {
            let names: Vec<&str> = contracts.iter().map(|(contract, _)| contract.contract.as_str()).collect();
            let finding = Finding::error(codes::AMBIGUOUS_NAME, format!("the project has {} contracts", names.len()));
            return Err(Stopped::usage(finding.help(format!("name one of them: {}", names.join(", ")))));
        };
        let written = crate::yaml::value(&file.text, &file.path).map_err(Stopped::usage)?;
        draw::print(odcs::text(&odcs::export(&written, &|position| about(contract, position))).trim_end());
        Ok(0)
    }
}

/// What a check is about: its relation and, where it is about one column, that.
fn about(contract: &Contract, position: usize) -> Option<(String, Option<String>)> {
    let check: &Spec = &contract.checks.get(position)?.value;
    let relation = check.kind().relations().first()?.value.clone();
    if lint::is_foreign(check, 0) {
        return None;
    }
    let columns: Vec<String> = check
        .kind()
        .subject()
        .into_iter()
        .filter_map(|part| match part {
            Part::Column { relation: 0, column } => Some(column.value),
            _ => None,
        })
        .collect();
    let one = match (check.kind_name(), columns.as_slice()) {
        ("not_null" | "unique" | "accepted_values" | "range" | "matches" | "relationships", [column]) => Some(column.clone()),
        _ => None,
    };
    Some((relation, one))
}
