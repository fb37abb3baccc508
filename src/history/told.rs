//! What was told: one line for each cause that came or went, and for each message that was taken. Only added to. Neither addresses nor what was said are kept,
//! only the route's name and a hash. Not for messages that were meant and not taken: those are in the journal; nor for what is to be told next: that is `tell`.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use super::step::{RunKey, Step};
use super::{History, journal};

/// Layout 3.
pub(super) const TABLES: &str = "
create table told (
    number integer primary key,
    at integer not null,
    contract text not null,
    incident text not null,
    what text not null,
    message text not null,
    route text not null,
    interval_start text not null,
    content text not null,
    details text not null
);
create index told_by_contract on told (contract, number);
create trigger told_stays before update on told begin select raise(abort, 'history is only added to'); end;
create trigger told_remains before delete on told begin select raise(abort, 'history is only added to'); end;
";

const INSERT: &str = "insert into told (at, contract, incident, what, message, route, interval_start, content, details)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The cause was seen, where it was not before.
    Opened,
    /// The cause was not seen any more.
    Closed,
    /// The message was taken.
    Done,
    /// The message that it is over was taken.
    Recovered,
}

impl What {
    const ALL: [(What, &'static str); 4] =
        [(What::Opened, "opened"), (What::Closed, "closed"), (What::Done, "done"), (What::Recovered, "recovered")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(what, _)| *what == self).map_or("", |(_, word)| word)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, by the clock of the run.
    pub at: Timestamp,
    /// Identifier of the contract.
    pub contract: String,
    /// Identifier of the cause, the same as long as the cause is.
    pub incident: String,
    /// What it says.
    pub what: What,
    /// Key of the message; empty where there is none.
    pub message: String,
    /// Route of the message, as the contract names it; empty where there is no message.
    pub route: String,
    /// Start of the interval that it is about; empty without one.
    pub interval: String,
    /// Hash of what matters in the message: equal ones say the same.
    pub content: String,
    /// Of a cause that was opened, what is needed to see that it is over, as JSON; else empty.
    pub details: String,
}

impl History {
    /// Adds lines, all or none. On disk when this returns.
    ///
    /// # Errors
    /// Why they are not kept, for people.
    pub fn add_told(&mut self, lines: &[Line]) -> Result<(), String> {
        if lines.is_empty() {
            return Ok(());
        }
        self.write(|transaction| lines.iter().try_for_each(|line| insert(transaction, line)))
    }

    /// Keeps that a message was taken: in the journal that its act is done, and its line here, both or neither. On disk when this returns.
    ///
    /// # Errors
    /// Why it is not kept, for people: then it may be sent again.
    pub fn message_taken(&mut self, of: &RunKey, at: Timestamp, line: &Line) -> Result<(), String> {
        let done = Step::Done { key: line.message.clone(), answer: "taken".to_owned() };
        self.write(|transaction| {
            insert(transaction, line)?;
            journal::append(transaction, of, at, &done)
        })
    }

    /// Keeps that a message was not taken, in the journal.
    ///
    /// # Errors
    /// Why it is not kept, for people.
    pub fn message_failed(&mut self, of: &RunKey, at: Timestamp, key: &str, error: &str) -> Result<(), String> {
        self.append(of, at, &Step::Failed { key: key.to_owned(), error: error.to_owned(), refused: false })
    }

    /// What was told of a contract, the oldest first.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub fn told(&self, contract: &str) -> Result<Vec<Line>, String> {
        let wrong = |error: String| format!("the history {} cannot be read: {error}", self.path.display());
        if !self.has_told {
            return Ok(Vec::new());
        }
        let mut statement =
            self.connection.prepare("select * from told where contract = ?1 order by number").map_err(|error| wrong(error.to_string()))?;
        let rows = statement.query_map([contract], read).map_err(|error| wrong(error.to_string()))?;
        rows.map(|row| row.map_err(|error| wrong(error.to_string()))).collect()
    }
}

fn insert(transaction: &Transaction<'_>, line: &Line) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(INSERT)?
        .execute(params![
            line.at.as_microsecond(),
            line.contract,
            line.incident,
            line.what.word(),
            line.message,
            line.route,
            line.interval,
            line.content,
            line.details
        ])
        .map(|_rows| ())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Line> {
    let damaged = |at: usize, name: &str| rusqlite::Error::InvalidColumnType(at, name.to_owned(), rusqlite::types::Type::Text);
    let word: String = row.get("what")?;
    let what = What::ALL.iter().find(|(_, known)| *known == word).map(|(what, _)| *what);
    Ok(Line {
        at: Timestamp::from_microsecond(row.get("at")?).map_err(|_| damaged(1, "at"))?,
        contract: row.get("contract")?,
        incident: row.get("incident")?,
        what: what.ok_or_else(|| damaged(4, "what"))?,
        message: row.get("message")?,
        route: row.get("route")?,
        interval: row.get("interval_start")?,
        content: row.get("content")?,
        details: row.get("details")?,
    })
}
