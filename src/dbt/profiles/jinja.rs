//! The little Jinja that dbt allows in `profiles.yml` and `dbt_project.yml`: `env_var`, `var` and the filters that turn text into numbers.
//!
//! As in dbt, a secret is put in after rendering: what a template does with it, it does with a stand-in. Nothing here says a value of the
//! environment in a fault.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Object, ObjectRepr, Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde_json::{Map, Value as Json};

use super::place_of;
use crate::diagnostic::{Finding, codes};

/// Variables whose names begin so are secrets.
const SECRET: &str = "DBT_ENV_SECRET";
const OPENS: &str = "$$$DBT_SECRET_START$$$";
const CLOSES: &str = "$$$DBT_SECRET_END$$$";
/// Instructions of one template: far more than any profile needs, far less than an endless loop.
const FUEL: u64 = 50_000;

/// Renders values of one file.
pub struct Renderer<'e> {
    env: &'e dyn Fn(&str) -> Option<String>,
    /// The text of the file, to point at places in it.
    source: &'e str,
    jinja: Environment<'static>,
    variables: Arc<Mutex<Variables>>,
    secrets: RefCell<BTreeSet<String>>,
}

/// Jinja's functions cannot borrow the environment, so what they asked for is looked up after rendering, which is then done again.
#[derive(Default)]
struct Variables {
    known: BTreeMap<String, Option<String>>,
    asked: BTreeSet<String>,
    /// What the last rendering missed.
    missing: Option<Missing>,
}

#[derive(Clone)]
enum Missing {
    Environment(String),
    Variable(String),
    Secret(String),
}

impl<'e> Renderer<'e> {
    /// `source` is the text of the file, `vars` are dbt's `--vars`. Secrets can only be read where `secrets` is true.
    pub fn new(source: &'e str, env: &'e dyn Fn(&str) -> Option<String>, vars: &Map<String, Json>, secrets: bool) -> Self {
        let variables = Arc::new(Mutex::new(Variables::default()));
        let mut jinja = Environment::empty();
        jinja.set_undefined_behavior(UndefinedBehavior::Strict);
        jinja.set_fuel(Some(FUEL));
        let shared = Arc::clone(&variables);
        jinja.add_function("env_var", move |name: String, default: Option<Value>| lock(&shared).env_var(name, default, secrets));
        let (shared, vars) = (Arc::clone(&variables), vars.clone());
        jinja.add_function("var", move |name: String, default: Option<Value>| match (vars.get(&name), default) {
            (Some(value), _) => Ok(Value::from(Serde(value.clone()))),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(lock(&shared).miss(Missing::Variable(name))),
        });
        jinja.add_filter("as_text", |value: Value| Value::from_object(Native(Value::from(value.to_string()))));
        jinja.add_filter("as_native", |value: Value| Value::from_object(Native(literal(&value))));
        jinja.add_filter("as_number", |value: Value| match literal(&value) {
            number if number.kind() == ValueKind::Number => Ok(Value::from_object(Native(number))),
            _ => Err(Error::new(ErrorKind::InvalidOperation, "as_number: the value is not a number")),
        });
        jinja.add_filter("as_bool", |value: Value| match literal(&value) {
            truth if truth.kind() == ValueKind::Bool => Ok(Value::from_object(Native(truth))),
            _ => Err(Error::new(ErrorKind::InvalidOperation, "as_bool: the value is neither true nor false")),
        });
        for (name, filter) in
            [("lower", str::to_lowercase as fn(&str) -> String), ("upper", str::to_uppercase), ("trim", |s| s.trim().to_owned())]
        {
            jinja.add_filter(name, move |text: String| filter(&text));
        }
        jinja.add_filter("int", |value: Value| match literal(&value) {
            number if number.is_integer() => Ok(number),
            _ => Err(Error::new(ErrorKind::InvalidOperation, "int: the value is not a whole number")),
        });
        jinja.add_filter("default", |value: Value, other: Value| if value.is_undefined() || value.is_none() { other } else { value });
        Renderer { env, source, jinja, variables, secrets: RefCell::default() }
    }

    /// The secrets that were put in so far.
    pub fn secrets(&self) -> BTreeSet<String> {
        self.secrets.borrow().clone()
    }

    /// Renders every text in a value; keys stay as they are. `route` says where the value stands: `outputs.dev.port`.
    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn deep(&self, value: &Json, route: &str) -> Result<Json, Finding> {
        Ok(match value {
            Json::String(text) => self.text(text, route)?,
            Json::Array(items) => Json::Array(items.iter().map(|item| self.deep(item, route)).collect::<Result<_, _>>()?),
            Json::Object(map) => {
                let rendered = map.iter().map(|(key, value)| Ok((key.clone(), self.deep(value, &format!("{route}.{key}"))?)));
                Json::Object(rendered.collect::<Result<_, Finding>>()?)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        })
    }

    /// Renders one text. One lone expression keeps its type, as in dbt; all else is text.
    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn text(&self, text: &str, route: &str) -> Result<Json, Finding> {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return Ok(Json::String(text.to_owned()));
        }
        loop {
            lock(&self.variables).forget_asked();
            let rendered = self.once(text);
            let (asked, missing) = {
                let variables = lock(&self.variables);
                (variables.asked.clone(), variables.missing.clone())
            };
            if !asked.is_empty() {
                for name in asked {
                    let value = (self.env)(&name);
                    lock(&self.variables).known.insert(name, value);
                }
                continue;
            }
            return match (rendered, missing) {
                (_, Some(missing)) => Err(missing.told(route).at(place_of(self.source, &[missing.name(), text]))),
                (Ok(value), None) => self.with_secrets(value, route),
                // Passwords can look like Jinja; dbt then takes them as they are.
                (Err(_), None) if route.ends_with(".password") || route.ends_with(".pass") => Ok(Json::String(text.to_owned())),
                (Err(error), None) => {
                    let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                    Err(Finding::error(codes::BAD_JINJA, format!("the template of `{route}` cannot be rendered: {why}"))
                        .help("here dbt knows env_var, var and the filters as_number, as_bool, as_text and as_native")
                        .at(place_of(self.source, &[text])))
                }
            };
        }
    }

