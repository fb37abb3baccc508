//! An alert in words, from the record: what is held and why, what may still be used, who owns it and what to do. No values of rows and no words of servers:
//! of what could not be measured only the reason is said.

use jiff::Timestamp;

use super::alert::{Alert, AlertCause, AlertFact, AlertMetric, FORMAT};
use super::incident::{Incident, Root};
use super::{Occasion, Setup, Situation};
use crate::record::{CauseRecord, Class, Document, IntervalRecord, MetricRecord, OwnerRecord, Verdict};
use crate::sentence;

/// Metrics whose sentence is written out.
const SENTENCES: usize = 4;
/// Checks that are listed.
const CAUSES: usize = 6;

/// What is said of a cause that is there.
pub(super) fn alert(one: &Incident, since: Timestamp, returns: usize, situation: &Situation<'_>, setup: &Setup) -> Alert {
    let mut alert = plain(one, situation, setup);
    alert.since = Some(since);
    if let Some(document) = situation.document.filter(|_| one.root != Root::Undecided) {
        of_document(&mut alert, one, document);
    }
    let mendable = match one.root {
        Root::Caveat(_) | Root::Publish => false,
        Root::Check(_)
        | Root::Reason(_)
        | Root::Fact(_)
        | Root::Unverified
        | Root::Lineage
        | Root::Internal
        | Root::Late
        | Root::Undecided => true,
    };
    alert.recover.extend(setup.recovery.clone().filter(|recovery| mendable && !alert.recover.contains(recovery)));
    alert.text = text(one, situation, setup, &alert);
    let say = |time: Timestamp| moment(time, setup);
    let mut facts = vec![("Data", interval_words(alert.interval.as_ref()))];
    facts.push(("Cause", alert.causes.iter().map(|cause| capital(&cause.text)).collect::<Vec<_>>().join("\n")));
    facts.push(("To recover", alert.recover.join("\n")));
    facts.push(("Owner", alert.owners.iter().map(owner_words).collect::<Vec<_>>().join("\n")));
    facts.push(("May still be used", alert.usable.clone().unwrap_or_default()));
    facts.push(("Ready by", alert.ready_by.map(say).unwrap_or_default()));
    let long = situation.now.duration_since(since).as_mins();
    if matches!(one.occasion, Occasion::Hold | Occasion::Warn) && long >= 1 {
        facts.push(("Since", format!("{} ({})", say(since), length(long))));
    }
    if returns > 0 {
        facts.push(("Again", format!("it came back {} within a day", times(returns))));
    }
    facts.push(("More", more(one, &alert)));
    alert.facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(fact).collect();
    alert
}

/// What is said when a cause is over.
pub(super) fn over(was: &Incident, situation: &Situation<'_>, setup: &Setup) -> Alert {
    let mut alert = plain(was, situation, setup);
    alert.occasion = Occasion::Recovered;
    alert.class = None;
    alert.heading = format!("{}: {} is over", setup.report, occasion_words(was));
    let Some(document) = situation.document else { return alert };
    alert.interval = document.interval.clone();
    alert.metrics = metrics(was, document);
    alert.status = Some(document.status);
    alert.run = Some(document.run.clone());
    alert.ready_by = document.ready_by;
    let what = match &was.root {
        Root::Check(id) => {
            let title = document.check(id).map_or(id.as_str(), |check| check.title.as_str());
            match was.occasion {
                Occasion::Hold => format!("{} no longer holds anything.", capital(title)),
                _ => format!("{} no longer asks for a caveat.", capital(title)),
            }
        }
        Root::Reason(reason) => format!("What kept checks from being measured is over ({}).", sentence::reason_words(*reason)),
        Root::Undecided => format!("{} was decided at {}.", setup.report, moment(document.decided_at, setup)),
        Root::Fact(_) | Root::Unverified | Root::Lineage | Root::Internal => "What kept numbers from being verified is over.".to_owned(),
        Root::Caveat(_) | Root::Late | Root::Publish => "It is over.".to_owned(),
    };
    let now =
        if alert.metrics.is_empty() || alert.metrics.len() > SENTENCES { document.summary.clone() } else { sentences(&alert.metrics) };
    alert.text = format!("{what} {now}");
    let facts = [("Data", interval_words(alert.interval.as_ref())), ("Decided", moment(document.decided_at, setup))];
    alert.facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(fact).collect();
    alert
}

/// Who mends it: of wrong data whoever answers for the metrics, of what could not be decided whoever answers for the platform; else whom dbt names for the
/// relation, then for the exposure.
pub(super) fn owners(one: &Incident, situation: &Situation<'_>, setup: &Setup) -> Vec<OwnerRecord> {
    let (technical, business) = (setup.owners.technical.as_ref(), setup.owners.business.as_ref());
    let document = situation.document;
    let about = one.checks.iter().filter_map(|id| document?.check(id)).find_map(|check| setup.relations.get(&check.about)?.owner.as_ref());
    let by_dbt = about.or(setup.exposure.owner.as_ref());
    let wrong = one.class == Some(Class::DataIsWrong) || one.occasion == Occasion::Warn;
    let metrics = one.metrics.iter().filter_map(|id| document?.metrics.iter().find(|metric| metric.id == *id));
    let own: Vec<Option<&OwnerRecord>> = if wrong { metrics.map(|metric| metric.owner.as_ref()).collect() } else { vec![None] };
    let mut found: Vec<OwnerRecord> = Vec::new();
    for owner in own.into_iter().filter_map(|own| own.or(technical).or(by_dbt).or(business)) {
        if !found.contains(owner) {
            found.push(owner.clone());
        }
    }
    found
}

