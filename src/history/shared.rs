//! A history that several machines share: every transaction that adds to the file is a batch of rows, and it is kept when the shared log took the batch under the next
//! number. The file is a copy that can be made again from the log; another machine's batches are read before one's own is added. Not for where the log is: see `cli`.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params_from_iter};
use serde_json::{Map, Value};

use super::History;

/// The log, wherever it is. Batches are numbered from 1 without gaps.
pub trait Shared: std::fmt::Debug + Send {
    /// Every batch after this one, in order: number and rows.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn since(&self, batch: i64) -> Result<Vec<(i64, String)>, String>;
    /// Adds a batch under the next number, durable when it returns; `false` when another machine took that number first, and then nothing was added.
    ///
    /// # Errors
    /// Why it is not known to be added, for people.
    fn add(&self, batch: i64, rows: &str) -> Result<bool, String>;
    /// The same with a batch that holds everything, in one act with letting go of all batches before it.
    ///
    /// # Errors
    /// Why it is not known to be done, for people.
    fn replace(&self, batch: i64, rows: &str) -> Result<bool, String>;
}

/// What is shared. A row may name rows of tables before its own.
const TABLES: [&str; 5] = ["decisions", "measured", "documents", "journal", "told"];
/// How often another machine may be first.
const TRIES: u32 = 20;
/// Name under which the number of the last batch is kept, beside the beginnings of the chains.
const CHAIN: &str = "shared";
/// How a batch begins that holds everything, and that takes the place of all before it.
const EVERYTHING: &str = r#"{"table":"everything"}"#;

/// How a batch comes into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// After the others.
    Added,
    /// In the place of the others.
    Alone,
}

impl History {
    /// Opens the history in a folder as a copy of a shared one, to add to it.
    ///
    /// # Errors
    /// Why it cannot be used, for people.
    pub fn open_shared(folder: &Path, shared: Box<dyn Shared>) -> Result<History, String> {
        let mut history = History::open(folder)?;
        let wrong = |error: rusqlite::Error| error.to_string();
        let path = history.path.clone();
        capture(&history.connection).map_err(wrong)?;
        history.shared = Some(shared);
        history.follow_shared().map_err(|error| format!("the history {} cannot follow the shared one: {error}", path.display()))?;
        Ok(history)
    }

    /// Takes what other machines added; whether there was something. A file that was never shared is added to an empty log as a whole.
    pub(super) fn follow_shared(&mut self) -> Result<bool, String> {
        let Some(shared) = &self.shared else { return Ok(false) };
        let wrong = |error: rusqlite::Error| error.to_string();
        let known = taken(&self.connection).map_err(wrong)?;
        let batches = shared.since(known.unwrap_or(0))?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        if known.is_none() && holds_rows(&transaction).map_err(wrong)? {
            if !batches.is_empty() {
                return Err(
                    "both hold decisions, and neither is a copy of the other; move the file away, or name another schema".to_owned()
                );
            }
            let rows = all_rows(&transaction, false).map_err(wrong)?;
            if !shared.add(1, &rows)? {
                return Err("another machine has just begun it; try again".to_owned());
            }
            follow(&transaction, 1).map_err(wrong)?;
            return transaction.commit().map(|()| true).map_err(wrong);
        }
        let mut last = known.unwrap_or(0);
        for (number, rows) in &batches {
            let everything = holds_everything(rows);
            if *number != last + 1 && !everything {
                return Err(format!("batch {} is missing", last + 1));
            }
            if everything {
                forget_all(&transaction).map_err(wrong)?;
            }
            apply(&transaction, rows)?;
            last = *number;
        }
        follow(&transaction, last).map_err(wrong)?;
        transaction.execute("delete from temp.added", []).map_err(wrong)?;
        transaction.commit().map_err(wrong)?;
        if !batches.is_empty() {
            self.verify()?;
        }
        Ok(!batches.is_empty())
    }

