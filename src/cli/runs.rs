//! `presscheck runs`: what was run, how it ended, and each step of one run, from the history; and letting go of what is old.

use std::fmt::Write;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::arguments::Place;
use super::{Ended, Stopped, draw, load};
use crate::calendar::Age;
use crate::diagnostic::{Finding, Level, codes};
use crate::history::{History, Kept, Lock, Pruned, Run, State, Step};
use crate::project::Workspace;
use crate::record::counted;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Runs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every step of one run, in order
    Show(Show),
    /// Let go of runs and of documents of decisions that are old; verdicts and measured values stay, and so does the newest run of each contract
    Prune(Prune),
}

#[derive(Debug, Args)]
struct List {
    /// Contracts, by name; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// How many of the newest
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Debug, Args)]
struct Show {
    /// The run, as `presscheck runs` names it; its beginning is enough where no other run begins so
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Debug, Args)]
struct Prune {
    /// What is younger stays: 30d, 400d
    #[arg(long, value_name = "AGE")]
    keep: Age,
    #[command(flatten)]
    place: Place,
    /// Say what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a person
    Text,
    /// For a program
    Json,
}

/// One run in the list.
#[derive(Debug, Serialize)]
struct Row {
    run: String,
    contract: String,
    /// Start and end, half-open; absent without a schedule.
    interval: Option<String>,
    began: Option<Timestamp>,
    /// `ended`, `interrupted`, `running`.
    state: &'static str,
    exit_code: Option<u8>,
    /// Status of the report, where it was decided.
    status: Option<String>,
    /// The decision that counts.
    decision: Option<String>,
    /// How often it was gone on with.
    resumed: usize,
    /// What it said at its end.
    said: Option<String>,
}

impl Runs {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        match &self.command {
            None => self.list.run(),
            Some(Command::Show(show)) => show.run(),
            Some(Command::Prune(prune)) => prune.run(look),
        }
    }
}

impl List {
    fn run(&self) -> Ended {
        let workspace = workspace(&self.place)?;
        super::shared::refresh(&workspace, unreadable)?;
        let mut rows = Vec::new();
        if let Some(history) = History::read(&workspace.history()).map_err(unreadable)? {
            let mut of = |contract: Option<&str>| -> Result<(), Stopped> {
                let runs = history.runs(contract, None, self.limit).map_err(unreadable)?;
                rows.extend(runs.iter().map(|run| row(&workspace, run)));
                Ok(())
            };
            match self.contracts.as_slice() {
                [] => of(None)?,
                named => named.iter().try_for_each(|contract| of(Some(contract)))?,
            }
        }
        match self.format {
            Form::Json => draw::print(&pretty(&rows)?),
            Form::Text => draw::print(&listed(&rows)),
        }
        Ok(0)
    }
}

impl Show {
    fn run(&self) -> Ended {
        let workspace = workspace(&self.place)?;
        super::shared::refresh(&workspace, unreadable)?;
        let unknown = |why: &str| {
            let finding = Finding::error(codes::UNKNOWN_RUN, format!("{why} `{}`", self.run));
            Stopped::usage(finding.help("`presscheck runs` lists them"))
        };
        let history = History::read(&workspace.history()).map_err(unreadable)?.ok_or_else(|| unknown("there is no history, so no run"))?;
        history.verify().map_err(unreadable)?;
        let all = history.runs(None, None, u32::MAX).map_err(unreadable)?;
        let mut found: Vec<&Run> = all.iter().filter(|run| run.key.run == self.run).collect();
        if found.is_empty() {
            found = all.iter().filter(|run| run.key.run.starts_with(&self.run)).collect();
        }
        let run = match found.as_slice() {
            [run] => *run,
            [] => return Err(unknown("there is no run")),
            _ => return Err(unknown("several runs begin with")),
        };
        match self.format {
            Form::Json => {
                let steps: Vec<serde_json::Value> = run.steps.iter().map(step).collect::<Result<_, Stopped>>()?;
                let mut told = serde_json::to_value(row(&workspace, run)).map_err(internal)?;
                told["steps"] = steps.into();
                draw::print(&pretty(&told)?);
            }
            Form::Text => {
                let mut out = listed(&[row(&workspace, run)]);
                for kept in &run.steps {
                    let _ = writeln!(out, "  {} {}", kept.at.strftime("%Y-%m-%d %H:%M:%S"), said(&kept.step));
                }
                draw::print(&out);
            }
        }
        Ok(0)
    }
}

impl Prune {
    fn run(&self, look: &draw::Look) -> Ended {
        let workspace = workspace(&self.place)?;
        super::shared::refresh(&workspace, unreadable)?;
        let Some(_) = History::read(&workspace.history()).map_err(unreadable)? else {
            draw::print("there is no history\n");
            return Ok(0);
        };
        let back = SignedDuration::from_secs(i64::try_from(self.keep.seconds).unwrap_or(i64::MAX));
        let before = Timestamp::now().checked_sub(back).unwrap_or(Timestamp::MIN);
        let mut history = super::shared::open(&workspace, unreadable)?;
        let Pruned { steps, runs, documents } = history.prune(before, self.dry_run).map_err(unreadable)?;
        if !look.quiet {
            let verb = if self.dry_run { "would let go of" } else { "let go of" };
            let [runs, steps, documents] =
                [(runs, "runs"), (steps, "steps"), (documents, "documents")].map(|(count, what)| counted(&count.to_string(), what));
            draw::print(&format!("{verb} {runs}, {steps} and {documents}\n"));
        }
        Ok(0)
    }
}

