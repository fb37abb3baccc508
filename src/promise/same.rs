//! Whether two versions of a check measure the same, or fewer or more bad rows by construction. What is not known to be comparable is not.

use rust_decimal::Decimal;
use serde_json::Value;

use super::Version;
use crate::check::Spec;

/// What the new version measures on the same data, beside the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measures {
    /// The same.
    Same,
    /// At most as many bad rows.
    Fewer,
    /// At least as many bad rows.
    More,
    /// Anything.
    Anything,
}

impl Measures {
    fn and(self, other: Measures) -> Measures {
        match (self, other) {
            (Measures::Same, one) | (one, Measures::Same) => one,
            (one, two) if one == two => one,
            _ => Measures::Anything,
        }
    }
}

/// Compares two specs of one check.
pub(super) fn measures(base: &Version<'_>, old: &Spec, head: &Version<'_>, new: &Spec) -> Measures {
    if old.kind_name() != new.kind_name() || base.macros.get(old.kind_name()) != head.macros.get(new.kind_name()) {
        return Measures::Anything;
    }
    let (before, after) = (old.kind(), new.kind());
    let relations = |version: &Version<'_>, spec: &Spec| -> Vec<String> {
        let named = spec.kind().relations().into_iter();
        named.map(|name| version.project.find(&name).map_or(name.value, |node| node.unique_id.clone())).collect()
    };
    let filters = |spec: &Spec| -> Vec<Option<String>> {
        let mut filters: Vec<Option<String>> =
            spec.kind().filters().into_iter().map(|filter| filter.map(|filter| squeezed(&filter))).collect();
        while filters.last().is_some_and(Option::is_none) {
            filters.pop();
        }
        filters
    };
    let (asked, asks) = (before.request(), after.request());
    let sql = |request: &crate::check::common::Request<'_>| -> Vec<(String, String)> {
        request.sql.iter().map(|(name, sql)| ((*name).to_owned(), squeezed(&sql.text))).collect()
    };
    let alike = relations(base, old) == relations(head, new)
        && filters(old) == filters(new)
        && asked.columns == asks.columns
        && sql(&asked) == sql(&asks)
        && before.common().connection == after.common().connection
        && asked.arguments.keys().eq(asks.arguments.keys());
    if !alike {
        return Measures::Anything;
    }
    let arguments = asked.arguments.iter().zip(&asks.arguments).map(|((name, was), (_, is))| match *name {
        "query" => match (was.as_str(), is.as_str()) {
            (Some(was), Some(is)) if named_alike(base, was) == named_alike(head, is) => Measures::Same,
            _ => Measures::Anything,
        },
        // What an argument does to the number is known to the project alone.
        _ if matches!(new, Spec::own(_)) => {
            if was == is {
                Measures::Same
            } else {
                Measures::Anything
            }
        }
        _ => argument(name, was, is),
    });
    let arguments = arguments.fold(Measures::Same, Measures::and);
    // What is judged here and not in SQL.
    let judged = match (old, new) {
        (Spec::unique(was), Spec::unique(is)) => {
            let passes =
                |null: &Option<crate::diagnostic::At<crate::check::argument::Nulls>>| crate::check::argument::null_passes(null.as_ref());
            argument("null_passes", &Value::Bool(passes(&was.null)), &Value::Bool(passes(&is.null)))
        }
        (Spec::freshness(was), Spec::freshness(is)) if was.timezone != is.timezone => Measures::Anything,
        (Spec::reconcile_rows(was), Spec::reconcile_rows(is))
            if (&was.key, &was.columns, &was.exclude, &was.float_digits) != (&is.key, &is.columns, &is.exclude, &is.float_digits) =>
        {
            Measures::Anything
        }
        _ => Measures::Same,
    };
    arguments.and(judged)
}

/// One argument of a template. Those whose effect on the number of bad rows is known by their meaning, else any difference is one.
fn argument(name: &str, was: &Value, is: &Value) -> Measures {
    if was == is {
        return Measures::Same;
    }
    let number = |value: &Value| value.get("number").and_then(Value::as_str).and_then(|text| text.parse::<Decimal>().ok());
    let wider = |wide: bool| if wide { Measures::Fewer } else { Measures::More };
    match (name, was, is) {
        ("null_passes", Value::Bool(_), Value::Bool(passes)) => wider(*passes),
        ("min" | "max", Value::Null, _) => Measures::More,
        ("min" | "max", _, Value::Null) => Measures::Fewer,
        ("min", ..) => {
            number(was).zip(number(is)).map_or(Measures::Anything, |(was, is)| if was == is { Measures::Same } else { wider(is < was) })
        }
        // That a tolerance is there or not also decides what is an error; only its size is comparable.
        ("max" | "relative" | "absolute", ..) => {
            number(was).zip(number(is)).map_or(Measures::Anything, |(was, is)| if was == is { Measures::Same } else { wider(is > was) })
        }
        ("values", Value::Array(was), Value::Array(is)) => {
            let within = |few: &[Value], many: &[Value]| few.iter().all(|value| many.contains(value));
            match (within(was, is), within(is, was)) {
                (true, true) => Measures::Same,
                (true, false) => Measures::Fewer,
                (false, true) => Measures::More,
                (false, false) => Measures::Anything,
            }
        }
        _ => Measures::Anything,
    }
}

/// Compiled SQL with the project's relations by unique id: another target has other schemas, and asks the same.
fn named_alike(version: &Version<'_>, sql: &str) -> String {
    let mut names: Vec<(&str, &str)> = version
        .project
        .nodes
        .values()
        .filter_map(|node| Some((node.relation_name.as_deref()?, node.unique_id.as_str())))
        .filter(|(name, _)| !name.is_empty() && sql.contains(name))
        .collect();
    // The longest first: one name may be the beginning of another.
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    squeezed(&names.into_iter().fold(sql.to_owned(), |sql, (name, id)| sql.replace(name, &format!("\u{1}{id}\u{1}"))))
}

/// Without spaces that do not matter. Text in quotes keeps its own; where it is not certain what is in quotes, all is left as it is.
fn squeezed(sql: &str) -> String {
    if sql.contains(['\\', '$']) || sql.contains("--") || sql.contains("/*") || sql.contains('#') {
        return sql.trim().to_owned();
    }
    let (mut out, mut quote) = (String::with_capacity(sql.len()), None);
    for c in sql.trim().chars() {
        match quote {
            Some(open) => {
                out.push(c);
                quote = Some(open).filter(|open| *open != c);
            }
            None if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            None => {
                out.push(c);
                quote = Some(c).filter(|c| ['\'', '"', '`'].contains(c));
            }
        }
    }
    out
}
