//! What a team asks once a week, answered from the history: which reports failed, ran late or warned; which alerts were noise; who is missing; which waivers end;
//! what is to be made up for; which tolerances do not fit what was measured. Pure: the history and the moment come in as values.
//! Not for a single decision (`explain`), nor for what is open now (`list`).

mod changes;
mod markdown;
mod noise;
mod stale;
mod tolerance;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::contract::Contract;
use crate::record::{Document, IntervalRecord, OwnersRecord, Status, Verdict};

pub use markdown::markdown;

/// A waiver that ends within this time is about to.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is known of one contract.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// As it is now.
    pub contract: &'a Contract,
    /// Who answers for it.
    pub owners: OwnersRecord,
    /// When each of its waivers ends, in the order of the contract.
    pub waivers_end: Vec<Timestamp>,
    /// Intervals that were due since the review's beginning, the oldest first, each with its deadline.
    pub due: Vec<(IntervalRecord, Timestamp)>,
    /// Every decision that is kept with its document, in the order in which they were made.
    pub decisions: Vec<Document>,
    /// How many in the time that is reviewed are kept without one.
    pub without_document: u64,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Number of this format: 1.
    pub format: u32,
    /// From when on.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// One for each contract, by name.
    pub reports: Vec<Report>,
}

/// The answers about one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Identifier of the contract.
    pub contract: String,
    /// What readers call the report.
    pub report: String,
    /// Decisions in this time.
    pub decisions: usize,
    /// Further ones that are kept without their document, so that nothing here is about them.
    pub without_document: u64,
    /// Decisions that held something or could not be made.
    pub failed: Vec<Event>,
    /// Decisions after the deadline.
    pub late: Vec<Event>,
    /// Decisions that let something publish with a caveat.
    pub warned: Vec<Event>,
    /// Alerts that were noise.
    pub noise: Vec<Noise>,
    /// Who is missing, in words.
    pub missing_owners: Vec<String>,
    /// Waivers that need a look.
    pub waivers: Vec<WaiverNote>,
    /// Intervals that are to be made up for.
    pub backfills: Vec<Backfill>,
    /// Tolerances that do not fit what was measured.
    pub tolerances: Vec<Tolerance>,
    /// Metrics that readers saw with older values, or without any.
    pub stale: Vec<Stale>,
    /// Changes of columns that ask for a change of a model or of the contract.
    pub changes: Vec<Change>,
}

/// One decision that was not all right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The decision.
    pub run: String,
    /// When it was made.
    pub decided_at: Timestamp,
    /// First and last day of the data; absent without a schedule.
    pub interval: Option<String>,
    /// The report's status.
    pub status: Status,
    /// Titles of the metrics that were held, or had a caveat; of a late decision those that published without one.
    pub metrics: Vec<String>,
    /// Checks that stand behind it.
    pub checks: Vec<String>,
}

/// A check that cried wolf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Noise {
    /// The check.
    pub check: String,
    /// Which sort.
    pub kind: NoiseKind,
    /// What was seen, in words.
    pub text: String,
}

/// The sorts of noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseKind {
    /// It held, and the same interval was let through with the same measurement.
    Overridden,
    /// It came and went.
    Flapping,
}

/// A waiver that needs a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaiverNote {
    /// The check.
    pub check: String,
    /// What about it.
    pub kind: WaiverKind,
    /// When it ends, or ended.
    pub ends: Timestamp,
    /// In words.
    pub text: String,
}

/// What about a waiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaiverKind {
    /// It has ended and still stands in the contract.
    Expired,
    /// It ends within a week.
    EndsSoon,
    /// The check was waived before, until another day.
    Repeated,
}

/// An interval that is to be made up for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backfill {
    /// The span of data.
    pub interval: IntervalRecord,
    /// Why.
    pub why: String,
}

/// A tolerance that does not fit what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tolerance {
    /// The check.
    pub check: String,
    /// Which way.
    pub kind: Fit,
    /// Intervals that were measured.
    pub intervals: usize,
    /// Of those, how many today's tolerance would warn about or hold.
    pub crossed: usize,
    /// Smallest, middle and largest value, exact.
    pub values: [String; 3],
    /// In words.
    pub text: String,
}

/// A metric that was held for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// Its identifier.
    pub metric: String,
    /// What readers call it.
    pub title: String,
    /// When it was held.
    pub from: Timestamp,
    /// When a decision let it through; absent while it is held.
    pub to: Option<Timestamp>,
    /// Whether there was no earlier value to show.
    pub blank: bool,
}

/// A change of columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The check that saw it.
    pub check: String,
    /// The relation.
    pub about: String,
    /// What changed, in words.
    pub what: String,
    /// Metrics that it can reach.
    pub reaches: Vec<String>,
    /// When it was seen first in that time.
    pub seen: Timestamp,
    /// Whether the last decision sees it, too.
    pub still: bool,
}

/// How a tolerance fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Most intervals cross it.
    TooTight,
    /// Nothing comes near it.
    TooLoose,
}

