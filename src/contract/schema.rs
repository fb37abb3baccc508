//! The contract language as JSON Schema, for editors and for the reader of contracts.

use serde_json::{Value, json};

use super::Contract;
use crate::check::definition::Kinds;
use crate::check::own::SharedKeys;
use crate::yaml::schema_of;

/// JSON Schema (draft 2020-12) of a contract file.
pub fn json_schema() -> Value {
    json_schema_with(&Kinds::new())
}

/// [`json_schema`] of a project that defines kinds of check.
pub fn json_schema_with(kinds: &Kinds) -> Value {
    let mut schema = with(kinds);
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

/// What a contract is read against: the types of the language, and among the kinds of check those of the project.
pub(super) fn with(kinds: &Kinds) -> Value {
    let mut schema = schema_of::<Contract>();
    if kinds.is_empty() {
        return schema;
    }
    let shared = schema_of::<SharedKeys>();
    if let Some(listed) = schema.pointer_mut("/$defs/Spec/oneOf").and_then(Value::as_array_mut) {
        listed.extend(kinds.iter().map(|(name, definition)| {
            json!({
                "type": "object",
                "properties": { name.as_str(): definition.schema(&shared) },
                "required": [name],
                "additionalProperties": false,
                "description": definition.about.value,
            })
        }));
    }
    schema
}
