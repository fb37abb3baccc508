//! Asks the warehouse about one plan and decides: what `check` does for each contract, and `run` as one of its stages. The decision is stored before
//! anybody hears of it. Not for saying it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::arguments::Reach;
use super::load::Loaded;
use super::prepare::Prepared;
use super::{Stopped, connect, draw, progress};
use crate::calendar::Age;
use crate::check::outcome::Outcome;
use crate::decide::{self, Context, FactName};
use crate::diagnostic::At;
use crate::execute::{self, Answers};
use crate::plan::{CheckId, Plan};
use crate::record::{self, Document, ReleaseRecord};
use crate::warehouse::{Down, Warehouse};

/// Longest that one statement may take, unless presscheck.yml says otherwise.
const STATEMENT: Duration = Duration::from_secs(300);
/// Longest that all statements may take, unless presscheck.yml says otherwise.
const RUN: Duration = Duration::from_secs(1800);

/// How to ask and to decide.
pub(super) struct Manner<'a> {
    pub(super) reach: &'a Reach,
    /// The decision time of a rehearsal.
    pub(super) as_of: Option<Timestamp>,
    pub(super) fail_on: decide::FailOn,
    pub(super) cancel: &'a Arc<AtomicBool>,
    pub(super) look: &'a draw::Look,
    /// Whether a lock keeps other runs of the same contract and interval away.
    pub(super) locked: bool,
    /// Whether this run built what the plan stands on; else dbt's last run says what was built.
    pub(super) built_here: bool,
    /// How what is held gets free again.
    pub(super) release: &'a dyn Fn(&Document) -> Vec<ReleaseRecord>,
}

/// What came of it.
pub(super) struct Decided {
    pub(super) document: Document,
    pub(super) exit_code: u8,
    /// The decision could not be stored, so all of it is held and nothing may act on it.
    pub(super) lost: bool,
}

/// What the warehouse said to a plan, and how each check ended.
pub(super) struct Heard {
    pub(super) answers: Answers,
    pub(super) outcomes: std::collections::BTreeMap<CheckId, Outcome>,
    pub(super) decided_at: Timestamp,
    reached: bool,
}

