//! From a contract and an interval to the end of its run: takes the lock, finds the run to go on with, and walks the path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;

use super::super::load::Loaded;
use super::super::{Stopped, draw, interrupt, shared};
use super::Run;
use super::begin::Beginning;
use super::world::Real;
use crate::calendar::Interval;
use crate::contract::Contract;
use crate::diagnostic::{Finding, codes};
use crate::history::{self, History, Lock, Locked, RunKey, Step};
use crate::record::Document;
use crate::runner::{self, Halt, Progress, World};

/// How often a run may be resumed, unless presscheck.yml says otherwise.
const ATTEMPTS: u64 = 3;

/// How many of the newest runs are looked at for one to go on with.
const LOOKED_AT: u32 = 50;

/// How a run ended.
pub(super) struct Ended {
    pub(super) exit_code: u8,
    /// The decision, where one was made.
    pub(super) document: Option<Document>,
}

/// Runs one contract for one interval.
pub(super) fn run(
    run: &Run,
    loaded: &mut Loaded,
    contract: &Contract,
    file: &Path,
    interval: Option<Interval>,
    look: &draw::Look,
) -> Result<Ended, Stopped> {
    let covered = interval.as_ref().map_or_else(String::new, |interval| format!("{}/{}", interval.start, interval.end));
    // First the locks, then what is known: another run may have ended in between.
    let name = format!("{} {covered}", contract.contract);
    let _here = lock(loaded, contract, &name)?;
    let elsewhere = elsewhere(loaded, contract, &name)?;
    let mut history = shared::open(&loaded.workspace, broken)?;
    // What ended well for another interval says nothing of this one.
    let earlier = if run.resume { newest(&history, contract, &covered)? } else { None };
    if run.resume && earlier.is_none() && !look.quiet {
        draw::say(&format!("{}: no run for this interval to go on with, so a new one begins", contract.contract));
    }
    let key = RunKey {
        run: earlier.as_ref().map_or_else(identifier, |earlier| earlier.key.run.clone()),
        contract: contract.contract.value.clone(),
        interval: covered,
    };
    let Beginning { macros, plan, path } = Beginning::new(run, loaded, contract, interval.clone(), look)?;
    let needed = path.build.nodes();
    // Named from the project's root, which is elsewhere on another machine.
    let named = |path: &Path| path.strip_prefix(&loaded.workspace.root).unwrap_or(path).display().to_string();
    let inputs: BTreeMap<String, String> = loaded.inputs.iter().map(|(path, hash)| (named(path), hash.to_hex().to_string())).collect();
    let progress = match &earlier {
        Some(_) => resumed(&mut history, loaded, &key, &inputs, &needed, look)?,
        None => Progress::default(),
    };
    if let Some(exit_code) = progress.finished {
        draw::say(&format!("{}: nothing is left to do, run {} ended with {exit_code}", key.contract, key.run));
        return Ok(Ended { exit_code, document: last(&history, &key) });
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let begun = match &earlier {
        Some(_) => Step::Resumed { version },
        None => Step::Started { version, publishes: path.publishes, resumes: None },
    };
    let cancel = interrupt::flag();
    let mut world = Real {
        run,
        loaded,
        contract,
        file,
        macros: &macros,
        plan: &plan,
        key: &key,
        elsewhere: &elsewhere,
        interval,
        history,
        cancel,
        look,
        build: &path.build,
        needed: &needed,
        began: earlier.as_ref().and_then(|earlier| Some(earlier.steps.first()?.at)).unwrap_or_else(Timestamp::now),
        document: None,
        built: false,
    };
    let walked = world
        .keep(begun)
        .and_then(|()| world.keep(Step::Inputs { hashes: inputs }))
        .and_then(|()| runner::run(&mut world, &path, &progress));
    let document = world.document.take().or_else(|| last(&world.history, &key));
    match walked {
        Ok(ended) => {
            if !ended.said.is_empty() && (!look.quiet || ended.exit_code == 3) {
                draw::say(&format!("{}: {}", key.contract, ended.said));
            }
            Ok(Ended { exit_code: ended.exit_code, document })
        }
        Err(Halt::Broken(why)) => Err(broken(why)),
        Err(Halt::Stopped | Halt::Killed) => Err(broken("it was stopped".to_owned())),
    }
}

/// A run cannot go on: what is not decided is held.
fn broken(why: String) -> Stopped {
    Stopped::unreadable(
        Finding::error(codes::RUN_BROKEN, why).help("nothing was published; when it is mended, `presscheck run --resume` goes on"),
    )
}

/// Begins with the moment, so that runs sort by it; what follows tells two of one moment apart.
fn identifier() -> String {
    let now = Timestamp::now();
    let unlike = blake3::hash(format!("{} {}", now.as_nanosecond(), std::process::id()).as_bytes());
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), &unlike.to_hex()[..8])
}

