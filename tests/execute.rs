//! Plans against a real DuckDB file: what lands for each check, whatever breaks on the way.

#[cfg(feature = "postgres")]
mod postgres;
mod thousand;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use presscheck::check::Spec;
use presscheck::check::common::{Common, Expect};
use presscheck::check::not_null::NotNull;
use presscheck::check::outcome::{Fault, Reason};
use presscheck::execute::{self, Answers, Options, Progress};
use presscheck::plan::{Asked, Expected, Plan, Statement};
use presscheck::warehouse::{Rows, Session, Warehouse};

use crate::warehouse::Database;

const DATA: &str = "create table t as select * from (values (1, 1.5::double, 'x', timestamptz '2026-11-09 12:00:00+00'), \
     (2, null, 'y', null), (3, 'nan', 'z', 'infinity')) v(a, b, c, seen_at)";
const LONG: &str = "(select count(*) from range(3000000) x, range(3000000) y where x.range * y.range % 7 = 3)";

/// A check's name, its expression, and what is expected of it.
type Measure<'a> = (&'a str, &'a str, Expect);

/// A plan of scans: each a FROM clause and its checks, fused where there are several.
fn plan(scans: &[(&str, &[Measure<'_>])]) -> Plan {
    let mut plan = Plan {
        contract: "test".into(),
        report: "Test".into(),
        technical_owner: None,
        business_owner: None,
        interval: None,
        expected: Expected::default(),
        asks: BTreeMap::new(),
        statements: Vec::new(),
        samples: BTreeMap::new(),
        not_executed: Vec::new(),
        blind: Vec::new(),
        notes: Vec::new(),
        stands_on: BTreeMap::new(),
        landings: BTreeMap::new(),
        publishing: presscheck::plan::Publishing::default(),
    };
    for (index, (from, checks)) in scans.iter().enumerate() {
        let statement = |checks: &[Measure<'_>], parts| Statement {
            connection: None,
            relations: vec![(*from).to_owned()],
            checks: checks.iter().map(|(check, ..)| (*check).to_owned()).collect(),
            sql: format!("select count(*), {} {from}", checks.iter().map(|(_, sql, _)| *sql).collect::<Vec<_>>().join(", ")),
            parts,
            compare: None,
        };
        let parts = if checks.len() > 1 { checks.iter().map(|check| statement(&[*check], Vec::new())).collect() } else { Vec::new() };
        plan.statements.push(statement(checks, parts));
        for (place, (check, _, expect)) in checks.iter().enumerate() {
            let spec = Spec::not_null(Box::new(NotNull::new(Common::default(), None, None, None, None)));
            let asked = Asked::Measured { spec, statement: index, rows_seen: 0, first: place + 1, columns: vec![*expect], proof: false };
            plan.asks.insert((*check).to_owned(), asked);
        }
    }
    plan
}

fn options(cancel: &AtomicBool) -> Options<'_> {
    Options {
        threads: 4,
        limit: Duration::from_secs(30),
        deadline: None,
        cancel,
        local: Timestamp::now(),
        as_of: None,
        moved: execute::MOVED,
        connections: BTreeMap::new(),
    }
}

fn run(plan: &Plan, warehouse: &dyn Warehouse) -> Answers {
    execute::run(plan, warehouse, &options(&AtomicBool::new(false)), &|_| ())
}

/// One line for each check.
fn told(answers: &Answers) -> String {
    let line = |(check, answer): (&String, &execute::Answer)| {
        let ended = match &answer.measurement {
            Ok(measurement) => format!("rows {} {:?}", measurement.rows_seen, measurement.cells),
            Err(fault) => format!("{:?}: {}", fault.reason, fault.detail),
        };
        format!("{check} (attempts {}): {ended}", answer.attempts)
    };
    answers.by_check.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_cell_is_what_its_check_expects_or_a_fault() {
    let database = Database::of(DATA);
    let plan = plan(&[
        ("from t", &[("count", "count(b)", Expect::Count), ("decimal count", "2.0::decimal(4,1)", Expect::Count)]),
        ("from t", &[("broken count", "2.5", Expect::Count)]),
        ("from t", &[("negative count", "-1", Expect::Count)]),
        ("from t", &[("null count", "sum(a) filter (where a > 9)", Expect::Count)]),
        ("from t", &[("null number", "sum(a) filter (where a > 9)", Expect::Number)]),
        ("from t", &[("null or number", "sum(a) filter (where a > 9)", Expect::NumberOrNull)]),
        ("from t", &[("nan", "sum(b)", Expect::NumberOrNull)]),
        ("from t", &[("huge", "1e200::double", Expect::Number)]),
        ("from t", &[("text for a number", "'14'", Expect::Number)]),
        ("from t", &[("truth for a number", "true", Expect::Number)]),
        ("from t", &[("time", "min(seen_at)", Expect::Time)]),
        ("from t", &[("infinity", "max(seen_at)", Expect::Time)]),
        ("from t", &[("text for a time", "'2026-11-09'", Expect::Time)]),
        ("from t", &[("text", "min(c)", Expect::Text)]),
        ("from t", &[("list for text", "list(c)", Expect::Text)]),
    ]);
    insta::assert_snapshot!(told(&run(&plan, &database.open())));
}

#[test]
fn rows_and_columns_are_exact() {
    let database = Database::of(DATA);
    let mut plan = plan(&[
        ("from t having false", &[("no row", "1", Expect::Count)]),
        ("from t group by a", &[("several rows", "1", Expect::Count)]),
        ("from t", &[("a column too many", "1, 2", Expect::Count)]),
        ("from t", &[("a column too few", "1", Expect::Count)]),
        ("from t", &[("rows_seen is no count", "1", Expect::Count)]),
    ]);
    plan.statements[3].sql = "select count(*) from t".into();
    plan.statements[4].sql = "select null, 1".into();
    insta::assert_snapshot!(told(&run(&plan, &database.open())));
}

#[test]
fn a_broken_expression_stands_alone() {
    let database = Database::of(DATA);
    let fused: &[Measure<'_>] = &[
        ("whole", "count(a)", Expect::Count),
        ("no column", "sum(nowhere)", Expect::Number),
        ("no number", "sum(c::int)", Expect::Number),
        ("several rows", "unnest([1, 2])", Expect::Number),
        ("null", "sum(null::int)", Expect::Number),
        ("sum", "sum(a)", Expect::Number),
    ];
    let missing: &[Measure<'_>] = &[("missing 1", "count(a)", Expect::Count), ("missing 2", "sum(a)", Expect::Number)];
    let plan = plan(&[("from t", fused), ("from nowhere", missing), ("from t", &[("other", "max(a)", Expect::Number)])]);
    let open = database.open();
    let first = told(&run(&plan, &open));
    insta::assert_snapshot!(first);
    assert_eq!(first, told(&run(&plan, &open)), "the same again, whatever the order of completion");
}

#[test]
fn fused_and_unfused_agree() {
    let database = Database::of(DATA);
    let checks: Vec<Measure<'_>> = vec![
        ("a", "count(a)", Expect::Count),
        ("b", "sum(a)", Expect::Number),
        ("c", "max(seen_at)", Expect::Time),
        ("d", "sum(b)", Expect::Number),
    ];
    let fused = plan(&[("from t", &checks)]);
    let scans: Vec<(&str, &[Measure<'_>])> = checks.chunks(1).map(|check| ("from t", check)).collect();
    let open = database.open();
    assert_eq!(told(&run(&fused, &open)), told(&run(&plan(&scans), &open)));
}

#[test]
fn time_runs_out_for_one_statement_and_for_all() {
    let database = Database::of(DATA);
    let open = database.open();
    let plan = plan(&[
        ("from t", &[("slow", LONG, Expect::Number), ("fused with it", "1", Expect::Number)]),
        ("from t", &[("quick", "1", Expect::Number)]),
    ]);
    let cancel = AtomicBool::new(false);
    let one = execute::run(&plan, &open, &Options { threads: 1, limit: Duration::from_millis(200), ..options(&cancel) }, &|_| ());
    insta::assert_snapshot!(told(&one), @r"
    fused with it (attempts 1): TimedOut: no answer within 0.2 s
    quick (attempts 1): rows 3 [Int(1)]
    slow (attempts 1): TimedOut: no answer within 0.2 s
    ");
    let all = execute::run(&plan, &open, &Options { threads: 1, deadline: Some(Duration::from_millis(200)), ..options(&cancel) }, &|_| ());
    assert_eq!(all.by_check.keys().collect::<Vec<_>>(), ["fused with it", "slow"], "the last was not started");
}

#[test]
fn a_cancel_stops_what_runs_and_starts_nothing() {
    let database = Database::of(DATA);
    let plan = plan(&[("from t", &[("running", LONG, Expect::Number)]), ("from t", &[("waiting", "1", Expect::Number)])]);
    let (cancel, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    let start = Instant::now();
    let answers = thread::scope(|scope| {
        scope.spawn(|| {
            while !begun.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            thread::sleep(Duration::from_millis(150));
            cancel.store(true, Ordering::SeqCst);
        });
        execute::run(&plan, &database.open(), &Options { threads: 1, ..options(&cancel) }, &|_| begun.store(true, Ordering::SeqCst))
    });
    insta::assert_snapshot!(told(&answers), @"running (attempts 1): Cancelled: the run was stopped");
    assert!(start.elapsed() < Duration::from_secs(25), "long before the statement's own limit");
}

#[test]
fn the_snapshot_and_the_clocks_are_told() {
    let database = Database::of(DATA);
    let plan = plan(&[("from t", &[("a", "1", Expect::Number)])]);
    let open = database.open();
    let answers = run(&plan, &open);
    assert!(answers.one_snapshot() && answers.clocks_agree() && answers.now.is_some(), "{answers:?}");
    let cancel = AtomicBool::new(false);
    let as_of: Timestamp = "2026-11-23T11:30:00Z".parse().expect("a time");
    let local = Timestamp::now().checked_add(jiff::SignedDuration::from_secs(90)).expect("a time");
    let rehearsal = execute::run(&plan, &open, &Options { as_of: Some(as_of), local, ..options(&cancel) }, &|_| ());
    assert_eq!((rehearsal.now, rehearsal.clocks_agree()), (Some(as_of), false));
    assert_eq!(rehearsal.by_check["a"].measurement.as_ref().expect("a measurement").now, as_of);
}

#[test]
fn an_engine_that_names_no_state_of_its_data_claims_no_snapshot() {
    for (before, after, named, one) in [
        ("duckdb:1", "duckdb:1", true, true),
        ("duckdb:1", "duckdb:2", true, false),
        ("spark:no-snapshot", "spark:no-snapshot", false, false),
        ("duckdb:1 finance=spark:no-snapshot", "duckdb:2 finance=spark:no-snapshot", false, false),
        ("", "", true, false),
    ] {
        let answers = Answers { snapshot: before.into(), snapshot_after: after.into(), ..Answers::default() };
        assert_eq!((answers.snapshot_is_named(), answers.one_snapshot()), (named, one), "{before} {after}");
    }
}

/// A real warehouse behind a line that drops: the first `drops` statements are lost, one that says `panic` panics.
struct BadLine<W> {
    inner: W,
    drops: std::sync::Arc<AtomicU32>,
}
struct BadSession {
    inner: Box<dyn Session>,
    drops: std::sync::Arc<AtomicU32>,
}
impl<W: Warehouse> Warehouse for BadLine<W> {
    fn dialect(&self) -> &'static str {
        self.inner.dialect()
    }
    fn session(&self) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(BadSession { inner: self.inner.session()?, drops: self.drops.clone() }))
    }
    fn snapshot(&self) -> String {
        self.inner.snapshot()
    }
}
impl Session for BadSession {
    fn query(&mut self, sql: &str, limit: Duration) -> Result<Rows, Fault> {
        assert!(!sql.contains("panic"), "as asked");
        if self.drops.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |drops| drops.checked_sub(1)).is_ok() {
            return Err(Fault { reason: Reason::Unreachable, detail: "the line dropped".into() });
        }
        self.inner.query(sql, limit)
    }
    fn now(&mut self) -> Result<Timestamp, Fault> {
        self.inner.now()
    }
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        self.inner.canceller()
    }
}

#[test]
fn what_may_pass_is_tried_three_times() {
    let database = Database::of(DATA);
    let plan = plan(&[("from t", &[("a", "sum(a)", Expect::Number)])]);
    let cancel = AtomicBool::new(false);
    let lines: Vec<String> = [0, 1, 2, 3]
        .map(|drops| {
            let line = BadLine { inner: database.open(), drops: AtomicU32::new(drops).into() };
            let seen = Mutex::new(Vec::new());
            let answers = execute::run(&plan, &line, &options(&cancel), &|progress| seen.lock().expect("no panic").push(progress));
            let retries = seen.into_inner().expect("no panic").iter().filter(|p| matches!(p, Progress::Retrying { .. })).count();
            format!("{drops} drops, {retries} retries: {}", told(&answers))
        })
        .into();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_panic_is_the_fault_of_its_checks_alone() {
    let database = Database::of(DATA);
    let plan = plan(&[
        ("from t", &[("a", "sum(a)", Expect::Number)]),
        ("from t", &[("b", "'panic'", Expect::Text)]),
        ("from t", &[("c", "sum(a)", Expect::Number)]),
    ]);
    let line = BadLine { inner: database.open(), drops: AtomicU32::new(0).into() };
    insta::assert_snapshot!(told(&run(&plan, &line)));
}

#[test]
fn a_connection_that_nobody_opened_is_a_fault_of_its_checks() {
    let database = Database::of(DATA);
    let mut plan = plan(&[("from t", &[("a", "sum(a)", Expect::Number)]), ("from t", &[("b", "sum(a)", Expect::Number)])]);
    plan.statements[1].connection = Some("finance".into());
    insta::assert_snapshot!(told(&run(&plan, &database.open())));
    let other = Database::of("create table t as select 42 as a");
    let (cancel, finance) = (AtomicBool::new(false), other.open());
    let connections: BTreeMap<String, &dyn Warehouse> = [("finance".to_owned(), &finance as &dyn Warehouse)].into();
    let answers = execute::run(&plan, &database.open(), &Options { connections, ..options(&cancel) }, &|_| ());
    assert!(told(&answers).contains("b (attempts 1): rows 1 [Int(42)]") && answers.one_snapshot(), "{answers:?}");
}
