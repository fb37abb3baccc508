//! Warehouses: the suite that all pass, a file for each engine in the folder beside; here what is DuckDB's own: the boundary of its file, faults, seeds.

#[cfg(feature = "adbc")]
mod adbc;
mod duckdb;
mod process;
mod streams;
mod suite;
mod tables;

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_engine;
#[cfg(feature = "postgres")]
mod postgres_tls;
#[cfg(feature = "postgres")]
pub mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use presscheck::check::measurement::Cell;
use presscheck::check::outcome::{Fault, Reason};
use presscheck::warehouse::duckdb::{DuckDb, Options};
use presscheck::warehouse::seed::{Step, build_duckdb};
use presscheck::warehouse::{self, MAX_ROWS, Session, Warehouse};
use serde_json::json;

/// Longer than any statement takes that is not made to take long.
const LIMIT: Duration = Duration::from_secs(120);

/// A database in a folder of its own, deleted with it.
pub struct Database {
    folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl Database {
    /// Made by these statements.
    pub fn of(sql: &str) -> Database {
        let folder = process::folder();
        let path = folder.path().join("brightside.duckdb");
        build_duckdb(&path, &[Step::Sql(sql.into())]).expect("a database");
        Database { folder, path }
    }
    /// The file stays open after its folder is gone.
    pub fn open_and_keep(self) -> DuckDb {
        self.open()
    }
    pub fn open(&self) -> DuckDb {
        DuckDb::open(&self.path, &Options::default()).expect("an open database")
    }
}

fn ask(session: &mut dyn Session, sql: &str) -> Cell {
    let rows = session.query(sql, LIMIT).unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
    rows.rows[0][0].clone()
}

#[test]
fn nothing_leaves_the_file() {
    let database = Database::of("create table t (a int)");
    let outside = database.folder.path().join("outside.csv");
    fs::write(&outside, "a\n1\n").expect("a file");
    let outside = outside.to_str().expect("UTF-8");
    let mut session = database.open().session().expect("a session");
    for sql in [
        "insert into t values (1)".to_owned(),
        "create table u (a int)".to_owned(),
        "drop table t".to_owned(),
        format!("select * from '{outside}'"),
        format!("select * from read_text('{outside}')"),
        format!("copy t to '{outside}.copy'"),
        format!("attach '{outside}.duckdb' as other"),
        "install httpfs".to_owned(),
        "load httpfs".to_owned(),
        "set enable_external_access = true".to_owned(),
        "set lock_configuration = false".to_owned(),
        "reset lock_configuration".to_owned(),
        "set memory_limit = '1TB'".to_owned(),
        "commit; insert into t values (1)".to_owned(),
        "select 1; commit; begin; insert into t values (1); commit".to_owned(),
    ] {
        let answer = session.query(&sql, LIMIT);
        assert!(answer.is_err(), "{sql}: {answer:?}");
        assert_eq!(ask(session.as_mut(), "select count(*) from t"), Cell::Int(0), "the session lives on after `{sql}`");
    }
    assert_eq!(fs::read_dir(database.folder.path()).expect("the folder").count(), 2, "no file was written");
}

#[test]
fn faults_have_their_reason() {
    let database = Database::of(
        "create table t (a int, name text); insert into t values (1, 'x'); create view broken as select a from t; \
         alter table t rename column a to b; create schema finance",
    );
    let mut session = database.open().session().expect("a session");
    for (sql, reason) in [
        ("select count(*) from nowhere", Reason::MissingRelation),
        ("select count(*) from finance.nowhere", Reason::MissingRelation),
        ("select count(*) from nofinance.nowhere", Reason::MissingRelation),
        ("select count(*) from \"other\".\"main\".\"t\"", Reason::MissingRelation),
        ("select z from t", Reason::MissingColumn),
        ("select t.z from t", Reason::MissingColumn),
        ("select * from broken", Reason::MissingColumn),
        ("select nofunction(b) from t", Reason::QueryError),
        ("selec 1", Reason::QueryError),
        ("select name::int from t", Reason::QueryError),
        ("", Reason::QueryError),
    ] {
        let fault = session.query(sql, LIMIT).expect_err(sql);
        assert_eq!(fault.reason, reason, "{sql}: {}", fault.detail);
        assert!(!fault.detail.contains('\n') && !fault.detail.contains("LINE 1"), "{}", fault.detail);
    }
}

#[test]
fn sessions_work_side_by_side_and_the_snapshot_tells_changes() {
    let database = Database::of("create table t as select range as a from range(10000)");
    let open = database.open();
    let before = open.snapshot();
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut session = open.session().expect("a session");
                found.lock().expect("no panic").push(ask(session.as_mut(), "select sum(a) from \"brightside\".\"main\".\"t\""));
            });
        }
    });
    assert_eq!(found.into_inner().expect("no panic"), vec![Cell::Int(49_995_000); 4]);
    let rows = open.session().expect("a session").query("select a from t", LIMIT).expect("rows");
    assert_eq!((rows.rows.len(), rows.columns), (MAX_ROWS, vec!["a".to_owned()]));
    assert_eq!(before, open.snapshot());
    drop(open);
    let changed = Database::of("create table t as select range as a from range(10001)");
    fs::rename(&changed.path, &database.path).expect("replaced");
    assert_ne!(before, database.open().snapshot());
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let noise = folder.path().join("noise.duckdb");
    fs::write(&noise, "not a database".repeat(1000)).expect("a file");
    let cases = [
        ("mystery", json!({"host": "db"})),
        ("duckdb", json!({})),
        ("duckdb", json!({"path": ":memory:"})),
        ("duckdb", json!({"path": "md:prod"})),
        ("duckdb", json!({"path": "missing.duckdb"})),
        ("duckdb", json!({"path": "noise.duckdb"})),
        ("duckdb", json!({"path": "missing.duckdb", "attach": [{"path": "x.duckdb"}]})),
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|(kind, fields)| {
            let fault: Fault = warehouse::open(kind, fields.as_object().expect("an object"), folder.path()).err().expect("a fault");
            assert_eq!(fault.reason, Reason::Unreachable);
            format!("{kind} {fields}\n  {}", fault.detail.replace(folder.path().to_str().expect("UTF-8"), "FOLDER"))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_profile_finds_the_file_and_its_name() {
    let database = Database::of("create table t as select 7 as a");
    let odd = database.folder.path().join("bright.side.v2.duckdb");
    fs::copy(&database.path, &odd).expect("a copy");
    for (fields, sql) in [
        (json!({"path": "brightside.duckdb", "threads": 2}), "select a from \"brightside\".\"main\".\"t\""),
        (json!({"path": odd.to_str()}), "select a from \"bright.side.v2\".\"main\".\"t\""),
        (json!({"path": "brightside.duckdb", "database": "prod"}), "select a from prod.main.t"),
        (
            json!({"path": "brightside.duckdb", "settings": {"memory_limit": "200MB", "s3_region": "x"}, "extensions": ["nowhere"]}),
            "select a from t",
        ),
    ] {
        let open = warehouse::open("duckdb", fields.as_object().expect("an object"), database.folder.path()).expect("open");
        let mut session = open.session().expect("a session");
        assert_eq!(ask(session.as_mut(), sql), Cell::Int(7), "{fields}");
        let fault = session.query("create table u (a int)", LIMIT).expect_err("read-only");
        assert_eq!(fault.reason, Reason::QueryError, "{}", fault.detail);
        assert!(session.query("attach ':memory:' as m; set enable_external_access = true", LIMIT).is_err());
    }
}

#[test]
fn seeds_are_loaded_as_dbt_loads_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seeded.duckdb");
    let seed = Step::Csv {
        relation: "\"shopify\".\"orders\"".into(),
        types: vec![
            ("amount".into(), "decimal(12,2)".into()),
            ("code".into(), "varchar".into()),
            ("loaded_at".into(), "timestamptz".into()),
        ],
        text: "id,amount,code,loaded_at\n1,10.50,007,2026-11-16 09:00:00+00\n2,,,\n".into(),
    };
    build_duckdb(&path, &[Step::Sql("create schema shopify".into()), seed]).expect("a database");
    assert!(build_duckdb(&path, &[]).is_err(), "an existing file is refused");
    let rows = DuckDb::open(&path, &Options::default()).expect("open").session().expect("a session");
    let mut session = rows;
    let rows =
        session.query("select typeof(id), typeof(amount), amount, code, loaded_at from shopify.orders order by id", LIMIT).expect("rows");
    insta::assert_debug_snapshot!(rows.rows);
    let broken = folder.path().join("broken.duckdb");
    let fault = build_duckdb(&broken, &[Step::Sql("create table t as select * from nowhere".into())]).expect_err("a broken step");
    assert!(fault.detail.contains("nowhere") && !Path::new(&broken).exists(), "{}", fault.detail);
}

/// A folder with two databases and Parquet files: the project's, one beside it, and what a link leads out to.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["project/data", "elsewhere", "outside"] {
        fs::create_dir_all(folder.path().join(name)).expect("a folder");
    }
    let place = |name: &str| folder.path().join(name);
    let sql = |name: &str, rows: u32| {
        Step::Sql(format!("copy (select range as a from range({rows})) to '{}' (format parquet)", place(name).display()))
    };
    let steps = [
        sql("project/data/orders.parquet", 7),
        sql("project/data/late.parquet", 1),
        sql("elsewhere/rates.parquet", 3),
        sql("outside/secret.parquet", 5),
        Step::Sql("create table t (a int)".into()),
    ];
    build_duckdb(&place("project/shop.duckdb"), &steps).expect("a database");
    build_duckdb(&place("elsewhere/finance.duckdb"), &[Step::Sql("create table ledger as select 42 as a".into())]).expect("a database");
    #[cfg(unix)]
    std::os::unix::fs::symlink(place("outside/secret.parquet"), place("project/data/link.parquet")).expect("a link");
    folder
}

