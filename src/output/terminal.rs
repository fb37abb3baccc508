//! For a person at a terminal: the report and its status, a verdict for each metric, the sentence, then why and what to do.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Told;
use super::explain::samples;
use super::paint::{Paint, pad, word, wrap};
use crate::record::{CauseRecord, Document, Ended, FactState, MetricRecord, OwnerRecord, ReleaseRecord, Status, Verdict};

/// Draws every decision; `width` in characters.
pub fn terminal(told: &Told, colour: bool, width: usize) -> String {
    let width = width.clamp(60, 120);
    told.decisions.iter().map(|document| decision(document, Paint { colour }, width)).collect::<Vec<_>>().join("\n\n")
}

/// The word for a status.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Failed => "failed",
        Status::Stale => "stale",
        Status::Partial => "partial",
        Status::Late => "late",
        Status::Complete => "complete",
    }
}

fn decision(document: &Document, paint: Paint, width: usize) -> String {
    let mut out = head(document, paint);
    out.push('\n');
    out.push_str(&verdicts(document, paint, width));
    let _ = write!(out, "\n{}\n", wrap(&document.summary, width, 0));
    let why = why(document, paint, width);
    if !why.is_empty() {
        let _ = write!(out, "\n{}\n{why}", paint.bold("Why"));
    }
    out.push_str(&release(document, paint, width));
    out.push_str(&tail(document, paint, width));
    out
}

/// How what is held gets free again: what metrics share is said once.
fn release(document: &Document, paint: Paint, width: usize) -> String {
    let mut out = String::new();
    let mut said: Vec<&ReleaseRecord> = Vec::new();
    for release in &document.release {
        let same = |other: &&ReleaseRecord| other.build == release.build && other.checks == release.checks;
        if said.iter().any(same) {
            continue;
        }
        said.push(release);
        let of = document.release.iter().filter(|other| same(other));
        let title = |id: &str| document.metrics.iter().find(|metric| metric.id == id).map_or(id.to_owned(), |metric| metric.title.clone());
        let titles: Vec<String> = of.map(|release| title(&release.metric)).collect();
        let must = match release.checks.as_slice() {
            [] => "what was not built must be built".to_owned(),
            checks => format!("{} must pass", checks.join(", ")),
        };
        let _ = writeln!(out, "  {}", wrap(&format!("{}: {must}", titles.join(", ")), width, 4));
        if let Some(build) = &release.build {
            let _ = writeln!(out, "    {}", wrap(build, width, 6));
        }
        for warning in &release.warnings {
            let _ = writeln!(out, "    {}", wrap(&format!("careful: {warning}"), width, 6));
        }
    }
    match document.release.first() {
        None => out,
        Some(first) => {
            let times = crate::record::counted(&first.attempts.to_string(), "times");
            let all = format!("builds, asks, decides and publishes again, at most {times}");
            format!("\n{}\n{out}  {}\n", paint.bold("To release what is held"), wrap(&format!("`{}` {all}.", first.run), width, 2))
        }
    }
}

fn head(document: &Document, paint: Paint) -> String {
    let statuses: Vec<&str> = document.statuses.iter().map(|status| status_word(*status)).collect();
    let mut out = format!("{}: {}\n", paint.bold(&document.report), statuses.join(", "));
    let mut facts = Vec::new();
    if let Some(interval) = &document.interval {
        facts.push(if interval.first_day == interval.last_day {
            interval.first_day.clone()
        } else {
            format!("{} to {}", interval.first_day, interval.last_day)
        });
    }
    facts.push(format!("decided {}", moment(document, document.decided_at)));
    if let Some(ready_by) = document.ready_by {
        facts.push(format!("ready by {}", moment(document, ready_by)));
    }
    if document.rehearsal {
        facts.push("a rehearsal: the time was given".to_owned());
    }
    let _ = writeln!(out, "{}", paint.faint(&facts.join(" · ")));
    out
}

/// An instant in the contract's zone, to the minute.
fn moment(document: &Document, instant: jiff::Timestamp) -> String {
    let zone = document.interval.as_ref().map_or("UTC", |interval| interval.timezone.as_str());
    match instant.in_tz(zone) {
        Ok(zoned) => zoned.strftime("%Y-%m-%d %H:%M %Z").to_string(),
        Err(_) => instant.to_string(),
    }
}

