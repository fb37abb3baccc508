//! A kind of check that a project defines: what the head of its template says of it. The head is YAML in the template's first comment; a contract is read, a
//! schema made and a check judged by it, as by the kinds of the program. Not for its SQL: see [`crate::macros`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::KINDS;
use super::argument::{Number, Scalar};
use super::common::Expect;
use crate::calendar::Age;
use crate::diagnostic::{At, Finding, codes};
use crate::yaml;

/// The kinds of a project, by name.
pub type Kinds = BTreeMap<String, Arc<Definition>>;

/// What the head of a template says.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What the kind asks, in one sentence.
    pub about: At<String>,
    /// What readers see of a check that has no title of its own.
    #[serde(default)]
    pub title: Option<At<String>>,
    /// What is counted, in the plural: `orders`; `rows` when absent.
    #[serde(default)]
    pub unit: Option<At<String>>,
    /// What is wrong with them, after the number and the unit: `without an invoice`.
    #[serde(default)]
    pub wrong: Option<At<String>>,
    /// Whether the first measure counts `rows` of the model (default), of which no more than all can be bad, or other `things`.
    #[serde(default)]
    pub counts: Option<At<Counts>>,
    /// What a check says besides `model` and the keys of every kind.
    #[serde(default)]
    pub arguments: IndexMap<At<String>, Argument>,
    /// The numbers that the template measures, in order; the first is how many are bad.
    #[schemars(extend("minProperties" = 1))]
    pub measures: IndexMap<At<String>, At<Measure>>,
    /// The kind's name: that of its file.
    #[serde(skip)]
    pub name: String,
}

/// What the first measure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Counts {
    Rows,
    Things,
}

/// What a measure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Measure {
    Count,
    Number,
    Text,
    Time,
}

impl Measure {
    /// What its column must be.
    pub fn expect(self) -> Expect {
        match self {
            Measure::Count => Expect::Count,
            Measure::Number => Expect::NumberOrNull,
            Measure::Text => Expect::Text,
            Measure::Time => Expect::Time,
        }
    }
}

/// One argument of a kind.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: At<ArgumentType>,
    /// What it means, in one sentence.
    pub about: At<String>,
    /// What counts where a check does not say it; without it the argument is required.
    #[serde(default)]
    pub default: Option<At<Given>>,
    /// `true`: a check need not say it, and the template then sees none.
    #[serde(default)]
    pub optional: Option<At<bool>>,
    /// The words of a `choice`.
    #[serde(default)]
    pub of: Option<At<Vec<At<String>>>>,
}

/// What an argument can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ArgumentType {
    Text,
    Number,
    Whole,
    Truth,
    Age,
    Choice,
    Texts,
    Numbers,
    /// A column of the model.
    Column,
    /// Several columns of the model.
    Columns,
    /// An SQL expression over the model.
    Expression,
    /// Another relation.
    Relation,
}

/// A value as a contract or a head writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Given {
    One(Scalar),
    Many(Vec<Scalar>),
}

impl JsonSchema for Given {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Given".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A value, or a list of values",
            "anyOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "array", "items": { "type": ["string", "number", "boolean"] } }
            ]
        })
    }
}

impl Given {
    /// The one text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Given::One(Scalar::Text(text)) => Some(text),
            Given::One(_) | Given::Many(_) => None,
        }
    }
    /// Every value.
    pub fn all(&self) -> &[Scalar] {
        match self {
            Given::One(one) => std::slice::from_ref(one),
            Given::Many(many) => many,
        }
    }
}

impl ArgumentType {
    /// JSON Schema of what a contract writes.
    fn schema(self, of: Option<&At<Vec<At<String>>>>) -> Value {
        let number = json!({ "oneOf": [{ "type": "number" }, { "type": "string", "pattern": r"^-?\d+(\.\d+)?$" }] });
        match self {
            ArgumentType::Text | ArgumentType::Column | ArgumentType::Expression | ArgumentType::Relation => json!({ "type": "string" }),
            ArgumentType::Number => number,
            ArgumentType::Whole => json!({ "type": "integer" }),
            ArgumentType::Truth => json!({ "type": "boolean" }),
            ArgumentType::Age => json!({ "type": "string", "pattern": r"^\s*\d+\s*[a-z]+\s*$", "examples": ["36h", "7d"] }),
            ArgumentType::Choice => {
                let words: Vec<&str> = of.map_or_else(Vec::new, |of| of.iter().map(|word| word.as_str()).collect());
                json!({ "type": "string", "enum": words })
            }
            ArgumentType::Texts | ArgumentType::Columns => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
            ArgumentType::Numbers => json!({ "type": "array", "items": number, "minItems": 1 }),
        }
    }

