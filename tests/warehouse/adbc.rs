//! The suite on engines that are reached through ADBC, each a real one; and what is ADBC's own: profiles, drivers, secrets.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use adbc_core::options::{AdbcVersion, OptionDatabase};
use adbc_core::{Connection as _, Database as _, Driver as _, Statement as _};
use adbc_driver_manager::ManagedDriver;
use presscheck::check::measurement::Cell;
use presscheck::check::outcome::Reason;
use presscheck::warehouse::Warehouse;
use presscheck::warehouse::adbc::{Adbc, Drivers};
use serde_json::{Value, json};

use super::process::{self, Proxy, environment, free_port, serve};
use super::suite::{Engine, suite};
use super::tables::{Table, tables};

suite!(sqlite, crate::warehouse::adbc::sqlite_engine);
suite!(sail, crate::warehouse::adbc::sail_engine);
suite!(spark, crate::warehouse::adbc::spark_engine, #[ignore = "a cluster of three JVMs: tests/run starts it"]);

/// The folder with the drivers of `tests/venvs/adbc.txt`.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let lib = environment("adbc").join("lib");
        let python = std::fs::read_dir(lib).expect("an environment").next().expect("a Python").expect("a folder").path();
        python.join("site-packages")
    })
}

fn drivers() -> Drivers {
    Drivers { folders: vec![packages().to_owned()] }
}

fn open(kind: &str, fields: &Value, folder: &Path) -> Adbc {
    let fields = fields.as_object().expect("an object");
    Adbc::with_drivers(kind, fields, folder, &drivers()).unwrap_or_else(|fault| panic!("{}", fault.detail))
}

/// Runs statements on a connection of the tests' own, which may write.
fn run(driver: &str, uri: &str, statements: &[String]) -> Result<(), String> {
    let library = packages().join(driver).join(format!("lib{driver}.so"));
    let told = |error: adbc_core::error::Error| error.message;
    let mut driver = ManagedDriver::load_dynamic_from_filename(library, None, AdbcVersion::V110).map_err(told)?;
    let database = driver.new_database_with_opts([(OptionDatabase::Uri, uri.into())]).map_err(told)?;
    let mut connection = database.new_connection().map_err(told)?;
    for sql in statements {
        let mut statement = connection.new_statement().map_err(told)?;
        statement.set_sql_query(sql).map_err(told)?;
        statement.execute_update().map_err(|error| format!("{sql}: {}", error.message))?;
    }
    Ok(())
}

struct OnSqlite {
    folder: tempfile::TempDir,
}

pub fn sqlite_engine() -> &'static dyn Engine {
    static ENGINE: OnceLock<OnSqlite> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let engine = OnSqlite { folder: process::folder() };
        let kind = |kind: &str| match kind {
            "int" => "integer".to_owned(),
            "text" | "time" => "text".to_owned(),
            _ => "real".to_owned(),
        };
        let query = |table: &Table| table.query(&kind, &|_| "9e999".to_owned(), &|name| format!("\"{name}\""));
        let make = |table: &Table| format!("create table {} as {}", table.name, query(table));
        let mut statements: Vec<String> = tables().iter().map(make).collect();
        statements
            .push("insert into many with recursive c(x) as (select 0 union all select x + 1 from c where x < 1499) select x from c".into());
        engine.write(&statements);
        engine
    })
}

impl OnSqlite {
    fn write(&self, statements: &[String]) {
        let path = self.folder.path().join("brightside.db");
        run("adbc_driver_sqlite", path.to_str().expect("UTF-8"), statements).expect("tables");
    }
}

impl Engine for OnSqlite {
    fn name(&self) -> &str {
        "sqlite"
    }
    /// It has no regular expressions.
    fn cannot(&self) -> &[&str] {
        &["matches"]
    }
    fn open(&self) -> Box<dyn Warehouse> {
        let fields = json!({"type": "sqlite", "threads": 1, "database": "db", "schema": "main", "schemas_and_paths": {"main": "brightside.db"},
            "schema_directory": "."});
        Box::new(open("sqlite", &fields, self.folder.path()))
    }
    fn relation(&self, table: &Table) -> String {
        format!("\"main\".\"{}\"", table.name)
    }
    fn values(&self) -> &str {
        include_str!("sqlite_values.txt")
    }
    fn long(&self) -> String {
        "with recursive c(x) as (select 1 union all select x + 1 from c where x < 1000000000) select count(*) from c".into()
    }
    fn cut(&self) -> Option<super::suite::Cut> {
        None
    }
    fn change(&self) -> Option<()> {
        self.write(&["create table if not exists changed (a)".into(), "insert into changed values (1)".into()]);
        Some(())
    }
}

/// A server that speaks Spark Connect; the tables are Parquet files, which every session of it can name.
struct OnSpark {
    name: &'static str,
    values: &'static str,
    port: u16,
    folder: tempfile::TempDir,
}

