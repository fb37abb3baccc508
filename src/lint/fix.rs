//! Edits that mend a contract's text: what a finding offers ([`Fix`](crate::diagnostic::Fix)) becomes bytes to replace. Comments and layout stay as they are.
//!
//! Pure: text in, text out; `cli` has the file, and an editor its buffer. An edit is offered only where one right name can be meant, so that it makes
//! a contract what its author wrote it to be; no edit takes a check, a threshold or a source away.

use std::path::Path;

use crate::contract;
use crate::diagnostic::Finding;

/// Bytes of a text and what belongs in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The first byte.
    pub from: usize,
    /// Behind the last byte.
    pub to: usize,
    /// What belongs there.
    pub with: String,
}

/// An edit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The finding that it mends.
    pub finding: Finding,
    /// What was there, and what is there now.
    pub said: String,
}

/// The edit that mends a finding in the text in which it was found; nothing where the place is not certain.
pub fn edit(text: &str, finding: &Finding) -> Option<Edit> {
    let (fix, span) = (finding.fix.as_ref()?, finding.span?);
    if fix.written.is_empty() || !fix.right.chars().all(|c| c.is_alphanumeric() || "_.:/- {}".contains(c)) {
        return None;
    }
    let rest = text.get(span.offset..)?;
    let window = if span.length > 0 { rest.get(..span.length)? } else { rest.lines().next()? };
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let alone = |at: &usize| {
        let (before, after) = (&text[..span.offset + at], &text[span.offset + at + fix.written.len()..]);
        let left = fix.written.starts_with(part) && before.ends_with(part);
        let right = fix.written.ends_with(part) && after.starts_with(part);
        !left && !right
    };
    let mut found = window.match_indices(fix.written.as_str()).map(|(at, _)| at).filter(alone);
    let at = found.next()?;
    if span.length > 0 && found.next().is_some() {
        return None;
    }
    let (from, to) = (span.offset + at, span.offset + at + fix.written.len());
    Some(if fix.right.is_empty() { removal(text, from, to) } else { Edit { from, to, with: fix.right.clone() } })
}

/// Takes the bytes out with the blanks before them; with the whole line, where nothing else is on it.
fn removal(text: &str, from: usize, to: usize) -> Edit {
    let before = text[..from].trim_end_matches([' ', '\t']);
    let after = text[to..].trim_start_matches([' ', '\t', '\r']);
    let alone = (before.is_empty() || before.ends_with('\n')) && (after.is_empty() || after.starts_with('\n'));
    let to = if alone { text.len() - after.strip_prefix('\n').unwrap_or(after).len() } else { to };
    Edit { from: before.len(), to, with: String::new() }
}

/// The text with every edit that the findings offer, and what was edited, in the order of the file. Edits that touch each other, and edits after which
/// the file would not be YAML any more, are not made.
pub fn apply(text: &str, findings: &[Finding]) -> (String, Vec<Made>) {
    let mut edits: Vec<(Edit, &Finding)> = findings.iter().filter_map(|finding| Some((edit(text, finding)?, finding))).collect();
    edits.sort_by_key(|(edit, _)| (edit.from, edit.to));
    edits.dedup_by(|(later, _), (earlier, _)| later.from < earlier.to);
    let (mut edited, mut made) = (text.to_owned(), Vec::new());
    // From the end, so that the places before stay where they are.
    for (edit, finding) in edits.into_iter().rev() {
        let was = edited[edit.from..edit.to].trim().to_owned();
        let mut trial = edited.clone();
        trial.replace_range(edit.from..edit.to, &edit.with);
        if broken(&trial) <= broken(&edited) {
            edited = trial;
            let said = if edit.with.is_empty() { format!("`{was}` removed") } else { format!("`{was}` is now `{}`", edit.with) };
            made.push(Made { finding: finding.clone(), said });
        }
    }
    made.reverse();
    (edited, made)
}

/// How much is wrong with a text's syntax and structure at large.
fn broken(text: &str) -> usize {
    contract::parse(text, Path::new("")).findings.iter().filter(|finding| finding.code < "PC010").count()
}
