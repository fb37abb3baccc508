//! The review as a page for people: one section for each report, and in it only the questions that have an answer. Not for programs, which read the JSON.

use std::fmt::Write;

use super::{Event, Fit, NoiseKind, Report, Review, days};

/// The page.
pub fn markdown(review: &Review) -> String {
    let mut out = format!("# Review from {} to {}\n\n", day(review.since), day(review.until));
    out += "| report | decisions | held | late | with a caveat |\n|---|---|---|---|---|\n";
    for report in &review.reports {
        let counts = [report.decisions, report.failed.len(), report.late.len(), report.warned.len()].map(|count| count.to_string());
        let _ = writeln!(out, "| {} | {} |", plain(&report.report), counts.join(" | "));
    }
    review.reports.iter().for_each(|report| out += &section(report));
    out
}

fn section(report: &Report) -> String {
    let mut out = String::new();
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = write!(out, "\n### {title}\n\n{}\n", lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"));
        }
    };
    let lost = (report.without_document > 0)
        .then(|| format!("{} decisions are kept without their document: this page says nothing of them", report.without_document));
    part("Not known", lost.into_iter().collect());
    part("Held", report.failed.iter().map(event).collect());
    part("Late", report.late.iter().map(event).collect());
    part("With a caveat", report.warned.iter().map(event).collect());
    let stale = report.stale.iter().map(|one| {
        let moment = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        let to = one.to.map_or_else(|| ", and still is".to_owned(), |to| format!(" to {}", moment(to)));
        let shown = if one.blank { "blank" } else { "at its last safe value" };
        format!("{}: {shown} from {}{to}", plain(&one.title), moment(one.from))
    });
    part("Read while stale", stale.collect());
    let changes = report.changes.iter().map(|one| {
        let over = if one.still { "" } else { ", over since" };
        let reaches = if one.reaches.is_empty() { "no metric".to_owned() } else { one.reaches.join(", ") };
        plain(&format!("{}: {} (reaches {reaches}){over}", one.about, one.what))
    });
    part("Columns that changed", changes.collect());
    let noise = report.noise.iter().map(|noise| {
        let kind = match noise.kind {
            NoiseKind::Overridden => "overridden",
            NoiseKind::Flapping => "flapping",
        };
        format!("{} ({kind}): {}", plain(&noise.check), noise.text)
    });
    part("Noise", noise.collect());
    part("Owners", report.missing_owners.iter().map(|missing| plain(missing)).collect());
    part("Waivers", report.waivers.iter().map(|waiver| format!("{}: {}", plain(&waiver.check), plain(&waiver.text))).collect());
    part("To be made up for", report.backfills.iter().map(|one| format!("{}: {}", days(&one.interval), plain(&one.why))).collect());
    let tolerances = report.tolerances.iter().map(|one| {
        let kind = match one.kind {
            Fit::TooTight => "too tight",
            Fit::TooLoose => "too loose",
        };
        let [smallest, middle, largest] = &one.values;
        format!("{} ({kind}): {}; measured {smallest} to {largest}, in the middle {middle}", plain(&one.check), one.text)
    });
    part("Tolerances", tolerances.collect());
    if out.is_empty() { out } else { format!("\n## {}\n{out}", plain(&report.report)) }
}

fn event(event: &Event) -> String {
    let about = event.interval.as_ref().map(|interval| format!("{interval}, ")).unwrap_or_default();
    let metrics = if event.metrics.is_empty() { String::new() } else { format!(": {}", event.metrics.join(", ")) };
    let checks = if event.checks.is_empty() { String::new() } else { format!(" ({})", event.checks.join(", ")) };
    plain(&format!("{about}decided {}{metrics}{checks}", event.decided_at.strftime("%Y-%m-%d %H:%M UTC")))
}

fn day(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

/// A text that people wrote, on one line and as it is.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().fold(String::new(), |mut out, c| {
        if matches!(c, '|' | '*' | '`' | '<' | '>' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
