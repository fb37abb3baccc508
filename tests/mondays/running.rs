//! The Mondays through `presscheck run`: real dbt builds what the report needs, at Monday's own time, and the finance team's ledger is in a PostgreSQL of its
//! own. What is decided must be what the table says.
//!
//! The clock of presscheck and of the engine inside it is Monday's: they are started with libfaketime, under which dbt's threads do not wake up, so that dbt is
//! started without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, OnceLock};

use presscheck::history::{History, Step};

use super::{Mondays, decided, json, ledger, presscheck};
use crate::tell::Received;
use crate::warehouse::server;

/// Where Debian keeps it.
fn faketime() -> PathBuf {
    let folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime"];
    let found = folders.iter().map(|folder| Path::new(folder).join("libfaketimeMT.so.1")).find(|path| path.is_file());
    found.expect("libfaketime (on Debian: apt-get install faketime)")
}

/// The folder of dbt's program.
pub fn dbt() -> &'static Path {
    static DBT: OnceLock<PathBuf> = OnceLock::new();
    DBT.get_or_init(|| programs("dbt-1.12"))
}

/// The folder of the programs of an environment in `tests/venvs`.
fn programs(venv: &str) -> PathBuf {
    let made = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/make-venv")).arg(venv).output().expect("make-venv starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()).join("bin")
}

/// dbt with its own clock.
pub const SETTINGS: &str = "build: {command: [env, -u, LD_PRELOAD, dbt]}\n";

/// The program at a moment, with dbt on its path.
pub fn at(moment: &str, arguments: &[&str], folder: &Path) -> Command {
    let moment: jiff::Timestamp = moment.parse().expect("a moment");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
    command.args(arguments).current_dir(folder);
    command.env("PATH", format!("{}:{path}", dbt().display())).env_remove("DBT_PROFILES_DIR").env_remove("DBT_PROJECT_DIR");
    command.env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false").env("NO_COLOR", "1").env("TZ", "UTC");
    command.env("LD_PRELOAD", faketime()).env("FAKETIME", moment.strftime("@%Y-%m-%d %H:%M:%S").to_string());
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
    command
}

fn run_at(moment: &str, arguments: &[&str], folder: &Path) -> Output {
    at(moment, arguments, folder).output().expect("the program starts")
}

/// The journal of the project's newest run: the steps by name, and what stands in those that say something.
pub fn journal(project: &Path) -> Vec<String> {
    let history = History::read(&project.join(".presscheck")).expect("a history").expect("a history");
    history.verify().expect("an unbroken chain");
    let runs = history.runs(None, None, 1).expect("runs");
    let steps = &runs.first().expect("a run").steps;
    steps
        .iter()
        .map(|kept| match &kept.step {
            Step::Landed { sources, .. } => {
                let late: Vec<&str> = sources.iter().filter(|(_, how)| *how != "landed").map(|(source, _)| source.as_str()).collect();
                format!("landed, but for {late:?}")
            }
            Step::Built { results, .. } => {
                let other: Vec<String> =
                    results.iter().filter(|(_, how)| *how != "success").map(|(node, how)| format!("{node} {how}")).collect();
                format!("built {} nodes, {other:?}", results.len())
            }
            Step::Sealed { exit_code, said } => format!("sealed {exit_code} {said}"),
            step => step.name().to_owned(),
        })
        .collect()
}

/// Where the Mondays' messages go: a chat, an address for hooks, a mail server.
struct Receivers {
    chat: (String, Received),
    hooks: (String, Received),
    port: u16,
    letters: Arc<Mutex<Vec<String>>>,
}

impl Receivers {
    fn new() -> Receivers {
        let (port, letters) = crate::tell::smtp();
        Receivers { chat: crate::tell::http(), hooks: crate::tell::http(), port, letters }
    }
    fn known_to<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        command.env("SLACK_ADDRESS", &self.chat.0).env("BI_ADDRESS", &self.hooks.0).env("BI_SECRET", secret)
    }
    /// What came since the last look: to whom, and its heading or kind.
    fn took(&self) -> Vec<String> {
        let bodies = |received: &Received| -> Vec<serde_json::Value> {
            let requests = std::mem::take(&mut *received.requests.lock().expect("no thread died"));
            requests.iter().map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect()
        };
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("?").lines().next().unwrap_or_default().to_owned();
        let mut took: Vec<String> = bodies(&self.chat.1).iter().map(|body| format!("chat: {}", text(&body["text"]))).collect();
        took.extend(bodies(&self.hooks.1).iter().map(|body| format!("hook: {}", text(&body["type"]))));
        for letter in std::mem::take(&mut *self.letters.lock().expect("no thread died")) {
            let header = |name: &str| letter.lines().find(|line| line.starts_with(name)).unwrap_or("?").to_owned();
            took.push(format!("mail: {}", header("To: ")));
        }
        took.sort();
        took
    }
}

