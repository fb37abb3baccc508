//! Values that templates can change, as in Python: lists and mappings; and how Python writes values as text.
//!
//! Not for their methods (see `methods`). What is put into a list or mapping must not hold it: text of it would have no end.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

/// How many values are looked at to see whether one holds another.
const MOST_LOOKED_AT: u64 = 20_000;
/// The same, of one value.
const MOST_IN_ONE: usize = 20_000;
/// Lists inside each other that are written as text.
const DEEPEST: usize = 50;

/// A list that can be changed.
#[derive(Default)]
pub(super) struct List(Mutex<Vec<Value>>);

/// A mapping that can be changed, in the order of insertion.
#[derive(Default)]
pub(super) struct Dict {
    entries: Mutex<IndexMap<Value, Value>>,
    /// Whether the order of insertion was lost on the way: then nothing may depend on it.
    unordered: bool,
}

/// An error with a message.
pub(super) fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// A value that is not known: whoever touches it fails with the message.
pub(super) fn unknown(message: impl Into<String>) -> Value {
    Value::from(fault(message))
}

/// A lock that a thread in panic leaves behind holds whole values.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl List {
    pub(super) fn value(items: Vec<Value>) -> Value {
        Value::from_object(List(Mutex::new(items)))
    }
    pub(super) fn items(&self) -> Vec<Value> {
        lock(&self.0).clone()
    }
    /// Changes the items. `new` is what the change puts in.
    pub(super) fn change<T>(
        self: &Arc<Self>,
        state: &State<'_, '_>,
        new: &[Value],
        change: impl FnOnce(&mut Vec<Value>) -> T,
    ) -> Result<T, Error> {
        keep_out(state, new, &Value::from_dyn_object(self.clone()))?;
        Ok(change(&mut lock(&self.0)))
    }
}

impl Dict {
    pub(super) fn value(entries: impl IntoIterator<Item = (Value, Value)>) -> Value {
        Value::from_object(Dict { entries: Mutex::new(entries.into_iter().collect()), unordered: false })
    }
    /// Of keyword arguments, which lose their order.
    pub(super) fn unordered(entries: impl IntoIterator<Item = (Value, Value)>) -> Value {
        Value::from_object(Dict { entries: Mutex::new(entries.into_iter().collect()), unordered: true })
    }
    pub(super) fn get(&self, key: &Value) -> Option<Value> {
        lock(&self.entries).get(key).cloned()
    }
    /// All entries, in order.
    pub(super) fn entries(&self) -> Result<Vec<(Value, Value)>, Error> {
        let entries = lock(&self.entries);
        if self.unordered && entries.len() > 1 {
            return Err(fault("the order of keyword arguments is not known here"));
        }
        Ok(entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }
    /// Changes the entries. `new` is what the change puts in.
    pub(super) fn change<T>(
        self: &Arc<Self>,
        state: &State<'_, '_>,
        new: &[Value],
        change: impl FnOnce(&mut IndexMap<Value, Value>) -> T,
    ) -> Result<T, Error> {
        keep_out(state, new, &Value::from_dyn_object(self.clone()))?;
        Ok(change(&mut lock(&self.entries)))
    }
}

/// Fails when one of the values holds `container`.
fn keep_out(state: &State<'_, '_>, new: &[Value], container: &Value) -> Result<(), Error> {
    let at = |value: &Value| {
        let list = value.downcast_object_ref::<List>().map(|list| std::ptr::from_ref(list).addr());
        list.or_else(|| value.downcast_object_ref::<Dict>().map(|dict| std::ptr::from_ref(dict).addr()))
    };
    let container = at(container);
    let mut stack: Vec<Value> = new.iter().filter(|value| value.as_object().is_some()).cloned().collect();
    let mut seen = 0_u64;
    while let Some(value) = stack.pop() {
        seen += 1;
        if seen > MOST_LOOKED_AT || (container.is_some() && at(&value) == container) {
            return Err(fault("a list that may hold itself"));
        }
        if let Some(list) = value.downcast_object_ref::<List>() {
            stack.extend(lock(&list.0).iter().filter(|value| value.as_object().is_some()).cloned());
        } else if let Some(dict) = value.downcast_object_ref::<Dict>() {
            stack.extend(lock(&dict.entries).values().filter(|value| value.as_object().is_some()).cloned());
        } else if let (ValueKind::Seq, Ok(items)) = (value.kind(), value.try_iter()) {
            stack.extend(items.take(MOST_IN_ONE).filter(|value| value.as_object().is_some()));
        } else if let (ValueKind::Map, true, Some(object)) = (value.kind(), value.len().is_some_and(|length| length > 0), value.as_object())
        {
            let values = object.try_iter_pairs().into_iter().flatten().take(MOST_IN_ONE);
            stack.extend(values.map(|(_, value)| value).filter(|value| value.as_object().is_some()));
        }
    }
    state.consume_fuel(seen)
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        lock(&self.0).get(key.as_usize()?).cloned()
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items())
    }
    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(lock(&self.0).len())
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(&Value::from_dyn_object(self.clone())))
    }
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key)
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.entries() {
            Ok(entries) => Enumerator::Values(entries.into_iter().map(|(key, _)| key).collect()),
            Err(error) => Enumerator::Values(vec![Value::from(error)]),
        }
    }
    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(lock(&self.entries).len())
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(&Value::from_dyn_object(self.clone())))
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[...]")
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{...}")
    }
}

