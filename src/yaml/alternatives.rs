//! Where a schema leaves a choice: words (`warn`, `hold`), one key of several (`- not_null: {...}`), or other types (`12h` or `{count, period}`).

use serde_json::Value as Json;

use super::shape::Shape;
use super::tree::{Entry, Node, Sort, Value};
use super::wording;
use crate::diagnostic::{Finding, Span, codes, nearest};

/// The ways in which a node may be written.
pub(super) struct Choices<'s> {
    /// Words that may stand here.
    pub words: Vec<&'s str>,
    /// Mappings of exactly one key: the key and what stands under it.
    pub tags: Vec<(&'s str, &'s Json)>,
    /// Everything else.
    pub others: Vec<&'s Json>,
}

/// Whether a schema (itself, not its alternatives) takes values of a JSON type.
pub(super) fn accepts(schema: &Json, name: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(types)) => types.iter().any(|other| other == name),
        _ => false,
    }
}

/// The choices of a resolved schema, if it leaves any.
pub(super) fn of<'s>(shape: &Shape<'s>, schema: &'s Json) -> Option<Choices<'s>> {
    let mut choices = Choices { words: Vec::new(), tags: Vec::new(), others: Vec::new() };
    if !words(schema, &mut choices.words) {
        let several = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
        several.iter().for_each(|one| add(shape, one, &mut choices));
    }
    Some(choices)
}

fn words<'s>(schema: &'s Json, into: &mut Vec<&'s str>) -> bool {
    let listed = schema.get("enum").and_then(Json::as_array).map(|words| words.iter().filter_map(Json::as_str).collect::<Vec<_>>());
    let listed = listed.or_else(|| schema.get("const").and_then(Json::as_str).map(|word| vec![word]));
    let found = listed.is_some();
    into.extend(listed.unwrap_or_default());
    found
}

fn add<'s>(shape: &Shape<'s>, schema: &'s Json, choices: &mut Choices<'s>) {
    let schema = shape.resolve(schema);
    if words(schema, &mut choices.words) {
        return;
    }
    if let Some(several) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array) {
        several.iter().for_each(|one| add(shape, one, choices));
        return;
    }
    let properties = schema.get("properties").and_then(Json::as_object);
    let required = schema.get("required").and_then(Json::as_array);
    match (properties.map(|all| all.iter().collect::<Vec<_>>()).as_deref(), required.map(Vec::as_slice)) {
        (Some([(key, under)]), Some([only])) if only == key.as_str() => choices.tags.push((key.as_str(), under)),
        _ => choices.others.push(schema),
    }
}

/// Whether the node can be read as one of the choices; see [`Shape::fits`].
pub(super) fn choose<'s>(shape: &mut Shape<'s>, node: &mut Node, choices: &Choices<'s>) -> bool {
    let json_type = match &node.value {
        Value::Map(_) if !choices.tags.is_empty() => return tagged(shape, node, choices),
        Value::Scalar { sort: Sort::Text, text } if choices.words.contains(&text.as_str()) => return true,
        Value::Scalar { sort, .. } => match sort {
            Sort::Text => &["string"][..],
            Sort::Whole(_) => &["integer", "number"],
            Sort::Real(_) | Sort::NotFinite => &["number"],
            Sort::Bool(_) => &["boolean"],
            Sort::Null => &["null"],
        },
        Value::List(_) => &["array"],
        Value::Map(_) => &["object"],
        Value::Broken => return false,
    };
    let possible: Vec<&'s Json> =
        choices.others.iter().copied().filter(|one| json_type.iter().any(|name| accepts(one, name)) || !one.is_object()).collect();
    if !possible.is_empty() {
        return best(shape, node, &possible);
    }
    let Value::Scalar { text, sort: Sort::Text } = &mut node.value else {
        return none_of(shape, node, choices);
    };
    if choices.words.is_empty() {
        return none_of(shape, node, choices);
    }
    let near = nearest(text, choices.words.iter().copied());
    let help = near.map_or_else(|| format!("write {}", wording::either(&choices.words)), |near| format!("did you mean `{near}`?"));
    let finding = Finding::error(codes::UNKNOWN_VALUE, format!("{} cannot be `{text}`", shape.label())).at(node.span).help(help);
    let finding = finding.respell(text, choices.words.iter().copied());
    if let Some(near) = near {
        *text = near.to_owned();
    }
    shape.report(finding);
    near.is_some()
}

