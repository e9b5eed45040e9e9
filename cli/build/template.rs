//! A body to fill in: every field of a schema, with the emptiest value of its type.

use serde_json::{Map, Value, json};

/// Some schemas hold themselves.
const DEPTH: usize = 8;

/// The template of a schema.
pub fn template(document: &Value, schema: &Value) -> Value {
    at_depth(document, schema, 0)
}

fn at_depth(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::Null;
    }
    let inner = |schema: &Value| at_depth(document, schema, depth + 1);
    if schema.get("$ref").is_some() {
        return inner(resolve(document, schema));
    }
    // `altegio::Nullable` of what it may be when it is not null.
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

/// What a schema's reference stands for; itself without one.
pub fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let target = schema["$ref"].as_str().map(|reference| {
        let target = document.pointer(reference.trim_start_matches('#'));
        target.unwrap_or(&Value::Null)
    });
    target.map_or(schema, |target| resolve(document, target))
}
