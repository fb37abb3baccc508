//! Mondays on DuckDB whose finance ledger is where it is in life: in a PostgreSQL of the finance team, which nothing of dbt knows.

use std::fs;
use std::path::Path;
use std::time::Duration;

use presscheck::check::measurement::Cell;
use presscheck::warehouse::Warehouse;
use presscheck::warehouse::duckdb::{DuckDb, Options};

use super::{Mondays, decided, json, presscheck};
use crate::warehouse::server::{self, Server};

const RIGHT: &str = "right: {model: stg_ledger_weekly_revenue, value: sum(amount)}";
const ELSEWHERE: &str = "right: {connection: finance, relation: ledger.weekly_revenue, value: sum(amount)}";
/// Those on which the bridge says something, and a quiet one.
const MONDAYS: &[&str] =
    &["all_landed", "bridge_beyond_tolerance", "bridge_waiver_expired", "bridge_step_unexplained", "sunday_orders_missing"];

/// The Monday's project, with the ledger's rows moved to PostgreSQL.
fn moved(server: &Server, folder: &Path, monday: &str) -> String {
    let demo = presscheck(&["demo", "--into", "bikes", "--monday", monday, "--format", "json"], folder);
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let bikes = folder.join("bikes");
    let database = copied(server, &bikes);
    look_there(&bikes, "");
    known(&bikes, server, &database);
    database
}

/// A database on the server with the rows of the project's ledger: its name.
pub fn copied(server: &Server, bikes: &Path) -> String {
    let own = DuckDb::open(&bikes.join("brightside.duckdb"), &Options::default()).expect("the Monday's warehouse");
    let sql = "select cast(week_start as varchar), account, cast(amount as varchar) from finance.ledger_weekly_revenue";
    let rows = own.session().and_then(|mut session| session.query(sql, Duration::from_secs(30))).expect("the ledger");
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
        other => panic!("{other:?}"),
    };
    let rows: Vec<String> = rows.rows.iter().map(|row| format!("({})", row.iter().map(text).collect::<Vec<_>>().join(", "))).collect();
    assert!(!rows.is_empty(), "the ledger has rows");
    server.database(&format!(
        "create schema ledger; create table ledger.weekly_revenue (week_start date, account text, amount numeric(18, 2)); \
         insert into ledger.weekly_revenue values {}",
        rows.join(", ")
    ))
}

/// From now on the contract compares with the ledger on PostgreSQL.
pub fn look_there(bikes: &Path, settings: &str) {
    let contract = bikes.join("contracts/weekly_operating_report.yml");
    let written = fs::read_to_string(&contract).expect("the contract");
    assert!(written.contains(RIGHT), "the sample's contract names the ledger");
    fs::write(&contract, written.replace(RIGHT, ELSEWHERE)).expect("the contract");
    fs::write(bikes.join("presscheck.yml"), format!("{settings}connections:\n  finance: {{profile: finance}}\n")).expect("the settings");
}

/// The ledger's profile names this database.
pub fn known(bikes: &Path, server: &Server, database: &str) {
    let profiles = fs::read_to_string(bikes.join("profiles.yml")).expect("the profiles");
    let own = profiles.split("finance:").next().unwrap_or_default();
    fs::write(bikes.join("profiles.yml"), format!("{own}{}", profile(server.port, database))).expect("the profiles");
}

fn profile(port: u16, database: &str) -> String {
    format!(
        "finance:\n  target: prod\n  outputs:\n    prod: {{type: postgres, host: 127.0.0.1, port: {port}, user: presscheck, password: hush-hush, \
         dbname: {database}, schema: ledger, connect_timeout: 2, retries: 0}}\n"
    )
}

