//! Text that looks like a secret. What was found is never repeated: a message says only of which sort it is.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;

use super::Look;
use crate::diagnostic::{Finding, Span, codes};

/// What secrets look like.
const FORMS: &[(&str, &str)] = &[
    ("a Slack token", r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    ("a Slack webhook", r"hooks\.slack\.com/(services|workflows)/\S+"),
    ("an AWS access key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\b(gh[pousr]_[0-9A-Za-z]{30,}|github_pat_[0-9A-Za-z_]{20,})"),
    ("a GitLab token", r"\bglpat-[0-9A-Za-z_-]{20,}"),
    ("an API key", r"\b(sk|rk|pk)_(live|test)_[0-9A-Za-z]{10,}"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{30,}"),
    ("a signed token", r"\beyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\."),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    ("a password in an address", r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]+:[^\s/@{]+@"),
    ("a password", r#"(?i)\b(password|passwd|pwd|secret|api_?key|access_?token)\b\s*[=:]\s*['"]?[^\s'"{}<>,]{6,}"#),
];

static PATTERNS: LazyLock<Vec<(&str, Regex)>> =
    LazyLock::new(|| FORMS.iter().filter_map(|(what, form)| Regex::new(form).ok().map(|form| (*what, form))).collect());

pub(super) fn written(look: &mut Look<'_>, _: Timestamp) {
    let text = look.contract.origin.text.clone();
    let mut offset = 0;
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        let first = PATTERNS.iter().filter_map(|(what, form)| Some((form.find(line)?.start(), *what))).min();
        if let Some((at, what)) = first {
            let column = u32::try_from(line[..at].chars().count() + 1).unwrap_or(u32::MAX);
            let span = Span { offset: offset + at, length: 0, line: number, column };
            let finding = Finding::warning(codes::SECRET, format!("this looks like {what}")).at(span);
            look.found
                .push(finding.help("remove and revoke it; connections and routes live in presscheck.yml, secrets in the environment"));
        }
        offset += line.len();
    }
}