/// One line: the report, and what happened to it.
pub(super) fn heading(one: &Incident, situation: &Situation<'_>, setup: &Setup) -> String {
    let titles: Vec<String> =
        situation.document.into_iter().flat_map(|document| metrics(one, document)).map(|metric| metric.title).collect();
    let who = match titles.as_slice() {
        [] => String::new(),
        [only] => sentence::inside(only),
        [first, second] => format!("{} and {}", sentence::inside(first), sentence::inside(second)),
        many => format!("{} metrics", many.len()),
    };
    let many = titles.len() > 1 || titles.first().is_some_and(|title| sentence::is_plural(title));
    let (is, publishes) = if many { ("are", "publish") } else { ("is", "publishes") };
    let what = match (one.occasion, &one.root, one.class) {
        (Occasion::Hold, _, Some(Class::CouldNotDecide)) => format!("{who} could not be verified"),
        (Occasion::Hold, _, _) => format!("{who} {is} held"),
        (Occasion::Warn, _, _) => format!("{who} {publishes} with a caveat"),
        (Occasion::Late, Root::Undecided, _) => "due and not decided".to_owned(),
        (Occasion::Late, _, _) => "decided late".to_owned(),
        (Occasion::Publish | Occasion::Recovered, _, _) => "can publish".to_owned(),
    };
    format!("{}: {what}", setup.report)
}

fn plain(one: &Incident, situation: &Situation<'_>, setup: &Setup) -> Alert {
    let overdue = situation.overdue.filter(|_| one.root == Root::Undecided);
    let document = situation.document.filter(|_| one.root != Root::Undecided);
    Alert {
        format: FORMAT,
        occasion: one.occasion,
        class: one.class,
        contract: setup.contract.clone(),
        report: setup.report.clone(),
        tier: setup.tier,
        interval: overdue.map(|overdue| overdue.interval.clone()).or_else(|| document.and_then(|document| document.interval.clone())),
        ready_by: overdue.map(|overdue| overdue.ready_by).or_else(|| document.and_then(|document| document.ready_by)),
        status: document.map(|document| document.status),
        run: document.map(|document| document.run.clone()),
        since: None,
        heading: heading(one, situation, setup),
        text: String::new(),
        metrics: Vec::new(),
        causes: Vec::new(),
        owners: owners(one, situation, setup),
        recover: Vec::new(),
        usable: None,
        facts: Vec::new(),
    }
}

fn of_document(alert: &mut Alert, one: &Incident, document: &Document) {
    alert.metrics = metrics(one, document);
    let causes: Vec<&CauseRecord> =
        document.metrics.iter().filter(|metric| one.metrics.contains(&metric.id)).flat_map(|metric| &metric.causes).collect();
    for id in one.checks.iter().take(CAUSES) {
        let Some(cause) = causes.iter().find(|cause| cause.check.as_ref() == Some(id)) else { continue };
        let known = alert.causes.iter().any(|known| known.text == cause.text);
        if !known {
            alert.causes.push(AlertCause { check: Some(id.clone()), text: cause.text.clone() });
        }
    }
    let further = one.checks.len().saturating_sub(CAUSES);
    if further > 0 && !matches!(one.root, Root::Reason(_) | Root::Fact(_)) {
        alert.causes.push(AlertCause { check: None, text: format!("and {further} more checks") });
    }
    for recover in one.checks.iter().filter_map(|id| document.check(id)?.recover.as_ref()) {
        if !alert.recover.contains(recover) {
            alert.recover.push(recover.clone());
        }
    }
    if one.occasion == Occasion::Hold && !says_everything(one, document) {
        alert.usable = Some(usable(document));
    }
}

fn text(one: &Incident, situation: &Situation<'_>, setup: &Setup, alert: &Alert) -> String {
    let ago = |since: Timestamp| length(situation.now.duration_since(since).as_mins());
    match (&one.root, situation.overdue, situation.document) {
        (Root::Undecided, Some(overdue), _) => format!(
            "{} was due by {} for the data of {} and is not decided ({}).",
            setup.report,
            moment(overdue.ready_by, setup),
            interval_words(Some(&overdue.interval)),
            ago(overdue.ready_by)
        ),
        (Root::Late, _, Some(document)) => {
            let due = document.ready_by.map(|ready_by| moment(ready_by, setup)).unwrap_or_default();
            format!("{} was due by {due} and was decided at {}. {}", setup.report, moment(document.decided_at, setup), document.summary)
        }
        (Root::Publish, _, Some(document)) => document.summary.clone(),
        (_, _, Some(document)) if says_everything(one, document) => document.summary.clone(),
        (_, _, Some(_)) if alert.metrics.len() > SENTENCES => {
            let further = alert.metrics.len() - SENTENCES;
            let first: Vec<AlertMetric> = alert.metrics.iter().take(SENTENCES).cloned().collect();
            format!("{} The same is true of {further} more.", sentences(&first))
        }
        (_, _, Some(_)) => sentences(&alert.metrics),
        (_, _, None) => alert.heading.clone(),
    }
}

