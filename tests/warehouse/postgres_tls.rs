//! TLS to a PostgreSQL server with certificates made for the test: each `sslmode` against the right authority, a wrong one, another host, a certificate that has ended.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use presscheck::check::measurement::Cell;
use presscheck::warehouse::{self, Session};
use serde_json::{Value, json};

use super::server::{self, Server};
use super::{LIMIT, ask};

/// Makes authorities, certificates and keys in a folder.
const MAKE: &str = r#"set -e
for ca in ours others; do
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$ca" -keyout $ca.key -out $ca.pem 2>/dev/null
done
sign() { # NAME SUBJECT AUTHORITY SECONDS-FROM-NOW EXTENSION
  openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'basicConstraints=CA:FALSE\n%s\n' "$5" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days "$4" -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}
sign server localhost ours 20 'subjectAltName=DNS:localhost'
sign ended localhost ours 0 'subjectAltName=DNS:localhost'
sign certified certified ours 20 'extendedKeyUsage=clientAuth'
sign forged certified others 20 'extendedKeyUsage=clientAuth'
"#;

/// A server that takes TLS, and from one role only TLS with a certificate.
fn server(folder: &Path) -> Server {
    let made = Command::new("bash").args(["-c", MAKE]).current_dir(folder).output().expect("bash starts");
    assert!(made.status.success(), "openssl (on Debian: apt-get install openssl): {}", String::from_utf8_lossy(&made.stderr));
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permissions");
    let server = Server::start();
    let data = server.run("postgres", "show data_directory");
    for name in ["server", "ended"] {
        for suffix in ["key", "pem"] {
            let to = Path::new(&data).join(format!("{name}.{suffix}"));
            fs::copy(folder.join(format!("{name}.{suffix}")), &to).expect("copied");
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("permissions");
            let owner = fs::metadata(&data).expect("the data's folder");
            chown(&to, Some(std::os::unix::fs::MetadataExt::uid(&owner)), Some(std::os::unix::fs::MetadataExt::gid(&owner)))
                .expect("owner");
        }
    }
    fs::copy(folder.join("ours.pem"), Path::new(&data).join("ours.pem")).expect("copied");
    fs::set_permissions(Path::new(&data).join("ours.pem"), fs::Permissions::from_mode(0o644)).expect("permissions");
    let rules = "hostssl all certified all cert\nhost all certified all reject\nhost all all all trust\n";
    let file = server.run("postgres", "show hba_file");
    fs::write(file, rules).expect("written");
    server.run("postgres", "create role certified login; create role plain login");
    for setting in ["ssl_ca_file = 'ours.pem'", "ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "ssl = on"] {
        server.run("postgres", &format!("alter system set {setting}"));
    }
    reload(&server);
    server
}

fn reload(server: &Server) {
    server.run("postgres", "select pg_reload_conf()");
    thread::sleep(Duration::from_millis(300));
}

fn session(server: &Server, folder: &Path, change: &Value) -> Result<Box<dyn Session>, String> {
    let mut fields = server.fields("postgres");
    fields.extend([("retries".to_owned(), json!(0))]);
    fields.extend(change.as_object().expect("an object").clone());
    warehouse::open("postgres", &fields, folder).and_then(|open| open.session()).map_err(|fault| fault.detail)
}

/// What became of it: whether the connection is encrypted, or the reason why there is none.
fn told(server: &Server, folder: &Path, change: &Value) -> String {
    match session(server, folder, change) {
        Err(why) => why.replace(&server.port.to_string(), "PORT").replace(&folder.display().to_string(), "FOLDER"),
        Ok(mut session) => {
            match ask(session.as_mut(), "select case when ssl then 1 else 0 end from pg_stat_ssl where pid = pg_backend_pid()") {
                Cell::Int(1) => "encrypted".to_owned(),
                Cell::Int(0) => "plain".to_owned(),
                other => format!("{other:?}"),
            }
        }
    }
}

#[test]
fn each_sslmode_trusts_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(folder.path());
    let mut text = String::new();
    let mut row = |what: &str, change: Value| text += &format!("{what}{change}: {}\n", told(&server, folder.path(), &change));
    for mode in ["disable", "prefer", "require", "verify-ca", "verify-full"] {
        row("", json!({"sslmode": mode}));
        for root in ["ours.pem", "others.pem"] {
            row("", json!({"sslmode": mode, "sslrootcert": root, "host": "localhost"}));
        }
        row("another name: ", json!({"sslmode": mode, "sslrootcert": "ours.pem", "host": "127.0.0.1"}));
    }
    for (what, own) in [("", "certified"), ("signed by others: ", "forged")] {
        let (certificate, key) = (format!("{own}.pem"), format!("{own}.key"));
        row(what, json!({"user": "certified", "sslmode": "require", "sslcert": certificate, "sslkey": key}));
    }
    row("", json!({"user": "certified", "sslmode": "require"}));
    row("", json!({"user": "certified", "sslmode": "disable"}));
    row("", json!({"user": "plain", "sslmode": "require", "sslcert": "ours.pem", "sslkey": "server.pem"}));
    server.run("postgres", "alter system set ssl_cert_file = 'ended.pem'");
    server.run("postgres", "alter system set ssl_key_file = 'ended.key'");
    reload(&server);
    for mode in ["require", "verify-full"] {
        text += &format!(
            "ended {mode}: {}\n",
            told(&server, folder.path(), &json!({"sslmode": mode, "host": "localhost", "sslrootcert": "ours.pem"}))
        );
    }
    text += &format!("ended, nobody asks: {}\n", told(&server, folder.path(), &json!({"sslmode": "require"})));
    // Since when it has ended differs from run to run.
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r": verification time .*? ago\)", "");
    settings.bind(|| insta::assert_snapshot!("tls", text));
}

#[test]
fn a_statement_over_tls_is_cancelled_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(folder.path());
    // Whoever comes without TLS is turned away, with a request to cancel, too.
    let file = server.run("postgres", "show hba_file");
    fs::write(file, "local all all trust\nhostssl all plain all trust\nhost all presscheck all trust\n").expect("written");
    reload(&server);
    let mut session = session(
        &server,
        folder.path(),
        &json!({"user": "plain", "sslmode": "verify-full", "sslrootcert": "ours.pem", "host": "localhost"}),
    )
    .expect("a session");
    let cancel = session.canceller();
    let begun = Instant::now();
    let fault = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(500));
            cancel();
        });
        session.query("select pg_sleep(60)", LIMIT).expect_err("it was cancelled")
    });
    assert!(begun.elapsed() < Duration::from_secs(10), "{}", fault.detail);
    let running =
        "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()";
    let begun = Instant::now();
    while server.run("postgres", running) != "0" {
        assert!(begun.elapsed() < Duration::from_secs(2), "the statement outlives its cancellation");
    }
    drop(session);
    assert!(server::shared().port != server.port, "a server of its own");
}
