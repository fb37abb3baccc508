//! `doctor`, `grants` and budgets through the program, on real DuckDB files: what is wrong is said with its remedy, and no secret is.

mod files;
#[cfg(feature = "postgres")]
mod postgres;

use std::fs;
use std::path::Path;
use std::process::Command;

use presscheck::warehouse::seed::{Step, build_duckdb};
use serde_json::Value;

pub const AS_OF: &str = "2026-11-23T11:40:00+00:00";
/// Must never be shown; some of its characters have another form in JSON.
pub const SECRET: &str = "s3cr3t\"pw\\";

/// The sample project, built.
pub fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "bikes"], folder.path());
    folder
}

pub fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .args(arguments)
        .current_dir(folder)
        .env("DBT_ENV_SECRET_PC", SECRET)
        .output()
        .expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

pub fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).expect("a text file");
    assert!(text.contains(from), "{file} holds {from}");
    fs::write(path, text.replace(from, to)).expect("written");
}

/// Without what differs from machine to machine and day to day.
fn plain(text: &str) -> String {
    let kept = text.lines().map(|line| {
        let name = line.split_whitespace().next().unwrap_or_default();
        if ["manifest", "catalog", "clock"].contains(&name) { format!("{name} ...") } else { line.to_owned() }
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// What a user did, the exit code, and words that must be said.
struct Case {
    name: &'static str,
    done: fn(&Path),
    exit_code: i32,
    says: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case { name: "nothing is wrong", done: |_| {}, exit_code: 0, says: &["DuckDB 2.0.0", "Nothing", "may write", "0 of"] },
    Case {
        name: "the warehouse is gone, and the rest is still looked at",
        done: |folder| {
            fs::remove_file(folder.join("brightside.duckdb")).expect("removed");
            edit(folder, "models/staging/stg_orders.sql", "select", "select distinct");
        },
        exit_code: 3,
        says: &["PC431", "there is no DuckDB database", "PC430", "older than the SQL of stg_orders", "dbt debug"],
    },
    Case {
        name: "a relation is missing",
        done: |folder| {
            let path = folder.join("brightside.duckdb");
            fs::remove_file(&path).expect("removed");
            build_duckdb(&path, &[Step::Sql("create table nothing (a int)".into())]).expect("a database");
        },
        exit_code: 3,
        says: &["PC433", "is not in the warehouse", "dbt build", "0 of"],
    },
    Case {
        name: "the profile wants a variable, beside a secret",
        done: |folder| {
            edit(
                folder,
                "profiles.yml",
                "path: brightside.duckdb",
                "path: \"{{ env_var('PC_UNSET') }}\"\n      password: \"{{ env_var('DBT_ENV_SECRET_PC') }}\"",
            );
        },
        exit_code: 2,
        says: &["PC_UNSET", "PC322", "contracts"],
    },
    Case {
        name: "a secret in what the engine says",
        done: |folder| {
            edit(folder, "profiles.yml", "path: brightside.duckdb", "path: \"{{ env_var('DBT_ENV_SECRET_PC') }}.duckdb\"");
        },
        exit_code: 3,
        says: &["***", "PC431"],
    },
    Case {
        name: "a contract with a typo",
        done: |folder| edit(folder, "contracts/weekly_operating_report.yml", "hold_if: \"> 10\"", "hold_fi: \"> 10\""),
        exit_code: 2,
        says: &["hold_fi", "DuckDB 2.0.0", "weekly_operating_report.yml:"],
    },
    Case {
        name: "no manifest",
        done: |folder| fs::remove_file(folder.join("target/manifest.json")).expect("removed"),
        exit_code: 3,
        says: &["dbt compile", "DuckDB 2.0.0"],
    },
    Case {
        name: "artifacts of another engine",
        done: |folder| edit(folder, "target/manifest.json", "\"adapter_type\": \"duckdb\"", "\"adapter_type\": \"snowflake\""),
        exit_code: 0,
        says: &["PC437", "snowflake"],
    },
];

#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    let sample = sample();
    let mut wrong = String::new();
    for case in CASES {
        for format in ["terminal", "json"] {
            let folder = tempfile::tempdir().expect("a folder");
            copy(&sample.path().join("bikes"), folder.path());
            (case.done)(folder.path());
            let (code, text) = run(&["doctor", "--format", format], folder.path());
            let said = if format == "json" { unescaped(&text) } else { text.clone() };
            let unsaid: Vec<&&str> = case.says.iter().filter(|words| format == "terminal" && !said.contains(**words)).collect();
            if code != Some(case.exit_code) || !unsaid.is_empty() || said.contains("panicked") || said.contains("s3cr3t") {
                wrong += &format!("{} ({format}): ended with {code:?}, did not say {unsaid:?}:\n{text}\n", case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// All texts of a JSON document; it must be one.
fn unescaped(text: &str) -> String {
    let read: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(read["format"], 1);
    fn texts(value: &Value, out: &mut String) {
        match value {
            Value::String(text) => out.push_str(text),
            Value::Array(all) => all.iter().for_each(|value| texts(value, out)),
            Value::Object(all) => all.values().for_each(|value| texts(value, out)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        out.push('\n');
    }
    let mut out = String::new();
    texts(&read, &mut out);
    out
}

#[test]
fn the_sample_is_told_whole() {
    let sample = sample();
    let (code, text) = run(&["doctor"], &sample.path().join("bikes"));
    insta::assert_snapshot!(format!("exit code {code:?}\n{}", plain(&text)));
}

#[test]
fn grants_are_printed_for_every_engine() {
    let sample = sample();
    let bikes = sample.path().join("bikes");
    let told = ["postgres", "snowflake", "bigquery", "redshift", "databricks", "duckdb"].map(|engine| {
        let role = if engine == "bigquery" { "serviceAccount:press@check.iam.gserviceaccount.com" } else { "Press \"o\"" };
        let (code, text) = run(&["grants", "--for", engine, "--role", role, "--quiet"], &bikes);
        assert_eq!(code, Some(0), "{text}");
        // The first relations say how all are written.
        let short: Vec<&str> = text.lines().take(16).chain(text.lines().rev().take(3).collect::<Vec<_>>().into_iter().rev()).collect();
        format!("== {engine}\n{}", short.join("\n"))
    });
    insta::assert_snapshot!(told.join("\n"));
    for (engine, role, says) in [
        ("postgres", "public", "everybody"),
        ("snowflake", "\"public\"", "everybody"),
        ("bigquery", "press", "serviceAccount:"),
        ("bigquery", "user:a\"b", "serviceAccount:"),
        ("postgres", "a\nb", "no name"),
    ] {
        let (code, text) = run(&["grants", "--for", engine, "--role", role], &bikes);
        assert!(code == Some(2) && text.contains(says), "{engine} {role}: {code:?} {text}");
    }
}

#[test]
fn names_stay_names_in_grants() {
    use presscheck::plan::grants::{self, Engine, Wanted};
    use presscheck::plan::reads::{ReadRelation, Sort};
    let relation =
        |rendered: &str| ReadRelation { rendered: rendered.into(), name: "odd\n; drop table x".into(), sort: Sort::Unknown, id: None };
    let relations = [
        relation("\"Shop\".\"od\"\"d; --\".\"T\""),
        relation("shop.Sales.orders"),
        relation("'data/x.parquet'"),
        relation("\"a\".\"b`c\\\".\"new\nline\""),
        relation("lonely"),
        relation("a.b.c.d"),
        relation("\"unclosed"),
    ];
    let below = [ReadRelation { sort: Sort::Table, ..relation("a.b.below") }];
    let unsure = ["check\n; drop".to_owned()];
    let told = [Engine::Postgres, Engine::Snowflake, Engine::Bigquery, Engine::Redshift, Engine::Databricks].map(|engine| {
        let role = if engine == Engine::Bigquery { "user:a@b.c" } else { "Reader" };
        let wanted = Wanted {
            role,
            adapter: engine.adapter(),
            contracts: vec!["a\nb"],
            relations: &relations,
            below_views: &below,
            unsure: &unsure,
            written: &[],
            writes: false,
        };
        let sql = grants::sql(engine, &wanted).expect("grants");
        format!("== {}\n{sql}", engine.adapter())
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_plan_says_what_it_would_read_and_a_budget_keeps_it_from_being_sent() {
    let sample = sample();
    let bikes = sample.path().join("bikes");
    let (code, text) = run(&["plan", "--estimate", "--as-of", AS_OF], &bikes);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(" rows, ") && !text.contains("cannot be estimated"), "{text}");
    let (_, text) = run(&["plan", "--estimate", "--format", "json", "--as-of", AS_OF, "--quiet"], &bikes);
    let plans: Value = serde_json::from_str(&text).expect("JSON");
    let statements = plans["plans"][0]["statements"].as_array().expect("statements");
    assert!(statements.iter().all(|one| one["estimate"]["rows"].as_u64().is_some()), "{text}");
    let largest = statements.iter().filter_map(|one| one["estimate"]["rows"].as_u64()).max().expect("statements");
    assert!(largest > 100, "{largest}");

    let settings = bikes.join("presscheck.yml");
    // What nobody can have: every statement is beyond it.
    fs::write(&settings, "budget: {max_rows: 0}\n").expect("written");
    let (code, text) = run(&["check", "--format", "json", "--as-of", AS_OF, "--quiet"], &bikes);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("budget_exceeded") && text.contains("budget.max_rows"), "{text}");
    // Some are within it, and their checks end as ever.
    fs::write(&settings, format!("budget: {{max_rows: {}, max_bytes: 2GB}}\n", largest - 1)).expect("written");
    let (code, text) = run(&["plan", "--estimate", "--as-of", AS_OF], &bikes);
    assert!(code == Some(0) && text.contains("not sent: it would read about"), "{text}");
    let (_, text) = run(&["check", "--format", "json", "--as-of", AS_OF, "--quiet"], &bikes);
    assert!(text.contains("budget_exceeded") && text.contains("\"pass\""), "{text}");
    // All are, and the decision is the one without a budget.
    fs::write(&settings, "budget: {max_rows: 1000000, max_bytes: 1GiB}\n").expect("written");
    let (code, text) = run(&["check", "--as-of", AS_OF], &bikes);
    assert!(code == Some(1) && text.contains("SKU cost mapping failed for 14 products"), "{text}");
    for (written, says) in [("budget: {max_bytes: lots}", "number of bytes"), ("budget: {max_seconds: 3}", "max_seconds")] {
        fs::write(&settings, format!("{written}\n")).expect("written");
        let (code, text) = run(&["check", "--as-of", AS_OF], &bikes);
        assert!(code == Some(2) && text.contains(says), "{text}");
    }
}

#[test]
fn an_estimate_of_nothing_is_unknown_and_not_zero() {
    use presscheck::warehouse::Warehouse;
    let database = crate::warehouse::Database::of(
        "create table t as select range as a, 'x' || range as b from range(50000); create view v as select * from t where a > 5; \
         create table u as select 1 as a; create view w as select * from range(10) r, t",
    );
    let open = database.open();
    let mut session = open.session().expect("a session");
    let told: Vec<String> = [
        "select count(*) from t where b like '%1%'",
        "select count(*), sum(a) from v",
        "select count(b) from t join u using (a)",
        "select (select max(b) from t), count(b) from t",
        "select count(b) from w",
        "select * from duckdb_settings()",
        "select 1",
        "values (1)",
        "select count(b) from t where b <> ';'",
        "select 1; select count(b) from t",
        "copy t to 'x'",
        "explain select 1",
    ]
    .iter()
    .map(|sql| {
        let estimate = session.estimate(sql, std::time::Duration::from_secs(20)).expect(sql);
        format!(
            "{sql}: rows {:?}, bytes {}",
            estimate.rows,
            if estimate.bytes.is_some_and(|bytes| bytes > 0) { "some".into() } else { format!("{:?}", estimate.bytes) }
        )
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let fault = session.estimate("select nocolumn from t", std::time::Duration::from_secs(20)).expect_err("no such column");
    assert_eq!(fault.reason, presscheck::check::outcome::Reason::MissingColumn);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in from.read_dir().expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
