//! A node's config, and what later rooms read of it.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
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

/// Keys of a config that have a place of their own; the order is that of [`Key::Known`].
const KNOWN: [&str; 18] = [
    "enabled",
    "materialized",
    "tags",
    "meta",
    "group",
    "access",
    "column_types",
    "pre-hook",
    "post-hook",
    "freshness",
    "loaded_at_field",
    "loaded_at_query",
    "severity",
    "warn_if",
    "error_if",
    "fail_calc",
    "where",
    "limit",
];

/// A key of a config.
enum Key {
    /// Position in [`KNOWN`].
    Known(usize),
    Other(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl Visitor<'_> for Keys {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                let known = KNOWN.iter().position(|known| *known == key);
                Ok(known.map_or_else(|| Key::Other(key.to_owned()), Key::Known))
            }
        }
        deserializer.deserialize_str(Keys)
    }
}

impl<'de> Deserialize<'de> for wire::Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Configs;
        impl<'de> Visitor<'de> for Configs {
            type Value = wire::Config;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<wire::Config, A::Error> {
                let (mut config, mut seen) = (wire::Config::default(), [false; KNOWN.len()]);
                while let Some(key) = map.next_key::<Key>()? {
                    let at = match key {
                        Key::Known(at) => at,
                        Key::Other(key) => {
                            let value = map.next_value()?;
                            if config.rest.0.insert(key.clone(), value).is_some() {
                                return Err(A::Error::custom(format!("duplicate key `{key}`")));
                            }
                            continue;
                        }
                    };
                    if std::mem::replace(&mut seen[at], true) {
                        return Err(A::Error::custom(format!("duplicate key `{}`", KNOWN[at])));
                    }
                    read(&mut config, at, &mut map)?;
                }
                Ok(config)
            }
        }
        deserializer.deserialize_map(Configs)
    }
}

/// Reads the value of a known key.
fn read<'de, A: MapAccess<'de>>(config: &mut wire::Config, at: usize, map: &mut A) -> Result<(), A::Error> {
    match KNOWN[at] {
        "enabled" => config.enabled = map.next_value()?,
        "materialized" => config.materialized = map.next_value()?,
        "tags" => config.tags = map.next_value()?,
        "meta" => config.meta = map.next_value()?,
        "group" => config.group = map.next_value()?,
        "access" => config.access = map.next_value()?,
        "column_types" => config.column_types = map.next_value()?,
        "pre-hook" => config.pre_hook = map.next_value()?,
        "post-hook" => config.post_hook = map.next_value()?,
        "freshness" => config.freshness = map.next_value()?,
        "loaded_at_field" => config.loaded_at_field = map.next_value()?,
        "loaded_at_query" => config.loaded_at_query = map.next_value()?,
        "severity" => config.severity = map.next_value()?,
        "warn_if" => config.warn_if = map.next_value()?,
        "error_if" => config.error_if = map.next_value()?,
        "fail_calc" => config.fail_calc = map.next_value()?,
        "where" => config.filter = map.next_value()?,
        "limit" => config.limit = map.next_value()?,
        other => return Err(A::Error::custom(format!("the key `{other}` has no place"))),
    }
    Ok(())
}
