//! The methods of Python's texts, lists and mappings that dbt projects call.
//!
//! Not for methods that change the world or ask it. What is not here is not rendered.

use minijinja::value::{Kwargs, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::value::{Dict, List, fault};

/// Characters of one text that a method may make.
const LONGEST: usize = 1 << 22;

/// Calls a method that the value itself does not have.
pub(super) fn call(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        return of_text(state, text, method, args);
    }
    if let Some(dict) = value.downcast_object::<Dict>() {
        return of_dict(state, &dict, method, args);
    }
    if let Some(list) = value.downcast_object::<List>() {
        return of_list(state, &list, method, args);
    }
    match (value.kind(), method) {
        (ValueKind::Map, "items" | "keys" | "values" | "get") if value.len().is_some_and(|length| length > 0) || value.is_kwargs() => {
            let entries = value.as_object().and_then(|object| object.try_iter_pairs()).into_iter().flatten();
            let copy = Dict::value(entries);
            copy.downcast_object::<Dict>()
                .map_or_else(|| Err(Error::from(ErrorKind::UnknownMethod)), |dict| of_dict(state, &dict, method, args))
        }
        (ValueKind::Seq | ValueKind::Iterable, "index" | "count" | "copy") => {
            let copy = List::value(value.try_iter()?.collect());
            copy.downcast_object::<List>()
                .map_or_else(|| Err(Error::from(ErrorKind::UnknownMethod)), |list| of_list(state, &list, method, args))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn texts(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    List::value(items.into_iter().map(|item| Value::from(item.into())).collect())
}

fn bounded(state: &State<'_, '_>, length: usize) -> Result<(), Error> {
    state.consume_fuel(u64::try_from(length / 16).unwrap_or(u64::MAX))?;
    if length > LONGEST { Err(fault("a text that is too long")) } else { Ok(()) }
}

fn of_text(state: &mut State<'_, '_>, text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let trimmed = |args: &[Value], start: bool, end: bool| -> Result<Value, Error> {
        let (characters,): (Option<String>,) = from_args(args)?;
        let cut = |letter: char| characters.as_ref().map_or(letter.is_whitespace(), |characters| characters.contains(letter));
        let text = if start { text.trim_start_matches(cut) } else { text };
        Ok(Value::from(if end { text.trim_end_matches(cut) } else { text }))
    };
    let begins = |args: &[Value], test: &dyn Fn(&str) -> bool| -> Result<Value, Error> {
        let (wanted,): (Value,) = from_args(args)?;
        let one = |wanted: &Value| wanted.as_str().map(test).ok_or_else(|| fault(format!("{method}: not a text")));
        match wanted.kind() {
            ValueKind::Seq => wanted.try_iter()?.map(|wanted| one(&wanted)).try_fold(false, |any, one| Ok(any | one?)).map(Value::from),
            _ => one(&wanted).map(Value::from),
        }
    };
    let none = |args: &[Value], made: Value| -> Result<Value, Error> {
        let () = from_args(args)?;
        Ok(made)
    };
    let all = |test: fn(char) -> bool| Value::from(!text.is_empty() && text.chars().all(test));
    match method {
        "upper" => none(args, Value::from(text.to_uppercase())),
        "lower" | "casefold" => none(args, Value::from(text.to_lowercase())),
        "strip" => trimmed(args, true, true),
        "lstrip" => trimmed(args, true, false),
        "rstrip" => trimmed(args, false, true),
        "startswith" => begins(args, &|wanted| text.starts_with(wanted)),
        "endswith" => begins(args, &|wanted| text.ends_with(wanted)),
        "title" => state.apply_filter("title", &[Value::from(text)]),
        "capitalize" => state.apply_filter("capitalize", &[Value::from(text)]),
        "isdigit" | "isnumeric" | "isdecimal" => none(args, all(|letter| letter.is_ascii_digit())),
        "isalpha" => none(args, all(char::is_alphabetic)),
        "isalnum" => none(args, all(char::is_alphanumeric)),
        "isspace" => none(args, all(char::is_whitespace)),
        "isupper" => none(args, Value::from(text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase))),
        "islower" => none(args, Value::from(text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase))),
        "splitlines" => none(args, texts(text.lines())),
        "split" => {
            let (by, most): (Option<Value>, Option<i64>) = from_args(args)?;
            let most = most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |most| most.saturating_add(1));
            match by.as_ref().filter(|by| !by.is_none()).map(|by| by.as_str().filter(|by| !by.is_empty())) {
                Some(Some(by)) => Ok(texts(text.splitn(most, by))),
                Some(None) => Err(fault("split: not a text to split by")),
                None if most == usize::MAX => Ok(texts(text.split_whitespace())),
                None => Err(Error::from(ErrorKind::UnknownMethod)),
            }
        }
        "rsplit" => {
            let (by, most): (&str, Option<i64>) = from_args(args)?;
            let most = most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |most| most.saturating_add(1));
            let mut parts: Vec<&str> = text.rsplitn(most, by).collect();
            parts.reverse();
            Ok(texts(parts))
        }
        "partition" => {
            let (by,): (&str,) = from_args(args)?;
            let (first, rest) = text.split_once(by).map_or((text, None), |(first, rest)| (first, Some(rest)));
            Ok(Value::from(Tuple::from([Value::from(first), Value::from(rest.map_or("", |_| by)), Value::from(rest.unwrap_or_default())])))
        }
        "replace" => {
            let (from, to, count): (&str, &str, Option<usize>) = from_args(args)?;
            let found = text.matches(from).count().min(count.unwrap_or(usize::MAX));
            bounded(state, text.len().saturating_add(found.saturating_mul(to.len())))?;
            Ok(Value::from(text.replacen(from, to, found)))
        }
        "removeprefix" => from_args::<(&str,)>(args).map(|(prefix,)| Value::from(text.strip_prefix(prefix).unwrap_or(text))),
        "removesuffix" => from_args::<(&str,)>(args).map(|(suffix,)| Value::from(text.strip_suffix(suffix).unwrap_or(text))),
        "count" => from_args::<(&str,)>(args).map(|(of,)| Value::from(text.matches(of).count())),
        "find" | "index" => {
            let (of,): (&str,) = from_args(args)?;
            match text.find(of) {
                Some(at) => Ok(Value::from(text[..at].chars().count())),
                None if method == "find" => Ok(Value::from(-1)),
                None => Err(fault("index: the text is not there")),
            }
        }
        "join" => {
            let (items,): (Value,) = from_args(args)?;
            let items: Vec<Value> = items.try_iter()?.collect();
            let items: Vec<&str> =
                items.iter().map(|item| item.as_str().ok_or_else(|| fault("join: not a list of texts"))).collect::<Result<_, _>>()?;
            bounded(state, items.iter().map(|item| item.len().saturating_add(text.len())).sum())?;
            Ok(Value::from(items.join(text)))
        }
        "format" => format(state, text, args),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// `'{} {0} {name}'.format(..)`, without conversions or widths.
fn format(state: &State<'_, '_>, text: &str, args: &[Value]) -> Result<Value, Error> {
    let (positional, named): (&[Value], Kwargs) = from_args(args)?;
    let (mut made, mut rest, mut next) = (String::new(), text, 0);
    while let Some(at) = rest.find(['{', '}']) {
        made.push_str(&rest[..at]);
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            made.push_str(&tail[..1]);
            rest = &tail[2..];
            continue;
        }
        let end = tail.find('}').filter(|end| *end > 0).ok_or_else(|| fault("format: a brace that is not closed"))?;
        let field = &tail[1..end];
        let value = if field.is_empty() {
            next += 1;
            positional.get(next - 1).cloned()
        } else if let Ok(index) = field.parse::<usize>() {
            positional.get(index).cloned()
        } else if field.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
            named.get::<Option<Value>>(field)?
        } else {
            return Err(fault(format!("format: `{{{field}}}` is not read here")));
        };
        let value = value.filter(|value| !value.is_undefined()).ok_or_else(|| fault(format!("format: no value for `{{{field}}}`")))?;
        made.push_str(&super::value::written(&value));
        bounded(state, made.len())?;
        rest = &tail[end + 1..];
    }
    made.push_str(rest);
    Ok(Value::from(made))
}

