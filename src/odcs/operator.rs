//! ODCS says what must be, a contract says what warns or holds: one is the other's opposite.

use serde_json::{Map, Value, json};

/// ODCS's operators and the threshold that each one's opposite is.
const OPPOSITES: [(&str, &str); 6] = [
    ("mustBe", "!="),
    ("mustNotBe", "="),
    ("mustBeGreaterThan", "<="),
    ("mustBeGreaterOrEqualTo", "<"),
    ("mustBeLessThan", ">="),
    ("mustBeLessOrEqualTo", ">"),
];

/// The operator of a rule: its name and its value.
pub(super) fn of(rule: &Value) -> Option<(&'static str, &Value)> {
    let between = ["mustBeBetween", "mustNotBeBetween"];
    OPPOSITES.iter().map(|(name, _)| *name).chain(between).find_map(|name| Some((name, rule.get(name)?)))
}

/// Whether a failure of the rule only warns.
pub(super) fn warns(rule: &Value) -> bool {
    let severity = rule.get("severity").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    ["info", "warn", "warning", "low", "minor"].contains(&severity.as_str())
}

/// The thresholds of a check that counts what is bad, as its keys. `None` where no threshold says the same.
pub(super) fn thresholds(rule: &Value) -> Option<Map<String, Value>> {
    let mut keys = Map::new();
    let percent = if rule.get("unit").and_then(Value::as_str) == Some("percent") { "%" } else { "" };
    let number = |value: &Value| {
        value.as_number().map(ToString::to_string).or_else(|| value.as_str().filter(|text| text.parse::<f64>().is_ok()).map(str::to_owned))
    };
    let (name, value) = of(rule)?;
    let threshold = match (name, value) {
        ("mustBe" | "mustBeLessOrEqualTo", value) if number(value).as_deref() == Some("0") => None,
        ("mustBeBetween", Value::Array(bounds)) if bounds.first().and_then(Value::as_f64) == Some(0.0) => {
            Some(format!("> {}{percent}", number(bounds.get(1)?)?))
        }
        (name, value) => {
            let (_, opposite) = OPPOSITES.iter().find(|(operator, _)| *operator == name)?;
            Some(format!("{opposite} {}{percent}", number(value)?))
        }
    };
    match (threshold, warns(rule)) {
        (Some(threshold), warns) => drop(keys.insert(if warns { "warn_if" } else { "hold_if" }.to_owned(), json!(threshold))),
        (None, true) => drop(keys.insert("severity".to_owned(), json!("warn"))),
        (None, false) => {}
    }
    Some(keys)
}

/// The SQL condition under which a measured value is not what it must be.
pub(super) fn violated(rule: &Value) -> Option<String> {
    let literal = |value: &Value| match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(format!("'{}'", text.replace('\'', "''"))),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let (name, value) = of(rule)?;
    let pair = || Some((literal(value.get(0)?)?, literal(value.get(1)?)?));
    let kept = match name {
        "mustBe" => format!("= {}", literal(value)?),
        "mustNotBe" => format!("<> {}", literal(value)?),
        "mustBeGreaterThan" => format!("> {}", literal(value)?),
        "mustBeGreaterOrEqualTo" => format!(">= {}", literal(value)?),
        "mustBeLessThan" => format!("< {}", literal(value)?),
        "mustBeLessOrEqualTo" => format!("<= {}", literal(value)?),
        "mustBeBetween" => pair().map(|(low, high)| format!("between {low} and {high}"))?,
        "mustNotBeBetween" => pair().map(|(low, high)| format!("not between {low} and {high}"))?,
        _ => return None,
    };
    Some(format!("measured is null or not (measured {kept})"))
}

/// The operator, unit and severity of a rule from a check's own keys.
pub(super) fn from_check(arguments: &Map<String, Value>) -> Map<String, Value> {
    let mut keys = Map::new();
    let text = |key: &str| arguments.get(key).and_then(Value::as_str);
    let (threshold, severity) = match (text("hold_if"), text("warn_if"), text("severity")) {
        (Some(threshold), _, _) => (Some(threshold), "error"),
        (None, Some(threshold), _) => (Some(threshold), "warning"),
        (None, None, Some("warn")) => (None, "warning"),
        (None, None, _) => (None, "error"),
    };
    let split = threshold.map(str::trim).and_then(|text| text.find(|c: char| !"<>=!".contains(c)).map(|at| text.split_at(at)));
    let found = split.and_then(|(sign, bound)| {
        let sign = if sign == "==" {
            "="
        } else if sign == "<>" {
            "!="
        } else {
            sign
        };
        let (bound, unit) = bound.trim().strip_suffix('%').map_or((bound.trim(), "rows"), |bound| (bound.trim(), "percent"));
        let bound: serde_json::Number = bound.parse().ok()?;
        let (operator, _) = OPPOSITES.iter().find(|(_, opposite)| *opposite == sign)?;
        Some((*operator, bound, unit))
    });
    match found {
        Some((operator, bound, unit)) => {
            keys.insert(operator.to_owned(), Value::Number(bound));
            keys.insert("unit".to_owned(), json!(unit));
        }
        None => drop(keys.insert("mustBe".to_owned(), json!(0))),
    }
    keys.insert("severity".to_owned(), json!(severity));
    keys
}
