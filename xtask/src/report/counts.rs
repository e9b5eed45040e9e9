//! Counts the elements of a document, and lists its schemas without a type.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use altegio_openapi::grammar::{self, Kind};
use altegio_openapi::pointer::Pointer;

/// The size of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub paths: usize,
    pub operations: usize,
    pub deprecated: usize,
    pub tags: usize,
    pub schemas: usize,
    /// The properties of all schemas.
    pub fields: usize,
}

impl Counts {
    pub fn of(document: &Value) -> Self {
        let entries = |at: &str| {
            let object = document.pointer(at).and_then(Value::as_object);
            object.map_or(0, serde_json::Map::len)
        };
        let mut counts = Self {
            paths: entries("/paths"),
            schemas: entries("/components/schemas"),
            ..Self::default()
        };
        let mut tags = BTreeSet::new();
        for (_, _, operation) in grammar::operations(document) {
            counts.operations += 1;
            counts.deprecated += usize::from(operation["deprecated"] == true);
            let named = operation["tags"].as_array().into_iter().flatten();
            tags.extend(named.filter_map(Value::as_str));
        }
        counts.tags = tags.len();
        grammar::walk(document, &mut |_, kind, object| {
            if kind == Kind::Schema {
                let properties = object.get("properties").and_then(Value::as_object);
                counts.fields += properties.map_or(0, serde_json::Map::len);
            }
        });
        counts
    }
}

/// A schema of the lowered document that becomes an untyped JSON value, or a
/// map of them, in Rust.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Open {
    pub why: &'static str,
    /// The operation id or component name, and the path within it.
    pub place: String,
}

/// Lists the schemas without a type, sorted by reason.
pub fn open_places(lowered: &Value) -> Vec<Open> {
    let mut open = Vec::new();
    grammar::walk(lowered, &mut |at, kind, object| {
        if kind == Kind::Schema
            && let Some(why) = why_open(object)
        {
            let place = place(lowered, at);
            open.push(Open { why, place });
        }
    });
    open.sort();
    open
}

fn why_open(schema: &Value) -> Option<&'static str> {
    let fields = schema.as_object()?;
    let typed = [
        "$ref",
        "allOf",
        "oneOf",
        "enum",
        "properties",
        "x-rust-type",
    ];
    if typed.iter().any(|key| fields.contains_key(*key)) {
        return None;
    }
    match fields.get("type").and_then(Value::as_str) {
        None if schema["description"] == "Always null." => {
            Some("value: the document says that it is always null")
        }
        None => Some("value: the document says nothing about it"),
        Some("object") if !schema["additionalProperties"].is_object() => {
            Some("map: an object whose fields the document does not list")
        }
        _ => None,
    }
}

fn place(document: &Value, at: &Pointer) -> String {
    let mut parts = at.as_str().split('/').skip(1);
    if let (Some("paths"), Some(path), Some(method)) = (parts.next(), parts.next(), parts.next()) {
        let path = path.replace("~1", "/").replace("~0", "~");
        let id = document["paths"][path.as_str()][method]["operationId"].as_str();
        let rest: Vec<&str> = parts.collect();
        return format!("{} {}", id.unwrap_or_default(), rest.join("/"));
    }
    at.as_str()
        .trim_start_matches("/components/schemas/")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn open_places_are_listed_with_their_reason() {
        let document = json!({
            "paths": {"/a": {"get": {"operationId": "a", "parameters": [{"schema": {}}]}}},
            "components": {"schemas": {"c": {"type": "object", "properties": {
                "any": {}, "map": {"type": "object"}, "null": {"description": "Always null."},
                "typed": {"type": "integer"}, "list": {"type": "array", "items": {}},
                "typed_map": {"type": "object", "additionalProperties": {"type": "string"}},
                "nullable": {"x-rust-type": {}},
            }}}},
        });
        let open = open_places(&document);
        let open: Vec<String> = open
            .iter()
            .map(|open| {
                let kind = open.why.split(' ').take(3).collect::<Vec<_>>().join(" ");
                format!("{kind} at {}", open.place)
            })
            .collect();
        assert_eq!(
            open,
            [
                "map: an object at c/properties/map",
                "value: the document at a parameters/0/schema",
                "value: the document at c/properties/any",
                "value: the document at c/properties/list/items",
                "value: the document at c/properties/null",
            ]
        );
    }

    #[test]
    fn the_size_of_a_document() {
        let document = json!({
            "paths": {"/a": {
                "get": {"tags": ["A", "B"], "deprecated": true},
                "put": {"tags": ["A"], "requestBody": {"content": {"application/json": {"schema": {"properties": {"x": {}, "y": {}}}}}}},
            }},
            "components": {"schemas": {"c": {"properties": {"x": {}}}}},
        });
        let counts = Counts {
            paths: 1,
            operations: 2,
            deprecated: 1,
            tags: 2,
            schemas: 1,
            fields: 3,
        };
        assert_eq!(Counts::of(&document), counts);
    }
}
