//! A YAML document as a tree in which every value and every key knows its place.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Tag};

use super::{scalar, syntax};
use crate::diagnostic::{Finding, Span, codes};

/// Bytes of the largest file that is read.
const MAX_BYTES: usize = 4 << 20;
/// Nesting that no honest file needs more of; everything that walks a tree may recurse this deep.
const MAX_DEPTH: usize = 48;
/// Nodes of a document after its aliases are expanded.
const MAX_NODES: usize = 100_000;

/// One value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Where it is written; for an alias the place of the alias.
    pub span: Span,
    /// What is written.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A scalar: its text after unquoting, and what it stands for.
    Scalar { text: String, sort: Sort },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in order; keys are distinct.
    Map(Vec<Entry>),
    /// Something that was wrong and has been reported; whatever needs it must go too.
    Broken,
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key, always text: `null:` and `12:` are keys like others.
    pub key: String,
    /// Where the key is written.
    pub key_span: Span,
    /// Whether the key is written without quotes (a merge key must be).
    pub plain: bool,
    /// Its value.
    pub value: Node,
}

/// What a scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sort {
    /// Nothing: an empty value, `null` or `~`.
    Null,
    /// `true` or `false`; nothing else is a truth value.
    Bool(bool),
    /// A whole number.
    Whole(i128),
    /// A number with point or exponent; the node keeps its exact text.
    Real(f64),
    /// `.nan`, `.inf`.
    NotFinite,
    /// Text.
    Text,
}

impl Node {
    /// The node and everything under it.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } | Value::Broken => 0,
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.value.size()).sum(),
        }
    }
    /// Every key and text in it.
    pub(crate) fn texts(&self, into: &mut std::collections::BTreeSet<String>) {
        match &self.value {
            Value::Scalar { text, .. } => {
                into.insert(text.clone());
            }
            Value::List(items) => items.iter().for_each(|item| item.texts(into)),
            Value::Map(entries) => {
                for entry in entries {
                    into.insert(entry.key.clone());
                    entry.value.texts(into);
                }
            }
            Value::Broken => {}
        }
    }
}

/// The tree of a document, if it has one, and what is wrong with it so far.
pub(super) struct Planted {
    pub root: Option<Node>,
    pub findings: Vec<Finding>,
}

/// Grows the tree of the one document in `text`. A fault of syntax ends it: then there is no root.
pub(super) fn plant(text: &str) -> Planted {
    let mut grower = Grower::default();
    if text.len() > MAX_BYTES {
        grower
            .findings
            .push(Finding::error(codes::TOO_LARGE, format!("the file is larger than {} MiB", MAX_BYTES >> 20)).at(syntax::START));
        return Planted { root: None, findings: grower.findings };
    }
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    for event in Parser::new_from_str_with_options(text, options) {
        let stop = match event {
            Ok((event, span)) => grower.take(event, place(span), span.tag_span().map(place)),
            Err(error) => Some(syntax::explain(&error, text)),
        };
        if let Some(finding) = stop {
            // What the parser stumbles over in a line that has been reported is the same fault.
            let line = |finding: &Finding| finding.span.map(|span| span.line);
            if grower.findings.iter().all(|other| line(other) != line(&finding)) {
                grower.findings.push(finding);
            }
            return Planted { root: None, findings: grower.findings };
        }
    }
    let empty = matches!(&grower.root, None | Some(Node { value: Value::Scalar { sort: Sort::Null, .. }, .. }));
    if empty && grower.findings.is_empty() {
        grower.findings.push(Finding::error(codes::EMPTY_FILE, "the file is empty").at(syntax::START));
        grower.root = None;
    }
    Planted { root: grower.root, findings: grower.findings }
}

fn place(span: granit_parser::Span) -> Span {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let bytes = span.byte_range().unwrap_or(0..0);
    Span { offset: bytes.start, length: bytes.len(), line: narrow(span.start.line()), column: narrow(span.start.col() + 1) }
}

/// A collection that is not closed yet.
enum Open {
    List { span: Span, anchor: usize, items: Vec<Node> },
    Map { span: Span, anchor: usize, entries: Vec<Entry>, key: Option<Key>, odd: bool },
}

/// A key that waits for its value; without text it was no key and its value is dropped.
struct Key {
    text: Option<String>,
    span: Span,
    plain: bool,
}

#[derive(Default)]
struct Grower {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    findings: Vec<Finding>,
}

