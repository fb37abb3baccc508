//! The contract language as JSON Schema, for editors.

use serde_json::{Value, json};

use super::Contract;

/// JSON Schema (draft 2020-12) of a contract file.
pub fn json_schema() -> Value {
    let mut schema = crate::yaml::schema_of::<Contract>();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".into(), json!("urn:presscheck:contract:1"));
        object.insert("title".into(), json!("presscheck reporting contract"));
        if let Some(version) = object.get_mut("properties").and_then(|properties| properties.get_mut("version")) {
            version["maximum"] = json!(1);
            version["minimum"] = json!(1);
        }
    }
    schema
}