fn of_list(state: &mut State<'_, '_>, list: &std::sync::Arc<List>, method: &str, args: &[Value]) -> Result<Value, Error> {
    let place = |at: i64, length: usize| {
        let from_end = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        if at < 0 { length.checked_sub(from_end) } else { Some(from_end) }
    };
    let all = |value: &Value| -> Result<Vec<Value>, Error> {
        let items: Vec<Value> = value.try_iter()?.collect();
        state.consume_fuel(u64::try_from(items.len()).unwrap_or(u64::MAX))?;
        Ok(items)
    };
    let nothing = |(): ()| Value::from(());
    match method {
        "append" => {
            let (item,): (Value,) = from_args(args)?;
            list.change(state, std::slice::from_ref(&item), |items| items.push(item.clone())).map(nothing)
        }
        "add" => {
            let (item,): (Value,) = from_args(args)?;
            list.change(state, std::slice::from_ref(&item), |items| {
                if !items.contains(&item) {
                    items.push(item.clone());
                }
            })
            .map(nothing)
        }
        "extend" => {
            let (more,): (Value,) = from_args(args)?;
            let more = all(&more)?;
            list.change(state, &more.clone(), |items| items.extend(more)).map(nothing)
        }
        "insert" => {
            let (at, item): (i64, Value) = from_args(args)?;
            list.change(state, std::slice::from_ref(&item), |items| {
                items.insert(place(at, items.len()).unwrap_or(0).min(items.len()), item.clone())
            })
            .map(nothing)
        }
        "pop" => {
            let (at,): (Option<i64>,) = from_args(args)?;
            let popped = list.change(state, &[], |items| {
                let at = place(at.unwrap_or(-1), items.len()).filter(|at| *at < items.len())?;
                Some(items.remove(at))
            })?;
            popped.ok_or_else(|| fault("pop: no such item"))
        }
        "remove" | "discard" => {
            let (item,): (Value,) = from_args(args)?;
            let removed = list.change(state, &[], |items| items.iter().position(|one| *one == item).map(|at| items.remove(at)))?;
            if removed.is_none() && method == "remove" { Err(fault("remove: no such item")) } else { Ok(Value::from(())) }
        }
        "reverse" => list.change(state, &[], |items| items.reverse()).map(nothing),
        "clear" => list.change(state, &[], Vec::clear).map(nothing),
        "sort" => {
            let sorted = state.apply_filter("sort", &[List::value(list.items())])?;
            let sorted: Vec<Value> = sorted.try_iter()?.collect();
            list.change(state, &[], |items| *items = sorted).map(nothing)
        }
        "copy" => Ok(List::value(all(&List::value(list.items()))?)),
        "index" => {
            let (item,): (Value,) = from_args(args)?;
            list.items().iter().position(|one| *one == item).map(Value::from).ok_or_else(|| fault("index: no such item"))
        }
        "count" => {
            let (item,): (Value,) = from_args(args)?;
            Ok(Value::from(list.items().iter().filter(|one| **one == item).count()))
        }
        // Of sets, which here are lists without doubles.
        "union" | "intersection" | "difference" => {
            let (other,): (Value,) = from_args(args)?;
            let (mine, other) = (list.items(), all(&other)?);
            state.consume_fuel(u64::try_from(mine.len().saturating_mul(other.len())).unwrap_or(u64::MAX))?;
            let made = match method {
                "union" => {
                    let more: Vec<Value> = other.into_iter().filter(|item| !mine.contains(item)).collect();
                    mine.into_iter().chain(more).collect()
                }
                "intersection" => mine.into_iter().filter(|item| other.contains(item)).collect(),
                _ => mine.into_iter().filter(|item| !other.contains(item)).collect(),
            };
            Ok(List::value(made))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn of_dict(state: &mut State<'_, '_>, dict: &std::sync::Arc<Dict>, method: &str, args: &[Value]) -> Result<Value, Error> {
    let pairs = |value: &Value| -> Result<Vec<(Value, Value)>, Error> {
        if let Some(other) = value.downcast_object_ref::<Dict>() {
            return other.entries();
        }
        let entries = value.as_object().filter(|_| value.kind() == ValueKind::Map).and_then(|object| object.try_iter_pairs());
        Ok(entries.ok_or_else(|| fault(format!("{method}: not a mapping")))?.collect())
    };
    match method {
        "items" => {
            let pairs = dict.entries()?.into_iter().map(|(key, value)| Value::from(Tuple::from([key, value])));
            Ok(List::value(pairs.collect()))
        }
        "keys" => Ok(List::value(dict.entries()?.into_iter().map(|(key, _)| key).collect())),
        "values" => Ok(List::value(dict.entries()?.into_iter().map(|(_, value)| value).collect())),
        "copy" => Ok(Dict::value(dict.entries()?)),
        "get" => {
            let (key, positional, named): (Value, Option<Value>, Kwargs) = from_args(args)?;
            let default = positional.or(named.get("default")?).unwrap_or_else(|| Value::from(()));
            Ok(dict.get(&key).unwrap_or(default))
        }
        "setdefault" => {
            let (key, default): (Value, Option<Value>) = from_args(args)?;
            let default = default.unwrap_or_else(|| Value::from(()));
            dict.change(state, std::slice::from_ref(&default), |entries| entries.entry(key).or_insert(default.clone()).clone())
        }
        "pop" => {
            let (key, default): (Value, Option<Value>) = from_args(args)?;
            let popped = dict.change(state, &[], |entries| entries.shift_remove(&key))?;
            popped.or(default).ok_or_else(|| fault("pop: no such key"))
        }
        "update" => {
            let (other, named): (Option<Value>, Kwargs) = from_args(args)?;
            let mut new = other.as_ref().map(pairs).transpose()?.unwrap_or_default();
            for key in named.args() {
                new.push((Value::from(key), named.get::<Value>(key)?));
            }
            state.consume_fuel(u64::try_from(new.len()).unwrap_or(u64::MAX))?;
            let values: Vec<Value> = new.iter().map(|(_, value)| value.clone()).collect();
            dict.change(state, &values, |entries| entries.extend(new)).map(|()| Value::from(()))
        }
        "clear" => dict.change(state, &[], indexmap::IndexMap::clear).map(|()| Value::from(())),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}
