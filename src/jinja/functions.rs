//! dbt's functions: what `ref`, `var`, `adapter.dispatch` and the others give.
//!
//! Nothing here reads the environment, a file or the warehouse.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use minijinja::value::{Kwargs, Tuple, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::call::{self, MacroCall};
use super::relation::{Column, Relation};
use super::scope::{Parent, Rendering};
use super::value::{Dict, List, fault, from_json};

/// Calls a function by name.
pub(super) fn call(rendering: &Arc<Rendering>, name: &str, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let nothing = || Ok(Value::from(""));
    match name {
        "ref" => reference(rendering, args),
        "source" => source(rendering, args),
        "config" | "log" | "print" | "debug" | "set_sql_header" => nothing(),
        "var" => {
            let (name, positional, named): (&str, Option<Value>, Kwargs) = from_args(args)?;
            let default = match positional {
                Some(default) => Some(default),
                None => named.get::<Option<Value>>("default")?.or_else(|| named.has("default").then(|| Value::from(()))),
            };
            match (variable(rendering, name)?, default) {
                // dbt renders what a variable holds, when it is asked for.
                (Some(value), _) => match value.as_str().filter(|text| text.contains("{{") || text.contains("{%")) {
                    Some(text) => call::text(rendering, state, text),
                    None => Ok(value),
                },
                (None, Some(default)) => Ok(default),
                (None, None) => Err(fault(format!("the variable `{name}` has no value in dbt_project.yml and no default"))),
            }
        }
        "env_var" => {
            let (name, default): (&str, Option<Value>) = from_args(args)?;
            let default = default.filter(|default| !default.is_none() && !default.is_undefined());
            default.ok_or_else(|| fault(format!("the environment variable {name} has no default, and the environment is not read")))
        }
        "return" => {
            let (value,): (Option<Value>,) = from_args(args)?;
            Err(call::leave(rendering, value.unwrap_or_else(|| Value::from(()))))
        }
        "is_incremental" => {
            let () = from_args(args)?;
            if rendering.node.materialized != "incremental" {
                return Ok(Value::from(false));
            }
            rendering.asked.store(true, Ordering::Relaxed);
            Ok(Value::from(rendering.incremental))
        }
        "should_full_refresh" => match rendering.node.config.get("full_refresh").and_then(Json::as_bool) {
            Some(said) => Ok(Value::from(said)),
            None => Err(fault("whether the run is a full refresh is not known")),
        },
        "try_or_compiler_error" => match args {
            [_, function, rest @ ..] => function.call(state, rest),
            _ => Err(Error::from(ErrorKind::MissingArgument)),
        },
        "set" | "set_strict" => {
            let (items, _): (Option<Value>, Option<Value>) = from_args(args)?;
            let mut distinct: indexmap::IndexSet<Value> = indexmap::IndexSet::new();
            if let Some(items) = items {
                distinct.extend(items.try_iter()?);
            }
            Ok(List::value(distinct.into_iter().collect()))
        }
        "zip" | "zip_strict" => {
            let (lists, _): (&[Value], Kwargs) = from_args(args)?;
            let lists: Vec<Vec<Value>> = lists.iter().map(|list| Ok(list.try_iter()?.collect())).collect::<Result<_, Error>>()?;
            let length = lists.iter().map(Vec::len).min().unwrap_or(0);
            let row = |at: usize| Value::from(Tuple::from(lists.iter().filter_map(|list| list.get(at).cloned()).collect::<Vec<_>>()));
            Ok(List::value((0..length).map(row).collect()))
        }
        "dict" => dict(args, false),
        "namespace" => dict(args, true),
        "tojson" => {
            let (value, _, _): (Value, Option<Value>, Kwargs) = from_args(args)?;
            super::json::written(&value).map(Value::from)
        }
        "fromjson" => {
            let (text, default): (&str, Option<Value>) = from_args(args)?;
            match (serde_json::from_str::<Json>(text), default) {
                (Ok(json), _) => Ok(from_json(&json)),
                (Err(_), default) => Ok(default.unwrap_or_else(|| Value::from(()))),
            }
        }
        "__list" => Ok(List::value(args.to_vec())),
        "__dict" => Ok(Dict::value(args.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())))),
        "__set" => match args {
            [namespace, name, value] => {
                let of = namespace.downcast_object::<Dict>().ok_or_else(|| fault("only a namespace can be assigned to"))?;
                let set = of.change(state, std::slice::from_ref(value), |entries| entries.insert(name.clone(), value.clone()));
                set.map(|_| Value::from(()))
            }
            _ => Err(fault("a namespace takes one value at a time")),
        },
        "__percent" => {
            let (format, value): (Value, Value) = from_args(args)?;
            let mut all = vec![format];
            if value.is_tuple() {
                all.extend(value.try_iter()?);
            } else {
                all.push(value);
            }
            state.apply_filter("format", &all)
        }
        _ => Err(fault(format!("what `{name}()` gives is only known while dbt runs"))),
    }
}

