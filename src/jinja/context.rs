//! What dbt defines in templates: names, and what each is or does.
//!
//! What only the warehouse, the command line or the environment knows is a value that fails when touched, never one that is made up.
//! `execute` is true, as when dbt compiles: so a template that then asks the warehouse is known to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use minijinja::value::{Kwargs, Object, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::functions;
use super::moment::Moment;
use super::scope::{Rendering, Scope};
use super::value::{List, fault, from_json, unknown};

/// Functions, and things that have members.
const FUNCTIONS: &[&str] = &[
    "ref",
    "source",
    "config",
    "var",
    "env_var",
    "return",
    "log",
    "print",
    "debug",
    "set",
    "set_strict",
    "zip",
    "zip_strict",
    "dict",
    "tojson",
    "fromjson",
    "is_incremental",
    "should_full_refresh",
    "set_sql_header",
    "try_or_compiler_error",
    "namespace",
    "__list",
    "__dict",
    "__set",
    "__percent",
];
const THINGS: &[&str] = &["adapter", "api", "builtins", "exceptions", "flags", "model", "modules", "target"];
/// Functions whose result is only known while dbt runs.
const ASKING: &[&str] = &[
    "run_query",
    "statement",
    "load_result",
    "store_result",
    "store_raw_result",
    "load_relation",
    "load_cached_relation",
    "write",
    "render",
    "submit_python_job",
    "diff_of_two_dicts",
    "local_md5",
    "toyaml",
    "fromyaml",
    "doc",
    "metric",
    "function",
    "get_columns_in_query",
];
/// Values that are only known while dbt runs.
const UNKNOWN: &[&str] = &[
    "graph",
    "selected_resources",
    "sql",
    "pre_hooks",
    "post_hooks",
    "thread_id",
    "connection_name",
    "invocation_args_dict",
    "dbt_metadata_envs",
    "sql_now",
    "column_name",
];
/// Those of dbt's own macros that have a meaning of their own here.
const INSTEAD: &[&str] = &[
    "is_incremental",
    "should_full_refresh",
    "set_sql_header",
    "run_query",
    "statement",
    "load_relation",
    "load_cached_relation",
    "get_columns_in_query",
];

/// A function or thing of dbt's, bound to a rendering.
pub(super) struct Thing {
    pub(super) rendering: Arc<Rendering>,
    pub(super) name: &'static str,
}

impl Thing {
    fn value(rendering: &Arc<Rendering>, name: &'static str) -> Value {
        Value::from_object(Thing { rendering: Arc::clone(rendering), name })
    }
}

/// What a name means that no macro of the project has.
pub(super) fn named(rendering: &Arc<Rendering>, name: &str) -> Option<Value> {
    let part = |at: usize| rendering.node.this.parts[at].as_deref().map_or(Value::from(()), Value::from);
    Some(match name {
        "this" => Value::from_dyn_object(Arc::clone(&rendering.node.this)),
        "execute" => Value::from(true),
        "database" => part(0),
        "schema" => part(1),
        "project_name" => Value::from(rendering.world.root.as_str()),
        "dbt_version" => Value::from(rendering.world.dbt_version.as_str()),
        "run_started_at" => Moment::value(rendering),
        "invocation_id" => {
            rendering.changes.store(true, Ordering::Relaxed);
            Value::from(if rendering.later { "11111111-1111-4111-8111-111111111111" } else { "00000000-0000-4000-8000-000000000000" })
        }
        "context" => Scope::value(rendering),
        _ => {
            let known = FUNCTIONS.iter().chain(THINGS).chain(ASKING).find(|known| **known == name);
            return known.map(|name| Thing::value(rendering, name)).or_else(|| not_known(name));
        }
    })
}

/// What stands for one of dbt's own macros.
pub(super) fn instead_of_macro(rendering: &Arc<Rendering>, name: &str) -> Option<Value> {
    INSTEAD.contains(&name).then(|| named(rendering, name)).flatten()
}

fn not_known(name: &str) -> Option<Value> {
    UNKNOWN.contains(&name).then(|| unknown(format!("`{name}` is only known while dbt runs")))
}

