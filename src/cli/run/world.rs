//! The world of a real run: warehouse, dbt, history, clock. Each stage is done by the room that knows how; this file connects them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::super::ask::Manner;
use super::super::load::Loaded;
use super::super::prepare::Prepared;
use super::super::{Stopped, draw, interrupt, publish, store};
use super::Run;
use super::begin::{self, Beginning};
use super::build::Making;
use crate::calendar::Interval;
use crate::check::Spec;
use crate::check::dbt_tests::Results;
use crate::contract::Contract;
use crate::decide::{self, Verdict};
use crate::diagnostic::{Finding, codes};
use crate::history::{self, History, Lock, Locked, RunKey, Step};
use crate::output;
use crate::plan::{Asked, Plan, Unbuilt};
use crate::publish::State;
use crate::record::{Document, ReleaseRecord};
use crate::runner::{self, Acted, Build, Built, Decided, Halt, Landing, Progress, World};

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
    let mut history = History::open(&loaded.workspace.history()).map_err(broken)?;
    let earlier = if run.resume { newest(&history, contract)? } else { None };
    let interval = match &earlier {
        Some(earlier) => covered(&earlier.key.interval)?,
        None => interval,
    };
    let key = RunKey {
        run: earlier.as_ref().map_or_else(identifier, |earlier| earlier.key.run.clone()),
        contract: contract.contract.value.clone(),
        interval: interval.as_ref().map_or_else(String::new, |interval| format!("{}/{}", interval.start, interval.end)),
    };
    let _lock = lock(loaded, &key)?;
    let Beginning { macros, plan, path } = Beginning::new(run, loaded, contract, interval.clone(), look)?;
    let needed = path.build.nodes();
    let inputs: BTreeMap<String, String> =
        loaded.inputs.iter().map(|(path, hash)| (path.display().to_string(), hash.to_hex().to_string())).collect();
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
        interval,
        history,
        cancel,
        look,
        build: &path.build,
        needed: &needed,
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

fn lock(loaded: &Loaded, key: &RunKey) -> Result<Lock, Stopped> {
    let name = format!("{} {}", key.contract, key.interval);
    let holder = format!("run {} by process {}", key.run, std::process::id());
    match Lock::take(&loaded.workspace.history(), &name, &holder).map_err(broken)? {
        Locked::Held(lock) => Ok(lock),
        Locked::Elsewhere(holder) => {
            let what = format!("another run of {} for this interval is going on: {holder}", key.contract);
            Err(Stopped::unreadable(Finding::error(codes::RUN_GOES_ON, what).help("wait for its end; its decision counts")))
        }
    }
}

fn newest(history: &History, contract: &Contract) -> Result<Option<history::Run>, Stopped> {
    let runs = history.runs(Some(&contract.contract), None, LOOKED_AT).map_err(broken)?;
    // Publishing alone is in the journal, too.
    Ok(runs.into_iter().find(|run| run.steps.iter().any(|kept| matches!(kept.step, Step::Inputs { .. }))))
}

