//! The runner in a world that is made up: a virtual clock, a warehouse, a dbt, a receiver and a disk that fail when the dice say so. What is real is the runner's own walk, what it
//! reads of an earlier process, and the decision.
//!
//! Two sources feed two models, which feed one table with two metrics. Whatever happens, the published table never shows a number that is not made of landed, sound sources; an act is
//! done once; and when the faults end, a resume ends the run and a second one does nothing. Bugs that are planted one by one must each be found.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use presscheck::check::common::Severity;
use presscheck::check::outcome::Outcome;
use presscheck::decide::{self, Context, FactName, FailOn, Verdict};
use presscheck::history::{ActKind, Intent, Kept, Run, RunKey, State, Step};
use presscheck::lineage::Certainty;
use presscheck::plan::{BUILT, Expected, GuardedMetric, GuardingCheck, Reach, Unbuilt, Upstream};
use presscheck::runner::{self, Acted, Build, Built, Decided, Gate, Halt, Landing, Path, Progress, World};

use crate::dice::Dice;
use crate::laws::world::{error, fail, pass, skipped};

/// Wrong ways to run a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    TimeOutPasses,
    MissingResultIsBuilt,
    MissingAnswerPasses,
    StaleResume,
    RetriesUntilPass,
    RandomKey,
    IntentNotDurable,
    DoneBeforeAct,
    LateReplyOverwrites,
    TwoHoldLocks,
    DecisionNotDurable,
    UnbuiltForgotten,
    GateIsEvidence,
    FailedActForgotten,
}

const BUGS: [Bug; 14] = [
    Bug::TimeOutPasses,
    Bug::MissingResultIsBuilt,
    Bug::MissingAnswerPasses,
    Bug::StaleResume,
    Bug::RetriesUntilPass,
    Bug::RandomKey,
    Bug::IntentNotDurable,
    Bug::DoneBeforeAct,
    Bug::LateReplyOverwrites,
    Bug::TwoHoldLocks,
    Bug::DecisionNotDurable,
    Bug::UnbuiltForgotten,
    Bug::GateIsEvidence,
    Bug::FailedActForgotten,
];
const LAST_WEEK: Half = Half { landed: false, sound: true, load: 0 };
const MODELS: [&str; 3] = ["a", "b", "table"];

/// What one half of the table is made of: whether the source had landed, and whether its rows are sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Half {
    landed: bool,
    sound: bool,
    /// Which load of the source it is.
    load: u32,
}

/// A stored decision.
#[derive(Debug, Clone)]
struct Document {
    number: usize,
    inputs: u64,
    certified: [bool; 2],
    /// What the values were when they were checked.
    seen: [Half; 2],
}

/// Everything that outlives a process.
struct Sim {
    dice: Dice,
    bug: Option<Bug>,
    /// Whether things still go wrong.
    faulty: bool,
    clock: i64,
    inputs: u64,
    journal: Vec<Kept>,
    documents: BTreeMap<String, Document>,
    sources: [Half; 2],
    models: [Half; 2],
    table: [Half; 2],
    alive: u32,
    published: Option<Document>,
    /// Acts of processes that died, which the other side has not come to yet.
    in_flight: Vec<Act>,
    /// A loader took its rows away and cannot put them back while this process lives.
    broken: bool,
    received: BTreeMap<String, u32>,
    runs: u32,
    wrong: Option<String>,
}

/// What is sent to the other side.
#[derive(Debug, Clone)]
struct Act {
    kind: ActKind,
    key: String,
    document: Document,
    /// Whether the decision was in the journal.
    stored: bool,
    /// What its sender had read.
    inputs: u64,
}

/// One process of the program.
struct Process<'s> {
    sim: &'s mut Sim,
    key: RunKey,
    inputs: u64,
    /// What is lost when it dies.
    memory: Vec<Step>,
    gate: Option<[Half; 2]>,
}

