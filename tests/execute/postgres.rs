//! Runs on PostgreSQL while somebody pulls the plug: what was not measured never looks as if it were, and nothing stays running.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use presscheck::check::common::Expect;
use presscheck::check::measurement::Cell;
use presscheck::check::outcome::Reason;
use presscheck::execute::{self, Answers, Options};
use presscheck::warehouse::postgres::Postgres;

use super::{Measure, options, plan};
use crate::warehouse::server::{self, Server};

/// Moments of a run, in milliseconds from its begin; it lasts about half a second when nobody disturbs it.
const MOMENTS: [u64; 10] = [0, 20, 60, 110, 160, 210, 270, 330, 400, 480];
const STATEMENTS: usize = 24;
/// Takes about 60 ms, on the server alone.
const SLOW: &str = "sum(a) + (select count(*) from generate_series(1, 6) where pg_sleep(0.01) is not null)";
const TRUTH: i128 = 500_500 + 6;

/// A run of slow statements, disturbed from another thread.
fn disturbed(open: &Postgres, disturb: impl FnOnce() + Send) -> (Answers, Duration) {
    let names: Vec<String> = (0..STATEMENTS).map(|at| format!("check {at:02}")).collect();
    let measures: Vec<[Measure<'_>; 1]> = names.iter().map(|name| [(name.as_str(), SLOW, Expect::Number)]).collect();
    let scans: Vec<(&str, &[Measure<'_>])> = measures.iter().map(|measure| ("from public.t", measure.as_slice())).collect();
    let plan = plan(&scans);
    let cancel = AtomicBool::new(false);
    let options = Options { limit: Duration::from_millis(700), deadline: Some(Duration::from_millis(1500)), ..options(&cancel) };
    let start = Instant::now();
    let answers = thread::scope(|scope| {
        scope.spawn(disturb);
        execute::run(&plan, open, &options, &|_| ())
    });
    (answers, start.elapsed())
}

/// What must hold however a run was disturbed; the rest is counted: measured, not measured.
fn judged(what: &str, (answers, took): &(Answers, Duration), allowed: &[Reason]) -> (usize, usize) {
    let mut measured = 0;
    for (check, answer) in &answers.by_check {
        match &answer.measurement {
            Ok(measurement) => {
                assert_eq!((measurement.rows_seen, &measurement.cells[0]), (1000, &Cell::Int(TRUTH)), "{what}: {check}");
                measured += 1;
            }
            Err(fault) => assert!(allowed.contains(&fault.reason), "{what}: {check}: {fault:?}"),
        }
    }
    assert!(*took < Duration::from_secs(6), "{what}: it took {took:?}");
    (measured, STATEMENTS - measured)
}

/// Statements of presscheck that run in a database.
fn running(server: &Server, database: &str) -> String {
    let sql = format!(
        "select count(*) from pg_stat_activity where datname = '{database}' and application_name like 'presscheck/%' and state = 'active'"
    );
    server.run("postgres", &sql)
}

fn data(server: &Server) -> String {
    server.database("create table t as select generate_series(1, 1000) as a")
}

#[test]
fn killed_sessions_are_replaced_on_the_same_snapshot() {
    let server = server::shared();
    thread::scope(|scope| {
        for moment in MOMENTS {
            scope.spawn(move || {
                let database = data(server);
                let open = server.open(&database);
                let run = disturbed(&open, || {
                    thread::sleep(Duration::from_millis(moment));
                    server.run(&database, "insert into t values (0)");
                    let victims = format!(
                        "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity where datname = '{database}' and \
                         application_name like 'presscheck/%' order by pid desc limit 1) x"
                    );
                    server.run("postgres", &victims);
                });
                let what = format!("one killed after {moment} ms");
                judged(&what, &run, &[Reason::Unreachable]);
                assert!(run.0.one_snapshot(), "{what}");
            });
        }
    });
}

#[test]
fn a_frozen_session_ends_with_the_deadline_and_leaves_nothing_running() {
    let server = server::shared();
    thread::scope(|scope| {
        for moment in MOMENTS {
            scope.spawn(move || {
                let database = data(server);
                let open = server.open(&database);
                let frozen = Mutex::new(Vec::new());
                let run = disturbed(&open, || {
                    thread::sleep(Duration::from_millis(moment));
                    let processes = server.run("postgres", &format!("select pid from pg_stat_activity where datname = '{database}'"));
                    for process in processes.lines() {
                        server::signal("STOP", process);
                        frozen.lock().expect("no panic").push(process.to_owned());
                    }
                });
                let what = format!("frozen after {moment} ms");
                judged(&what, &run, &[Reason::TimedOut, Reason::Unreachable]);
                drop(open);
                for process in frozen.into_inner().expect("no panic") {
                    server::signal("CONT", &process);
                }
                thread::sleep(Duration::from_secs(2));
                assert_eq!(running(server, &database), "0", "{what}");
            });
        }
    });
}

#[test]
fn a_server_that_stops_is_unreachable_for_what_was_not_measured() {
    let server = Server::start();
    let database = data(&server);
    // A server that is killed forgets what it has not yet written.
    server.run("postgres", "checkpoint");
    let mut lost = 0;
    for moment in MOMENTS {
        let open = server.open(&database);
        let run = disturbed(&open, || {
            thread::sleep(Duration::from_millis(moment));
            server.signal("QUIT");
        });
        let (_, unmeasured) = judged(&format!("stopped after {moment} ms"), &run, &[Reason::Unreachable]);
        lost += unmeasured;
        server.again();
    }
    assert!(lost > STATEMENTS, "the plug was pulled in time");
}

#[test]
fn an_answer_that_is_cut_off_is_no_answer() {
    let server = server::shared();
    thread::scope(|scope| {
        for moment in MOMENTS {
            scope.spawn(move || {
                let database = data(server);
                let proxy = Proxy::to(server.port);
                let mut fields = server.fields(&database);
                fields.insert("port".into(), proxy.port.into());
                fields.insert("retries".into(), 0.into());
                let open = Postgres::from_profile(&fields, Path::new(".")).expect("a profile");
                let run = disturbed(&open, || {
                    thread::sleep(Duration::from_millis(moment));
                    proxy.cut();
                });
                let what = format!("cut off after {moment} ms");
                judged(&what, &run, &[Reason::Unreachable, Reason::TimedOut]);
                drop(open);
                thread::sleep(Duration::from_secs(2));
                assert_eq!(running(server, &database), "0", "{what}");
            });
        }
    });
}

/// Hands bytes on, until it does not: the next message from the server is cut in two.
struct Proxy {
    port: u16,
    cut: Arc<AtomicBool>,
}

impl Proxy {
    fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let cut = Arc::new(AtomicBool::new(false));
        let is_cut = Arc::clone(&cut);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
                let (client2, server2) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
                let (up, down) = (Arc::clone(&is_cut), Arc::clone(&is_cut));
                thread::spawn(move || pass(client, server, &up, false));
                thread::spawn(move || pass(server2, client2, &down, true));
            }
        });
        Proxy { port: own, cut }
    }
    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool, halves: bool) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if cut.load(Ordering::SeqCst) {
            let _half = to.write_all(&bytes[..if halves { count / 2 } else { 0 }]);
            break;
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ended = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
