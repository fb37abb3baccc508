//! `presscheck verify`: what a later job may rely on. Each row does something to a project whose newest decision counts, and says what must come back.

use std::fs;
use std::path::Path;

use presscheck::history::History;
use presscheck::record::Document;

use crate::commands::{copy, run};

/// No source and no calendar, so that it is decided alike whenever the test runs.
const CONTRACT: &str = "\
version: 1
contract: revenue
title: Revenue
exposure: weekly_operating_report
owners: {technical: {team: Analytics}}
metrics:
  gross_revenue: {title: Gross revenue, column: mart_weekly_operating_report.gross_revenue}
  stock: {title: Stock, column: mart_weekly_operating_report.stock_on_hand}
checks:
  - not_null: {name: revenue_there, column: mart_weekly_operating_report.gross_revenue}
  - not_null: {name: stock_there, column: mart_weekly_operating_report.stock_on_hand}
";
const DECISION: &str = "target/presscheck/revenue.json";

/// What is done after the decision, the command, its exit code, and what it must say.
struct Case {
    name: &'static str,
    done: fn(&Path),
    command: &'static [&'static str],
    exit_code: i32,
    says: &'static str,
}

fn nothing(_: &Path) {}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(file)).expect("a text file");
    assert!(text.contains(from), "{file} holds {from}");
    fs::write(folder.join(file), text.replace(from, to)).expect("written");
}

/// Decides again with a stricter check of stock, which fails.
fn hold_stock(folder: &Path) {
    edit(folder, "contracts/revenue.yml", "stock_there, column", "stock_there, where: week_start is null, column");
    assert_eq!(run(&["check"], folder).0, Some(1));
}

/// Says that the decision was made so many seconds from now, as its own program would have said it.
fn made_in(folder: &Path, seconds: i64) {
    let text = fs::read_to_string(folder.join(DECISION)).expect("a decision");
    let mut document: Document = serde_json::from_str(&text).expect("a decision");
    document.decided_at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    fs::write(folder.join(DECISION), document.to_json().expect("JSON")).expect("written");
}

