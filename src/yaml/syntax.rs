//! What is wrong when a text is not YAML, in words that help who wrote it.

use granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::{Finding, Span, codes};

/// The first character of a file.
pub(super) const START: Span = Span { offset: 0, length: 0, line: 1, column: 1 };

/// The finding for a fault that the parser met.
pub(super) fn explain(error: &ScanError, text: &str) -> Finding {
    let marker = error.marker();
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let offset = marker.byte_offset().unwrap_or(text.len()).min(text.len());
    let mut span = Span { offset, length: 0, line: narrow(marker.line()).max(1), column: narrow(marker.col() + 1) };
    if let Some(tab) = tab_in_indentation(text, span.line) {
        return Finding::error(codes::SYNTAX, "a tab stands in the indentation").at(tab).help("indent with spaces");
    }
    if *error.kind() == ErrorKind::MappingValueNotAllowed {
        span = first_of_line(text, span);
    }
    let quotes: &[char] = match error.kind() {
        ErrorKind::UnclosedQuotedScalar => &['"', '\''],
        ErrorKind::InvalidTrailingDoubleQuotedScalar => &['"'],
        ErrorKind::InvalidTrailingSingleQuotedScalar => &['\''],
        _ => &[],
    };
    let (mut message, mut help) = words(error.kind());
    if let Some(open) = lone_quote(text, span, quotes) {
        span = open;
        (message, help) = words(&ErrorKind::UnclosedQuotedScalar);
    }
    let code = if *error.kind() == ErrorKind::RecursionLimitExceeded { codes::TOO_LARGE } else { codes::SYNTAX };
    let finding = Finding::error(code, message.unwrap_or_else(|| format!("this is not YAML: {}", error.kind()))).at(span);
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Message and help for the faults that people make; the parser's own words for the others.
fn words(kind: &ErrorKind) -> (Option<String>, Option<&'static str>) {
    let (message, help) = match kind {
        ErrorKind::UnclosedQuotedScalar => ("a quote is opened and never closed", "close it, or remove it"),
        ErrorKind::UnclosedFlowCollection { open } => {
            return (Some(format!("`{open}` is opened and never closed")), Some("close it, or quote the value if it is meant as text"));
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (Some(format!("`{open}` is closed by `{close}`")), Some("use the bracket that belongs to it"));
        }
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofImplicitFlowMapping => (
            "a `{...}` mapping is not closed, or lacks a comma",
            "close it with `}` and put commas between its entries; quote text that holds `: `",
        ),
        ErrorKind::UnexpectedEofFlowSequence | ErrorKind::ExpectedFlowSequenceSeparator => {
            ("a `[...]` list is not closed, or lacks a comma", "close it with `]` and put commas between its items")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            ("the indentation does not fit the lines above", "give the keys of one mapping the same number of spaces")
        }
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::BlockSequenceEntryNotAllowed => {
            ("the indentation does not fit the list above", "give the `-` of one list the same number of spaces")
        }
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::MappingKeyNotAllowed => ("a key with `:` cannot stand here", "check the indentation; quote text that holds `: `"),
        ErrorKind::InvalidColonPlacement => ("a `:` cannot stand here", "close the bracket above, or quote text that holds `: `"),
        ErrorKind::UnexpectedCharacter { character } => {
            return (Some(format!("no value can begin with `{character}`")), Some("quote the value"));
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => {
            ("something follows a closing quote", "quote the whole value")
        }
        ErrorKind::InvalidBlockScalarHeader => {
            ("`>` and `|` begin a block of text, which starts on the next line", "quote the value: \"> 10\"")
        }
        ErrorKind::UnknownAnchor => ("this alias names no anchor", "quote a value that begins with `*`"),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabInPlainScalar => {
            ("a tab cannot stand here", "use spaces")
        }
        ErrorKind::RecursionLimitExceeded => ("the file nests too deeply", "a contract needs a few levels only"),
        ErrorKind::UnknownQuotedScalarEscape => {
            ("this is no escape that double quotes know", "use single quotes, in which `\\` is an ordinary character")
        }
        _ => return (None, None),
    };
    (Some(message.to_owned()), Some(help))
}

/// The first character of the line that is not blank.
fn first_of_line(text: &str, span: Span) -> Span {
    let start = text.get(..span.offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let blank = text.get(start..).map_or(0, |rest| rest.len() - rest.trim_start_matches(' ').len());
    Span { offset: start + blank, length: 0, line: span.line, column: u32::try_from(blank + 1).unwrap_or(u32::MAX) }
}

/// The first tab within the leading white space of the line, or of the lines just above it that hold nothing else.
fn tab_in_indentation(text: &str, line: u32) -> Option<Span> {
    let mut offset = 0;
    let mut found = None;
    for (number, content) in (1_u32..).zip(text.split_inclusive('\n')).take_while(|(number, _)| *number <= line) {
        let indentation = content.len() - content.trim_start_matches([' ', '\t']).len();
        let tab = content.get(..indentation).and_then(|blank| blank.find('\t'));
        found = tab.map(|tab| Span { offset: offset + tab, length: 1, line: number, column: u32::try_from(tab + 1).unwrap_or(u32::MAX) });
        offset += content.len();
    }
    found
}

/// The last line before `end` in which a quote begins a value and does not end it.
fn lone_quote(text: &str, end: Span, quotes: &[char]) -> Option<Span> {
    let mut offset = 0;
    let mut found = None;
    for (number, content) in (1_u32..).zip(text.split_inclusive('\n')).take_while(|(number, _)| *number <= end.line) {
        for quote in quotes {
            let opens = content.char_indices().find(|(at, c)| c == quote && content[..*at].ends_with([' ', '[', '{', ',']));
            if let Some((at, _)) = opens
                && content.matches(*quote).count() % 2 == 1
                && found.is_none()
            {
                let column = u32::try_from(content[..at].chars().count() + 1).unwrap_or(u32::MAX);
                found = Some(Span { offset: offset + at, length: 1, line: number, column });
            }
        }
        offset += content.len();
    }
    found
}

/// See [`super::within`]; nothing where the scalar is folded or written with escapes.
pub(super) fn within(text: &str, span: Span, line: u32, column: u32) -> Option<Span> {
    let written = text.get(span.offset..span.offset + span.length)?;
    let start = text.get(..span.offset)?.rfind('\n').map_or(0, |at| at + 1);
    let header = text.get(..start)?.lines().last().unwrap_or_default();
    let header = header.split(" #").next().unwrap_or_default().trim_end().trim_end_matches(|c: char| "+-123456789".contains(c));
    let alone = text.get(start..span.offset)?.trim().is_empty();
    let first = match (written.chars().next()?, alone && header.ends_with(['|', '>'])) {
        (_, true) if header.ends_with('>') => return None,
        (_, true) => {
            let above: usize =
                text.get(start..)?.split_inclusive('\n').take(usize::try_from(line).ok()?.checked_sub(1)?).map(str::len).sum();
            start + above + (span.offset - start)
        }
        ('"', false) if written.contains('\\') => return None,
        ('\'', false) if written.get(1..written.len() - 1)?.contains("''") => return None,
        ('"' | '\'', false) => span.offset + 1,
        (_, false) => span.offset,
    };
    if first != span.offset && line > 1 && !alone || (line > 1 && first <= span.offset) {
        return None;
    }
    let rest = text.get(first..)?.lines().next()?;
    let skipped = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(usize::try_from(column).ok()?.checked_sub(1)?)?;
    let offset = first + skipped;
    let before = text.get(..offset)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let narrow = |number: usize| u32::try_from(number).ok();
    Some(Span {
        offset,
        length: 0,
        line: narrow(before.matches('\n').count() + 1)?,
        column: narrow(before[line_start..].chars().count() + 1)?,
    })
}