/// A value as Python's `str` writes it.
pub(super) fn written(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, false, 0, &mut text);
    text
}

fn write_value(value: &Value, quoted: bool, depth: usize, text: &mut String) {
    let list = |open: &str, close: &str, items: Vec<Value>, text: &mut String| {
        text.push_str(open);
        for (at, item) in items.iter().enumerate() {
            text.push_str(if at > 0 { ", " } else { "" });
            write_value(item, true, depth + 1, text);
        }
        text.push_str(if open == "(" && items.len() == 1 { ",)" } else { close });
    };
    if depth > DEEPEST {
        text.push_str("...");
    } else if let Some(dict) = value.downcast_object_ref::<Dict>() {
        let entries = lock(&dict.entries).clone();
        write_entries(entries.into_iter(), depth, text);
    } else if let Some(list_of) = value.downcast_object_ref::<List>() {
        list("[", "]", list_of.items(), text);
    } else if value.is_tuple() {
        list("(", ")", value.try_iter().map(Iterator::collect).unwrap_or_default(), text);
    } else if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        list("[", "]", value.try_iter().map(Iterator::collect).unwrap_or_default(), text);
    } else if let (true, Some(string)) = (quoted, value.as_str()) {
        let quote = if string.contains('\'') && !string.contains('"') { '"' } else { '\'' };
        text.push(quote);
        for letter in string.chars() {
            match letter {
                '\n' => text.push_str("\\n"),
                '\\' => text.push_str("\\\\"),
                letter if letter == quote => text.extend(['\\', letter]),
                letter => text.push(letter),
            }
        }
        text.push(quote);
    } else {
        text.push_str(&value.to_string());
    }
}

fn write_entries(entries: impl Iterator<Item = (Value, Value)>, depth: usize, text: &mut String) {
    text.push('{');
    for (at, (key, value)) in entries.enumerate() {
        text.push_str(if at > 0 { ", " } else { "" });
        write_value(&key, true, depth + 1, text);
        text.push_str(": ");
        write_value(&value, true, depth + 1, text);
    }
    text.push('}');
}

/// A JSON value as a template finds it.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(real)) => Value::from(real),
            (None, None) => Value::from(number.to_string()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => List::value(items.iter().map(from_json).collect()),
        Json::Object(map) => Dict::value(map.iter().map(|(key, value)| (Value::from(key.as_str()), from_json(value)))),
    }
}
