//! `presscheck run`: the whole path of a report, from its sources to its readers, with memory. What a run does is a value ([`runner::Path`]); this file
//! finds out for which contract and interval, takes the lock, and tells how it ended.

mod build;
mod begin;
mod stages;
mod walk;
mod world;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;

use super::arguments::{FailOn, Place, Reach, Report};
use super::ask::worst;
use super::load::{self, Loaded};
use super::{Ended, Stopped, draw, prepare, report};
use crate::calendar::{self, Interval};
use crate::contract::Contract;
use crate::diagnostic::{Finding, codes};
use crate::output::Told;
use crate::record::Document;

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    reach: Reach,
    /// Print the stages, and do nothing
    #[arg(long)]
    plan: bool,
    /// Go on with the newest run of the contract for the interval that is due, where it was killed, failed or held: only what did not pass
    #[arg(long, conflicts_with = "interval")]
    resume: bool,
    /// Run for each interval between two days, the second one not included, the oldest first; nothing is published unless --publish
    #[arg(long, value_name = "DAY..DAY")]
    interval: Option<Span>,
    /// With --interval: publish, too
    #[arg(long, requires = "interval")]
    publish: bool,
    /// Build nothing, whatever presscheck.yml says: what stands in the warehouse was built before
    #[arg(long)]
    no_build: bool,
    /// Decide and remember, and publish nothing
    #[arg(long, conflicts_with = "publish")]
    no_publish: bool,
    /// Tell nobody; a run for earlier intervals never does
    #[arg(long)]
    no_tell: bool,
    #[arg(long, value_enum, default_value_t = Report::Text)]
    format: Report,
    /// Which verdict ends with exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Hold, value_name = "VERDICT")]
    fail_on: FailOn,
}

/// A half-open span of days.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Date,
    end: Date,
}

impl std::str::FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Span, String> {
        let (first, end) = text.split_once("..").ok_or("write two days: 2026-10-05..2026-11-09")?;
        let day = |text: &str| text.trim().parse::<Date>().map_err(|error| format!("`{}` is no day: {error}", text.trim()));
        let (first, end) = (day(first)?, day(end)?);
        if first < end { Ok(Span { first, end }) } else { Err("the second day must be later than the first".to_owned()) }
    }
}

impl Run {
    /// Programs get the findings as JSON, too, when nothing could be decided.
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let ended = if self.plan { self.print(look) } else { self.go(look) };
        match (&ended, self.format) {
            (Ok(_), _) | (Err(_), Report::Text) => {}
            (Err(stopped), format) => report::findings(format, &stopped.findings, stopped.exit_code, &[]),
        }
        ended
    }

    fn print(&self, look: &draw::Look) -> Ended {
        let (mut loaded, contracts) = self.contracts(look)?;
        let mut paths = Vec::new();
        for (contract, _) in &contracts {
            for interval in self.intervals(contract)? {
                let began = begin::Beginning::new(self, &mut loaded, contract, interval, look)?;
                paths.push((contract.contract.value.clone(), began.plan.interval.clone(), began.path.stages()));
            }
        }
        draw::print(&stages::printed(&paths, self.format));
        Ok(0)
    }

    fn go(&self, look: &draw::Look) -> Ended {
        let (mut loaded, contracts) = self.contracts(look)?;
        let mut decisions: Vec<Document> = Vec::new();
        let mut files = Vec::new();
        let mut codes = Vec::new();
        for (contract, file) in &contracts {
            for interval in self.intervals(contract)? {
                let ended = walk::run(self, &mut loaded, contract, &file.path, interval, look)?;
                codes.push(ended.exit_code);
                files.extend(ended.document.iter().map(|_| file.path.clone()));
                decisions.extend(ended.document);
                if super::interrupt::flag().load(std::sync::atomic::Ordering::SeqCst) {
                    codes.push(3);
                    break;
                }
            }
        }
        let told = Told { exit_code: worst(&codes), decisions, findings: Vec::new() };
        let files: Vec<_> = files.iter().map(|path| Some(path.as_path())).collect();
        report::decisions(self.format, &told, &files);
        Ok(told.exit_code)
    }

    fn contracts(&self, look: &draw::Look) -> Result<(Loaded, Vec<(Contract, crate::project::TextFile)>), Stopped> {
        let mut loaded = Loaded::new(&self.place, look)?;
        let contracts = load::sound_contracts(&mut loaded, &self.contracts, look)?;
        Ok((loaded, contracts))
    }

    /// The intervals to run for: those that were asked for, else the newest one that has ended.
    fn intervals(&self, contract: &Contract) -> Result<Vec<Option<Interval>>, Stopped> {
        let Some(span) = self.interval else { return Ok(vec![prepare::of_schedule(contract, Timestamp::now())?]) };
        let wrong = |message: String| Stopped::usage(Finding::error(codes::BAD_INTERVAL, message).in_file(&contract.origin.file));
        let Some(schedule) = &contract.schedule else {
            return Err(wrong(format!("{} has no schedule, so it has no intervals to run for", contract.contract)));
        };
        let (unit, starts, zone) = prepare::clock(schedule)?;
        let found = calendar::intervals_between(unit, starts, &zone, span.first, span.end).map_err(wrong)?;
        let now = Timestamp::now();
        match found.iter().find(|interval| interval.end.timestamp() > now) {
            Some(future) => Err(wrong(format!("the interval that ends on {} is not over yet", future.end.date()))),
            None if found.is_empty() => Err(wrong(format!("no whole interval lies between {} and {}", span.first, span.end))),
            None => Ok(found.into_iter().map(Some).collect()),
        }
    }
}
