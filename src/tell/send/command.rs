//! Runs a program that takes the message on its standard input: no shell, an empty environment, a time limit. What it prints is not read.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Try;

pub(super) fn run(words: &[String], body: &str, limit: Duration) -> Try {
    let Some((program, arguments)) = words.split_first() else { return Try::Refused("it names no program".to_owned()) };
    let begun = Instant::now();
    let started =
        Command::new(program).args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Try::Refused(format!("the program cannot be started: {}", error.kind())),
    };
    // A program that reads nothing must not stop this one: whoever writes is a thread of its own, which ends with the pipe.
    let writer = child.stdin.take().map(|mut input| {
        let body = body.to_owned();
        std::thread::spawn(move || drop(input.write_all(body.as_bytes())))
    });
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                drop(child.kill());
                drop(child.wait());
                break Err("the program did not end in time");
            }
            Err(_) => break Err("the program was lost"),
        }
    };
    if ended.is_ok() {
        writer.into_iter().for_each(|writer| drop(writer.join()));
    }
    match ended {
        Ok(status) if status.success() => Try::Taken,
        Ok(status) => {
            Try::Refused(status.code().map_or_else(|| "the program was killed".to_owned(), |code| format!("the program ended with {code}")))
        }
        Err(why) => Try::Refused(why.to_owned()),
    }
}
