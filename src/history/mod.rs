//! What was decided, measured and done, for ever: one SQLite file to which decisions and the steps of runs are added; only `prune` lets go of what is old. Read back as
//! what earlier runs measured, and as how far a run came.
//!
//! Durable before it is acted on (write-ahead log, `synchronous = FULL`), refuses changes and removals, and chains its records by hash, so that a file that was
//! edited says so. Rehearsals and runs that selected less are no part of it. It sees records and nothing else, so what is kept is what was told.
//! Not for the last decision's document, which commands keep in dbt's target folder.
#![expect(clippy::disallowed_methods, reason = "this room keeps a file")]

mod chain;
mod journal;
mod layout;
mod lock;
mod prune;
mod shared;
mod step;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use crate::record::{CheckRecord, Document, Ended, Reason};
pub use journal::Claim;
pub use lock::{Lock, Locked};
pub use prune::Pruned;
pub use shared::Shared;
pub use step::{ActKind, ActRecord, Intent, Kept, Run, RunKey, State, Step};
pub use told::{Line, What};

/// Longest that another process may keep the file.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most earlier intervals that are read of a check.
const REMEMBERED: usize = 60;

/// The file of one project's history.
#[derive(Debug)]
pub struct History {
    connection: Connection,
    path: PathBuf,
    /// A file of the first layout that is only read has none.
    has_journal: bool,
    /// Nor has one of the second what was told.
    has_told: bool,
    /// Where other machines add to it, too.
    shared: Option<Box<dyn Shared>>,
}

/// Whether a decision was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New,
    /// It was there already: the same decision is kept once.
    Known,
    /// It is not kept: a rehearsal, or a run that was told to look at less.
    NotReal,
}

/// What a check measured for one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Where the interval began, in the contract's zone; the decision's time where there is no interval.
    pub start: Zoned,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The judged number, exact, as text.
    pub value: String,
    /// How the check ended.
    pub outcome: Ended,
    /// The decision.
    pub run: String,
}

impl History {
    /// Opens the history in a folder, to add to it; makes both when they are not there.
    ///
    /// # Errors
    /// Why it cannot be used, for people.
    pub fn open(folder: &Path) -> Result<History, String> {
        let path = file(folder);
        let wrong = |error: String| format!("the history {} cannot be used: {error}", path.display());
        std::fs::create_dir_all(folder).map_err(|error| wrong(error.to_string()))?;
        let connection = Connection::open(&path).map_err(|error| wrong(error.to_string()))?;
        let mut history = History { connection, path: path.clone(), has_journal: true, has_told: true, shared: None };
        history.prepare().map_err(|error| wrong(error.to_string()))?;
        history.layout().map_err(wrong)?;
        Ok(history)
    }

    /// Opens the history in a folder, to read it; `None` when there is none yet.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub fn read(folder: &Path) -> Result<Option<History>, String> {
        let path = file(folder);
        if !path.exists() {
            return Ok(None);
        }
        let wrong = |error: String| format!("the history {} cannot be read: {error}", path.display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| wrong(error.to_string()))?;
        connection.busy_timeout(PATIENCE).map_err(|error| wrong(error.to_string()))?;
        let mut history = History { connection, path: path.clone(), has_journal: true, has_told: true, shared: None };
        history.layout().map_err(wrong)?;
        Ok(Some(history))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a decision: everything that its checks measured, and its document. On disk when this returns.
    ///
    /// # Errors
    /// Why it is not kept, for people: then nothing of it is.
    pub fn add(&mut self, document: &Document) -> Result<Added, String> {
        if !real(document) {
            return Ok(Added::NotReal);
        }
        let begins = begins(document)?;
        let text = serde_json::to_string(document).map_err(|error| error.to_string())?;
        self.write(|transaction| {
            let added = insert(transaction, document, begins)?;
            if added == Added::New {
                journal::keep(transaction, document, &text)?;
            }
            Ok(added)
        })
    }

