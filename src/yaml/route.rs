//! Where a walk is in its document: what messages call the place, where it is shown, and what is cut off there.

use serde_json::Value as Json;

use super::shape::Shape;
use super::syntax;
use super::tree::{Node, Value};
use crate::diagnostic::{Finding, Span};

/// Puts [`Value::Broken`] in place of the node at a path (innermost position first). False when the path is empty.
pub(super) fn break_off(root: &mut Node, path: &[usize]) -> bool {
    let mut node = root;
    for &index in path.iter().rev() {
        let next = match &mut node.value {
            Value::List(items) => items.get_mut(index),
            Value::Map(entries) => entries.get_mut(index).map(|entry| &mut entry.value),
            Value::Scalar { .. } | Value::Broken => None,
        };
        match next {
            Some(child) => node = child,
            None => return false,
        }
    }
    node.value = Value::Broken;
    !path.is_empty()
}

impl<'s> Shape<'s> {
    /// Adds a finding unless its place already has one.
    pub(super) fn report(&mut self, finding: Finding) {
        let known =
            |other: &Finding| other.span.is_some() && other.span.map(|s| (s.line, s.column)) == finding.span.map(|s| (s.line, s.column));
        if !self.findings.iter().any(known) {
            self.findings.push(finding);
        }
    }

    /// Remembers what is cut off under the current node.
    pub(super) fn lose(&mut self, name: &str, node: &Node) {
        let route = self.route.iter().map(|(name, _)| name.as_str()).chain([name]).fold(String::new(), |route, name| {
            if name.starts_with('[') || route.is_empty() { route + name } else { format!("{route}.{name}") }
        });
        let texts = self.cut.entry(route).or_default();
        texts.insert(name.to_owned());
        node.texts(texts);
    }

    /// What messages call the current node.
    pub(super) fn label(&self) -> String {
        let named = self.route.iter().rev().find(|(name, _)| !name.starts_with('['));
        match (self.route.last(), named) {
            (Some((last, _)), Some((name, _))) if last.starts_with('[') => format!("an item of `{name}`"),
            (_, Some((name, _))) => format!("`{name}`"),
            (Some(_), None) => "an item".to_owned(),
            (None, None) => "the file".to_owned(),
        }
    }

    /// Where a fault of the current node as a whole is shown: at its key, where it has one.
    pub(super) fn here(&self, span: Span) -> Span {
        match self.route.last() {
            Some((name, place)) if !name.starts_with('[') => *place,
            Some(_) => span,
            None => syntax::START,
        }
    }

    /// Follows references.
    pub(super) fn resolve(&self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        for _ in 0..32 {
            let Some(name) = schema.get("$ref").and_then(Json::as_str) else {
                return schema;
            };
            let Some(target) = self.schema.pointer(name.trim_start_matches('#')) else {
                return schema;
            };
            schema = target;
        }
        schema
    }
}
