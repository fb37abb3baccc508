//! A value as JSON, written as Python's `json.dumps` writes it.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::value::fault;

/// Values inside each other.
const DEEPEST: usize = 50;

/// The JSON text of a value.
pub(super) fn written(value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    write(value, 0, &mut text)?;
    Ok(text)
}

fn write(value: &Value, depth: usize, text: &mut String) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(fault("tojson: nested too deeply"));
    }
    match value.kind() {
        ValueKind::None => text.push_str("null"),
        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => text.push_str(&value.to_string()),
        ValueKind::String => text.push_str(&quoted(value.as_str().unwrap_or_default())),
        ValueKind::Seq | ValueKind::Iterable => {
            text.push('[');
            for (at, item) in value.try_iter()?.enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                write(&item, depth + 1, text)?;
            }
            text.push(']');
        }
        ValueKind::Map if value.len().is_some() => {
            text.push('{');
            for (at, key) in value.try_iter()?.enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                text.push_str(&quoted(&key.to_string()));
                text.push_str(": ");
                write(&value.get_item(&key)?, depth + 1, text)?;
            }
            text.push('}');
        }
        ValueKind::Map | ValueKind::Undefined | ValueKind::Bytes | ValueKind::Plain | ValueKind::Invalid | _ => {
            return Err(fault("tojson: not a value of JSON"));
        }
    }
    Ok(())
}

/// With escapes for whatever is not ASCII.
fn quoted(text: &str) -> String {
    let plain = serde_json::Value::from(text).to_string();
    let mut made = String::with_capacity(plain.len());
    let mut units = [0_u16; 2];
    for letter in plain.chars() {
        if letter.is_ascii() {
            made.push(letter);
        } else {
            made.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    made
}
