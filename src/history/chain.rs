//! The records as they are kept, and the hashes that chain them: each is over the record before and everything in its own. Not for what is asked of them.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::record::{CheckRecord, Document};

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub run: String,
    pub contract: String,
    pub interval_start: Option<String>,
    pub interval_end: Option<String>,
    /// First instant of the interval, in microseconds.
    pub begins: Option<i64>,
    pub decided_at: String,
    /// The same in microseconds.
    pub decided: i64,
    pub status: String,
    /// `metric=verdict` on a line each.
    pub verdicts: String,
    pub expected_hash: String,
    pub snapshot: String,
    /// Hash of the record before.
    pub previous: String,
}

/// What one check measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measured {
    pub check_id: String,
    pub kind: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub rows_seen: Option<String>,
    pub value: Option<String>,
    pub unit: Option<String>,
    pub sql_hash: Option<String>,
}

impl Decision {
    pub fn of(document: &Document, begins: Option<i64>, previous: String) -> Decision {
        let verdicts: Vec<String> =
            document.metrics.iter().map(|metric| format!("{}={:?}", metric.id, metric.verdict).to_lowercase()).collect();
        Decision {
            run: document.run.clone(),
            contract: document.contract.clone(),
            interval_start: document.interval.as_ref().map(|interval| interval.start.clone()),
            interval_end: document.interval.as_ref().map(|interval| interval.end.clone()),
            begins,
            decided_at: document.decided_at.to_string(),
            decided: document.decided_at.as_microsecond(),
            status: format!("{:?}", document.status).to_lowercase(),
            verdicts: verdicts.join("\n"),
            expected_hash: document.expected_hash.clone(),
            snapshot: document.artifacts.snapshot.clone(),
            previous,
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Decision, String)> {
        let decision = Decision {
            run: row.get("run")?,
            contract: row.get("contract")?,
            interval_start: row.get("interval_start")?,
            interval_end: row.get("interval_end")?,
            begins: row.get("begins")?,
            decided_at: row.get("decided_at")?,
            decided: row.get("decided")?,
            status: row.get("status")?,
            verdicts: row.get("verdicts")?,
            expected_hash: row.get("expected_hash")?,
            snapshot: row.get("snapshot")?,
            previous: row.get("previous")?,
        };
        Ok((row.get("number")?, decision, row.get("hash")?))
    }

    /// The hash over everything in the record, the one before included. Lengths stand before texts, so that no two records read alike.
    pub fn hash(&self, number: i64, measured: &[Measured]) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut feed = |text: Option<&str>| {
            let length = text.map_or(-1, |text| i64::try_from(text.len()).unwrap_or(i64::MAX));
            hasher.update(&length.to_le_bytes());
            hasher.update(text.unwrap_or_default().as_bytes());
        };
        let (number, decided) = (number.to_string(), self.decided.to_string());
        let begins = self.begins.map(|begins| begins.to_string());
        let texts = [&number, &self.previous, &self.run, &self.contract, &self.decided_at, &decided, &self.status, &self.verdicts];
        texts.into_iter().for_each(|text| feed(Some(text)));
        feed(Some(&self.expected_hash));
        feed(Some(&self.snapshot));
        feed(self.interval_start.as_deref());
        feed(self.interval_end.as_deref());
        feed(begins.as_deref());
        let mut ordered: Vec<&Measured> = measured.iter().collect();
        ordered.sort_by(|a, b| a.check_id.cmp(&b.check_id));
        for one in ordered {
            feed(Some(&one.check_id));
            feed(Some(&one.kind));
            feed(Some(&one.outcome));
            [&one.reason, &one.rows_seen, &one.value, &one.unit, &one.sql_hash].into_iter().for_each(|text| feed(text.as_deref()));
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl Measured {
    pub fn of(check: &CheckRecord) -> Measured {
        let measured = check.measured.as_ref();
        Measured {
            check_id: check.id.clone(),
            kind: check.kind.clone(),
            outcome: super::word(check).to_owned(),
            reason: check.reason.map(|reason| format!("{reason:?}")),
            rows_seen: measured.map(|measured| measured.rows_seen.clone()),
            value: measured.map(|measured| measured.value.clone()),
            unit: measured.map(|measured| measured.unit.clone()),
            sql_hash: check.sql_hash.clone(),
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Measured> {
        Ok(Measured {
            check_id: row.get("check_id")?,
            kind: row.get("kind")?,
            outcome: row.get("outcome")?,
            reason: row.get("reason")?,
            rows_seen: row.get("rows_seen")?,
            value: row.get("value")?,
            unit: row.get("unit")?,
            sql_hash: row.get("sql_hash")?,
        })
    }
}

/// One step of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journalled {
    pub run: String,
    pub contract: String,
    pub interval: String,
    pub at: String,
    pub step: String,
    pub key: Option<String>,
    /// The step as JSON.
    pub body: String,
    /// Hash of the step before.
    pub previous: String,
}

impl Journalled {
    /// The hash over everything in the step, the one before included.
    pub fn hash(&self, number: i64) -> String {
        let number = number.to_string();
        let texts = [&number, &self.previous, &self.run, &self.contract, &self.interval, &self.at, &self.step, &self.body];
        let mut hasher = blake3::Hasher::new();
        for text in texts.map(Some).into_iter().chain([self.key.as_ref()]) {
            let length = text.map_or(-1, |text| i64::try_from(text.len()).unwrap_or(i64::MAX));
            hasher.update(&length.to_le_bytes());
            hasher.update(text.map(String::as_bytes).unwrap_or_default());
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Names of the chains, where a beginning is kept for them.
pub(super) const DECISIONS: &str = "decisions";
pub(super) const JOURNAL: &str = "journal";

/// The number and hash before the first record: of the last one that was let go.
pub(super) fn begins(connection: &Connection, chain: &str) -> rusqlite::Result<(i64, String)> {
    let found = connection.query_row("select number, hash from forgotten where chain = ?1", [chain], |row| Ok((row.get(0)?, row.get(1)?)));
    found.optional().map(|found| found.unwrap_or((0, String::new())))
}

/// Follows the chains; how many decisions there are.
pub(super) fn follow(connection: &Connection, has_journal: bool) -> Result<u64, String> {
    let wrong = |error: rusqlite::Error| error.to_string();
    let begin = |chain: &str| if has_journal { begins(connection, chain).map_err(wrong) } else { Ok((0, String::new())) };
    let first = begin(DECISIONS)?;
    let mut decisions = connection.prepare("select * from decisions order by number").map_err(wrong)?;
    let mut of = connection.prepare("select * from measured where decision = ?1").map_err(wrong)?;
    let (mut expected, mut previous) = (first.0 + 1, first.1);
    let mut count = 0;
    for row in decisions.query_map([], Decision::read).map_err(wrong)? {
        let (number, decision, hash) = row.map_err(wrong)?;
        let measured = of.query_map([number], Measured::read).map_err(wrong)?.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        if number != expected || decision.previous != previous || decision.hash(number, &measured) != hash {
            return Err(format!("decision {expected} is not what was added"));
        }
        (expected, previous) = (number + 1, hash);
        count += 1;
    }
    if has_journal {
        follow_journal(connection, begin(JOURNAL)?)?;
    }
    Ok(count)
}

/// The steps, and that the text of each decision is there and is what its step says.
fn follow_journal(connection: &Connection, first: (i64, String)) -> Result<(), String> {
    let wrong = |error: rusqlite::Error| error.to_string();
    let mut steps = connection.prepare("select * from journal order by number").map_err(wrong)?;
    let mut texts = connection.prepare("select text from documents where hash = ?1").map_err(wrong)?;
    let (mut expected, mut previous) = (first.0 + 1, first.1);
    for row in steps.query_map([], Journalled::read).map_err(wrong)? {
        let (number, step, hash) = row.map_err(wrong)?;
        if number != expected || step.previous != previous || step.hash(number) != hash {
            return Err(format!("step {expected} of the journal is not what was added"));
        }
        if let Ok(super::Step::Decided { document, .. }) = serde_json::from_str(&step.body) {
            let text: Option<String> = texts.query_row([&document], |row| row.get(0)).optional().map_err(wrong)?;
            if text.is_none_or(|text| blake3::hash(text.as_bytes()).to_hex().as_str() != document) {
                return Err(format!("the decision of step {number} of the journal is not what was stored"));
            }
        }
        (expected, previous) = (number + 1, hash);
    }
    Ok(())
}
