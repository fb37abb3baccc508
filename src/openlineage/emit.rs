//! Events on their way out: each with its intent on disk before, and `done` after. Not for what they say.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::{Event, Settings};
use crate::history::{ActKind, Claim, History, Intent, RunKey, Step};
use crate::tell::{Wire, post_json};

/// Seconds that one try may take.
const PATIENCE: u64 = 15;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emitted {
    /// It was taken now.
    Taken,
    /// It had been taken before; it was not sent.
    Before,
    /// It was not taken, and why; it is tried again with its run's identifier.
    Failed(String),
}

/// Sends each event once, in order, to where the settings say; `root` is the project's folder. After one that was not taken the others wait, since an end without a
/// beginning is none. Called twice, it sends nothing twice.
///
/// # Errors
/// The history cannot be written: then nothing more is sent.
pub fn emit(
    history: &mut History,
    of: &RunKey,
    events: &[Event],
    to: &Settings,
    root: &Path,
    wire: &Wire<'_>,
) -> Result<Vec<Emitted>, String> {
    let mut emitted = Vec::new();
    for event in events {
        let what = format!("OpenLineage: {}", event.state);
        let intent = Intent { act: ActKind::Hook, key: event.key.clone(), what, body: event.body["run"]["runId"].clone() };
        if history.intent(of, wire.at, &intent)? == Claim::Done {
            emitted.push(Emitted::Before);
            continue;
        }
        match send(event, to, root, wire) {
            Ok(()) => {
                history.append(of, wire.at, &Step::Done { key: event.key.clone(), answer: "taken".to_owned() })?;
                emitted.push(Emitted::Taken);
            }
            Err(error) => {
                history.append(of, wire.at, &Step::Failed { key: event.key.clone(), error: error.clone(), refused: false })?;
                emitted.push(Emitted::Failed(error));
                break;
            }
        }
    }
    Ok(emitted)
}

fn send(event: &Event, to: &Settings, root: &Path, wire: &Wire<'_>) -> Result<(), String> {
    match (&to.file, &to.endpoint) {
        (Some(file), None) => {
            let path = root.join(file.as_str());
            append(&path, &event.body.to_string()).map_err(|error| format!("{}: {error}", path.display()))
        }
        (None, Some(address)) => {
            let address = wire.variable(address)?;
            let key = to.api_key.as_ref().map(|name| wire.variable(name)).transpose()?;
            let headers: Vec<(&str, String)> = key.into_iter().map(|key| ("authorization", format!("Bearer {key}"))).collect();
            let limit = Duration::from_secs(to.timeout.as_ref().map_or(PATIENCE, |age| age.seconds.max(1)));
            post_json(&address, &event.body.to_string(), &headers, limit).map_err(|undelivered| undelivered.why)
        }
        (Some(_), Some(_)) | (None, None) => Err(to.fault().unwrap_or_default().to_owned()),
    }
}

/// Adds a line in one write, so that two processes do not mix theirs. A line that was cut off by a crash is ended first.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let cut = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{cut}{line}\n").as_bytes())?;
    file.sync_all()
}