#[test]
fn attached_files_and_parquet_sources_are_read_and_nothing_else() {
    let folder = files();
    let project = folder.path().join("project");
    let before = listing(folder.path());
    let fields = json!({
        "path": "shop.duckdb", "attach": [{"path": "../elsewhere/finance.duckdb", "alias": "Finance Dept", "read_only": false}],
        "settings": {"file_search_path": "../elsewhere"}
    });
    let names = [
        "data/orders.parquet",
        "rates.parquet",
        "data/link.parquet",
        "../outside/secret.parquet",
        "data/*.parquet",
        "data/none.parquet",
        "s3://bucket/x.parquet",
        "shop.duckdb",
        "data/orders.csv",
        "data/../../outside/secret.parquet",
    ]
    .map(str::to_owned);
    let fields = fields.as_object().expect("an object");
    let open = warehouse::open_with_files("duckdb", fields, &project, &names).expect("open");
    let snapshot = open.snapshot();
    let mut session = open.session().expect("a session");
    let mut told = Vec::new();
    let secret = folder.path().join("outside/secret.parquet");
    let orders = project.join("data/orders.parquet").canonicalize().expect("a path");
    for sql in [
        "select count(*) from 'data/orders.parquet'".to_owned(),
        "select count(*) from 'rates.parquet' as r".to_owned(),
        "select a from \"Finance Dept\".main.ledger".to_owned(),
        "select count(*) from 'data/link.parquet'".to_owned(),
        "select count(*) from '../outside/secret.parquet'".to_owned(),
        "select count(*) from 'data/../../outside/secret.parquet'".to_owned(),
        "select count(*) from 'data/*.parquet'".to_owned(),
        "select count(*) from 'data/none.parquet'".to_owned(),
        "select count(*) from 's3://bucket/x.parquet'".to_owned(),
        "select count(*) from 'data/orders.csv'".to_owned(),
        "select count(*) from 'data/late.parquet'".to_owned(),
        format!("select count(*) from '{}'", secret.display()),
        format!("select count(*) from read_parquet('{}/../data/late.parquet')", project.join("data").display()),
        format!("select count(*) from read_parquet('{}/../../outside/secret.parquet')", project.display()),
        format!("select * from glob('{}/*')", project.join("data").display()),
        format!("copy (select 1) to '{}' (format parquet, use_tmp_file false)", orders.display()),
        format!("select 1; copy (select 1) to '{}' (format parquet, use_tmp_file false)", orders.display()),
        format!("select ';'; copy (select 1) to '{}' (format parquet, use_tmp_file false); select 1", orders.display()),
        format!("/* /* */ select */ copy (select 1) to '{}' (format parquet, use_tmp_file false)", orders.display()),
        format!("copy (select 1) to '{}' (format csv, use_tmp_file false)", project.join("shop.duckdb").display()),
        format!("copy (select 1) to '{}.wal' (format csv, use_tmp_file false)", project.join("shop.duckdb").display()),
        "insert into \"Finance Dept\".main.ledger values (1)".to_owned(),
        "with x as (insert into t values (1) returning a) select * from x".to_owned(),
        "select * from enable_logging(storage = 'file')".to_owned(),
        "set allowed_paths = ['/etc/passwd']".to_owned(),
        "create or replace temp view \"rates.parquet\" as select 1".to_owned(),
        "select ';' as a".to_owned(),
    ] {
        let answer = match session.query(&sql, LIMIT) {
            Ok(rows) => format!("{:?}", rows.rows),
            Err(fault) => format!("{:?}: {}", fault.reason, fault.detail),
        };
        let hidden = folder.path().canonicalize().expect("a path");
        let short =
            |text: &str| text.replace(hidden.to_str().expect("UTF-8"), "FOLDER").replace(folder.path().to_str().expect("UTF-8"), "FOLDER");
        told.push(format!("{}\n  {}", short(&sql), short(&answer)));
    }
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(before, listing(folder.path()), "no file was written");
    assert_eq!(snapshot, open.snapshot());
    drop(session);
    let again = Database::of(&format!("copy (select range as a from range(9)) to '{}' (format parquet)", orders.display()));
    assert_ne!(snapshot, open.snapshot(), "another Parquet file is another state of the data");
    drop((again, open));
    for (attach, says) in [
        (json!([{"path": "md:prod"}]), "MotherDuck"),
        (json!([{"path": "postgres:dbname=x password=s3cr3tpw", "alias": "p"}]), "begins with `postgres:`"),
        (json!([{"path": "password=s3cr3tpw", "type": "postgres"}]), "type `postgres`"),
        (json!([{"path": "x.sqlite", "options": {"type": "sqlite"}}]), "type `sqlite`"),
        (json!([{"path": "../elsewhere/finance.duckdb", "options": {"encryption_key": "s3cr3tpw"}}]), "`options` of `attach`"),
        (json!([{"path": "../elsewhere/finance.duckdb", "secret": "s3cr3tpw"}]), "`secret` of `attach`"),
        (json!([{"path": "nowhere.duckdb"}]), "correct `attach`"),
        (json!([{"path": ":memory:"}]), "in memory"),
        (json!([{"alias": "x"}]), "no `path`"),
        (json!({"path": "x"}), "not a list"),
    ] {
        let fields = json!({"path": "shop.duckdb", "attach": attach});
        let fault = warehouse::open("duckdb", fields.as_object().expect("an object"), &project).err().expect("a fault");
        assert!(fault.detail.contains(says) && !fault.detail.contains("s3cr3tpw"), "{attach}: {}", fault.detail);
    }
}

