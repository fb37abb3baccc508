//! Function calls: aggregates, windows, functions that make many rows of one, and functions that nobody here knows.

use sqlparser::ast::{BinaryOperator, Expr, Function, Ident, NamedWindowExpr, Spanned, WindowSpec, WindowType};

use super::anatomy;
use super::columns::is_columns;
use super::defined::Expanded;
use super::functions::{self, Sort, Word};
use super::graph::EdgeKind;
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::relation::ANY_COLUMN;
use super::resolve::{Place, Reader, object_parts, part_text};
use super::scope::{Scope, Sight};

impl Reader<'_> {
    /// What the result of a call depends on.
    pub(super) fn call(&mut self, function: &Function, scope: &Scope<'_>, place: Place) -> Read<Influences> {
        let name = function.name.0.last().map(part_text).unwrap_or_default();
        let call = anatomy::call(function);
        if is_columns(function) {
            return Ok(self.columns_value(function, scope, place)?.from);
        }
        let windowed = function.over.is_some();
        let expanded = if windowed { Expanded::NoMacro } else { self.expand(&name, &call.arguments, scope, place) };
        let elsewhere = function.name.0.len() > 1 && part_text(&function.name.0[0]) != "safe";
        let sort = match expanded {
            Expanded::Value(value) => return value,
            Expanded::Unclear => Sort::Unknown,
            Expanded::NoMacro if elsewhere => Sort::Unknown,
            Expanded::NoMacro => functions::sort(&name),
        };
        let aggregate = sort == Sort::Aggregate && !windowed;
        let inner = if aggregate { Place::Row } else { place };
        let kind = match sort {
            _ if windowed => EdgeKind::Window,
            Sort::Aggregate => EdgeKind::Aggregation,
            Sort::Scalar | Sort::Many | Sort::Unknown => EdgeKind::Transformation,
        };
        let mut from = Influences::default();
        let count = call.arguments.len();
        for (at, argument) in call.arguments.into_iter().enumerate() {
            match argument {
                Expr::Lambda(lambda) if functions::takes_lambda(&name) => from.add(&self.lambda(lambda, scope, inner)?.through(kind)),
                // Without lambdas in its dialect, the parser takes `x -> body` for an operator.
                Expr::BinaryOp { left, op: BinaryOperator::Arrow, right }
                    if functions::takes_lambda(&name) && parameters(left).is_some() =>
                {
                    let before = self.parameters.len();
                    self.parameters.extend(parameters(left).into_iter().flatten());
                    let body = self.value(right, scope, inner);
                    self.parameters.truncate(before);
                    from.add(&body?.from.through(kind));
                }
                Expr::Identifier(word) => match functions::word(&name, word, (at, count), self.manners) {
                    Word::Unit => {}
                    Word::UnitOrName if matches!(scope.bare(&word.value.to_lowercase()), Sight::Maybe(_)) => {}
                    // An alias or a column of a SELECT around is one, too; only a word that names nothing is a unit.
                    Word::UnitOrName => {
                        if let Ok(value) = self.value(argument, scope, inner) {
                            from.add(&value.from.through(kind));
                        }
                    }
                    Word::Name => from.add(&self.value(argument, scope, inner)?.from.through(kind)),
                },
                other => from.add(&self.value(other, scope, inner)?.from.through(kind)),
            }
        }
        for column in call.compared {
            from.add(&self.bare_name(column, scope, inner)?.from.through(kind));
        }
        from.add(&self.values(call.modifiers, scope, inner, EdgeKind::Conditional)?);
        if let Some(query) = call.subquery {
            from.add(&self.listed(query, scope)?.through(kind));
        }
        if call.star && name != "count" {
            for table in 0..scope.tables.len() {
                from.add(&self.whole_row(table, scope, inner)?.through(kind));
            }
        }
        for star in call.stars_of {
            let table = scope.table(&object_parts(star)).ok_or_else(|| Unclear::at(format!("no table is called {star}"), star.span()))?;
            from.add(&self.whole_row(table, scope, inner)?.through(kind));
        }
        if windowed || functions::takes_order(&name) {
            from.add(&scope.order.through(EdgeKind::Sort));
        }
        if let Some(window) = &function.over {
            from.add(&self.window(window, scope, place)?);
        } else if aggregate {
            from.add(&scope.groups.as_ref().map_or_else(|| scope.rows.any(), |groups| groups.rows.any()));
        }
        match sort {
            Sort::Many => self.multiplied.add(&from.through(EdgeKind::Filter)),
            Sort::Unknown if !windowed => from = self.unknown_call(function, &name, from, scope),
            Sort::Scalar | Sort::Aggregate | Sort::Unknown => {}
        }
        Ok(from)
    }

    /// A function that is in no list may be an aggregate, make many rows, or be a macro that reads any of the model's parents.
    fn unknown_call(&mut self, function: &Function, name: &str, from: Influences, scope: &Scope<'_>) -> Influences {
        let anything = self.anything();
        self.doubts.push(Unclear::at(format!("the function {name} is not known"), function.name.span()));
        self.multiplied.add(&from.through(EdgeKind::Assumed));
        let rows = scope.groups.as_ref().map_or_else(|| scope.rows.any(), |groups| groups.rows.any());
        from.with(&rows).with(&anything)
    }

    /// Everything of every parent, by way of the model's own "any column".
    pub(super) fn anything(&mut self) -> Influences {
        let Some(model) = self.who.model else { return Influences::default() };
        let own = self.nodes.enter(self.relations.id(model), None);
        self.nodes.column(own, ANY_COLUMN, EdgeKind::Assumed)
    }

    /// What a window adds to the value: its partition, its order, and the rows that are in it.
    fn window(&mut self, window: &WindowType, scope: &Scope<'_>, place: Place) -> Read<Influences> {
        let mut from = scope.rows.any();
        match window {
            WindowType::WindowSpec(spec) => from.add(&self.window_spec(spec, scope, place, 0)?),
            WindowType::NamedWindow(name) => from.add(&self.named_window(name, scope, place, 0)?),
        }
        Ok(from)
    }

    fn window_spec(&mut self, spec: &WindowSpec, scope: &Scope<'_>, place: Place, depth: usize) -> Read<Influences> {
        let parts = spec.partition_by.iter().chain(spec.order_by.iter().map(|order| &order.expr));
        let mut from = self.values(parts, scope, place, EdgeKind::Window)?;
        if let Some(name) = &spec.window_name {
            from.add(&self.named_window(name, scope, place, depth + 1)?);
        }
        Ok(from)
    }

    fn named_window(&mut self, name: &Ident, scope: &Scope<'_>, place: Place, depth: usize) -> Read<Influences> {
        let found = scope.windows.iter().find(|window| window.0.value.eq_ignore_ascii_case(&name.value)).filter(|_| depth < 8);
        match found.map(|window| &window.1) {
            Some(NamedWindowExpr::WindowSpec(spec)) => self.window_spec(spec, scope, place, depth),
            Some(NamedWindowExpr::NamedWindow(other)) => self.named_window(other, scope, place, depth + 1),
            None => Err(Unclear::at(format!("no window is called {}", name.value), name.span)),
        }
    }
}

/// The names before the arrow of a lambda: one, or several in brackets.
fn parameters(names: &Expr) -> Option<Vec<String>> {
    match names {
        Expr::Identifier(name) => Some(vec![name.value.to_lowercase()]),
        Expr::Nested(inner) => parameters(inner),
        Expr::Tuple(list) => list.iter().map(|one| parameters(one)?.pop()).collect(),
        _ => None,
    }
}
