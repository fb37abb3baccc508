//! A first contract from what dbt already knows: exposure, owner, columns, sources, tests. Text out; a person finishes it.
//!
//! What is written lints clean: where the rules have advice that only a person can follow, the line says so. Not for judging contracts, see
//! [`crate::lint`]; nor for writing files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::contract::{self, Contract};
use crate::dbt::{Exposure, Node, NodeKind};
use crate::diagnostic::{Finding, Level};
use crate::lint::{self, Ignores, Surroundings};
use crate::plan;

/// What a contract is begun for.
#[derive(Debug, Clone, Copy)]
pub enum Report<'a> {
    /// A dbt exposure.
    Exposure(&'a Exposure),
    /// A model that is shown, without an exposure.
    Model(&'a Node),
}

/// Types of columns that are numbers, as warehouses call them.
const NUMBERS: &[&str] = &["int", "dec", "num", "float", "double", "real", "money", "serial"];
/// Endings of names that are keys or moments, where no type is known.
const NO_NUMBERS: &[&str] = &["id", "key", "date", "day", "week", "month", "year", "at", "name", "type", "status", "code", "sku"];

/// `presscheck.yml`, with what it can say.
pub const SETTINGS: &str = "\
# Settings of presscheck. Everything has a default, so this file may be removed.
contracts: [contracts]                # folders with contracts
# macros: [contracts/macros]          # folders with the project's own check templates
# timeouts: {statement: 5m, run: 30m}
# The profile and its target are dbt's own; connections, routes and history: presscheck schema --of settings
";

/// The text of a first contract.
///
/// # Errors
/// Nothing that the report shows can be a metric.
pub fn contract(report: Report<'_>, around: &Surroundings<'_>) -> Result<String, String> {
    let metrics = metrics(report, around);
    if metrics.is_empty() {
        return Err("it shows no column and no metric of dbt that could be a metric of a contract".to_owned());
    }
    let bare = text(report, around, &metrics, &[]);
    let sources = sources(&bare, around);
    Ok(settled(text(report, around, &metrics, &sources), around))
}

/// A contract that lints clean: advice that only a person can follow is set aside in its line. Errors stay.
pub fn settled(mut written: String, around: &Surroundings<'_>) -> String {
    // Each round sets aside what is advised; a finding that moves would come again, so the rounds are few.
    for _ in 0..3 {
        let open = open(&written, around);
        if open.is_empty() {
            break;
        }
        written = set_aside(&written, &open);
    }
    written
}

/// The columns and metrics that the report shows: key, and the lines below it.
fn metrics(report: Report<'_>, around: &Surroundings<'_>) -> BTreeMap<String, String> {
    let project = around.project;
    let shown: Vec<&str> = match report {
        Report::Exposure(exposure) => exposure.depends_on.iter().map(String::as_str).collect(),
        Report::Model(model) => vec![model.unique_id.as_str()],
    };
    let mut found = BTreeMap::new();
    for metric in shown.iter().filter_map(|id| project.metrics.get(*id)) {
        let title = metric.label.clone().unwrap_or_else(|| spoken(&metric.name));
        let line = format!("    title: {}\n    metric: {}\n", scalar(&title), scalar(&metric.name));
        found.insert(identifier(&metric.name), line);
    }
    for node in shown.iter().filter_map(|id| project.nodes.get(*id)).filter(|node| node.kind != NodeKind::Source) {
        let Some(columns) = around.lineage.columns.get(&node.unique_id) else { continue };
        let types: BTreeMap<String, &str> = node
            .columns
            .iter()
            .chain(node.catalog_columns.iter().flatten())
            .filter_map(|column| Some((column.name.to_lowercase(), column.data_type.as_deref()?)))
            .collect();
        let plain = |name: &&String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let number = |name: &&String| match types.get(&name.to_lowercase()) {
            Some(written) => NUMBERS.iter().any(|number| written.to_lowercase().contains(number)) && !is_key(name),
            None => !NO_NUMBERS.iter().any(|ending| name.to_lowercase().split('_').next_back() == Some(*ending)),
        };
        for name in columns.names.iter().filter(plain).filter(number) {
            let line = format!("    title: {}\n    column: {}.{name}\n", scalar(&spoken(name)), node.spoken_name());
            let key = identifier(name);
            let key = if found.contains_key(&key) { identifier(&format!("{}_{name}", node.name)) } else { key };
            found.insert(key, line);
        }
    }
    found
}

fn is_key(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "id" || name.ends_with("_id") || name.ends_with("_key")
}

/// The sources that the metrics of a contract stand on, by name.
fn sources(text: &str, around: &Surroundings<'_>) -> Vec<String> {
    let Some(contract) = read(text).value else { return Vec::new() };
    let options = plan::Options { interval: None, selection: None, macros: around.macros, given: plan::Given::default() };
    let targets = plan::targets(&contract, around.project, around.lineage, &options);
    let graph = &around.lineage.graph;
    let targets: Vec<_> = targets.into_iter().flat_map(|(_, targets)| targets.unwrap_or_default()).collect();
    let relations: BTreeSet<&str> = graph.upstream_of(&targets, false).keys().map(|index| &*graph.at(*index).relation).collect();
    let nodes = relations.into_iter().filter_map(|id| around.project.nodes.get(id));
    nodes.filter(|node| node.kind == NodeKind::Source).map(Node::spoken_name).collect()
}

/// The file, before advice is set aside.
fn text(report: Report<'_>, around: &Surroundings<'_>, metrics: &BTreeMap<String, String>, sources: &[String]) -> String {
    let (name, title, exposure, owner) = match report {
        Report::Exposure(exposure) => {
            let owner = (exposure.owner_name.clone(), exposure.owner_email.clone());
            (exposure.name.as_str(), exposure.label.clone(), Some(exposure.name.as_str()), owner)
        }
        Report::Model(model) => (model.name.as_str(), None, None, (None, None)),
    };
    let title = title.unwrap_or_else(|| spoken(name));
    let mut out = format!(
        "# A first contract, written by `presscheck init` from what dbt knows. Lines with TODO are for a person to decide.\n\
         version: 1\ncontract: {}\ntitle: {}\n",
        identifier(name),
        scalar(&title)
    );
    if let Some(exposure) = exposure {
        out += &format!("exposure: {}\n", scalar(exposure));
    }
    out += "# TODO: the promise, in the words of its readers\n# promise: By 12:00 every Monday, leadership sees complete numbers through Sunday.\n";
    out += "\nowners:\n";
    match &owner {
        (None, None) => out += "  technical: {team: TODO}              # TODO: who mends it\n",
        (team, contact) => {
            let team = team.clone().or_else(|| contact.clone()).unwrap_or_default();
            let contact = contact.as_ref().map_or_else(String::new, |contact| format!(", contact: {}", quoted(contact)));
            out += &format!("  business: {{team: {}{contact}}}    # the exposure's owner in dbt\n", quoted(&team));
            out += "  # technical: {team: Analytics, contact: data@company.example}    # TODO: who mends it\n";
        }
    }
    out += "\n# TODO: what one run covers, and the latest safe publication time\n\
            # schedule: {interval: week, starts: monday, timezone: Europe/London, ready_by: monday 12:00}\n";
    if !sources.is_empty() {
        out += "\nsources:                                 # what the metrics stand on; freshness comes from dbt unless said here\n";
        for source in sources {
            out += &format!("  - source: {}\n", scalar(source));
        }
    }
    out += "\nmetrics:                                 # TODO: keep those that the report shows\n";
    for (key, lines) in metrics {
        out += &format!("  {key}:\n{lines}");
    }
    out += "\nchecks:\n  - dbt_tests: {select: upstream}        # every dbt test upstream of a metric\n";
    for model in models(report, around) {
        out += &format!("  - row_count: {{model: {model}, between: {{min: 1}}}}    # TODO: the fewest rows that can be right\n");
    }
    out
}

/// The models that the report shows and that are tables or views.
fn models(report: Report<'_>, around: &Surroundings<'_>) -> Vec<String> {
    let shown: Vec<&Node> = match report {
        Report::Exposure(exposure) => exposure.depends_on.iter().filter_map(|id| around.project.nodes.get(id)).collect(),
        Report::Model(model) => vec![model],
    };
    let checked = shown.into_iter().filter(|node| node.kind != NodeKind::Source && node.relation_name.is_some());
    checked.map(Node::spoken_name).collect()
}

/// What lint still says of the text.
fn open(text: &str, around: &Surroundings<'_>) -> Vec<Finding> {
    let read = read(text);
    let mut found = read.findings;
    if let Some(contract) = &read.value {
        found.extend(lint::references(contract, around.project, around.lineage));
        found.extend(lint::advice(contract, around, &found));
    }
    let left = Ignores::of(text, Path::new("contract.yml")).apply(found);
    left.into_iter().filter(|finding| finding.level < Level::Error && finding.span.is_some()).collect()
}

fn read(text: &str) -> crate::yaml::Read<Contract> {
    contract::parse(text, Path::new("contract.yml"))
}

/// The text with a comment before each line of which something is advised.
fn set_aside(text: &str, open: &[Finding]) -> String {
    let mut by_line: BTreeMap<usize, BTreeMap<&str, String>> = BTreeMap::new();
    for finding in open {
        let line = finding.span.and_then(|span| usize::try_from(span.line).ok()).unwrap_or_default();
        by_line.entry(line).or_default().insert(finding.code, finding.message.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let mut out = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let indent = &line[..line.len() - line.trim_start().len()];
        for (code, message) in by_line.get(&number).into_iter().flatten() {
            out += &format!("{indent}# presscheck: ignore {code} because TODO: {message}\n");
        }
        out += line;
        out.push('\n');
    }
    out
}

/// `gross_revenue` as people say it: `Gross revenue`.
fn spoken(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.trim().chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A well-formed name.
fn identifier(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) || plain.is_empty() { format!("_{plain}") } else { plain }
}

/// Text as a YAML scalar: plain where nothing in it can mean anything else.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain) && text.trim() == text;
    let reserved = ["true", "false", "null"].contains(&text.to_lowercase().as_str());
    if word && !reserved { text.to_owned() } else { quoted(text) }
}

/// Text in double quotes. Texts of a contract are shown as they are written, so a template in one is taken apart.
fn quoted(text: &str) -> String {
    let text = text.replace("{{", "{ {").replace("{%", "{ %");
    serde_json::Value::String(text).to_string()
}
