//! Walks a path: each stage asks the world for what it needs, and what happened is in the journal before the next one begins. The order of these
//! steps is what a kill at any moment must leave sound; so all of it is here, and none of it knows what a warehouse is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::progress::Progress;
use super::stages::{Build, Path};
use crate::history::Step;
use crate::plan::Unbuilt;

/// Why a run does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// Somebody asked that it ends: the journal is finished, nothing more is done.
    Stopped,
    /// It cannot go on, and why, for people: what follows would not be remembered, or nothing can be asked.
    Broken(String),
    /// The process is gone; only simulations see this.
    Killed,
}

/// Whether a source has landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landing {
    /// It has, as far as its checks ask for no hold; and what they measured, which is another text when other rows are there. Empty when that is not known.
    Landed(String),
    /// It has not, or that cannot be told: why.
    Late(String),
}

/// What a build did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Built {
    /// dbt's identifier of the invocation.
    pub invocation: Option<String>,
    /// By unique id of what was asked for: `success`, or what became of it instead. What is absent was not built.
    pub results: BTreeMap<String, String>,
    /// How long it took.
    pub seconds: u64,
}

/// A decision that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Its identifier.
    pub decision: String,
    /// The exit code that it asks for.
    pub exit_code: u8,
    /// Whether it is stored; one that is not holds everything, and nothing acts on it.
    pub durable: bool,
}

/// What came of acts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acted {
    /// What was done, for people.
    pub done: Vec<String>,
    /// What was not, and why, for people: tried again by a resume.
    pub failed: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub exit_code: u8,
    /// What there is to say of it, for people.
    pub said: String,
}

/// What a run needs of the world. Whatever does something keeps its intent first.
pub trait World {
    /// The clock.
    fn now(&mut self) -> Timestamp;
    /// Adds a step to the journal; durable when it returns.
    ///
    /// # Errors
    /// It is not kept: then nothing that follows may happen.
    fn keep(&mut self, step: Step) -> Result<(), Halt>;
    /// Asks once for each source of the gate whether it has landed.
    ///
    /// # Errors
    /// Only a halt; a source of which that cannot be told is late.
    fn landings(&mut self) -> Result<BTreeMap<String, Landing>, Halt>;
    /// Waits until a moment, or until somebody asks that the run ends.
    ///
    /// # Errors
    /// The run is to end.
    fn pause(&mut self, until: Timestamp) -> Result<(), Halt>;
    /// Builds these nodes and waits for the end.
    ///
    /// # Errors
    /// Only a halt; what cannot be built is absent from the results.
    fn build(&mut self, nodes: &BTreeSet<String>) -> Result<Built, Halt>;
    /// Of what can be built, what is made of one of these sources and nodes.
    fn below(&mut self, above: &BTreeSet<String>) -> BTreeSet<String>;
    /// What is not worth building while these sources are late, by cause.
    fn waiting(&mut self, late: &BTreeSet<String>) -> Vec<Unbuilt>;
    /// What a build was asked for and did not do, by cause.
    fn failed(&mut self, asked: &BTreeSet<String>, built: &Built) -> Vec<Unbuilt>;
    /// Asks the checks, decides, stores the decision.
    ///
    /// # Errors
    /// Nothing can be decided at all.
    fn decide(&mut self, unbuilt: &[Unbuilt]) -> Result<Decided, Halt>;
    /// Publishes the decision, as far as it is not published yet.
    ///
    /// # Errors
    /// Nothing can be remembered.
    fn publish(&mut self, decided: &Decided) -> Result<Acted, Halt>;
    /// Tells people, as far as they do not know yet.
    ///
    /// # Errors
    /// Nothing can be remembered.
    fn tell(&mut self, decided: &Decided) -> Result<Acted, Halt>;
}

/// Walks the path from where an earlier process left it.
///
/// # Errors
/// The run has no end: [`Halt::Broken`], or [`Halt::Killed`]. A run that was stopped has one.
pub fn run(world: &mut dyn World, path: &Path, from: &Progress) -> Result<Ended, Halt> {
    match walk(world, path, from) {
        Ok(ended) => seal(world, ended),
        Err(Halt::Stopped) => {
            seal(world, Ended { exit_code: 3, said: "stopped: whatever is not decided is held, and --resume goes on".into() })
        }
        Err(halt) => Err(halt),
    }
}

fn seal(world: &mut dyn World, ended: Ended) -> Result<Ended, Halt> {
    world.keep(Step::Sealed { exit_code: ended.exit_code, said: ended.said.clone() })?;
    Ok(ended)
}

fn walk(world: &mut dyn World, path: &Path, from: &Progress) -> Result<Ended, Halt> {
    let decided = match &from.decided {
        Some(decided) => decided.clone(),
        None => decide(world, path, from)?,
    };
    if !decided.durable {
        let said = "the decision could not be stored, so nothing was published".to_owned();
        return Ok(Ended { exit_code: decided.exit_code.max(1), said });
    }
    let mut acted = Acted::default();
    if path.publishes {
        acted.add(world.publish(&decided)?);
    }
    let unpublished = !acted.failed.is_empty();
    if path.tells {
        acted.add(world.tell(&decided)?);
    }
    let said = match (&acted.failed[..], unpublished) {
        ([], _) => acted.done.join("; "),
        (failed, true) => format!("not published: {}", failed.join("; ")),
        (failed, false) => failed.join("; "),
    };
    // Of two codes the worse one, in the order that every command has: 2, 1, 3, 0.
    let exit_code = if decided.exit_code == 0 && !acted.failed.is_empty() { 3 } else { decided.exit_code };
    Ok(Ended { exit_code, said })
}