    /// What a template sees of a value; `None` where the value is not of this type.
    pub fn seen(self, given: &Given, of: Option<&At<Vec<At<String>>>>) -> Option<Value> {
        let number = |scalar: &Scalar| match scalar {
            Scalar::Number(number) => Some(super::argument::number_json(number.0)),
            Scalar::Text(text) => text.parse::<Number>().ok().map(|number| super::argument::number_json(number.0)),
            Scalar::Boolean(_) => None,
        };
        let word = |scalar: &Scalar| match scalar {
            Scalar::Text(text) if !text.trim().is_empty() => Some(Value::String(text.clone())),
            Scalar::Text(_) | Scalar::Number(_) | Scalar::Boolean(_) => None,
        };
        match (self, given) {
            (ArgumentType::Text, Given::One(Scalar::Text(text))) => Some(json!(text)),
            (ArgumentType::Column | ArgumentType::Relation | ArgumentType::Expression, Given::One(one)) => word(one),
            (ArgumentType::Choice, Given::One(Scalar::Text(text))) => {
                of.is_some_and(|of| of.iter().any(|word| word.value == *text)).then(|| json!(text))
            }
            (ArgumentType::Number, Given::One(one)) => number(one),
            (ArgumentType::Whole, Given::One(Scalar::Number(whole))) => {
                i64::try_from(whole.0).ok().filter(|_| whole.0.is_integer()).map(|whole| json!(whole))
            }
            (ArgumentType::Truth, Given::One(Scalar::Boolean(truth))) => Some(json!(truth)),
            (ArgumentType::Age, Given::One(Scalar::Text(text))) => text.parse::<Age>().ok().map(|age| json!(age.seconds)),
            (ArgumentType::Texts | ArgumentType::Columns, Given::Many(many)) if !many.is_empty() => many.iter().map(word).collect(),
            (ArgumentType::Numbers, Given::Many(many)) if !many.is_empty() => many.iter().map(number).collect(),
            _ => None,
        }
    }
}

impl Argument {
    /// Whether a check must say it.
    pub fn required(&self) -> bool {
        self.default.is_none() && !self.optional.as_ref().is_some_and(|optional| optional.value)
    }
}

/// The text of a template's first comment, and the number of lines before it; `None` where the template does not begin with one.
fn head(text: &str) -> Option<(&str, u32)> {
    let start = text.len() - text.trim_start().len();
    let inner = text.get(start..)?.strip_prefix("{#")?;
    let (inner, _) = inner.split_once("#}")?;
    let begins = start + 2 + usize::from(inner.starts_with('-'));
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    let lines = text.get(..begins)?.matches('\n').count();
    Some((inner, u32::try_from(lines).unwrap_or(u32::MAX)))
}

/// Whether a template begins with a head: a comment whose first word is a key of one.
pub fn has_head(text: &str) -> bool {
    head(text).is_some_and(|(inner, _)| inner.trim_start().starts_with("about:"))
}

/// Reads the head of a template whose file is named `name`.
///
/// # Errors
/// Everything that is wrong with it, at its place.
pub fn read(name: &str, text: &str, file: &Path) -> Result<Definition, Vec<Finding>> {
    let Some((inner, lines)) = head(text).filter(|_| has_head(text)) else {
        let finding = Finding::error(codes::MACRO_FILE, format!("`{name}` is no kind of check, and its file does not say what it asks"));
        return Err(vec![finding.in_file(file).help("begin it with a comment that does: {# about: ... #}, as macros/README.md shows")]);
    };
    let read = yaml::read::<Definition>(inner, file);
    let moved = |mut finding: Finding| {
        if let Some(span) = &mut finding.span {
            span.line = span.line.saturating_add(lines);
        }
        finding
    };
    let mut findings = read.findings;
    let definition = read.value.map(|definition| Definition { name: name.to_owned(), ..definition });
    findings.extend(definition.iter().flat_map(Definition::problems).map(|finding| finding.in_file(file)));
    match definition {
        Some(definition) if findings.is_empty() => Ok(definition),
        Some(_) | None => Err(findings.into_iter().map(moved).collect()),
    }
}

/// Keys that every kind has, besides `model`.
pub(super) const SHARED: [&str; 16] = [
    "name",
    "title",
    "where",
    "severity",
    "warn_if",
    "hold_if",
    "unit",
    "recover",
    "affects",
    "affects_only",
    "because",
    "min_rows",
    "allow_empty",
    "connection",
    "samples",
    "severity_for",
];

