//! Where the cursor stands in a contract that is being written, and so is often no YAML yet: the keys around it, and what is typed so far.
//!
//! Read from the lines above and their indentation. Guesses; whatever is offered on them is checked when it stands in the file.

/// What is known of a place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The keys above, outermost first; of a value its own key last.
    pub keys: Vec<String>,
    /// Whether a value is written here, not a key: behind `key: `, or in a list.
    pub value: bool,
    /// What is written of it.
    pub typed: String,
}

/// A bracket that is open on the line of the cursor.
struct Open {
    key: Option<String>,
    list: bool,
}

/// The place at byte `offset`; nothing in a comment.
pub(super) fn at(text: &str, offset: usize) -> Option<Cursor> {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = &text[start..offset];
    let (indent, dash, content) = parts(line);
    let mut keys = above(&text[..start], indent, dash);
    let (mut open, mut key, mut word): (Vec<Open>, Option<String>, String) = (Vec::new(), None, String::new());
    let mut left = content.chars().peekable();
    while let Some(c) = left.next() {
        match c {
            ':' if left.peek().is_none_or(|next| next.is_whitespace()) => key = Some(name(&word)),
            '{' | '[' => open.push(Open { key: key.take(), list: c == '[' }),
            '}' | ']' => key = open.pop().and_then(|open| open.key),
            ',' if open.is_empty() => {}
            ',' => key = None,
            '#' if word.is_empty() || word.ends_with(' ') => return None,
            other => {
                word.push(other);
                continue;
            }
        }
        word.clear();
    }
    let in_list = open.last().map_or(dash && key.is_none(), |open| open.list && key.is_none());
    let value = key.is_some() || in_list;
    keys.extend(open.into_iter().filter_map(|open| open.key).chain(key));
    Some(Cursor { keys, value, typed: name(&word) })
}

fn name(word: &str) -> String {
    word.trim().trim_matches(['"', '\'']).to_owned()
}

/// Indentation, whether an item begins, and what follows both.
fn parts(line: &str) -> (usize, bool, &str) {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    match rest.strip_prefix("- ").or_else(|| (rest == "-").then_some("")) {
        Some(content) => (indent, true, content.trim_start()),
        None => (indent, false, rest),
    }
}

/// The keys that lines above open for a line of this indentation, outermost first.
fn above(text: &str, indent: usize, dash: bool) -> Vec<String> {
    let (mut keys, mut limit, mut item) = (Vec::new(), indent, dash);
    for line in text.lines().rev() {
        let (at, begins, content) = parts(line);
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let inner = if begins { line.len() - content.len() } else { at };
        let opened = content.split_once(':').filter(|(_, rest)| rest.trim().is_empty()).map(|(key, _)| name(key));
        // A list may stand as far left as the key that it belongs to.
        let encloses = inner < limit || (item && !begins && inner == limit);
        if encloses && let Some(key) = opened {
            keys.push(key);
            (limit, item) = (inner, false);
        }
        if begins && at < limit {
            (limit, item) = (at, true);
        }
        if limit == 0 && !item {
            break;
        }
    }
    keys.reverse();
    keys
}
