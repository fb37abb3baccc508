//! JSON that is read strictly: a key that stands twice in a mapping is a fault (JSON readers keep the last in silence), and so is a value of a type that
//! dbt does not write. What is not read is skipped without being built.

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object in the order of the file, in which no key stands twice; `null` is the empty one. A fault inside names the key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Keyed<T>(pub IndexMap<String, T>);

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Keyed(IndexMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Objects<T> {
            type Value = Keyed<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Keyed::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = IndexMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    // The place at the end of the inner message is kept: serde_json reads it off again.
                    let value = map.next_value().map_err(|error| A::Error::custom(format!("in `{key}`: {error}")))?;
                    if entries.contains_key(&key) {
                        return Err(A::Error::custom(format!("duplicate key `{key}`")));
                    }
                    entries.insert(key, value);
                }
                Ok(Keyed(entries))
            }
        }
        deserializer.deserialize_any(Objects(std::marker::PhantomData))
    }
}

/// Any JSON, in which no key stands twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Strict;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON")
            }
            fn visit_unit<E: Error>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }
            fn visit_bool<E: Error>(self, v: bool) -> Result<Strict, E> {
                Ok(Strict(v.into()))
            }
            fn visit_i64<E: Error>(self, v: i64) -> Result<Strict, E> {
                Ok(Strict(v.into()))
            }
            fn visit_u64<E: Error>(self, v: u64) -> Result<Strict, E> {
                Ok(Strict(v.into()))
            }
            fn visit_f64<E: Error>(self, v: f64) -> Result<Strict, E> {
                Ok(Strict(v.into()))
            }
            fn visit_str<E: Error>(self, v: &str) -> Result<Strict, E> {
                Ok(Strict(v.into()))
            }
            fn visit_string<E: Error>(self, v: String) -> Result<Strict, E> {
                Ok(Strict(v.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Strict, A::Error> {
                let mut items = Vec::new();
                while let Some(Strict(item)) = list.next_element()? {
                    items.push(item);
                }
                Ok(Strict(items.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
                let mut entries = Map::new();
                while let Some(key) = map.next_key::<String>()? {
                    let Strict(value) = map.next_value()?;
                    if entries.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("duplicate key `{key}`")));
                    }
                }
                Ok(Strict(entries.into()))
            }
        }
        deserializer.deserialize_any(Values)
    }
}

/// A string, or a number or boolean where YAML made one of what was meant as a string (versions, expressions).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Strict::deserialize(deserializer)?.0 {
            Value::String(text) => Ok(Text(text)),
            Value::Number(number) => Ok(Text(number.to_string())),
            Value::Bool(truth) => Ok(Text(truth.to_string())),
            other => Err(D::Error::custom(format!("expected a string, found {}", sort(&other)))),
        }
    }
}

/// A list of strings, where dbt also writes one string or `null`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let one = |value: Value| match value {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(D::Error::custom(format!("expected a list of strings, found {} in it", sort(&other)))),
        };
        match Strict::deserialize(deserializer)?.0 {
            Value::Null => Ok(Texts::default()),
            Value::Array(items) => Ok(Texts(items.into_iter().map(one).collect::<Result<_, _>>()?)),
            other => Ok(Texts(vec![one(other)?])),
        }
    }
}

fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