pub fn sail_engine() -> &'static dyn Engine {
    static ENGINE: OnceLock<OnSpark> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let port = free_port();
        let mut server = Command::new(environment("adbc").join("bin/sail"));
        server.args(["spark", "server", "--port", &port.to_string()]).env("TZ", "UTC");
        serve(&server);
        OnSpark::with_tables("sail", include_str!("sail_values.txt"), port, process::folder())
    })
}

/// A driver and two executors, each a process of its own.
pub fn spark_engine() -> &'static dyn Engine {
    static ENGINE: OnceLock<OnSpark> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let (port, folder) = (free_port(), process::folder());
        let python = std::fs::read_dir(environment("spark").join("lib")).expect("an environment").next().expect("a Python");
        let home = python.expect("a folder").path().join("site-packages/pyspark");
        let work = folder.path().to_str().expect("UTF-8");
        let mut server = Command::new(home.join("bin/spark-submit"));
        server.env("SPARK_HOME", &home).env("TZ", "UTC").env("SPARK_LOCAL_IP", "127.0.0.1").env("SPARK_NO_DAEMONIZE", "1");
        for (name, below) in
            [("SPARK_LOG_DIR", "logs"), ("SPARK_PID_DIR", "pids"), ("SPARK_WORKER_DIR", "work"), ("SPARK_LOCAL_DIRS", "local")]
        {
            server.env(name, folder.path().join(below));
        }
        server.args(["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--name", "presscheck-tests"]);
        server.args(["--master", "local-cluster[2,1,1024]", "--driver-memory", "1g"]);
        for setting in [
            "spark.executor.memory=1g".to_owned(),
            "spark.driver.bindAddress=127.0.0.1".to_owned(),
            "spark.driver.host=127.0.0.1".to_owned(),
            "spark.connect.grpc.binding.address=127.0.0.1".to_owned(),
            format!("spark.connect.grpc.binding.port={port}"),
            "spark.ui.enabled=false".to_owned(),
            "spark.sql.shuffle.partitions=1".to_owned(),
            format!("spark.sql.warehouse.dir={work}/warehouse"),
        ] {
            server.args(["--conf", &setting]);
        }
        server.arg("spark-internal");
        serve(&server);
        OnSpark::with_tables("spark", include_str!("spark_values.txt"), port, folder)
    })
}

impl OnSpark {
    fn with_tables(name: &'static str, values: &'static str, port: u16, folder: tempfile::TempDir) -> OnSpark {
        let engine = OnSpark { name, values, port, folder };
        let begun = Instant::now();
        while let Err(told) = run("adbc_driver_spark", &engine.uri(port), &["select 1".into()]) {
            assert!(begun.elapsed() < Duration::from_secs(150), "{name} does not answer: {told}");
            thread::sleep(Duration::from_millis(200));
        }
        let kind = |kind: &str| match kind {
            "text" => "string".to_owned(),
            "time" => "timestamp".to_owned(),
            other => other.to_owned(),
        };
        let query = |table: &Table| match table.name {
            "many" => "select cast(id as int) as a from range(1500)".to_owned(),
            _ => table.query(&kind, &|number| format!("'{number}'"), &|name| format!("`{name}`")).replace(" where 1 = 0", ""),
        };
        let make = |table: &Table| format!("insert overwrite directory '{}' using parquet {}", engine.path(table), query(table));
        run("adbc_driver_spark", &engine.uri(port), &tables().iter().map(make).collect::<Vec<_>>()).expect("tables");
        engine
    }

    fn uri(&self, port: u16) -> String {
        format!("sc://127.0.0.1:{port}")
    }

    fn path(&self, table: &Table) -> String {
        format!("{}/tables/{}", self.folder.path().display(), table.name)
    }

    fn open_at(&self, port: u16) -> Box<dyn Warehouse> {
        let fields = json!({"type": "spark", "method": "session", "schema": "default", "host": "NA", "threads": 2,
            "server_side_parameters": {"spark.remote": self.uri(port)}});
        Box::new(open("spark", &fields, Path::new("/")))
    }
}

impl Engine for OnSpark {
    fn name(&self) -> &str {
        self.name
    }
    fn open(&self) -> Box<dyn Warehouse> {
        self.open_at(self.port)
    }
    /// Sail knows the columns of a folder by its files, and writes none where there are no rows.
    fn relation(&self, table: &Table) -> String {
        let files = format!("parquet.`{}`", self.path(table));
        if table.rows.is_empty() && table.name != "many" { format!("(select * from {files} where 1 = 0)") } else { files }
    }
    /// A cluster plans for seconds at first. Spark runs to its end what is stopped between its plan and its first task.
    fn runs_after(&self) -> Duration {
        Duration::from_secs(if self.name == "spark" { 6 } else { 1 })
    }
    /// Sail 0.7.2 does not find the type of a column that is NULL in one branch of a UNION.
    fn values(&self) -> &str {
        self.values
    }
    fn long(&self) -> String {
        "select count(*) from range(1000000000000) as a where a.id * 3 % 7 = 3 and a.id * 5 % 11 = 4".into()
    }
    fn cut(&self) -> Option<super::suite::Cut> {
        let proxy = Proxy::before(self.port);
        let warehouse = self.open_at(proxy.port);
        Some((warehouse, Box::new(move || proxy.cut())))
    }
    fn change(&self) -> Option<()> {
        None
    }
}

