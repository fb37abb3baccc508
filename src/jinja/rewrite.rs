//! A template as dbt's Jinja reads it -> one that means the same to minijinja.
//!
//! Lists and mappings are values that Python can change, so `[..]` and `{..}` become calls that make such values; `'..' % x` becomes a call; a macro
//! that takes any arguments names them; tags that dbt adds are taken out. Lines stay where they are. Not for what a template means.

/// A template, rewritten, and how to find a place of it in the text as it stands in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub(super) text: String,
    edits: Vec<Edit>,
}

/// From byte `at`, `removed` bytes give way to `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    at: usize,
    removed: usize,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Name,
    Number,
    Text,
    Open,
    Close,
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    sort: Sort,
    start: usize,
    end: usize,
}

/// Words after which a value begins.
const WORDS: [&str; 7] = ["in", "not", "and", "or", "if", "else", "is"];

/// The name by which a macro of the project is found in its own template: not its own, so that a macro that calls itself does so as it calls others.
pub(super) const CALLED: &str = "__called";

/// Rewrites the template of one macro.
pub(super) fn rewrite_macro(raw: &str) -> Rewritten {
    edited(raw, true)
}

/// Rewrites a template.
pub(super) fn rewrite(raw: &str) -> Rewritten {
    edited(raw, false)
}

fn edited(raw: &str, mut rename: bool) -> Rewritten {
    let mut edits = Vec::new();
    let mut at = 0;
    while let Some(found) = raw[at..].find('{') {
        let start = at + found;
        at = match raw.as_bytes().get(start + 1) {
            Some(b'#') => raw[start..].find("#}").map_or(raw.len(), |end| start + end + 2),
            Some(b'{') => code(raw, start, "}}", &mut edits, &mut rename),
            Some(b'%') => {
                let end = code(raw, start, "%}", &mut edits, &mut rename);
                if raw[start + 2..end].trim_start_matches(['-', '+']).trim_start().starts_with("raw") { end_of_raw(raw, end) } else { end }
            }
            _ => start + 1,
        };
    }
    // What is put in at a place stands before what is changed there.
    edits.sort_by_key(|edit| (edit.at, edit.removed > 0));
    let mut text = String::with_capacity(raw.len() + 16 * edits.len());
    let mut from = 0;
    for edit in &edits {
        text.push_str(raw.get(from..edit.at).unwrap_or_default());
        text.push_str(&edit.text);
        from = edit.at + edit.removed;
    }
    text.push_str(raw.get(from..).unwrap_or_default());
    Rewritten { text, edits }
}

impl Rewritten {
    /// Line and column, from 1, in `raw` of a byte of the rewritten text.
    pub(super) fn place(&self, raw: &str, byte: usize) -> Option<(u32, u32)> {
        let (mut grown, mut at) = (0_usize, byte);
        for edit in &self.edits {
            let start = edit.at + grown;
            if start > byte {
                break;
            }
            grown += edit.text.len();
            grown = grown.saturating_sub(edit.removed);
            at = if byte < start + edit.text.len() { edit.at } else { byte.saturating_sub(grown) };
        }
        let before = raw.get(..at).or_else(|| raw.get(..raw.len()))?;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let number = |n: usize| u32::try_from(n).ok();
        number(before.matches('\n').count() + 1).zip(number(before[start..].chars().count() + 1))
    }
}

fn end_of_raw(raw: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(found) = raw[at..].find("{%") {
        let start = at + found + 2;
        if raw[start..].trim_start_matches(['-', '+']).trim_start().starts_with("endraw") {
            return start;
        }
        at = start;
    }
    raw.len()
}

/// Edits one `{{ .. }}` or `{% .. %}` that begins at `start`; returns where it ends.
fn code(raw: &str, start: usize, close: &str, edits: &mut Vec<Edit>, rename: &mut bool) -> usize {
    let mut tokens: Vec<Token> = Vec::new();
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut at = start + 2;
    if matches!(raw.as_bytes().get(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let bytes = raw.as_bytes();
    let end = loop {
        let Some(&byte) = bytes.get(at) else { break raw.len() };
        if open.is_empty() && raw[at..].starts_with(close) {
            break at + 2;
        }
        let (sort, length) = match byte {
            b'\'' | b'"' => (Sort::Text, text_length(&bytes[at..])),
            b'(' | b'[' | b'{' => (Sort::Open, 1),
            b')' | b']' | b'}' => (Sort::Close, 1),
            b'0'..=b'9' => (Sort::Number, bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()),
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                (Sort::Name, bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80).count())
            }
            _ => (Sort::Sign, 1),
        };
        let token = Token { sort, start: at, end: at + length };
        match (sort, byte) {
            (Sort::Open, b'[' | b'{') if !ends_value(raw, &tokens) => {
                edits.push(Edit { at, removed: 1, text: if byte == b'[' { "__list(" } else { "__dict(" }.to_owned() });
                open.push((tokens.len(), true));
            }
            (Sort::Open, _) => open.push((tokens.len(), false)),
            (Sort::Close, _) => {
                if let Some((_, true)) = open.pop() {
                    edits.push(Edit { at, removed: 1, text: ")".to_owned() });
                }
            }
            (Sort::Sign, b':') if matches!(open.last(), Some((at, true)) if raw[tokens[*at].start..].starts_with('{')) => {
                edits.push(Edit { at, removed: 1, text: ",".to_owned() });
            }
            _ => {}
        }
        tokens.push(token);
        at += length;
    };
    formats(raw, &tokens, edits);
    if close == "%}" {
        tags(raw, &tokens, edits, rename);
    }
    end.min(raw.len())
}

