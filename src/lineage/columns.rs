//! DuckDB's COLUMNS(): one expression for several columns.
//!
//! In the select list it makes one output for each column that it stands for; in a condition all of them count.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Function, LambdaFunction, Spanned, Value as Literal, WildcardAdditionalOptions, visit_expressions};

use super::anatomy;
use super::by_name;
use super::output::Output;
use super::parse::{Read, Unclear};
use super::resolve::{Place, Reader, Value, bare, object_parts};
use super::scope::{Scope, Spot};

impl Reader<'_> {
    /// The values of an expression, once for each column that a COLUMNS() inside it stands for, with that column's name; an expression without
    /// one has one value and no name.
    pub(super) fn each_of_columns(&mut self, expression: &Expr, scope: &Scope<'_>, place: Place) -> Read<Vec<(Option<String>, Value)>> {
        let call = if self.has_columns { columns_call(expression) } else { None };
        let Some(call) = call else { return Ok(vec![(None, self.value(expression, scope, place)?)]) };
        let spots = self.columns_of(&call, scope)?;
        let around = self.column.take();
        let mut values = Vec::with_capacity(spots.len());
        for spot in spots {
            self.column = Some(spot);
            let value = self.value(expression, scope, place);
            let name = scope.field(spot).written.to_string();
            match value {
                Ok(value) => values.push((Some(name), value)),
                Err(error) => {
                    self.column = around;
                    return Err(error);
                }
            }
        }
        self.column = around;
        Ok(values)
    }

    /// The value of COLUMNS() itself: the column whose turn it is, or all of them where none is.
    pub(super) fn columns_value(&mut self, call: &Function, scope: &Scope<'_>, place: Place) -> Read<Value> {
        let spots = match self.column {
            Some(spot) => vec![spot],
            None => self.columns_of(call, scope)?,
        };
        let mut value = Value::default();
        for spot in &spots {
            let name = scope.field(*spot).name.to_string();
            value.from.add(&self.sighted(&super::scope::Sight::At(*spot), &name, scope, place).from);
        }
        Ok(Value { spot: spots.first().copied().filter(|_| spots.len() == 1), ..value })
    }

    /// The columns that a call stands for: a star with options, a list of names, a pattern.
    fn columns_of(&mut self, call: &Function, scope: &Scope<'_>) -> Read<Vec<Spot>> {
        let spots = self.matching(call, scope)?;
        if spots.is_empty() { Err(Unclear::at("COLUMNS() of no column", call.name.span())) } else { Ok(spots) }
    }

    fn matching(&mut self, call: &Function, scope: &Scope<'_>) -> Read<Vec<Spot>> {
        let unclear = |what: &str| Unclear::at(format!("COLUMNS() {what}"), call.name.span());
        if scope.tables.iter().any(|table| table.visible && !table.open.is_empty()) {
            return Err(unclear("of a table whose columns are not completely known"));
        }
        let names: Vec<String> = match anatomy::argument_star(call) {
            Some(options) => self.starred_names(&options, scope)?,
            None => match anatomy::call(call).arguments.as_slice() {
                [Expr::Value(literal)] => match &literal.value {
                    Literal::SingleQuotedString(pattern) => {
                        let pattern = regex::Regex::new(pattern).map_err(|_| unclear("of a pattern that is not understood"))?;
                        return Ok(visible(scope).filter(|spot| pattern.is_match(&scope.field(*spot).written)).collect());
                    }
                    _ => return Err(unclear("of something else than a pattern")),
                },
                [Expr::Array(list)] => {
                    list.elem.iter().map(text_of).collect::<Option<_>>().ok_or_else(|| unclear("of a list that is no list of names"))?
                }
                [Expr::Lambda(lambda)] => return self.fulfilling(lambda, scope).ok_or_else(|| unclear("of a condition on names")),
                _ => return Err(unclear("of something else than names")),
            },
        };
        Ok(visible(scope).filter(|spot| names.iter().any(|name| **name == *scope.field(*spot).name)).collect())
    }

    /// `COLUMNS(lambda c: ...)`: the columns whose names fulfil a condition, if that is one which is known here.
    fn fulfilling(&self, lambda: &LambdaFunction, scope: &Scope<'_>) -> Option<Vec<Spot>> {
        let mut parameters = lambda.params.iter();
        let (Some(parameter), None) = (parameters.next(), parameters.next()) else { return None };
        let all: Vec<Spot> = visible(scope).collect();
        let holds = |spot: &Spot| by_name::holds(&lambda.body, &parameter.name.value, &scope.field(*spot).written);
        let held: Vec<bool> = all.iter().map(holds).collect::<Option<_>>()?;
        Some(all.into_iter().zip(held).filter(|(_, held)| *held).map(|(spot, _)| spot).collect())
    }

    fn starred_names(&mut self, options: &WildcardAdditionalOptions, scope: &Scope<'_>) -> Read<Vec<String>> {
        let (mut outputs, mut open): (Vec<Output>, _) = (Vec::new(), Vec::new());
        self.star(None, options, scope, &mut outputs, &mut open)?;
        Ok(outputs.into_iter().map(|output| output.field.name.to_string()).collect())
    }
}

/// The fields that a star would list.
fn visible<'s>(scope: &'s Scope<'_>) -> impl Iterator<Item = Spot> + 's {
    let tables = scope.tables.iter().enumerate().filter(|(_, table)| table.visible);
    tables.flat_map(|(at, table)| (0..table.fields.len()).map(move |field| (at, field)))
}

fn text_of(expression: &Expr) -> Option<String> {
    match bare(expression) {
        Expr::Value(literal) => match &literal.value {
            Literal::SingleQuotedString(text) => Some(text.to_lowercase()),
            _ => None,
        },
        _ => None,
    }
}

/// The first COLUMNS() inside an expression; DuckDB takes several only if they stand for the same columns.
fn columns_call(expression: &Expr) -> Option<Function> {
    let mut found = None;
    let _ = visit_expressions(expression, |part| match part {
        Expr::Function(function) if is_columns(function) => {
            found = Some(function.clone());
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found
}

/// Whether a call is COLUMNS().
pub(super) fn is_columns(call: &Function) -> bool {
    object_parts(&call.name) == ["columns"]
}
