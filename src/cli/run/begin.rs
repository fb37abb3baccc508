//! From a contract and an interval to the path of a run: what it stands on, which sources it waits for and how long, what is built.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::load::{self, Loaded};
use super::super::{Stopped, draw, prepare};
use super::Run;
use crate::calendar::Interval;
use crate::contract::Contract;
use crate::dbt::NodeKind;
use crate::diagnostic::{Finding, codes};
use crate::history::{History, Step};
use crate::macros::Macros;
use crate::plan::{Plan, Unbuilt};
use crate::project::settings::Builder;
use crate::runner::{Build, Gate, Path};

/// Shortest and longest time between two looks at the sources.
const LOOKS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How many looks fit into the whole wait, between those two.
const LOOKS_PER_WAIT: u32 = 40;
/// Earlier runs whose length is remembered.
const REMEMBERED: u32 = 10;

/// What a run begins with.
pub(super) struct Beginning {
    pub(super) macros: Macros,
    /// The plan before anything is built.
    pub(super) plan: Plan,
    pub(super) path: Path,
}

impl Beginning {
    pub(super) fn new(
        run: &Run,
        loaded: &mut Loaded,
        contract: &Contract,
        interval: Option<Interval>,
        look: &draw::Look,
    ) -> Result<Beginning, Stopped> {
        let macros = load::macros(loaded)?;
        let plan = plan(run, loaded, contract, &macros, interval, None, Vec::new())?;
        if !look.quiet {
            plan.notes.iter().for_each(|note| draw::say(&format!("note: {note}")));
        }
        let path = path(run, loaded, contract, &plan)?;
        Ok(Beginning { macros, plan, path })
    }
}

/// The plan of a contract and interval; with a selection only the checks on those relations are wanted.
pub(super) fn plan(
    run: &Run,
    loaded: &mut Loaded,
    contract: &Contract,
    macros: &Macros,
    interval: Option<Interval>,
    selection: Option<BTreeSet<String>>,
    unbuilt: Vec<Unbuilt>,
) -> Result<Plan, Stopped> {
    let given = prepare::given(loaded, contract, &run.reach, Timestamp::now(), interval.as_ref())?;
    let given = crate::plan::Given { unbuilt, ..given };
    prepare::one(loaded, contract, macros, selection, given, interval).map_err(|stopped| Stopped {
        findings: stopped.findings.into_iter().map(|finding| prepare::placed(finding, &contract.origin.file)).collect(),
        ..stopped
    })
}

fn path(run: &Run, loaded: &Loaded, contract: &Contract, plan: &Plan) -> Result<Path, Stopped> {
    let nodes = || {
        // A seed that stands for what a source lands is landed by somebody else: loading it would take today's rows away.
        let sources = loaded.project.nodes.values().filter(|node| node.kind == NodeKind::Source);
        let landed: BTreeSet<&str> = sources.filter_map(|node| node.relation_name.as_deref()).collect();
        let made = |id: &&String| {
            loaded.project.nodes.get(*id).is_some_and(|node| match node.kind {
                NodeKind::Model => node.materialized != "ephemeral",
                NodeKind::Snapshot => true,
                NodeKind::Seed => !node.relation_name.as_deref().is_some_and(|name| landed.contains(name)),
                NodeKind::Source => false,
            })
        };
        plan.stands_on.values().flatten().filter(made).cloned().collect::<BTreeSet<String>>()
    };
    let settings = &loaded.workspace.settings.build;
    let build = match settings.with.as_ref().map(|with| with.value) {
        _ if run.no_build => Build::None,
        Some(Builder::None) => Build::None,
        Some(Builder::Command) => {
            let argv: Vec<String> = settings.command.iter().map(|part| part.value.clone()).collect();
            if argv.is_empty() {
                let finding = Finding::error(codes::NO_COMMAND, "presscheck.yml builds with a command and names none");
                return Err(Stopped::usage(finding.help("write it as a list: build: {with: command, command: [make, models]}")));
            }
            Build::Command { argv, nodes: nodes() }
        }
        Some(Builder::Dbt) | None => Build::Dbt { nodes: nodes() },
    };
    let wait = contract.schedule.as_ref().and_then(|schedule| schedule.wait.as_ref());
    let wait = wait.map_or(Duration::ZERO, |wait| Duration::from_secs(wait.seconds));
    let publishes = self::publishes(run, contract);
    Ok(Path {
        gate: Gate {
            sources: plan.landings.keys().map(|id| (id.clone(), loaded.name(id))).collect::<BTreeMap<_, _>>(),
            wait,
            every: (wait / LOOKS_PER_WAIT).clamp(LOOKS.0, LOOKS.1),
            last_moment: last_moment(loaded, contract, plan),
        },
        build,
        checks: plan.expected.checks.len(),
        publishes,
        tells: run.interval.is_none() && !run.no_tell,
    })
}

/// Whether this run publishes: one for the newest interval does, one for earlier ones only when it was asked to.
pub(super) fn publishes(run: &Run, contract: &Contract) -> bool {
    super::super::publish::wanted(contract).is_some() && !run.no_publish && (run.interval.is_none() || run.publish)
}

/// The last moment at which what follows the gate still fits before `ready_by`, by how long it took before.
fn last_moment(loaded: &Loaded, contract: &Contract, plan: &Plan) -> Option<Timestamp> {
    let ready_by = plan.expected.ready_by?;
    let history = History::read(&loaded.workspace.history()).ok().flatten();
    let runs = history.and_then(|history| history.runs(Some(&contract.contract), None, REMEMBERED).ok()).unwrap_or_default();
    let took = |run: &crate::history::Run| -> Option<SignedDuration> {
        let landed = run.steps.iter().rev().find(|kept| matches!(kept.step, Step::Landed { .. }))?.at;
        let decided = run.steps.iter().rev().find(|kept| matches!(kept.step, Step::Decided { .. }))?.at;
        (decided > landed).then(|| decided.duration_since(landed))
    };
    let longest = runs.iter().filter_map(took).max().unwrap_or(SignedDuration::ZERO);
    ready_by.checked_sub(longest).ok()
}