fn workspace(place: &Place) -> Result<Workspace, Stopped> {
    let (workspace, findings) = load::workspace(place)?;
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return Err(Stopped { findings, exit_code: 2 });
    }
    Ok(workspace)
}

fn row(workspace: &Workspace, run: &Run) -> Row {
    let held = || Lock::is_held(&workspace.history(), &format!("{} {}", run.key.contract, run.key.interval));
    let (state, exit_code) = match run.state() {
        State::Sealed { exit_code } => ("ended", Some(exit_code)),
        State::Interrupted if held() => ("running", None),
        State::Interrupted => ("interrupted", None),
    };
    let decided = run.steps.iter().rev().find_map(|kept| match &kept.step {
        Step::Decided { decision, status, .. } => Some((decision.clone(), status.clone())),
        _ => None,
    });
    let (decision, status) = decided.unzip();
    Row {
        run: run.key.run.clone(),
        contract: run.key.contract.clone(),
        interval: Some(run.key.interval.clone()).filter(|interval| !interval.is_empty()),
        began: run.started_at(),
        state,
        exit_code,
        status,
        decision,
        resumed: run.steps.iter().filter(|kept| matches!(kept.step, Step::Resumed { .. })).count(),
        said: run.steps.iter().rev().find_map(|kept| match &kept.step {
            Step::Sealed { said, .. } if exit_code.is_some() => Some(said.clone()).filter(|said| !said.is_empty()),
            _ => None,
        }),
    }
}

fn listed(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let began = row.began.map(|began| began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
        let ended = match (row.state, row.exit_code) {
            (_, Some(code)) => format!("exit code {code}"),
            ("running", None) => "still running".to_owned(),
            _ => "interrupted: as long as its interval is the one that is due, `presscheck run --resume` goes on with it".to_owned(),
        };
        let status = row.status.as_ref().map_or_else(|| "not decided".to_owned(), Clone::clone);
        let resumed = if row.resumed > 0 { format!(", resumed {} times", row.resumed).replace(" 1 times", " once") } else { String::new() };
        let _ = writeln!(out, "{}  {}\n  began {began}{resumed}, {status}, {ended}", row.run, row.contract);
        if let Some(interval) = &row.interval {
            let _ = writeln!(out, "  interval {interval}");
        }
        if let Some(said) = &row.said {
            let _ = writeln!(out, "  {said}");
        }
    }
    if rows.is_empty() { "no run\n".to_owned() } else { out }
}

/// A step in a line, for people.
fn said(step: &Step) -> String {
    let name = step.name();
    match step {
        Step::Started { version, .. } | Step::Resumed { version } => format!("{name} by presscheck {version}"),
        Step::Inputs { hashes } => format!("{name}: {}", counted(&hashes.len().to_string(), "files")),
        Step::Expected { checks, .. } => format!("{name}: {}", counted(&checks.to_string(), "checks")),
        Step::Landed { sources, .. } => {
            let all: Vec<String> = sources.iter().map(|(source, how)| format!("{source} {how}")).collect();
            format!("{name}: {}", all.join("; "))
        }
        Step::Building { nodes } => format!("{name}: {}", counted(&nodes.len().to_string(), "nodes")),
        Step::Built { results, seconds, .. } => {
            let other: Vec<String> =
                results.iter().filter(|(_, how)| *how != "success").map(|(node, how)| format!("; {node} {how}")).collect();
            format!("{name}: {} in {seconds} s{}", counted(&results.len().to_string(), "nodes"), other.concat())
        }
        Step::Snapshot { name: of } => format!("{name}: {of}"),
        Step::Answered { answers, .. } => format!("{name}: {}", counted(&answers.len().to_string(), "checks")),
        Step::Decided { decision, status, verdicts, exit_code, .. } => {
            let all: Vec<String> = verdicts.iter().map(|(metric, verdict)| format!("{metric} {verdict}")).collect();
            format!("{name}: {status} ({}), decision {decision}, exit code {exit_code}", all.join(", "))
        }
        Step::Intent(intent) => format!("{name}: {} [{}]", intent.what, short(&intent.key)),
        Step::Done { key, .. } => format!("{name} [{}]", short(key)),
        Step::Failed { key, error, refused } => format!("{} [{}]: {error}", if *refused { "refused" } else { name }, short(key)),
        Step::Sealed { exit_code, said } => format!("{name}: exit code {exit_code}; {said}"),
    }
}

/// Enough of a key to tell two apart.
fn short(key: &str) -> &str {
    key.get(..12).unwrap_or(key)
}

fn step(kept: &Kept) -> Result<serde_json::Value, Stopped> {
    let mut value = serde_json::to_value(&kept.step).map_err(internal)?;
    value["number"] = kept.number.into();
    value["at"] = kept.at.to_string().into();
    Ok(value)
}

fn pretty(value: &impl Serialize) -> Result<String, Stopped> {
    serde_json::to_string_pretty(value).map_err(internal)
}

fn internal(error: serde_json::Error) -> Stopped {
    Stopped::unreadable(Finding::error(codes::INTERNAL, error.to_string()))
}

fn unreadable(why: String) -> Stopped {
    Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why))
}
