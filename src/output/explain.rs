//! Why one metric has its verdict: every cause, from what was measured through the lineage to the metric, and every check behind it.

use std::fmt::Write;

use super::paint::{Paint, word};
use super::terminal::{cause_line, ended_word};
use crate::record::{CauseRecord, Certainty, CheckRecord, Document, EdgeKind, Ended, UpstreamRecord, counted};

/// Draws the explanation of a metric; empty when the document has no such metric.
pub fn explain(document: &Document, metric: &str, colour: bool) -> String {
    let paint = Paint { colour };
    let Some(metric) = document.metrics.iter().find(|candidate| candidate.id == metric) else { return String::new() };
    let mut out = format!("{} ({}): {}\n", paint.bold(&metric.title), metric.id, paint.verdict(metric.verdict, word(metric.verdict)));
    let _ = writeln!(out, "{}\n", metric.sentence);
    for cause in &metric.causes {
        let _ = writeln!(out, "{} {}", paint.verdict(cause.asks, &format!("asks for {}:", word(cause.asks))), cause_line(document, cause));
        if let Some(check) = cause.check.as_deref().and_then(|id| document.check(id)) {
            out.push_str(&measured(check));
            out.push_str(&samples(check, "  "));
        }
        out.push_str(&path(cause));
    }
    if !metric.causes.is_empty() {
        out.push('\n');
    }
    let upstream = match &metric.upstream {
        UpstreamRecord::Known => "all of its upstream was read from SQL".to_owned(),
        UpstreamRecord::Assumed(models) => format!("assumed through {}", models.join(", ")),
        UpstreamRecord::Unresolved(why) => format!("not resolved: {why}"),
    };
    let _ = writeln!(out, "lineage: {upstream}");
    let reaching: Vec<&CheckRecord> = document.checks.iter().filter(|check| check.reaches.contains_key(&metric.id)).collect();
    let _ = writeln!(out, "{} checks can hold it:", reaching.len());
    for check in &reaching {
        let assumed = match check.reaches.get(&metric.id) {
            Some(Certainty::Assumed) => ", by assumed lineage",
            Some(Certainty::Known) | None => "",
        };
        let _ = writeln!(out, "  {} {} on {} ({}{assumed})", mark(check.outcome), check.id, check.about, ended_word(check.outcome));
    }
    for check in &document.checks {
        if let Some(narrowed) = check.narrowed.as_ref().filter(|narrowed| narrowed.metrics.contains(&metric.id)) {
            let _ = writeln!(out, "  - {} does not count here: {}", check.id, narrowed.because);
        }
    }
    if let Some(recover) = &metric.recover {
        let _ = writeln!(out, "{} {recover}", paint.bold("Recover:"));
    }
    if let Some(owner) = &metric.mended_by {
        let contact = owner.contact.as_ref().map(|contact| format!(" ({contact})")).unwrap_or_default();
        let _ = writeln!(out, "{} {}{contact}", paint.bold("Owner:"), owner.team);
    }
    out
}

fn mark(ended: Ended) -> &'static str {
    match ended {
        Ended::Pass => "✓",
        Ended::FailWarn => "!",
        Ended::FailHold => "✗",
        Ended::Error | Ended::Skipped => "?",
    }
}

fn measured(check: &CheckRecord) -> String {
    let Some(measured) = &check.measured else { return String::new() };
    let mut out = format!("  measured {} in {}", counted(&measured.value, &measured.unit), counted(&measured.rows_seen, "rows"));
    for (name, value) in &measured.facts {
        let _ = write!(out, ", {name} {value}");
    }
    out + "\n"
}

/// The failing rows that may be shown, a line each.
pub(super) fn samples(check: &CheckRecord, indent: &str) -> String {
    let Some(samples) = &check.samples else { return String::new() };
    if samples.missing.is_some() {
        return format!("{indent}failing rows could not be read\n");
    }
    let told = |row: &Vec<Option<String>>| {
        let values = samples.columns.iter().zip(row).map(|(column, value)| format!("{column} {}", value.as_deref().unwrap_or("NULL")));
        format!("{indent}  {}\n", values.collect::<Vec<_>>().join(", "))
    };
    let rows: String = samples.rows.iter().map(told).collect();
    if rows.is_empty() { String::new() } else { format!("{indent}failing rows, such as\n{rows}") }
}

/// One line for each step, with the word for how the next one depends on it.
fn path(cause: &CauseRecord) -> String {
    let mut out = String::new();
    for (depth, step) in cause.path.iter().enumerate() {
        let arrow = if depth == 0 { "from " } else { "-> " };
        let how = match (step.edge, step.certainty) {
            (Some(edge), Some(Certainty::Known)) => format!("  ({})", edge_word(edge)),
            (Some(_), _) => "  (assumed)".to_owned(),
            (None, _) => String::new(),
        };
        let _ = writeln!(out, "  {}{arrow}{}{how}", "  ".repeat(depth.min(1)), step.node);
    }
    out
}

fn edge_word(edge: EdgeKind) -> &'static str {
    match edge {
        EdgeKind::Identity => "identity",
        EdgeKind::Transformation => "transformation",
        EdgeKind::Aggregation => "aggregation",
        EdgeKind::Filter => "filter",
        EdgeKind::Join => "join",
        EdgeKind::GroupBy => "group by",
        EdgeKind::Sort => "sort",
        EdgeKind::Window => "window",
        EdgeKind::Conditional => "conditional",
        EdgeKind::Rows => "rows",
        EdgeKind::Assumed => "assumed",
    }
}