    /// What each check of a contract measured for earlier intervals, the newest first: of each interval the value that was decided last, where the check
    /// passed or warned. `before` is where this interval begins (or this decision, where there is none), `now` the decision time.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub fn earlier(&self, contract: &str, before: Timestamp, now: Timestamp) -> Result<BTreeMap<String, Vec<Value>>, String> {
        let wrong = |error: String| format!("the history {} cannot be read: {error}", self.path.display());
        let mut statement = self.connection.prepare(EARLIER).map_err(|error| wrong(error.to_string()))?;
        let rows = statement
            .query_map(params![contract, before.as_microsecond(), now.as_microsecond()], |row| {
                let text = |at: usize| row.get::<_, Option<String>>(at);
                Ok([text(0)?, text(1)?, text(2)?, text(3)?, text(4)?, text(5)?].map(Option::unwrap_or_default))
            })
            .map_err(|error| wrong(error.to_string()))?;
        let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for row in rows {
            let [check, start, decided_at, value, outcome, run] = row.map_err(|error| wrong(error.to_string()))?;
            let decided_at: Timestamp = decided_at.parse().map_err(|_| wrong(format!("`{decided_at}` is no time")))?;
            let start = if start.is_empty() { Ok(decided_at.to_zoned(jiff::tz::TimeZone::UTC)) } else { start.parse::<Zoned>() };
            let start = start.map_err(|error| wrong(error.to_string()))?;
            let outcome = match outcome.as_str() {
                "pass" => Ended::Pass,
                "fail_warn" => Ended::FailWarn,
                other => return Err(wrong(format!("`{other}` is no outcome"))),
            };
            let values = found.entry(check).or_default();
            // Newest interval first, and of one interval the last decision first.
            if values.len() < REMEMBERED && values.last().is_none_or(|last| last.start != start) {
                values.push(Value { start, decided_at, value, outcome, run });
            }
        }
        Ok(found)
    }

    /// The decision that was added last for a contract and an interval (where it begins; `None` for a contract without a schedule).
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub fn newest(&self, contract: &str, begins: Option<Timestamp>) -> Result<Option<String>, String> {
        let sql = "select run from decisions where contract = ?1 and begins is ?2 order by number desc limit 1";
        let begins = begins.map(Timestamp::as_microsecond);
        let found = self.connection.query_row(sql, params![contract, begins], |row| row.get(0)).optional();
        found.map_err(|error| format!("the history {} cannot be read: {error}", self.path.display()))
    }

    /// The document of the decision about a contract's newest interval, of that one the last; `None` when there is none, or it was kept without its document.
    ///
    /// # Errors
    /// It cannot be read, or is not what was stored.
    pub fn latest(&self, contract: &str) -> Result<Option<Document>, String> {
        let sql = "select run from decisions where contract = ?1 order by coalesce(begins, decided) desc, number desc limit 1";
        let wrong = |error: String| format!("the history {} cannot be read: {error}", self.path.display());
        let run: Option<String> =
            self.connection.query_row(sql, [contract], |row| row.get(0)).optional().map_err(|error| wrong(error.to_string()))?;
        let text = run.map(|run| self.document(&run)).transpose()?.flatten();
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| wrong(error.to_string()))
    }

    /// Documents of a contract's decisions in the order in which they were made: all since a moment, and of earlier ones as many as make `most` in all. And how
    /// many since that moment are kept without their document.
    ///
    /// # Errors
    /// They cannot be read, or are not what was stored.
    pub fn documents(&self, contract: &str, since: Timestamp, most: u32) -> Result<(Vec<Document>, u64), String> {
        let wrong = |error: String| format!("the history {} cannot be read: {error}", self.path.display());
        let mut statement = self.connection.prepare(DECISIONS).map_err(|error| wrong(error.to_string()))?;
        let rows = statement
            .query_map(params![contract, since.as_microsecond(), most], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))
            .map_err(|error| wrong(error.to_string()))?;
        let (mut documents, mut lost) = (Vec::new(), 0);
        for row in rows {
            let (run, asked) = row.map_err(|error| wrong(error.to_string()))?;
            match self.document(&run)? {
                Some(text) => documents.push(serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?),
                None => lost += u64::from(asked),
            }
        }
        Ok((documents, lost))
    }

    /// Follows the chains of hashes, of decisions and of the journal, from their first records; how many decisions there are.
    ///
    /// # Errors
    /// The first record that is not what was added, for people.
    pub fn verify(&self) -> Result<u64, String> {
        chain::follow(&self.connection, self.has_journal)
            .map_err(|error| format!("the history {} was changed: {error}", self.path.display()))
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(PATIENCE)?;
        self.connection.pragma_update(None, "journal_mode", "wal")?;
        self.connection.pragma_update(None, "synchronous", "full")?;
        self.connection.pragma_update(None, "foreign_keys", true)?;
        self.connection.pragma_update(None, "trusted_schema", false)?;
        layout::prepare(&mut self.connection)
    }

    /// A file of another layout is left alone.
    fn layout(&mut self) -> Result<(), String> {
        let layout = layout::number(&self.connection).map_err(|error| error.to_string())?;
        self.has_journal = layout >= 2;
        self.has_told = layout >= 3;
        if (1..=layout::LAYOUT).contains(&layout) {
            Ok(())
        } else {
            Err(format!("it has the layout {layout}, and this version reads {}", layout::LAYOUT))
        }
    }
}

