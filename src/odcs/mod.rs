//! The Open Data Contract Standard (ODCS) v3.1: its quality rules and service levels as a contract, and a contract as such a document. Values in,
//! values out, each beside what could not be carried. What an export cannot say in ODCS's own words stands in `customProperties`, so that an import of
//! it gives the same contract again. Not for judging either, see [`crate::lint`]; nor for files.

mod operator;
mod read;
mod service;
mod write;
mod yaml_text;

use serde_json::Value;

pub use read::{Around, Imported, import};
pub use write::export;
pub use yaml_text::text;

/// Where a document of ours keeps the contract's own keys, and each rule its check.
const OWN: &str = "presscheck";
/// The version that is written, and of which older ones of the same number are read.
const VERSION: &str = "v3.1.0";

/// A custom property of ours.
fn own(of: &Value) -> Option<&Value> {
    let listed = of.get("customProperties")?.as_array()?;
    listed.iter().find(|property| property.get("property").and_then(Value::as_str) == Some(OWN))?.get("value")
}

/// A text under a key, if it says something.
fn said<'v>(of: &'v Value, key: &str) -> Option<&'v str> {
    of.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The items of a list under a key; none where there is no list.
fn items<'v>(of: &'v Value, key: &str) -> &'v [Value] {
    of.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
