//! YAML as people write it: text in; a typed value and every finding out, each at its line and column.
//!
//! The one owner of the YAML parser. Used for contracts, `presscheck.yml`, `profiles.yml`, `dbt_project.yml` and calendars.

use std::path::Path;

use crate::diagnostic::Finding;

/// A document read as `T`. `value` is there when enough was right to build one, even if `findings` has errors (so that checks of names can go on).
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// The typed value, without the parts that were wrong.
    pub value: Option<T>,
    /// Everything that was wrong with syntax, keys and types.
    pub findings: Vec<Finding>,
}

/// Reads `text` strictly as `T`: unknown and duplicate keys, wrong types, `.nan`, tabs, oversized anchors: all found in one pass.
pub fn read<T: serde::de::DeserializeOwned + schemars::JsonSchema>(_text: &str, _file: &Path) -> Read<T> {
    Read { value: None, findings: Vec::new() }
}
