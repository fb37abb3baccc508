//! A contract -> an ODCS document: each relation that a check names is a schema, each check a rule of it. A check that ODCS has words for is written in
//! them; each keeps the check itself besides, so that nothing is lost on the way back.

use serde_json::{Map, Value, json};

use super::{OWN, VERSION, items, operator, said, service};

/// The document of a contract, given as it is written. `relation` names what a check is about: its first relation and, where it is about one, the column.
pub fn export(contract: &Value, relation: &dyn Fn(usize) -> Option<(String, Option<String>)>) -> Value {
    let mut objects: Vec<Object> = Vec::new();
    for metric in contract.get("metrics").and_then(Value::as_object).into_iter().flat_map(|metrics| metrics.values()) {
        if let Some((model, column)) = said(metric, "column").and_then(|path| path.rsplit_once('.')) {
            let property = object(&mut objects, model).property(column);
            property.title = said(metric, "title").map(str::to_owned);
            property.meaning = said(metric, "meaning").map(str::to_owned);
        }
    }
    // What stands with no relation stays with the root; the others leave their place there.
    let mut kept: Vec<Value> = Vec::new();
    for (position, check) in items(contract, "checks").iter().enumerate() {
        match relation(position) {
            Some((model, column)) => {
                let rule = rule(check, position, column.as_deref());
                let of = object(&mut objects, &model);
                match column {
                    Some(column) => of.property(&column).rules.push(rule),
                    None => of.rules.push(rule),
                }
                kept.push(Value::Null);
            }
            None => kept.push(check.clone()),
        }
    }
    let mut own = contract.as_object().cloned().unwrap_or_default();
    if !kept.is_empty() {
        own.insert("checks".to_owned(), Value::Array(kept));
    }
    let mut document = Map::new();
    let name = said(contract, "contract").unwrap_or("contract");
    document.insert("apiVersion".to_owned(), json!(VERSION));
    document.insert("kind".to_owned(), json!("DataContract"));
    document.insert("id".to_owned(), json!(name));
    document.insert("name".to_owned(), json!(said(contract, "title").unwrap_or(name)));
    document.insert("version".to_owned(), json!("1.0.0"));
    document.insert("status".to_owned(), json!("active"));
    document.extend(said(contract, "promise").map(|promise| ("description".to_owned(), json!({ "purpose": promise }))));
    let owners = contract.get("owners");
    let owner = owners.and_then(|owners| owners.get("technical").or_else(|| owners.get("business")));
    document.extend(owner.and_then(|owner| said(owner, "team")).map(|team| ("team".to_owned(), json!({ "name": team }))));
    let contact = owner.and_then(|owner| said(owner, "contact"));
    document.extend(contact.map(|contact| {
        let address = contact.contains('@').then(|| json!({ "channel": contact, "tool": "email", "url": format!("mailto:{contact}") }));
        ("support".to_owned(), json!([address.unwrap_or_else(|| json!({ "channel": contact }))]))
    }));
    let levels = service::levels(contract);
    if !levels.is_empty() {
        document.insert("slaProperties".to_owned(), Value::Array(levels));
    }
    if !objects.is_empty() {
        document.insert("schema".to_owned(), Value::Array(objects.into_iter().map(Object::written).collect()));
    }
    document.insert("customProperties".to_owned(), json!([{ "property": OWN, "value": own, "description": "The contract's own keys" }]));
    Value::Object(document)
}

#[derive(Default)]
struct Object {
    name: String,
    rules: Vec<Value>,
    properties: Vec<Property>,
}

#[derive(Default)]
struct Property {
    name: String,
    title: Option<String>,
    meaning: Option<String>,
    rules: Vec<Value>,
}

fn object<'o>(objects: &'o mut Vec<Object>, name: &str) -> &'o mut Object {
    let at = objects.iter().position(|object| object.name == name).unwrap_or_else(|| {
        objects.push(Object { name: name.to_owned(), ..Object::default() });
        objects.len() - 1
    });
    &mut objects[at]
}

impl Object {
    fn property(&mut self, name: &str) -> &mut Property {
        let at = self.properties.iter().position(|property| property.name == name).unwrap_or_else(|| {
            self.properties.push(Property { name: name.to_owned(), ..Property::default() });
            self.properties.len() - 1
        });
        &mut self.properties[at]
    }
    fn written(self) -> Value {
        let mut object = Map::new();
        object.insert("name".to_owned(), json!(self.name));
        if !self.properties.is_empty() {
            object.insert("properties".to_owned(), Value::Array(self.properties.into_iter().map(Property::written).collect()));
        }
        if !self.rules.is_empty() {
            object.insert("quality".to_owned(), Value::Array(self.rules));
        }
        Value::Object(object)
    }
}