impl Definition {
    /// What contradicts itself in the head.
    fn problems(&self) -> Vec<Finding> {
        let mut problems = Vec::new();
        let wrong = |message: String, span| Finding::error(codes::BAD_MACRO, message).at(span);
        let plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        if !plain(&self.name) || KINDS.contains(&self.name.as_str()) {
            let finding = wrong(format!("`{}` cannot be the name of a kind", self.name), self.about.span);
            problems.push(finding.help("name the file with small letters, digits and `_`"));
        }
        for (text, key) in
            [(Some(&self.about), "about"), (self.title.as_ref(), "title"), (self.unit.as_ref(), "unit"), (self.wrong.as_ref(), "wrong")]
        {
            if let Some(text) = text.filter(|text| text.trim().is_empty()) {
                problems.push(wrong(format!("`{key}` says nothing"), text.span));
            }
        }
        for (name, argument) in &self.arguments {
            if !plain(name) || SHARED.contains(&name.as_str()) || name.value == "model" {
                let finding = wrong(format!("`{name}` cannot be the name of an argument"), name.span);
                problems.push(finding.help("use small letters, digits and `_`, and no key that every kind has"));
            }
            if let (Some(default), Some(optional)) = (&argument.default, &argument.optional)
                && optional.value
            {
                problems.push(wrong(format!("`{name}` has a default, so a check need not say it"), default.span));
            }
            match (argument.kind.value, &argument.of) {
                (ArgumentType::Choice, None) => {
                    problems.push(wrong(format!("`{name}` is a choice of nothing"), argument.kind.span).help("add of: [...]"))
                }
                (ArgumentType::Choice, Some(of)) if of.is_empty() => {
                    problems.push(wrong(format!("`{name}` is a choice of nothing"), of.span))
                }
                (ArgumentType::Choice, Some(_)) | (_, None) => {}
                (_, Some(of)) => problems.push(wrong(format!("`{name}` is no choice, so `of` means nothing"), of.span)),
            }
            if let Some(default) = &argument.default
                && argument.kind.seen(default, argument.of.as_ref()).is_none()
            {
                problems.push(wrong(format!("the default of `{name}` is of another type"), default.span));
            }
        }
        for (name, _) in self.measures.iter().filter(|(name, _)| !plain(name)) {
            problems.push(wrong(format!("`{name}` cannot be the name of a measure"), name.span));
        }
        if let Some((name, first)) = self.measures.first()
            && first.value != Measure::Count
        {
            problems.push(wrong(format!("the first measure, `{name}`, must be a count: how many are bad"), first.span));
        }
        problems
    }

    /// Whether the first measure counts rows of the model.
    pub fn counts_rows(&self) -> bool {
        match self.counts.as_ref().map(|counts| counts.value) {
            Some(Counts::Rows) | None => true,
            Some(Counts::Things) => false,
        }
    }

    /// JSON Schema of a check of this kind; `shared` is that of the keys that every kind has, with `model`.
    pub fn schema(&self, shared: &Value) -> Value {
        let mut properties = serde_json::Map::new();
        let keys = shared.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut required = vec![json!("model")];
        properties.extend(keys.get("model").map(|model| ("model".to_owned(), model.clone())));
        for (name, argument) in &self.arguments {
            let mut schema = argument.kind.schema(argument.of.as_ref());
            schema["description"] = json!(argument.about.value);
            if let Some(default) = argument.default.as_ref().and_then(|default| argument.kind.seen(default, argument.of.as_ref())) {
                // An age is seen in seconds, a number as its digits: what a person writes is said in words.
                let plain = !matches!(argument.kind.value, ArgumentType::Age | ArgumentType::Number | ArgumentType::Numbers);
                schema["default"] = if plain { default } else { json!(written(argument.default.as_ref())) };
            }
            properties.insert(name.value.clone(), schema);
            if argument.required() {
                required.push(json!(name.value));
            }
        }
        for (key, schema) in keys {
            properties.entry(key).or_insert(schema);
        }
        json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required, "description": self.about.value })
    }
}

/// A default as a person writes it.
fn written(default: Option<&At<Given>>) -> String {
    let one = |scalar: &Scalar| match scalar {
        Scalar::Text(text) => text.clone(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Boolean(truth) => truth.to_string(),
    };
    default.map_or_else(String::new, |given| given.all().iter().map(one).collect::<Vec<_>>().join(", "))
}