/// Whether what is said of the whole report is just what there is to say of this cause.
fn says_everything(one: &Incident, document: &Document) -> bool {
    let held: Vec<&str> =
        document.metrics.iter().filter(|metric| metric.verdict == Verdict::Hold).map(|metric| metric.id.as_str()).collect();
    one.occasion == Occasion::Hold && one.metrics.iter().map(String::as_str).eq(held)
}

fn metrics(one: &Incident, document: &Document) -> Vec<AlertMetric> {
    let told = |metric: &MetricRecord| AlertMetric {
        id: metric.id.clone(),
        title: metric.title.clone(),
        verdict: metric.verdict,
        sentence: metric.sentence.clone(),
    };
    document.metrics.iter().filter(|metric| one.metrics.contains(&metric.id)).map(told).collect()
}

fn sentences(metrics: &[AlertMetric]) -> String {
    metrics.iter().map(|metric| metric.sentence.as_str()).collect::<Vec<_>>().join(" ")
}

/// What readers may use all the same.
fn usable(document: &Document) -> String {
    let titles = |verdict: Verdict| -> Vec<String> {
        document.metrics.iter().filter(|metric| metric.verdict == verdict).map(|metric| sentence::inside(&metric.title)).collect()
    };
    let (publish, warn) = (titles(Verdict::Publish), titles(Verdict::Warn));
    let words = match (publish.is_empty(), warn.is_empty()) {
        (true, true) => "nothing".to_owned(),
        (false, true) => sentence::list(&publish),
        (true, false) => format!("{}, with a caveat", sentence::list(&warn)),
        (false, false) => format!("{}; with a caveat {}", sentence::list(&publish), sentence::list(&warn)),
    };
    sentence::capital(&words)
}

fn occasion_words(was: &Incident) -> &'static str {
    match (was.occasion, &was.root) {
        (Occasion::Hold, _) => "a hold",
        (Occasion::Warn, _) => "a caveat",
        (Occasion::Late, Root::Undecided) => "the wait",
        (Occasion::Late | Occasion::Publish | Occasion::Recovered, _) => "it",
    }
}

fn more(one: &Incident, alert: &Alert) -> String {
    match (one.occasion, alert.metrics.first()) {
        (Occasion::Hold | Occasion::Warn, Some(metric)) => format!("presscheck explain {}", metric.id),
        (Occasion::Late, _) if one.root == Root::Undecided => format!("presscheck check {}", alert.contract),
        (Occasion::Hold | Occasion::Warn | Occasion::Late | Occasion::Publish | Occasion::Recovered, _) => String::new(),
    }
}

fn fact((label, value): (&str, String)) -> AlertFact {
    AlertFact { label: label.to_owned(), value }
}

/// With a capital at the start, unless a name of code stands there: `ads.spend freshness failed`.
fn capital(text: &str) -> String {
    let code = text.split_whitespace().next().is_some_and(|word| word.trim_end_matches(['.', ',']).contains(['.', '_']));
    if code { text.to_owned() } else { sentence::capital(text) }
}

/// `Finance (finance@brightside.example)`.
pub(super) fn owner_words(owner: &OwnerRecord) -> String {
    owner.contact.as_ref().map_or_else(|| owner.team.clone(), |contact| format!("{} ({contact})", owner.team))
}

/// `2026-11-16 to 2026-11-22`.
pub(super) fn interval_words(interval: Option<&IntervalRecord>) -> String {
    let Some(interval) = interval else { return "everything that is there (the contract has no schedule)".to_owned() };
    let whole_days = interval.start.contains("T00:00:00");
    match (interval.first_day == interval.last_day, whole_days) {
        (true, true) => interval.first_day.clone(),
        (true, false) => format!("{} from {}", interval.first_day, interval.start.get(11..16).unwrap_or_default()),
        (false, _) => format!("{} to {}", interval.first_day, interval.last_day),
    }
}

/// `Monday 23 November 12:00 GMT`, in the contract's zone.
fn moment(time: Timestamp, setup: &Setup) -> String {
    time.to_zoned(setup.zone.clone()).strftime("%A %-d %B %H:%M %Z").to_string()
}

/// `40 minutes ago`, `2 hours ago`, `3 days ago`.
fn length(minutes: i64) -> String {
    let (count, unit) = match minutes {
        ..1 => return "just now".to_owned(),
        1..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    }
}
