//! Comments of a YAML file, with their places. The parser is asked where the scalars are, so that a `#` inside a text or a block of SQL is none.

use super::tree::{self, Node, Value};
use crate::diagnostic::{At, Span};

/// Every comment of the file, without its `#`, in order. Nothing of a file whose syntax is broken.
pub fn comments(text: &str) -> Vec<At<String>> {
    let Some(root) = tree::plant(text).root else { return Vec::new() };
    let mut scalars = Vec::new();
    collect(&root, &mut scalars);
    scalars.sort_unstable();
    let mut found = Vec::new();
    let mut offset = 0;
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        let hashes = line.match_indices('#').map(|(at, _)| at);
        let begins = |at: &usize| {
            let spaced = line[..*at].is_empty() || line[..*at].ends_with([' ', '\t']);
            let place = offset + at;
            // The last scalar that begins at or before the place.
            let before = scalars.partition_point(|(start, _)| *start <= place).checked_sub(1).and_then(|last| scalars.get(last));
            spaced && before.is_none_or(|(_, end)| place >= *end)
        };
        if let Some(at) = hashes.into_iter().find(begins) {
            let said = line[at + 1..].trim();
            let column = u32::try_from(line[..at].chars().count() + 1).unwrap_or(u32::MAX);
            let span = Span { offset: offset + at, length: line[at..].trim_end().len(), line: number, column };
            found.push(At { value: said.to_owned(), span });
        }
        offset += line.len();
    }
    found
}

/// Where scalars begin and end. Aliases repeat places, which does no harm.
fn collect(node: &Node, into: &mut Vec<(usize, usize)>) {
    match &node.value {
        Value::Scalar { .. } => into.push((node.span.offset, node.span.offset + node.span.length)),
        Value::List(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Map(entries) => {
            for entry in entries {
                into.push((entry.key_span.offset, entry.key_span.offset + entry.key_span.length));
                collect(&entry.value, into);
            }
        }
        Value::Broken => {}
    }
}
