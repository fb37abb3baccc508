//! What an editor has open, and the projects around it, read once and again when their files change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use lsp_server::Notification;
use lsp_types::notification::{DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _, PublishDiagnostics};
use lsp_types::{
    Diagnostic, DiagnosticSeverity, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, NumberOrString,
    PublishDiagnosticsParams, Uri,
};

use super::super::arguments::Place;
use super::super::load::{self, Loaded};
use super::super::{draw, lint};
use super::place;
use crate::contract::{self, Contract};
use crate::diagnostic::{Finding, Level, codes};
use crate::macros::Macros;
use crate::project::{Settings, TextFile, Workspace};

/// A text that is open.
pub(super) struct Open {
    pub(super) uri: Uri,
    pub(super) path: PathBuf,
    pub(super) version: i32,
    pub(super) text: String,
    /// What it was when it last could be read: names of metrics and checks are wanted most while a line is half written.
    pub(super) contract: Option<Contract>,
    /// What was last said of it.
    pub(super) findings: Vec<Finding>,
}

/// A file and what it was when it was read.
type Stamp = (PathBuf, Option<(SystemTime, u64)>);

/// A project that was read, or why it cannot be.
struct Known {
    stamps: Vec<Stamp>,
    read: Result<(Loaded, Macros), Vec<Finding>>,
}

/// One editor.
pub(super) struct Session {
    place: Place,
    open: BTreeMap<String, Open>,
    projects: BTreeMap<PathBuf, Known>,
    /// What their files give where there is no manifest, until something is saved: a walk through all of a project is no work for a keystroke.
    unparsed: BTreeMap<PathBuf, lint::Unparsed>,
    /// What changed since it was last looked at.
    changed: BTreeSet<String>,
    closed: Vec<Uri>,
}

impl Session {
    pub(super) fn new(place: Place) -> Session {
        Session {
            place,
            open: BTreeMap::new(),
            projects: BTreeMap::new(),
            unparsed: BTreeMap::new(),
            changed: BTreeSet::new(),
            closed: Vec::new(),
        }
    }

    /// Takes in what the editor says; what is not understood is left alone, as the protocol wants it.
    pub(super) fn notice(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            DidOpenTextDocument::METHOD => {
                let Ok(DidOpenTextDocumentParams { text_document: it }) = serde_json::from_value(params) else { return };
                self.keep(it.uri, it.version, it.text);
            }
            DidChangeTextDocument::METHOD => {
                let Ok(told) = serde_json::from_value::<DidChangeTextDocumentParams>(params) else { return };
                let Some(change) = told.content_changes.into_iter().next_back() else { return };
                self.keep(told.text_document.uri, told.text_document.version, change.text);
            }
            DidCloseTextDocument::METHOD => {
                let Ok(DidCloseTextDocumentParams { text_document: it }) = serde_json::from_value(params) else { return };
                self.open.remove(it.uri.as_str());
                self.changed.remove(it.uri.as_str());
                self.closed.push(it.uri);
            }
            // Something was saved, here or elsewhere: what was read may be old.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.unparsed.clear();
                self.changed.extend(self.open.keys().cloned());
            }
            _ => {}
        }
    }

    fn keep(&mut self, uri: Uri, version: i32, text: String) {
        let Some(path) = place::path(&uri) else { return };
        let key = uri.as_str().to_owned();
        let contract = self.open.remove(&key).and_then(|before| before.contract);
        self.open.insert(key.clone(), Open { uri, path, version, text, contract, findings: Vec::new() });
        self.changed.insert(key);
    }

    /// What is to be said of everything that changed.
    pub(super) fn diagnostics(&mut self) -> Vec<Notification> {
        let mut told: Vec<Notification> = std::mem::take(&mut self.closed).into_iter().map(|uri| publish(uri, None, Vec::new())).collect();
        for key in std::mem::take(&mut self.changed) {
            let Some(mut open) = self.open.remove(&key) else { continue };
            let (findings, contract) = self.look(&open);
            open.findings = findings;
            if contract.is_some() {
                open.contract = contract;
            }
            let shown = open.findings.iter().map(|finding| diagnostic(finding, &open)).collect();
            told.push(publish(open.uri.clone(), Some(open.version), shown));
            self.open.insert(key, open);
        }
        told
    }

    /// Everything that `lint` would say of the text as it stands in the editor.
    fn look(&mut self, open: &Open) -> (Vec<Finding>, Option<Contract>) {
        let Some(root) = self.root(&open.path) else { return (Vec::new(), None) };
        if open.path == root.join("presscheck.yml") {
            return (crate::yaml::read::<Settings>(&open.text, &open.path).findings, None);
        }
        let place = self.place_of(&root);
        let workspace = match load::workspace(&place) {
            Ok((workspace, _)) => workspace,
            Err(stopped) => return (stopped.findings, None),
        };
        if !is_contract(&workspace, &root, &open.path) {
            return (Vec::new(), None);
        }
        let file = TextFile { path: open.path.clone(), text: open.text.clone() };
        let (mut found, contract) = match &self.project(&root).read {
            Ok((loaded, macros)) => {
                let one = load::read_contract(loaded, file);
                (lint::findings_of(loaded, macros, &one, Timestamp::now()), one.contract)
            }
            Err(why) => {
                let why = why.clone();
                let unparsed = self.unparsed.entry(root.clone()).or_insert_with(|| lint::Unparsed::of(&place));
                let (mut found, contract) = unparsed.findings(&file);
                found.extend(why.iter().map(|finding| {
                    let absent = finding.code == codes::NO_ARTIFACT;
                    let level = if absent { Level::Warning } else { finding.level };
                    let less = if absent { unparsed.notes().join("; ") } else { "names and lineage are not checked".to_owned() };
                    Finding { level, message: format!("{less}: {}", finding.message), ..finding.clone() }
                }));
                (found, contract)
            }
        };
        if let Some(contract) = &contract {
            found.extend(self.name_taken(&workspace, &root, open, contract));
        }
        (found, contract)
    }

    /// As `lint` says it: an earlier contract file has the name, as it stands in the editor or on disk.
    fn name_taken(&self, workspace: &Workspace, root: &Path, open: &Open, contract: &Contract) -> Option<Finding> {
        let own = open.path.canonicalize().unwrap_or_else(|_| open.path.clone());
        for file in workspace.contracts(&[]).unwrap_or_default() {
            let path = file.path.canonicalize().unwrap_or(file.path);
            // Only the later of two is wrong.
            if path >= own {
                continue;
            }
            let text = self.open.values().find(|other| other.path == path).map_or(file.text, |other| other.text.clone());
            let named = |read: crate::yaml::Read<Contract>| read.value.is_some_and(|other| other.contract.value == contract.contract.value);
            if text.contains(&contract.contract.value) && named(contract::parse(&text, &path)) {
                let shown = path.strip_prefix(root).unwrap_or(&path);
                return Some(load::name_taken(&contract.contract, &open.path, shown));
            }
        }
        None
    }

    /// The dbt project around a file.
    pub(super) fn root(&self, path: &Path) -> Option<PathBuf> {
        if let Some(told) = &self.place.project_dir {
            return told.canonicalize().ok();
        }
        path.ancestors().skip(1).find(|folder| folder.join("dbt_project.yml").is_file()).map(Path::to_path_buf)
    }

    fn place_of(&self, root: &Path) -> Place {
        Place { project_dir: Some(root.to_path_buf()), ..self.place.clone() }
    }

    /// The project, read anew when a file of it changed.
    fn project(&mut self, root: &Path) -> &Known {
        let fresh = self
            .projects
            .get(root)
            .is_some_and(|known| known.read.is_ok() && known.stamps.iter().all(|(path, stamp)| *stamp == stamped(path)));
        if !fresh {
            let place = self.place_of(root);
            let read = Loaded::new(&place, &draw::Look::silent())
                .and_then(|loaded| load::macros(&loaded).map(|macros| (loaded, macros)))
                .map_err(|stopped| stopped.findings);
            let stamps = read.as_ref().map(|(loaded, _)| watched(loaded, root)).unwrap_or_default();
            self.projects.insert(root.to_path_buf(), Known { stamps, read });
        }
        &self.projects[root]
    }

    /// The open text of a URI with what is known of the project around it.
    pub(super) fn find(&mut self, uri: &Uri) -> Option<(&Open, Option<&(Loaded, Macros)>)> {
        let path = self.open.get(uri.as_str())?.path.clone();
        if let Some(root) = self.root(&path) {
            self.project(&root);
            let known = self.projects.get(&root).and_then(|known| known.read.as_ref().ok());
            return Some((self.open.get(uri.as_str())?, known));
        }
        Some((self.open.get(uri.as_str())?, None))
    }
}

