//! One program that a run starts: no shell, its output on standard error, a longest time, and an end when the run is to end.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::machine::Halt;

/// How long a program that was asked to end may take to do so.
const GRACE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// What to start.
#[derive(Debug)]
pub struct Order<'a> {
    /// The program and its arguments.
    pub argv: &'a [String],
    /// Where it runs.
    pub folder: &'a Path,
    /// Variables besides those of this process.
    pub environment: Vec<(String, OsString)>,
    /// Longest that it may take.
    pub limit: Duration,
    /// Its standard input: a lock that it keeps as long as it lives.
    pub input: Stdio,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code; a signal is 128 and its number, as shells say it.
    Code(i32),
    /// It took too long and was ended.
    TooLong,
    /// It could not be started: why.
    NotStarted(String),
}

/// Starts it and waits for its end.
///
/// # Errors
/// [`Halt::Stopped`]: the run is to end; the program was asked to end first.
pub fn wait_for(order: Order<'_>, cancel: &AtomicBool) -> Result<(Ending, Duration), Halt> {
    let begun = Instant::now();
    let Some((program, arguments)) = order.argv.split_first() else {
        return Ok((Ending::NotStarted("no program is named".into()), Duration::ZERO));
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(order.folder).envs(order.environment).stdin(order.input).stdout(Stdio::from(std::io::stderr()));
    // A group of its own: a key on the terminal reaches this process, which then asks the other to end, once.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok((Ending::NotStarted(format!("`{program}` cannot be started: {error}")), begun.elapsed())),
    };
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok((Ending::Code(code(status)), begun.elapsed())),
            Ok(None) => {}
            Err(error) => {
                end(&mut child);
                return Ok((Ending::NotStarted(format!("`{program}` cannot be waited for: {error}")), begun.elapsed()));
            }
        }
        if cancel.load(Ordering::SeqCst) {
            end(&mut child);
            return Err(Halt::Stopped);
        }
        if begun.elapsed() > order.limit {
            end(&mut child);
            return Ok((Ending::TooLong, begun.elapsed()));
        }
        sleep(POLL);
    }
}

/// Asks it to end as a key on the terminal would, so that it can cancel its statements; ends it when it does not.
fn end(child: &mut Child) {
    interrupt(child);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        sleep(POLL);
    }
    drop(child.kill());
    drop(child.wait());
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    use nix::sys::signal::{Signal, killpg};
    if let Ok(group) = i32::try_from(child.id()) {
        // One that has ended already is not there to be asked.
        let _gone = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGINT);
    }
}

#[cfg(not(unix))]
fn interrupt(child: &mut Child) {
    drop(child.kill());
}

#[cfg(unix)]
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}