fn text_length(bytes: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        if *byte == bytes[0] && !escaped {
            return at + 1;
        }
        escaped = *byte == b'\\' && !escaped;
    }
    bytes.len()
}

/// Whether a value ends with the last token: then `[` takes an item of it.
fn ends_value(raw: &str, tokens: &[Token]) -> bool {
    let Some((last, before)) = tokens.split_last() else { return false };
    match last.sort {
        Sort::Number | Sort::Text | Sort::Close => true,
        Sort::Open | Sort::Sign => false,
        Sort::Name => {
            let member = before.last().is_some_and(|token| token.sort == Sort::Sign && raw[token.start..].starts_with('.'));
            member || !(WORDS.contains(&&raw[last.start..last.end]) || (before.is_empty() && raw[last.start..last.end] == *"do"))
        }
    }
}

/// `'..' % x` is Python's way to put values into a text.
fn formats(raw: &str, tokens: &[Token], edits: &mut Vec<Edit>) {
    for at in 1..tokens.len() {
        let (left, sign) = (tokens[at - 1], tokens[at]);
        if left.sort != Sort::Text || &raw[sign.start..sign.end] != "%" {
            continue;
        }
        let Some(end) = end_of_value(raw, tokens, at + 1) else { continue };
        edits.push(Edit { at: left.start, removed: 0, text: "__percent(".to_owned() });
        edits.push(Edit { at: sign.start, removed: 1, text: ",".to_owned() });
        let last = tokens[end].end;
        edits.push(Edit { at: last, removed: 0, text: ")".to_owned() });
    }
}

/// The last token of the value that begins with token `at`: a bracket or word, and all that is taken of it.
fn end_of_value(raw: &str, tokens: &[Token], at: usize) -> Option<usize> {
    let (mut depth, mut last) = (0_usize, None);
    for (index, token) in tokens.iter().enumerate().skip(at) {
        let text = &raw[token.start..token.end];
        match token.sort {
            Sort::Open if depth > 0 || last.is_none() || text != "{" => depth += 1,
            Sort::Close if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            Sort::Name | Sort::Number | Sort::Text if last.is_none_or(|last: usize| &raw[tokens[last].start..tokens[last].end] == ".") => {}
            Sort::Sign if text == "." && last.is_some() => {}
            Sort::Name | Sort::Number | Sort::Text | Sort::Open | Sort::Close | Sort::Sign => break,
        }
        last = Some(index);
    }
    last.filter(|_| depth == 0)
}

/// Tags that dbt adds to Jinja, and macros that take any arguments.
fn tags(raw: &str, tokens: &[Token], edits: &mut Vec<Edit>, rename: &mut bool) {
    let word = |at: usize| tokens.get(at).map_or("", |token| &raw[token.start..token.end]);
    let own = tokens.iter().any(|token| ["varargs", "kwargs"].contains(&&raw[token.start..token.end]));
    let close = tokens.iter().rposition(|token| token.sort == Sort::Close);
    let mut replace = |token: Option<&Token>, end: usize, text: String| {
        if let Some(token) = token {
            edits.push(Edit { at: token.start, removed: end - token.start, text });
        }
    };
    match word(0) {
        // A namespace is a mapping that can be changed, as the others are.
        "set" if word(2) == "." && word(4) == "=" => {
            replace(tokens.first(), tokens[4].end, format!("do __set({}, '{}', ", word(1), word(3)));
            let end = tokens.last().map_or(0, |token| token.end);
            edits.push(Edit { at: end, removed: 0, text: ")".to_owned() });
        }
        "snapshot" | "endsnapshot" => {
            let end = tokens.get(1).or(tokens.first()).map_or(0, |token| token.end);
            replace(tokens.first(), end, "set __tag = 0".to_owned());
        }
        "test" | "data_test" => {
            replace(tokens.first(), tokens[0].end, "macro".to_owned());
            let name = if std::mem::take(rename) { CALLED.to_owned() } else { format!("test_{}", word(1)) };
            replace(tokens.get(1), tokens.get(1).map_or(0, |token| token.end), name);
        }
        "endtest" | "enddata_test" => replace(tokens.first(), tokens[0].end, "endmacro".to_owned()),
        "macro" if tokens.len() > 3 => {
            if std::mem::take(rename) {
                replace(tokens.get(1), tokens[1].end, CALLED.to_owned());
            }
            if let (false, true, Some(close)) = (own, takes_any(raw), close) {
                let comma = if word(close - 1) == "(" || word(close - 1) == "," { "" } else { ", " };
                let rest = format!("{comma}varargs=__list(), kwargs=__dict()");
                edits.push(Edit { at: tokens[close].start, removed: 0, text: rest });
            }
        }
        _ => {}
    }
}

/// Whether a macro speaks of arguments that its signature does not name.
fn takes_any(raw: &str) -> bool {
    raw.contains("varargs") || raw.contains("kwargs")
}
