//! Calling a macro of the project: its template is compiled when it is first called, its arguments are bound as Python binds them, and what it
//! returns may be any value.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use minijinja::value::{Kwargs, Object, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::rewrite::CALLED;
use super::scope::{Rendering, Scope};
use super::value::{Dict, List, fault, lock};

/// Macros that call each other.
const DEEPEST: usize = 60;
/// The message of the error by which `return` leaves a macro.
const RETURNS: &str = "return() outside of a macro";

/// How the message of an error begins that arose in a macro.
const IN_A_MACRO: &str = "in the macro ";

/// A macro, bound to the rendering that calls it.
#[derive(Debug)]
pub(super) struct MacroCall {
    rendering: Arc<Rendering>,
    package: String,
    name: String,
}

/// The text of a call block: rendered before the macro that it is given to, because the two have no state in common.
#[derive(Debug)]
struct Caller(String);

impl MacroCall {
    pub(super) fn value(rendering: &Arc<Rendering>, package: &str, name: &str) -> Value {
        Value::from_object(MacroCall { rendering: Arc::clone(rendering), package: package.to_owned(), name: name.to_owned() })
    }

    /// The error with the macro in which it arose: the innermost, for only that one can be looked at.
    fn blamed(&self, error: Error) -> Error {
        let said = message(&error);
        let text = if said.starts_with(IN_A_MACRO) { said } else { format!("{IN_A_MACRO}{}: {said}", self.name) };
        fault(text).with_source(error)
    }

    fn run(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (positional, named): (&[Value], Kwargs) = from_args(args)?;
        let mut given: Vec<(String, Value)> = Vec::new();
        for key in named.args() {
            let value: Value = named.get(key)?;
            let text = if key == "caller" { Value::from_object(Caller(value.call(state, &[])?.to_string())) } else { value };
            given.push((key.to_owned(), text));
        }
        let template = state.env().get_template(&format!("{}.{}", self.package, self.name))?;
        let spent = state.fuel_levels().map_or(0, |(spent, _)| spent);
        let mut module = template.render_captured(Scope::value(&self.rendering))?;
        let (result, inner) = module.with_state_mut(|inner| {
            let result = inner.consume_fuel(spent).and_then(|()| {
                let called = inner.lookup(CALLED).ok_or_else(|| fault("its text holds no macro"))?;
                let bound = bind(&called, positional, given)?;
                called.call(inner, &bound)
            });
            (result, inner.fuel_levels().map_or(0, |(spent, _)| spent))
        });
        state.consume_fuel(inner.saturating_sub(spent))?;
        result
    }
}

impl Object for MacroCall {
    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if self.rendering.depth.fetch_add(1, Ordering::Relaxed) >= DEEPEST {
            return Err(fault("macros call each other too deeply"));
        }
        let result = self.run(state, args);
        self.rendering.depth.fetch_sub(1, Ordering::Relaxed);
        result.or_else(|error| match lock(&self.rendering.returned).take() {
            Some(value) => Ok(value),
            None if error.kind() == ErrorKind::OutOfFuel => Err(error),
            None => Err(self.blamed(error)),
        })
    }
}

impl Object for Caller {
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let () = from_args(args)?;
        Ok(Value::from(self.0.as_str()))
    }
}

/// Renders a text that is none of the project's files, in a rendering.
pub(super) fn text(rendering: &Arc<Rendering>, state: &State<'_, '_>, text: &str) -> Result<Value, Error> {
    if rendering.depth.fetch_add(1, Ordering::Relaxed) >= DEEPEST {
        return Err(fault("variables that mean each other"));
    }
    let rewritten = super::rewrite::rewrite(text);
    let (made, spent) = {
        // Places in this text are none in the file.
        let template = state.env().template_from_str(&rewritten.text).map_err(|error| fault(message(&error)).with_source(error))?;
        let rendered = template.render_captured(Scope::value(rendering)).map_err(|error| fault(message(&error)).with_source(error))?;
        let spent = rendered.state().fuel_levels().map_or(0, |(spent, _)| spent);
        (rendered.into_output(), spent)
    };
    rendering.depth.fetch_sub(1, Ordering::Relaxed);
    state.consume_fuel(spent)?;
    Ok(Value::from(made))
}

/// `return(value)`: an error that the called macro takes for its value.
pub(super) fn leave(rendering: &Rendering, value: Value) -> Error {
    *lock(&rendering.returned) = Some(value);
    fault(RETURNS)
}

/// What an error says, in one clause.
pub(super) fn message(error: &Error) -> String {
    match (error.detail(), error.kind()) {
        (Some(detail), ErrorKind::InvalidOperation) => detail.to_owned(),
        (Some(detail), kind) => format!("{kind}: {detail}"),
        (None, kind) => kind.to_string(),
    }
}

/// Arguments that the signature does not name go to `varargs` and `kwargs`, where the macro speaks of these.
fn bind(called: &Value, positional: &[Value], given: Vec<(String, Value)>) -> Result<Vec<Value>, Error> {
    let names: Vec<String> = called.get_attr("arguments")?.try_iter()?.map(|name| name.to_string()).collect();
    let takes_rest = names.ends_with(&["varargs".to_owned(), "kwargs".to_owned()]);
    let own = if takes_rest { names.len() - 2 } else { names.len() };
    let (first, rest) = positional.split_at(positional.len().min(if takes_rest { own } else { positional.len() }));
    let mut bound = first.to_vec();
    let (known, unknown): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|(name, _)| !takes_rest || name == "caller" || names[..own].contains(name));
    let mut kwargs = known;
    if takes_rest {
        kwargs.push(("varargs".to_owned(), List::value(rest.to_vec())));
        kwargs.push(("kwargs".to_owned(), Dict::unordered(unknown.into_iter().map(|(name, value)| (Value::from(name), value)))));
    }
    if !kwargs.is_empty() {
        bound.push(Value::from(kwargs.into_iter().collect::<Kwargs>()));
    }
    Ok(bound)
}
