//! The keys of one profile target, each taken once. A key that nobody took is refused in the end: it could change what a statement means. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::check::outcome::Fault;
use crate::warehouse::unreachable;

/// The keys that dbt itself reads, of every adapter.
const OF_DBT: &[&str] = &["type", "threads", "adbc_driver", "retries", "connect_retries", "retry_all", "retry_on_database_errors"];

/// One target's keys, while they are read.
pub(super) struct Fields<'a> {
    kind: &'a str,
    values: &'a Map<String, Value>,
    taken: BTreeSet<&'a str>,
    /// Texts that no message may hold.
    pub(super) secrets: Vec<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(kind: &'a str, values: &'a Map<String, Value>) -> Self {
        Fields { kind, values, taken: OF_DBT.iter().copied().collect(), secrets: Vec::new() }
    }

    /// A text, a number or a truth value, as text; `None` when it is absent, null or empty.
    pub(super) fn text(&mut self, key: &'a str) -> Result<Option<String>, Fault> {
        self.taken.insert(key);
        match self.values.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(Value::Array(_) | Value::Object(_)) => Err(self.wrong(key, "is no text")),
        }
    }

    /// The first of several spellings that is there.
    pub(super) fn either(&mut self, keys: &[&'a str]) -> Result<Option<String>, Fault> {
        let mut found = None;
        for key in keys {
            let value = self.text(key)?;
            found = found.or(value);
        }
        Ok(found)
    }

    pub(super) fn needed(&mut self, keys: &[&'a str]) -> Result<String, Fault> {
        let missing = unreachable(format!("the {} profile has no `{}`", self.kind, keys.join("` or `")));
        self.either(keys)?.ok_or(missing)
    }

    /// A text that no message may hold.
    pub(super) fn secret(&mut self, key: &'a str) -> Result<Option<String>, Fault> {
        let secret = self.text(key)?;
        self.secrets.extend(secret.clone());
        Ok(secret)
    }

    /// Texts by name, of a mapping.
    pub(super) fn mapping(&mut self, key: &'a str) -> Result<Vec<(String, String)>, Fault> {
        self.taken.insert(key);
        let text = |(name, value): (&String, &Value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) => Ok((name.clone(), value.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(self.wrong(key, "holds what is no text")),
        };
        match self.values.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Object(map)) => map.iter().map(text).collect(),
            Some(_) => Err(self.wrong(key, "is no mapping")),
        }
    }

    /// The value as it is written.
    pub(super) fn raw(&mut self, key: &'a str) -> Option<&'a Value> {
        self.taken.insert(key);
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// Keys that change nothing of what a statement means: how often dbt tries, what it logs.
    pub(super) fn harmless(&mut self, keys: &[&'a str]) {
        self.taken.extend(keys);
    }

    /// Says that a key cannot be obeyed; its value is not told.
    pub(super) fn wrong(&self, key: &str, why: &str) -> Fault {
        unreachable(format!("`{key}` of the {} profile {why}", self.kind))
    }

    /// Refuses what was not taken.
    pub(super) fn end(self) -> Result<Vec<String>, Fault> {
        let idle = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(items) => items.is_empty(),
            Value::Bool(true) | Value::Number(_) => false,
        };
        let left = self.values.iter().find(|(key, value)| !self.taken.contains(key.as_str()) && !idle(value));
        match left {
            Some((key, _)) => {
                Err(self.wrong(key, "is not supported by this version of presscheck: choose a target without it (docs/warehouses.md)"))
            }
            None => Ok(self.secrets),
        }
    }
}
