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
    /// It could not be read: a call may mean anything, even where a built-in function has that name.
    Unclear,
}

/// What a call of a function is, as far as the project's macros go.
pub(super) enum Expanded {
    /// No macro of the project has this name.
    NoMacro,
    /// A macro that is not understood, or not for these arguments.
    Unclear,
    Value(Read<Influences>),
}

/// The macros that these statements define, by name; what is no such statement defines nothing.
pub(super) fn defined(statements: &[String], manners: &Manners) -> HashMap<String, Defined> {
    let mut macros = HashMap::new();
    for text in statements.iter().filter(|_| manners.spelling == Spelling::DuckDb) {
        let parsed = parse::statements(&as_macro(text), manners);
        if parsed.is_err() {
            let unclear = || Defined { parameters: Vec::new(), defaults: Vec::new(), body: Body::Unclear };
            macros.extend(names_in(text).map(|name| (name, unclear())));
        }
        macros.extend(parsed.into_iter().flatten().filter_map(macro_of));
    }
    macros
}

fn macro_of(statement: Statement) -> Option<(String, Defined)> {
    let Statement::CreateMacro { name, args, definition, .. } = statement else { return None };
    let (parameters, defaults): (Vec<String>, Vec<Option<Expr>>) =
        args.into_iter().flatten().map(|argument| (argument.name.value.to_lowercase(), argument.default_expr)).unzip();
    let body = match definition {
        MacroDefinition::Expr(body) if has_aggregate(&body) => Body::Unclear,
        MacroDefinition::Expr(body) => Body::Value(Box::new(body)),
        MacroDefinition::Table(query) => Body::Table(query),
    };
    Some((object_parts(&name).pop()?, Defined { parameters, defaults, body }))
}

/// The names that a text which cannot be parsed may define: what stands after `macro` or `function`, before its bracket.
fn names_in(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let found: Vec<String> = ["macro", "function"]
        .iter()
        .flat_map(|word| lower.match_indices(word))
        .filter_map(|(at, word)| {
            let rest = lower[at + word.len()..].trim_start();
            let rest = rest.strip_prefix("if not exists").unwrap_or(rest);
            let name = rest.split('(').next()?.trim().rsplit('.').next()?;
            Some(name.trim_matches('"').to_owned())
        })
        .collect();
    found.into_iter()
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
    /// What a call of a macro of the project depends on.
    pub(super) fn expand(&mut self, name: &str, arguments: &[&Expr], scope: &Scope<'_>, place: Place) -> Expanded {
        let macros = self.macros;
        let Some(defined) = macros.get(name) else { return Expanded::NoMacro };
        let Body::Value(body) = &defined.body else { return Expanded::Unclear };
        if self.bound.len() >= DEEPEST || arguments.len() > defined.parameters.len() {
            return Expanded::Unclear;
        }
        Expanded::Value(self.bind(defined, arguments, scope, place).and_then(|bound| {
            self.bound.push(bound);
            let value = self.value(body, &Scope::inside(None), Place::Row);
            self.bound.pop();
            value.map(|value| value.from.through(EdgeKind::Transformation))
        }))
    }

    /// What a call of a table macro of the project gives; `None`: there is no such macro.
    pub(super) fn expand_table(&mut self, name: &str, arguments: &[FunctionArg], scope: &Scope<'_>) -> Option<Read<Shape>> {
        let macros = self.macros;
        let defined = macros.get(name)?;
        let query = match &defined.body {
            Body::Table(query) if self.bound.len() < DEEPEST => query,
            Body::Value(_) => return None,
            Body::Table(_) | Body::Unclear => return Some(Err(Unclear::new(format!("the table macro {name} is not understood")))),
        };
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