fn decide(world: &mut dyn World, path: &Path, from: &Progress) -> Result<Decided, Halt> {
    let Gated { late, seen } = gate(world, path)?;
    let unbuilt = match &path.build {
        Build::None => Vec::new(),
        Build::Dbt { nodes } | Build::Command { nodes, .. } => build(world, nodes, &late, &seen, from)?,
    };
    world.decide(&unbuilt)
}

/// What the gate lets through, by unique id.
#[derive(Default)]
struct Gated {
    /// The sources that have not landed when the build must begin, and why.
    late: BTreeMap<String, String>,
    /// What was measured of those that have.
    seen: BTreeMap<String, String>,
}

fn gate(world: &mut dyn World, path: &Path) -> Result<Gated, Halt> {
    let gate = &path.gate;
    if gate.sources.is_empty() {
        return Ok(Gated::default());
    }
    let begun = world.now();
    let patience = SignedDuration::try_from(gate.wait).unwrap_or(SignedDuration::ZERO);
    let end = begun.checked_add(patience).unwrap_or(begun);
    let end = gate.last_moment.map_or(end, |last| end.min(last));
    let mut kept = None;
    loop {
        let landings = world.landings()?;
        // A source that nobody spoke of has not landed.
        let late: BTreeMap<String, String> = gate
            .sources
            .keys()
            .filter_map(|source| match landings.get(source) {
                Some(Landing::Landed(_)) => None,
                Some(Landing::Late(why)) => Some((source.clone(), why.clone())),
                None => Some((source.clone(), "it was not looked at".to_owned())),
            })
            .collect();
        let measured = |(source, landing): (&String, &Landing)| match landing {
            Landing::Landed(seen) => Some((source.clone(), seen.clone())),
            Landing::Late(_) => None,
        };
        let seen: BTreeMap<String, String> = landings.iter().filter_map(measured).collect();
        let saw = Some((late.clone(), seen.clone()));
        if kept != saw {
            let said = |source: &String| late.get(source).cloned().unwrap_or_else(|| "landed".to_owned());
            let sources = gate.sources.iter().map(|(id, name)| (name.clone(), said(id))).collect();
            world.keep(Step::Landed { sources, seen: seen.clone() })?;
            kept = saw;
        }
        let now = world.now();
        if late.is_empty() || now >= end {
            return Ok(Gated { late, seen });
        }
        world.pause(end.min(now.checked_add(pace(gate.every)).unwrap_or(end)))?;
    }
}

fn pace(every: Duration) -> SignedDuration {
    SignedDuration::try_from(every.max(Duration::from_millis(100))).unwrap_or(SignedDuration::from_secs(60))
}

/// Builds what is fit to be, but for what an earlier process built of just these sources.
fn build(
    world: &mut dyn World,
    needed: &BTreeSet<String>,
    late: &BTreeMap<String, String>,
    seen: &BTreeMap<String, String>,
    from: &Progress,
) -> Result<Vec<Unbuilt>, Halt> {
    let same = |source: &String, measured: &String| !measured.is_empty() && from.seen.get(source) == Some(measured);
    let changed = seen.iter().filter(|(source, measured)| !same(source, measured)).map(|(source, _)| source);
    let changed: BTreeSet<String> = changed.chain(late.keys()).cloned().collect();
    let late: BTreeSet<String> = late.keys().cloned().collect();
    let mut unbuilt = world.waiting(&late);
    let waiting: BTreeSet<String> = unbuilt.iter().flat_map(|unbuilt| unbuilt.relations.iter().cloned()).collect();
    let fit: BTreeSet<String> = needed.difference(&waiting).cloned().collect();
    let outdated = world.below(&changed);
    let mut again: BTreeSet<String> = fit.iter().filter(|node| !from.built.contains(*node) || outdated.contains(*node)).cloned().collect();
    again.extend(world.below(&again).intersection(&fit).cloned());
    let before: Vec<String> = fit.difference(&again).cloned().collect();
    let mut built = Built::default();
    if !again.is_empty() {
        world.keep(Step::Building { nodes: again.clone() })?;
        built = world.build(&again)?;
        let Built { invocation, results, seconds } = built.clone();
        world.keep(Step::Built { invocation, results, seconds })?;
    }
    built.results.extend(before.into_iter().map(|node| (node, super::left::SUCCESS.to_owned())));
    unbuilt.extend(world.failed(&fit, &built));
    Ok(unbuilt)
}

impl Acted {
    fn add(&mut self, more: Acted) {
        self.done.extend(more.done);
        self.failed.extend(more.failed);
    }
}