/// Whether a decision is kept: no rehearsal, and no part of the checks.
fn real(document: &Document) -> bool {
    !document.rehearsal && !document.checks.iter().any(|check| check.reason == Some(Reason::Deselected))
}

/// First instant of the interval, in microseconds.
fn begins(document: &Document) -> Result<Option<i64>, String> {
    document.interval.as_ref().map(|interval| instant(&interval.start)).transpose()
}

fn insert(transaction: &Transaction<'_>, document: &Document, begins: Option<i64>) -> rusqlite::Result<Added> {
    let known: Option<i64> =
        transaction.query_row("select number from decisions where run = ?1", [&document.run], |row| row.get(0)).optional()?;
    if known.is_some() {
        return Ok(Added::Known);
    }
    let last: Option<(i64, String)> = transaction
        .query_row("select number, hash from decisions order by number desc limit 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (last, previous) = match last {
        Some(last) => last,
        None => chain::begins(transaction, chain::DECISIONS)?,
    };
    let record = chain::Decision::of(document, begins, previous);
    let measured: Vec<chain::Measured> = document.checks.iter().map(chain::Measured::of).collect();
    write(transaction, last + 1, &record, &measured)?;
    Ok(Added::New)
}

/// The oldest first; whether it was made since the moment.
const DECISIONS: &str = "
select run, decided >= ?2 from decisions
where contract = ?1
    and (decided >= ?2 or number in (select number from decisions where contract = ?1 order by number desc limit ?3))
order by number
";

/// Newest interval first, and of one interval the last decision first.
const EARLIER: &str = "
select measured.check_id, decisions.interval_start, decisions.decided_at, measured.value, measured.outcome, decisions.run
from measured
inner join decisions on decisions.number = measured.decision
where decisions.contract = ?1
    and coalesce(decisions.begins, decisions.decided) < ?2
    and decisions.decided <= ?3
    and measured.value is not null
    and measured.outcome in ('pass', 'fail_warn')
order by measured.check_id, coalesce(decisions.begins, decisions.decided) desc, decisions.decided desc, decisions.number desc
";

fn write(transaction: &Transaction<'_>, number: i64, decision: &chain::Decision, measured: &[chain::Measured]) -> rusqlite::Result<()> {
    transaction.execute(
        "insert into decisions (number, run, contract, interval_start, interval_end, begins, decided_at, decided, status, verdicts, expected_hash,
         snapshot, previous, hash) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            number,
            decision.run,
            decision.contract,
            decision.interval_start,
            decision.interval_end,
            decision.begins,
            decision.decided_at,
            decision.decided,
            decision.status,
            decision.verdicts,
            decision.expected_hash,
            decision.snapshot,
            decision.previous,
            decision.hash(number, measured),
        ],
    )?;
    let mut insert = transaction.prepare(
        "insert into measured (decision, check_id, kind, outcome, reason, rows_seen, value, unit, sql_hash) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for one in measured {
        insert.execute(params![
            number,
            one.check_id,
            one.kind,
            one.outcome,
            one.reason,
            one.rows_seen,
            one.value,
            one.unit,
            one.sql_hash
        ])?;
    }
    Ok(())
}

fn file(folder: &Path) -> PathBuf {
    folder.join("history.sqlite")
}

/// A moment as the record writes it, in microseconds.
fn instant(text: &str) -> Result<i64, String> {
    text.parse::<Zoned>().map(|zoned| zoned.timestamp().as_microsecond()).map_err(|error| error.to_string())
}

/// How a check ended, as it is kept.
fn word(check: &CheckRecord) -> &'static str {
    match check.outcome {
        Ended::Pass => "pass",
        Ended::FailWarn => "fail_warn",
        Ended::FailHold => "fail_hold",
        Ended::Error => "error",
        Ended::Skipped => "skipped",
    }
}