    /// Writes in one transaction that counts when the log took what was added, too; what others added in the meantime is read, and `write` asked again.
    pub(super) fn write_shared<T>(&mut self, write: &mut dyn FnMut(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, String> {
        self.write_as(Way::Added, write)
    }

    /// The same for what lets go of rows: the log then holds what is left, in one batch.
    pub(super) fn prune_shared<T>(&mut self, write: &mut dyn FnMut(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, String> {
        self.write_as(Way::Alone, write)
    }

    fn write_as<T>(&mut self, way: Way, write: &mut dyn FnMut(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, String> {
        let wrong = |error: rusqlite::Error| error.to_string();
        for _ in 0..TRIES {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
            transaction.execute("delete from temp.added", []).map_err(wrong)?;
            let value = write(&transaction).map_err(wrong)?;
            let rows = match way {
                Way::Added => added(&transaction).map_err(wrong)?,
                Way::Alone => all_rows(&transaction, true).map_err(wrong)?,
            };
            let Some(shared) = self.shared.as_ref().filter(|_| rows != "[]") else {
                return transaction.commit().map(|()| value).map_err(wrong);
            };
            let number = taken(&transaction).map_err(wrong)?.unwrap_or(0) + 1;
            let took = match way {
                Way::Added => shared.add(number, &rows),
                Way::Alone => shared.replace(number, &rows),
            };
            let took = match took {
                Ok(took) => took,
                // Perhaps only the answer was lost: what the log holds is what counts.
                Err(error) => match shared.since(number - 1)?.first() {
                    Some((first, held)) if *first == number && *held == rows => true,
                    Some(_) => false,
                    None => return Err(error),
                },
            };
            if took {
                follow(&transaction, number).map_err(wrong)?;
                return transaction.commit().map(|()| value).map_err(wrong);
            }
            transaction.rollback().map_err(wrong)?;
            if !self.follow_shared()? {
                return Err("the shared history is not the one that this file is a copy of; move the file away".to_owned());
            }
        }
        Err("other machines add to the shared history without end".to_owned())
    }
}

fn holds_everything(rows: &str) -> bool {
    rows.get(1..).is_some_and(|rows| rows.starts_with(EVERYTHING))
}

/// Takes away what a copy may let go of; decisions, measured values and what was told are never let go of, so a batch that holds everything has them, too.
fn forget_all(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("drop trigger journal_remains; drop trigger documents_remain; delete from journal; delete from documents")?;
    transaction.execute_batch(super::layout::REMAIN)?;
    transaction.execute("delete from forgotten where chain <> ?1", [CHAIN]).map(|_rows| ())
}

/// Number of the last batch that the file holds; `None` where it is no copy.
fn taken(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("select number from forgotten where chain = ?1", [CHAIN], |row| row.get(0)).optional()
}

fn follow(transaction: &Transaction<'_>, batch: i64) -> rusqlite::Result<()> {
    let sql = "insert into forgotten (chain, number, hash) values (?1, ?2, '') on conflict (chain) do update set number = ?2";
    transaction.execute(sql, rusqlite::params![CHAIN, batch]).map(|_rows| ())
}

fn holds_rows(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "select exists (select 1 from decisions) or exists (select 1 from journal) or exists (select 1 from told)",
        [],
        |row| row.get(0),
    )
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("select name from pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// A row as JSON, in SQL: `of` is what stands before the name of a column.
fn row(connection: &Connection, table: &str, of: &str) -> rusqlite::Result<String> {
    let pairs: Vec<String> = columns(connection, table)?.iter().map(|column| format!("'{column}', {of}{column}")).collect();
    Ok(format!("json_object('table', '{table}', {})", pairs.join(", ")))
}

/// Lets this connection note every row that it adds.
fn capture(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("create temp table added (row text not null)")?;
    TABLES.iter().try_for_each(|table| {
        let row = row(connection, table, "new.")?;
        connection.execute_batch(&format!(
            "create temp trigger note_{table} after insert on main.{table} begin insert into added values ({row}); end"
        ))
    })
}

fn added(transaction: &Transaction<'_>) -> rusqlite::Result<String> {
    let mut statement = transaction.prepare_cached("select row from temp.added order by rowid")?;
    let rows: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(format!("[{}]", rows.join(",")))
}

/// All that is shared; `instead` of all batches before it.
fn all_rows(transaction: &Transaction<'_>, instead: bool) -> rusqlite::Result<String> {
    let mut rows: Vec<String> = instead.then(|| EVERYTHING.to_owned()).into_iter().collect();
    for table in TABLES {
        let mut statement = transaction.prepare(&format!("select {} from {table}", row(transaction, table, "")?))?;
        rows.extend(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?);
    }
    // Where a chain begins whose oldest records were let go.
    let sql = "select json_object('table', 'forgotten', 'chain', chain, 'number', number, 'hash', hash) from forgotten where chain <> ?1";
    let mut statement = transaction.prepare(sql)?;
    rows.extend(statement.query_map([CHAIN], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?);
    Ok(format!("[{}]", rows.join(",")))
}

/// Adds another machine's rows. Of what the log says nothing but values becomes SQL.
fn apply(transaction: &Transaction<'_>, rows: &str) -> Result<(), String> {
    let everything = holds_everything(rows);
    let rows: Vec<Map<String, Value>> = serde_json::from_str(rows).map_err(|error| format!("a batch cannot be understood: {error}"))?;
    let skipped = usize::from(everything);
    let mut rows_of: BTreeMap<&str, i64> = BTreeMap::new();
    for mut row in rows.into_iter().skip(skipped) {
        let named = row.remove("table");
        let named = named.as_ref().and_then(Value::as_str).unwrap_or_default();
        let table =
            TABLES.iter().chain(&["forgotten"]).find(|table| **table == named).ok_or_else(|| format!("a batch has rows of `{named}`"))?;
        let known = columns(transaction, table).map_err(|error| error.to_string())?;
        if let Some(other) = row.keys().find(|column| !known.contains(column)) {
            return Err(format!("a newer version wrote it: {table} has no column {other} here"));
        }
        let cell = |value: &Value| match value {
            Value::Null => Ok(Sql::Null),
            Value::String(text) => Ok(Sql::Text(text.clone())),
            Value::Number(number) => number.as_i64().map(Sql::Integer).ok_or_else(|| format!("`{number}` is no whole number")),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(format!("`{value}` is no cell")),
        };
        let cells = row.values().map(cell).collect::<Result<Vec<Sql>, String>>()?;
        let places: Vec<String> = (1..=cells.len()).map(|at| format!("?{at}")).collect();
        let names: Vec<&str> = row.keys().map(String::as_str).collect();
        let astray = |error: &dyn std::fmt::Display| format!("a batch does not follow on what is here: {error}");
        if everything {
            let same: Vec<String> = names.iter().zip(&places).map(|(name, place)| format!("{name} is {place}")).collect();
            let sql = format!("select exists (select 1 from {table} where {})", same.join(" and "));
            let known = transaction.query_row(&sql, params_from_iter(&cells), |row| row.get(0)).map_err(|error| astray(&error))?;
            *rows_of.entry(*table).or_insert(0_i64) += 1;
            if known {
                continue;
            }
        }
        let sql = format!("insert into {table} ({}) values ({})", names.join(", "), places.join(", "));
        transaction.execute(&sql, params_from_iter(cells)).map_err(|error| astray(&error))?;
    }
    // Nothing is here that the others never had.
    for table in TABLES.iter().filter(|_| everything) {
        let here: i64 =
            transaction.query_row(&format!("select count(*) from {table}"), [], |row| row.get(0)).map_err(|error| error.to_string())?;
        if here != rows_of.get(table).copied().unwrap_or(0) {
            return Err(format!("the batch that holds everything has other {table} than are here"));
        }
    }
    Ok(())
}
