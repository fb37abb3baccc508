//! What may stand at the cursor: names of the project and of the contract itself, and the keys and words of the language, read from its JSON Schema.

use std::collections::BTreeMap;

use lsp_types::{CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, Range, TextEdit};
use serde_json::Value;

use super::super::load::Loaded;
use super::cursor::Cursor;
use crate::contract::{self, Contract};
use crate::dbt::NodeKind;

/// More than this many are no help; who types a letter more sees the rest.
const MOST: usize = 500;

/// Something that may stand there.
struct Offer {
    text: String,
    about: String,
    kind: CompletionItemKind,
}

/// Everything that may stand where the cursor is; `range` is what is typed so far.
pub(super) fn items(cursor: &Cursor, loaded: Option<&Loaded>, contract: Option<&Contract>, range: Range) -> (Vec<CompletionItem>, bool) {
    let mut offers = if cursor.value { values(cursor, loaded, contract) } else { metric_keys(cursor, contract) };
    let own = loaded.map(|loaded| loaded.kinds.clone()).unwrap_or_default();
    let schema = contract::json_schema_with(&own);
    for part in parts(&schema, &cursor.keys) {
        if cursor.value { words(&schema, part, &mut offers) } else { keys(&schema, part, &mut offers) }
    }
    let typed = cursor.typed.to_lowercase();
    offers.retain(|offer| offer.text.to_lowercase().contains(&typed));
    offers.sort_by_key(|offer| (!offer.text.to_lowercase().starts_with(&typed), offer.text.clone()));
    offers.dedup_by(|a, b| a.text == b.text);
    let cut = offers.len() > MOST;
    offers.truncate(MOST);
    let item = |(number, offer): (usize, Offer)| CompletionItem {
        label: offer.text.trim_end_matches([':', ' ']).to_owned(),
        kind: Some(offer.kind),
        documentation: Some(offer.about).filter(|about| !about.is_empty()).map(Documentation::String),
        sort_text: Some(format!("{number:04}")),
        filter_text: Some(offer.text.clone()),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: offer.text })),
        ..CompletionItem::default()
    };
    (offers.into_iter().enumerate().map(item).collect(), cut)
}

/// Names that the value of a key may be.
fn values(cursor: &Cursor, loaded: Option<&Loaded>, contract: Option<&Contract>) -> Vec<Offer> {
    let Some(key) = cursor.keys.last() else { return Vec::new() };
    let within = |section: &str| cursor.keys.first().is_some_and(|first| first == section);
    match (key.as_str(), loaded) {
        ("column" | "columns" | "subject", Some(loaded)) => columns(&cursor.typed, loaded),
        ("model" | "relation" | "to" | "from", Some(loaded)) => relations(loaded, |_| true),
        ("source", Some(loaded)) => relations(loaded, |kind| kind == NodeKind::Source),
        ("exposure", Some(loaded)) => {
            let exposures = loaded.project.exposures.values();
            exposures.map(|exposure| offer(&exposure.name, "an exposure of dbt".to_owned(), CompletionItemKind::REFERENCE)).collect()
        }
        ("metric", Some(loaded)) if within("metrics") => {
            let metrics = loaded.project.metrics.values();
            metrics
                .map(|metric| offer(&metric.name, "a metric of dbt's semantic layer".to_owned(), CompletionItemKind::REFERENCE))
                .collect()
        }
        ("metric" | "affects" | "affects_only", _) => metrics(contract, ""),
        ("check", _) => checks(contract),
        _ => Vec::new(),
    }
}

/// `severity_for` has the contract's metrics as keys.
fn metric_keys(cursor: &Cursor, contract: Option<&Contract>) -> Vec<Offer> {
    if cursor.keys.last().is_some_and(|key| key == "severity_for") { metrics(contract, ": ") } else { Vec::new() }
}

fn offer(text: &str, about: String, kind: CompletionItemKind) -> Offer {
    Offer { text: text.to_owned(), about, kind }
}

fn metrics(contract: Option<&Contract>, behind: &str) -> Vec<Offer> {
    let metrics = contract.into_iter().flat_map(|contract| &contract.metrics);
    let about = |metric: &contract::Metric| metric.title.as_ref().map_or("a metric of this contract", |title| title.as_str()).to_owned();
    metrics.map(|(id, metric)| offer(&format!("{}{behind}", id.value), about(metric), CompletionItemKind::VALUE)).collect()
}

