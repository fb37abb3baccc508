//! The journal of runs: what a run that ended anywhere left behind, and that an act is known to be done or not.

use std::process::{Command, Stdio};

use jiff::Timestamp;
use presscheck::history::{ActKind, Added, Claim, History, Intent, Lock, Locked, RunKey, State, Step};
use presscheck::record::Ended;

use super::decision;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn of(run: &str) -> RunKey {
    RunKey { run: run.into(), contract: "weekly_operating_report".into(), interval: "a/b".into() }
}

fn started() -> Step {
    Step::Started { version: "0.1.0".into(), publishes: true, resumes: None }
}

fn intent(key: &str) -> Intent {
    Intent { act: ActKind::Hook, key: key.into(), what: "bi_refresh".into(), body: serde_json::json!({"metric": "gross_revenue"}) }
}

#[test]
fn a_run_is_interrupted_until_it_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = History::open(folder.path()).unwrap();
    let state = |history: &History| history.run("one").unwrap().unwrap().state();
    history.append(&of("one"), at(0), &started()).unwrap();
    assert_eq!(state(&history), State::Interrupted);
    history.append(&of("two"), at(1), &started()).unwrap();
    history.append(&of("one"), at(2), &Step::Sealed { exit_code: 1, said: "held".into() }).unwrap();
    assert_eq!(state(&history), State::Sealed { exit_code: 1 });
    let read = History::read(folder.path()).unwrap().unwrap();
    let names: Vec<String> = read.runs(None, None, 10).unwrap().into_iter().map(|run| run.key.run).collect();
    assert_eq!(names, ["two", "one"], "the newest first");
    assert_eq!(read.runs(Some("other"), None, 10).unwrap(), []);
    assert_eq!(read.runs(None, None, 1).unwrap().len(), 1);
    history.append(&of("one"), at(3), &Step::Resumed { version: "0.1.0".into() }).unwrap();
    assert_eq!(state(&history), State::Interrupted, "what follows a seal opens the run again");
}

#[test]
fn an_act_is_meant_until_it_is_done_and_then_never_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = History::open(folder.path()).unwrap();
    history.append(&of("one"), at(0), &started()).unwrap();
    assert_eq!(history.intent(&of("one"), at(1), &intent("k")).unwrap(), Claim::New);
    // A crash: another process reads what is on disk.
    drop(history);
    let mut history = History::open(folder.path()).unwrap();
    assert!(!history.was_done("k").unwrap());
    assert_eq!(history.open_intents("one").unwrap(), [intent("k")]);
    assert_eq!(history.intent(&of("one"), at(2), &intent("k")).unwrap(), Claim::Again);
    history.append(&of("one"), at(3), &Step::Failed { key: "k".into(), error: "refused".into(), refused: false }).unwrap();
    assert_eq!(history.intent(&of("one"), at(4), &intent("k")).unwrap(), Claim::Again);
    history.append(&of("one"), at(5), &Step::Done { key: "k".into(), answer: "200".into() }).unwrap();
    assert!(history.was_done("k").unwrap());
    assert_eq!(history.intent(&of("two"), at(6), &intent("k")).unwrap(), Claim::Done, "whichever run asks");
    assert_eq!(history.open_intents("one").unwrap(), []);
    let acts = history.acts("weekly_operating_report", ActKind::Hook, at(0)).unwrap();
    assert_eq!(acts.len(), 1);
    assert_eq!((acts[0].at, acts[0].done.clone(), acts[0].failed.clone()), (at(1), Some((at(5), "200".to_owned())), None));
    assert_eq!(history.acts("weekly_operating_report", ActKind::Alert, at(0)).unwrap(), []);
    assert_eq!(history.acts("weekly_operating_report", ActKind::Hook, at(6)).unwrap(), []);
}

