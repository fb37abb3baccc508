//! dbt's threshold strings (`"> 10"`, `"!=0"`, `"between 1 and 5"`) and percentages of the rows seen (`">= 5%"`).

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// How the measured number is compared with the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `=`, `==`
    Equal,
    /// `!=`, `<>`
    NotEqual,
}

/// One threshold: crossed when `measured <comparison> bound` is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// How to compare.
    pub comparison: Comparison,
    /// With what; a share of 100 when `percent`.
    pub bound: Decimal,
    /// Whether the bound is a percentage of the rows seen.
    pub percent: bool,
}

impl std::str::FromStr for Threshold {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a threshold; write an operator and one number, such as \"> 10\" or \">= 5%\"");
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !"<>=!".contains(c)).ok_or_else(wrong)?;
        let (operator, rest) = trimmed.split_at(split);
        let comparison = match operator {
            ">" => Comparison::Above,
            ">=" => Comparison::AtLeast,
            "<" => Comparison::Below,
            "<=" => Comparison::AtMost,
            "=" | "==" => Comparison::Equal,
            "!=" | "<>" => Comparison::NotEqual,
            _ => return Err(wrong()),
        };
        let rest = rest.trim();
        let (number, percent) = rest.strip_suffix('%').map_or((rest, false), |number| (number.trim_end(), true));
        let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
        let bound = plain.then(|| number.parse().ok()).flatten().ok_or_else(wrong)?;
        Ok(Threshold { comparison, bound, percent })
    }
}

impl std::fmt::Display for Threshold {
    /// As a contract writes it: `> 10`, `>= 5%`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operator = match self.comparison {
            Comparison::Above => ">",
            Comparison::AtLeast => ">=",
            Comparison::Below => "<",
            Comparison::AtMost => "<=",
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
        };
        write!(f, "{operator} {}{}", self.bound, if self.percent { "%" } else { "" })
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Threshold {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Threshold".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A threshold: an operator (>, >=, <, <=, =, !=) and a number, or a percentage of the rows seen",
            "pattern": r"^\s*(>|>=|<|<=|=|==|!=|<>)\s*-?\d+(\.\d+)?\s*%?\s*$",
            "examples": ["> 0", ">= 5%"]
        })
    }
}
