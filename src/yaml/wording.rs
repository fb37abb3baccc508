//! How findings name what a schema wants and what a node holds.

use serde_json::{Map, Value as Json};

use super::alternatives::{self, Choices};
use super::shape::Shape;
use super::tree::{Node, Sort, Value};

/// What stands there: `the number 12`, `a list`.
pub(super) fn found(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, sort } => match sort {
            Sort::Null => "nothing".to_owned(),
            Sort::Bool(_) => format!("the truth value {text}"),
            Sort::Whole(_) | Sort::Real(_) | Sort::NotFinite => format!("the number {text}"),
            Sort::Text => format!("the text `{}`", clip(text)),
        },
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
        Value::Broken => "something else".to_owned(),
    }
}

fn clip(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 40 || line.len() < text.trim_end().len() {
        line.chars().take(40).chain(['.', '.', '.']).collect()
    } else {
        line.to_owned()
    }
}

/// What a schema wants: `text such as "> 0"`, `a whole number`.
pub(super) fn expected<'s>(schema: &'s Json, shape: &Shape<'s>) -> String {
    if let Some(choices) = alternatives::of(shape, schema) {
        return self::choices(&choices, shape);
    }
    let example =
        schema.get("examples").and_then(|examples| examples.get(0)).map(|example| format!(" such as {example}")).unwrap_or_default();
    let types: Vec<&str> = match schema.get("type") {
        Some(Json::String(only)) => vec![only],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let words: Vec<&str> = types
        .iter()
        .map(|name| match *name {
            "string" => "text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "a mapping",
            other => other,
        })
        .collect();
    if words.is_empty() { "a value".to_owned() } else { format!("{}{example}", words.join(" or ")) }
}

/// All choices in one phrase.
pub(super) fn choices<'s>(choices: &Choices<'s>, shape: &Shape<'s>) -> String {
    let mut parts: Vec<String> = choices.others.iter().map(|schema| expected(shape.resolve(schema), shape)).collect();
    if !choices.words.is_empty() {
        parts.push(either(&choices.words));
    }
    if !choices.tags.is_empty() {
        let tags: Vec<&str> = choices.tags.iter().map(|(tag, _)| *tag).collect();
        parts.push(format!("a mapping with one of {}", names(&tags)));
    }
    parts.dedup();
    parts.join(" or ")
}

/// `` `a`, `b` or `c` ``
pub(super) fn either(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `` `a`, `b`, `c` ``
pub(super) fn names(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What would make the node right, where that is plain.
pub(super) fn mend(node: &Node, schema: &Json) -> Option<String> {
    let wants = |name| alternatives::accepts(schema, name);
    match &node.value {
        Value::Scalar { text, sort: Sort::Bool(_) | Sort::Whole(_) | Sort::Real(_) } if wants("string") => {
            Some(format!("put it in quotes: \"{text}\""))
        }
        Value::Scalar { text, sort: Sort::Text }
            if wants("boolean") && matches!(text.to_lowercase().as_str(), "yes" | "no" | "on" | "off") =>
        {
            Some("write true or false".to_owned())
        }
        Value::Scalar { text, sort: Sort::Text }
            if (wants("integer") || wants("number")) && matches!(super::scalar::resolve(text), Sort::Whole(_) | Sort::Real(_)) =>
        {
            Some("remove the quotes".to_owned())
        }
        Value::Scalar { text, .. } if wants("array") => Some(format!("write a list: [{}]", clip(text))),
        Value::Map(_) if wants("array") => Some("begin each item with `- `".to_owned()),
        Value::Map(_) if wants("string") => Some("quote text that begins with `{` or holds `: `".to_owned()),
        Value::List(items) if items.len() == 1 && !wants("array") => Some("remove the brackets or the `- `".to_owned()),
        Value::Scalar { .. } | Value::List(_) | Value::Map(_) | Value::Broken => None,
    }
}

/// The greatest number of an unsigned or signed format of Rust.
pub(super) fn most(object: &Map<String, Json>) -> Option<i128> {
    match object.get("format").and_then(Json::as_str)? {
        "uint8" => Some(u8::MAX.into()),
        "uint16" => Some(u16::MAX.into()),
        "uint32" => Some(u32::MAX.into()),
        "uint" | "uint64" => Some(u64::MAX.into()),
        "int32" => Some(i32::MAX.into()),
        "int" | "int64" => Some(i64::MAX.into()),
        _ => None,
    }
}

/// An empty value of the schema's type.
pub(super) fn stand_in(schema: &Json) -> Value {
    let scalar = |text: &str, sort| Value::Scalar { text: text.to_owned(), sort };
    match schema.get("type").and_then(Json::as_str) {
        Some("object") => Value::Map(Vec::new()),
        Some("array") => Value::List(Vec::new()),
        Some("integer" | "number") => scalar("0", Sort::Whole(0)),
        Some("boolean") => scalar("false", Sort::Bool(false)),
        _ => scalar("", Sort::Text),
    }
}

/// The first sentence of a description, without its dot, on one line.
pub(super) fn first_sentence(description: &str) -> String {
    description.split(". ").next().unwrap_or(description).trim_end_matches('.').replace('\n', " ")
}
