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
use super::super::{Stopped, draw, openlineage, publish, shared, store, tell};
use super::Run;
use super::begin;
use super::build::Making;
use super::walk::attempts;
use crate::calendar::Interval;
use crate::check::Spec;
use crate::check::dbt_tests::Results;
use crate::contract::Contract;
use crate::decide::{self, Verdict};
use crate::history::{History, RunKey, Step};
use crate::openlineage::Emitted;
use crate::output;
use crate::plan::{Asked, Plan, Unbuilt};
use crate::publish::State;
use crate::record::{Document, ReleaseRecord};
use crate::runner::{self, Acted, Build, Built, Decided, Halt, Landing, World};
use crate::tell::Delivery;

/// What the stages of one run need.
pub(super) struct Real<'a> {
    pub(super) run: &'a Run,
    pub(super) loaded: &'a mut Loaded,
    pub(super) contract: &'a Contract,
    pub(super) file: &'a Path,
    pub(super) macros: &'a crate::macros::Macros,
    pub(super) plan: &'a Plan,
    pub(super) key: &'a RunKey,
    /// What keeps other machines out.
    pub(super) elsewhere: &'a shared::Held,
    pub(super) interval: Option<Interval>,
    pub(super) history: History,
    pub(super) cancel: Arc<AtomicBool>,
    pub(super) look: &'a draw::Look,
    pub(super) build: &'a Build,
    pub(super) needed: &'a BTreeSet<String>,
    /// When its first process began.
    pub(super) began: Timestamp,
    pub(super) document: Option<Document>,
    pub(super) built: bool,
}

impl Real<'_> {
    fn stopped(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// Whether this run may act: nobody asked it to end, and no other machine can have acted in its place.
    fn may_act(&self) -> Result<(), Halt> {
        if self.stopped() {
            return Err(Halt::Stopped);
        }
        self.elsewhere.holds().map_err(Halt::Broken)
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

    /// The decision as the history keeps it.
    fn stored(&self, decided: &Decided) -> Result<Document, Halt> {
        match self.history.document(&decided.decision).map_err(Halt::Broken)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| Halt::Broken(format!("the stored decision cannot be read: {error}"))),
            None => Err(Halt::Broken(format!("the decision {} is not in the history", decided.decision))),
        }
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
            holding.map_or_else(
                || Landing::Landed(measured(&heard.outcomes, checks)),
                |check| Landing::Late(format!("{check}: {}", ended(&heard.outcomes, check))),
            )
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
        self.may_act()?;
        let document = self.stored(decided)?;
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

    fn tell(&mut self, decided: &Decided) -> Result<Acted, Halt> {
        self.may_act()?;
        let document = self.stored(decided)?;
        let (workspace, now) = (&self.loaded.workspace, Timestamp::now());
        let told = tell::told(workspace, self.contract, Some(&document), &mut self.history, self.key, now).map_err(halted)?;
        let taken = told.delivered.iter().filter(|one| one.fate == Delivery::Taken);
        let mut acted = Acted {
            done: taken.map(|one| format!("told {}: {}", one.message.to.name, one.message.alert.heading)).collect(),
            failed: told.faults(),
        };
        let emitted = openlineage::emitted(workspace, self.contract, &document, &mut self.history, self.key, Some(self.began), now)
            .map_err(halted)?;
        let refused = emitted.into_iter().filter_map(|(state, emitted)| match emitted {
            Emitted::Failed(why) => Some(format!("the run event {state} was not taken: {why}")),
            Emitted::Taken | Emitted::Before => None,
        });
        acted.failed.extend(refused);
        Ok(acted)
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