    fn once(&self, text: &str) -> Result<Json, Error> {
        let lone =
            text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).filter(|inner| !inner.contains("{{") && !inner.contains("}}"));
        let Some(expression) = lone else {
            return self.jinja.render_str(text, ()).map(Json::String);
        };
        let value = self.jinja.compile_expression(expression.trim_matches('-'))?.eval(())?;
        let value = value.downcast_object_ref::<Native>().map_or(value.clone(), |native| native.0.clone());
        match value.kind() {
            ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
            ValueKind::String => Ok(Json::String(value.to_string())),
            _ => serde_json::to_value(&value)
                .map_err(|_| Error::new(ErrorKind::BadSerialization, "the value is neither text, number nor list")),
        }
    }

    #[allow(clippy::result_large_err, reason = "read once per run")]
    fn with_secrets(&self, value: Json, route: &str) -> Result<Json, Finding> {
        let value = match value {
            Json::String(mut text) => {
                for (name, secret) in lock(&self.variables).known.iter().filter(|(name, _)| is_secret(name)) {
                    let stand_in = format!("{OPENS}{name}{CLOSES}");
                    if let (Some(secret), true) = (secret, text.contains(&stand_in)) {
                        text = text.replace(&stand_in, secret);
                        self.secrets.borrow_mut().insert(secret.clone());
                    }
                }
                Json::String(text)
            }
            other => other,
        };
        // What is left of a stand-in that a template changed would be a wrong password.
        if value.to_string().to_uppercase().contains(OPENS) {
            return Err(Finding::error(codes::BAD_JINJA, format!("the template of `{route}` changes a secret, which dbt does not allow"))
                .help("give the environment variable the value that is needed")
                .at(place_of(self.source, &[route.rsplit('.').next().unwrap_or(route)])));
        }
        Ok(value)
    }
}

impl Variables {
    fn forget_asked(&mut self) {
        self.asked.clear();
        self.missing = None;
    }

    fn env_var(&mut self, name: String, default: Option<Value>, secrets: bool) -> Result<Value, Error> {
        if is_secret(&name) && !secrets {
            return Err(self.miss(Missing::Secret(name)));
        }
        match (self.known.get(&name), default) {
            (None, _) => {
                self.asked.insert(name);
                Ok(Value::from(""))
            }
            (Some(Some(_)), _) if is_secret(&name) => Ok(Value::from(format!("{OPENS}{name}{CLOSES}"))),
            (Some(Some(value)), _) => Ok(Value::from(value.as_str())),
            (Some(None), Some(default)) if !default.is_none() => Ok(default),
            (Some(None), _) => Err(self.miss(Missing::Environment(name))),
        }
    }

    fn miss(&mut self, missing: Missing) -> Error {
        self.missing = Some(missing);
        Error::from(ErrorKind::UndefinedError)
    }
}

impl Missing {
    fn name(&self) -> &str {
        match self {
            Missing::Environment(name) | Missing::Variable(name) | Missing::Secret(name) => name,
        }
    }

    fn told(&self, route: &str) -> Finding {
        match self {
            Missing::Environment(name) => {
                Finding::error(codes::MISSING_VARIABLE, format!("`{route}` needs the environment variable {name}, which is not set"))
                    .help(format!("set {name}, or write a default: env_var('{name}', '...')"))
            }
            Missing::Variable(name) => {
                Finding::error(codes::MISSING_VARIABLE, format!("`{route}` needs the variable `{name}`, which has no value"))
                    .help(format!("give it with --vars, or write a default: var('{name}', '...')"))
            }
            Missing::Secret(name) => {
                Finding::error(codes::BAD_JINJA, format!("`{route}` reads the secret {name}, which dbt allows only in profiles.yml"))
            }
        }
    }
}

/// A value that a filter has given its type.
#[derive(Debug)]
struct Native(Value);

impl Object for Native {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a text means as a literal of Python: a number, a truth, a list; else the text.
fn literal(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    match text.trim() {
        "True" | "true" => Value::from(true),
        "False" | "false" => Value::from(false),
        "None" => Value::from(()),
        trimmed => match serde_json::from_str::<Json>(trimmed) {
            Ok(read) => Value::from(Serde(read)),
            Err(_) => value.clone(),
        },
    }
}

fn is_secret(name: &str) -> bool {
    name.starts_with(SECRET)
}

/// A thread that panicked while it held the lock has left whole values behind.
fn lock(variables: &Mutex<Variables>) -> MutexGuard<'_, Variables> {
    variables.lock().unwrap_or_else(PoisonError::into_inner)
}