impl Grower {
    /// Takes one event; a finding returned here ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span, tag_place: Option<Span>) -> Option<Finding> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                (self.documents > 1).then(|| {
                    Finding::error(codes::SEVERAL_DOCUMENTS, "a second document begins here")
                        .at(span)
                        .help("one file is one document: put the second one into a file of its own, or remove `---`")
                })
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let mut sort = if plain { scalar::resolve(&text) } else { Sort::Text };
                if let Some(tag) = tag {
                    if tag.is_yaml_core_schema_tag("str") {
                        sort = Sort::Text;
                    } else {
                        self.tagged(&tag, tag_place.unwrap_or(span));
                    }
                }
                self.put(Node { span, value: Value::Scalar { text: text.into_owned(), sort } }, anchor, plain)
            }
            Event::SequenceStart(_, anchor, tag) => {
                tag.iter().filter(|tag| !tag.is_yaml_core_schema_tag("seq")).for_each(|tag| self.tagged(tag, tag_place.unwrap_or(span)));
                self.open.push(Open::List { span, anchor, items: Vec::new() });
                self.too_deep(span)
            }
            Event::MappingStart(_, anchor, tag) => {
                tag.iter().filter(|tag| !tag.is_yaml_core_schema_tag("map")).for_each(|tag| self.tagged(tag, tag_place.unwrap_or(span)));
                self.open.push(Open::Map { span, anchor, entries: Vec::new(), key: None, odd: false });
                self.too_deep(span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { span, anchor, items }) => self.put(Node { span, value: Value::List(items) }, anchor, false),
                Some(Open::Map { span, anchor, entries, odd, .. }) => {
                    let value = if odd { Value::Broken } else { Value::Map(entries) };
                    self.put(Node { span, value }, anchor, false)
                }
                None => None,
            },
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor) else {
                    return Some(Finding::error(codes::SYNTAX, "this alias stands inside the value that it names").at(span));
                };
                self.nodes += target.size();
                if self.nodes > MAX_NODES {
                    return Some(
                        Finding::error(codes::TOO_LARGE, format!("the file's aliases expand to more than {MAX_NODES} values"))
                            .at(span)
                            .help("write the values out, or use fewer aliases of aliases"),
                    );
                }
                let node = Node { span, value: target.value.clone() };
                self.put(node, 0, false)
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
            // The event type is open for extension; what it adds later is nothing that was asked for here.
            _ => Some(Finding::error(codes::ODD_YAML, "this corner of YAML is not read").at(span)),
        }
    }

    fn tagged(&mut self, tag: &Tag, span: Span) {
        self.findings.push(
            Finding::error(codes::ODD_YAML, format!("the tag `{}` is not read", tag.original()))
                .at(span)
                .help("remove the tag; quote a value to make it text"),
        );
    }

    fn too_deep(&self, span: Span) -> Option<Finding> {
        (self.open.len() > MAX_DEPTH)
            .then(|| Finding::error(codes::TOO_LARGE, format!("the file nests deeper than {MAX_DEPTH} levels")).at(span))
    }

    /// Puts a finished node where it belongs: as key, value, item or root.
    fn put(&mut self, node: Node, anchor: usize, plain: bool) -> Option<Finding> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Some(Finding::error(codes::TOO_LARGE, format!("the file holds more than {MAX_NODES} values")).at(node.span));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, odd, .. }) => match key.take() {
                Some(Key { text: Some(text), span, plain }) => entries.push(Entry { key: text, key_span: span, plain, value: node }),
                Some(Key { text: None, .. }) => {}
                None => {
                    *odd |= !matches!(node.value, Value::Scalar { .. });
                    *key = Some(as_key(node, plain, entries, &mut self.findings));
                }
            },
        }
        None
    }
}

/// Turns a node into the key of the next entry; what cannot be one, or stands twice, is reported and its value dropped.
fn as_key(node: Node, plain: bool, entries: &[Entry], findings: &mut Vec<Finding>) -> Key {
    let span = node.span;
    let Value::Scalar { text, .. } = node.value else {
        let why = "a key must be plain text, not a list or a mapping";
        findings.push(Finding::error(codes::ODD_YAML, why).at(span).help("quote a value that begins with `{` or `[`, such as a template"));
        return Key { text: None, span, plain };
    };
    if text.is_empty() {
        findings.push(Finding::error(codes::ODD_YAML, "a key is missing before the colon").at(span));
        return Key { text: None, span, plain };
    }
    if let Some(first) = entries.iter().find(|entry| entry.key == text) {
        findings.push(
            Finding::error(codes::DUPLICATE_KEY, format!("the key `{text}` stands twice"))
                .at(span)
                .help(format!("it is already at line {}, column {}; keep one", first.key_span.line, first.key_span.column)),
        );
        return Key { text: None, span, plain };
    }
    Key { text: Some(text), span, plain }
}