#[test]
fn mondays_with_the_ledger_on_postgres_are_decided_as_without() {
    let table: Mondays = yaml_serde::from_str(include_str!("../../sample_project/mondays.yml")).expect("the table of Mondays");
    let mut wrong = String::new();
    for monday in table.mondays.iter().filter(|monday| MONDAYS.contains(&monday.name.as_str())) {
        let folder = tempfile::tempdir().expect("a folder");
        moved(server::shared(), folder.path(), &monday.name);
        let check =
            presscheck(&["check", "--profiles-dir", ".", "--as-of", &monday.as_of, "--format", "json"], &folder.path().join("bikes"));
        let told = json(&check);
        let decided = decided(&told, &monday.expect.because);
        if decided != monday.expect {
            wrong += &format!("{}: expected {:#?}\n  decided {:#?}\n", monday.name, monday.expect, decided);
        }
        let snapshots = &told["decisions"][0]["artifacts"]["connections"];
        if !snapshots["finance"].as_str().is_some_and(|snapshot| snapshot.starts_with("postgres:db")) {
            wrong += &format!("{}: the ledger's snapshot is {snapshots}\n", monday.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_ledger_that_is_down_holds_what_it_guards_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server::shared();
    let database = moved(server, folder.path(), "all_landed");
    let bikes = folder.path().join("bikes");
    let run = |arguments: &[&str]| {
        let said = presscheck(arguments, &bikes);
        let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(!text.contains("hush-hush"), "{text}");
        (said.status.code(), text.replace(&server.port.to_string(), "PORT").replace(&database, "LEDGER"))
    };
    let (_, plan) = run(&["plan", "--profiles-dir", ".", "--sql", "--as-of", "2026-11-23T11:40:00Z"]);
    let asked = plan.lines().position(|line| line.contains("on finance: finance_bridge")).expect("the comparison in the plan");
    let asked: Vec<&str> = plan.lines().skip(asked).take_while(|line| !line.starts_with("  11.")).collect();
    let (_, grants) = run(&["grants", "--for", "postgres", "--role", "reader", "--connection", "finance"]);
    let (doctor_code, doctor) = run(&["doctor", "--profiles-dir", "."]);
    let of_finance = |text: &str| {
        text.lines().filter(|line| line.starts_with("finance:")).map(|line| format!("{}\n", squeezed(line))).collect::<String>()
    };
    let healthy = of_finance(&doctor);
    let profiles = fs::read_to_string(bikes.join("profiles.yml")).expect("the profiles");
    fs::write(bikes.join("profiles.yml"), profiles.replace(&format!("port: {}", server.port), "port: 1")).expect("the profiles");
    let (code, told) = run(&["check", "--profiles-dir", ".", "--as-of", "2026-11-23T11:40:00Z", "--format", "json"]);
    let told: serde_json::Value =
        serde_json::from_str(told.lines().take_while(|_| true).collect::<Vec<_>>().join("\n").as_str()).expect("JSON");
    let checks = told["decisions"][0]["checks"].as_array().expect("checks");
    let failed: Vec<String> = checks
        .iter()
        .filter(|check| check["outcome"] == "error")
        .map(|check| format!("{}: {} {}", check["id"], check["reason"], check["detail"]))
        .collect();
    let verdicts = told["decisions"][0]["metrics"].as_array().expect("metrics");
    let verdicts: Vec<String> = verdicts.iter().map(|metric| format!("{} {}", metric["id"], metric["verdict"])).collect();
    let (down_code, down) = run(&["doctor", "--profiles-dir", "."]);
    let text = format!(
        "{}\n\n{grants}\ndoctor {doctor_code:?}\n{healthy}\ncheck {code:?}\n{}\n{}\n\ndoctor {down_code:?}\n{}",
        asked.join("\n"),
        failed.join("\n"),
        verdicts.join("\n"),
        of_finance(&down)
    );
    insta::assert_snapshot!("ledger", text);
}

/// One blank for many; the server's version and free connections are its own.
fn squeezed(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    if line.contains(": engine ") {
        "finance: engine PostgreSQL".to_owned()
    } else if line.contains(": connections") {
        "finance: connections".to_owned()
    } else {
        line
    }
}