impl Sim {
    fn new(seed: u64, bug: Option<Bug>) -> Sim {
        Sim {
            dice: Dice(seed),
            bug,
            faulty: true,
            clock: 0,
            inputs: 1,
            journal: Vec::new(),
            documents: BTreeMap::new(),
            // Everything looks well, and is last week's.
            sources: [LAST_WEEK; 2],
            models: [LAST_WEEK; 2],
            table: [LAST_WEEK; 2],
            in_flight: Vec::new(),
            broken: false,
            alive: 0,
            published: None,
            received: BTreeMap::new(),
            runs: 0,
            wrong: None,
        }
    }
    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
    fn happens(&mut self, percent: usize) -> bool {
        self.faulty && self.dice.below(100) < percent
    }
    fn violated(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }
    /// What goes on outside: loaders, owners of data, reviewers.
    fn outside(&mut self) {
        for source in 0..2 {
            let before = self.sources[source];
            match self.dice.below(24) {
                0..6 if !self.broken => self.sources[source].landed = true,
                6..9 => self.sources[source].sound = !before.sound,
                9 if before.landed => {
                    self.sources[source].landed = false;
                    self.broken = true;
                }
                _ => {}
            }
            self.sources[source].load += u32::from(self.sources[source] != before);
        }
        if self.dice.below(4) == 0 {
            for act in std::mem::take(&mut self.in_flight) {
                drop(self.takes(&act));
            }
        }
        if self.dice.below(12) == 0 {
            self.inputs += 1;
        }
    }
    /// The other side takes an act, or says why not. What is checked here is checked in the transaction that writes.
    fn takes(&mut self, act: &Act) -> Result<(), String> {
        let document = &act.document;
        let certified = |at: &usize| document.certified[*at];
        if act.kind == ActKind::Publish {
            let newer = self.published.as_ref().is_some_and(|last| last.number > document.number);
            if newer && !self.is(Bug::LateReplyOverwrites) {
                return Err("a newer decision is published".to_owned());
            }
            if document.certified.contains(&true) && self.table != document.seen {
                return Err("the values are not what was checked".to_owned());
            }
            if !act.stored {
                self.violated("a decision that is not stored was published".into());
            }
            if newer {
                self.violated("an old decision was published over a newer one".into());
            }
            if document.inputs != act.inputs {
                self.violated("a decision of other inputs was published".into());
            }
            for at in (0..2).filter(certified) {
                if !(self.table[at].landed && self.table[at].sound) {
                    self.violated(format!("m{at} was published and is wrong: {:?}", self.table[at]));
                }
            }
            self.published = Some(act.document.clone());
        }
        *self.received.entry(act.key.clone()).or_default() += 1;
        Ok(())
    }
    fn newest(&self) -> Option<Run> {
        let key = self.journal.iter().rev().find(|kept| matches!(kept.step, Step::Started { .. }))?.of.clone();
        Some(Run { steps: self.journal.iter().filter(|kept| kept.of == key).cloned().collect(), key })
    }
    fn hashes(inputs: u64) -> BTreeMap<String, String> {
        BTreeMap::from([("contract".to_owned(), inputs.to_string())])
    }
    /// A process from its beginning to its end, whichever that is. Whether it had something to do.
    fn process(&mut self, resume: bool) -> bool {
        if self.alive > 0 && !self.is(Bug::TwoHoldLocks) {
            return false;
        }
        let earlier = if resume { self.newest() } else { None };
        let inputs = self.inputs;
        let read = if self.is(Bug::StaleResume) {
            let of = |run: &Run| {
                run.steps.iter().rev().find_map(|kept| if let Step::Inputs { hashes } = &kept.step { Some(hashes.clone()) } else { None })
            };
            earlier.as_ref().and_then(of).unwrap_or_else(|| Sim::hashes(inputs))
        } else {
            Sim::hashes(inputs)
        };
        let everything: BTreeSet<String> = MODELS.iter().map(|model| (*model).to_owned()).collect();
        let mut progress = earlier.as_ref().map(|run| runner::progress(run, &read, &everything)).unwrap_or_default();
        if self.is(Bug::FailedActForgotten) && progress.decided.is_some() {
            progress = Progress { finished: Some(0), ..progress };
        }
        if progress.finished.is_some() {
            return false;
        }
        if self.alive > 0 {
            self.violated("two runs hold the lock".into());
        }
        self.alive += 1;
        if self.alive == 1 {
            self.broken = false;
        }
        let key = earlier.as_ref().map_or_else(
            || {
                self.runs += 1;
                RunKey { run: format!("run{}", self.runs), contract: "c".into(), interval: "i".into() }
            },
            |run| run.key.clone(),
        );
        let version = String::new();
        let begun = if earlier.is_some() { Step::Resumed { version } } else { Step::Started { version, publishes: true, resumes: None } };
        let path = Path {
            gate: Gate {
                sources: [("s0", "s0"), ("s1", "s1")].map(|(id, name)| (id.to_owned(), name.to_owned())).into(),
                wait: std::time::Duration::from_secs(u64::try_from(self.dice.below(3) * 60).unwrap()),
                every: std::time::Duration::from_secs(30),
                last_moment: None,
            },
            build: Build::Dbt { nodes: everything },
            checks: 4,
            publishes: true,
            tells: true,
        };
        let mut process = Process { sim: self, key, inputs, memory: Vec::new(), gate: None };
        let walked = process
            .keep(begun)
            .and_then(|()| process.keep(Step::Inputs { hashes: read }))
            .and_then(|()| runner::run(&mut process, &path, &progress));
        drop(walked);
        self.alive -= 1;
        true
    }
}

