//! Templates of request bodies: every field of a schema with a placeholder of its
//! type.

use altegio_openapi::api::Api;
use serde_json::{Map, Value, json};

/// The maximum depth of a template, since some schemas contain themselves.
const DEPTH: usize = 8;

/// Returns the template of a schema.
pub fn template(api: &Api, schema: &Value) -> Value {
    at_depth(api, schema, 0)
}

fn at_depth(api: &Api, schema: &Value, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::Null;
    }
    let inner = |schema: &Value| at_depth(api, schema, depth + 1);
    if schema.get("$ref").is_some() {
        return inner(api.resolve(schema));
    }
    // `altegio::Nullable<T>`: the template shows the `T`.
    if let Some(parameter) = schema.pointer("/x-rust-type/parameters/0") {
        return inner(parameter);
    }
    for key in ["allOf", "oneOf"] {
        if let Some(first) = schema[key].get(0) {
            return inner(first);
        }
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("integer") => json!(0),
        Some("number") => json!(0.0),
        Some("boolean") => json!(false),
        Some("string") => match schema["format"].as_str() {
            Some("date") => json!("2026-01-31"),
            Some("date-time") => json!("2026-01-31T10:00:00+00:00"),
            _ => json!(""),
        },
        Some("array") => json!([inner(&schema["items"])]),
        _ => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields: Map<String, Value> = fields
                .map(|(name, schema)| (name.clone(), inner(schema)))
                .collect();
            Value::Object(fields)
        }
    }
}