/// Answers for each contract. The same input gives the same review.
pub fn review(known: &[Known<'_>], since: Timestamp, until: Timestamp) -> Review {
    let mut reports: Vec<Report> = known.iter().map(|one| report(one, since, until)).collect();
    reports.sort_by(|one, other| one.contract.cmp(&other.contract));
    Review { format: 1, since, until, reports }
}

fn report(known: &Known<'_>, since: Timestamp, until: Timestamp) -> Report {
    let contract = known.contract;
    let decisions: Vec<&Document> =
        known.decisions.iter().filter(|decision| decision.decided_at >= since && decision.decided_at <= until).collect();
    let events = |wanted: fn(&Document) -> bool, verdict: Verdict| -> Vec<Event> {
        decisions.iter().filter(|decision| wanted(decision)).map(|decision| event(decision, verdict)).collect()
    };
    let holds = |decision: &Document| decision.nothing_to_check || decision.metrics.iter().any(|metric| metric.verdict == Verdict::Hold);
    Report {
        contract: contract.contract.value.clone(),
        report: contract.title.as_ref().unwrap_or(&contract.contract).value.clone(),
        decisions: decisions.len(),
        without_document: known.without_document,
        failed: events(holds, Verdict::Hold),
        late: events(|decision| decision.statuses.contains(&Status::Late), Verdict::Publish),
        warned: events(|decision| decision.metrics.iter().any(|metric| metric.verdict == Verdict::Warn), Verdict::Warn),
        noise: noise::noise(&decisions),
        missing_owners: missing_owners(known),
        waivers: waivers(known, until),
        backfills: backfills(known),
        tolerances: tolerance::tolerances(contract, &known.decisions),
        stale: stale::stale(&known.decisions, since, until),
        changes: changes::changes(&decisions),
    }
}

fn event(decision: &Document, verdict: Verdict) -> Event {
    let metrics: Vec<_> = decision.metrics.iter().filter(|metric| metric.verdict == verdict).collect();
    let mut checks: Vec<String> = Vec::new();
    for check in
        metrics.iter().flat_map(|metric| &metric.causes).filter(|cause| cause.asks == verdict).filter_map(|cause| cause.check.clone())
    {
        if !checks.contains(&check) {
            checks.push(check);
        }
    }
    Event {
        run: decision.run.clone(),
        decided_at: decision.decided_at,
        interval: decision.interval.as_ref().map(days),
        status: decision.status,
        metrics: metrics.iter().map(|metric| metric.title.clone()).collect(),
        checks,
    }
}

/// First and last day.
fn days(interval: &IntervalRecord) -> String {
    if interval.first_day == interval.last_day {
        return interval.first_day.clone();
    }
    format!("{} to {}", interval.first_day, interval.last_day)
}

fn missing_owners(known: &Known<'_>) -> Vec<String> {
    let mut missing = Vec::new();
    for (who, owner) in [("business", &known.owners.business), ("technical", &known.owners.technical)] {
        match owner {
            None => missing.push(format!("nobody is the {who} owner")),
            Some(owner) if owner.contact.is_none() => missing.push(format!("nothing says how to reach the {who} owner, {}", owner.team)),
            Some(_) => {}
        }
    }
    missing
}

fn waivers(known: &Known<'_>, until: Timestamp) -> Vec<WaiverNote> {
    let mut notes = Vec::new();
    let mut ends: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for waiver in known.decisions.iter().flat_map(|decision| &decision.waivers) {
        ends.entry(&waiver.check).or_default().push(waiver.ends);
    }
    for (waiver, end) in known.contract.waivers.iter().zip(&known.waivers_end) {
        let check = waiver.check.value.as_str();
        let mut note = |kind, text: String| notes.push(WaiverNote { check: check.to_owned(), kind, ends: *end, text });
        let day = waiver.until.value.0;
        if *end <= until {
            note(WaiverKind::Expired, format!("ended on {day} and still stands in the contract"));
        } else if end.duration_since(until) <= SOON {
            note(WaiverKind::EndsSoon, format!("ends on {day}; approved by {}", waiver.approved_by.value));
        }
        let mut others: Vec<Timestamp> = ends.get(check).into_iter().flatten().copied().filter(|other| other != end).collect();
        others.sort_unstable();
        others.dedup();
        if !others.is_empty() {
            let times = if others.len() == 1 { "once".to_owned() } else { format!("{} times", others.len()) };
            note(WaiverKind::Repeated, format!("was waived {times} before: mend what it is about, or the check"));
        }
    }
    notes
}

/// Intervals that were due, of which nothing is decided or the last decision holds something.
fn backfills(known: &Known<'_>) -> Vec<Backfill> {
    let mut found = Vec::new();
    for (interval, _) in &known.due {
        let of = |decision: &&Document| decision.interval.as_ref().is_some_and(|other| other.start == interval.start);
        let why = match known.decisions.iter().rev().find(of) {
            None => "nothing was decided about it".to_owned(),
            Some(last) => {
                let held: Vec<&str> =
                    last.metrics.iter().filter(|metric| metric.verdict == Verdict::Hold).map(|metric| metric.title.as_str()).collect();
                if held.is_empty() {
                    continue;
                }
                format!("held when it was decided last: {}", held.join(", "))
            }
        };
        found.push(Backfill { interval: interval.clone(), why });
    }
    found
}