impl Process<'_> {
    /// Every moment is one at which the process may die, be stopped, or meet another one.
    fn moment(&mut self) -> Result<(), Halt> {
        self.sim.clock += 1;
        if self.sim.happens(3) {
            self.sim.outside();
        }
        if self.sim.happens(1) && self.sim.alive == 1 {
            let resume = self.sim.dice.below(2) == 0;
            self.sim.process(resume);
        }
        if self.sim.happens(3) {
            return Err(Halt::Killed);
        }
        if self.sim.happens(1) { Err(Halt::Stopped) } else { Ok(()) }
    }
    fn write(&mut self, step: Step) -> Result<(), Halt> {
        if self.sim.happens(2) {
            return Err(Halt::Broken("the disk is full".into()));
        }
        let number = i64::try_from(self.sim.journal.len()).unwrap() + 1;
        self.sim.journal.push(Kept { number, of: self.key.clone(), at: Timestamp::from_second(self.sim.clock).unwrap(), step });
        Ok(())
    }
    /// Does something to the world: an intent first, the act with its key, the end of it after.
    fn act(&mut self, act: ActKind, decision: &str) -> Result<Acted, Halt> {
        let mut key = format!("{act:?} {decision}");
        if self.sim.is(Bug::RandomKey) {
            key += &format!(" {}", self.sim.dice.next());
        }
        let done = |step: &Step| matches!(step, Step::Done { key: of, .. } if *of == key);
        if self.sim.journal.iter().any(|kept| done(&kept.step)) || self.memory.iter().any(done) {
            return Ok(Acted::default());
        }
        self.moment()?;
        let intent = Step::Intent(Intent { act, key: key.clone(), what: String::new(), body: serde_json::Value::Null });
        let end = Step::Done { key: key.clone(), answer: String::new() };
        if self.sim.is(Bug::IntentNotDurable) {
            // Nothing of the act is on disk, and its key is made of what only this process knows.
            self.memory.extend([intent, end.clone()]);
            key += &format!(" {}", self.sim.dice.next());
        } else {
            self.write(intent)?;
        }
        if self.sim.is(Bug::DoneBeforeAct) {
            self.write(end.clone())?;
        }
        self.moment()?;
        let decided = |kept: &Kept| matches!(&kept.step, Step::Decided { decision: of, .. } if of == decision);
        let stored = self.sim.journal.iter().any(decided);
        let sent = Act { kind: act, key: key.clone(), document: self.sim.documents[decision].clone(), stored, inputs: self.inputs };
        if self.sim.happens(2) {
            self.sim.in_flight.push(sent);
            return Err(Halt::Killed);
        }
        let away = self.sim.happens(5);
        let refused = if away { Err("the other side is away".to_owned()) } else { self.sim.takes(&sent) };
        self.moment()?;
        match refused {
            Ok(()) => {
                if !self.sim.is(Bug::DoneBeforeAct) {
                    self.write(end)?;
                }
                Ok(Acted { done: vec![key], failed: Vec::new() })
            }
            Err(error) => {
                if !self.sim.is(Bug::DoneBeforeAct) {
                    self.write(Step::Failed { key, error: error.clone(), refused: !away })?;
                }
                Ok(Acted { done: Vec::new(), failed: vec![error] })
            }
        }
    }
    /// How one check ended: right, or not at all.
    fn asked(&mut self, right: bool) -> Option<Outcome> {
        let mut dice = self.sim.dice.below(100);
        if !self.sim.faulty {
            dice = 99;
        }
        match dice {
            0..2 if self.sim.is(Bug::TimeOutPasses) => Some(pass()),
            0..2 => Some(error()),
            2..4 if self.sim.is(Bug::MissingAnswerPasses) => Some(pass()),
            2..4 => None,
            // A measurement that is right only now and then.
            4..7 if self.sim.is(Bug::RetriesUntilPass) => Some(pass()),
            _ if right => Some(pass()),
            _ => Some(fail(Severity::Hold)),
        }
    }
}

