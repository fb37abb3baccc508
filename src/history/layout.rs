//! The tables of the history's file, and how an older file gets those that it lacks. Not for what is kept in them.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The number of this layout.
pub(super) const LAYOUT: i64 = 3;

/// Decisions and what was measured: layout 1.
const DECISIONS: &str = "
create table decisions (
    number integer primary key,
    run text not null unique,
    contract text not null,
    interval_start text,
    interval_end text,
    begins integer,
    decided_at text not null,
    decided integer not null,
    status text not null,
    verdicts text not null,
    expected_hash text not null,
    snapshot text not null,
    previous text not null,
    hash text not null
);
create index decisions_by_contract on decisions (contract, begins, decided);
create table measured (
    decision integer not null references decisions (number),
    check_id text not null,
    kind text not null,
    outcome text not null,
    reason text,
    rows_seen text,
    value text,
    unit text,
    sql_hash text,
    primary key (decision, check_id)
) without rowid;
create trigger decisions_stay before update on decisions begin select raise(abort, 'history is only added to'); end;
create trigger decisions_remain before delete on decisions begin select raise(abort, 'history is only added to'); end;
create trigger measured_stays before update on measured begin select raise(abort, 'history is only added to'); end;
create trigger measured_remains before delete on measured begin select raise(abort, 'history is only added to'); end;
";

/// The journal of runs and the documents that they decided: layout 2. `forgotten` says where a chain begins whose oldest records were let go.
const JOURNAL: &str = "
create table journal (
    number integer primary key,
    run text not null,
    contract text not null,
    interval text not null,
    at text not null,
    step text not null,
    key text,
    body text not null,
    previous text not null,
    hash text not null
);
create index journal_by_run on journal (run, number);
create index journal_by_contract on journal (contract, interval, number);
create index journal_by_key on journal (key, number) where key is not null;
create table documents (
    hash text primary key,
    decision text not null,
    text text not null
) without rowid;
create index documents_by_decision on documents (decision);
create table forgotten (
    chain text primary key,
    number integer not null,
    hash text not null
) without rowid;
create trigger journal_stays before update on journal begin select raise(abort, 'history is only added to'); end;
create trigger documents_stay before update on documents begin select raise(abort, 'history is only added to'); end;
";

/// What keeps the journal and the documents from being removed but by `prune`, which takes it away and puts it back in one transaction.
pub(super) const REMAIN: &str = "
create trigger journal_remains before delete on journal begin select raise(abort, 'history is only added to'); end;
create trigger documents_remain before delete on documents begin select raise(abort, 'history is only added to'); end;
";

/// Makes what the file lacks, in one transaction; a file of a newer layout is left alone.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction: Transaction<'_> = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let layout: i64 = number(&transaction)?;
    if layout == 0 {
        transaction.execute_batch(DECISIONS)?;
    }
    if layout < 2 {
        transaction.execute_batch(JOURNAL)?;
        transaction.execute_batch(REMAIN)?;
    }
    if layout < 3 {
        transaction.execute_batch(super::told::TABLES)?;
        transaction.pragma_update(None, "user_version", LAYOUT)?;
    }
    transaction.commit()
}

/// The layout of a file.
pub(super) fn number(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
