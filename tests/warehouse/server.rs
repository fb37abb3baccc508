//! A PostgreSQL server of the tests' own: on loopback, on a free port, in a folder that goes with it. It ends with the process that started it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use presscheck::warehouse::postgres::Postgres;
use serde_json::{Map, Value, json};

/// A running server.
pub struct Server {
    pub port: u16,
    process: AtomicU32,
    binaries: PathBuf,
    launch: Launch,
    _folder: tempfile::TempDir,
}

/// The server that all tests share which do it no harm.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    /// A new server, for a test that stops or freezes it.
    pub fn start() -> Server {
        let binaries = binaries();
        let folder = super::process::folder();
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        // The server refuses to run as root.
        let user = fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)).expect("who runs this");
        let mut before: Vec<String> = Vec::new();
        if user == 0 {
            let (uid, gid) = ids_of("postgres");
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
            chown(&data, Some(uid), Some(gid)).expect("the server's folder");
            before = [format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()].into();
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut init = Command::new("setpriv");
        init.args(&before).arg(binaries.join("initdb"));
        init.args(["--username=presscheck", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]).arg(&data);
        let made = init.output().expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let launch = Launch { before, program: binaries.join("postgres"), data, port, log: folder.path().join("log") };
        let process = launch.go();
        let server = Server { port, process: AtomicU32::new(process), binaries, launch, _folder: folder };
        server.wait();
        server
    }

    /// Until it answers.
    fn wait(&self) {
        let begun = Instant::now();
        while !self.try_run("postgres", "select 1") {
            assert!(begun.elapsed() < Duration::from_secs(30), "{}", fs::read_to_string(&self.launch.log).unwrap_or_default());
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Starts it again after it was stopped.
    pub fn again(&self) {
        while TcpListener::bind(("127.0.0.1", self.port)).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        self.process.store(self.launch.go(), Ordering::SeqCst);
        self.wait();
    }

    fn psql(&self, database: &str) -> Command {
        let beside = self.binaries.join("psql");
        let mut psql = Command::new(if beside.exists() { beside } else { "psql".into() });
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "presscheck"]);
        psql.args(["-p", &self.port.to_string(), "-d", database]);
        psql
    }

    fn try_run(&self, database: &str, sql: &str) -> bool {
        self.psql(database).args(["-c", sql]).output().is_ok_and(|done| done.status.success())
    }

    /// Whether a role can run a statement.
    pub fn try_as(&self, role: &str, database: &str, sql: &str) -> bool {
        self.psql(database).args(["-U", role, "-c", sql]).output().is_ok_and(|done| done.status.success())
    }

    /// Runs statements; gives what they print.
    pub fn run(&self, database: &str, sql: &str) -> String {
        let done = self.psql(database).args(["-c", sql]).output().expect("psql starts");
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// A new database, made by these statements.
    pub fn database(&self, sql: &str) -> String {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("db{}", MADE.fetch_add(1, Ordering::SeqCst));
        self.run("postgres", &format!("create database {name}"));
        self.run(&name, sql);
        name
    }

    /// A dbt target.
    pub fn fields(&self, database: &str) -> Map<String, Value> {
        let fields = json!({
            "type": "postgres", "host": "127.0.0.1", "port": self.port, "user": "presscheck", "password": "not looked at", "dbname": database,
            "schema": "public", "threads": 4, "connect_timeout": 3
        });
        fields.as_object().expect("an object").clone()
    }

    pub fn open(&self, database: &str) -> Postgres {
        Postgres::from_profile(&self.fields(database), Path::new(".")).expect("a profile")
    }

    /// Sends the server (not its children) a signal.
    pub fn signal(&self, name: &str) {
        signal(name, &self.process.load(Ordering::SeqCst).to_string());
    }

    /// Sends all its children a signal.
    pub fn signal_children(&self, name: &str) {
        let process = self.process.load(Ordering::SeqCst);
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).expect("the children");
        children.split_whitespace().for_each(|child| signal(name, child));
    }
}

/// Sends a process a signal, if it is still there.
pub fn signal(name: &str, process: &str) {
    // The shell's own `kill`: a program of that name is not everywhere.
    let _gone = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).stderr(Stdio::null()).status();
}

/// What starts the server.
struct Launch {
    before: Vec<String>,
    program: PathBuf,
    data: PathBuf,
    port: u16,
    log: PathBuf,
}

impl Launch {
    /// The process that it becomes.
    fn go(&self) -> u32 {
        let (ready, started) = mpsc::channel();
        let errors = fs::File::create(&self.log).expect("a log");
        let mut server = Command::new("setpriv");
        // The signal comes when the thread below ends: with the process, because the thread waits for the server.
        server.arg("--pdeathsig=INT").args(&self.before).arg(&self.program).arg("-D").arg(&self.data);
        server.args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"]);
        for setting in ["full_page_writes=off", "synchronous_commit=off", "max_connections=100", "shared_buffers=64MB"] {
            server.args(["-c", setting]);
        }
        server.stdout(Stdio::null()).stderr(errors);
        thread::spawn(move || {
            let mut child: Child = server.spawn().expect("the server starts");
            ready.send(child.id()).expect("somebody waits");
            child.wait().expect("the server's end");
        });
        started.recv().expect("a process")
    }
}

/// Debian keeps the server's programs in a folder of the version.
fn binaries() -> PathBuf {
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions.extend(std::env::split_paths(&path));
    let found = versions.into_iter().rev().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    found.expect("PostgreSQL's server programs (on Debian: apt-get install postgresql)")
}

/// User and group.
fn ids_of(name: &str) -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("the users");
    let line = users.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("a user postgres, which the package makes");
    let mut parts = line.split(':').skip(2).map(|part| part.parse::<u32>().expect("a number"));
    (parts.next().expect("a user"), parts.next().expect("a group"))
}
