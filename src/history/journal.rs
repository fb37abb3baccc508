//! The journal: what each run did, step by step, on disk before the next step begins. What it says of an act decides whether a resume repeats it.
//!
//! Of an act there is first an intent, then `done` or `failed`. An intent without either may or may not have reached the world, so it is tried again with its key.
//! Not for what the steps mean: see `runner`.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::chain::{self, Journalled};
use super::step::{ActKind, ActRecord, Intent, Kept, Run, RunKey, Step};
use super::{Added, History};
use crate::record::Document;

/// What is known of an act whose intent is about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nobody meant it before: the intent is on disk now.
    New,
    /// It was meant before and is not known to be done: the intent is on disk; do it again with the same key.
    Again,
    /// It was done: nothing was written, and nothing is to be done.
    Done,
}

impl History {
    /// Adds a step to a run. On disk when this returns.
    ///
    /// # Errors
    /// Why it is not kept, for people: then nothing of it is.
    pub fn append(&mut self, of: &RunKey, at: Timestamp, step: &Step) -> Result<(), String> {
        self.write(|transaction| append(transaction, of, at, step))
    }

    /// Stores a decision: its text, its line in the list of decisions (unless it is no real one), and the step of its run, all or nothing. On disk
    /// when this returns.
    ///
    /// # Errors
    /// Why it is not kept, for people: then nothing of it is, and it was not decided.
    pub fn decided(&mut self, of: &RunKey, at: Timestamp, document: &Document, text: &str, exit_code: u8) -> Result<Added, String> {
        let real = super::real(document);
        let begins = super::begins(document)?;
        let word = |verdict: crate::record::Verdict| format!("{verdict:?}").to_lowercase();
        let step = Step::Decided {
            decision: document.run.clone(),
            document: blake3::hash(text.as_bytes()).to_hex().to_string(),
            status: format!("{:?}", document.status).to_lowercase(),
            verdicts: document.metrics.iter().map(|metric| (metric.id.clone(), word(metric.verdict))).collect(),
            exit_code,
        };
        self.write(|transaction| {
            let added = if real { super::insert(transaction, document, begins)? } else { Added::NotReal };
            keep(transaction, document, text)?;
            append(transaction, of, at, &step)?;
            Ok(added)
        })
    }

    /// Says that an act is about to be done, unless it was done already (by whichever run). On disk when this returns.
    ///
    /// # Errors
    /// Why it is not kept, for people: then the act must not be done.
    pub fn intent(&mut self, of: &RunKey, at: Timestamp, intent: &Intent) -> Result<Claim, String> {
        self.write(|transaction| {
            let known: Option<i64> =
                transaction.query_row("select max(step = 'done') from journal where key = ?1", [&intent.key], |row| row.get(0))?;
            if known == Some(1) {
                return Ok(Claim::Done);
            }
            append(transaction, of, at, &Step::Intent(intent.clone()))?;
            Ok(if known.is_some() { Claim::Again } else { Claim::New })
        })
    }