/// Whether a file is one that `lint` reads as a contract.
fn is_contract(workspace: &Workspace, root: &Path, path: &Path) -> bool {
    let ending = path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
    let plain = path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with(['_', '.']));
    let folders = || workspace.settings.contracts.iter().map(|folder| root.join(&folder.value));
    ending && plain && folders().any(|folder| path.parent() == Some(folder.as_path()))
}

fn stamped(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// Everything that was read, and what would have been if it were there.
fn watched(loaded: &Loaded, root: &Path) -> Vec<Stamp> {
    let workspace = &loaded.workspace;
    let named = ["dbt_project.yml", "presscheck.yml", "vars.yml"].into_iter().map(|name| root.join(name));
    let artifacts = [workspace.manifest.clone(), workspace.target.join("catalog.json")];
    let folders = workspace.settings.macros.iter().map(|folder| root.join(&folder.value));
    let templates = loaded.templates.iter().map(|(path, _)| path.clone());
    named.chain(artifacts).chain(folders).chain(templates).map(|path| (path.clone(), stamped(&path))).collect()
}

fn publish(uri: Uri, version: Option<i32>, diagnostics: Vec<Diagnostic>) -> Notification {
    Notification::new(PublishDiagnostics::METHOD.to_owned(), PublishDiagnosticsParams { uri, diagnostics, version })
}

fn diagnostic(finding: &Finding, open: &Open) -> Diagnostic {
    let here = finding.file.as_deref().is_none_or(|file| file == open.path);
    let elsewhere = finding.file.as_deref().filter(|_| !here).map(|file| format!("{}: ", file.display())).unwrap_or_default();
    let help = finding.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    Diagnostic {
        range: place::of_span(&open.text, finding.span.filter(|_| here)),
        severity: Some(match finding.level {
            Level::Error => DiagnosticSeverity::ERROR,
            Level::Warning => DiagnosticSeverity::WARNING,
            Level::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(finding.code.to_owned())),
        source: Some("presscheck".to_owned()),
        message: format!("{elsewhere}{}{help}", finding.message),
        ..Diagnostic::default()
    }
}
