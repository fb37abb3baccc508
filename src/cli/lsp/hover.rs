//! What the word under the cursor means: a metric with its lineage and last verdict, a model or a column with its lineage, a check, a rule.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::lineage::targets;
use super::super::load::Loaded;
use super::super::{prepare, store};
use crate::contract::Contract;
use crate::dbt::{Node, NodeKind};
use crate::decide::Verdict;
use crate::diagnostic::codes;
use crate::lineage::NodeIndex;
use crate::lineage::picture::{View, tree};
use crate::macros::Macros;
use crate::output;
use crate::plan;
use crate::record::Document;

/// Steps upstream in a hover.
const DEPTH: usize = 3;
/// Lines of lineage in a hover.
const LINES: usize = 24;

/// The word at a byte: letters, digits, `_` and `.`, and where it begins and ends.
pub(super) fn word(text: &str, offset: usize) -> Option<(usize, usize)> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let from = text[..at].char_indices().rev().take_while(|(_, c)| part(*c)).last().map_or(at, |(start, _)| start);
    let to = text[at..].char_indices().find(|(_, c)| !part(*c)).map_or(text.len(), |(end, _)| at + end);
    let word = text.get(from..to)?.trim_end_matches('.');
    (!word.is_empty()).then_some((from, from + word.len()))
}

/// What is said of a word, as Markdown; nothing where it means nothing here.
pub(super) fn about(word: &str, loaded: Option<(&Loaded, &Macros)>, contract: Option<&Contract>) -> Option<String> {
    if let Some(code) = codes::ALL.iter().find(|code| code.code == word) {
        return Some(fenced("text", &output::rule(code)));
    }
    if let Some(contract) = contract {
        if contract.metrics.keys().any(|id| id.value == word) {
            return Some(metric(word, loaded, contract));
        }
        let named = |check: &&crate::diagnostic::At<crate::check::Spec>| check.kind().common().name.is_some_and(|name| name.value == word);
        if let Some(check) = contract.checks.iter().find(named) {
            let title = check.kind().common().title.map_or_else(|| word.to_owned(), |title| title.value);
            return Some(format!("**{}** (check `{}`)", escaped(&title), word));
        }
    }
    let (loaded, _) = loaded?;
    let project = &loaded.project;
    let node = project.find(word).or_else(|| project.find(word.rsplit_once('.')?.0))?;
    let targets = targets::node_targets(loaded, word).ok().flatten()?;
    let kind = match node.kind {
        NodeKind::Model => "model",
        NodeKind::Seed => "seed",
        NodeKind::Snapshot => "snapshot",
        NodeKind::Source => "source",
    };
    let column = word.rsplit_once('.').filter(|_| project.find(word).is_none()).map(|(_, column)| column.to_lowercase());
    let of = column.as_deref().and_then(|column| node.column_types.get(column)).map(|kind| format!(" `{kind}`")).unwrap_or_default();
    let head = format!("**{}**{of} ({kind}, {})", escaped(word), escaped(&node.path.display().to_string()));
    Some(format!("{head}\n\n{}", lineage(loaded, &targets, &BTreeMap::new(), if column.is_some() { DEPTH } else { 1 })))
}

fn metric(id: &str, loaded: Option<(&Loaded, &Macros)>, contract: &Contract) -> String {
    let Some(metric) = contract.metrics.iter().find(|(key, _)| key.value == id).map(|(_, metric)| metric) else { return String::new() };
    let title = metric.title.as_ref().map_or(id, |title| title.as_str());
    let mut said = vec![format!("**{}** (metric `{id}`)", escaped(title))];
    said.extend(metric.meaning.as_ref().map(|meaning| escaped(meaning.trim())));
    let Some((loaded, macros)) = loaded else { return said.join("\n\n") };
    said.push(verdict(loaded, contract, id));
    let interval = contract.schedule.as_ref().and_then(|schedule| prepare::interval(schedule, Timestamp::now()).ok());
    let options = plan::Options { interval, selection: None, macros, given: plan::Given::default() };
    match plan::watch(contract, &loaded.project, &loaded.lineage, &options) {
        Ok(watch) => match watch.metrics.iter().find(|(key, _)| key == id) {
            Some((_, Ok(targets))) => said.push(lineage(loaded, targets, &watch.guards(), DEPTH)),
            Some((_, Err(why))) => said.push(format!("Its lineage is not known: {}", escaped(why))),
            None => {}
        },
        Err(_) => said.push("Its lineage is shown when the contract has no faults.".to_owned()),
    }
    said.join("\n\n")
}

/// What was last decided, from the stored decision; it says nothing of today.
fn verdict(loaded: &Loaded, contract: &Contract, id: &str) -> String {
    let file = store::path(&loaded.workspace.target, &contract.contract);
    let Ok(text) = store::read(&file) else { return "Not decided yet: `presscheck check`".to_owned() };
    let document: Option<Document> = serde_json::from_str(&text).ok().filter(Document::is_itself);
    let Some(document) = document else { return "The stored decision cannot be read: `presscheck check` decides anew".to_owned() };
    let Some(metric) = document.metrics.iter().find(|metric| metric.id == id) else {
        return "Not in the last decision: `presscheck check` decides anew".to_owned();
    };
    let rehearsal = if document.rehearsal { ", a rehearsal" } else { "" };
    let word = match metric.verdict {
        Verdict::Publish => "publish",
        Verdict::Warn => "warn",
        Verdict::Hold => "hold",
    };
    format!("Last verdict: **{word}**, decided {}{rehearsal}. {}", document.decided_at, escaped(&metric.sentence))
}

fn lineage(loaded: &Loaded, targets: &[NodeIndex], guards: &BTreeMap<NodeIndex, Vec<String>>, depth: usize) -> String {
    let names = |id: &str| loaded.name(id);
    let guarded = |index: NodeIndex| guards.get(&index).cloned().unwrap_or_default();
    let drawn = tree(&View::new(&loaded.lineage.graph, targets, &names, &guarded, depth));
    let mut lines: Vec<&str> = drawn.lines().collect();
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines.push("...");
    }
    fenced("text", &lines.join("\n"))
}

/// Text that cannot end its own fence.
fn fenced(language: &str, text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

/// Text that an editor shows as it is: no links, no pictures, no HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]<>()#!|&~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(if c == '\n' { ' ' } else { c });
    }
    escaped
}

/// The file of a node, where it lies in the project, and the line (from 0) on which `model.column` or the table is written first.
pub(super) fn written(word: &str, loaded: &Loaded) -> Option<(PathBuf, u32)> {
    let project = &loaded.project;
    let (node, wanted) = match project.find(word) {
        Some(node) => (node, (node.kind == NodeKind::Source).then(|| node.name.clone())),
        None => word.rsplit_once('.').and_then(|(relation, column)| Some((project.find(relation)?, Some(column.to_owned()))))?,
    };
    let file = file(node, &project.name, &loaded.workspace.root)?;
    let text = std::fs::read_to_string(&file).ok()?;
    let line = wanted.and_then(|wanted| {
        let is_word = |line: &str| line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|part| part.eq_ignore_ascii_case(&wanted));
        text.lines().position(is_word)
    });
    Some((file, u32::try_from(line.unwrap_or(0)).unwrap_or(0)))
}

/// A manifest may name any path; only files of the project are opened.
fn file(node: &Node, own: &str, root: &Path) -> Option<PathBuf> {
    let folder = if node.package == own { root.to_path_buf() } else { root.join("dbt_packages").join(&node.package) };
    let file = folder.join(&node.path).canonicalize().ok()?;
    file.starts_with(root.canonicalize().ok()?).then_some(file)
}