fn checks(contract: Option<&Contract>) -> Vec<Offer> {
    let Some(contract) = contract else { return Vec::new() };
    let name = |check: &crate::diagnostic::At<crate::check::Spec>| {
        let name = check.kind().common().name?;
        Some(offer(&name.value, "a check of this contract".to_owned(), CompletionItemKind::VALUE))
    };
    contract.checks.iter().filter_map(name).collect()
}

fn relations(loaded: &Loaded, wanted: impl Fn(NodeKind) -> bool) -> Vec<Offer> {
    let nodes = loaded.project.nodes.values().filter(|node| wanted(node.kind));
    let about = |node: &crate::dbt::Node| format!("{} in {}", node.identifier, node.path.display());
    nodes.map(|node| offer(&node.spoken_name(), about(node), CompletionItemKind::MODULE)).collect()
}

/// `model.column`: first the model, then its columns.
fn columns(typed: &str, loaded: &Loaded) -> Vec<Offer> {
    let mut found = relations(loaded, |_| true);
    let relation = typed.rsplit_once('.').and_then(|(relation, _)| Some((relation, loaded.project.find(relation)?)));
    if let Some((written, node)) = relation
        && let Some(columns) = loaded.lineage.columns.get(&node.unique_id)
    {
        let kind = |column: &str| node.column_types.get(&column.to_lowercase()).cloned().unwrap_or_default();
        found.extend(columns.names.iter().map(|name| offer(&format!("{written}.{name}"), kind(name), CompletionItemKind::FIELD)));
    }
    found
}

/// The parts of the schema that describe what stands below these keys; several, where the language leaves a choice.
fn parts<'s>(schema: &'s Value, keys: &[String]) -> Vec<&'s Value> {
    let mut here = choices(schema, schema);
    for key in keys {
        let below = here.iter().filter_map(|part| {
            let properties = part.get("properties").and_then(|properties| properties.get(key));
            properties.or_else(|| part.get("additionalProperties").filter(|rest| rest.is_object()))
        });
        here = below.flat_map(|part| choices(schema, part)).collect();
    }
    here
}

/// A part with everything that it refers to, offers or repeats.
fn choices<'s>(schema: &'s Value, part: &'s Value) -> Vec<&'s Value> {
    let (mut found, mut ahead): (Vec<&'s Value>, Vec<&'s Value>) = (Vec::new(), vec![part]);
    while let Some(part) = ahead.pop() {
        // A schema that refers to itself does not go on for ever.
        if found.len() > MOST || found.iter().any(|known| std::ptr::eq(*known, part)) {
            continue;
        }
        found.push(part);
        let referred = part.get("$ref").and_then(Value::as_str).and_then(|reference| schema.pointer(reference.strip_prefix('#')?));
        let several = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|word| part.get(word)?.as_array()).flatten();
        ahead.extend(referred.into_iter().chain(several).chain(part.get("items")));
    }
    found
}

/// The keys of a mapping.
fn keys(schema: &Value, part: &Value, offers: &mut Vec<Offer>) {
    let none = serde_json::Map::new();
    let properties = part.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let found: BTreeMap<&String, &Value> = properties.iter().collect();
    offers.extend(found.into_iter().map(|(key, about)| {
        let said = choices(schema, about).into_iter().find_map(|part| part.get("description")?.as_str()).unwrap_or_default();
        let whole = part.get("description").and_then(Value::as_str).filter(|_| properties.len() == 1);
        offer(&format!("{key}: "), whole.unwrap_or(said).to_owned(), CompletionItemKind::PROPERTY)
    }));
}

/// The words that a value may be; of a list of mappings the keys that begin an item.
fn words(schema: &Value, part: &Value, offers: &mut Vec<Offer>) {
    let about = part.get("description").and_then(Value::as_str).unwrap_or_default();
    let listed = part.get("enum").and_then(Value::as_array).into_iter().flatten();
    let words = listed.chain(part.get("const")).filter_map(Value::as_str);
    offers.extend(words.map(|word| offer(word, about.to_owned(), CompletionItemKind::ENUM_MEMBER)));
    keys(schema, part, offers);
}
