//! What later rooms read of a node's config.

use serde_json::{Map, Value};

use super::super::Incremental;
use super::super::json::Strict;
use super::wire;

/// How an incremental model adds to what is there.
pub(super) fn incremental(config: &wire::Config) -> Option<Incremental> {
    let said = |key: &str| config.rest.0.get(key).map(|Strict(value)| value);
    (config.materialized.as_deref() == Some("incremental")).then(|| Incremental {
        has_key: match said("unique_key") {
            None | Some(Value::Null) => false,
            Some(Value::Array(columns)) => !columns.is_empty(),
            Some(key) => key.as_str() != Some(""),
        },
        strategy: said("incremental_strategy").and_then(Value::as_str).map(str::to_owned),
    })
}

/// The config as `config.get` in a template finds it.
pub(super) fn readable(config: &mut wire::Config) -> Map<String, Value> {
    let mut read = wire::object(std::mem::take(&mut config.rest));
    let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
    read.insert("materialized".to_owned(), text(&config.materialized));
    read.insert("group".to_owned(), text(&config.group));
    read.insert("access".to_owned(), text(&config.access));
    read.insert("tags".to_owned(), config.tags.0.clone().into());
    read.insert("enabled".to_owned(), true.into());
    let meta = config.meta.0.iter().map(|(key, Strict(value))| (key.clone(), value.clone()));
    read.insert("meta".to_owned(), Value::Object(meta.collect()));
    read
}
