//! Walks a tree beside the JSON Schema of the wanted type, finds every fault of structure and cuts off what cannot be read.
//!
//! A near miss (`colum:`) is reported and then read as what was meant, so that one fault does not become two and the value under it is still
//! looked at. Knows the part of JSON Schema that schemars writes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::tree::{Entry, Node, Sort, Value};
use super::{alternatives, wording};
use crate::diagnostic::{Finding, Span, codes, nearest};

/// One walk over one document.
pub(super) struct Shape<'s> {
    /// The schema that is beside the current node's file.
    pub(super) schema: &'s Json,
    /// What was found so far.
    pub findings: Vec<Finding>,
    /// See [`super::Read::cut`].
    pub cut: BTreeMap<String, BTreeSet<String>>,
    /// From the root to the current node: key or `[index]`, and where it stands.
    pub(super) route: Vec<(String, Span)>,
}

impl<'s> Shape<'s> {
    pub(super) fn new(schema: &'s Json) -> Self {
        Shape { schema, findings: Vec::new(), cut: BTreeMap::new(), route: Vec::new() }
    }

    /// Like [`Shape::fits`], for the whole document: a required key of the root that is missing gets an empty stand-in after it was reported,
    /// so that the rest of the document can still be read.
    pub(super) fn fits_root(&mut self, root: &mut Node) -> bool {
        let schema = self.schema;
        let fits = self.fits(root, schema);
        let (Value::Map(entries), Some(required)) = (&mut root.value, self.resolve(schema).get("required")) else {
            return fits;
        };
        for key in required.as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !entries.iter().any(|entry| entry.key == key) {
                let wanted = self.resolve(schema).get("properties").and_then(|properties| properties.get(key)).unwrap_or(&Json::Null);
                let value = wording::stand_in(self.resolve(wanted));
                let node = Node { span: Span::default(), value };
                entries.push(Entry { key: key.to_owned(), key_span: Span::default(), plain: true, value: node });
            }
        }
        true
    }

    /// Whether the node can be read as the schema says, after what is wrong in it has been reported and cut off.
    pub(super) fn fits(&mut self, node: &mut Node, schema: &'s Json) -> bool {
        let schema = self.resolve(schema);
        if node.value == Value::Broken {
            return false;
        }
        if let Value::Scalar { sort: Sort::NotFinite, text } = &node.value {
            let finding = Finding::error(codes::NOT_FINITE, format!("{} is `{text}`, which is not a finite number", self.label()));
            self.report(finding.at(node.span).help("write a finite number"));
            return false;
        }
        let Some(object) = schema.as_object() else {
            return self.anything(node);
        };
        if let Some(all) = object.get("allOf").and_then(Json::as_array) {
            // Not `all()`: every part reports, even after one that does not fit.
            let mut fits = true;
            for part in all {
                fits &= self.fits(node, part);
            }
            return fits;
        }
        if let Some(choices) = alternatives::of(self, schema) {
            return self.nothing(node, schema) && alternatives::choose(self, node, &choices);
        }
        match object.get("type").and_then(Json::as_str) {
            Some("object") => self.nothing(node, schema) && self.mapping(node, schema, object),
            Some("array") => self.nothing(node, schema) && self.list(node, schema, object),
            Some(_) => self.nothing(node, schema) && self.scalar(node, schema, object),
            None if object.get("type").is_some_and(Json::is_array) => self.nothing(node, schema) && self.scalar(node, schema, object),
            None => self.anything(node),
        }
    }

    /// False, with a finding, when there is nothing where a value is needed.
    fn nothing(&mut self, node: &Node, schema: &Json) -> bool {
        let Value::Scalar { sort: Sort::Null, .. } = &node.value else {
            return true;
        };
        if alternatives::accepts(schema, "null") {
            return true;
        }
        let place = self.route.last().map_or(node.span, |(name, span)| if name.starts_with('[') { node.span } else { *span });
        let finding = Finding::error(codes::NO_VALUE, format!("{} has no value", self.label())).at(place);
        self.report(finding.help(format!("give it {}, or remove it", wording::expected(schema, self))));
        false
    }

    /// No demand but that numbers are finite.
    fn anything(&mut self, node: &mut Node) -> bool {
        match &mut node.value {
            Value::Scalar { .. } => true,
            Value::Broken => false,
            Value::List(items) => {
                for item in items.iter_mut() {
                    if !self.fits(item, &Json::Bool(true)) {
                        return false;
                    }
                }
                true
            }
            Value::Map(entries) => {
                for entry in entries.iter_mut() {
                    if !self.fits(&mut entry.value, &Json::Bool(true)) {
                        return false;
                    }
                }
                true
            }
        }
    }

    fn mapping(&mut self, node: &mut Node, schema: &'s Json, object: &'s Map<String, Json>) -> bool {
        let Value::Map(entries) = &mut node.value else {
            return self.wrong_type(node, schema);
        };
        let none = Map::new();
        let properties = object.get("properties").and_then(Json::as_object);
        let known: Vec<&str> = properties.unwrap_or(&none).keys().map(String::as_str).collect();
        let open = object.get("additionalProperties");
        let written: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let mut kept = Vec::with_capacity(entries.len());
        let mut lost = Vec::new();
        for mut entry in entries.drain(..) {
            let mut wanted = properties.and_then(|properties| properties.get(&entry.key));
            if wanted.is_none() && open == Some(&Json::Bool(false)) {
                let meant = self.unknown_key(&entry, &known, &written).filter(|meant| kept.iter().all(|e: &Entry| e.key != *meant));
                wanted = meant.as_ref().and_then(|meant| properties.and_then(|properties| properties.get(meant)));
                match meant {
                    Some(meant) => entry.key = meant,
                    None => {
                        self.lose(&entry.key, &entry.value);
                        continue;
                    }
                }
            }
            self.route.push((entry.key.clone(), entry.key_span));
            let whole = entry.value.clone();
            let fits = self.fits(&mut entry.value, wanted.or(open).unwrap_or(&Json::Bool(true)));
            self.route.pop();
            if fits {
                kept.push(entry);
            } else {
                self.lose(&entry.key, &whole);
                lost.push(entry.key);
            }
        }
        *entries = kept;
        if object.get("minProperties").is_some_and(|least| least.as_u64() > Some(0)) && written.is_empty() {
            let finding = Finding::error(codes::BAD_VALUE, format!("{} is empty", self.label())).at(self.here(node.span));
            self.report(finding.help("add at least one"));
        }
        self.required(node, object, &lost)
    }

    /// Reports a key that does not exist; gives the key that was probably meant and is not there.
    fn unknown_key(&mut self, entry: &Entry, known: &[&str], written: &[String]) -> Option<String> {
        let free: Vec<&str> = known.iter().copied().filter(|key| !written.iter().any(|other| other == key)).collect();
        let near = nearest(&entry.key, known.iter().copied());
        let place = self.route.last().map_or(String::new(), |_| format!(" in {}", self.label()));
        let finding = Finding::error(codes::UNKNOWN_KEY, format!("unknown key `{}`{place}", entry.key)).at(entry.key_span);
        let help = match near {
            _ if entry.plain && entry.key == "<<" => "merge keys are not read; write the keys out".to_owned(),
            Some(near) if free.contains(&near) => format!("did you mean `{near}`?"),
            Some(near) => format!("did you mean `{near}`? It is there already"),
            None => format!("the keys here are {}", wording::names(known)),
        };
        let finding = finding.respell(&entry.key, known.iter().copied());
        let taken = finding.fix.as_ref().is_some_and(|fix| !free.contains(&fix.right.as_str()));
        self.report(Finding { fix: finding.fix.clone().filter(|_| !taken), ..finding.help(help) });
        near.filter(|near| free.contains(near)).map(str::to_owned)
    }

    fn required(&mut self, node: &Node, object: &Map<String, Json>, lost: &[String]) -> bool {
        let Value::Map(entries) = &node.value else { return false };
        let mut fits = true;
        for key in object.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if entries.iter().any(|entry| entry.key == key) {
                continue;
            }
            fits = false;
            if lost.iter().all(|other| other != key) {
                let property = object.get("properties").and_then(|properties| properties.get(key)).unwrap_or(&Json::Null);
                let about = property.get("description").or_else(|| self.resolve(property).get("description")).and_then(Json::as_str);
                let help = about.map_or_else(|| "add it".to_owned(), |about| format!("add it: {}", wording::first_sentence(about)));
                let place = self.route.last().map_or(String::new(), |_| format!(" in {}", self.label()));
                self.findings
                    .push(Finding::error(codes::MISSING_KEY, format!("`{key}` is missing{place}")).at(self.here(node.span)).help(help));
            }
        }
        fits
    }

    fn list(&mut self, node: &mut Node, schema: &'s Json, object: &'s Map<String, Json>) -> bool {
        if let Value::Scalar { .. } | Value::Map(_) = &node.value {
            // One item without its dash: report it, then read it as the list it ought to be.
            let lone = Node { span: node.span, value: node.value.clone() };
            self.wrong_type(node, schema);
            node.value = Value::List(vec![lone]);
        }
        let Value::List(items) = &mut node.value else { return false };
        let wanted = object.get("items").unwrap_or(&Json::Bool(true));
        let least = object.get("minItems").and_then(Json::as_u64).unwrap_or(0);
        if items.is_empty() && least > 0 {
            let finding = Finding::error(codes::BAD_VALUE, format!("{} is empty", self.label())).at(self.here(node.span));
            self.report(finding);
            return false;
        }
        let mut kept = Vec::with_capacity(items.len());
        for (index, mut item) in items.drain(..).enumerate() {
            self.route.push((format!("[{index}]"), item.span));
            let whole = item.clone();
            if self.fits(&mut item, wanted) {
                kept.push(item);
            } else {
                let place = self.route.pop();
                self.lose(&format!("[{index}]"), &whole);
                self.route.extend(place);
            }
            self.route.pop();
        }
        *items = kept;
        true
    }

    fn scalar(&mut self, node: &mut Node, schema: &'s Json, object: &Map<String, Json>) -> bool {
        let Value::Scalar { text, sort } = &mut node.value else {
            return self.wrong_type(node, schema);
        };
        let sorts: &[&str] = match sort {
            Sort::Null => &["null"],
            Sort::Bool(_) => &["boolean"],
            Sort::Whole(_) => &["integer", "number"],
            Sort::Real(_) => &["number"],
            Sort::Text => &["string"],
            Sort::NotFinite => &[],
        };
        if !sorts.iter().any(|sort| alternatives::accepts(schema, sort)) {
            let repairable = alternatives::accepts(schema, "string") && *sort != Sort::Null;
            if repairable {
                *sort = Sort::Text;
            }
            let before = Node { span: node.span, value: Value::Scalar { text: text.clone(), sort: super::scalar::resolve(text) } };
            self.wrong_type(if repairable { &before } else { node }, schema);
            return repairable;
        }
        if let Sort::Whole(number) = *sort {
            let least = object.get("minimum").and_then(Json::as_i64).map(i128::from);
            let most = object.get("maximum").and_then(Json::as_i64).map(i128::from).or_else(|| wording::most(object));
            if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                let message = format!("{} is {number}, which is out of range", self.label());
                let help = least
                    .filter(|least| number < *least)
                    .map_or_else(|| "write a smaller number".to_owned(), |least| format!("write {least} or more"));
                self.report(Finding::error(codes::BAD_VALUE, message).at(node.span).help(help));
                return false;
            }
        }
        true
    }

    /// Reports that another type was expected; always false.
    pub(super) fn wrong_type(&mut self, node: &Node, schema: &Json) -> bool {
        let expected = wording::expected(schema, self);
        let finding = Finding::error(codes::WRONG_TYPE, format!("{} must be {expected}, not {}", self.label(), wording::found(node)));
        let finding = match wording::mend(node, schema) {
            Some(help) => finding.help(help),
            None => finding,
        };
        self.report(finding.at(node.span));
        false
    }
}
