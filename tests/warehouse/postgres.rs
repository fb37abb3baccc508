//! PostgreSQL's own matters: exact values, one snapshot for all sessions, nothing written, deadlines, what the server says when it cannot.

use std::thread;
use std::time::{Duration, Instant};

use presscheck::check::measurement::Cell;
use presscheck::check::outcome::Reason;
use presscheck::warehouse::{self, MAX_ROWS, Warehouse};

use super::server::{self, Server};
use super::{LIMIT, ask};

/// Runs for minutes.
const LONG: &str = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a * b % 7 = 3";

#[test]
fn all_sessions_read_one_snapshot_and_never_more_of_them_than_are_in_use() {
    let server = server::shared();
    let database = server.database("create table t as select generate_series(1, 1000) as a");
    let open = server.open(&database);
    let before = open.snapshot();
    assert!(before.starts_with(&format!("postgres:{database}:")), "{before}");
    let count = |session: &mut dyn warehouse::Session| ask(session, "select count(*) from public.t");
    let mut first = open.session().expect("a session");
    assert_eq!(count(first.as_mut()), Cell::Int(1000));
    server.run(&database, "insert into t values (0); drop table if exists u");
    let mut second = open.session().expect("a session");
    assert_eq!(count(second.as_mut()), Cell::Int(1000), "the second session joins the snapshot of the first");
    drop(first);
    let mut third = open.session().expect("the first one again");
    assert_eq!(count(third.as_mut()), Cell::Int(1000));
    let sessions = format!("select count(*) from pg_stat_activity where datname = '{database}' and application_name like 'presscheck/%'");
    assert_eq!(server.run("postgres", &sessions), "2");
    // The session that took the snapshot is killed; the others still hold and hand on the same one.
    let mine = ask(third.as_mut(), "select pg_backend_pid()");
    let Cell::Int(mine) = mine else { panic!("a process: {mine:?}") };
    server.run("postgres", &format!("select pg_terminate_backend({mine})"));
    let fault = third.query("select 1", LIMIT).expect_err("it was killed");
    assert_eq!(fault.reason, Reason::Unreachable, "{}", fault.detail);
    drop(third);
    let mut fourth = open.session().expect("a new session");
    assert_eq!(count(fourth.as_mut()), Cell::Int(1000), "on the old snapshot");
    assert_eq!(before, open.snapshot());
    // With every session gone the data is another, and said to be.
    for session in [second, fourth] {
        let mut session = session;
        let Cell::Int(process) = ask(session.as_mut(), "select pg_backend_pid()") else { panic!("a process") };
        server.run("postgres", &format!("select pg_terminate_backend({process})"));
        session.query("select 1", LIMIT).expect_err("it was killed");
    }
    assert_eq!(count(open.session().expect("a new session").as_mut()), Cell::Int(1001));
    assert_ne!(before, open.snapshot());
    drop(open);
    assert_eq!(server.run("postgres", &sessions), "0", "nothing stays connected");
}

#[test]
fn nothing_is_written() {
    let server = server::shared();
    let database = server.database("create table t (a int); create sequence s; create function writes() returns int language sql as 'insert into public.t values (1) returning a'");
    let open = server.open(&database);
    let mut session = open.session().expect("a session");
    for sql in [
        "insert into public.t values (1)",
        "with x as (insert into public.t values (1) returning a) select * from x",
        "select public.writes()",
        "select nextval('public.s')",
        "create table public.u (a int)",
        "drop table public.t",
        "select 1 into public.u",
        "commit",
        "rollback",
        "end",
        "/* select */ commit",
        "-- select\ncommit",
        "(commit",
        "set transaction read write",
        "select set_config('transaction_read_only', 'off', false)",
        "select 1; commit; insert into public.t values (1)",
        "copy public.t to stdout",
        "do $$ begin insert into public.t values (1); end $$",
        "lock table public.t",
        "prepare transaction 'x'",
        "explain analyze insert into public.t values (1)",
        "",
    ] {
        let answer = session.query(sql, LIMIT);
        assert!(answer.is_err(), "{sql}: {answer:?}");
        assert_eq!(ask(session.as_mut(), "select count(*) from public.t"), Cell::Int(0), "the session lives on after `{sql}`");
    }
    assert_eq!(server.run(&database, "select count(*) from t"), "0");
}

#[test]
fn faults_have_their_reason() {
    let server = server::shared();
    let database = server.database(
        "create table t (a int, name text); insert into t values (1, 'x'); create schema finance; create table finance.ledger (a int); \
         do $$ begin create role stranger; exception when duplicate_object then null; end $$",
    );
    let open = server.open(&database);
    let mut session = open.session().expect("a session");
    for (sql, reason) in [
        ("select count(*) from nowhere", Reason::MissingRelation),
        ("select count(*) from t", Reason::MissingRelation),
        ("select count(*) from finance.nowhere", Reason::MissingRelation),
        ("select count(*) from nofinance.nowhere", Reason::MissingRelation),
        ("select count(*) from \"other\".\"public\".\"t\"", Reason::MissingRelation),
        ("select z from public.t", Reason::MissingColumn),
        ("select t.z from public.t", Reason::MissingColumn),
        ("select nofunction(a) from public.t", Reason::QueryError),
        ("select 1 as", Reason::QueryError),
        ("select name::int from public.t", Reason::QueryError),
        ("select 2147483647 + a from public.t", Reason::OutOfRange),
        ("select a / 0 from public.t", Reason::ZeroDenominator),
        ("select pg_cancel_backend(pg_backend_pid())", Reason::Cancelled),
    ] {
        let fault = session.query(sql, LIMIT).expect_err(sql);
        assert_eq!(fault.reason, reason, "{sql}: {}", fault.detail);
        assert!(!fault.detail.contains('\n'), "{}", fault.detail);
        assert_eq!(ask(session.as_mut(), "select count(*) from public.t"), Cell::Int(1), "the session lives on after `{sql}`");
    }
    let mut fields = server.fields(&database);
    fields.insert("role".into(), "stranger".into());
    let open = warehouse::open("postgres", &fields, std::path::Path::new(".")).expect("a profile");
    let fault = open.session().expect("a session").query("select count(*) from finance.ledger", LIMIT).expect_err("no permission");
    insta::assert_debug_snapshot!(fault);
}

