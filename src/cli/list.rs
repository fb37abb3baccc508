//! `presscheck list`: every contract in a line: promise, tier, owners, next deadline, last decision, open waivers. Reads contracts and stored decisions, nothing else.

use std::fmt::Write;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::arguments::Place;
use super::tell::{latest, setup};
use super::{Ended, Stopped, draw, load, prepare};
use crate::calendar::{self, Closed, Weekday};
use crate::contract::{self, Contract, Tier};
use crate::diagnostic::{Finding, Level, codes};
use crate::history::History;
use crate::output;
use crate::plan;
use crate::project::Workspace;
use crate::record::{Document, OwnersRecord, Status, Verdict};

#[derive(Debug, Args)]
pub(super) struct List {
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// List as if it were this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a person
    Text,
    /// For a program
    Json,
    /// A table, for a page
    Markdown,
}

/// One contract.
#[derive(Debug, Serialize)]
struct Row {
    contract: String,
    report: String,
    promise: Option<String>,
    tier: &'static str,
    owners: OwnersRecord,
    /// When it was due, where it was and is not decided.
    overdue_since: Option<String>,
    /// When the next undecided interval is due; absent without `ready_by`.
    next_deadline: Option<String>,
    last: Option<Last>,
    waivers: Vec<Open>,
}

/// The last decision.
#[derive(Debug, Serialize)]
struct Last {
    run: String,
    decided_at: Timestamp,
    rehearsal: bool,
    interval: Option<String>,
    status: Status,
    published: usize,
    warned: usize,
    held: usize,
}

/// A waiver that still counts.
#[derive(Debug, Serialize)]
struct Open {
    check: String,
    until: String,
    approved_by: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Listed<'a> {
    /// Number of this format: 1.
    format: u32,
    contracts: &'a [Row],
}

impl List {
    pub(super) fn run(&self) -> Ended {
        let now = self.as_of.unwrap_or_else(Timestamp::now);
        let (workspace, findings) = load::workspace(&self.place)?;
        if findings.iter().any(|finding| finding.level == Level::Error) {
            return Err(Stopped { findings, exit_code: 2 });
        }
        let unreadable = |why: String| Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why));
        super::shared::refresh(&workspace, unreadable)?;
        let history = History::read(&workspace.history()).map_err(unreadable)?;
        let (_, kinds) = load::kinds(&workspace)?;
        let (mut rows, mut wrong, mut exit_code) = (Vec::new(), Vec::new(), 0);
        for file in workspace.contracts(&self.contracts)? {
            let read = contract::parse_with(&file.text, &file.path, &kinds);
            match read.value.filter(|_| read.findings.iter().all(|finding| finding.level < Level::Error)) {
                Some(contract) => rows.push(row(&workspace, &contract, history.as_ref(), now)?),
                None => {
                    wrong.extend(read.findings);
                    exit_code = 2;
                }
            }
        }
        rows.sort_by(|one: &Row, other: &Row| one.contract.cmp(&other.contract));
        draw::print(&match self.format {
            Form::Text => text(&rows),
            Form::Markdown => markdown(&rows),
            Form::Json => serde_json::to_string_pretty(&Listed { format: 1, contracts: &rows })
                .map_err(|error| Stopped::unreadable(Finding::error(codes::INTERNAL, error.to_string())))?,
        });
        draw::findings(&wrong);
        Ok(exit_code)
    }
}

fn row(workspace: &Workspace, contract: &Contract, history: Option<&History>, now: Timestamp) -> Result<Row, Stopped> {
    let zone = contract.schedule.as_ref().and_then(|schedule| schedule.timezone.as_ref());
    let zone = zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
    let mut waivers = Vec::new();
    for waiver in &contract.waivers {
        let ends = calendar::end_of(waiver.until.value, &zone)
            .map_err(|why| Stopped::usage(Finding::error(codes::BAD_INTERVAL, why.to_string()).at(waiver.until.span)))?;
        waivers.extend((now < ends).then(|| Open {
            check: waiver.check.value.clone(),
            until: waiver.until.value.0.to_string(),
            approved_by: waiver.approved_by.value.clone(),
            reason: waiver.reason.value.clone(),
        }));
    }
    let document = latest::known(workspace, history, &contract.contract)?;
    let real = document.as_ref().filter(|document| !document.rehearsal);
    let closed = setup::closed(workspace, contract)?;
    let decided = real.and_then(|document| document.interval.as_ref()).and_then(|interval| interval.end.parse::<jiff::Zoned>().ok());
    let schedule = contract.schedule.as_ref().filter(|schedule| schedule.ready_by.is_some());
    let next = schedule.map(|schedule| deadline(schedule, &closed, decided.map(|end| end.timestamp()), now)).transpose()?.flatten();
    let say = |moment: Timestamp| moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
    let overdue = setup::overdue(workspace, contract, real, history, now)?;
    Ok(Row {
        contract: contract.contract.value.clone(),
        report: contract.title.as_ref().unwrap_or(&contract.contract).value.clone(),
        promise: contract.promise.as_ref().map(|promise| promise.split_whitespace().collect::<Vec<_>>().join(" ")),
        tier: match contract.tier.as_ref().map(|tier| tier.value) {
            Some(Tier::Critical) => "critical",
            Some(Tier::Standard) | None => "standard",
            Some(Tier::Experiment) => "experiment",
        },
        owners: setup::owners(contract),
        overdue_since: overdue.map(|overdue| say(overdue.ready_by)),
        next_deadline: next.map(say),
        last: document.as_ref().map(last),
        waivers,
    })
}