const CASES: &[Case] = &[
    Case { name: "the newest decision counts", done: nothing, command: &["verify"], exit_code: 0, says: "counts. Both" },
    Case { name: "by the contract's name", done: nothing, command: &["verify", "revenue"], exit_code: 0, says: "counts" },
    Case { name: "by its file", done: nothing, command: &["verify", DECISION], exit_code: 0, says: "counts" },
    Case { name: "a held metric", done: hold_stock, command: &["verify"], exit_code: 1, says: "counts, and holds" },
    Case { name: "the held metric", done: hold_stock, command: &["verify", "--metric", "stock"], exit_code: 1, says: "counts, and holds" },
    Case { name: "the other metric", done: hold_stock, command: &["verify", "--metric", "gross_revenue"], exit_code: 0, says: "counts" },
    Case { name: "no such metric", done: nothing, command: &["verify", "--metric", "stok"], exit_code: 2, says: "did you mean `stock`?" },
    Case {
        name: "no such decision",
        done: nothing,
        command: &["verify", "revenues"],
        exit_code: 3,
        says: "no decision of `revenues` is stored",
    },
    Case {
        name: "a contract that nobody decided is not passed over",
        done: |folder| {
            fs::write(folder.join("contracts/another.yml"), CONTRACT.replace("contract: revenue", "contract: another")).expect("written");
        },
        command: &["verify"],
        exit_code: 3,
        says: "contracts/another.yml is stored",
    },
    Case {
        name: "too old",
        done: |_| std::thread::sleep(std::time::Duration::from_millis(2100)),
        command: &["verify", "--max-age", "1s"],
        exit_code: 3,
        says: "at most 1 s are allowed",
    },
    Case {
        name: "an age that is none",
        done: nothing,
        command: &["verify", "--max-age", "soon"],
        exit_code: 2,
        says: "not a length of time",
    },
    Case { name: "of the future", done: |folder| made_in(folder, 3600), command: &["verify"], exit_code: 3, says: "it was edited" },
    Case {
        name: "a verdict was edited",
        done: |folder| {
            hold_stock(folder);
            edit(folder, DECISION, "\"verdict\": \"hold\"", "\"verdict\": \"publish\"");
        },
        command: &["verify"],
        exit_code: 3,
        says: "do not follow from its outcomes (stock): it was edited",
    },
    Case {
        name: "the time was edited",
        done: |folder| made_in(folder, -1),
        command: &["verify"],
        exit_code: 3,
        says: "its identifier is not that of what it says",
    },
    Case {
        name: "a key that this version does not know",
        done: |folder| edit(folder, DECISION, "\"contract\": \"revenue\"", "\"contract\": \"revenue\", \"approved\": true"),
        command: &["verify"],
        exit_code: 3,
        says: "not a decision of this version",
    },
    Case {
        name: "half of it",
        done: |folder| fs::write(folder.join(DECISION), "{").expect("written"),
        command: &["verify"],
        exit_code: 3,
        says: "PC411",
    },
    Case {
        name: "a rehearsal",
        done: |folder| drop(run(&["check", "--as-of", "2026-11-23T11:40:00+00:00"], folder)),
        command: &["verify"],
        exit_code: 3,
        says: "it is a rehearsal",
    },
    Case {
        name: "another one is newer",
        done: |folder| {
            let old = fs::read(folder.join(DECISION)).expect("a decision");
            run(&["check"], folder);
            fs::write(folder.join(DECISION), old).expect("written");
        },
        command: &["verify"],
        exit_code: 3,
        says: "the newest decision of this interval is",
    },
    Case {
        name: "without the history",
        done: |folder| fs::remove_dir_all(folder.join(".presscheck")).expect("removed"),
        command: &["verify"],
        exit_code: 3,
        says: "history is not there",
    },
    Case {
        name: "the contract is another",
        done: |folder| edit(folder, "contracts/revenue.yml", "title: Revenue", "title: All revenue"),
        command: &["verify"],
        exit_code: 3,
        says: "the contract was changed since",
    },
    Case {
        name: "the manifest is another",
        done: |folder| edit(folder, "target/manifest.json", "\"dbt_version\":", "\"dbt_version\" :"),
        command: &["verify"],
        exit_code: 3,
        says: "the manifest is another one",
    },
    Case {
        name: "a model is another",
        done: |folder| edit(folder, "models/marts/mart_weekly_operating_report.sql", "select * from final", "select * from final limit 1"),
        command: &["verify"],
        exit_code: 3,
        says: "hold other SQL than was checked",
    },
    Case {
        name: "a macro is another",
        done: |folder| {
            let built_in = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("macros/not_null.sql")).expect("a macro");
            fs::create_dir_all(folder.join("contracts/macros")).expect("a folder");
            fs::write(folder.join("contracts/macros/not_null.sql"), built_in.replace("count(*) - count(", "count(*)  - count("))
                .expect("written");
        },
        command: &["verify"],
        exit_code: 3,
        says: "other checks would be asked now",
    },
];

#[test]
fn a_decision_counts_only_as_long_as_nothing_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("bikes");
    assert_eq!(run(&["demo", "--into", "bikes", "--quiet"], folder.path()).0, Some(0));
    fs::remove_dir_all(base.join("contracts")).expect("removed");
    fs::create_dir(base.join("contracts")).expect("a folder");
    fs::write(base.join("contracts/revenue.yml"), CONTRACT).expect("written");
    let (code, said) = run(&["check"], &base);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(History::read(&base.join(".presscheck")).expect("read").expect("there").verify(), Ok(1));
    let mut wrong = String::new();
    for case in CASES {
        let elsewhere = tempfile::tempdir().expect("a folder");
        let project = elsewhere.path().join("bikes");
        copy(&base, &project);
        (case.done)(&project);
        let (code, said) = run(case.command, &project);
        if code != Some(case.exit_code) || !said.replace("\n  | ", " ").contains(case.says) {
            wrong += &format!("{}: {:?} ended with {code:?}\n{said}\n", case.name, case.command);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
