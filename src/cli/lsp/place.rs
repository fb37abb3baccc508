//! Places: the protocol counts lines from 0 and columns in UTF-16 units, and names files by URI; here they are bytes and paths.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::{Position, Range, Uri};

use crate::diagnostic::Span;

/// The byte at a position; the end of its line, or of the text, where the position lies behind it.
pub(super) fn offset(text: &str, position: Position) -> usize {
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if number == position.line as usize {
            let mut units = 0;
            let written = line.trim_end_matches(['\n', '\r']);
            let at = written.char_indices().find(|(_, c)| {
                let here = units >= position.character as usize;
                units += c.len_utf16();
                here
            });
            return start + at.map_or(written.len(), |(at, _)| at);
        }
        start += line.len();
    }
    text.len()
}

/// The position of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let units: usize = before[start..].chars().map(char::len_utf16).sum();
    Position { line: u32::try_from(line).unwrap_or(u32::MAX), character: u32::try_from(units).unwrap_or(u32::MAX) }
}

/// The bytes `from..to` as a range.
pub(super) fn range(text: &str, from: usize, to: usize) -> Range {
    Range { start: position(text, from), end: position(text, to) }
}

/// What a finding points at: its stretch, or from its point to the end of what is written there; the first line where no place is known.
pub(super) fn of_span(text: &str, span: Option<Span>) -> Range {
    let span = span.unwrap_or_default();
    let from = span.offset.min(text.len());
    let to = if span.length > 0 {
        from.saturating_add(span.length).min(text.len())
    } else {
        let mut start = from;
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let line = text[start..].lines().next().unwrap_or_default();
        start + line.trim_end().len()
    };
    range(text, from, to)
}

/// The file that a `file:` URI names.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let path = &rest[rest.find('/')?..];
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.bytes();
    while let Some(byte) = left.next() {
        if byte == b'%' {
            let digits = [left.next()?, left.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    // `/c:/folder`, as it is written on Windows.
    let drive = path.as_bytes().get(2) == Some(&b':') && cfg!(windows);
    Some(PathBuf::from(if drive { path[1..].to_owned() } else { path }))
}

/// The URI of a file.
pub(super) fn uri(path: &Path) -> Option<Uri> {
    let path = path.to_str()?.replace('\\', "/");
    let mut text = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    Uri::from_str(&text).ok()
}