/// Targets of each type, and what becomes of them without any driver.
const TARGETS: &str = include_str!("targets.yml");

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    target: serde_json::Map<String, Value>,
}

fn targets() -> Vec<Case> {
    yaml_serde::from_str(TARGETS).expect("YAML")
}

#[test]
fn what_a_target_asks_for_is_obeyed_or_refused() {
    let nothing = Drivers { folders: Vec::new() };
    let told: Vec<String> = targets()
        .into_iter()
        .map(|case| {
            let kind = case.target["type"].as_str().expect("a type");
            let fault = Adbc::with_drivers(kind, &case.target, Path::new("/nowhere"), &nothing).err().expect("a fault");
            assert_eq!(fault.reason, Reason::Unreachable);
            assert!(!fault.detail.contains("hush"), "{}", fault.detail);
            format!("{}\n  {}", case.name, fault.detail)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Drivers refuse options that they do not know, so one that connects in vain has understood them all.
#[test]
fn drivers_know_the_options_that_they_are_given() {
    let mut told = Vec::new();
    for case in targets() {
        let kind = case.target["type"].as_str().expect("a type");
        let Ok(warehouse) = Adbc::with_drivers(kind, &case.target, Path::new("/nowhere"), &drivers()) else { continue };
        let fault = warehouse.session().and_then(|mut session| session.query("select 1", super::LIMIT)).expect_err("nobody listens");
        assert!(!fault.detail.contains("hush"), "{}", fault.detail);
        assert!(!fault.detail.to_lowercase().contains("option"), "{}: {}", case.name, fault.detail);
        told.push(format!("{}: {:?}", case.name, fault.reason));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_project_cannot_bring_its_own_driver() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = packages().join("adbc_driver_sqlite/libadbc_driver_sqlite.so");
    std::fs::copy(&library, folder.path().join("libadbc_driver_own.so")).expect("a copy");
    std::fs::write(folder.path().join("data.db"), "").expect("a file");
    let path = folder.path().join("libadbc_driver_own.so");
    let relative = Drivers { folders: vec![PathBuf::from("."), PathBuf::new()] };
    for name in [json!("adbc_driver_own"), json!("./adbc_driver_own"), json!(path), json!("libadbc_driver_own.so"), json!(["x"]), json!("")]
    {
        let fields = json!({"type": "sqlite", "schemas_and_paths": {"main": "data.db"}, "adbc_driver": name});
        let opened = Adbc::with_drivers("sqlite", fields.as_object().expect("an object"), folder.path(), &relative);
        assert_eq!(opened.err().expect("a fault").reason, Reason::Unreachable, "{name}");
    }
    // The user's own folders may hold it: by name, and by a manifest.
    let own = Drivers { folders: vec![folder.path().to_owned()] };
    let manifest = format!("[Driver]\nshared = {:?}\n", library.to_str().expect("UTF-8"));
    std::fs::write(folder.path().join("mine.toml"), manifest).expect("a manifest");
    for name in ["adbc_driver_own", "mine"] {
        let fields = json!({"type": "sqlite", "schemas_and_paths": {"main": "data.db"}, "adbc_driver": name});
        let opened = Adbc::with_drivers("sqlite", fields.as_object().expect("an object"), folder.path(), &own);
        let opened = opened.unwrap_or_else(|fault| panic!("{name}: {}", fault.detail));
        assert!(opened.session().is_ok(), "{name}");
    }
}

#[test]
fn further_sqlite_files_are_attached_read_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    run("adbc_driver_sqlite", &path("it's main.db"), &["create table t as select 1 as a".into()]).expect("a table");
    run("adbc_driver_sqlite", &path("raw%20.db"), &["create table t as select 2 as a".into()]).expect("a table");
    let fields = json!({"type": "sqlite", "schema": "main", "schemas_and_paths": {"main": "it's main.db", "raw": path("raw%20.db")}});
    let mut session = open("sqlite", &fields, folder.path()).session().expect("a session");
    let rows = session.query("select m.a, r.a from main.t as m, raw.t as r", super::LIMIT).expect("rows");
    assert_eq!(rows.rows, [[Cell::Int(1), Cell::Int(2)]]);
    let before = std::fs::read_dir(folder.path()).expect("the folder").count();
    for sql in ["with x as (select 1) insert into raw.t select * from x", "with x as (select 1) insert into t select * from x"] {
        assert!(session.query(sql, super::LIMIT).is_err(), "{sql}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), before);
}