/// Every file with its length and a hash of it.
fn listing(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in folder.read_dir().expect("a folder").flatten() {
        if entry.path().is_dir() {
            files.extend(listing(&entry.path()));
        } else {
            let bytes = fs::read(entry.path()).expect("a file");
            files.push(format!("{} {} {}", entry.path().display(), bytes.len(), blake3::hash(&bytes)));
        }
    }
    files.sort();
    files
}

#[test]
fn a_statement_does_not_write_the_database_that_it_reads() {
    // DuckDB itself lets COPY write to every path that it may read.
    let database = Database::of("create table t (a int)");
    let before = listing(database.folder.path());
    let open = database.open();
    let mut session = open.session().expect("a session");
    let path = database.path.display();
    for target in [format!("{path}"), format!("{path}.wal"), format!("{path}.wal.checkpoint")] {
        for sql in [
            format!("copy (select 1) to '{target}' (format csv, use_tmp_file false)"),
            format!("select 1; copy (select 1) to '{target}' (format csv, use_tmp_file false); select 1"),
            format!("-- x\n(copy (select 1) to '{target}' (format csv, use_tmp_file false))"),
            format!("explain analyze copy (select 1) to '{target}' (format csv, use_tmp_file false)"),
        ] {
            assert!(session.query(&sql, LIMIT).is_err(), "{sql}");
        }
    }
    drop(session);
    drop(open);
    assert_eq!(before, listing(database.folder.path()));
}

