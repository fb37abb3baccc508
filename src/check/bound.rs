//! Bounds of a number: absolute, or relative to earlier runs (`50% of previous`).

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

use super::argument::{Number, Percentage, Scalar};
use super::baseline::Earlier;
use super::common::{Common, Severity};
use super::judge::{exact_product, fault};
use super::outcome::{Fault, Reason};
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
    /// The run of the interval before.
    Previous,
    /// The median of the last runs.
    Median,
    /// The last run of the same day of the week.
    SameWeekday,
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
            Bound::Relative(share, Base::SameWeekday) => write!(f, "{share} of same weekday"),
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
        let [share, "of", base @ ..] = words.as_slice() else { return Err(wrong()) };
        let share = share.parse().map_err(|_| wrong())?;
        match base {
            ["previous"] => Ok(Bound::Relative(share, Base::Previous)),
            ["median"] => Ok(Bound::Relative(share, Base::Median)),
            ["same", "weekday"] => Ok(Bound::Relative(share, Base::SameWeekday)),
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
                { "type": "string", "pattern": r"^\s*(-?\d+(\.\d+)?|\d+(\.\d+)?%\s+of\s+(previous|median|same\s+weekday))\s*$",
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
    /// What a check within these bounds asks for while there are too few earlier runs: a warning, unless its contract says `severity: hold`.
    /// `None` where no bound needs any.
    pub fn without_baseline(&self, common: &Common) -> Option<Severity> {
        let relative = self.min.iter().chain(&self.max).any(|bound| bound.absolute().is_none());
        relative.then(|| common.severity.as_ref().map_or(Severity::Warn, |severity| severity.value))
    }
    /// Says that a bound for the first runs cannot need earlier ones.
    pub fn problems_at_first(&self, whole: bool) -> Vec<Finding> {
        let relative = self.min.iter().chain(&self.max).find(|bound| bound.absolute().is_none());
        let relative = relative.map(|bound| {
            let finding = Finding::error(codes::BAD_CHECK, "`at_first` is for runs that have none before them").at(bound.span);
            finding.help("write numbers")
        });
        self.problems(whole).into_iter().chain(relative).collect()
    }

    /// How the value is out of bounds, if it is: below the lowest, or above the highest.
    ///
    /// # Errors
    /// A bound that needs more history than there is, or that cannot be compared exactly.
    pub fn beyond(&self, value: Decimal, earlier: &Earlier) -> Result<Option<Beyond>, Fault> {
        // Both are compared before either is believed.
        let min = self.min.as_ref().map(|bound| bound.value.against(value, earlier)).transpose()?;
        let max = self.max.as_ref().map(|bound| bound.value.against(value, earlier)).transpose()?;
        Ok(match (min, max) {
            (Some((Ordering::Less, bound)), _) => Some(Beyond::Below(bound)),
            (_, Some((Ordering::Greater, bound))) => Some(Beyond::Above(bound)),
            (Some(_) | None, Some(_) | None) => None,
        })
    }
}

/// Which bound a value is beyond, in words: `50% of previous (120)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Beyond {
    Below(String),
    Above(String),
}

impl Bound {
    /// On which side of the bound a value is. A share of a negative number is compared as the ratio of both, which then lies the other way round.
    fn against(&self, value: Decimal, earlier: &Earlier) -> Result<(Ordering, String), Fault> {
        let Bound::Relative(share, base) = self else {
            let Some(number) = self.absolute() else { return Err(fault(Reason::Internal, "a bound is neither number nor share")) };
            return Ok((value.cmp(&number), number.to_string()));
        };
        let base = earlier.base(*base)?;
        let words = format!("{self} ({base})");
        if base.is_zero() {
            if value.is_zero() {
                return Ok((Ordering::Equal, words));
            }
            return Err(fault(Reason::ZeroDenominator, format!("`{self}` is a share of 0, and {value} was measured")));
        }
        let inexact = || fault(Reason::OutOfRange, format!("{value} cannot be compared with {words} exactly"));
        let left = value.checked_mul(Decimal::ONE_HUNDRED).ok_or_else(inexact)?;
        let right = exact_product(share.0, base).ok_or_else(inexact)?;
        let order = left.cmp(&right);
        Ok((if base.is_sign_negative() { order.reverse() } else { order }, words))
    }
}
