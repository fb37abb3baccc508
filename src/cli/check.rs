//! `presscheck check`: asks, decides, stores the decision, tells it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::arguments::{FailOn, Place, Reach, Report, Which};
use super::load::Loaded;
use super::prepare::{self, Prepared};
use super::{Ended, Stopped, connect, draw, progress, report, store};
use crate::decide::{self, Context, FactName};
use crate::execute::{self, Answers};
use crate::history::History;
use crate::output::{self, Told};
use crate::record::{self, Document};

/// Longest that one statement may take, unless presscheck.yml says otherwise.
const STATEMENT: Duration = Duration::from_secs(300);
/// Longest that all statements may take, unless presscheck.yml says otherwise.
const RUN: Duration = Duration::from_secs(1800);

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    reach: Reach,
    #[arg(long, value_enum, default_value_t = Report::Text)]
    format: Report,
    /// Which verdict ends with exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Hold, value_name = "VERDICT")]
    fail_on: FailOn,
}

impl Check {
    /// The check that the demo runs on the folder that it wrote.
    #[cfg(feature = "duckdb")]
    pub(super) fn of_project(folder: &Path, as_of: Timestamp, format: super::arguments::Format) -> Check {
        Check {
            place: Place { project_dir: Some(folder.to_path_buf()), manifest: None, target_path: None },
            which: Which { contracts: Vec::new(), exposure: None, select: Vec::new(), exclude: Vec::new(), as_of: Some(as_of) },
            reach: Reach { profiles_dir: Some(folder.to_path_buf()), profile: None, target: None, vars: None, threads: None },
            format: format.into(),
            fail_on: FailOn::Hold,
        }
    }

    /// Programs get the findings as JSON, too, when nothing could be decided.
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let ended = self.ask_and_tell(look);
        match (&ended, self.format) {
            (Ok(_), _) | (Err(_), Report::Text) => {}
            (Err(stopped), format) => report::findings(format, &stopped.findings, stopped.exit_code, &[]),
        }
        ended
    }

    fn ask_and_tell(&self, look: &draw::Look) -> Ended {
        let local = Timestamp::now();
        let (loaded, prepared) = prepare::plans(&self.place, &self.which, self.which.as_of.unwrap_or(local), look)?;
        let cancel = super::interrupt::flag();
        let mut decisions = Vec::new();
        let mut codes = Vec::new();
        for one in &prepared {
            let (document, code) = self.decide(&loaded, one, &cancel, look)?;
            decisions.push(document);
            codes.push(code);
        }
        let exit_code = worst(&codes);
        let told = Told { exit_code, decisions, findings: Vec::new() };
        let files: Vec<Option<&Path>> = prepared.iter().map(|one| one.file.as_deref()).collect();
        report::decisions(self.format, &told, &files);
        Ok(exit_code)
    }

    /// Asks and decides about one contract; the decision is stored before it is told.
    fn decide(&self, loaded: &Loaded, one: &Prepared, cancel: &Arc<AtomicBool>, look: &draw::Look) -> Result<(Document, u8), Stopped> {
        let settings = &loaded.workspace.settings;
        let connected = connect::open(loaded, &self.reach)?;
        let local = Timestamp::now();
        let longest = |age: &Option<crate::diagnostic::At<crate::calendar::Age>>, otherwise| {
            age.as_ref().map_or(otherwise, |age| Duration::from_secs(age.seconds))
        };
        let options = execute::Options {
            threads: connected.threads,
            limit: longest(&settings.timeouts.statement, STATEMENT),
            deadline: Some(longest(&settings.timeouts.run, RUN)),
            cancel,
            local,
            as_of: self.which.as_of,
            connections: std::collections::BTreeMap::new(),
        };
        let mut answers = match &connected.warehouse {
            Ok(warehouse) => {
                let watch = progress::Watch::new(look, one.plan.statements.len());
                let answers = execute::run(&one.plan, warehouse.as_ref(), &options, &|event| watch.see(event));
                watch.end();
                answers
            }
            Err(fault) => connect::in_vain(&one.plan, fault),
        };
        let decided_at = answers.now.or(self.which.as_of).unwrap_or(local);
        let outcomes = decide::outcomes(&one.plan, &answers, decided_at);
        if let Ok(warehouse) = &connected.warehouse {
            let failed = outcomes.iter().filter(|(_, outcome)| outcome.ended().failed()).map(|(id, _)| id.clone());
            let failed: Vec<String> = failed.collect();
            answers.samples = execute::samples(&one.plan, &failed, warehouse.as_ref(), &options, &answers.snapshot);
        }
        let context = context(loaded, one, &answers, connected.warehouse.is_ok(), self.which.as_of.is_some());
        let path = store::path(&loaded.workspace.target, &one.plan.contract);
        let meta = self.meta(loaded, one);
        let write = |context: &Context| {
            let decision = decide::decide_safely(&one.plan.expected, &outcomes, context, decided_at);
            let document = Document::new(&one.plan, &answers, &outcomes, &decision, &meta);
            (document, decision.exit_code(self.fail_on.into()))
        };
        let (document, code) = write(&context.clone().holds(FactName::RecordDurable, "stored in the target folder before it was told"));
        match store::store(&path, &output::stored(&document)).and_then(|()| self.remember(loaded, one, &document)) {
            Ok(()) => Ok((document, code)),
            // What cannot be stored was not decided.
            Err(error) => Ok(write(&context.broken(FactName::RecordDurable, error))),
        }
    }

    /// Adds the decision to the project's history, unless it is no real one: a rehearsal, a part, or an exposure without a contract.
    fn remember(&self, loaded: &Loaded, one: &Prepared, document: &Document) -> Result<(), String> {
        let part = !self.which.select.is_empty() || !self.which.exclude.is_empty();
        if self.which.as_of.is_some() || part || one.contract.is_none() {
            return Ok(());
        }
        History::open(&loaded.workspace.history()).and_then(|mut history| history.add(&document.without_samples())).map(|_added| ())
    }

    fn meta(&self, loaded: &Loaded, one: &Prepared) -> record::Meta {
        let hash = |path: &Path| {
            let input = loaded.inputs.iter().find(|(input, _)| input == path);
            input.map(|(_, hash)| hash.to_hex().to_string())
        };
        record::Meta {
            promise: one.contract.as_ref().and_then(|contract| contract.promise.as_ref()).map(|promise| promise.value.trim().to_owned()),
            rehearsal: self.which.as_of.is_some(),
            dbt_version: loaded.project.dbt_version.clone(),
            schema_version: loaded.project.schema_version,
            generated_at: loaded.project.generated_at,
            manifest_hash: hash(&loaded.workspace.manifest).unwrap_or_default(),
            contract_hash: one.file.as_deref().and_then(hash),
            notes: loaded.project.notes.clone(),
        }
    }
}

