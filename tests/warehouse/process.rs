//! Servers that tests start, and what stands between a test and a server. A server ends with this process, however this process ends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

/// A folder for what lives as long as this process. Nothing tells a test binary that it ends, so that such a folder is deleted by the next one
/// that makes one.
pub fn folder() -> tempfile::TempDir {
    const PREFIX: &str = "presscheck-tests-";
    let own = std::process::id();
    for entry in std::fs::read_dir(std::env::temp_dir()).expect("the folder for what is temporary").flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok());
        if process.is_some_and(|process: u32| !Path::new("/proc").join(process.to_string()).exists()) {
            // Another process may be at it too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new().prefix(&format!("{PREFIX}{own}-")).tempdir().expect("a folder")
}

/// The virtual environment of this name, made if need be.
pub fn environment(name: &str) -> PathBuf {
    let made = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/make-venv")).arg(name).output().expect("tests/make-venv starts");
    assert!(made.status.success(), "tests/make-venv {name}: {}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim())
}

/// Starts a server, which is told to end when this process does; gives its process id.
pub fn serve(server: &Command) -> u32 {
    let (ready, started) = mpsc::channel();
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=TERM").arg(server.get_program()).args(server.get_args());
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // The signal comes when the thread that started the server ends, so this one waits for it.
    thread::spawn(move || {
        let mut child = command.spawn().expect("the server starts");
        ready.send(child.id()).expect("somebody waits");
        child.wait().expect("the server's end");
    });
    started.recv().expect("a process")
}

/// Connections to a server that can be cut.
pub struct Proxy {
    pub port: u16,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub fn before(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let proxy = Proxy { port, cut: Arc::default(), open: Arc::default() };
        let (cut, open) = (Arc::clone(&proxy.cut), Arc::clone(&proxy.open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let both = [(&client, &server), (&server, &client)];
                for (from, to) in both.map(|(from, to)| (from.try_clone().expect("a stream"), to.try_clone().expect("a stream"))) {
                    thread::spawn(move || forward(from, to));
                }
                open.lock().expect("no panic").extend([client, server]);
            }
        });
        proxy
    }

    /// Ends every connection, and takes no new one.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        // The listener sees it with the next connection, which is this one.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        for stream in self.open.lock().expect("no panic").drain(..) {
            let _closed_already = stream.shutdown(Shutdown::Both);
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 65536];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _closed_already = to.shutdown(Shutdown::Write);
}