/// `namespace(..)`, `dict(a=1)`, `dict(mapping)`, `dict(pairs)`.
fn dict(args: &[Value], namespace: bool) -> Result<Value, Error> {
    let (from, named): (Option<Value>, Kwargs) = from_args(args)?;
    let mut entries: Vec<(Value, Value)> = Vec::new();
    if let Some(from) = from {
        for key in from.try_iter()? {
            let pair = if from.kind() == minijinja::value::ValueKind::Map {
                (key.clone(), from.get_item(&key)?)
            } else {
                (key.get_item_by_index(0)?, key.get_item_by_index(1)?)
            };
            entries.push(pair);
        }
    }
    let given: Vec<&str> = named.args().collect();
    let count = given.len();
    for key in given {
        entries.push((Value::from(key), named.get::<Value>(key)?));
    }
    Ok(if count > 1 || namespace { Dict::unordered(entries) } else { Dict::value(entries) })
}

/// A variable's value for the node that is rendered.
pub(super) fn variable(rendering: &Rendering, name: &str) -> Result<Option<Value>, Error> {
    let variables = &rendering.world.variables;
    match variables.get(&rendering.node.package, name) {
        Some(value) => Ok(Some(from_json(value))),
        None if variables.of.as_ref() != Some(&rendering.world.root) => {
            Err(fault(format!("the variable `{name}` is not known: dbt_project.yml was not read")))
        }
        None => Ok(None),
    }
}

fn reference(rendering: &Rendering, args: &[Value]) -> Result<Value, Error> {
    let (positional, named): (&[Value], Kwargs) = from_args(args)?;
    let given = |name| named.get::<Option<Value>>(name);
    let version = given("v")?.or(given("version")?).filter(|version| !version.is_none()).map(|version| version.to_string());
    named.assert_all_used()?;
    let texts: Vec<&str> = positional.iter().filter_map(Value::as_str).collect();
    let (package, name) = match texts.as_slice() {
        [name] if positional.len() == 1 => (None, *name),
        [package, name] if positional.len() == 2 => (Some(*package), *name),
        _ => return Err(fault("ref() takes the name of a model, or of a package and a model")),
    };
    let fits = |parent: &&Parent| {
        parent.source.is_none()
            && parent.name == name
            && package.is_none_or(|package| parent.package == package)
            && version.as_ref().is_none_or(|version| parent.version.as_ref() == Some(version))
    };
    let found: Vec<&Parent> = rendering.parents.iter().filter(fits).collect();
    // Where two have the name, dbt takes the node's own package, then the root project; and the latest version.
    let own = |package: &str| found.iter().filter(|parent| parent.package == package).copied().collect::<Vec<_>>();
    let nearest = [own(&rendering.node.package), own(&rendering.world.root), found.clone()].into_iter().find(|some| !some.is_empty());
    let nearest = nearest.unwrap_or_default();
    let latest = || nearest.iter().filter(|parent| parent.latest).copied().collect::<Vec<_>>();
    match (nearest.as_slice(), latest().as_slice()) {
        ([only], _) | (_, [only]) => Ok(Value::from_dyn_object(Arc::clone(&only.relation))),
        ([], _) => Err(fault(format!("ref('{name}') is not among what the manifest says that it depends on"))),
        _ => Err(fault(format!("ref('{name}') may be several models"))),
    }
}

fn source(rendering: &Rendering, args: &[Value]) -> Result<Value, Error> {
    let (source, table): (&str, &str) = from_args(args)?;
    let mut fitting = rendering.parents.iter().filter(|parent| parent.source.as_deref() == Some(source) && parent.name == table);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(Value::from_dyn_object(Arc::clone(&only.relation))),
        (None, _) => Err(fault(format!("source('{source}', '{table}') is not among what the manifest says that it depends on"))),
        (Some(_), Some(_)) => Err(fault(format!("source('{source}', '{table}') may be several tables"))),
    }
}

