//! Linting where dbt wrote no manifest: the structure of a contract, and the names that the project's own files give. Says what that leaves out.

use super::super::arguments::Place;
use super::super::load;
use super::obeyed;
use crate::check::definition::Kinds;
use crate::contract::{self, Contract};
use crate::dbt::files::Names;
use crate::diagnostic::Finding;
use crate::lint;
use crate::project::{TextFile, Workspace};

/// Reasons that are named one by one; there may be one for each file.
const NAMED: usize = 3;

/// What can be known of a project without its manifest.
pub(in crate::cli) struct Unparsed {
    /// `None` where there is no dbt project, or its presscheck.yml cannot be read.
    pub(super) workspace: Option<Workspace>,
    kinds: Kinds,
    names: Option<Names>,
}

impl Unparsed {
    pub(in crate::cli) fn of(place: &Place) -> Unparsed {
        let workspace = load::workspace(place).map(|(workspace, _)| workspace).ok();
        let kinds = workspace.as_ref().and_then(|workspace| load::kinds(workspace).ok()).map(|(_, kinds)| kinds).unwrap_or_default();
        let names = workspace.as_ref().filter(|workspace| workspace.dbt_project.is_some()).map(Workspace::names);
        Unparsed { workspace, kinds, names }
    }

    /// What is not looked at, and why some names may be unknown.
    pub(in crate::cli) fn notes(&self) -> Vec<String> {
        let Some(names) = &self.names else {
            return vec!["there is no manifest of dbt, so names and lineage were not checked".to_owned()];
        };
        let mut notes =
            vec!["there is no manifest of dbt: names were checked against the project's files, and lineage was not checked".to_owned()];
        notes.extend(names.doubts.iter().take(NAMED).map(|doubt| format!("not all names are known: {doubt}")));
        if names.doubts.len() > NAMED {
            notes.push(format!("not all names are known: {} more reasons", names.doubts.len() - NAMED));
        }
        notes
    }

    /// Everything that can be said of a contract, comments obeyed, and the contract where it could be read.
    pub(in crate::cli) fn findings(&self, file: &TextFile) -> (Vec<Finding>, Option<Contract>) {
        let read = contract::parse_with(&file.text, &file.path, &self.kinds);
        let mut found = read.findings;
        if let (Some(contract), Some(names)) = (&read.value, &self.names) {
            found.extend(lint::names(contract, names));
        }
        if let (Some(contract), Some(workspace)) = (&read.value, &self.workspace) {
            let connections: Vec<&str> = workspace.settings.connections.keys().map(|name| name.value.as_str()).collect();
            found.extend(lint::connections(contract, &connections));
            found.extend(lint::routes(contract, &super::settings::routes(workspace)));
        }
        crate::yaml::sort(&mut found);
        found.dedup();
        // Not every rule has its say here, so that a comment for one of the others is not idle.
        (obeyed(&file.text, &file.path, found), read.value)
    }
}
