//! Conditions on the name of a column, as `COLUMNS(lambda c: c LIKE 'a%')` has them: worked out here, since names are no data.
//!
//! `None` is for what is not known here: then nobody can say which columns there are.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::anatomy;
use super::resolve::{bare, object_parts};

/// Whether a name fulfils a condition on `parameter`.
pub(super) fn holds(condition: &Expr, parameter: &str, name: &str) -> Option<bool> {
    let holds = |part: &Expr| holds(part, parameter, name);
    let text = |part: &Expr| text(part, parameter, name);
    match bare(condition) {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => Some(holds(left)? & holds(right)?),
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => Some(holds(left)? | holds(right)?),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => Some(text(left)? == text(right)?),
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => Some(text(left)? != text(right)?),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Some(!holds(expr)?),
        Expr::Like { negated, any: false, expr, pattern, escape_char: None } => Some(like(&text(expr)?, &text(pattern)?)? != *negated),
        Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
            Some(like(&text(expr)?.to_lowercase(), &text(pattern)?.to_lowercase())? != *negated)
        }
        Expr::InList { expr, list, negated } => {
            let (of, list) = (text(expr)?, list.iter().map(text).collect::<Option<Vec<_>>>()?);
            Some(list.contains(&of) != *negated)
        }
        Expr::Function(function) => {
            let call = anatomy::call(function);
            let [of, with] = call.arguments.as_slice() else { return None };
            let (of, with) = (text(of)?, text(with)?);
            match object_parts(&function.name).join(".").as_str() {
                "starts_with" | "prefix" => Some(of.starts_with(&with)),
                "ends_with" | "suffix" => Some(of.ends_with(&with)),
                "contains" => Some(of.contains(&with)),
                "regexp_matches" => regex::Regex::new(&with).ok().map(|pattern| pattern.is_match(&of)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn text(expression: &Expr, parameter: &str, name: &str) -> Option<String> {
    match bare(expression) {
        Expr::Identifier(found) if found.value.eq_ignore_ascii_case(parameter) => Some(name.to_owned()),
        Expr::Value(literal) => match &literal.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Function(function) => {
            let call = anatomy::call(function);
            let [of] = call.arguments.as_slice() else { return None };
            let of = text(of, parameter, name)?;
            match object_parts(&function.name).join(".").as_str() {
                "lower" | "lcase" => Some(of.to_lowercase()),
                "upper" | "ucase" => Some(of.to_uppercase()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn like(text: &str, pattern: &str) -> Option<bool> {
    let pattern: String = regex::escape(pattern).replace('%', ".*").replace('_', ".");
    regex::Regex::new(&format!("(?s)^{pattern}$")).ok().map(|pattern| pattern.is_match(text))
}