/// Methods of `adapter`.
pub(super) fn adapter(rendering: &Arc<Rendering>, method: &str, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let world = &rendering.world;
    match method {
        "dispatch" => dispatch(rendering, args),
        "type" => from_args::<()>(args).map(|()| Value::from(world.adapter.as_str())),
        "quote" => {
            let (name,): (&str,) = from_args(args)?;
            let mark = mark(&world.adapter).ok_or_else(|| fault(format!("how {} quotes is not known", world.adapter)))?;
            Ok(Value::from(format!("{mark}{name}{mark}")))
        }
        "get_columns_in_relation" => {
            let (relation,): (Value,) = from_args(args)?;
            let relation = relation.downcast_object_ref::<Relation>().ok_or_else(|| fault("get_columns_in_relation: not a relation"))?;
            let missing = || {
                fault(format!(
                    "the columns of {} are not known: they need a catalog.json",
                    relation.parts[2].as_deref().unwrap_or_default()
                ))
            };
            let columns = relation.columns.as_ref().ok_or_else(missing)?;
            state.consume_fuel(u64::try_from(columns.len()).unwrap_or(u64::MAX))?;
            let mark = mark(&world.adapter).unwrap_or('"');
            let column = |column: &crate::dbt::Column| {
                let data_type = column.data_type.clone().unwrap_or_default();
                Value::from_object(Column { name: column.name.clone(), data_type, mark })
            };
            Ok(List::value(columns.iter().map(column).collect()))
        }
        other => Err(fault(format!("`adapter.{other}` asks the warehouse"))),
    }
}

/// `adapter.dispatch('name', 'package')`: the macro of the first package and prefix that has one.
fn dispatch(rendering: &Arc<Rendering>, args: &[Value]) -> Result<Value, Error> {
    let (name, positional, named): (&str, Option<Value>, Kwargs) = from_args(args)?;
    let namespace = match positional {
        Some(namespace) => Some(namespace),
        None => named.get::<Option<Value>>("macro_namespace")?,
    };
    named.assert_all_used()?;
    let world = &rendering.world;
    let namespace = namespace.filter(|namespace| !namespace.is_none());
    let packages: Vec<Option<String>> = match namespace.as_ref().map(|namespace| namespace.as_str()) {
        None => vec![None],
        Some(None) => return Err(fault("adapter.dispatch() takes the name of a package")),
        Some(Some(namespace)) => match world.variables.dispatch.get(namespace) {
            Some(order) => order.iter().cloned().map(Some).collect(),
            None => vec![Some(world.root.clone()), Some(namespace.to_owned())],
        },
    };
    for package in packages {
        for prefix in &world.prefixes {
            let wanted = format!("{prefix}__{name}");
            let found = match &package {
                Some(package) => world.find_in(package, &wanted),
                None => world.find_own(&rendering.node.package, &wanted).or_else(|| world.find_in("dbt", &wanted)),
            };
            if let Some(package) = found {
                return Ok(MacroCall::value(rendering, &package, &wanted));
            }
        }
    }
    Err(fault(format!("no package has a macro {name} to dispatch to")))
}

/// `api.Relation.create(..)`.
pub(super) fn create_relation(rendering: &Rendering, args: &[Value]) -> Result<Value, Error> {
    let (named,): (Kwargs,) = from_args(args)?;
    let part = |name| -> Result<Option<String>, Error> {
        let given = named.get::<Option<Value>>(name)?.filter(|given| !given.is_none() && !given.is_undefined());
        Ok(given.map(|given| given.to_string()))
    };
    let parts = [part("database")?, part("schema")?, part("identifier")?];
    let _ = part("type")?;
    named.assert_all_used()?;
    let quotes = rendering.node.this.quoted[2].as_deref().and_then(|text| text.chars().next());
    Ok(Value::from_object(Relation::new(parts, quotes.filter(|quote| ['"', '`'].contains(quote)))))
}

/// How an adapter quotes names.
pub(super) fn mark(adapter: &str) -> Option<char> {
    match adapter {
        "bigquery" | "spark" | "databricks" | "mysql" | "mariadb" | "hive" | "impala" => Some('`'),
        "postgres" | "redshift" | "snowflake" | "duckdb" | "trino" | "athena" | "materialize" | "risingwave" | "sqlserver" | "fabric"
        | "synapse" | "vertica" | "oracle" | "teradata" | "exasol" | "starrocks" => Some('"'),
        _ => None,
    }
}

/// What an adapter calls one of dbt's general types.
pub(super) fn translated(adapter: &str, data_type: &str) -> String {
    let general = data_type.to_uppercase();
    let own = match (adapter, general.as_str()) {
        ("spark", _) => None,
        ("bigquery", "FLOAT") => Some("FLOAT64"),
        ("bigquery", "INTEGER") => Some("INT64"),
        ("databricks", "LONG") => Some("BIGINT"),
        ("databricks" | "bigquery", _) => None,
        ("athena" | "trino", "STRING") => Some("VARCHAR"),
        ("trino", "FLOAT") => Some("DOUBLE"),
        (_, "STRING") => Some("TEXT"),
        _ => None,
    };
    own.map_or_else(|| data_type.to_owned(), str::to_owned)
}
