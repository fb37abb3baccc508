//! `config.KEY:value`, for the configs that are kept.

use serde_json::Value;

use super::item::Item;
use super::method::unsupported;
use crate::dbt::NodeKind;
use crate::diagnostic::Finding;

/// The configs that are kept.
pub enum Config {
    Materialized,
    Severity,
    Tags,
    Group,
    Access,
    Enabled,
    Meta(Vec<String>),
}

impl Config {
    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn read(keys: &[String], selector: &str) -> Result<Self, Finding> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        Ok(match keys.as_slice() {
            ["materialized"] => Config::Materialized,
            ["severity"] => Config::Severity,
            ["tags"] => Config::Tags,
            ["group"] => Config::Group,
            ["access"] => Config::Access,
            ["enabled"] => Config::Enabled,
            ["meta", inner @ ..] if !inner.is_empty() => Config::Meta(inner.iter().map(|&key| key.to_owned()).collect()),
            _ => {
                let finding = unsupported(selector, &format!("config.{}", keys.join(".")));
                return Err(
                    finding.help("of configs, materialized, severity, tags, group, access, enabled and meta.KEY can be selected by")
                );
            }
        })
    }

    /// What the config of a node or test holds.
    pub fn of(&self, item: &Item<'_>) -> Option<Value> {
        if item.node.is_none() && item.test.is_none() {
            return None;
        }
        match self {
            Config::Materialized => match item.node {
                Some(node) => (node.kind != NodeKind::Source).then(|| Value::from(node.materialized.as_str())),
                None => Some(Value::from("test")),
            },
            Config::Severity => item.test.map(|test| Value::from(if test.warns_only { "warn" } else { "error" })),
            Config::Tags => Some(Value::from(item.tags.to_vec())),
            Config::Group => item.group.map(Value::from),
            Config::Access => item.node.and_then(|node| node.access.as_deref()).map(Value::from),
            Config::Enabled => Some(Value::Bool(true)),
            Config::Meta(keys) => {
                let meta = item.node.map(|node| &node.meta).or_else(|| item.test.map(|test| &test.meta))?;
                let (first, inner) = keys.split_first()?;
                inner.iter().try_fold(meta.get(first)?, |held, key| held.get(key)).cloned()
            }
        }
    }
}

/// dbt compares texts and truths, and looks into lists.
pub fn equals(held: &Value, value: &str, any_case: bool) -> bool {
    match held {
        Value::String(text) => text == value || (any_case && text.eq_ignore_ascii_case(value)),
        Value::Bool(truth) => value.eq_ignore_ascii_case(if *truth { "true" } else { "false" }),
        Value::Array(items) => items.iter().any(|item| equals(item, value, false)),
        // dbt compares the text with the number and never matches; the same number is what was meant.
        Value::Number(number) => number.to_string() == value,
        Value::Null | Value::Object(_) => false,
    }
}
