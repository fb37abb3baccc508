//! An ODCS document -> a contract: rules become checks, service levels a schedule and freshness. What cannot be carried is said, never dropped in silence.

use serde_json::{Map, Value, json};

use super::{OWN, items, operator, own, said, service};

/// What is known of the project that the contract is for.
pub struct Around<'a> {
    /// The model or source of a table's name, as contracts write it.
    pub relation: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a relation has a column; its name as it is there.
    pub column: &'a dyn Fn(&str, &str) -> Option<String>,
}

/// A contract, and what the document says beyond it.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// As a contract is written.
    pub contract: Value,
    /// What could not be carried, a sentence each.
    pub left: Vec<String>,
}

/// Reads a document.
///
/// # Errors
/// It is none of ODCS 3, or nothing of it can be a metric.
pub fn import(document: &Value, around: &Around<'_>) -> Result<Imported, String> {
    let (kind, version) = (said(document, "kind"), said(document, "apiVersion").unwrap_or_default());
    if kind != Some("DataContract") || !version.starts_with("v3.") {
        return Err("this is no data contract of ODCS 3: `kind: DataContract` and `apiVersion: v3.1.0` must be there".to_owned());
    }
    let mut left = Vec::new();
    let mut found = Found::default();
    for object in items(document, "schema") {
        of_object(object, around, &mut found, &mut left);
    }
    found.checks.sort_by_key(|(position, _)| *position);
    let mut checks: Vec<Value> = found.checks.into_iter().map(|(_, check)| check).collect();
    if let Some(Value::Object(ours)) = own(document) {
        let mut contract = ours.clone();
        if !checks.is_empty() {
            contract.insert("checks".to_owned(), Value::Array(in_place(checks, ours.get("checks"))));
        }
        return Ok(Imported { contract: in_order(contract), left });
    }
    if found.metrics.is_empty() {
        return Err("no column of it is a number in a model of the project: nothing can be a metric".to_owned());
    }
    let column = |table: &str, column: &str| {
        // The document's own names come first: its schema of this name may be another relation of the project.
        let own = found.names.iter().find(|(name, _)| name == table).map(|(_, relation)| relation.clone());
        let relation = own.or_else(|| (around.relation)(table))?;
        let column = (around.column)(&relation, column)?;
        Some((relation, column))
    };
    checks.extend(service::freshness(document, &column, &mut left));
    let mut contract = Map::new();
    contract.insert("version".to_owned(), json!(1));
    let name = said(document, "name").or_else(|| said(document, "dataProduct")).or_else(|| said(document, "id")).unwrap_or("imported");
    contract.insert("contract".to_owned(), json!(identifier(name)));
    contract.insert("title".to_owned(), json!(name));
    let purpose = document.get("description").and_then(|description| said(description, "purpose").or_else(|| description.as_str()));
    contract.extend(purpose.map(|purpose| ("promise".to_owned(), json!(purpose))));
    contract.insert("owners".to_owned(), json!({ "technical": owner(document) }));
    contract.extend(service::schedule(document, &mut left).map(|schedule| ("schedule".to_owned(), schedule)));
    contract.insert("metrics".to_owned(), Value::Object(found.metrics));
    if !checks.is_empty() {
        contract.insert("checks".to_owned(), Value::Array(checks));
    }
    for (key, what) in [
        ("servers", "the profile of dbt says where the data is"),
        ("roles", "grants are the warehouse's"),
        ("price", "a contract has no price"),
    ] {
        if document.get(key).is_some() {
            left.push(format!("{key}: {what}"));
        }
    }
    Ok(Imported { contract: Value::Object(contract), left })
}

/// What the schema says.
#[derive(Default)]
struct Found {
    /// Position and check.
    checks: Vec<(u64, Value)>,
    metrics: Map<String, Value>,
    /// Names of objects, and the relation of each.
    names: Vec<(String, String)>,
}