/// What must be true besides the outcomes.
fn context(loaded: &Loaded, one: &Prepared, answers: &Answers, reached: bool, rehearsal: bool) -> Context {
    let mut context = Context::unknown();
    context = match loaded.unchanged() {
        Ok(()) => context.holds(FactName::InputsUnchanged, "contract and artifacts are what they were when the run began"),
        Err(changed) => context.broken(FactName::InputsUnchanged, changed),
    };
    context = match (loaded.stale_models(&one.plan), loaded.unbuilt(&one.plan)) {
        (_, Err(unreadable)) => context.broken(FactName::ArtifactsFresh, format!("what dbt last built is not known: {unreadable}")),
        (_, Ok(unbuilt)) if !unbuilt.is_empty() => context.broken(
            FactName::ArtifactsFresh,
            format!("dbt's last run did not build {}, so older data stands there: mend it and run `dbt build`", unbuilt.join(", ")),
        ),
        (stale, Ok(_)) if !stale.is_empty() => context.broken(
            FactName::ArtifactsFresh,
            format!("the manifest is older than the SQL of {}: run `dbt build` (or `dbt compile`)", stale.join(", ")),
        ),
        (_, Ok(_)) => context.holds(
            FactName::ArtifactsFresh,
            "the manifest holds the SQL of the models' files, and dbt's last run failed on none of them; other files are not compared",
        ),
    };
    let unreached = "the warehouse was not reached";
    context = if !reached {
        context.does_not_apply(FactName::OneSnapshot, unreached)
    } else if answers.one_snapshot() {
        context.holds(FactName::OneSnapshot, answers.snapshot.clone())
    } else if !answers.snapshot_is_named() && answers.snapshot == answers.snapshot_after {
        let none = "this engine names no state of its data: the statements ran one after another, and a change between them was not seen";
        context.does_not_apply(FactName::OneSnapshot, none)
    } else {
        context.broken(FactName::OneSnapshot, "the data changed while the checks ran, or its state cannot be told")
    };
    context = match (rehearsal, answers.clock_skew) {
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
    context = context.does_not_apply(FactName::LockHeld, "check publishes nothing, so it takes no lock");
    let missing = one.plan.expected.checks.iter().filter(|check| !one.plan.asks.contains_key(&check.id)).count();
    if missing == 0 {
        context.holds(FactName::ExpectedSetComplete, format!("{} checks expected", one.plan.expected.checks.len()))
    } else {
        context.broken(FactName::ExpectedSetComplete, format!("{missing} expected checks are not planned"))
    }
}

/// The exit code of several decisions: 2 before 1 before 3 before 0.
fn worst(codes: &[u8]) -> u8 {
    [2, 1, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

impl From<FailOn> for decide::FailOn {
    fn from(typed: FailOn) -> Self {
        match typed {
            FailOn::Warn => decide::FailOn::Warn,
            FailOn::Hold => decide::FailOn::Hold,
            FailOn::Never => decide::FailOn::Never,
        }
    }
}
