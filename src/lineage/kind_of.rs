//! Expression -> the sort of its values, where that is certain in every warehouse: columns, casts, literals, and functions that are known to give one
//! sort, or the sort of their argument.
//!
//! Not for what a value depends on (see `resolve`).

use std::cell::Cell;

use sqlparser::ast::{BinaryOperator, Expr, Function, UnaryOperator, Value};

use super::anatomy;
use super::functions::{self, Sort};
use super::kind::{Kind, Types};
use super::resolve::{Reader, bare, object_parts};
use super::scope::{Merged, Scope, Sight};

/// Expressions inside each other that are followed.
const DEEPEST: u32 = 40;
/// Expressions that are looked at for one value: names of the select list can mean each other many times over.
const MOST_STEPS: u32 = 500;

/// Functions of a whole number, or of a whole number of things.
const WHOLE: &str =
    "count count_if countif approx_count_distinct row_number rank dense_rank ntile length char_length character_length len strpos
    datediff date_diff year month day quarter week dayofweek dayofyear dayofmonth weekofyear hour minute regexp_count array_length
    array_size";
/// Functions that give one of the values of their first argument.
const OF_FIRST: &str =
    "min max any_value arbitrary first last first_value last_value nth_value lag lead nullif mode max_by min_by arg_max arg_min
    argmax argmin";
/// Functions that give one of their arguments.
const OF_ALL: &str = "coalesce ifnull nvl greatest least";
/// Functions that make a text of a text.
const OF_TEXT: &str =
    "upper lower ucase lcase initcap trim ltrim rtrim btrim replace regexp_replace substr substring left right lpad rpad concat
    split_part reverse";
/// Functions that give a day.
const DAYS: &str = "current_date to_date make_date last_day date";

