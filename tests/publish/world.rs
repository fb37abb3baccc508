//! A small project whose week has ended, in a DuckDB file and in a PostgreSQL database: two shops, three metrics.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::commands::run;
#[cfg(feature = "postgres")]
use crate::warehouse::server::{self, Server};

pub const CONTRACT: &str = "\
version: 1
contract: report
title: Weekly report
owners: {technical: {team: Analytics}}
schedule: {interval: week, starts: monday, timezone: UTC}
metrics:
  revenue: {title: Revenue, column: report.revenue}
  margin: {title: Margin, column: report.margin, when_held: last_safe}
  share: {title: Share, column: report.share}
checks:
  - not_null: {name: revenue_there, title: Revenue, column: report.revenue}
  - not_null: {name: margin_there, title: Margins, unit: shops, column: report.margin}
  - not_null: {name: share_there, title: Shares, column: report.share}
publish:
  snapshot: {relation: reporting.certified, date: week_start, grain: [week_start, shop]}
  status: {relation: reporting.status}
";
const SQL: &str = "select week_start, shop, revenue, margin, share from raw.weekly";

/// An engine with the project's data.
pub struct World {
    folder: tempfile::TempDir,
    #[cfg(feature = "postgres")]
    server: Option<(&'static Server, String)>,
}

/// The same project on every engine.
pub fn worlds() -> Vec<World> {
    let mut worlds = vec![World::duckdb()];
    #[cfg(feature = "postgres")]
    worlds.push(World::postgres());
    worlds
}

impl World {
    fn duckdb() -> World {
        let world = World {
            folder: tempfile::tempdir().unwrap(),
            #[cfg(feature = "postgres")]
            server: None,
        };
        world.project("duckdb", "shop", "type: duckdb, path: shop.duckdb");
        world.data();
        world
    }

    #[cfg(feature = "postgres")]
    pub fn postgres() -> World {
        let server = server::shared();
        let database = server.database("select 1");
        let world = World { folder: tempfile::tempdir().unwrap(), server: Some((server, database.clone())) };
        let place = format!("host: 127.0.0.1, port: {}, user: presscheck, password: '-'", server.port);
        world.project("postgres", &database, &format!("type: postgres, {place}, dbname: {database}, schema: public"));
        world.data();
        world
    }

    fn data(&self) {
        let day = self.monday();
        self.sql(
            "create schema raw; create schema marts; create table raw.weekly \
             (week_start date, shop varchar(20), revenue decimal(18,2), margin decimal(18,2), share double precision)",
        );
        let rows = format!("(date '{day}', 'north', 120.50, 40.25, 1.0 / 3), (date '{day}', 'south', 80.10, 20.05, 0.25)");
        let earlier = format!("(date '{day}' - 7, 'north', 1.00, 1.00, 0.5), (date '{day}' + 7, 'north', 2.00, 2.00, 0.5)");
        self.sql(&format!("insert into raw.weekly values {rows}, {earlier}; create table marts.report as {SQL}"));
    }

