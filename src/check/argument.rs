//! The values that arguments of checks are made of: `model.column`, exact numbers, percentages, literals, bounds.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::diagnostic::{At, Finding, codes};

/// Splits `model.column`, `model.v2.column` or `source.table.column` at the last dot, both halves at the place of the whole.
/// `None` when a half is missing.
pub fn split_column(path: &At<String>) -> Option<(At<String>, At<String>)> {
    let (relation, column) = path.value.rsplit_once('.')?;
    let half = |text: &str| (!text.trim().is_empty()).then(|| At { value: text.trim().to_owned(), span: path.span });
    Some((half(relation)?, half(column)?))
}

/// The relation half; the whole text when it does not split (then [`column_problem`] has something to say).
pub fn relation_of(path: &At<String>) -> At<String> {
    split_column(path).map_or_else(|| path.clone(), |(relation, _)| relation)
}

/// The column half; the whole text when it does not split.
pub fn column_of(path: &At<String>) -> At<String> {
    split_column(path).map_or_else(|| path.clone(), |(_, column)| column)
}

/// Says that a text is not `model.column`.
pub fn column_problem(path: &At<String>) -> Option<Finding> {
    split_column(path).is_none().then(|| {
        Finding::error(codes::BAD_CHECK, format!("`{}` names no column", path.value))
            .at(path.span)
            .help("write model.column, or source.table.column for a source")
    })
}

/// One or several columns of one relation, written as `column: model.column`, or as `model:` with `columns: [...]`.
#[derive(Debug, Clone, Copy)]
pub struct ColumnsOf<'a> {
    /// `model.column`.
    pub column: Option<&'a At<String>>,
    /// The relation of `columns`.
    pub model: Option<&'a At<String>>,
    /// Bare column names.
    pub columns: Option<&'a At<Vec<At<String>>>>,
}

impl ColumnsOf<'_> {
    /// The relation as written; empty text when nothing names one.
    pub fn relation(&self) -> At<String> {
        match (self.column, self.model) {
            (Some(path), None) => relation_of(path),
            (_, Some(model)) => model.clone(),
            (None, None) => At::nowhere(String::new()),
        }
    }
    /// The columns as written.
    pub fn names(&self) -> Vec<At<String>> {
        match (self.column, self.columns) {
            (Some(path), None) => vec![column_of(path)],
            (_, Some(columns)) => columns.value.clone(),
            (None, None) => Vec::new(),
        }
    }
    /// Says what is missing, doubled or malformed.
    pub fn problems(&self) -> Vec<Finding> {
        let form = "write either column: model.column, or model: and columns: [...]";
        match (self.column, self.model, self.columns) {
            (Some(path), None, None) => column_problem(path).into_iter().collect(),
            (None, Some(model), Some(columns)) => {
                let empty = columns
                    .value
                    .is_empty()
                    .then(|| Finding::error(codes::CONTRADICTION, "no column is named").at(columns.span).help(form));
                let doubled = columns.value.iter().enumerate().filter_map(|(place, name)| {
                    let again = columns.value[..place].iter().any(|earlier| earlier.eq_ignore_ascii_case(name));
                    again.then(|| Finding::error(codes::CONTRADICTION, format!("`{name}` is named twice")).at(name.span))
                });
                let nameless = model
                    .value
                    .trim()
                    .is_empty()
                    .then(|| Finding::error(codes::CONTRADICTION, "no model is named").at(model.span).help(form));
                empty.into_iter().chain(nameless).chain(doubled).collect()
            }
            (None, Some(model), None) => vec![Finding::error(codes::CONTRADICTION, "the columns are missing").at(model.span).help(form)],
            (None, None, Some(columns)) => vec![Finding::error(codes::CONTRADICTION, "the model is missing").at(columns.span).help(form)],
            (None, None, None) => vec![Finding::error(codes::CONTRADICTION, "no column is named").help(form)],
            (Some(path), _, _) => {
                vec![Finding::error(codes::CONTRADICTION, "`column` excludes `model` and `columns`").at(path.span).help(form)]
            }
        }
    }
}

/// What NULL counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// A NULL satisfies the check.
    Pass,
    /// A NULL is a bad row (default).
    Fail,
}

/// Whether NULL satisfies the check; without the key it does not.
pub fn null_passes(nulls: Option<&At<Nulls>>) -> bool {
    match nulls.map(|at| at.value) {
        Some(Nulls::Pass) => true,
        Some(Nulls::Fail) | None => false,
    }
}

/// A number exactly as written; finite by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub Decimal);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Number {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.strip_prefix('-').unwrap_or(text);
        let digits = !plain.is_empty()
            && plain.chars().all(|c| c.is_ascii_digit() || c == '.')
            && plain.starts_with(|c: char| c.is_ascii_digit())
            && plain.ends_with(|c: char| c.is_ascii_digit());
        let exact = digits.then(|| Decimal::from_str_exact(text).ok()).flatten();
        exact.map(Number).ok_or_else(|| format!("`{text}` is not a number; write digits with an optional point, at most 28 of them"))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Number(number) => Ok(number),
            Scalar::Text(text) => text.parse().map_err(de::Error::custom),
            Scalar::Boolean(value) => Err(de::Error::custom(format!("`{value}` is not a number"))),
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, exactly as written; in quotes when it has more than 15 digits",
            "oneOf": [{ "type": "number" }, { "type": "string", "pattern": r"^-?\d+(\.\d+)?$" }]
        })
    }
}

/// One literal value: text, a number or a truth value. Never NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scalar {
    Text(String),
    Number(Number),
    Boolean(bool),
}

impl Scalar {
    /// As the templates see it: text as text, a number as [`Number`] text in an object that the `literal` filter knows, a truth value as itself.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Scalar::Text(text) => serde_json::Value::String(text.clone()),
            Scalar::Number(number) => number_json(number.0),
            Scalar::Boolean(value) => serde_json::Value::Bool(*value),
        }
    }
}

/// An exact number for a template: `{"number": "0.005"}`; a JSON number could lose digits.
pub fn number_json(number: Decimal) -> serde_json::Value {
    serde_json::json!({ "number": number.to_string() })
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl Visitor<'_> for ScalarVisitor {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a truth value")
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Boolean(value))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(Number(Decimal::from(value))))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(Number(Decimal::from(value))))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
                // The shortest text that reads back as `value` is what was written, as long as that has at most 15 digits.
                let text = value.to_string();
                let exact = text.chars().filter(char::is_ascii_digit).count() <= 15;
                let number = exact.then(|| text.parse().ok()).flatten();
                number.map(Scalar::Number).ok_or_else(|| E::custom(format!("`{text}` may have lost digits; write the number in quotes")))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A text, a number or a truth value", "type": ["string", "number", "boolean"] })
    }
}

/// A share of 100, as written: `0.5%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentage(pub Decimal);

impl Percentage {
    /// The share of one, exact: 0.5% is 0.005. `None` when the digits do not fit.
    pub fn share(&self) -> Option<Decimal> {
        let share = self.0.checked_div(Decimal::ONE_HUNDRED)?;
        (share.checked_mul(Decimal::ONE_HUNDRED)? == self.0).then_some(share)
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl FromStr for Percentage {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().strip_suffix('%').map(str::trim_end).and_then(|number| number.parse::<Number>().ok());
        number.map(|number| Percentage(number.0)).ok_or_else(|| format!("`{text}` is not a percentage; write it as 0.5%"))
    }
}

impl<'de> Deserialize<'de> for Percentage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Percentage {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percentage".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^\s*-?\d+(\.\d+)?\s*%\s*$", "description": "A percentage", "examples": ["0.5%"] })
    }
}