fn of_object(object: &Value, around: &Around<'_>, found: &mut Found, left: &mut Vec<String>) {
    let names: Vec<&str> = [said(object, "physicalName"), said(object, "name")].into_iter().flatten().collect();
    let name = names.last().copied().unwrap_or("a schema without a name");
    let Some(relation) = names.iter().find_map(|name| (around.relation)(name)) else {
        left.push(format!("schema {name}: no model or source of the project has this name, so nothing of it is checked"));
        return;
    };
    found.names.extend(names.iter().map(|name| ((*name).to_owned(), relation.clone())));
    for rule in items(object, "quality") {
        of_rule(rule, &relation, None, found, left);
    }
    let mut keys: Vec<(i64, String)> = Vec::new();
    for property in items(object, "properties") {
        let names = [said(property, "physicalName"), said(property, "name")];
        let written = names[1].or(names[0]).unwrap_or("a property without a name");
        let Some(column) = names.into_iter().flatten().find_map(|name| (around.column)(&relation, name)) else {
            left.push(format!("{name}.{written}: {relation} has no such column"));
            continue;
        };
        let flag = |key: &str| property.get(key).and_then(Value::as_bool) == Some(true);
        let path = format!("{relation}.{column}");
        // The rules of our own export say what these flags say.
        let ours = items(property, "quality").iter().any(|rule| own(rule).is_some());
        if flag("primaryKey") {
            keys.push((property.get("primaryKeyPosition").and_then(Value::as_i64).unwrap_or(0), column.clone()));
        } else if flag("unique") && !ours {
            found.checks.push((u64::MAX, json!({ "unique": { "column": path } })));
        }
        if flag("required") && !flag("primaryKey") && !ours {
            found.checks.push((u64::MAX, json!({ "not_null": { "column": path } })));
        }
        let number = matches!(said(property, "logicalType"), Some("number" | "integer"));
        if number && !flag("primaryKey") && !flag("unique") && items(property, "relationships").is_empty() {
            let mut metric = Map::new();
            metric.extend(said(property, "businessName").map(|title| ("title".to_owned(), json!(title))));
            metric.insert("column".to_owned(), json!(path));
            metric.extend(said(property, "description").map(|meaning| ("meaning".to_owned(), json!(meaning))));
            let key = identifier(written);
            let key = if found.metrics.contains_key(&key) { identifier(&format!("{name}_{written}")) } else { key };
            found.metrics.insert(key, Value::Object(metric));
        }
        for rule in items(property, "quality") {
            of_rule(rule, &relation, Some(&column), found, left);
        }
    }
    keys.sort();
    let columns: Vec<&String> = keys.iter().map(|(_, column)| column).collect();
    match columns.as_slice() {
        [] => {}
        [one] => found.checks.push((u64::MAX, json!({ "unique": { "column": format!("{relation}.{one}") } }))),
        several => found.checks.push((u64::MAX, json!({ "unique": { "model": relation, "columns": several } }))),
    }
}

/// One rule as a check; what it is called, for people.
fn of_rule(rule: &Value, relation: &str, column: Option<&str>, found: &mut Found, left: &mut Vec<String>) {
    let place = column.map_or_else(|| relation.to_owned(), |column| format!("{relation}.{column}"));
    let name = said(rule, "name").or_else(|| said(rule, "description")).or_else(|| said(rule, "metric")).unwrap_or("a rule");
    if let Some(ours) = own(rule) {
        let position = ours.get("position").and_then(Value::as_u64).unwrap_or(u64::MAX);
        match ours.get("check") {
            Some(check) => found.checks.push((position, check.clone())),
            None => left.push(format!("{name} on {place}: says of presscheck, but no check")),
        }
        return;
    }
    match check(rule, relation, column) {
        Ok((kind, mut arguments)) => {
            arguments.extend(said(rule, "name").map(|title| ("title".to_owned(), json!(title))));
            let metric = said(rule, "metric").unwrap_or_default();
            let key = identifier(&[kind, &place.replace('.', "_"), metric].join("_"));
            let taken = |name: &str| {
                found.checks.iter().any(|(_, check)| {
                    check.as_object().is_some_and(|check| check.values().any(|of| of.get("name").and_then(Value::as_str) == Some(name)))
                })
            };
            let free = (1..1000).map(|number| if number == 1 { key.clone() } else { format!("{key}_{number}") }).find(|name| !taken(name));
            arguments.insert("name".to_owned(), json!(free.unwrap_or(key)));
            found.checks.push((u64::MAX, json!({ kind: arguments })));
        }
        Err(why) => left.push(format!("{name} on {place}: {why}")),
    }
}

