//! YAML that other programs own (`profiles.yml`, `dbt_project.yml`): any key, merge keys as dbt reads them, but no duplicate keys.

use std::path::Path;

use serde_json::{Map, Number, Value as Json};

use super::tree::{Node, Sort, Value, plant};
use crate::diagnostic::{Finding, codes};

/// Reads `text` as a JSON-like value. The first fault, duplicate keys included, is the answer.
pub fn value(text: &str, file: &Path) -> Result<Json, Finding> {
    let planted = plant(text);
    let fault = planted.findings.into_iter().next();
    let result = match (planted.root, fault) {
        (_, Some(fault)) => Err(fault),
        (Some(root), None) => json(&root),
        (None, None) => Ok(Json::Null),
    };
    result.map_err(|finding| finding.in_file(file))
}

fn json(node: &Node) -> Result<Json, Finding> {
    Ok(match &node.value {
        Value::Scalar { text, sort } => match *sort {
            Sort::Null => Json::Null,
            Sort::Bool(truth) => Json::Bool(truth),
            Sort::Whole(number) => i64::try_from(number)
                .map(Number::from)
                .or_else(|_| u64::try_from(number).map(Number::from))
                .map_or_else(|_| Json::String(text.clone()), Json::Number),
            Sort::Real(number) => Number::from_f64(number).map_or_else(|| Json::String(text.clone()), Json::Number),
            Sort::NotFinite => return Err(Finding::error(codes::NOT_FINITE, format!("`{text}` is not a finite number")).at(node.span)),
            Sort::Text => Json::String(text.clone()),
        },
        Value::List(items) => Json::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Value::Map(entries) => {
            let mut map = Map::new();
            for entry in entries.iter().filter(|entry| !(entry.plain && entry.key == "<<")) {
                map.insert(entry.key.clone(), json(&entry.value)?);
            }
            for entry in entries.iter().filter(|entry| entry.plain && entry.key == "<<") {
                merge(&mut map, json(&entry.value)?, entry)?;
            }
            Json::Object(map)
        }
        Value::Broken => return Err(Finding::error(codes::SYNTAX, "this value is not right").at(node.span)),
    })
}

/// Adds the keys of a merged mapping (or of several, the first first) that are not there yet.
fn merge(into: &mut Map<String, Json>, from: Json, entry: &super::tree::Entry) -> Result<(), Finding> {
    match from {
        Json::Object(map) => {
            for (key, value) in map {
                into.entry(key).or_insert(value);
            }
            Ok(())
        }
        Json::Array(maps) => maps.into_iter().try_for_each(|map| merge(into, map, entry)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            Err(Finding::error(codes::ODD_YAML, "`<<` takes a mapping or a list of mappings").at(entry.key_span))
        }
    }
}