    /// What dbt would have written.
    fn project(&self, adapter: &str, database: &str, target: &str) {
        let write = |path: &str, text: &str| {
            let path = self.folder().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let name = |schema: &str, table: &str| format!("\"{database}\".\"{schema}\".\"{table}\"");
        let column = |name: &str| (name.to_owned(), json!({ "name": name }));
        let columns: serde_json::Map<String, serde_json::Value> =
            ["week_start", "shop", "revenue", "margin", "share"].map(column).into_iter().collect();
        let common = |id: &str, sort: &str, name: &str| {
            json!({ "unique_id": id, "resource_type": sort, "name": name, "package_name": "shop", "fqn": ["shop", name], "tags": [], "meta": {},
                    "database": database, "columns": columns, "config": { "materialized": "table" } })
        };
        let merged = |mut one: serde_json::Value, more: serde_json::Value| {
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            one
        };
        let model = merged(
            common("model.shop.report", "model", "report"),
            json!({ "schema": "marts", "alias": "report", "relation_name": name("marts", "report"), "raw_code": SQL, "compiled": true,
                    "compiled_code": SQL.replace("raw.weekly", &name("raw", "weekly")), "language": "sql", "path": "report.sql",
                    "original_file_path": "models/report.sql", "depends_on": { "nodes": ["source.shop.raw.weekly"], "macros": [] },
                    "checksum": { "name": "none", "checksum": "" } }),
        );
        let source = merged(
            common("source.shop.raw.weekly", "source", "weekly"),
            json!({ "schema": "raw", "identifier": "weekly", "source_name": "raw", "relation_name": name("raw", "weekly"), "path": "models/s.yml",
                    "original_file_path": "models/s.yml", "freshness": null, "loader": "", "source_description": "", "source_meta": {} }),
        );
        let manifest = json!({
            "metadata": { "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.6", "project_name": "shop",
                          "generated_at": "2026-01-01T00:00:00Z", "adapter_type": adapter },
            "nodes": { "model.shop.report": model }, "sources": { "source.shop.raw.weekly": source }, "macros": {}, "docs": {}, "exposures": {},
            "metrics": {}, "groups": {}, "selectors": {}, "disabled": {}, "parent_map": {}, "child_map": {}, "semantic_models": {}
        });
        write("target/manifest.json", &manifest.to_string());
        write("models/report.sql", SQL);
        write("dbt_project.yml", "name: shop\nprofile: shop\nversion: '1'\n");
        write("profiles.yml", &format!("shop: {{target: dev, outputs: {{dev: {{{target}}}}}}}\n"));
        write("contracts/report.yml", CONTRACT);
    }

    pub fn name(&self) -> &'static str {
        #[cfg(feature = "postgres")]
        if self.server.is_some() {
            return "postgres";
        }
        "duckdb"
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// First day of the week that has ended.
    pub fn monday(&self) -> String {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let since = i64::from(today.weekday().to_monday_zero_offset());
        today.checked_sub(jiff::Span::new().days(since + 7)).unwrap().to_string()
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let arguments = [arguments, &["--profiles-dir", "."]].concat();
        let (code, said) = run(&arguments, self.folder());
        (code.unwrap_or(-1), said)
    }

    /// The same, with nothing but standard output.
    pub fn out(&self, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_presscheck")).args(arguments).current_dir(self.folder()).output().unwrap();
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[cfg(feature = "postgres")]
    pub fn database(&self) -> String {
        self.server.as_ref().map(|(_, database)| database.clone()).unwrap()
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let arguments = [arguments, &["--profiles-dir", "."]].concat();
        let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
        command.args(arguments).current_dir(self.folder()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command, and kills it after so many milliseconds.
    pub fn killed(&self, arguments: &[&str], after: u64) {
        let mut child = self.start(arguments);
        std::thread::sleep(Duration::from_millis(after));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn sql(&self, sql: &str) {
        #[cfg(feature = "postgres")]
        if let Some((server, database)) = &self.server {
            server.run(database, sql);
            return;
        }
        duckdb::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The rows of a query, cells as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        #[cfg(feature = "postgres")]
        if let Some((server, database)) = &self.server {
            let printed = server.run(database, sql);
            let cells = |line: &str| line.split('|').map(|cell| if cell.is_empty() { "-".to_owned() } else { cell.to_owned() }).collect();
            return printed.lines().map(cells).collect();
        }
        let connection = duckdb::Connection::open(self.file()).unwrap();
        let mut statement = connection.prepare(&format!("select columns(*)::varchar from ({sql})")).unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut all = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let width = row.as_ref().column_count();
            let cell = |at: usize| row.get::<_, Option<String>>(at).unwrap().filter(|text| !text.is_empty()).unwrap_or_else(|| "-".into());
            all.push((0..width).map(cell).collect());
        }
        all
    }

    fn file(&self) -> PathBuf {
        self.folder().join("shop.duckdb")
    }

    pub fn decision(&self) -> Vec<u8> {
        fs::read(self.folder().join("target/presscheck/report.json")).unwrap()
    }

    /// What the decision says of the report.
    pub fn summary(&self) -> String {
        let decision: serde_json::Value = serde_json::from_slice(&self.decision()).unwrap();
        decision["summary"].as_str().unwrap().to_owned()
    }

    pub fn put_decision(&self, bytes: &[u8]) {
        fs::write(self.folder().join("target/presscheck/report.json"), bytes).unwrap();
    }

    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} holds {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// What was said, without what is new every time.
    pub fn plain(&self, said: &str) -> String {
        let joined = said.replace("\n  | ", " ").replace(&self.folder().display().to_string(), "FOLDER");
        let word = |word: &str| {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            if bare.len() == 16 && bare.chars().all(|c| c.is_ascii_hexdigit()) { word.replace(bare, "ID") } else { word.to_owned() }
        };
        let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        let monday: jiff::civil::Date = self.monday().parse().unwrap();
        let spoken = monday.strftime("week of %-d %B").to_string();
        joined.lines().map(line).collect::<Vec<_>>().join("\n").replace(&spoken, "week of MONDAY")
    }
}

/// What a program said that must end well.
pub fn ended(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}