/// What a dashboard shows.
fn shown(bikes: &Path) -> Vec<String> {
    let connection = duckdb::Connection::open(bikes.join("brightside.duckdb")).expect("a database");
    let sql = "select s.metric || ': ' || s.verdict || ', ' || s.shown || ', published ' || s.published::varchar || ', '
                 || (select count(*) from reporting.weekly_operating_report as v where v.metric = s.metric and v.value is not null) || ' values'
               from reporting.presscheck_status as s order by s.metric";
    let mut statement = connection.prepare(sql).expect("both tables");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|row| row.expect("text")).collect()
}

#[test]
fn every_monday_runs_from_its_sources_to_its_decision() {
    let table: Mondays = yaml_serde::from_str(include_str!("../../sample_project/mondays.yml")).expect("the table of Mondays");
    let mut wrong = String::new();
    let mut journals = String::new();
    let folder = tempfile::tempdir().expect("a folder");
    let bikes = folder.path().join("bikes");
    let receivers = Receivers::new();
    for monday in table.mondays.iter().filter(|monday| !monday.missing_warehouse) {
        let elsewhere = tempfile::tempdir().expect("a folder");
        let demo = presscheck(&["demo", "--into", "bikes", "--monday", &monday.name, "--format", "json"], elsewhere.path());
        assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
        // One folder for all, so that dbt reads the project once.
        if bikes.exists() {
            fs::copy(elsewhere.path().join("bikes/brightside.duckdb"), bikes.join("brightside.duckdb")).expect("the Monday's warehouse");
            fs::remove_dir_all(bikes.join(".presscheck")).expect("the last Monday's history");
        } else {
            crate::commands::copy(&elsewhere.path().join("bikes"), &bikes);
            crate::tell::configure(&bikes, receivers.port);
            let settings = fs::read_to_string(bikes.join("presscheck.yml")).expect("settings");
            ledger::look_there(&bikes, &(settings + SETTINGS));
        }
        ledger::known(&bikes, server::shared(), &ledger::copied(server::shared(), &bikes));
        // dbt loads the weeks of the calendar from this file, which somebody keeps as the Monday needs it.
        let weeks = bikes.join("seeds/finance/calendar_weeks.csv");
        let copy = format!("copy (select * from finance.calendar_weeks order by week_start) to '{}' (header)", weeks.display());
        duckdb::Connection::open(bikes.join("brightside.duckdb")).expect("a database").execute_batch(&copy).expect("copied");
        let mut command = at(&monday.as_of, &["run", "--quiet", "--profiles-dir", ".", "--format", "json"], &bikes);
        let run = receivers.known_to(&mut command).output().expect("the program starts");
        let told = json(&run);
        let snapshot = &told["decisions"][0]["artifacts"]["connections"]["finance"];
        assert!(
            snapshot.as_str().is_some_and(|snapshot| snapshot.starts_with("postgres:db")),
            "{}: the ledger's is {snapshot}",
            monday.name
        );
        let decided = decided(&told, &monday.expect.because);
        // dbt itself refuses to build a report with a column of another type: its contract is enforced. So the whole report is held, as the snapshot has it.
        let built = monday.name != "retyped_column";
        if built && decided != monday.expect {
            wrong +=
                &format!("{}: expected {:#?}\n  decided {decided:#?}\n{}\n", monday.name, monday.expect, told["decisions"][0]["summary"]);
        }
        let again = run_at(&monday.as_of, &["verify", "--profiles-dir", "."], &bikes);
        let code = |output: &Output| output.status.code().map(i64::from);
        if built && code(&again) != Some(monday.expect.exit_code) {
            wrong += &format!("{}: verify ended with {:?}: {}\n", monday.name, code(&again), String::from_utf8_lossy(&again.stdout));
        }
        journals += &format!("== {}\n{}\n", monday.name, told["decisions"][0]["summary"].as_str().unwrap_or("?"));
        journals += &format!("-- journal\n{}\n-- received\n{}\n", journal(&bikes).join("\n"), receivers.took().join("\n"));
        journals += &format!("-- tables\n{}\n", shown(&bikes).join("\n"));
    }
    assert!(wrong.is_empty(), "{wrong}");
    insta::assert_snapshot!("journals", journals);
}

/// The library of the DuckDB that the program is linked with, as the loader found it.
fn library() -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").expect("what is loaded");
    let found = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..))).find(|path| path.contains("libduckdb"));
    PathBuf::from(found.expect("libduckdb"))
}