impl Property {
    fn written(self) -> Value {
        let mut property = Map::new();
        property.insert("name".to_owned(), json!(self.name));
        property.extend(self.title.map(|title| ("businessName".to_owned(), json!(title))));
        property.extend(self.meaning.map(|meaning| ("description".to_owned(), json!(meaning))));
        if !self.rules.is_empty() {
            property.insert("quality".to_owned(), Value::Array(self.rules));
        }
        Value::Object(property)
    }
}

/// One check as a rule.
fn rule(check: &Value, position: usize, column: Option<&str>) -> Value {
    let (kind, arguments) = check
        .as_object()
        .and_then(|check| check.iter().next())
        .map_or((OWN, Map::new()), |(kind, arguments)| (kind.as_str(), arguments.as_object().cloned().unwrap_or_default()));
    let mut rule = Map::new();
    let text = |key: &str| arguments.get(key).and_then(Value::as_str);
    rule.insert("name".to_owned(), json!(text("title").or_else(|| text("name")).unwrap_or(kind)));
    match library(kind, &arguments, column) {
        Some(words) => rule.extend(words),
        None => {
            rule.insert("type".to_owned(), json!("custom"));
            rule.insert("engine".to_owned(), json!(OWN));
            rule.insert("implementation".to_owned(), check.clone());
            let warns = text("severity") == Some("warn") || (text("warn_if").is_some() && text("hold_if").is_none());
            rule.insert("severity".to_owned(), json!(if warns { "warning" } else { "error" }));
        }
    }
    let dimension = match kind {
        "not_null" => Some("completeness"),
        "unique" => Some("uniqueness"),
        "accepted_values" | "range" | "matches" | "schema" => Some("conformity"),
        "relationships" | "reconcile" | "reconcile_rows" => Some("consistency"),
        "freshness" => Some("timeliness"),
        "row_count" | "date_coverage" | "groups_present" => Some("coverage"),
        "expression" | "aggregate" | "sql" | "change" => Some("accuracy"),
        _ => None,
    };
    rule.extend(dimension.map(|dimension| ("dimension".to_owned(), json!(dimension))));
    rule.insert("customProperties".to_owned(), json!([{ "property": OWN, "value": { "position": position, "check": check } }]));
    Value::Object(rule)
}

/// A rule in ODCS's own words; `None` where these would say something else.
fn library(kind: &str, arguments: &Map<String, Value>, column: Option<&str>) -> Option<Map<String, Value>> {
    // What limits the rows, or counts something else than rows, has no word there.
    if ["where", "count", "connection", "severity_for"].iter().any(|key| arguments.contains_key(*key)) {
        return None;
    }
    let passes_null = arguments.get("null").and_then(Value::as_str) == Some("pass");
    let mut rule = Map::new();
    let mut metric = |name: &str, of: Option<Value>| {
        rule.insert("type".to_owned(), json!("library"));
        rule.insert("metric".to_owned(), json!(name));
        rule.extend(of.map(|of| ("arguments".to_owned(), of)));
    };
    match kind {
        "not_null" if column.is_some() => metric("nullValues", None),
        "unique" if passes_null && column.is_some() => metric("duplicateValues", None),
        "unique" if passes_null => metric("duplicateValues", Some(json!({ "properties": arguments.get("columns")? }))),
        "accepted_values" if passes_null => metric("invalidValues", Some(json!({ "validValues": arguments.get("values")? }))),
        "matches" if passes_null => metric("invalidValues", Some(json!({ "pattern": arguments.get("pattern")? }))),
        "row_count" => {
            let between = arguments.get("between")?.as_object()?;
            let (low, high) = (between.get("min").filter(|low| low.is_u64()), between.get("max").filter(|high| high.is_u64()));
            let written = between.values().filter(|bound| bound.is_u64()).count() == between.len();
            metric("rowCount", None);
            let (operator, value) = match (low, high) {
                (Some(low), Some(high)) if written && low != high => ("mustBeBetween", json!([low, high])),
                (Some(low), Some(_)) if written => ("mustBe", low.clone()),
                (Some(low), None) if written => ("mustBeGreaterOrEqualTo", low.clone()),
                (None, Some(high)) if written => ("mustBeLessOrEqualTo", high.clone()),
                _ => return None,
            };
            rule.insert(operator.to_owned(), value);
            let warns = arguments.get("severity").and_then(Value::as_str) == Some("warn");
            rule.insert("severity".to_owned(), json!(if warns { "warning" } else { "error" }));
            return Some(rule);
        }
        "sql" => {
            let query = arguments.get("query").and_then(Value::as_str).filter(|query| !query.contains("interval."))?;
            rule.insert("type".to_owned(), json!("sql"));
            rule.insert(
                "query".to_owned(),
                json!(format!("select count(*) from (\n{}\n) as failing", query.trim().replace("{{ model }}", "{object}"))),
            );
        }
        _ => return None,
    }
    rule.extend(operator::from_check(arguments));
    Some(rule)
}
