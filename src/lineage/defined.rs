//! Macros that the project defines in the warehouse before it runs (`on-run-start`), as DuckDB has them: `create macro f(a, b) as a - b`.
//!
//! A call is read as the macro's body with the arguments in place. Not for dbt's macros, which are Jinja.

use std::collections::HashMap;

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, MacroDefinition, Query, Statement};

use super::dialect::Manners;
use super::graph::EdgeKind;
use super::group::has_aggregate;
use super::influence::Influences;
use super::parse::{self, Read, Unclear};
use super::resolve::{Place, Reader, object_parts};
use super::scope::Scope;
use super::shape::Shape;
use super::spelling::Spelling;

/// Bodies inside bodies that are followed; more is a macro that calls itself.
const DEEPEST: usize = 8;

/// A macro's parameters and body.
#[derive(Debug)]
pub(super) struct Defined {
    parameters: Vec<String>,
    defaults: Vec<Option<Expr>>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Value(Box<Expr>),
    Table(Box<Query>),
}

/// The macros that these statements define, by name; what is no such statement defines nothing, and a call of it stays unknown.
pub(super) fn defined(statements: &[String], manners: &Manners) -> HashMap<String, Defined> {
    let mut macros = HashMap::new();
    for statement in statements
        .iter()
        .filter(|_| manners.spelling == Spelling::DuckDb)
        .flat_map(|text| parse::statements(&as_macro(text), manners).unwrap_or_default())
    {
        let Statement::CreateMacro { name, args, definition, .. } = statement else { continue };
        let (parameters, defaults): (Vec<String>, Vec<Option<Expr>>) =
            args.into_iter().flatten().map(|argument| (argument.name.value.to_lowercase(), argument.default_expr)).unzip();
        let body = match definition {
            MacroDefinition::Expr(body) => Body::Value(Box::new(body)),
            MacroDefinition::Table(query) => Body::Table(query),
        };
        if let Some(name) = object_parts(&name).pop() {
            macros.insert(name, Defined { parameters, defaults, body });
        }
    }
    macros
}

/// DuckDB's `create function` is `create macro`.
fn as_macro(text: &str) -> String {
    let mut words = text.split_inclusive(char::is_whitespace);
    let mut out = String::with_capacity(text.len());
    for word in words.by_ref() {
        if word.trim().eq_ignore_ascii_case("function") {
            out.push_str("macro ");
            break;
        }
        out.push_str(word);
        if !["create", "or", "replace", "temp", "temporary", ""].iter().any(|start| word.trim().eq_ignore_ascii_case(start)) {
            break;
        }
    }
    out.extend(words);
    out
}

impl Reader<'_> {
    /// What a call of a macro of the project depends on; `None`: there is no such macro.
    pub(super) fn expand(&mut self, name: &str, arguments: &[&Expr], scope: &Scope<'_>, place: Place) -> Option<Read<Influences>> {
        let macros = self.macros;
        let defined = macros.get(name).filter(|_| self.bound.len() < DEEPEST)?;
        let Body::Value(body) = &defined.body else { return None };
        if has_aggregate(body) || arguments.len() > defined.parameters.len() {
            return None;
        }
        Some(self.bind(defined, arguments, scope, place).and_then(|bound| {
            self.bound.push(bound);
            let value = self.value(body, &Scope::inside(None), Place::Row);
            self.bound.pop();
            value.map(|value| value.from.through(EdgeKind::Transformation))
        }))
    }

    /// What a call of a table macro of the project gives; `None`: there is no such macro.
    pub(super) fn expand_table(&mut self, name: &str, arguments: &[FunctionArg], scope: &Scope<'_>) -> Option<Read<Shape>> {
        let macros = self.macros;
        let defined = macros.get(name).filter(|_| self.bound.len() < DEEPEST)?;
        let Body::Table(query) = &defined.body else { return None };
        let plain = arguments.iter().map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
            _ => None,
        });
        let Some(plain) = plain.collect::<Option<Vec<_>>>() else { return Some(Err(Unclear::new(format!("a named argument of {name}")))) };
        Some(self.bind(defined, &plain, scope, Place::Row).and_then(|bound| {
            self.bound.push(bound);
            let shape = self.query(query, None);
            self.bound.pop();
            shape
        }))
    }

    fn bind(&mut self, defined: &Defined, arguments: &[&Expr], scope: &Scope<'_>, place: Place) -> Read<Vec<(String, Influences)>> {
        let mut bound = Vec::with_capacity(defined.parameters.len());
        for (at, name) in defined.parameters.iter().enumerate() {
            let from = match (arguments.get(at), defined.defaults.get(at)) {
                (Some(argument), _) => self.value(argument, scope, place)?.from,
                (None, Some(Some(default))) => self.value(default, scope, place)?.from,
                (None, _) => return Err(Unclear::new(format!("no argument for {name}"))),
            };
            bound.push((name.clone(), from));
        }
        Ok(bound)
    }

    /// What a name is bound to in the macro whose body is read.
    pub(super) fn bound_to(&self, lower: &str) -> Option<Influences> {
        self.bound.last()?.iter().find(|(name, _)| name == lower).map(|(_, from)| from.clone())
    }
}