/// dbt 2.x asks DuckDB through ADBC, by a driver that is DuckDB's own library: here the one that everything else is linked with.
#[test]
fn dbt_2_builds_what_dbt_core_builds() {
    let table: Mondays = yaml_serde::from_str(include_str!("../../sample_project/mondays.yml")).expect("the table of Mondays");
    let folder = tempfile::tempdir().expect("a folder");
    let drivers = folder.path().join("drivers");
    fs::create_dir(&drivers).expect("a folder");
    let driver = format!(
        "manifest_version = 1\nname = \"DuckDB\"\n[ADBC]\nversion = \"1.1.0\"\n[Driver]\nentrypoint = \"duckdb_adbc_init\"\n[Driver.shared]\nlinux_amd64 = \"{0}\"\nlinux_arm64 = \"{0}\"\n",
        library().display()
    );
    fs::write(drivers.join("duckdb.toml"), driver).expect("the driver");
    let dbt = programs("dbt-2").join("dbt");
    let command = format!("build: {{command: [env, -u, LD_PRELOAD, 'ADBC_DRIVER_PATH={}', '{}']}}\n", drivers.display(), dbt.display());
    let mut said = String::new();
    for monday in
        table.mondays.iter().filter(|monday| ["all_landed", "unmapped_skus", "ad_platform_missing"].contains(&monday.name.as_str()))
    {
        let folder = tempfile::tempdir().expect("a folder");
        let demo = presscheck(&["demo", "--into", "bikes", "--monday", &monday.name, "--format", "json"], folder.path());
        assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
        let bikes = folder.path().join("bikes");
        fs::write(bikes.join("presscheck.yml"), &command).expect("settings");
        let contract = bikes.join("contracts/weekly_operating_report.yml");
        let text = fs::read_to_string(&contract).expect("the contract");
        fs::write(&contract, text.replace("  on_publish: [{webhook: bi_refresh}]\n  on_hold:    [{webhook: bi_banner}]\n", ""))
            .expect("the contract");
        let run = run_at(&monday.as_of, &["run", "--quiet", "--no-tell", "--profiles-dir", ".", "--format", "json"], &bikes);
        let told = json(&run);
        let decided = decided(&told, &monday.expect.because);
        assert_eq!(decided, monday.expect, "{}: {}", monday.name, told["decisions"][0]["summary"]);
        said += &format!("== {}\n{}\n{}\n", monday.name, journal(&bikes).join("\n"), shown(&bikes).join("\n"));
    }
    insta::assert_snapshot!("dbt_2", said);
}

#[test]
fn a_model_that_fails_holds_exactly_its_metrics_and_a_resume_builds_only_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = presscheck(&["demo", "--into", "bikes", "--monday", "all_landed", "--format", "json"], folder.path());
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let bikes = folder.path().join("bikes");
    let receivers = Receivers::new();
    crate::tell::configure(&bikes, receivers.port);
    let settings = fs::read_to_string(bikes.join("presscheck.yml")).expect("settings");
    fs::write(bikes.join("presscheck.yml"), settings + SETTINGS).expect("settings");
    // Only dbt's own run of the model sees the variable; every file stays as it is.
    let model = bikes.join("models/marts/mart_weekly_revenue_bridge.sql");
    let sql = fs::read_to_string(&model).expect("a model");
    fs::write(&model, format!("{{{{ '' if env_var('HOW', 'right') == 'right' else 'wrong' }}}}\n{sql}")).expect("written");
    let compile = Command::new(dbt().join("dbt")).args(["--quiet", "compile", "--profiles-dir", "."]).current_dir(&bikes).output();
    let compiled = compile.expect("dbt starts");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stdout));
    let mut said = String::new();
    for (name, moment, how, command) in [
        ("the model fails", "2026-11-23T11:40:00Z", "wrong", &["run"][..]),
        ("resumed too early", "2026-11-23T11:44:00Z", "wrong", &["run", "--resume"]),
        ("resumed", "2026-11-23T11:48:00Z", "right", &["run", "--resume"]),
        ("resumed again", "2026-11-23T11:52:00Z", "right", &["run", "--resume"]),
    ] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--quiet", "--profiles-dir", "."]).collect();
        let mut run = at(moment, &arguments, &bikes);
        let run = receivers.known_to(&mut run).env("HOW", how).output().expect("the program starts");
        // dbt's clock is the machine's, so that it depends on the day how much younger than the sample's catalog its manifest is.
        let text = String::from_utf8_lossy(&run.stdout);
        let text: String = text.split_inclusive('\n').filter(|line| !line.starts_with("note: catalog.json is of")).collect();
        let steps = journal(&bikes);
        let newest = steps.iter().rposition(|step| step == "started" || step == "resumed").unwrap_or_default();
        let (steps, received, shown) = (steps[newest..].join("\n"), receivers.took().join("\n"), shown(&bikes).join("\n"));
        said += &format!("== {name}: {:?}\n{text}\n{steps}\n-- received\n{received}\n-- tables\n{shown}\n", run.status.code());
    }
    insta::assert_snapshot!("a_model_that_fails", said);
}