fn verdicts(document: &Document, paint: Paint, width: usize) -> String {
    let titles = document.metrics.iter().map(|metric| metric.title.chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    for metric in &document.metrics {
        let mark = match metric.verdict {
            Verdict::Publish => "✓",
            Verdict::Warn => "!",
            Verdict::Hold => "✗",
        };
        let verdict = paint.verdict(metric.verdict, &pad(&format!("{mark} {}", word(metric.verdict)), 9));
        let indent = 2 + 9 + 2 + titles + 2;
        let _ =
            writeln!(out, "{}", format!("  {verdict}  {}  {}", pad(&metric.title, titles), wrap(&short(metric), width, indent)).trim_end());
    }
    out
}

/// What stands beside a metric in the table: the first cause, in words.
fn short(metric: &MetricRecord) -> String {
    let Some(first) = metric.causes.first() else { return String::new() };
    let others = unlike(metric).iter().filter(|cause| cause.asks == metric.verdict).count().saturating_sub(1);
    match others {
        0 => first.text.clone(),
        1 => format!("{}; and one more cause", first.text),
        more => format!("{}; and {more} more causes", first.text),
    }
}

fn owner(owner: &OwnerRecord) -> String {
    owner.contact.as_ref().map_or_else(|| owner.team.clone(), |contact| format!("{} ({contact})", owner.team))
}

/// The causes that say something of their own: what was not tried for one and the same reason is said once.
fn unlike(metric: &MetricRecord) -> Vec<&CauseRecord> {
    let mut causes: Vec<&CauseRecord> = Vec::new();
    for cause in &metric.causes {
        let said = |other: &&CauseRecord| other.outcome == Some(Ended::Skipped) && other.text == cause.text;
        if cause.outcome != Some(Ended::Skipped) || !causes.iter().any(said) {
            causes.push(cause);
        }
    }
    causes
}

/// Most causes that are drawn for one metric; `explain` shows all.
const CAUSES: usize = 3;

/// For each metric that does not publish: causes, the way they came, who mends it and how. What two metrics share is said once.
fn why(document: &Document, paint: Paint, width: usize) -> String {
    let mut out = String::new();
    let mut said: BTreeSet<&str> = BTreeSet::new();
    let mut sampled: BTreeSet<&str> = BTreeSet::new();
    for metric in document.metrics.iter().filter(|metric| metric.verdict != Verdict::Publish) {
        let _ = writeln!(out, "  {}", paint.verdict(metric.verdict, &format!("{}: {}", metric.title, word(metric.verdict))));
        let causes = unlike(metric);
        for cause in causes.iter().take(CAUSES) {
            let _ = writeln!(out, "    {}", wrap(&cause_line(document, cause), width, 6));
            if let Some(check) = cause.check.as_deref().and_then(|id| document.check(id))
                && sampled.insert(&check.id)
            {
                out.push_str(&samples(check, "      "));
            }
            let path = path(cause);
            if !path.is_empty() {
                let _ = writeln!(out, "      {}", paint.faint(&wrap(&path, width, 8)));
            }
        }
        if causes.len() > CAUSES {
            let more = causes.len() - CAUSES;
            let _ = writeln!(out, "    and {more} more: presscheck explain {}", metric.id);
        }
        if let Some(recover) = &metric.recover
            && said.insert(recover)
        {
            let _ = writeln!(out, "    {} {}", paint.bold("Recover:"), wrap(recover, width, 13));
        }
        if let (Verdict::Hold, Some(mended_by)) = (metric.verdict, &metric.mended_by) {
            let _ = writeln!(out, "    {} {}", paint.bold("Owner:"), owner(mended_by));
        }
    }
    out
}

/// One cause in a line: the check by name, what was seen.
pub(super) fn cause_line(document: &Document, cause: &CauseRecord) -> String {
    let Some(check) = cause.check.as_deref().and_then(|id| document.check(id)) else {
        return if cause.detail.is_empty() || cause.text.contains(&cause.detail) {
            cause.text.clone()
        } else {
            format!("{}: {}", cause.text, cause.detail)
        };
    };
    if cause.outcome == Some(Ended::Skipped) && cause.text == cause.detail {
        return cause.text.clone();
    }
    let waived = if cause.waived { ", waived" } else { "" };
    let detail = if cause.detail.is_empty() { cause.text.clone() } else { cause.detail.clone() };
    format!("{} ({}, {} on {}{waived}): {detail}", check.title, ended_word(check.outcome), check.id, check.about)
}

/// The word for how a check ended.
pub(super) fn ended_word(ended: Ended) -> &'static str {
    match ended {
        Ended::Pass => "passed",
        Ended::FailWarn => "failed, asks for a warning",
        Ended::FailHold => "failed",
        Ended::Error => "could not be evaluated",
        Ended::Skipped => "was not tried",
    }
}

/// The way from the check to the metric, on one line; long ones lose their middle.
fn path(cause: &CauseRecord) -> String {
    let nodes: Vec<&str> = cause.path.iter().map(|step| step.node.as_str()).collect();
    match nodes.as_slice() {
        [] | [_] => String::new(),
        [first, .., before, last] if nodes.len() > 5 => format!("{first} → … {} steps … → {before} → {last}", nodes.len() - 3),
        nodes => nodes.join(" → "),
    }
}

fn tail(document: &Document, paint: Paint, width: usize) -> String {
    let count = |wanted: fn(Ended) -> bool| document.checks.iter().filter(|check| wanted(check.outcome)).count();
    let counts = [
        (count(|ended| ended == Ended::Pass), "passed"),
        (count(|ended| ended == Ended::FailHold || ended == Ended::FailWarn), "failed"),
        (count(|ended| ended == Ended::Error), "could not be evaluated"),
        (count(|ended| ended == Ended::Skipped), "not tried"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    let told = match (document.checks.len(), counts.as_slice()) {
        (0, _) => "no check was asked".to_owned(),
        (1, counts) => format!("1 check: {}", counts.join(", ")),
        (number, counts) => format!("{number} checks: {}", counts.join(", ")),
    };
    let mut out = format!("\n{}\n", paint.faint(&told));
    let mut note = |text: String| {
        let _ = writeln!(out, "{}", paint.faint(&wrap(&text, width, 2)));
    };
    for fact in document.context.iter().filter(|fact| matches!(fact.state, FactState::Broken | FactState::Unknown)) {
        note(format!("! {}", fact.detail));
    }
    for unexpected in &document.unexpected {
        note(format!("! a result that nobody expected: {unexpected}"));
    }
    document.not_executed.iter().for_each(|key| note(format!("note: not executed by this version: {key}")));
    document.blind.iter().chain(&document.notes).for_each(|text| note(format!("note: {text}")));
    out
}