/// The alternative with the fewest faults speaks.
fn best<'s>(shape: &mut Shape<'s>, node: &mut Node, possible: &[&'s Json]) -> bool {
    let before = shape.findings.len();
    let mut chosen: Option<(usize, Vec<Finding>, Node, bool)> = None;
    for schema in possible {
        let mut trial = node.clone();
        let fits = shape.fits(&mut trial, schema);
        let found = shape.findings.split_off(before);
        if chosen.as_ref().is_none_or(|(fewest, ..)| found.len() < *fewest) {
            chosen = Some((found.len(), found, trial, fits));
        }
    }
    let Some((_, found, trial, fits)) = chosen else { return false };
    shape.findings.extend(found);
    *node = trial;
    fits
}

fn none_of(shape: &mut Shape<'_>, node: &Node, choices: &Choices<'_>) -> bool {
    let message = format!("{} must be {}, not {}", shape.label(), wording::choices(choices, shape), wording::found(node));
    let finding = Finding::error(codes::WRONG_TYPE, message).at(node.span);
    let tag = match &node.value {
        Value::Scalar { text, .. } => choices.tags.iter().find(|(tag, _)| tag == text),
        Value::List(_) | Value::Map(_) | Value::Broken => None,
    };
    let finding = match tag {
        Some((tag, _)) => finding.help(format!("write its keys under it: `{tag}: {{...}}`")),
        None => finding,
    };
    shape.report(finding);
    false
}

/// A mapping of one key that says what it is.
fn tagged<'s>(shape: &mut Shape<'s>, node: &mut Node, choices: &Choices<'s>) -> bool {
    let names: Vec<&str> = choices.tags.iter().map(|(tag, _)| *tag).collect();
    let Value::Map(entries) = &mut node.value else { return false };
    gather(shape, entries, &names);
    let [entry] = entries.as_mut_slice() else {
        return none_of(shape, node, choices);
    };
    if !names.contains(&entry.key.as_str()) {
        let near = nearest(&entry.key, names.iter().copied());
        let help = near.map_or_else(|| format!("write one of {}", wording::names(&names)), |near| format!("did you mean `{near}`?"));
        let finding = Finding::error(codes::UNKNOWN_KEY, format!("unknown key `{}` in {}", entry.key, shape.label()));
        shape.report(finding.at(entry.key_span).help(help).respell(&entry.key, names.iter().copied()));
        let Some(near) = near else { return false };
        entry.key = near.to_owned();
    }
    let Some((_, under)) = choices.tags.iter().find(|(tag, _)| *tag == entry.key) else {
        return false;
    };
    shape.route.push((entry.key.clone(), entry.key_span));
    let fits = shape.fits(&mut entry.value, under);
    shape.route.pop();
    fits
}

/// Reduces a mapping of several keys to the one that says what it is, and reports the others.
fn gather(shape: &mut Shape<'_>, entries: &mut Vec<Entry>, names: &[&str]) {
    let Some(first) = entries.iter().position(|entry| names.contains(&entry.key.as_str())).filter(|_| entries.len() > 1) else {
        return;
    };
    let mut main = entries.swap_remove(first);
    entries.sort_by_key(|entry| entry.key_span.offset);
    let empty = matches!(main.value.value, Value::Scalar { sort: Sort::Null, .. });
    let beside = std::mem::take(entries);
    if empty && beside.iter().all(|entry| !names.contains(&entry.key.as_str())) {
        let place = beside.first().map_or(Span::default(), |entry| entry.key_span);
        let finding = Finding::error(codes::WRONG_TYPE, format!("the keys of `{}` stand beside it", main.key)).at(place);
        shape.report(finding.help(format!("indent them further than `{}`", main.key)));
        main.value.value = Value::Map(beside);
    } else {
        for entry in beside {
            let finding =
                Finding::error(codes::UNKNOWN_KEY, format!("`{}` cannot stand beside `{}`", entry.key, main.key)).at(entry.key_span);
            let help =
                if names.contains(&entry.key.as_str()) { "begin an item of its own with `- `" } else { "indent it with the other keys" };
            shape.report(finding.help(help));
            shape.lose(&entry.key, &entry.value);
        }
    }
    entries.push(main);
}
