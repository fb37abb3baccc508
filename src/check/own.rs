//! A check of a kind that the project defines: see [`super::definition`].

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::argument::Scalar;
use super::common::{Common, Grammar, Part, Request, Sql};
use super::definition::{Argument, ArgumentType, Definition, Given, Kinds};
use super::judge::{Bad, count, fault, text};
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// The keys that a check of every kind of a project has.
    pub struct SharedKeys {
        /// The relation whose rows are looked at.
        pub model: At<String>,
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    /// The kind's name.
    pub kind: String,
    /// The relation whose rows are looked at.
    pub model: At<String>,
    /// Arguments as written.
    pub given: IndexMap<At<String>, At<Given>>,
    /// What its kind is; `None` where the project has no such kind.
    pub definition: Option<Arc<Definition>>,
    common: Common,
}

/// What is written under the kind's name.
pub struct Written {
    model: Option<At<String>>,
    given: IndexMap<At<String>, At<Given>>,
    common: Common,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Written;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the arguments of a check")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut written = Written { model: None, given: IndexMap::new(), common: Common::default() };
                let common = &mut written.common;
                while let Some(key) = map.next_key::<At<String>>()? {
                    match key.as_str() {
                        "model" => written.model = Some(map.next_value()?),
                        "name" => common.name = Some(map.next_value()?),
                        "title" => common.title = Some(map.next_value()?),
                        "where" => common.filter = Some(map.next_value()?),
                        "severity" => common.severity = Some(map.next_value()?),
                        "warn_if" => common.warn_if = Some(map.next_value()?),
                        "hold_if" => common.hold_if = Some(map.next_value()?),
                        "unit" => common.unit = Some(map.next_value()?),
                        "recover" => common.recover = Some(map.next_value()?),
                        "affects" => common.affects = map.next_value()?,
                        "affects_only" => common.affects_only = Some(map.next_value()?),
                        "because" => common.because = Some(map.next_value()?),
                        "min_rows" => common.min_rows = Some(map.next_value()?),
                        "allow_empty" => common.allow_empty = Some(map.next_value()?),
                        "severity_for" => common.severity_for = map.next_value()?,
                        "samples" => common.samples = Some(map.next_value()?),
                        "connection" => common.connection = Some(map.next_value()?),
                        _ => {
                            let value = map.next_value()?;
                            written.given.insert(key, value);
                        }
                    }
                }
                Ok(written)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl Own {
    /// A check as written, not yet bound to what its kind is.
    ///
    /// # Errors
    /// No model.
    pub fn of<E: de::Error>(kind: String, written: Written) -> Result<Own, E> {
        let Written { model, given, common } = written;
        let model = model.ok_or_else(|| E::missing_field("model"))?;
        Ok(Own { kind, model, given, definition: None, common })
    }

    /// Gives the check what its kind is, if the project has it.
    pub fn bind(&mut self, kinds: &Kinds) {
        self.definition = kinds.get(&self.kind).cloned();
    }

    /// Each argument of the kind with what the check, or else the kind, says.
    fn arguments(&self) -> impl Iterator<Item = (&str, &Argument, Option<&At<Given>>)> {
        let declared = self.definition.iter().flat_map(|definition| &definition.arguments);
        declared.map(|(name, argument)| {
            let said = self.given.iter().find(|(given, _)| given.value == name.value).map(|(_, value)| value);
            (name.value.as_str(), argument, said.or(argument.default.as_ref()))
        })
    }

    /// The texts of the arguments of one type, where they stand.
    fn texts(&self, wanted: ArgumentType) -> impl Iterator<Item = At<String>> {
        self.arguments().filter(move |(_, argument, _)| argument.kind.value == wanted).filter_map(|(_, _, value)| value).flat_map(|value| {
            let text = |scalar: &Scalar| match scalar {
                Scalar::Text(text) => Some(At { value: text.clone(), span: value.span }),
                Scalar::Number(_) | Scalar::Boolean(_) => None,
            };
            value.all().iter().filter_map(text).collect::<Vec<_>>()
        })
    }
}

impl super::Kind for Own {
    fn common(&self) -> Common {
        let mut common = self.common.clone();
        if let Some(definition) = &self.definition {
            let of = |text: &Option<At<String>>| text.as_ref().map(|text| At::nowhere(text.value.clone()));
            common.title = common.title.or_else(|| of(&definition.title));
            common.unit = common.unit.or_else(|| of(&definition.unit));
        }
        common
    }
    fn relations(&self) -> Vec<At<String>> {
        std::iter::once(self.model.clone()).chain(self.texts(ArgumentType::Relation)).collect()
    }
    fn subject(&self) -> Vec<Part> {
        let columns = self.texts(ArgumentType::Column).chain(self.texts(ArgumentType::Columns));
        let columns = columns.map(|column| Part::Column { relation: 0, column });
        let expressions = self.texts(ArgumentType::Expression).map(|sql| Part::Expression { relation: 0, sql });
        columns.chain(expressions).chain([Part::Rendered]).collect()
    }
    fn request(&self) -> Request<'_> {
        let Some(definition) = &self.definition else { return Request::default() };
        let columns = definition.measures.iter().map(|(name, measure)| (name.value.as_str(), measure.value.expect()));
        let mut request = Request { columns: columns.collect(), ..Request::default() };
        for (name, argument, value) in self.arguments() {
            let expression = value.filter(|_| argument.kind.value == ArgumentType::Expression);
            match expression.and_then(|value| value.text().map(|text| At { value: text.to_owned(), span: value.span })) {
                Some(sql) => request.sql.push((name, Sql { text: sql, grammar: Grammar::Expression })),
                None => {
                    let seen = value.and_then(|value| argument.kind.seen(value, argument.of.as_ref()));
                    request.arguments.insert(name, seen.unwrap_or(Value::Null));
                }
            }
        }
        request
    }
    fn has_failing_rows(&self) -> bool {
        true // where its template says which; the planner knows
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        let Some(definition) = &self.definition else {
            return Judgement::Error(fault(Reason::Internal, format!("the project has no kind `{}`", self.kind)));
        };
        let bad = match count(measurement, 0) {
            Ok(bad) => bad,
            Err(fault) => return Judgement::Error(fault),
        };
        let others = definition.measures.keys().enumerate().skip(1);
        let facts = others.filter_map(|(at, name)| Some((name.value.clone(), text(measurement, at)?))).collect();
        let wrong = definition.wrong.as_ref().map_or_else(|| format!("found by {}", self.kind), |wrong| wrong.value.clone());
        let among_rows = definition.counts_rows();
        let common = self.common();
        Bad { common: &common, rows_seen: measurement.rows_seen, bad, among_rows, unit: "rows", wrong: &wrong, facts }.judge()
    }
    fn problems(&self) -> Vec<Finding> {
        let unknown = self
            .definition
            .is_none()
            .then(|| Finding::error(codes::UNKNOWN_KEY, format!("the project has no kind `{}`", self.kind)).at(self.model.span));
        let unfit = self.arguments().filter_map(|(name, argument, value)| {
            let value = value.filter(|value| argument.kind.seen(value, argument.of.as_ref()).is_none())?;
            Some(Finding::error(codes::BAD_CHECK, format!("`{name}` cannot be this: {}", argument.about.value)).at(value.span))
        });
        unknown.into_iter().chain(unfit).collect()
    }
}