impl Manner<'_> {
    /// Sends the statements of a plan, and judges what comes back.
    pub(super) fn hear(&self, loaded: &Loaded, plan: &Plan) -> Result<Heard, Stopped> {
        let settings = &loaded.workspace.settings;
        let connected = connect::open(loaded, self.reach)?;
        let further: Vec<(String, Box<dyn Warehouse>)> =
            connect::used(&[plan]).into_iter().map(|name| (name.clone(), connect::open_further(loaded, self.reach, &name))).collect();
        let local = Timestamp::now();
        let longest = |age: &Option<At<Age>>, otherwise| age.as_ref().map_or(otherwise, |age| Duration::from_secs(age.seconds));
        let options = execute::Options {
            threads: connected.threads,
            limit: longest(&settings.timeouts.statement, STATEMENT),
            deadline: Some(longest(&settings.timeouts.run, RUN)),
            cancel: self.cancel,
            local,
            as_of: self.as_of,
            moved: settings.budget.max_moved_rows.as_ref().map_or(execute::MOVED, |rows| rows.value),
            connections: further.iter().map(|(name, warehouse)| (name.clone(), warehouse.as_ref())).collect(),
        };
        let ask = |warehouse: &dyn Warehouse| {
            let watch = progress::Watch::new(self.look, plan.statements.len());
            let answers = execute::run(plan, warehouse, &options, &|event| watch.see(event));
            watch.end();
            answers
        };
        let mut answers = match &connected.warehouse {
            Ok(warehouse) => ask(warehouse.as_ref()),
            Err(fault) if further.is_empty() => connect::in_vain(plan, fault),
            // The others are asked all the same.
            Err(fault) => ask(&Down(fault.clone())),
        };
        let decided_at = answers.now.or(self.as_of).unwrap_or(local);
        let outcomes = decide::outcomes(plan, &answers, decided_at);
        if let Ok(warehouse) = &connected.warehouse {
            answers.values = execute::values(plan, warehouse.as_ref(), &options, &answers.snapshot);
            let failed = outcomes.iter().filter(|(_, outcome)| outcome.ended().failed()).map(|(id, _)| id.clone());
            let failed: Vec<String> = failed.collect();
            answers.samples = execute::samples(plan, &failed, warehouse.as_ref(), &options, &answers.snapshot);
        }
        Ok(Heard { answers, outcomes, decided_at, reached: connected.warehouse.is_ok() })
    }

    /// Asks and decides about one contract. `keep` stores the decision; when it cannot, all is held.
    pub(super) fn decide(
        &self,
        loaded: &Loaded,
        one: &Prepared,
        keep: &mut dyn FnMut(&Document, u8) -> Result<(), String>,
    ) -> Result<Decided, Stopped> {
        let Heard { answers, outcomes, decided_at, reached } = self.hear(loaded, &one.plan)?;
        let context = self.context(loaded, one, &answers, reached);
        let meta = meta(loaded, one, self.as_of.is_some());
        let write = |context: &Context| {
            let decision = decide::decide_safely(&one.plan.expected, &outcomes, context, decided_at);
            let mut document = Document::new(&one.plan, &answers, &outcomes, &decision, &meta);
            document.release = (self.release)(&document);
            (document, decision.exit_code(self.fail_on))
        };
        let (document, exit_code) = write(&context.clone().holds(FactName::RecordDurable, "stored before it was told"));
        match keep(&document, exit_code) {
            Ok(()) => Ok(Decided { document, exit_code, lost: false }),
            // What cannot be stored was not decided.
            Err(error) => {
                let (document, exit_code) = write(&context.broken(FactName::RecordDurable, error));
                Ok(Decided { document, exit_code, lost: true })
            }
        }
    }

    /// Whether somebody asked that the run ends.
    pub(super) fn stopped(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// What must be true besides the outcomes.
    fn context(&self, loaded: &Loaded, one: &Prepared, answers: &Answers, reached: bool) -> Context {
        let mut context = Context::unknown();
        context = match loaded.unchanged() {
            Ok(()) => context.holds(FactName::InputsUnchanged, "contract and artifacts are what they were when the run began"),
            Err(changed) => context.broken(FactName::InputsUnchanged, changed),
        };
        context = self.artifacts(context, loaded, one);
        let unreached = "the warehouse was not reached";
        context = if !reached {
            context.does_not_apply(FactName::OneSnapshot, unreached)
        } else if answers.one_snapshot() {
            context.holds(FactName::OneSnapshot, answers.snapshot.clone())
        } else if !answers.snapshot_is_named() && answers.snapshot == answers.snapshot_after {
            let none =
                "this engine names no state of its data: the statements ran one after another, and a change between them was not seen";
            context.does_not_apply(FactName::OneSnapshot, none)
        } else {
            context.broken(FactName::OneSnapshot, "the data changed while the checks ran, or its state cannot be told")
        };
        context = match (self.as_of.is_some(), answers.clock_skew) {
            (true, _) => context.does_not_apply(FactName::ClocksAgree, "a rehearsal: the time was given"),
            (false, _) if !reached => context.does_not_apply(FactName::ClocksAgree, unreached),
            (false, Some(skew)) if answers.clocks_agree() => {
                context.holds(FactName::ClocksAgree, format!("the warehouse's clock differs by {skew} s"))
            }
            (false, Some(skew)) => {
                context.broken(FactName::ClocksAgree, format!("the warehouse's clock differs by {skew} s from the local one"))
            }
            (false, None) => context.broken(FactName::ClocksAgree, "the warehouse's clock could not be read"),
        };
        context = if self.locked {
            context.holds(FactName::LockHeld, "no other run of this contract and interval goes on")
        } else {
            context.does_not_apply(FactName::LockHeld, "check publishes nothing, so it takes no lock")
        };
        let missing = one.plan.expected.checks.iter().filter(|check| !one.plan.asks.contains_key(&check.id)).count();
        if missing == 0 {
            context.holds(FactName::ExpectedSetComplete, format!("{} checks expected", one.plan.expected.checks.len()))
        } else {
            context.broken(FactName::ExpectedSetComplete, format!("{missing} expected checks are not planned"))
        }
    }

    fn artifacts(&self, context: Context, loaded: &Loaded, one: &Prepared) -> Context {
        // What this run did not build is in the plan already, each cause with the metrics that it reaches.
        let unbuilt = if self.built_here { Ok(Vec::new()) } else { loaded.unbuilt(&one.plan) };
        match (loaded.stale_models(&one.plan), unbuilt) {
            (_, Err(unreadable)) => context.broken(FactName::ArtifactsFresh, format!("what dbt last built is not known: {unreadable}")),
            (_, Ok(unbuilt)) if !unbuilt.is_empty() => context.broken(
                FactName::ArtifactsFresh,
                format!("dbt's last run did not build {}, so older data stands there: mend it and run `dbt build`", unbuilt.join(", ")),
            ),
            (stale, Ok(_)) if !stale.is_empty() => context.broken(
                FactName::ArtifactsFresh,
                format!("the manifest is older than the SQL of {}: run `dbt build` (or `dbt compile`)", few(&stale)),
            ),
            (_, Ok(_)) => context.holds(
                FactName::ArtifactsFresh,
                "the manifest holds the SQL of the models' files, and dbt's last run failed on none of them; other files are not compared",
            ),
        }
    }
}

/// At most five names, and how many more there are.
fn few(names: &[String]) -> String {
    let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 5 { format!("{shown} and {} more", names.len() - 5) } else { shown }
}

fn meta(loaded: &Loaded, one: &Prepared, rehearsal: bool) -> record::Meta {
    let hash = |path: &Path| {
        let input = loaded.inputs.iter().find(|(input, _)| input == path);
        input.map(|(_, hash)| hash.to_hex().to_string())
    };
    record::Meta {
        promise: one.contract.as_ref().and_then(|contract| contract.promise.as_ref()).map(|promise| promise.value.trim().to_owned()),
        rehearsal,
        dbt_version: loaded.project.dbt_version.clone(),
        schema_version: loaded.project.schema_version,
        generated_at: loaded.project.generated_at,
        manifest_hash: hash(&loaded.workspace.manifest).unwrap_or_default(),
        contract_hash: one.file.as_deref().and_then(hash),
        notes: loaded.project.notes.clone(),
    }
}

/// The exit code of several decisions: 2 before 1 before 3 before 0.
pub(super) fn worst(codes: &[u8]) -> u8 {
    [2, 1, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}
