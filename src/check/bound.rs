//! Bounds of a number: absolute, or relative to earlier runs (`50% of previous`).

use std::fmt;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

use super::argument::{Number, Percentage, Scalar};
use crate::diagnostic::{At, Finding, codes};

/// Lowest and highest value, both allowed.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// The lowest value that is fine.
    #[serde(default)]
    pub min: Option<At<Bound>>,
    /// The highest value that is fine.
    #[serde(default)]
    pub max: Option<At<Bound>>,
}

/// One bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A number.
    Absolute(Decimal),
    /// A share of what earlier runs measured.
    Relative(Percentage, Base),
}

/// Which earlier runs a relative bound looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The last run that published.
    Previous,
    /// The median of the last runs.
    Median,
}

impl Bound {
    /// The number, when no history is needed.
    pub fn absolute(&self) -> Option<Decimal> {
        match self {
            Bound::Absolute(number) => Some(*number),
            Bound::Relative(..) => None,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Absolute(number) => number.fmt(f),
            Bound::Relative(share, Base::Previous) => write!(f, "{share} of previous"),
            Bound::Relative(share, Base::Median) => write!(f, "{share} of median"),
        }
    }
}

impl std::str::FromStr for Bound {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not a bound; write a number, or a share of an earlier run such as `50% of previous` or `200% of median`")
        };
        if let Ok(number) = text.trim().parse::<Number>() {
            return Ok(Bound::Absolute(number.0));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let [share, "of", base] = words.as_slice() else { return Err(wrong()) };
        let share = share.parse().map_err(|_| wrong())?;
        match *base {
            "previous" => Ok(Bound::Relative(share, Base::Previous)),
            "median" => Ok(Bound::Relative(share, Base::Median)),
            _ => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Number(number) => Ok(Bound::Absolute(number.0)),
            Scalar::Text(text) => text.parse().map_err(de::Error::custom),
            Scalar::Boolean(value) => Err(de::Error::custom(format!("`{value}` is not a bound; write a number"))),
        }
    }
}

impl JsonSchema for Bound {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bound".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or a share of what an earlier run measured",
            "oneOf": [
                { "type": "number" },
                { "type": "string", "pattern": r"^\s*(-?\d+(\.\d+)?|\d+(\.\d+)?%\s+of\s+(previous|median))\s*$",
                  "examples": ["50% of previous", "200% of median"] }
            ]
        })
    }
}

impl Between {
    /// What contradicts itself: no bound at all, a minimum above the maximum, a negative share, a fraction of a row.
    pub fn problems(&self, whole: bool) -> Vec<Finding> {
        let mut problems = Vec::new();
        let bounds: Vec<&At<Bound>> = self.min.iter().chain(&self.max).collect();
        if bounds.is_empty() {
            problems.push(Finding::error(codes::BAD_CHECK, "`between` has no bound").help("write min, max or both"));
        }
        for bound in &bounds {
            match bound.value {
                Bound::Relative(share, _) if share.0 < Decimal::ZERO => {
                    problems.push(Finding::error(codes::BAD_CHECK, "a share of an earlier run cannot be negative").at(bound.span));
                }
                Bound::Absolute(number) if whole && (number < Decimal::ZERO || !number.is_integer()) => {
                    problems.push(
                        Finding::error(codes::BAD_CHECK, format!("`{number}` is not a number of rows"))
                            .at(bound.span)
                            .help("write a whole number"),
                    );
                }
                Bound::Absolute(_) | Bound::Relative(..) => {}
            }
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && let (Some(low), Some(high)) = (min.absolute(), max.absolute())
            && low > high
        {
            problems.push(
                Finding::error(codes::BAD_CHECK, format!("the minimum {low} is above the maximum {high}: nothing can pass")).at(min.span),
            );
        }
        problems
    }
    /// Why the bounds cannot be compared without history, if so.
    pub fn needs_history(&self) -> Option<String> {
        let relative = self.min.iter().chain(&self.max).find(|bound| bound.absolute().is_none())?;
        Some(format!("`{}` needs the history of earlier runs", relative.value))
    }
}
