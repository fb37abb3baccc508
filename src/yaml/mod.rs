//! YAML as people write it: text in; a typed value and every finding out, each at its line and column.
//!
//! The one owner of the YAML parser. Used for contracts, `presscheck.yml`, `profiles.yml`, `dbt_project.yml` and calendars. A file is read in three
//! steps: a tree with places is grown (`tree`), walked beside the JSON Schema of the wanted type so that all faults are found at once and
//! what is wrong is cut off (`shape`), and the rest is read by serde (`deserialize`).
//! Not for what names and values mean: that is known to the rooms that read them.

mod alternatives;
mod comments;
mod deserialize;
mod machine;
mod route;
mod scalar;
mod schema;
mod shape;
mod syntax;
mod tree;
mod wording;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::{Finding, Span, codes};

pub use comments::comments;
pub use machine::value;
pub use schema::schema_of;

/// A document read as `T`. `value` is there when enough was right to build one, even if `findings` has errors (so that checks of names can go on).
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// The typed value, without the parts that were wrong.
    pub value: Option<T>,
    /// Everything that was wrong with syntax, keys and types, in the order of the file.
    pub findings: Vec<Finding>,
    /// What is not in `value` because it was wrong: route (`metrics.refunds.column`, `checks[2]`) and the texts in it, so that a
    /// name that stands there is not reported as unknown elsewhere.
    pub cut: BTreeMap<String, BTreeSet<String>>,
}

impl<T> Read<T> {
    /// Whether `text` stands in a part that was cut off.
    pub fn lost(&self, text: &str) -> bool {
        self.cut.values().any(|texts| texts.contains(text))
    }
}

/// Rounds of reading, each of which loses one value that its type refused.
const MAX_REFUSALS: usize = 500;

/// Reads `text` strictly as `T`: unknown and duplicate keys, wrong types, `.nan`, tabs, oversized anchors: all found in one pass.
pub fn read<T: serde::de::DeserializeOwned + schemars::JsonSchema>(text: &str, file: &Path) -> Read<T> {
    read_as(text, file, &schema_of::<T>())
}

/// [`read`] against another schema than that of the type, such as one with more alternatives.
pub fn read_as<T: serde::de::DeserializeOwned>(text: &str, file: &Path, schema: &serde_json::Value) -> Read<T> {
    let tree::Planted { root, mut findings } = tree::plant(text);
    let mut cut = BTreeMap::new();
    let value = root.and_then(|mut root| {
        let mut shape = shape::Shape::new(schema);
        let mut fits = shape.fits_root(&mut root);
        let mut value = None;
        for _ in 0..MAX_REFUSALS {
            if !fits {
                break;
            }
            match T::deserialize(deserialize::Reader(&root)) {
                Ok(read) => {
                    value = Some(read);
                    break;
                }
                Err(refusal) => {
                    shape.report(Finding::error(codes::BAD_VALUE, refusal.message).at(refusal.span.unwrap_or(syntax::START)));
                    fits = route::break_off(&mut root, &refusal.path) && shape.fits_root(&mut root);
                }
            }
        }
        findings.append(&mut shape.findings);
        cut = shape.cut;
        value
    });
    sort(&mut findings);
    Read { value, findings: findings.into_iter().map(|finding| finding.in_file(file)).collect(), cut }
}

/// Puts findings into the order of the file.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| (finding.span.map(|span| (span.line, span.column)), finding.code));
}

/// The place of a point inside a scalar: `line` and `column` count from 1 in the scalar's own text, `span` is where the scalar stands in `text`.
/// Exact for plain, quoted (without escapes) and block scalars; otherwise the beginning of the scalar.
pub fn within(text: &str, span: Span, line: u32, column: u32) -> Span {
    syntax::within(text, span, line, column).unwrap_or(span)
}
