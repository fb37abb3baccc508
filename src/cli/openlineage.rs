//! `presscheck openlineage [CONTRACT]`: sends the latest decisions as OpenLineage run events, each once, to the file or address that presscheck.yml names.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;

use super::arguments::Place;
use super::tell::latest;
use super::{Ended, Stopped, draw, load};
use crate::contract::{self, Contract};
use crate::dbt::Project;
use crate::diagnostic::{Finding, Level, codes};
use crate::history::{History, RunKey};
use crate::openlineage::{self, Emitted, Event, Names};
use crate::project::Workspace;
use crate::record::Document;
use crate::tell::Wire;

#[derive(Debug, Args)]
pub(super) struct OpenLineage {
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// Print the events, one a line; send nothing and keep nothing. Rehearsals are shown, too
    #[arg(long)]
    preview: bool,
}

impl OpenLineage {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let (workspace, findings) = load::workspace(&self.place)?;
        if findings.iter().any(|finding| finding.level == Level::Error) {
            return Err(Stopped { findings, exit_code: 2 });
        }
        if !self.preview {
            settings(&workspace)?;
        }
        super::shared::refresh(&workspace, unkept)?;
        let known = History::read(&workspace.history()).map_err(unkept)?;
        let (_, kinds) = load::kinds(&workspace)?;
        let mut exit_code = 0;
        for file in workspace.contracts(&self.contracts)? {
            let read = contract::parse_with(&file.text, &file.path, &kinds);
            let Some(contract) = read.value.filter(|_| read.findings.iter().all(|finding| finding.level < Level::Error)) else {
                draw::findings(&read.findings);
                exit_code = 2;
                continue;
            };
            let Some(document) = latest::decision(&workspace, known.as_ref(), &contract.contract, self.preview)? else { continue };
            if self.preview {
                let lines: Vec<String> =
                    events(&workspace, &contract, &document, None)?.iter().map(|event| event.body.to_string()).collect();
                draw::print(&(lines.join("\n") + "\n"));
                continue;
            }
            let mut history = super::shared::open(&workspace, unkept)?;
            let interval = document.interval.as_ref().map(|interval| format!("{}/{}", interval.start, interval.end)).unwrap_or_default();
            let of = RunKey { run: format!("openlineage {}", document.run), contract: contract.contract.value.clone(), interval };
            for (state, emitted) in emitted(&workspace, &contract, &document, &mut history, &of, None, Timestamp::now())? {
                match emitted {
                    Emitted::Taken if !look.quiet => draw::print(&format!("{}: {state} sent\n", of.contract)),
                    Emitted::Taken | Emitted::Before => {}
                    Emitted::Failed(why) => {
                        draw::say(&format!("! {}: {state} was not taken: {why}; it is tried again next time", of.contract));
                        exit_code = if exit_code == 2 { 2 } else { 3 };
                    }
                }
            }
        }
        Ok(exit_code)
    }
}

/// Sends what a decision is as run events, each once, and keeps that in the history as steps of the run `of`: what this command and `run` share. Nothing where
/// presscheck.yml names no place for them. `began` is when the run began, where that is known.
pub(super) fn emitted(
    workspace: &Workspace,
    contract: &Contract,
    document: &Document,
    history: &mut History,
    of: &RunKey,
    began: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<(&'static str, Emitted)>, Stopped> {
    let Some(to) = &workspace.settings.openlineage else { return Ok(Vec::new()) };
    let events = events(workspace, contract, document, began)?;
    let env = |name: &str| std::env::var(name).ok();
    let wire = Wire { env: &env, mail: None, at: now };
    let emitted = openlineage::emit(history, of, &events, to, &workspace.root, &wire).map_err(unkept)?;
    Ok(events.iter().map(|event| event.state).zip(emitted).collect())
}

fn events(workspace: &Workspace, contract: &Contract, document: &Document, began: Option<Timestamp>) -> Result<[Event; 2], Stopped> {
    let bytes = workspace.manifest_bytes().map_err(Stopped::from)?;
    let project = crate::dbt::manifest::read(&bytes, &workspace.manifest)?;
    Ok(openlineage::events(document, &names(workspace, contract, &project, began)))
}

fn names(workspace: &Workspace, contract: &Contract, project: &Project, began: Option<Timestamp>) -> Names {
    let own = workspace.settings.openlineage.as_ref().and_then(|settings| settings.namespace.as_ref()).map(|name| name.value.clone());
    let adapter = Some(project.adapter.clone()).filter(|adapter| !adapter.is_empty());
    let relation = |node: &crate::dbt::Node| {
        let parts = [node.database.as_deref(), Some(node.schema.as_str()), Some(node.identifier.as_str())];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
    };
    let column = |(id, metric): (&crate::diagnostic::At<String>, &contract::Metric)| {
        let (relation, column) = metric.column.as_ref()?.rsplit_once('.')?;
        Some((id.value.clone(), (relation.to_owned(), column.to_owned())))
    };
    Names {
        namespace: own.or(adapter).unwrap_or_else(|| "dbt".to_owned()),
        relations: project.nodes.values().map(|node| (node.spoken_name(), relation(node))).collect::<BTreeMap<_, _>>(),
        columns: contract.metrics.iter().filter_map(column).collect(),
        began,
    }
}

fn settings(workspace: &Workspace) -> Result<(), Stopped> {
    let file = workspace.root.join("presscheck.yml");
    let wrong = |why: &str| Stopped::usage(Finding::error(codes::UNKNOWN_ROUTE, format!("`openlineage`: {why}")).in_file(&file));
    match &workspace.settings.openlineage {
        None => Err(wrong("presscheck.yml names no place for events")),
        Some(settings) => settings.fault().map_or(Ok(()), |why| Err(wrong(why))),
    }
}

fn unkept(why: String) -> Stopped {
    Stopped::unreadable(Finding::error(codes::UNTOLD, why).help("no event was sent"))
}