    /// Whether an act with this key was done, by whichever run.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub fn was_done(&self, key: &str) -> Result<bool, String> {
        if !self.has_journal {
            return Ok(false);
        }
        let found = self.connection.query_row("select 1 from journal where key = ?1 and step = 'done' limit 1", [key], |_| Ok(()));
        found.optional().map(|found| found.is_some()).map_err(|error| self.unreadable(&error))
    }

    /// The intents of a run that are not known to be done, in order.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub fn open_intents(&self, run: &str) -> Result<Vec<Intent>, String> {
        let mut open = Vec::new();
        if let Some(run) = self.run(run)? {
            for intent in run.open_intents() {
                if !self.was_done(&intent.key)? {
                    open.push(intent.clone());
                }
            }
        }
        Ok(open)
    }

    /// One run with its steps.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub fn run(&self, run: &str) -> Result<Option<Run>, String> {
        let steps = self.steps("select * from journal where run = ?1 order by number", &[&run])?;
        Ok(grouped(steps).pop())
    }

    /// The runs of a contract (of all, when none is named) and of one interval, the newest first; at most `most`, counted by when they began.
    ///
    /// # Errors
    /// Why they cannot be read, for people.
    pub fn runs(&self, contract: Option<&str>, interval: Option<&str>, most: u32) -> Result<Vec<Run>, String> {
        let steps = self.steps(
            "select * from journal where run in (
                select run from journal
                where step = 'started' and (?1 is null or contract = ?1) and (?2 is null or interval = ?2)
                order by number desc limit ?3
            ) order by number",
            &[&contract, &interval, &most],
        )?;
        let mut runs = grouped(steps);
        runs.reverse();
        Ok(runs)
    }

    /// Every act of a sort about a contract since a moment, and what became of it, in the order in which they were first meant.
    ///
    /// # Errors
    /// Why they cannot be read, for people.
    pub fn acts(&self, contract: &str, kind: ActKind, since: Timestamp) -> Result<Vec<ActRecord>, String> {
        let steps = self.steps("select * from journal where key is not null and contract = ?1 order by number", &[&contract])?;
        let mut acts: Vec<ActRecord> = Vec::new();
        for kept in steps {
            let known = kept.step.key().and_then(|key| acts.iter_mut().find(|act| act.intent.key == key));
            match (kept.step, known) {
                (Step::Intent(intent), None) if intent.act == kind => {
                    acts.push(ActRecord { intent, of: kept.of, at: kept.at, done: None, failed: None });
                }
                (Step::Done { answer, .. }, Some(act)) => (act.done, act.failed) = (Some((kept.at, answer)), None),
                (Step::Failed { error, .. }, Some(act)) => act.failed = Some(error),
                _ => {}
            }
        }
        Ok(acts.into_iter().filter(|act| act.done.as_ref().map_or(act.at, |(at, _)| *at) >= since).collect())
    }

    /// The text of a decision document, by the hash that its run keeps or by the decision's identifier; `None` when it is not kept.
    ///
    /// # Errors
    /// It cannot be read, or is not what was stored.
    pub fn document(&self, of: &str) -> Result<Option<String>, String> {
        if !self.has_journal {
            return Ok(None);
        }
        let found: Option<(String, String)> = self
            .connection
            .query_row("select hash, text from documents where hash = ?1 or decision = ?1 limit 1", [of], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(|error| self.unreadable(&error))?;
        match found {
            Some((hash, text)) if blake3::hash(text.as_bytes()).to_hex().as_str() == hash => Ok(Some(text)),
            Some(_) => Err(format!("the decision {of} in {} is not what was stored", self.path.display())),
            None => Ok(None),
        }
    }

    pub(super) fn steps(&self, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<Kept>, String> {
        if !self.has_journal {
            return Ok(Vec::new());
        }
        let wrong = |error: rusqlite::Error| self.unreadable(&error);
        let mut statement = self.connection.prepare_cached(sql).map_err(wrong)?;
        let rows = statement.query_map(parameters, Journalled::read).map_err(wrong)?;
        rows.map(|row| row.map_err(wrong).and_then(|(number, kept, _)| kept.kept(number).map_err(|error| self.unreadable(&error))))
            .collect()
    }

    pub(super) fn write<T>(&mut self, mut write: impl FnMut(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, String> {
        let path = self.path.clone();
        if self.shared.is_some() {
            return self.write_shared(&mut write).map_err(|error| format!("nothing can be added to the shared history: {error}"));
        }
        let mut written = || -> rusqlite::Result<T> {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = write(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        written().map_err(|error| format!("nothing can be added to {}: {error}", path.display()))
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> String {
        format!("the history {} cannot be read: {error}", self.path.display())
    }
}

/// Keeps a document's text, once.
pub(super) fn keep(transaction: &Transaction<'_>, document: &Document, text: &str) -> rusqlite::Result<()> {
    let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
    let sql = "insert or ignore into documents (hash, decision, text) values (?1, ?2, ?3)";
    transaction.execute(sql, params![hash, document.run, text]).map(|_rows| ())
}

pub(super) fn append(transaction: &Transaction<'_>, of: &RunKey, at: Timestamp, step: &Step) -> rusqlite::Result<()> {
    let last: Option<(i64, String)> = transaction
        .query_row("select number, hash from journal order by number desc limit 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (last, previous) = match last {
        Some(last) => last,
        None => chain::begins(transaction, chain::JOURNAL)?,
    };
    let body = serde_json::to_string(step).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let kept = Journalled {
        run: of.run.clone(),
        contract: of.contract.clone(),
        interval: of.interval.clone(),
        at: at.to_string(),
        step: step.name().to_owned(),
        key: step.key().map(str::to_owned),
        body,
        previous,
    };
    let number = last + 1;
    let hash = kept.hash(number);
    transaction
        .prepare_cached(
            "insert into journal (number, run, contract, interval, at, step, key, body, previous, hash) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            number,
            kept.run,
            kept.contract,
            kept.interval,
            kept.at,
            kept.step,
            kept.key,
            kept.body,
            kept.previous,
            hash
        ])?;
    Ok(())
}

/// Steps in the order of the journal -> runs in the order in which they began.
fn grouped(steps: Vec<Kept>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for kept in steps {
        match runs.iter_mut().rev().find(|run| run.key == kept.of) {
            Some(run) => run.steps.push(kept),
            None => runs.push(Run { key: kept.of.clone(), steps: vec![kept] }),
        }
    }
    runs
}

impl Journalled {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Journalled, String)> {
        let kept = Journalled {
            run: row.get("run")?,
            contract: row.get("contract")?,
            interval: row.get("interval")?,
            at: row.get("at")?,
            step: row.get("step")?,
            key: row.get("key")?,
            body: row.get("body")?,
            previous: row.get("previous")?,
        };
        Ok((row.get("number")?, kept, row.get("hash")?))
    }

    fn kept(self, number: i64) -> Result<Kept, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("step {number} of the journal cannot be understood: {error}");
        let step: Step = serde_json::from_str(&self.body).map_err(|error| wrong(&error))?;
        let at = self.at.parse().map_err(|error: jiff::Error| wrong(&error))?;
        Ok(Kept { number, of: RunKey { run: self.run, contract: self.contract, interval: self.interval }, at, step })
    }
}
