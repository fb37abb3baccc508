//! Filters of the semantic layer: `{{ Dimension('order__status') }} = 'done'` -> what is called in braces, and the SQL around it.
//!
//! Exactly the calls that MetricFlow knows; anything else in braces is an error. Not for where the names stand (see `element`).

use super::element::Path;

/// Begins the names that stand for calls in [`Filter::sql`].
pub(super) const STANDS_FOR: &str = "presscheck_call_";

/// Grains that need no time spine.
const GRAINS: [&str; 11] =
    ["nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];

/// A filter, read.
#[derive(Debug)]
pub(super) struct Filter {
    /// In the order of the text.
    pub calls: Vec<Call>,
    /// The text with a plain name in place of each call.
    pub sql: String,
}

/// What stands in one pair of braces.
#[derive(Debug)]
pub(super) enum Call {
    /// A dimension, time dimension or entity. `own_grain`: its grain is the project's own, so that a time spine says what it means.
    Element { path: Path, own_grain: bool },
    /// Another metric, by entities.
    Metric { name: String, group_by: Vec<Path> },
}

/// Takes a filter apart.
pub(super) fn read(text: &str) -> Result<Filter, String> {
    let mut filter = Filter { calls: Vec::new(), sql: String::new() };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inner, after) = after.split_once("}}").ok_or("its braces are not closed")?;
        filter.sql.push_str(before);
        filter.sql.push_str(&format!(" {STANDS_FOR}{} ", filter.calls.len()));
        filter.calls.push(call(inner).ok_or_else(|| format!("{{{{{inner}}}}} is not understood"))?);
        rest = after;
    }
    filter.sql.push_str(rest);
    if ["{%", "{#", "}}"].iter().any(|jinja| filter.sql.contains(jinja)) {
        return Err("it has Jinja that is not understood".to_owned());
    }
    Ok(filter)
}

/// `Dimension('order__status', entity_path=['customer']).grain('week')`.
fn call(inner: &str) -> Option<Call> {
    let mut tokens = Tokens { rest: inner.trim() };
    let kind = tokens.name()?;
    let mut arguments = tokens.arguments()?;
    let mut grain = None;
    while tokens.take('.') {
        let method = tokens.name()?;
        let Arguments { positional, named } = tokens.arguments()?;
        let value = positional.into_iter().chain(named.into_iter().map(|(_, value)| value)).next()?.into_iter().next()?;
        match method {
            "grain" => grain = Some(value),
            "date_part" => {}
            _ => return None,
        }
    }
    if !tokens.rest.is_empty() {
        return None;
    }
    let mut take = |at: usize, names: &[&str]| {
        let named = arguments.named.iter().position(|(name, _)| names.contains(&name.as_str()));
        match named {
            Some(index) => Some(arguments.named.swap_remove(index).1),
            None => arguments.positional.get_mut(at).map(std::mem::take).filter(|values| !values.is_empty()),
        }
    };
    let call = match kind {
        "Metric" => {
            let name = one(take(0, &["metric_name", "name"])?)?;
            let group_by = take(1, &["group_by"])?.iter().map(|written| Path::written(written)).collect();
            Call::Metric { name, group_by }
        }
        "Dimension" | "Entity" | "TimeDimension" => {
            let written = one(take(0, &["name", "dimension_name", "entity_name", "time_dimension_name"])?)?;
            let at = if kind == "TimeDimension" { 2 } else { 1 };
            if kind == "TimeDimension" {
                grain = take(1, &["time_granularity_name", "grain"]).and_then(one).or(grain);
                take(3, &["date_part_name", "date_part"]);
            }
            let before = take(at, &["entity_path"]).unwrap_or_default();
            let own_grain = grain.is_some_and(|grain| !is_grain(&grain));
            Call::Element { path: Path::written(&written).after(before), own_grain }
        }
        _ => return None,
    };
    (arguments.named.is_empty() && arguments.positional.iter().all(Vec::is_empty)).then_some(call)
}

/// Whether a word is a grain that every project has.
pub(super) fn is_grain(word: &str) -> bool {
    GRAINS.iter().any(|grain| grain.eq_ignore_ascii_case(word))
}

fn one(values: Vec<String>) -> Option<String> {
    let [value] = <[String; 1]>::try_from(values).ok()?;
    Some(value)
}

/// Of a call: each argument is a text or a list of texts.
#[derive(Default)]
struct Arguments {
    positional: Vec<Vec<String>>,
    named: Vec<(String, Vec<String>)>,
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }
    fn name(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!name.is_empty()).then_some(name)
    }
    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
        let (text, rest) = self.rest.get(1..)?.split_once(quote)?;
        self.rest = rest.trim_start();
        (!text.contains('\\')).then(|| text.to_owned())
    }
    fn arguments(&mut self) -> Option<Arguments> {
        let mut arguments = Arguments::default();
        if !self.take('(') {
            return None;
        }
        while !self.take(')') {
            if self.rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                let name = self.name()?.to_owned();
                if !self.take('=') {
                    return None;
                }
                arguments.named.push((name, self.value()?));
            } else {
                arguments.positional.push(self.value()?);
            }
            if !self.take(',') && !self.rest.starts_with(')') {
                return None;
            }
        }
        Some(arguments)
    }
    fn value(&mut self) -> Option<Vec<String>> {
        let close = match self.rest.chars().next() {
            Some('[') => ']',
            Some('(') => ')',
            _ => return Some(vec![self.text()?]),
        };
        let mut values = Vec::new();
        self.rest = self.rest.get(1..)?.trim_start();
        while !self.take(close) {
            values.push(self.text()?);
            if !self.take(',') && !self.rest.starts_with(close) {
                return None;
            }
        }
        Some(values)
    }
}