#[test]
fn a_deadline_and_a_cancel_stop_the_statement_on_the_server() {
    let server = server::shared();
    let database = server.database("select 1");
    let open = server.open(&database);
    let mut session = open.session().expect("a session");
    let start = Instant::now();
    let fault = session.query(LONG, Duration::from_millis(150)).expect_err("a time-out");
    assert_eq!((fault.reason, fault.detail.as_str()), (Reason::TimedOut, "no answer within 0.15 s"));
    let running = format!("select count(*) from pg_stat_activity where datname = '{database}' and state = 'active'");
    let stopped = |until: Instant| loop {
        if server.run("postgres", &running) == "0" {
            break true;
        }
        if Instant::now() > until {
            break false;
        }
    };
    assert!(stopped(Instant::now() + Duration::from_secs(2)), "stopped on the server, too");
    assert_eq!(ask(session.as_mut(), "select 1"), Cell::Int(1), "the session lives on");
    let cancel = session.canceller();
    let fault = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(150));
            cancel();
        });
        session.query(LONG, LIMIT).expect_err("stopped")
    });
    assert_eq!(fault.reason, Reason::Cancelled);
    assert_eq!(session.query("select 1", LIMIT).expect_err("for good").reason, Reason::Cancelled);
    assert!(stopped(Instant::now() + Duration::from_secs(2)));
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(session);
    let mut session = open.session().expect("a new session");
    let rows = session.query("select a from generate_series(1, 3000000) a", LIMIT).expect("rows");
    assert_eq!((rows.rows.len(), rows.columns), (MAX_ROWS, vec!["a".to_owned()]));
    assert_eq!(ask(session.as_mut(), "select 1"), Cell::Int(1));
    assert!(session.now().is_ok());
}

#[test]
fn a_server_that_stops_or_freezes_is_told_in_time() {
    let server = Server::start();
    let database = server.database("create table t (a int)");
    let open = server.open(&database);
    let mut session = open.session().expect("a session");
    server.signal("STOP");
    server.signal_children("STOP");
    let start = Instant::now();
    let fault = session.query("select count(*) from public.t", Duration::from_millis(300)).expect_err("frozen");
    assert_eq!(fault.reason, Reason::TimedOut);
    assert_eq!(session.query("select 1", LIMIT).expect_err("given up").reason, Reason::Unreachable);
    drop(session);
    let fault = open.session().err().expect("nobody answers");
    assert_eq!(fault.reason, Reason::Unreachable, "{}", fault.detail);
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    server.signal("CONT");
    server.signal_children("CONT");
    let open = server.open(&database);
    let mut session = open.session().expect("awake again");
    assert_eq!(ask(session.as_mut(), "select count(*) from public.t"), Cell::Int(0));
    server.signal("INT");
    let fault = loop {
        match session.query("select 1", LIMIT) {
            Ok(_) => thread::sleep(Duration::from_millis(10)),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.reason, Reason::Unreachable, "{}", fault.detail);
    drop(session);
    let told: Vec<String> = (0..4).map(|_| open.session().err().expect("gone").detail.replace(&server.port.to_string(), "PORT")).collect();
    insta::assert_debug_snapshot!(told);
}

#[test]
fn what_a_profile_lacks_is_said() {
    let server = server::shared();
    let mut told = Vec::new();
    for change in [
        serde_json::json!({"host": null}),
        serde_json::json!({"dbname": ""}),
        serde_json::json!({"port": "many"}),
        serde_json::json!({"sslmode": "sometimes"}),
        serde_json::json!({"sslcert": "own.pem"}),
        serde_json::json!({"sslmode": "verify-full", "sslrootcert": "nowhere.pem"}),
        serde_json::json!({"sslmode": "require"}),
        serde_json::json!({"user": "nobody"}),
        serde_json::json!({"dbname": "nowhere"}),
        serde_json::json!({"role": "nobody"}),
        serde_json::json!({"host": "127.0.0.1", "port": 1, "retries": 0}),
    ] {
        let mut fields = server.fields("postgres");
        fields.extend(change.as_object().expect("an object").clone());
        let session = warehouse::open("postgres", &fields, std::path::Path::new("/nowhere")).and_then(|open| open.session().map(|_| ()));
        let fault = session.expect_err("a fault");
        assert!(!fault.detail.contains("not looked at"), "no password in {}", fault.detail);
        told.push(format!("{change}: {:?}: {}", fault.reason, fault.detail.replace(&server.port.to_string(), "PORT")));
    }
    insta::assert_snapshot!(told.join("\n"));
}
