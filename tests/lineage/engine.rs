//! A DuckDB in memory on which a chain of models runs over one variant of its sources after another, and how two such runs differ.
//!
//! The schema `base` holds the sources. [`Engine::run`] makes the models tables, as dbt does; [`Stage`] makes them views that are planned once, for
//! many variants. Not for what the SQL means: nothing here looks into it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use duckdb::{Connection, Statement};
use serde_json::Value;

/// Longest time for one run of a chain: a changed join key can turn a join into a cross product.
const LIMIT: Duration = Duration::from_secs(3);

/// One model of a chain.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    pub sql: String,
    pub hooks: Vec<String>,
}

/// What one model gave: names as DuckDB made them, every value as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub names: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl Output {
    /// The values of a column, whatever the order of the rows.
    fn values(&self, column: usize) -> Vec<&Option<String>> {
        let mut values: Vec<_> = self.rows.iter().map(|row| &row[column]).collect();
        values.sort();
        values
    }
    /// How often each combination of values of these columns is there.
    fn counts(&self, columns: &[usize]) -> BTreeMap<Vec<&Option<String>>, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(columns.iter().map(|&column| &row[column]).collect()).or_default() += 1;
        }
        counts
    }
    /// The same rows, whatever their order.
    pub fn same(&self, other: &Output) -> bool {
        let sorted = |output: &Output| {
            let mut rows = output.rows.clone();
            rows.sort();
            rows
        };
        self.names == other.names && sorted(self) == sorted(other)
    }
}

/// How a second output differs from the first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Columns that hold other values.
    pub columns: BTreeSet<usize>,
    /// Rows of the first are missing in the second.
    pub lost: bool,
    /// The second has rows that the first has not.
    pub added: bool,
}

impl Difference {
    /// A row is told from another by `keys`: one is lost when a key is there less often than before, added when it is there more often.
    /// Without keys a row that holds another value cannot be told from one that took another's place, so that only the number of rows counts.
    pub fn between(before: &Output, after: &Output, keys: &[usize]) -> Difference {
        let changed = |column: usize| match after.names.iter().position(|name| *name == before.names[column]) {
            Some(other) => before.values(column) != after.values(other),
            None => true,
        };
        let columns = (0..before.names.len()).filter(|&column| changed(column)).collect();
        let (old, new) = (before.counts(keys), after.counts(keys));
        let fewer = |some: &BTreeMap<_, usize>, others: &BTreeMap<_, usize>| {
            others.iter().any(|(key, count)| some.get(key).is_none_or(|have| have < count))
        };
        Difference { columns, lost: fewer(&new, &old), added: fewer(&old, &new) }
    }
}