fn check(id: &str, kind: &str, metrics: &[usize]) -> GuardingCheck {
    let reach = |metric: &usize| (format!("m{metric}"), Reach { certainty: Certainty::Known, path: Vec::new() });
    GuardingCheck {
        id: id.into(),
        kind: kind.into(),
        title: id.into(),
        severity: Severity::Hold,
        without_baseline: None,
        severity_for: BTreeMap::new(),
        about: String::new(),
        unit: None,
        recover: None,
        freshness: false,
        coverage: false,
        narrowed: None,
        reach: metrics.iter().map(reach).collect(),
    }
}

fn of_model(model: &str) -> &'static [usize] {
    match model {
        "a" => &[0],
        "b" => &[1],
        _ => &[0, 1],
    }
}

impl World for Process<'_> {
    fn now(&mut self) -> Timestamp {
        Timestamp::from_second(self.sim.clock).unwrap()
    }
    fn keep(&mut self, step: Step) -> Result<(), Halt> {
        self.moment()?;
        self.write(step)?;
        self.moment()
    }
    fn landings(&mut self) -> Result<BTreeMap<String, Landing>, Halt> {
        self.moment()?;
        self.gate = Some(self.sim.sources);
        let mut landings = BTreeMap::new();
        for (at, id) in ["s0", "s1"].into_iter().enumerate() {
            let landing = if self.sim.sources[at].landed && !self.sim.happens(3) {
                Landing::Landed(self.sim.sources[at].load.to_string())
            } else {
                Landing::Late("late".into())
            };
            if !self.sim.happens(2) {
                landings.insert(id.to_owned(), landing);
            }
        }
        Ok(landings)
    }
    fn pause(&mut self, until: Timestamp) -> Result<(), Halt> {
        self.sim.clock = self.sim.clock.max(until.as_second());
        self.sim.outside();
        self.moment()
    }
    fn build(&mut self, nodes: &BTreeSet<String>) -> Result<Built, Halt> {
        let mut built = Built::default();
        let mut broken = BTreeSet::new();
        for model in MODELS.iter().filter(|model| nodes.contains(**model)) {
            self.moment()?;
            let above_broken = *model == "table" && !broken.is_empty();
            if above_broken || self.sim.happens(5) {
                broken.insert(*model);
                built.results.insert((*model).to_owned(), if above_broken { "skipped" } else { "error" }.to_owned());
                continue;
            }
            // What dbt did not come to say was done, or was not.
            let lost = self.sim.happens(4);
            if !lost || self.sim.dice.below(2) == 0 {
                match *model {
                    "a" => self.sim.models[0] = self.sim.sources[0],
                    "b" => self.sim.models[1] = self.sim.sources[1],
                    _ => self.sim.table = self.sim.models,
                }
            }
            if !lost {
                built.results.insert((*model).to_owned(), "success".to_owned());
            }
        }
        self.moment()?;
        Ok(built)
    }
    fn below(&mut self, above: &BTreeSet<String>) -> BTreeSet<String> {
        let made = |model: &str, at: usize| above.contains(&format!("s{at}")) || model == "table" && above.contains(MODELS[at]);
        let of = |model: &&str| of_model(model).iter().any(|at| made(model, *at));
        MODELS.iter().filter(|model| of(model)).map(|model| (*model).to_owned()).collect()
    }
    fn waiting(&mut self, late: &BTreeSet<String>) -> Vec<Unbuilt> {
        let both = late.len() == 2;
        let one = |source: &String| {
            let own = if source == "s0" { "a" } else { "b" };
            let relations = [Some(own), both.then_some("table")].into_iter().flatten().map(str::to_owned).collect();
            Unbuilt { cause: source.clone(), why: source.clone(), relations }
        };
        late.iter().map(one).collect()
    }
    fn failed(&mut self, asked: &BTreeSet<String>, built: &Built) -> Vec<Unbuilt> {
        let lost = self.sim.is(Bug::MissingResultIsBuilt);
        let fine = |model: &&String| built.results.get(*model).map_or(lost, |how| how == "success");
        let one = |model: &String| Unbuilt { cause: model.clone(), why: model.clone(), relations: BTreeSet::from([model.clone()]) };
        asked.iter().filter(|model| !fine(model)).map(one).collect()
    }
    fn decide(&mut self, unbuilt: &[Unbuilt]) -> Result<Decided, Halt> {
        self.moment()?;
        let seen = self.sim.table;
        let unbuilt = if self.sim.is(Bug::UnbuiltForgotten) { &[] } else { unbuilt };
        let mut checks = vec![check("landed:0", "freshness", &[0]), check("landed:1", "freshness", &[1])];
        let mut outcomes = BTreeMap::new();
        let landed = if self.sim.is(Bug::GateIsEvidence) { self.gate.unwrap_or(self.sim.sources) } else { self.sim.sources };
        for (at, source) in landed.iter().enumerate() {
            let asked = self.asked(source.landed);
            outcomes.extend(asked.map(|outcome| (format!("landed:{at}"), outcome)));
        }
        let skips = unbuilt.iter().any(|one| one.relations.contains("table"));
        for (at, half) in seen.iter().enumerate() {
            let id = format!("sound:{at}");
            checks.push(check(&id, "not_null", &[at]));
            let asked = if skips { Some(skipped()) } else { self.asked(half.sound) };
            outcomes.extend(asked.map(|outcome| (id, outcome)));
        }
        for one in unbuilt {
            let metrics: Vec<usize> = one.relations.iter().flat_map(|model| of_model(model)).copied().collect();
            let id = format!("{BUILT}:{}", one.cause);
            checks.push(check(&id, BUILT, &metrics));
            outcomes.insert(id, skipped());
        }
        let metric = |at: usize| GuardedMetric {
            id: format!("m{at}"),
            title: String::new(),
            owner: None,
            last_safe: true,
            upstream: Upstream::Known,
        };
        let expected = Expected { metrics: vec![metric(0), metric(1)], checks, ..Expected::default() };
        let mut context = FactName::ALL.iter().fold(Context::unknown(), |context, fact| context.holds(*fact, ""));
        // The data moved while it was read.
        if self.sim.happens(2) {
            self.sim.outside();
            context = context.broken(FactName::OneSnapshot, "");
        }
        if self.sim.inputs != self.inputs && !self.sim.is(Bug::StaleResume) {
            context = context.broken(FactName::InputsUnchanged, "");
        }
        let decision = decide::decide_safely(&expected, &outcomes, &context, Timestamp::from_second(self.sim.clock).unwrap());
        let exit_code = decision.exit_code(FailOn::Hold);
        let id = format!("d{}", self.sim.documents.len());
        let certified = [0, 1].map(|at| decision.metric(&format!("m{at}")).is_some_and(|metric| metric.verdict == Verdict::Publish));
        let document = Document { number: self.sim.documents.len(), inputs: self.inputs, certified, seen };
        self.moment()?;
        let step =
            Step::Decided { decision: id.clone(), document: String::new(), status: String::new(), verdicts: BTreeMap::new(), exit_code };
        let durable = match self.write(step) {
            Ok(()) => true,
            Err(Halt::Broken(_)) => self.sim.is(Bug::DecisionNotDurable),
            Err(halt) => return Err(halt),
        };
        self.sim.documents.insert(id.clone(), document);
        self.moment()?;
        Ok(Decided { decision: id, exit_code, durable })
    }
    fn publish(&mut self, decided: &Decided) -> Result<Acted, Halt> {
        self.act(ActKind::Publish, &decided.decision)
    }
    fn tell(&mut self, decided: &Decided) -> Result<Acted, Halt> {
        self.act(ActKind::Alert, &decided.decision)
    }
}

