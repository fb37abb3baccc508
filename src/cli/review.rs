//! `presscheck review [CONTRACT]`: the weekly questions, answered from the history. Reads contracts and the history, nothing else.

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::arguments::Place;
use super::tell::setup;
use super::{Ended, Stopped, draw, load, prepare};
use crate::calendar::{self, Age};
use crate::contract::{self, Contract};
use crate::diagnostic::{Finding, Level, codes};
use crate::history::History;
use crate::plan;
use crate::project::Workspace;
use crate::record::IntervalRecord;
use crate::review::{self, Known};

/// Decisions that thresholds are replayed over and waivers are looked for in, where fewer were made in the time that is reviewed.
const DECISIONS: u32 = 200;
/// Most intervals that are looked at for what is to be made up for.
const INTERVALS: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Review {
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// How far back: 12h, 7d, 30d
    #[arg(long, value_name = "AGE", default_value = "7d")]
    since: Age,
    #[arg(long, value_enum, default_value_t = Form::Markdown)]
    format: Form,
    /// Review as if it were this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A page for people
    Markdown,
    /// For a program
    Json,
}

impl Review {
    pub(super) fn run(&self) -> Ended {
        let now = self.as_of.unwrap_or_else(Timestamp::now);
        let back = SignedDuration::from_secs(i64::try_from(self.since.seconds).unwrap_or(i64::MAX));
        let since = now.checked_sub(back).unwrap_or(Timestamp::MIN);
        let (workspace, findings) = load::workspace(&self.place)?;
        if findings.iter().any(|finding| finding.level == Level::Error) {
            return Err(Stopped { findings, exit_code: 2 });
        }
        let unreadable = |why: String| Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why));
        super::shared::refresh(&workspace, unreadable)?;
        let history = History::read(&workspace.history()).map_err(unreadable)?;
        // What was edited answers nothing.
        history.as_ref().map(History::verify).transpose().map_err(unreadable)?;
        let (_, kinds) = load::kinds(&workspace)?;
        let (mut contracts, mut wrong) = (Vec::new(), Vec::new());
        for file in workspace.contracts(&self.contracts)? {
            let read = contract::parse_with(&file.text, &file.path, &kinds);
            match read.value.filter(|_| read.findings.iter().all(|finding| finding.level < Level::Error)) {
                Some(contract) => contracts.push(contract),
                None => wrong.extend(read.findings),
            }
        }
        let known: Vec<Known<'_>> =
            contracts.iter().map(|contract| known(&workspace, contract, history.as_ref(), since, now)).collect::<Result<_, Stopped>>()?;
        let review = review::review(&known, since, now);
        draw::print(&match self.format {
            Form::Markdown => review::markdown(&review),
            Form::Json => serde_json::to_string_pretty(&review)
                .map_err(|error| Stopped::unreadable(Finding::error(codes::INTERNAL, error.to_string())))?,
        });
        draw::findings(&wrong);
        Ok(if wrong.is_empty() { 0 } else { 2 })
    }
}

fn known<'a>(
    workspace: &Workspace,
    contract: &'a Contract,
    history: Option<&History>,
    since: Timestamp,
    now: Timestamp,
) -> Result<Known<'a>, Stopped> {
    let zone = contract.schedule.as_ref().and_then(|schedule| schedule.timezone.as_ref());
    let zone = zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
    let end = |waiver: &contract::Waiver| {
        let wrong = |why| Stopped::usage(Finding::error(codes::BAD_INTERVAL, why).at(waiver.until.span));
        calendar::end_of(waiver.until.value, &zone).map_err(wrong)
    };
    let read = history.map(|history| history.documents(&contract.contract, since, DECISIONS)).transpose();
    let read = read.map_err(|why| Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why)))?;
    let (decisions, without_document) = read.unwrap_or_default();
    Ok(Known {
        contract,
        owners: setup::owners(contract),
        waivers_end: contract.waivers.iter().map(end).collect::<Result<_, Stopped>>()?,
        due: due(workspace, contract, since, now)?,
        decisions,
        without_document,
    })
}

/// Intervals whose deadline passed since a moment, the oldest first.
fn due(workspace: &Workspace, contract: &Contract, since: Timestamp, now: Timestamp) -> Result<Vec<(IntervalRecord, Timestamp)>, Stopped> {
    let Some(schedule) = contract.schedule.as_ref().filter(|schedule| schedule.ready_by.is_some()) else { return Ok(Vec::new()) };
    let closed = setup::closed(workspace, contract)?;
    let (mut found, mut at) = (Vec::new(), now);
    for _ in 0..INTERVALS {
        let interval = prepare::interval(schedule, at)?;
        if interval.end.timestamp() < since {
            break;
        }
        let due = plan::ready_by(schedule, &interval, Some(&closed)).map_err(Stopped::usage)?;
        found.extend(due.filter(|due| *due < now && *due >= since).map(|due| (IntervalRecord::of(&interval), due)));
        at = interval.start.timestamp();
    }
    found.reverse();
    Ok(found)
}