type Check = (&'static str, Map<String, Value>);

fn check(rule: &Value, relation: &str, column: Option<&str>) -> Result<Check, String> {
    let whole = |value: Value| value.as_object().cloned().unwrap_or_default();
    let counted = || operator::thresholds(rule).ok_or_else(|| "what it must be is no threshold of a number of bad rows".to_owned());
    let path = || column.map(|column| format!("{relation}.{column}")).ok_or_else(|| "it names no column".to_owned());
    let arguments = rule.get("arguments").cloned().unwrap_or_default();
    match (said(rule, "type").unwrap_or("library"), said(rule, "metric").or_else(|| said(rule, "rule"))) {
        ("library", Some("nullValues")) => Ok(("not_null", whole(json!({ "column": path()? })).into_iter().chain(counted()?).collect())),
        ("library", Some("missingValues")) => {
            let (column, values) = (column.ok_or("it names no column")?, items(&arguments, "missingValues"));
            let texts: Vec<String> =
                values.iter().filter_map(Value::as_str).map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
            let expression =
                if texts.is_empty() { format!("{column} is not null") } else { format!("{column} not in ({})", texts.join(", ")) };
            Ok(("expression", whole(json!({ "model": relation, "expression": expression })).into_iter().chain(counted()?).collect()))
        }
        ("library", Some("invalidValues")) => {
            let mut keys = whole(json!({ "column": path()? }));
            let kind = match (items(&arguments, "validValues"), said(&arguments, "pattern")) {
                (values @ [_, ..], None) => {
                    keys.insert("values".to_owned(), json!(values));
                    "accepted_values"
                }
                ([], Some(pattern)) => {
                    keys.insert("pattern".to_owned(), json!(pattern));
                    "matches"
                }
                _ => return Err("it needs either validValues or a pattern".to_owned()),
            };
            keys.insert("null".to_owned(), json!("pass"));
            Ok((kind, keys.into_iter().chain(counted()?).collect()))
        }
        ("library", Some("duplicateValues")) => {
            let listed = items(&arguments, "properties");
            let mut keys = if listed.is_empty() {
                whole(json!({ "column": path()? }))
            } else {
                whole(json!({ "model": relation, "columns": listed }))
            };
            keys.insert("null".to_owned(), json!("pass"));
            Ok(("unique", keys.into_iter().chain(counted()?).collect()))
        }
        ("library", Some("rowCount")) => {
            if rule.get("unit").and_then(Value::as_str) == Some("percent") {
                return Err("a number of rows is no percentage".to_owned());
            }
            let mut keys = whole(json!({ "model": relation }));
            match operator::of(rule) {
                Some(("mustBeBetween", Value::Array(bounds))) if bounds.len() == 2 => {
                    keys.insert("between".to_owned(), json!({ "min": bounds.first(), "max": bounds.get(1) }));
                    if operator::warns(rule) {
                        keys.insert("severity".to_owned(), json!("warn"));
                    }
                }
                Some(("mustBe" | "mustBeLessOrEqualTo", zero)) if zero.as_u64() == Some(0) => {
                    return Err("an empty relation is no evidence of anything".to_owned());
                }
                _ => keys.extend(counted()?),
            }
            Ok(("row_count", keys))
        }
        ("library", other) => Err(format!("there is no kind for the metric {}", other.unwrap_or("that it does not name"))),
        ("sql", _) => {
            let query = said(rule, "query").ok_or("it has no query")?;
            let mut query = query.trim().trim_end_matches(';').to_owned();
            for (name, with) in [("object", "{{ model }}"), ("table", "{{ model }}"), ("model", "{{ model }}")] {
                query = query.replace(&format!("${{{name}}}"), with).replace(&format!("{{{name}}}"), with);
            }
            // `{{ model }}` holds the short form in itself.
            query = query.replace("{{{ model }}}", "{{ model }}");
            for name in ["property", "column"] {
                let with = column.unwrap_or_default();
                query = query.replace(&format!("${{{name}}}"), with).replace(&format!("{{{name}}}"), with);
            }
            let violated = operator::violated(rule).ok_or("what its value must be is not said")?;
            let query = format!("select measured from (\n{query}\n) as asked (measured)\nwhere {violated}");
            let mut keys = whole(json!({ "model": relation, "query": query, "unit": "results" }));
            if operator::warns(rule) {
                keys.insert("severity".to_owned(), json!("warn"));
            }
            Ok(("sql", keys))
        }
        ("text", _) => Err("it is told in words, which nothing can measure".to_owned()),
        ("custom", _) => match (said(rule, "engine"), rule.get("implementation")) {
            (Some(OWN), Some(Value::Object(check))) if check.len() == 1 => Err("it says nothing of where it stood".to_owned()),
            (engine, _) => Err(format!("it is written for {}", engine.unwrap_or("another engine"))),
        },
        (other, _) => Err(format!("there is no type of rule `{other}`")),
    }
}

/// Checks that stand with objects, among those that the root keeps, at their positions.
fn in_place(stood: Vec<Value>, kept: Option<&Value>) -> Vec<Value> {
    let mut all: Vec<(u64, Value)> = Vec::new();
    let kept = kept.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut stood = stood.into_iter();
    for (position, one) in kept.into_iter().enumerate() {
        let check = if one.is_null() { stood.next() } else { Some(one) };
        all.extend(check.map(|check| (u64::try_from(position).unwrap_or(u64::MAX), check)));
    }
    all.extend(stood.map(|check| (u64::MAX, check)));
    all.into_iter().map(|(_, check)| check).collect()
}

/// The keys of a contract in the order in which people write them.
fn in_order(mut contract: Map<String, Value>) -> Value {
    let mut ordered = Map::new();
    for key in [
        "version",
        "contract",
        "title",
        "exposure",
        "promise",
        "tier",
        "owners",
        "schedule",
        "escalation",
        "recovery",
        "sources",
        "metrics",
        "checks",
        "caveats",
        "waivers",
        "publish",
    ] {
        if let Some(value) = contract.remove(key) {
            ordered.insert(key.to_owned(), value);
        }
    }
    ordered.extend(contract);
    Value::Object(ordered)
}

fn owner(document: &Value) -> Value {
    let team = document.get("team");
    let member = team.into_iter().flat_map(|team| items(team, "members").iter().chain(team.as_array().into_iter().flatten()));
    let owner = member.clone().find(|member| said(member, "role").is_some_and(|role| role.to_lowercase().contains("owner")));
    let name =
        team.and_then(|team| said(team, "name")).or_else(|| owner.or(member.clone().next()).and_then(|member| said(member, "username")));
    let name = name.or_else(|| said(document, "domain")).unwrap_or("Data owners");
    let contact = items(document, "support").iter().find_map(|support| {
        let address = said(support, "url").and_then(|url| url.strip_prefix("mailto:"));
        address.or_else(|| said(support, "channel").filter(|channel| channel.contains('@') || channel.starts_with('#')))
    });
    let mut owner = Map::new();
    owner.insert("team".to_owned(), json!(name));
    owner.extend(contact.map(|contact| ("contact".to_owned(), json!(contact))));
    Value::Object(owner)
}

/// Letters, digits and `_`.
fn identifier(text: &str) -> String {
    let plain: String = text.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let plain = plain.trim_matches('_').to_owned();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("_{plain}") }
}