#[test]
fn a_decision_is_stored_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = History::open(folder.path()).unwrap();
    let document = decision("2026-11-02", "2026-11-09T12:00:00Z", "100", Ended::Pass);
    let text = "the document as it was told";
    history.append(&of("one"), at(0), &started()).unwrap();
    assert_eq!(history.decided(&of("one"), at(1), &document, text, 0).unwrap(), Added::New);
    assert_eq!(history.document(&document.run).unwrap().as_deref(), Some(text));
    assert_eq!(history.document("no such decision").unwrap(), None);
    let Step::Decided { decision, document: hash, verdicts, .. } = &history.run("one").unwrap().unwrap().steps[1].step else {
        panic!("decided")
    };
    assert_eq!((decision, history.document(hash).unwrap().as_deref()), (&document.run, Some(text)));
    assert_eq!(verdicts.len(), document.metrics.len());
    assert_eq!(history.verify().unwrap(), 1);
    let path = history.path().to_owned();
    drop(history);
    let edit = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).map_err(|error| error.to_string());
    for sql in ["update journal set body = '{}'", "delete from journal", "update documents set text = ''", "delete from documents"] {
        assert!(edit(sql).unwrap_err().contains("only added to"), "{sql}");
    }
    for (sql, said) in [
        ("update journal set key = 'other' where number = 2", "step 2 of the journal is not what was added"),
        ("delete from journal where number = 1", "step 1 of the journal is not what was added"),
        ("update documents set text = 'another'", "the decision of step 2 of the journal is not what was stored"),
        ("delete from documents", "the decision of step 2 of the journal is not what was stored"),
    ] {
        let backup = std::fs::read(&path).unwrap();
        edit("drop trigger journal_stays; drop trigger journal_remains; drop trigger documents_stay; drop trigger documents_remain")
            .unwrap();
        edit(sql).unwrap();
        let told = History::read(folder.path()).unwrap().unwrap().verify().unwrap_err();
        assert!(told.ends_with(said), "{sql}: {told}");
        std::fs::write(&path, backup).unwrap();
    }
}

#[test]
fn a_history_of_the_first_layout_gets_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = History::open(folder.path()).unwrap();
    history.add(&decision("2026-11-02", "2026-11-09T12:00:00Z", "100", Ended::Pass)).unwrap();
    let path = history.path().to_owned();
    drop(history);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch("drop table journal; drop table documents; drop table forgotten; drop table told; pragma user_version = 1").unwrap();
    drop(file);
    let old = History::read(folder.path()).unwrap().unwrap();
    assert_eq!((old.verify().unwrap(), old.runs(None, None, 10).unwrap().len(), old.was_done("k").unwrap()), (1, 0, false));
    drop(old);
    let mut new = History::open(folder.path()).unwrap();
    new.append(&of("one"), at(0), &started()).unwrap();
    assert_eq!((new.verify().unwrap(), new.runs(None, None, 10).unwrap().len()), (1, 1));
    assert!(new.told("weekly_operating_report").unwrap().is_empty());
    rusqlite::Connection::open(&path).unwrap().execute_batch("pragma user_version = 4").unwrap();
    assert!(History::open(folder.path()).unwrap_err().contains("layout 4"), "a file of a later version is left alone");
}

/// Two handles exclude each other like two processes do, and a child that inherited the lock keeps it.
#[test]
fn a_lock_is_held_by_one_and_let_go_by_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let take = || Lock::take(folder.path(), "a contract, an interval", "run one").unwrap();
    let Locked::Held(lock) = take() else { panic!("nobody holds it") };
    let Locked::Elsewhere(holder) = take() else { panic!("it is held") };
    assert_eq!(holder, "run one");
    assert!(matches!(Lock::take(folder.path(), "another", "run two").unwrap(), Locked::Held(_)));
    assert!(Lock::is_held(folder.path(), "a contract, an interval") && !Lock::is_held(folder.path(), "another"));
    let mut child =
        Command::new("sh").args(["-c", "cat; exec sleep 30"]).stdin(lock.for_child().unwrap()).stdout(Stdio::null()).spawn().unwrap();
    drop(lock);
    assert!(matches!(take(), Locked::Elsewhere(_)), "the child still has it");
    child.kill().unwrap();
    child.wait().unwrap();
    let patience = std::time::Instant::now();
    while Lock::is_held(folder.path(), "a contract, an interval") && patience.elapsed().as_secs() < 40 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(matches!(take(), Locked::Held(_)));
}