/// Whether a run has an identifier of [`identifier`]; those of other commands have no moment.
fn is_identifier(run: &str) -> bool {
    run.split_once("Z-").is_some_and(|(moment, _)| moment.len() == 15 && moment.contains('T'))
}

fn lock(loaded: &Loaded, contract: &Contract, name: &str) -> Result<Lock, Stopped> {
    let holder = format!("a run by process {}", std::process::id());
    match Lock::take(&loaded.workspace.history(), name, &holder).map_err(broken)? {
        Locked::Held(lock) => Ok(lock),
        Locked::Elsewhere(holder) => {
            let what = format!("another run of {} for this interval is going on: {holder}", contract.contract);
            Err(Stopped::unreadable(Finding::error(codes::RUN_GOES_ON, what).help("wait for its end; its decision counts")))
        }
    }
}

/// Keeps other machines out, where the history is shared with them.
fn elsewhere(loaded: &Loaded, contract: &Contract, name: &str) -> Result<shared::Held, Stopped> {
    match shared::hold(&loaded.workspace, name, broken)? {
        Some(held) => Ok(held),
        None => {
            let what = format!("another machine runs {} for this interval", contract.contract);
            Err(Stopped::unreadable(Finding::error(codes::RUN_GOES_ON, what).help("wait for its end; its decision counts")))
        }
    }
}

fn newest(history: &History, contract: &Contract, interval: &str) -> Result<Option<history::Run>, Stopped> {
    let runs = history.runs(Some(&contract.contract), Some(interval), LOOKED_AT).map_err(broken)?;
    // Publishing alone is in the journal, too. A run that was killed before it had read anything is a run: none before it answers for it.
    Ok(runs.into_iter().find(|run| is_identifier(&run.key.run)))
}

fn resumed(
    history: &mut History,
    loaded: &Loaded,
    key: &RunKey,
    inputs: &BTreeMap<String, String>,
    needed: &BTreeSet<String>,
    look: &draw::Look,
) -> Result<Progress, Stopped> {
    let Some(run) = history.run(&key.run).map_err(broken)? else { return Ok(Progress::default()) };
    let restore = last(history, key).map_or_else(|| needed.clone(), |document| runner::to_restore(&loaded.project, needed, &document));
    let progress = runner::progress(&run, inputs, &restore);
    let attempts = attempts(loaded);
    if progress.finished.is_none() && progress.resumed >= attempts {
        let what = format!("run {} of {} was resumed {attempts} times and still holds", key.run, key.contract);
        let finding = Finding::error(codes::ATTEMPTS_USED, what);
        return Err(Stopped::unreadable(
            finding.help("look at `presscheck explain`; a new `presscheck run` begins anew (build: {attempts: N} in presscheck.yml)"),
        ));
    }
    if progress.finished.is_none() && !look.quiet {
        draw::say(&format!("{}: going on with run {}", key.contract, key.run));
    }
    Ok(progress)
}

pub(super) fn attempts(loaded: &Loaded) -> u64 {
    loaded.workspace.settings.build.attempts.as_ref().map_or(ATTEMPTS, |attempts| attempts.value)
}

/// The decision of a run, as it was stored.
fn last(history: &History, key: &RunKey) -> Option<Document> {
    let run = history.run(&key.run).ok()??;
    let decided = run.steps.iter().rev().find_map(|kept| match &kept.step {
        Step::Decided { document, .. } => Some(document.clone()),
        _ => None,
    })?;
    serde_json::from_str(&history.document(&decided).ok()??).ok()
}