/// One schedule of faults; what was violated.
fn schedule(seed: u64, bug: Option<Bug>) -> Option<String> {
    let mut sim = Sim::new(seed, bug);
    for process in 0..3 + sim.dice.below(4) {
        sim.outside();
        let resume = process > 0 && sim.dice.below(3) > 0;
        sim.process(resume);
    }
    sim.faulty = false;
    for act in std::mem::take(&mut sim.in_flight) {
        drop(sim.takes(&act));
    }
    sim.sources = [Half { landed: true, sound: true, load: u32::MAX }; 2];
    if sim.newest().is_some() {
        let mut ended = false;
        for _ in 0..6 {
            if !sim.process(true) {
                ended = true;
                break;
            }
        }
        if !ended {
            sim.violated("a resume without faults has no end".into());
        }
        let sealed = sim.newest().is_some_and(|run| matches!(run.state(), State::Sealed { exit_code: 0 }));
        if !sealed && !sim.is(Bug::FailedActForgotten) {
            sim.violated("nothing is wrong any more, and the run does not end well".into());
        }
        let last = sim.newest().and_then(|run| {
            run.steps
                .iter()
                .rev()
                .find_map(|kept| if let Step::Decided { decision, .. } = &kept.step { Some(decision.clone()) } else { None })
        });
        let shown = last.is_some_and(|last| sim.published.as_ref().is_some_and(|shown| format!("d{}", shown.number) == last));
        if !shown {
            sim.violated("the last decision of the run is not published".into());
        }
    }
    // A receiver that knows a key does nothing the second time; two keys of one decision are two messages.
    let mut keys: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
    for key in sim.received.keys() {
        keys.entry(key.split(' ').take(2).collect::<Vec<_>>().join(" ")).or_default().insert(key);
    }
    let twice = keys.iter().find(|(_, keys)| keys.len() > 1).map(|(act, _)| format!("{act} was done twice"));
    if let Some(twice) = twice {
        sim.violated(twice);
    }
    sim.wrong
}

#[test]
fn no_schedule_of_faults_publishes_what_is_wrong() {
    let schedules: u64 = std::env::var("PRESSCHECK_SCHEDULES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let wrong: Vec<String> =
        (0..schedules).filter_map(|seed| schedule(seed, None).map(|wrong| format!("schedule {seed}: {wrong}"))).take(5).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_planted_bug_is_found() {
    let missed: Vec<Bug> = BUGS.into_iter().filter(|bug| !(0..20_000).any(|seed| schedule(seed, Some(*bug)).is_some())).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
}
