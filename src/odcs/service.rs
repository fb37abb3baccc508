//! Service levels: how often, until when, how old. Those that a contract can promise become its schedule and freshness checks.

use serde_json::{Map, Value, json};

use super::{items, said};

/// The schedule of a document's service levels; what is left is said.
pub(super) fn schedule(document: &Value, left: &mut Vec<String>) -> Option<Value> {
    let levels = items(document, "slaProperties");
    let named = |name: &'static str| levels.iter().filter(move |level| said(level, "property") == Some(name));
    let frequency = named("frequency").next();
    let mut times = named("timeOfAvailability");
    let time = times.next();
    left.extend(times.map(|more| format!("timeOfAvailability {}: a contract has one deadline", value(more))));
    if frequency.is_none() && time.is_none() {
        return None;
    }
    let interval = match frequency {
        None => "day",
        Some(level) => match (level.get("value").and_then(Value::as_f64), said(level, "unit").map(str::to_lowercase).as_deref()) {
            (Some(1.0), Some("d" | "day" | "days")) => "day",
            (Some(1.0), Some("w" | "week" | "weeks")) => "week",
            (Some(1.0), Some("mo" | "month" | "months")) => "month",
            (Some(1.0), Some("h" | "hr" | "hour" | "hours")) => "hour",
            _ => {
                left.push(format!(
                    "frequency {} {}: a run covers an hour, a day, a week or a month",
                    value(level),
                    said(level, "unit").unwrap_or_default()
                ));
                return None;
            }
        },
    };
    let mut schedule = Map::new();
    schedule.insert("interval".to_owned(), json!(interval));
    if let Some(level) = time {
        match deadline(&value(level), interval) {
            Some((ready_by, zone)) => {
                schedule.extend(zone.map(|zone| ("timezone".to_owned(), json!(zone))));
                schedule.insert("ready_by".to_owned(), json!(ready_by));
            }
            None => left.push(format!("timeOfAvailability {}: not a time of a day that a contract can promise", value(level))),
        }
    }
    Some(Value::Object(schedule))
}

/// `09:00-08:00` as a deadline and its zone.
fn deadline(text: &str, interval: &str) -> Option<(String, Option<String>)> {
    let (clock, offset) = match text.find(['+', '-', 'Z', 'z']) {
        Some(at) => (text.get(..at)?, text.get(at..)?),
        None => (text, ""),
    };
    let mut parts = clock.trim().split(':');
    let (hour, minute): (u8, u8) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let zone = match offset.trim() {
        "" => None,
        "Z" | "z" => Some("UTC".to_owned()),
        offset => {
            let (sign, rest) = offset.split_at_checked(1)?;
            let hours: u8 = rest.get(..2)?.parse().ok()?;
            // Only whole hours have a name of their own; the sign of that name is the other way round.
            rest.get(2..).filter(|rest| ["", ":00", "00"].contains(rest))?;
            match (sign, hours) {
                (_, 0) => Some("UTC".to_owned()),
                ("+", 1..=14) => Some(format!("Etc/GMT-{hours}")),
                ("-", 1..=12) => Some(format!("Etc/GMT+{hours}")),
                _ => return None,
            }
        }
    };
    let ready_by = match interval {
        "day" => format!("{hour:02}:{minute:02}"),
        "week" => format!("monday {hour:02}:{minute:02}"),
        "month" => format!("day 1 {hour:02}:{minute:02}"),
        _ => return None,
    };
    Some((ready_by, zone))
}

/// A relation and a column of it, as contracts write them, by the table and column of a document.
pub(super) type Find<'a> = dyn Fn(&str, &str) -> Option<(String, String)> + 'a;

/// A latency as a freshness check; `find` gives the model of an element's table.
pub(super) fn freshness(document: &Value, find: &Find<'_>, left: &mut Vec<String>) -> Vec<Value> {
    let mut checks = Vec::new();
    for level in items(document, "slaProperties") {
        let name = said(level, "property").unwrap_or_default();
        match name {
            "latency" | "freshness" | "ly" => {}
            "frequency" | "timeOfAvailability" => continue,
            other => {
                left.push(format!("{other} {}: nothing that data can be asked for", value(level)));
                continue;
            }
        }
        let unit = match said(level, "unit").map(str::to_lowercase).as_deref() {
            Some("d" | "day" | "days") => "d",
            Some("h" | "hr" | "hrs" | "hour" | "hours") => "h",
            Some("min" | "mins" | "minute" | "minutes") => "m",
            _ => {
                left.push(format!(
                    "{name} {} {}: not a number of minutes, hours or days",
                    value(level),
                    said(level, "unit").unwrap_or_default()
                ));
                continue;
            }
        };
        let element = said(level, "element").or_else(|| said(document, "slaDefaultElement")).unwrap_or_default();
        let found = element.rsplit_once('.').and_then(|(table, column)| find(table.trim(), column.trim()));
        match (found, level.get("value").and_then(Value::as_u64)) {
            (Some((model, column)), Some(age)) => {
                checks.push(json!({ "freshness": { "model": model, "loaded_at": column, "hold_after": format!("{age}{unit}") } }));
            }
            (None, _) => left.push(format!("{name} of `{element}`: no column of the project")),
            (Some(_), None) => left.push(format!("{name} {}: not a whole number", value(level))),
        }
    }
    checks
}

/// A level's value in words.
fn value(level: &Value) -> String {
    match level.get("value") {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// The service levels of a contract.
pub(super) fn levels(contract: &Value) -> Vec<Value> {
    let mut levels = Vec::new();
    if let Some(schedule) = contract.get("schedule") {
        let unit = match said(schedule, "interval") {
            Some("hour") => "h",
            Some("week") => "w",
            Some("month") => "mo",
            _ => "d",
        };
        levels.push(json!({ "property": "frequency", "value": 1, "unit": unit }));
        let clock = said(schedule, "ready_by").and_then(|ready_by| ready_by.split_whitespace().find(|word| word.contains(':')));
        let zone = said(schedule, "timezone").unwrap_or("UTC");
        levels.extend(clock.map(|clock| json!({ "property": "timeOfAvailability", "value": clock, "description": format!("{}, {zone}", said(schedule, "ready_by").unwrap_or(clock)) })));
    }
    let ages = items(contract, "sources").iter().filter_map(|source| Some((said(source, "source")?, source.get("freshness")?)));
    let of_checks = items(contract, "checks").iter().filter_map(|check| check.get("freshness"));
    let of_checks = of_checks.filter_map(|check| Some((said(check, "model").or_else(|| said(check, "source"))?, check)));
    for (table, freshness) in ages.chain(of_checks) {
        let age = said(freshness, "hold_after").or_else(|| said(freshness, "warn_after"));
        let split = age.and_then(|age| age.find(|c: char| c.is_ascii_alphabetic()).map(|at| age.split_at(at)));
        let (Some((number, unit)), Some(column)) = (split, said(freshness, "loaded_at")) else { continue };
        let (Ok(number), unit) = (number.trim().parse::<u64>(), if unit == "m" { "min" } else { unit }) else { continue };
        levels.push(json!({ "property": "latency", "value": number, "unit": unit, "element": format!("{table}.{column}") }));
    }
    levels
}
