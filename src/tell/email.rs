//! An alert as an e-mail: subject, plain text, and the same as simple HTML. Not for the connection to the server.

use std::fmt::Write;

use super::alert::Alert;

/// Subject, plain text and HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// For the others.
    pub html: String,
}

/// The alert as a letter.
pub fn mail(alert: &Alert) -> Letter {
    let subject: String = alert.heading.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    let mut text = format!("{}\n\n{}\n\n", alert.heading, alert.text);
    for fact in &alert.facts {
        let value = fact.value.replace('\n', "\n  ");
        let _ = writeln!(text, "{}:\n  {value}\n", fact.label);
    }
    let run = alert.run.as_ref().map_or_else(String::new, |run| format!(", decision {run}"));
    let _ = write!(text, "-- \npresscheck, contract {}{run}\n", alert.contract);
    let mut html = format!("<!doctype html><html><body><h2>{}</h2><p>{}</p><table>", escaped(&alert.heading), escaped(&alert.text));
    for fact in &alert.facts {
        let value = escaped(&fact.value).replace('\n', "<br>");
        let _ = write!(html, "<tr><th align=\"left\" valign=\"top\">{}</th><td>{value}</td></tr>", escaped(&fact.label));
    }
    let _ = write!(html, "</table><p><small>presscheck, contract {}{}</small></p></body></html>", escaped(&alert.contract), escaped(&run));
    Letter { subject, text, html }
}

fn escaped(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
        out
    })
}
