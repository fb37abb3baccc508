//! What every warehouse must do, whatever it is: one row in this list for each engine, `suite!(name, engine)`.
//!
//! An engine makes the tables (with a connection of its own: the adapters write nothing) and opens the adapter; the suite asks. Values of the
//! engine's own types are a table beside: `NAME_values.txt`, `SQL => cell`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use presscheck::check::measurement::Cell;
use presscheck::check::outcome::Reason;
use presscheck::macros::{Call, Macros, Rendered, identifier};
use presscheck::warehouse::{MAX_ROWS, NO_SNAPSHOT, Session, Warehouse};

use super::LIMIT;
use super::tables::{Table, tables};

/// An adapter over a connection, and what cuts it.
pub type Cut = (Box<dyn Warehouse>, Box<dyn Fn()>);
/// Kind, numbers, arguments as JSON, tables, the row that is expected.
type Asked = (&'static str, &'static [&'static str], &'static str, &'static [&'static str], &'static str);

/// An engine with tables of the suite.
pub trait Engine: Sync {
    /// As in `NAME_values.txt`.
    fn name(&self) -> &str;
    /// The adapter, opened on it.
    fn open(&self) -> Box<dyn Warehouse>;
    /// How statements name one of [`tables`], which exist already.
    fn relation(&self, table: &Table) -> String;
    /// The lines of its table of values.
    fn values(&self) -> &str;
    /// A query that runs for minutes.
    fn long(&self) -> String;
    /// How long after it was sent such a query runs for certain. Before that an engine may be planning still, and not heed being stopped.
    fn runs_after(&self) -> Duration {
        Duration::from_millis(700)
    }
    /// The adapter, opened over a connection that is cut when the function is called; `None` where there is no connection.
    fn cut(&self) -> Option<Cut>;
    /// Kinds of check whose SQL the engine is known to refuse.
    fn cannot(&self) -> &[&str] {
        &[]
    }
    /// Changes the data, as a dbt run in the middle of a check would; `None` where the engine is not made for it.
    fn change(&self) -> Option<()>;
}

/// The suite, on one engine that is made when it is first used; `#[ignore = "..."]` where it costs much.
macro_rules! suite {
    ($name:ident, $engine:path $(, #[$ignored:meta])?) => {
        mod $name {
            use crate::warehouse::suite;
            #[test]
            $(#[$ignored])?
            fn values_are_exact_or_said_not_to_be() {
                suite::values($engine());
            }
            #[test]
            $(#[$ignored])?
            fn every_kind_of_check_counts_what_is_there() {
                suite::checks($engine());
            }
            #[test]
            $(#[$ignored])?
            fn rows_stream_by() {
                crate::warehouse::streams::rows_stream_by($engine());
            }
            #[test]
            #[cfg(feature = "postgres")]
            $(#[$ignored])?
            fn rows_and_sums_are_compared_with_duckdbs() {
                crate::warehouse::streams::compared($engine());
            }
            #[test]
            $(#[$ignored])?
            fn odd_names_are_found() {
                suite::names($engine());
            }
            #[test]
            $(#[$ignored])?
            fn faults_have_their_reason() {
                suite::faults($engine());
            }
            #[test]
            $(#[$ignored])?
            fn a_deadline_and_a_cancel_stop_the_statement() {
                suite::deadline_and_cancel($engine());
            }
            #[test]
            $(#[$ignored])?
            fn sessions_work_side_by_side() {
                suite::side_by_side($engine());
            }
            #[test]
            $(#[$ignored])?
            fn the_clock_is_the_engines_and_moves() {
                suite::clock($engine());
            }
            #[test]
            $(#[$ignored])?
            fn nothing_is_written() {
                suite::nothing_is_written($engine());
            }
            #[test]
            $(#[$ignored])?
            fn a_lost_connection_is_said_and_the_next_session_works() {
                suite::lost_connection($engine());
            }
            #[test]
            $(#[$ignored])?
            fn the_snapshot_tells_changes_or_that_it_cannot() {
                suite::snapshot($engine());
            }
        }
    };
}
pub(crate) use suite;

pub fn ask(session: &mut dyn Session, sql: &str) -> Vec<Cell> {
    let rows = session.query(sql, LIMIT).unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
    rows.rows.into_iter().next().unwrap_or_else(|| panic!("{sql}: no row"))
}

pub fn table<'a>(name: &str) -> &'a Table {
    tables().iter().find(|table| table.name == name).expect("a table of the suite")
}

pub fn values(engine: &dyn Engine) {
    let mut session = engine.open().session().expect("a session");
    let wanted: Vec<&str> = engine.values().lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let told = wanted.iter().map(|line| {
        let sql = line.split(" => ").next().unwrap_or(line);
        match session.query(&format!("select {sql}"), LIMIT) {
            Ok(rows) => format!("{sql} => {:?}", rows.rows[0][0]),
            Err(fault) => format!("{sql} => {:?}", fault.reason),
        }
    });
    let told: Vec<String> = told.collect();
    assert_eq!(told.join("\n"), wanted.join("\n"), "{}", engine.name());
}

/// A kind of check, the names of its numbers, its arguments, its relations, and what is measured on them, `rows_seen` first.
const CHECKS: &[Asked] = &[
    ("freshness", &["newest"], r#"{"loaded_at": "loaded_at", "loaded_at_query": null}"#, &["orders"], "6 | 2026-11-16T09:30:00"),
    ("freshness", &["newest"], r#"{"loaded_at": "loaded_at", "loaded_at_query": null}"#, &["no_rows"], "0 | NULL"),
    ("row_count", &[], "{}", &["orders"], "6"),
    ("row_count", &[], "{}", &["no_rows"], "0"),
    ("not_null", &["bad"], r#"{"columns": ["sku"], "count": null}"#, &["orders"], "6 | 1"),
    ("not_null", &["bad", "distinct_bad"], r#"{"columns": ["sku", "amount"], "count": "platform"}"#, &["orders"], "6 | 1 | 1"),
    ("not_null", &["bad"], r#"{"columns": ["sku"], "count": null}"#, &["no_rows"], "0 | 0"),
    ("unique", &["repeated_keys", "repetitions", "null_keys"], r#"{"columns": ["sku"]}"#, &["orders"], "6 | 1 | 2 | 1"),
    ("unique", &["repeated_keys", "repetitions", "null_keys"], r#"{"columns": ["id"]}"#, &["orders"], "6 | 0 | 0 | 0"),
    ("unique", &["repeated_keys", "repetitions", "null_keys"], r#"{"columns": ["sku", "platform"]}"#, &["orders"], "6 | 1 | 1 | 1"),
    ("unique", &["repeated_keys", "repetitions", "null_keys"], r#"{"columns": ["sku"]}"#, &["no_rows"], "0 | 0 | 0 | 0"),
    ("accepted_values", &["bad"], r#"{"column": "platform", "values": ["google", "it's\\n"], "null_passes": true}"#, &["orders"], "6 | 2"),
    ("accepted_values", &["bad"], r#"{"column": "id", "values": [1, 2, 3], "null_passes": false}"#, &["orders"], "6 | 3"),
    (
        "range",
        &["bad"],
        r#"{"column": "amount", "min": {"number": "0"}, "max": {"number": "100.50"}, "null_passes": false}"#,
        &["orders"],
        "6 | 3",
    ),
    ("range", &["bad"], r#"{"column": "amount", "min": {"number": "0"}, "max": null, "null_passes": true}"#, &["orders"], "6 | 1"),
    ("range", &["bad"], r#"{"column": "ratio", "min": null, "max": {"number": "1"}, "null_passes": true}"#, &["ratios"], "4 | 2"),
    ("relationships", &["bad"], r#"{"column": "sku", "to": "sku", "null_passes": false}"#, &["orders", "costs"], "6 | 3"),
    ("relationships", &["bad"], r#"{"column": "sku", "to": "sku", "null_passes": true}"#, &["orders", "costs"], "6 | 2"),
    ("relationships", &["bad"], r#"{"column": "sku", "to": "sku", "null_passes": true}"#, &["orders", "no_rows"], "6 | 5"),
    ("expression", &["bad"], r#"{"expression": "amount > 0", "null_passes": false}"#, &["orders"], "6 | 2"),
    ("expression", &["bad"], r#"{"expression": "amount > 0", "null_passes": true}"#, &["orders"], "6 | 1"),
    ("matches", &["bad"], r#"{"column": "platform", "pattern": "[a-z]{6}", "null_passes": false}"#, &["orders"], "6 | 2"),
    ("matches", &["bad"], r#"{"column": "platform", "pattern": "goo|meta|google|tiktok", "null_passes": true}"#, &["orders"], "6 | 0"),
    ("aggregate", &["value"], r#"{"value": "sum(amount)"}"#, &["no_rows"], "0 | NULL"),
    ("aggregate", &["value"], r#"{"value": "count(distinct sku)"}"#, &["orders"], "6 | 3"),
    ("sql", &["bad"], r#"{"query": "select id from {orders} as o where amount < 0"}"#, &["orders"], "6 | 1"),
    ("dbt_test", &["bad"], r#"{"query": "select id from {orders} as o where sku is null", "fail_calc": "count(*)"}"#, &["orders"], "6 | 1"),
    (
        "dbt_test",
        &["bad"],
        r#"{"query": "select id from {orders} as o where sku is null", "fail_calc": "count(*)"}"#,
        &["orders", "costs"],
        "3 | 1",
    ),
];

/// The statement that the planner makes of a check.
fn statement(macros: &Macros, engine: &dyn Engine, kind: &str, columns: &[&str], arguments: &str, names: &[&str]) -> String {
    let relations: Vec<String> = names.iter().map(|name| engine.relation(table(name))).collect();
    let mut arguments: serde_json::Map<String, serde_json::Value> = serde_json::from_str(arguments).expect("JSON");
    if let Some(serde_json::Value::String(query)) = arguments.get_mut("query") {
        *query = query.replace("{orders}", &relations[0]);
    }
    let call = Call { kind, columns, arguments: &arguments, relations: &relations, interval: None, lists: false };
    match macros.measure(&call).unwrap_or_else(|finding| panic!("{kind}: {finding}")) {
        Rendered::Query(sql) => sql,
        Rendered::Scan(expressions) => {
            let mut sql = "select\n    count(*) as rows_seen".to_owned();
            for (number, (column, expression)) in columns.iter().zip(&expressions).enumerate() {
                write!(sql, ",\n    {expression} as {column}_{}", number + 1).expect("a text");
            }
            format!("{sql}\nfrom {}", relations[0])
        }
    }
}

/// A cell as a reader of counts, times and totals sees it, whatever type the engine gave it.
fn seen(cell: &Cell) -> String {
    let number = |text: &str| text.parse::<rust_decimal::Decimal>().map(|number| number.normalize().to_string());
    match cell {
        Cell::Null => "NULL".into(),
        Cell::Int(number) => number.to_string(),
        Cell::Decimal(number) => number.normalize().to_string(),
        Cell::Text(text) => number(text).unwrap_or_else(|_| format!("{text:?}")),
        Cell::Instant(instant) => jiff::tz::TimeZone::UTC.to_datetime(*instant).to_string(),
        Cell::Local(local) => local.to_string(),
        other => format!("{other:?}"),
    }
}

pub fn checks(engine: &dyn Engine) {
    let warehouse = engine.open();
    let macros = Macros::new(warehouse.dialect(), Vec::new()).expect("macros");
    let mut session = warehouse.session().expect("a session");
    let line = |kind: &str, arguments: &str, names: &[&str], seen: &str| format!("{kind} {arguments} of {}: {seen}", names.join(", "));
    let (mut told, mut wanted) = (Vec::new(), Vec::new());
    for (kind, columns, arguments, names, expected) in CHECKS {
        let sql = statement(&macros, engine, kind, columns, arguments, names);
        let found = match session.query(&sql, LIMIT) {
            Err(fault) if fault.reason == Reason::QueryError && engine.cannot().contains(kind) => (*expected).to_owned(),
            Ok(rows) if engine.cannot().contains(kind) => format!("{} rows, though the engine is said to refuse it", rows.rows.len()),
            Ok(rows) => rows.rows.iter().map(|row| row.iter().map(seen).collect::<Vec<_>>().join(" | ")).collect::<Vec<_>>().join("\n"),
            Err(fault) => format!("{:?} {}\n{sql}", fault.reason, fault.detail),
        };
        told.push(line(kind, arguments, names, &found));
        wanted.push(line(kind, arguments, names, expected));
    }
    let wrong: Vec<String> = told
        .iter()
        .zip(&wanted)
        .filter(|(told, wanted)| told != wanted)
        .map(|(told, wanted)| format!("{told}\nand not\n{wanted}"))
        .collect();
    assert!(wrong.is_empty(), "{}:\n{}", engine.name(), wrong.join("\n"));
    let asked: BTreeSet<&str> = CHECKS.iter().map(|(kind, ..)| *kind).collect();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/macros")).expect("the macros");
    let files = files.filter_map(|file| file.expect("a file").path().file_name()?.to_str()?.strip_suffix(".sql").map(str::to_owned));
    // Those that list things, and passes that only prove, are asked by plans: `tests/plan`.
    let listing = ["change", "date_coverage", "dbt_result", "groups_present", "keys", "reconcile", "reconcile_rows", "samples", "schema"];
    let left: Vec<String> = files.filter(|kind| !asked.contains(kind.as_str()) && !listing.contains(&kind.as_str())).collect();
    assert!(left.is_empty(), "a kind that no engine is asked: {}", left.join(", "));
}

pub fn names(engine: &dyn Engine) {
    let warehouse = engine.open();
    let mut session = warehouse.session().expect("a session");
    let odd = table("odd_names");
    for (name, kind) in odd.columns {
        // PostgreSQL reads a plain name in lower case, as SQL does; one in quotes is meant as it is.
        let name = if warehouse.dialect() == "postgres" { format!("\"{name}\"") } else { (*name).to_owned() };
        let column = identifier(&name, warehouse.dialect()).expect("a column");
        let sql = format!("select count(*), count({column}), max({column}) from {}", engine.relation(odd));
        let row = ask(session.as_mut(), &sql);
        let seen: Vec<String> = row.iter().map(seen).collect();
        assert_eq!((seen[0].as_str(), seen[1].as_str(), kind), ("2", "1", &"int"), "{sql} on {}", engine.name());
    }
}

pub fn faults(engine: &dyn Engine) {
    let mut session = engine.open().session().expect("a session");
    let orders = engine.relation(table("orders"));
    let mut told = Vec::new();
    for (sql, reason) in [
        ("select count(*) from presscheck_nowhere".to_owned(), Reason::MissingRelation),
        (format!("select presscheck_nothing from {orders}"), Reason::MissingColumn),
        (format!("select o.presscheck_nothing from {orders} as o"), Reason::MissingColumn),
        (format!("select presscheck_nofunction(id) from {orders}"), Reason::QueryError),
        ("select (((".to_owned(), Reason::QueryError),
        ("selec 1".to_owned(), Reason::QueryError),
        (String::new(), Reason::QueryError),
    ] {
        let fault = session.query(&sql, LIMIT).expect_err(&sql);
        if fault.reason != reason {
            told.push(format!("{sql}: {:?} and not {reason:?}: {}", fault.reason, fault.detail));
        }
        assert!(!fault.detail.contains('\n') && fault.detail.chars().count() < 600, "{}", fault.detail);
    }
    assert!(told.is_empty(), "{}\n{}", engine.name(), told.join("\n"));
    assert_eq!(ask(session.as_mut(), "select 1"), [Cell::Int(1)], "the session lives on");
}

pub fn deadline_and_cancel(engine: &dyn Engine) {
    let warehouse = engine.open();
    let mut session = warehouse.session().expect("a session");
    assert_eq!(ask(session.as_mut(), "select 1"), [Cell::Int(1)]);
    let (start, limit) = (Instant::now(), engine.runs_after());
    let fault = session.query(&engine.long(), limit).expect_err("a time-out");
    let wanted = (Reason::TimedOut, format!("no answer within {} s", limit.as_secs_f32()));
    assert_eq!((fault.reason, fault.detail), wanted, "{}", engine.name());
    assert!(start.elapsed() < limit + Duration::from_secs(5), "stopped after {:?}", start.elapsed());
    assert_eq!(ask(session.as_mut(), "select 1"), [Cell::Int(1)], "the session lives on");
    let cancel = session.canceller();
    let start = Instant::now();
    let fault = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(limit);
            cancel();
        });
        session.query(&engine.long(), LIMIT).expect_err("cancelled")
    });
    assert_eq!((fault.reason, fault.detail.as_str()), (Reason::Cancelled, "the run was stopped"));
    assert!(start.elapsed() < limit + Duration::from_secs(5), "stopped after {:?}", start.elapsed());
    assert_eq!(session.query("select 1", LIMIT).expect_err("stays cancelled").reason, Reason::Cancelled);
    drop(session);
    assert_eq!(ask(warehouse.session().expect("a session").as_mut(), "select 1"), [Cell::Int(1)]);
}

pub fn side_by_side(engine: &dyn Engine) {
    let warehouse = engine.open();
    let many = engine.relation(table("many"));
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut session = warehouse.session().expect("a session");
                let sum = ask(session.as_mut(), &format!("select sum(a), count(*) from {many}"));
                found.lock().expect("no panic").push(sum.iter().map(seen).collect::<Vec<_>>().join(" "));
            });
        }
    });
    assert_eq!(found.into_inner().expect("no panic"), vec!["1124250 1500".to_owned(); 4]);
    let rows = warehouse.session().expect("a session").query(&format!("select a from {many}"), LIMIT).expect("rows");
    assert_eq!((rows.rows.len(), rows.columns), (MAX_ROWS, vec!["a".to_owned()]));
}

pub fn clock(engine: &dyn Engine) {
    let mut session = engine.open().session().expect("a session");
    let first = session.now().expect("a time");
    let apart = first.as_second() - Timestamp::now().as_second();
    assert!(apart.abs() < 30, "{apart} s apart");
    thread::sleep(Duration::from_millis(5));
    assert!(session.now().expect("a time") > first);
}

pub fn nothing_is_written(engine: &dyn Engine) {
    let mut session = engine.open().session().expect("a session");
    let orders = engine.relation(table("orders"));
    for sql in [
        format!("delete from {orders}"),
        format!("-- select\ndelete from {orders}"),
        format!("/* select */ delete from {orders}"),
        "create table presscheck_written (a int)".to_owned(),
        "drop table presscheck_written".to_owned(),
    ] {
        let answer = session.query(&sql, LIMIT);
        assert!(answer.is_err(), "{sql}: {answer:?}");
    }
    assert_eq!(seen(&ask(session.as_mut(), &format!("select count(*) from {orders}"))[0]), "6");
}

pub fn lost_connection(engine: &dyn Engine) {
    let Some((warehouse, cut)) = engine.cut() else { return };
    let mut session = warehouse.session().expect("a session");
    assert_eq!(ask(session.as_mut(), "select 1"), [Cell::Int(1)]);
    cut();
    let start = Instant::now();
    let fault = session.query("select 1", Duration::from_secs(10)).expect_err("lost");
    assert_eq!(fault.reason, Reason::Unreachable, "{}: {}", engine.name(), fault.detail);
    assert!(start.elapsed() < Duration::from_secs(14), "said after {:?}", start.elapsed());
    drop(session);
    let fault = warehouse.session().and_then(|mut session| session.query("select 1", Duration::from_secs(10)));
    assert_eq!(fault.expect_err("still lost").reason, Reason::Unreachable);
    assert_eq!(ask(engine.open().session().expect("a session").as_mut(), "select 1"), [Cell::Int(1)]);
}

pub fn snapshot(engine: &dyn Engine) {
    let warehouse = engine.open();
    let before = warehouse.snapshot();
    assert_eq!(before, warehouse.snapshot());
    if before.contains(NO_SNAPSHOT) {
        return;
    }
    if engine.change().is_some() {
        assert_ne!(before, engine.open().snapshot());
    }
}
