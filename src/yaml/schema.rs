//! The JSON Schema of a type, as the language means it: an optional key may be absent, but never without a value.

use schemars::generate::SchemaSettings;
use serde_json::Value;

/// JSON Schema (draft 2020-12) of `T` in which no key takes `null` for "absent".
pub fn schema_of<T: schemars::JsonSchema>() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    let mut schema = Value::from(schema);
    without_null(&mut schema);
    schema
}

/// Removes the `null` that stands for an absent `Option` and the defaults that are empty, everywhere.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("default").is_some_and(|default| default.is_null() || default.as_array().is_some_and(Vec::is_empty)) {
                object.remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".into(), only);
                }
            }
            let mut single = None;
            for keyword in ["anyOf", "oneOf"] {
                if let Some(Value::Array(alternatives)) = object.get_mut(keyword) {
                    let before = alternatives.len();
                    alternatives.retain(|alternative| alternative.get("type").is_none_or(|name| name != "null"));
                    if let ([only], true) = (alternatives.as_slice(), alternatives.len() < before) {
                        single = Some((keyword, only.clone()));
                    }
                }
            }
            if let Some((keyword, Value::Object(only))) = single {
                object.remove(keyword);
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
