//! Letting go of what is old: the beginning of the journal and the texts of old decisions. What was measured, verdicts and what was told stay: they are small, and later
//! runs compare with them. The chain goes on from the last step that was let go.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::chain::JOURNAL;
use super::step::Step;
use super::{History, Run};

/// What was let go, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Steps of the journal.
    pub steps: u64,
    /// Whole runs.
    pub runs: u64,
    /// Texts of decisions.
    pub documents: u64,
}

/// Documents made before a moment that no step of the journal names and that are not the newest of their contract, by interval or by when they were made.
const OLD: &str = "
    select documents.hash from documents left join decisions on decisions.run = documents.decision
    where (decisions.decided is null or decisions.decided < ?1)
      and documents.hash not in (select json_extract(body, '$.document') from journal where step = 'decided')
      and (decisions.number is null or decisions.number not in (
          select number from (
              select number,
                     row_number() over (partition by contract order by coalesce(begins, decided) desc, number desc) as by_interval,
                     row_number() over (partition by contract order by number desc) as by_time
              from decisions
          ) where by_interval = 1 or by_time = 1
      ))";

impl History {
    /// Lets go of runs that ended before a moment, as far as nothing younger stands before them, and of the documents of decisions made before it; the newest of
    /// each contract stays. With `only_count` nothing is changed.
    ///
    /// # Errors
    /// The history is not what was stored, or nothing can be changed: then nothing was.
    pub fn prune(&mut self, before: Timestamp, only_count: bool) -> Result<Pruned, String> {
        self.verify()?;
        // A shared log is written anew only where something goes.
        if self.shared.is_some() && !only_count && self.prune(before, true)? == Pruned::default() {
            return Ok(Pruned::default());
        }
        let last = self.settled(before)?;
        let mut let_go = |transaction: &Transaction<'_>| {
            transaction.execute_batch("savepoint counted")?;
            let pruned = forget(transaction, before, last)?;
            if only_count {
                transaction.execute_batch("rollback to counted")?;
            }
            Ok(pruned)
        };
        // What another machine adds meanwhile stands after the last step that is let go of.
        let pruned = if self.shared.is_some() && !only_count { self.prune_shared(&mut let_go)? } else { self.write(let_go)? };
        if !only_count && pruned != Pruned::default() {
            self.verify()?;
            // The room that they took is given back; a reader that keeps the file busy only puts that off.
            drop(self.connection.execute_batch("vacuum; pragma wal_checkpoint(truncate)"));
        }
        Ok(pruned)
    }

    /// Number of the last step of the journal before which everything is of runs that ended before a moment; 0 where there is none.
    fn settled(&self, before: Timestamp) -> Result<i64, String> {
        let runs = self.runs(None, None, u32::MAX)?;
        // Steps of commands that are no runs (`publish`, `tell`) are old when they are old.
        let all = self.steps("select * from journal order by number", &[])?;
        let newest = |run: &Run| runs.iter().find(|other| other.key.contract == run.key.contract).is_some_and(|other| other.key == run.key);
        let stays = |run: &Run| {
            let sealed = matches!(run.steps.last().map(|kept| &kept.step), Some(Step::Sealed { .. }));
            !sealed || newest(run) || run.steps.iter().any(|kept| kept.at >= before)
        };
        let first_run = runs.iter().filter(|run| stays(run)).filter_map(|run| run.steps.first()).map(|kept| kept.number).min();
        let first_young = all.iter().find(|kept| kept.at >= before).map(|kept| kept.number);
        let stay = [first_run, first_young].into_iter().flatten().min();
        Ok(stay.map_or_else(|| all.last().map_or(0, |kept| kept.number), |first| first - 1))
    }
}

fn forget(transaction: &Transaction<'_>, before: Timestamp, last: i64) -> rusqlite::Result<Pruned> {
    let mut pruned = Pruned::default();
    transaction.execute_batch("drop trigger journal_remains; drop trigger documents_remain")?;
    let hash: Option<String> = match transaction.query_row("select hash from journal where number = ?1", [last], |row| row.get(0)) {
        Ok(hash) => Some(hash),
        Err(rusqlite::Error::QueryReturnedNoRows) => None,
        Err(error) => return Err(error),
    };
    if let Some(hash) = hash {
        let runs = "select count(distinct run) from journal where number <= ?1 and step = 'started'";
        pruned.runs = transaction.query_row(runs, [last], |row| row.get(0))?;
        pruned.steps = rows(transaction.execute("delete from journal where number <= ?1", [last])?);
        transaction.execute(
            "insert into forgotten (chain, number, hash) values (?1, ?2, ?3) on conflict (chain) do update set number = ?2, hash = ?3",
            params![JOURNAL, last, hash],
        )?;
    }
    let old = format!("delete from documents where hash in ({OLD})");
    pruned.documents = rows(transaction.execute(&old, [before.as_microsecond()])?);
    transaction.execute_batch(super::layout::REMAIN)?;
    Ok(pruned)
}

fn rows(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
