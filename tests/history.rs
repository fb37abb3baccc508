//! The history: what is added to it, what is read back, and that it says so when it was changed.

mod journal;

use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use presscheck::history::{Added, History};
use presscheck::record::{Document, Ended, MeasuredRecord, Reason};

use crate::situations::situations;

/// A decision about the week that begins on this day, in which one check measured this value.
pub fn decision(start: &str, decided_at: &str, value: &str, outcome: Ended) -> Document {
    let told = situations().into_iter().find(|situation| situation.when == "fourteen products have no cost").unwrap();
    let mut document = told.document();
    document.rehearsal = false;
    document.decided_at = decided_at.parse().unwrap();
    document.run = format!("{start} {decided_at} {value}");
    document.interval.as_mut().unwrap().start = format!("{start}T00:00:00+00:00[Europe/London]");
    document.checks.truncate(1);
    let check = &mut document.checks[0];
    (check.id, check.outcome, check.reason) = ("volume".into(), outcome, None);
    let facts = std::collections::BTreeMap::new();
    check.measured = Some(MeasuredRecord { rows_seen: value.into(), value: value.into(), unit: "rows".into(), facts });
    document
}

fn values(history: &History, before: &str, now: &str) -> Vec<String> {
    let instant = |text: &str| text.parse::<Timestamp>().unwrap();
    let contract = decision("2026-11-02", "2026-11-09T12:00:00Z", "1", Ended::Pass).contract;
    let mut found = history.earlier(&contract, instant(before), instant(now)).unwrap();
    found.remove("volume").unwrap_or_default().into_iter().map(|value| format!("{} {}", value.start.date(), value.value)).collect()
}

#[test]
fn earlier_values_are_read_back_the_newest_interval_first() {
    let folder = tempfile::tempdir().unwrap();
    assert!(History::read(folder.path()).unwrap().is_none(), "there is no history before the first run");
    let mut history = History::open(folder.path()).unwrap();
    let first = decision("2026-11-02", "2026-11-09T12:00:00Z", "100", Ended::Pass);
    assert_eq!(history.add(&first).unwrap(), Added::New);
    assert_eq!(history.add(&first).unwrap(), Added::Known, "one decision is kept once");
    for (start, decided_at, value, outcome) in [
        ("2026-11-02", "2026-11-09T12:00:00.5Z", "101", Ended::FailWarn),
        ("2026-11-09", "2026-11-16T12:00:00Z", "102", Ended::Pass),
        ("2026-11-09", "2026-11-16T13:00:00Z", "7", Ended::FailHold),
        ("2026-10-26", "2026-11-20T13:00:00Z", "99", Ended::Pass),
        ("2026-11-16", "2026-11-23T12:00:00Z", "103", Ended::Pass),
    ] {
        assert_eq!(history.add(&decision(start, decided_at, value, outcome)).unwrap(), Added::New);
    }
    assert_eq!(
        values(&history, "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"),
        ["2026-11-16 103", "2026-11-09 102", "2026-11-02 101", "2026-10-26 99"]
    );
    assert_eq!(
        values(&history, "2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z"),
        ["2026-11-09 102", "2026-11-02 101"],
        "nothing of the future"
    );
    let read = History::read(folder.path()).unwrap().unwrap();
    assert_eq!(read.verify().unwrap(), 6);
}

#[test]
fn what_is_no_real_run_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = History::open(folder.path()).unwrap();
    let mut rehearsal = decision("2026-11-02", "2026-11-09T12:00:00Z", "100", Ended::Pass);
    rehearsal.rehearsal = true;
    assert_eq!(history.add(&rehearsal).unwrap(), Added::NotReal);
    let mut part = decision("2026-11-02", "2026-11-09T12:00:00Z", "100", Ended::Skipped);
    part.checks[0].reason = Some(Reason::Deselected);
    assert_eq!(history.add(&part).unwrap(), Added::NotReal);
    assert_eq!(history.verify().unwrap(), 0);
}

#[test]
fn a_history_that_was_changed_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = History::open(folder.path()).unwrap();
    for (start, value) in [("2026-11-02", "100"), ("2026-11-09", "101"), ("2026-11-16", "102")] {
        history.add(&decision(start, "2026-11-23T12:00:00Z", value, Ended::Pass)).unwrap();
    }
    let path = history.path().to_owned();
    drop(history);
    let edit = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).map_err(|error| error.to_string());
    for sql in
        ["update measured set value = '5'", "delete from measured", "update decisions set status = 'complete'", "delete from decisions"]
    {
        assert!(edit(sql).unwrap_err().contains("only added to"), "{sql}");
    }
    let changed = |sql: &str| {
        let backup = std::fs::read(&path).unwrap();
        edit(&format!("drop trigger measured_stays; drop trigger measured_remains; drop trigger decisions_remain; {sql}")).unwrap();
        let said = History::read(folder.path()).unwrap().unwrap().verify().unwrap_err();
        std::fs::write(&path, backup).unwrap();
        said.rsplit(": ").next().unwrap().to_owned()
    };
    assert_eq!(changed("update measured set value = '5' where decision = 2"), "decision 2 is not what was added");
    assert_eq!(
        changed("delete from measured where decision = 1; delete from decisions where number = 1"),
        "decision 1 is not what was added"
    );
    std::fs::write(&path, "not a database").unwrap();
    assert!(History::open(folder.path()).is_err() && History::read(folder.path()).is_err());
}

/// Through the program: a real run is kept, a rehearsal and a part are not, and a history that cannot be written holds every metric.
#[test]
fn only_real_runs_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let presscheck = |arguments: &[&str], folder: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_presscheck"))
            .args(arguments)
            .current_dir(folder)
            .env_remove("DBT_PROFILES_DIR")
            .env_remove("DBT_PROJECT_DIR")
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    presscheck(&["demo", "--into", "bikes", "--quiet"], folder.path());
    let bikes = folder.path().join("bikes");
    let kept = || History::read(&bikes.join(".presscheck")).unwrap().map(|history| history.verify().unwrap());
    presscheck(&["check", "--as-of", "2026-11-23T11:40:00+00:00"], &bikes);
    presscheck(&["check", "--select", "stg_orders"], &bikes);
    assert_eq!(kept(), None);
    presscheck(&["check"], &bikes);
    assert_eq!(kept(), Some(1));
    presscheck(&["check", "--select", "stg_orders"], &bikes);
    assert_eq!(kept(), Some(1));
    std::fs::write(bikes.join(".presscheck/history.sqlite"), "not a database").unwrap();
    let told: serde_json::Value = serde_json::from_str(&presscheck(&["check", "--format", "json"], &bikes)).unwrap();
    let verdicts: Vec<&str> =
        told["decisions"][0]["metrics"].as_array().unwrap().iter().map(|metric| metric["verdict"].as_str().unwrap()).collect();
    assert!(verdicts.iter().all(|verdict| *verdict == "hold"), "{verdicts:?}");
}