impl Object for Thing {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let member = |names: &[&'static str]| names.iter().find(|name| **name == key).map(|name| Thing::value(&self.rendering, name));
        match self.name {
            "builtins" => named(&self.rendering, key),
            "target" if key == "type" => Some(Value::from(self.rendering.world.adapter.as_str())),
            "target" => Some(unknown(format!("`target.{key}` is not known: a manifest does not say it"))),
            "flags" => Some(unknown(format!("`flags.{key}` is not known: a manifest does not say it"))),
            "api" => member(&["Relation", "Column"]),
            "modules" => member(&["datetime"]).or_else(|| Some(unknown(format!("`modules.{key}` is not rendered here")))),
            "datetime" => member(&["datetime", "date"]).or_else(|| Some(unknown(format!("`modules.datetime.{key}` is not rendered here")))),
            "model" => model(&self.rendering, key),
            "config" if key == "meta" => Some(self.rendering.node.config.get("meta").map_or(Value::from(()), from_json)),
            _ => None,
        }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        functions::call(&self.rendering, self.name, state, args)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (self.name, method) {
            ("config", "get" | "require" | "meta_get" | "meta_require") => configured(&self.rendering, method, args),
            ("config", "persist_relation_docs" | "persist_column_docs") => Ok(Value::from(false)),
            ("config", "set") => Ok(Value::from("")),
            ("var", "has_var") => {
                let (name,): (&str,) = from_args(args)?;
                functions::variable(&self.rendering, name).map(|found| Value::from(found.is_some()))
            }
            ("adapter", _) => functions::adapter(&self.rendering, method, state, args),
            ("Relation", "create") => functions::create_relation(&self.rendering, args),
            ("Column", "translate_type") => {
                let (data_type,): (&str,) = from_args(args)?;
                Ok(Value::from(functions::translated(&self.rendering.world.adapter, data_type)))
            }
            ("exceptions", "warn") => Ok(Value::from("")),
            ("exceptions", _) => {
                let said = args.first().filter(|said| !said.is_kwargs()).map_or_else(|| method.to_owned(), ToString::to_string);
                Err(fault(format!("the project itself refuses: {}", said.split_whitespace().collect::<Vec<_>>().join(" "))))
            }
            ("target" | "flags" | "model", "get") => {
                let (key, default): (&str, Option<Value>) = from_args(args)?;
                match self.get_value(&Value::from(key)) {
                    Some(value) => value_or_fault(value),
                    None => Ok(default.unwrap_or_else(|| Value::from(()))),
                }
            }
            ("datetime", "now" | "utcnow" | "today") => Ok(Moment::value(&self.rendering)),
            ("date", "today") => Ok(Moment::date(&self.rendering)),
            ("builtins", name) => match named(&self.rendering, name) {
                Some(value) => value_or_fault(value)?.call(state, args),
                None => Err(Error::from(ErrorKind::UnknownMethod)),
            },
            ("Column", "numeric_type") => {
                let (data_type, precision, scale): (&str, Value, Value) = from_args(args)?;
                let plain = precision.is_none() || scale.is_none() || self.rendering.world.adapter == "bigquery";
                Ok(Value::from(if plain { data_type.to_owned() } else { format!("{data_type}({precision},{scale})") }))
            }
            ("api" | "modules" | "Relation" | "Column", _) => Err(fault(format!("`{}.{method}` is not rendered here", self.name))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A value that fails when touched fails now.
fn value_or_fault(value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Invalid {
        return Ok(value);
    }
    // The error inside cannot be had, only its text.
    let text = value.to_string();
    let text = text.strip_prefix("<invalid value: ").and_then(|text| text.strip_suffix('>')).unwrap_or(&text);
    Err(fault(text.strip_prefix("invalid operation: ").unwrap_or(text)))
}

/// `config.get('key', default)` and its kin.
fn configured(rendering: &Rendering, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (key, positional, named): (&str, Option<Value>, Kwargs) = from_args(args)?;
    let default = match positional {
        Some(default) => Some(default),
        None => named.get::<Option<Value>>("default")?,
    };
    if key.ends_with("-hook") || key.ends_with("_hook") || key == "sql_header" {
        return Err(fault(format!("`config.{method}('{key}')` is not rendered here")));
    }
    let config = &rendering.node.config;
    let found = if method.starts_with("meta") { config.get("meta").and_then(|meta| meta.get(key)) } else { config.get(key) };
    match (found, default) {
        (Some(value), _) => Ok(from_json(value)),
        (None, _) if method.ends_with("require") => Err(fault(format!("the model has no config `{key}`"))),
        (None, default) => Ok(default.unwrap_or_else(|| Value::from(()))),
    }
}

/// What a template may ask of its own node.
fn model(rendering: &Rendering, key: &str) -> Option<Value> {
    let node = &rendering.node;
    let texts = |texts: &[String]| List::value(texts.iter().map(|text| Value::from(text.as_str())).collect());
    let part = |at: usize| node.this.parts[at].as_deref().map_or(Value::from(()), Value::from);
    Some(match key {
        "name" => Value::from(node.name.as_str()),
        "alias" => part(2),
        "schema" => part(1),
        "database" => part(0),
        "unique_id" => Value::from(node.unique_id.as_str()),
        "package_name" => Value::from(node.package.as_str()),
        "original_file_path" => Value::from(node.path.as_str()),
        "resource_type" => Value::from(if node.snapshot { "snapshot" } else { "model" }),
        "fqn" => texts(&node.fqn),
        "tags" => texts(&node.tags),
        "version" => node.version.as_deref().map_or(Value::from(()), Value::from),
        "config" => from_json(&serde_json::Value::Object(node.config.clone())),
        other => unknown(format!("`model.{other}` is not rendered here")),
    })
}
