//! What formats for findings have in common: names of levels, paths as addresses, fingerprints, and text that cannot break out of Markdown.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{Finding, Level};

/// Worst first, then by file and place.
pub(super) fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    sorted
}

pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

/// A path with `/`, as services compare it with the files of a commit.
pub(super) fn path(file: &Path) -> String {
    let text = file.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map_or(text.clone(), str::to_owned)
}

/// The path as an address: a relative reference, or a `file:` address where the path is absolute.
pub(super) fn uri(file: &Path) -> String {
    let path = path(file);
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A fingerprint for each finding: the same for the same words in the same file, wherever the line moved; equal ones are counted.
pub(super) fn fingerprints(findings: &[Finding]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut one = |finding: &Finding| {
        let file = finding.file.as_deref().map(path).unwrap_or_default();
        let words = format!("{}\0{file}\0{}", finding.code, finding.message);
        let count = seen.entry(words.clone()).or_insert(0);
        *count += 1;
        blake3::hash(format!("{words}\0{count}").as_bytes()).to_hex().chars().take(32).collect()
    };
    findings.iter().map(&mut one).collect()
}

/// Text as one line of Markdown: nothing in it is markup, a table cell, HTML, or a mention that wakes somebody.
pub fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() => {}
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("@<!-- -->"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Text in a span of code, in a table or not.
pub(super) fn code(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).map(|c| if c == '`' { '\'' } else { c }).collect();
    format!("`{}`", text.replace('|', "\\|"))
}

/// The first characters that fit into so many bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= most).last().unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// `1 error`, `2 errors`.
pub(super) fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `1 error, 2 warnings`, and notes where there are any.
pub(super) fn summary(findings: &[Finding]) -> String {
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let notes = count(Level::Note);
    let notes = if notes > 0 { format!(", {}", counted(notes, "note")) } else { String::new() };
    format!("{}, {}{notes}", counted(count(Level::Error), "error"), counted(count(Level::Warning), "warning"))
}