/// The deadline of the first interval that is neither decided nor past its deadline.
fn deadline(
    schedule: &contract::Schedule,
    closed: &Closed,
    decided: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Stopped> {
    let mut interval = prepare::interval(schedule, now)?;
    // The newest that has ended, and the ones that follow: a calendar may move a deadline beyond the next one's.
    for _ in 0..3 {
        let due = plan::ready_by(schedule, &interval, Some(closed)).map_err(Stopped::usage)?;
        let end = interval.end.timestamp();
        if due.is_none_or(|due| due >= now && decided.is_none_or(|decided| decided < end)) {
            return Ok(due);
        }
        let starts = schedule.starts.as_ref().map_or(Weekday::Monday, |starts| starts.value);
        interval = calendar::interval_containing(schedule.interval.value, starts, interval.end.time_zone(), end)
            .map_err(|why| Stopped::usage(Finding::error(codes::BAD_INTERVAL, why)))?;
    }
    Ok(None)
}

fn last(document: &Document) -> Last {
    let count = |verdict: Verdict| document.metrics.iter().filter(|metric| metric.verdict == verdict).count();
    Last {
        run: document.run.clone(),
        decided_at: document.decided_at,
        rehearsal: document.rehearsal,
        interval: document.interval.as_ref().map(|interval| format!("{} to {}", interval.first_day, interval.last_day)),
        status: document.status,
        published: count(Verdict::Publish),
        warned: count(Verdict::Warn),
        held: count(Verdict::Hold),
    }
}

fn text(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let _ = writeln!(out, "{} ({}, {})", row.report, row.contract, row.tier);
        for (label, value) in facts(row) {
            let _ = writeln!(out, "  {label:<9} {value}");
        }
    }
    if rows.is_empty() { "no contract\n".to_owned() } else { out }
}

fn markdown(rows: &[Row]) -> String {
    let mut out = String::from("| report | tier | promise | owners | next deadline | last | waivers |\n|---|---|---|---|---|---|---|\n");
    for row in rows {
        let facts = facts(row);
        let of = |label: &str| {
            let found: Vec<String> =
                facts.iter().filter(|(known, _)| *known == label).map(|(_, value)| output::markdown_cell(value)).collect();
            found.join("; ")
        };
        let due = [of("overdue"), of("next")].into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>();
        let due = if due.len() > 1 { format!("overdue {}", due.join("; next ")) } else { due.concat() };
        let cells = [output::markdown_cell(&row.report), row.tier.to_owned(), of("promise"), of("owner"), due, of("last"), of("waiver")];
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

/// What is known of a contract, in the order in which it is read.
fn facts(row: &Row) -> Vec<(&'static str, String)> {
    let mut facts: Vec<(&'static str, String)> = row.promise.iter().map(|promise| ("promise", promise.clone())).collect();
    let owners = [&row.owners.business, &row.owners.technical].into_iter().flatten();
    let before = facts.len();
    facts.extend(owners.map(|owner| {
        let contact = owner.contact.as_ref().map_or_else(String::new, |contact| format!(" ({contact})"));
        ("owner", format!("{}{contact}", owner.team))
    }));
    if facts.len() == before {
        facts.push(("owner", "nobody".to_owned()));
    }
    facts.extend(row.overdue_since.iter().map(|since| ("overdue", format!("since {since}"))));
    facts.push(("next", row.next_deadline.clone().unwrap_or_else(|| "no deadline".to_owned())));
    facts.push((
        "last",
        row.last.as_ref().map_or_else(
            || "not decided".to_owned(),
            |last| {
                let status =
                    serde_json::to_value(last.status).ok().and_then(|status| status.as_str().map(str::to_owned)).unwrap_or_default();
                let of = last.interval.as_ref().map(|interval| format!(", {interval}")).unwrap_or_default();
                let rehearsal = if last.rehearsal { ", a rehearsal" } else { "" };
                format!(
                    "{status} ({} publish, {} with a caveat, {} held{of}), decided {}{rehearsal}",
                    last.published, last.warned, last.held, last.decided_at
                )
            },
        ),
    ));
    facts.extend(
        row.waivers
            .iter()
            .map(|waiver| ("waiver", format!("{} until {} by {}: {}", waiver.check, waiver.until, waiver.approved_by, waiver.reason))),
    );
    facts
}
