//! A value as YAML that people read: the upper levels in lines, what is small on one line. What is not plainly text is quoted as JSON, which is YAML too.

use serde_json::Value;

/// Longest that one line may be before it is broken up.
const LINE: usize = 140;

/// The text of a document, with a newline at the end.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                out.push_str(&format!("{pad}{}:", scalar(key)));
                below(value, indent, out);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for item in list {
                if let Value::Object(object) = item
                    && object.len() == 1
                    && let Some((key, value)) = object.iter().next()
                {
                    out.push_str(&format!("{pad}- {}:", scalar(key)));
                    let one = flow(value);
                    if one.len() + indent < LINE {
                        out.push_str(&format!(" {one}\n"));
                    } else {
                        below(value, indent + 2, out);
                    }
                    continue;
                }
                let one = flow(item);
                if one.len() + indent < LINE || !matches!(item, Value::Object(_) | Value::Array(_)) {
                    out.push_str(&format!("{pad}- {one}\n"));
                } else {
                    let mut inner = String::new();
                    block(item, indent + 2, &mut inner);
                    out.push_str(&format!("{pad}- {}", inner.trim_start_matches(' ')));
                }
            }
        }
        other => out.push_str(&format!("{pad}{}\n", flow(other))),
    }
}

fn below(value: &Value, indent: usize, out: &mut String) {
    let one = flow(value);
    let small = one.len() + indent < LINE / 2 || !matches!(value, Value::Object(_) | Value::Array(_));
    if small {
        out.push_str(&format!(" {one}\n"));
    } else {
        out.push('\n');
        block(value, indent + 2, out);
    }
}

/// On one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let pairs: Vec<String> = object.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text without quotes where no reader could take it for anything else.
fn scalar(text: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_ ./-()".contains(c))
        && !text.ends_with(' ')
        && !words.contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}