/// The database, single-threaded, so that the same rows in the same order give the same answer.
pub struct Engine {
    connection: Connection,
    /// When the statement that runs is to be stopped.
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl Engine {
    pub fn new() -> Engine {
        let connection = Connection::open_in_memory().expect("a database in memory");
        let deadline = Arc::new(Mutex::new(None::<Instant>));
        let (watched, interrupt) = (Arc::downgrade(&deadline), connection.interrupt_handle());
        std::thread::spawn(move || {
            while let Some(deadline) = watched.upgrade() {
                if deadline.lock().unwrap().is_some_and(|at| at < Instant::now()) {
                    interrupt.interrupt();
                }
                drop(deadline);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let engine = Engine { connection, deadline };
        // Nothing is gained by optimizing queries of a few rows, and a plan that knows no statistics stays right when the rows change.
        engine.execute("set threads = 1; set timezone = 'UTC'; pragma disable_optimizer; create schema base").expect("settings");
        engine
    }
    /// One or more statements.
    pub fn execute(&self, sql: &str) -> Result<(), String> {
        self.connection.execute_batch(sql).map_err(|error| error.to_string())
    }
    /// Every row of a query as text.
    pub fn rows(&self, sql: &str) -> Result<Output, String> {
        fetched(&mut self.prepare(sql)?)
    }
    fn prepare(&self, sql: &str) -> Result<Statement<'_>, String> {
        self.connection.prepare(sql).map_err(|error| error.to_string())
    }
    /// Whether it still answers: after an internal error of its own, DuckDB refuses everything.
    pub fn works(&self) -> bool {
        self.execute("select 1").is_ok()
    }
    /// Does something that is stopped when it takes too long.
    pub fn within_limit<T>(&self, work: impl FnOnce() -> T) -> T {
        *self.deadline.lock().unwrap() = Some(Instant::now() + LIMIT);
        let done = work();
        *self.deadline.lock().unwrap() = None;
        done
    }
    /// Runs the models in order, their sources found along `path` (schemas, first come first).
    pub fn run(&self, path: &str, models: &[Model]) -> Result<Vec<Output>, String> {
        let outputs = self.within_limit(|| self.run_models(path, models));
        // A temporary table that stays would hide a view of the same name.
        for model in models {
            self.execute(&format!("drop table if exists temp.{}", quoted(&model.name)))?;
        }
        outputs
    }
    fn run_models(&self, path: &str, models: &[Model]) -> Result<Vec<Output>, String> {
        self.execute(&format!("set search_path = '{path}'"))?;
        let mut outputs = Vec::new();
        for model in models {
            self.execute(&format!("create or replace temp table {} as {}", quoted(&model.name), model.sql))?;
            for hook in &model.hooks {
                self.execute(&hook.replace("{{ this }}", &quoted(&model.name)))?;
            }
            outputs.push(self.rows(&format!("select columns(*)::varchar from {}", quoted(&model.name)))?);
        }
        Ok(outputs)
    }
}

/// A chain of models over sources in a schema of their own, planned once, so that a variant costs no more than its rows.
pub struct Stage<'e> {
    engine: &'e Engine,
    queries: Vec<String>,
    /// The same, planned; none where DuckDB breaks when it runs a plan again.
    planned: Option<RefCell<Vec<Statement<'e>>>>,
}

impl<'e> Stage<'e> {
    /// The models as views (so they have no hooks) on copies of the sources in `base`.
    pub fn of(engine: &'e Engine, sources: &[&str], models: &[Model]) -> Result<Stage<'e>, String> {
        engine.execute("create schema if not exists live; drop schema live cascade; create schema live; set search_path = 'live,main'")?;
        for name in sources.iter().map(|name| quoted(name)) {
            engine.execute(&format!("create table live.{name} as from base.{name}"))?;
        }
        for model in models {
            engine.execute(&format!("create view live.{} as {}", quoted(&model.name), model.sql))?;
        }
        let queries: Vec<String> =
            models.iter().map(|model| format!("select columns(*)::varchar from live.{}", quoted(&model.name))).collect();
        let again = models.iter().all(|model| !model.sql.contains("asof"));
        let planned = || queries.iter().map(|query| engine.prepare(query)).collect::<Result<_, _>>().map(RefCell::new);
        let planned = if again { Some(planned()?) } else { None };
        Ok(Stage { engine, queries, planned })
    }
    /// What the models give, on the base or with the rows of one source taken from a query.
    pub fn outputs(&self, change: Option<(&str, &str)>) -> Result<Vec<Output>, String> {
        let fill =
            |source: &str, query: &str| self.engine.execute(&format!("delete from live.{source}; insert into live.{source} {query}"));
        let source = change.map(|(source, _)| quoted(source)).unwrap_or_default();
        // A change of the catalog makes DuckDB plan anew.
        self.engine.execute("set search_path = 'live,main'")?;
        change.map_or(Ok(()), |(_, query)| fill(&source, query))?;
        let outputs = self.engine.within_limit(|| match &self.planned {
            Some(planned) => planned.borrow_mut().iter_mut().map(fetched).collect(),
            None => self.queries.iter().map(|query| self.engine.rows(query)).collect(),
        });
        change.map_or(Ok(()), |_| fill(&source, &format!("from base.{source}")))?;
        outputs
    }
}

/// Every row of a prepared query as text.
fn fetched(statement: &mut Statement<'_>) -> Result<Output, String> {
    let text = |error: duckdb::Error| error.to_string();
    let mut found = statement.query([]).map_err(text)?;
    let names = found.as_ref().map(|statement| statement.column_names()).unwrap_or_default();
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(text)? {
        rows.push((0..names.len()).map(|column| row.get(column)).collect::<Result<_, _>>().map_err(text)?);
    }
    Ok(Output { names, rows })
}

/// A name as SQL writes it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value of a case file as SQL: text that starts with `=` is an expression.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::String(text) => text.strip_prefix('=').map_or_else(|| format!("'{}'", text.replace('\'', "''")), str::to_owned),
        other => other.to_string(),
    }
}