const BEING_WRITTEN: &str = "PRESSCHECK_TEST_BEING_WRITTEN";

#[test]
fn a_file_that_is_being_written_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("busy.duckdb");
    let mut writer = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "warehouse::the_other_process_that_writes", "--ignored"])
        .env(BEING_WRITTEN, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a second process");
    let start = Instant::now();
    let mut detail = String::new();
    while start.elapsed() < Duration::from_secs(20) && !detail.contains("is being written by another program") {
        thread::sleep(Duration::from_millis(20));
        detail = DuckDb::open(&path, &Options::default()).err().map(|fault| fault.detail).unwrap_or_default();
    }
    writer.kill().and_then(|()| writer.wait()).expect("the end of the writer");
    assert!(detail.contains("is being written by another program"), "{detail}");
}

#[test]
#[ignore = "started by the test above"]
fn the_other_process_that_writes() {
    let path = std::env::var_os(BEING_WRITTEN).expect("a path");
    let long = Step::Sql("select count(*) from range(3000000) a, range(3000000) b where a.range * b.range % 7 = 3".into());
    build_duckdb(Path::new(&path), &[long]).expect_err("killed before its end");
}

#[test]
fn the_sample_project_is_built_from_its_manifest_without_dbt() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_project");
    let manifest = fs::read(sample.join("artifacts/manifest.json")).expect("the manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let nodes = manifest["nodes"].as_object().expect("nodes");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut steps: Vec<Step> = nodes
        .values()
        .filter(|node| node["relation_name"].is_string())
        .map(|node| Step::Sql(format!("create schema if not exists \"{}\"", text(&node["schema"]))))
        .collect();
    let mut made: Vec<&str> = Vec::new();
    let wanted = |id: &str| ["seed.", "model."].iter().any(|sort| id.starts_with(sort));
    while let Some((id, node)) = nodes.iter().find(|(id, node)| {
        let parents = node["depends_on"]["nodes"].as_array();
        let ready =
            parents.is_none_or(|parents| parents.iter().filter_map(|p| p.as_str()).all(|p| !nodes.contains_key(p) || made.contains(&p)));
        // The sources are the seeds, so that these go first.
        let seeded = id.starts_with("seed.") || nodes.keys().filter(|id| id.starts_with("seed.")).all(|seed| made.contains(&seed.as_str()));
        wanted(id) && !made.contains(&id.as_str()) && ready && seeded
    }) {
        made.push(id);
        let relation = text(&node["relation_name"]);
        if id.starts_with("seed.") {
            let types = node["config"]["column_types"].as_object().into_iter().flatten().map(|(name, kind)| (name.clone(), text(kind)));
            let csv = fs::read_to_string(sample.join(text(&node["original_file_path"]))).expect("a seed");
            steps.push(Step::Csv { relation, types: types.collect(), text: csv });
        } else if node["config"]["materialized"] != "ephemeral" {
            let sort = if node["config"]["materialized"] == "table" { "table" } else { "view" };
            steps.push(Step::Sql(format!("create {sort} {relation} as {}", text(&node["compiled_code"]))));
        }
    }
    assert_eq!(made.len(), nodes.keys().filter(|id| wanted(id)).count(), "every model has its parents");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("brightside.duckdb");
    build_duckdb(&path, &steps).unwrap_or_else(|fault| panic!("{}", fault.detail));
    let fields = json!({"path": "brightside.duckdb", "threads": 2});
    let open = warehouse::open("duckdb", fields.as_object().expect("an object"), folder.path()).expect("open");
    let mut session = open.session().expect("a session");
    let Cell::Int(rows) = ask(session.as_mut(), "select count(*) from brightside.marts.mart_weekly_operating_report") else {
        panic!("a count");
    };
    assert!(rows > 0);
}