/// The interval of a run, as its key has it.
fn covered(text: &str) -> Result<Option<Interval>, Stopped> {
    if text.is_empty() {
        return Ok(None);
    }
    // Names of zones have slashes, too.
    let ends = text.find("]/").map_or_else(|| text.find('/'), |at| Some(at + 1));
    let read = || -> Option<Interval> {
        let (start, end) = text.split_at(ends?);
        Some(Interval { start: start.parse().ok()?, end: end.get(1..)?.parse().ok()? })
    };
    read().map(Some).ok_or_else(|| broken(format!("the interval `{text}` of the run cannot be read")))
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

fn attempts(loaded: &Loaded) -> u64 {
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

struct Real<'a> {
    run: &'a Run,
    loaded: &'a mut Loaded,
    contract: &'a Contract,
    file: &'a Path,
    macros: &'a crate::macros::Macros,
    plan: &'a Plan,
    key: &'a RunKey,
    interval: Option<Interval>,
    history: History,
    cancel: Arc<AtomicBool>,
    look: &'a draw::Look,
    build: &'a Build,
    needed: &'a BTreeSet<String>,
    document: Option<Document>,
    built: bool,
}

impl Real<'_> {
    fn stopped(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// Of the plan, the statements that show whether the sources landed; their checks count once more with all others, after the build.
    fn gate(&mut self) -> Result<Plan, Halt> {
        let sources: BTreeSet<String> = self.plan.landings.keys().cloned().collect();
        let mut plan = begin::plan(self.run, self.loaded, self.contract, self.macros, self.interval.clone(), Some(sources), Vec::new())
            .map_err(halted)?;
        let wanted: BTreeSet<String> = plan.landings.values().flatten().cloned().collect();
        let mut kept = BTreeMap::new();
        let mut statements = Vec::new();
        for (at, statement) in plan.statements.iter().enumerate() {
            if statement.checks.iter().any(|check| wanted.contains(check)) {
                kept.insert(at, statements.len());
                statements.push(statement.clone());
            }
        }
        plan.asks.retain(|_, asked| match asked {
            Asked::Measured { statement, .. } => kept.get(statement).is_some_and(|at| {
                *statement = *at;
                true
            }),
            Asked::Skipped(_) => true,
        });
        plan.statements = statements;
        plan.publishing = crate::plan::Publishing::default();
        Ok(plan)
    }

    fn reads_results(&self) -> bool {
        self.contract.checks.iter().any(|check| match &check.value {
            Spec::dbt_tests(tests) => tests.from.as_ref().is_some_and(|from| from.value == Results::Results),
            _ => false,
        })
    }
}

fn halted(stopped: Stopped) -> Halt {
    Halt::Broken(stopped.findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>().join("; "))
}

impl World for Real<'_> {
    fn now(&mut self) -> Timestamp {
        Timestamp::now()
    }

    fn keep(&mut self, step: Step) -> Result<(), Halt> {
        self.history.append(self.key, Timestamp::now(), &step).map_err(Halt::Broken)
    }

    fn landings(&mut self) -> Result<BTreeMap<String, Landing>, Halt> {
        if self.stopped() {
            return Err(Halt::Stopped);
        }
        let plan = self.gate()?;
        let nothing = |_: &Document| Vec::new();
        let manner = Manner {
            reach: &self.run.reach,
            as_of: None,
            fail_on: self.run.fail_on.into(),
            cancel: &self.cancel,
            look: self.look,
            locked: true,
            built_here: false,
            release: &nothing,
        };
        let heard = manner.hear(self.loaded, &plan).map_err(halted)?;
        if self.stopped() {
            return Err(Halt::Stopped);
        }
        let asked = decide::asked(&plan.expected, &heard.outcomes, heard.decided_at);
        let landing = |checks: &Vec<String>| {
            let holding = checks.iter().find(|check| asked.get(*check).is_none_or(|verdict| *verdict == Verdict::Hold));
            holding.map_or_else(|| Landing::Landed(measured(&heard.outcomes, checks)), |check| Landing::Late(format!("{check}: {}", ended(&heard.outcomes, check))))
        };
        Ok(plan.landings.iter().map(|(source, checks)| (source.clone(), landing(checks))).collect())
    }

    fn pause(&mut self, until: Timestamp) -> Result<(), Halt> {
        while Timestamp::now() < until {
            if self.stopped() {
                return Err(Halt::Stopped);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn build(&mut self, nodes: &BTreeSet<String>) -> Result<Built, Halt> {
        if self.stopped() {
            return Err(Halt::Stopped);
        }
        let making = Making {
            loaded: self.loaded,
            reach: &self.run.reach,
            interval: self.interval.as_ref(),
            tests: self.reads_results(),
            look: self.look,
            cancel: &self.cancel,
        };
        let folder = making.folder();
        let built = match self.build {
            Build::None => Built::default(),
            Build::Dbt { .. } => making.dbt(nodes)?,
            Build::Command { argv, .. } => making.command(argv, nodes)?,
        };
        self.built = true;
        match self.build {
            Build::Dbt { .. } => self.loaded.built_in = Some(folder),
            // The program may have run dbt, which then wrote a manifest of its own.
            Build::Command { .. } => {
                let mut loaded = Loaded::new(&self.run.place, self.look).map_err(halted)?;
                super::super::load::sound_contracts(&mut loaded, std::slice::from_ref(&self.file.display().to_string()), self.look)
                    .map_err(halted)?;
                *self.loaded = loaded;
            }
            Build::None => {}
        }
        Ok(built)
    }

    fn below(&mut self, above: &BTreeSet<String>) -> BTreeSet<String> {
        runner::below(&self.loaded.project, self.needed, above)
    }

    fn waiting(&mut self, late: &BTreeSet<String>) -> Vec<Unbuilt> {
        runner::waiting(&self.loaded.project, self.plan, self.needed, late)
    }

    fn failed(&mut self, asked: &BTreeSet<String>, built: &Built) -> Vec<Unbuilt> {
        runner::failed(&self.loaded.project, asked, built)
    }

    fn decide(&mut self, unbuilt: &[Unbuilt]) -> Result<Decided, Halt> {
        if self.stopped() {
            return Err(Halt::Stopped);
        }
        let plan = begin::plan(self.run, self.loaded, self.contract, self.macros, self.interval.clone(), None, unbuilt.to_vec())
            .map_err(halted)?;
        let checks = u64::try_from(plan.expected.checks.len()).unwrap_or(u64::MAX);
        self.keep(Step::Expected { hash: plan.expected_hash(), checks })?;
        let prepared = Prepared { plan, contract: Some(self.contract.clone()), file: Some(self.file.to_path_buf()) };
        let (needed, attempts) = (self.needed, attempts(self.loaded));
        let project = &self.loaded.project;
        let release = |document: &Document| -> Vec<ReleaseRecord> { runner::releases(project, needed, document, attempts) };
        let manner = Manner {
            reach: &self.run.reach,
            as_of: None,
            fail_on: self.run.fail_on.into(),
            cancel: &self.cancel,
            look: self.look,
            locked: true,
            built_here: self.built,
            release: &release,
        };
        let path = store::path(&self.loaded.workspace.target, &prepared.plan.contract);
        // A run for earlier intervals leaves the report's last decision as it is.
        let newest = self.run.interval.is_none();
        let (history, key) = (&mut self.history, self.key);
        let mut keep = |document: &Document, exit_code: u8| -> Result<(), String> {
            if manner.stopped() {
                return Err("the run was stopped".to_owned());
            }
            let text = output::stored(&document.without_samples());
            let kept = if newest { store::store(&path, &output::stored(document)) } else { Ok(()) };
            let now = Timestamp::now();
            let kept = kept
                .and_then(|()| history.append(key, now, &Step::Snapshot { name: document.artifacts.snapshot.clone() }))
                .and_then(|()| history.decided(key, now, &document.without_samples(), &text, exit_code).map(|_| ()));
            if kept.is_err() && newest {
                store::discard(&path);
            }
            kept
        };
        let decided = manner.decide(self.loaded, &prepared, &mut keep).map_err(halted)?;
        if decided.lost && self.stopped() {
            return Err(Halt::Stopped);
        }
        let told = Decided { decision: decided.document.run.clone(), exit_code: decided.exit_code, durable: !decided.lost };
        self.document = Some(decided.document);
        Ok(told)
    }

    fn publish(&mut self, decided: &Decided) -> Result<Acted, Halt> {
        if self.stopped() {
            return Err(Halt::Stopped);
        }
        let document = match self.history.document(&decided.decision).map_err(Halt::Broken)? {
            Some(text) => serde_json::from_str::<Document>(&text)
                .map_err(|error| Halt::Broken(format!("the stored decision cannot be read: {error}")))?,
            None => return Err(Halt::Broken(format!("the decision {} is not in the history", decided.decision))),
        };
        let plan =
            begin::plan(self.run, self.loaded, self.contract, self.macros, self.interval.clone(), None, Vec::new()).map_err(halted)?;
        let prepared = Prepared { plan, contract: Some(self.contract.clone()), file: Some(self.file.to_path_buf()) };
        let published =
            publish::carry_out(self.loaded, &prepared, &self.run.reach, &mut self.history, self.key, &document).map_err(halted)?;
        Ok(match published {
            None => Acted::default(),
            Some(published) => {
                let said = publish::said(&document, &published);
                let said = said.strip_prefix(&format!("{}: ", document.contract)).unwrap_or(&said).to_owned();
                match published.state {
                    State::Done => Acted { done: vec![said], failed: Vec::new() },
                    State::Refused(_) | State::Failed(_) => Acted { done: Vec::new(), failed: vec![said] },
                }
            }
        })
    }

    fn tell(&mut self, _decided: &Decided) -> Result<Acted, Halt> {
        Ok(Acted::default())
    }
}

/// What the checks of a source measured, but for what changes with the clock alone; empty when one of them measured nothing.
fn measured(outcomes: &BTreeMap<String, crate::check::outcome::Outcome>, checks: &[String]) -> String {
    use crate::check::outcome::Outcome;
    let one = |check: &String| {
        let measured = match outcomes.get(check)? {
            Outcome::Pass(evidence) => evidence.measured(),
            Outcome::Fail { measured, .. } => measured,
            Outcome::Error(_) | Outcome::Skipped(_) => return None,
        };
        let facts: Vec<String> =
            measured.facts.iter().filter(|(name, _)| name != "age_seconds").map(|(name, value)| format!("{name} {value}")).collect();
        let dated = measured.facts.iter().any(|(name, _)| name == "newest");
        let value = if dated { "" } else { measured.value.as_str() };
        Some(format!("{check}: {} rows {value} {}", measured.rows_seen, facts.join(" ")))
    };
    let all: Option<Vec<String>> = checks.iter().map(one).collect();
    all.map(|all| all.join("; ")).unwrap_or_default()
}

/// Why a check of the gate holds, in a few words.
fn ended(outcomes: &BTreeMap<String, crate::check::outcome::Outcome>, check: &str) -> String {
    use crate::check::outcome::Outcome;
    match outcomes.get(check) {
        Some(Outcome::Fail { why, .. }) => why.clone(),
        Some(Outcome::Error(fault) | Outcome::Skipped(fault)) => fault.detail.clone(),
        Some(Outcome::Pass(_)) => "passed".to_owned(),
        None => "no answer came".to_owned(),
    }
}