fn is_of(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

impl Reader<'_> {
    /// The sort of an expression's values.
    pub(super) fn kind(&self, expression: &Expr, scope: &Scope<'_>) -> Kind {
        self.kind_within(expression, scope, (0, &Cell::new(MOST_STEPS)))
    }

    fn kind_within(&self, expression: &Expr, scope: &Scope<'_>, (depth, steps): (u32, &Cell<u32>)) -> Kind {
        let inner = |expression: &Expr| self.kind_within(expression, scope, (depth + 1, steps));
        if depth > DEEPEST || steps.get() == 0 {
            return Kind::UNKNOWN;
        }
        steps.set(steps.get() - 1);
        match bare(expression) {
            Expr::Identifier(name) => {
                let lower = name.value.to_lowercase();
                if self.parameters.contains(&lower) || self.bound_to(&lower).is_some() {
                    return Kind::UNKNOWN;
                }
                match scope.bare(&lower) {
                    Sight::At(spot) => scope.field(spot).kind,
                    Sight::Merged(at) => merged(&scope.merged[at], scope),
                    Sight::Nowhere => {
                        let alias = scope.aliases.iter().find(|(alias, _)| *alias == lower);
                        alias.map_or(Kind::UNKNOWN, |(_, expression)| inner(expression))
                    }
                    Sight::Several(_) | Sight::Maybe(_) | Sight::Ambiguous => Kind::UNKNOWN,
                }
            }
            Expr::CompoundIdentifier(names) => {
                let lower: Vec<String> = names.iter().map(|name| name.value.to_lowercase()).collect();
                let sight = lower.split_last().and_then(|(name, table)| Some(scope.within(scope.table(table)?, name)));
                match sight {
                    Some(Sight::At(spot)) if !self.parameters.contains(&lower[0]) => scope.field(spot).kind,
                    _ => Kind::UNKNOWN,
                }
            }
            Expr::Value(literal) => of_literal(&literal.value),
            Expr::Cast { data_type, .. } => self.of_type(&data_type.to_string()),
            Expr::TypedString(typed) => self.of_type(&typed.data_type.to_string()),
            Expr::Trim { expr, .. } | Expr::Substring { expr, .. } if inner(expr) == Kind::TEXT => Kind::TEXT,
            Expr::Position { .. } => Kind::INTEGER,
            Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::Exists { .. }
            | Expr::UnaryOp { op: UnaryOperator::Not, .. } => Kind::BOOLEAN,
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
                Some(inner(expr)).filter(|kind| *kind == Kind::INTEGER).unwrap_or_default()
            }
            Expr::BinaryOp { left, op, right } => match op {
                BinaryOperator::And
                | BinaryOperator::Or
                | BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq => Kind::BOOLEAN,
                BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Modulo => {
                    same(inner(left), inner(right), Kind::INTEGER)
                }
                BinaryOperator::StringConcat => same(inner(left), inner(right), Kind::TEXT),
                _ => Kind::UNKNOWN,
            },
            Expr::Case { conditions, else_result, .. } => {
                let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
                results.map(inner).reduce(Kind::or).unwrap_or_default()
            }
            Expr::Function(function) => self.kind_of_call(function, &inner),
            _ => Kind::UNKNOWN,
        }
    }

    /// The sort of a type that SQL names.
    fn of_type(&self, name: &str) -> Kind {
        Kind::named(name, self.manners.types).unwrap_or_default()
    }

    /// The sort of what a call gives; `kind` says that of an argument.
    fn kind_of_call(&self, function: &Function, kind: &impl Fn(&Expr) -> Kind) -> Kind {
        let name = object_parts(&function.name).join(".");
        let call = anatomy::call(function);
        if self.macros.contains_key(&name) {
            return Kind::UNKNOWN;
        }
        if is_of(WHOLE, &name) {
            return Kind::INTEGER;
        }
        if call.subquery.is_some() || call.star || !call.compared.is_empty() || !call.stars_of.is_empty() {
            return Kind::UNKNOWN;
        }
        let kinds = || call.arguments.iter().map(|argument| kind(argument));
        match call.arguments.as_slice() {
            _ if is_of(DAYS, &name) => Kind::DATE,
            // The value that stands in where there is no row may be of another type.
            [of, _, default] if ["lag", "lead"].contains(&name.as_str()) => kind(of).or(kind(default)),
            // With a number of values, `max(x, 3)` gives a list.
            [_, _, ..] if ["min", "max"].contains(&name.as_str()) => Kind::UNKNOWN,
            [_, _, _, ..] if is_of(OF_FIRST, &name) && name != "nth_value" => Kind::UNKNOWN,
            [of, ..] if is_of(OF_FIRST, &name) => kind(of),
            [_, ..] if is_of(OF_ALL, &name) => kinds().reduce(Kind::or).unwrap_or_default(),
            [one, other] if name == "date_trunc" => self.truncated(kind(one), kind(other)),
            [_, ..] if functions::sort(&name) == Sort::Scalar && call.modifiers.is_empty() => {
                let kinds: Vec<Kind> = kinds().collect();
                if is_of(OF_TEXT, &name) && kinds.first() == Some(&Kind::TEXT) {
                    return Kind::TEXT;
                }
                // Whatever it gives: the same function of values of the same types gives the same type.
                let mut parts: Vec<Vec<u8>> = vec![b"function".to_vec(), name.into_bytes()];
                for (argument, kind) in call.arguments.iter().zip(kinds) {
                    match bare(argument) {
                        Expr::Value(literal) => parts.push(literal.value.to_string().into_bytes()),
                        _ if kind.is_one_type() => parts.push(kind.bytes().to_vec()),
                        _ => return Kind::UNKNOWN,
                    }
                }
                Kind::hashed(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
            }
            _ => Kind::UNKNOWN,
        }
    }

    /// `date_trunc('month', d)`, or BigQuery's `date_trunc(d, month)`: a day or a moment without zone stays one of the two.
    fn truncated(&self, one: Kind, other: Kind) -> Kind {
        let of = if one == Kind::TEXT { other } else { one };
        match (of, self.manners.types) {
            (Kind::NAIVE, Types::Plain | Types::Postgres | Types::Snowflake | Types::BigQuery)
            | (Kind::DATE, Types::Plain | Types::Snowflake | Types::BigQuery) => Kind::NAIVE,
            (Kind::ZONED, _) | (Kind::DATE, Types::Postgres | Types::Spark) => Kind::ZONED,
            _ => Kind::UNKNOWN,
        }
    }

    /// Whether values of a key of this sort that differ still differ when they are compared with an expression.
    pub(super) fn stays_apart(&self, key: Kind, other: &Expr, scope: &Scope<'_>) -> bool {
        match bare(other) {
            // A text that is written out becomes what it is compared with.
            Expr::Value(literal) if of_literal(&literal.value) == Kind::TEXT => key != Kind::UNKNOWN,
            Expr::Value(literal) if of_literal(&literal.value) == Kind::INTEGER && key == Kind::FLOAT => true,
            other => key.stays_apart(self.kind(other, scope)),
        }
    }
}

fn of_literal(literal: &Value) -> Kind {
    match literal {
        Value::Number(number, _) => {
            let text = number.to_string();
            let whole = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
            if whole { Kind::INTEGER } else { Kind::UNKNOWN }
        }
        Value::SingleQuotedString(_) | Value::DollarQuotedString(_) | Value::EscapedStringLiteral(_) | Value::DoubleQuotedString(_) => {
            Kind::TEXT
        }
        Value::Boolean(_) => Kind::BOOLEAN,
        Value::Null => Kind::NULL,
        _ => Kind::UNKNOWN,
    }
}

fn same(left: Kind, right: Kind, wanted: Kind) -> Kind {
    if left == wanted && right == wanted { wanted } else { Kind::UNKNOWN }
}

/// That of a column that USING made of several.
pub(super) fn merged(merged: &Merged, scope: &Scope<'_>) -> Kind {
    merged
        .members
        .iter()
        .chain(merged.leader.as_ref())
        .map(|spot| scope.field(*spot).kind)
        .reduce(|one, other| if one == other { one } else { Kind::UNKNOWN })
        .unwrap_or_default()
}
