//! Distills the vendor's document: keeps the interface and drops the prose.
//!
//! Names, types, constraints, enums, operation ids, tags, security and
//! servers are kept, still as OpenAPI 3.1. Prose, samples and the vendor's
//! extensions (`x-…`) are dropped.

use serde_json::{Map, Value};

use altegio_openapi::grammar::{self, Kind};

pub fn distill(document: &Value) -> Value {
    let mut distilled = document.clone();
    grammar::walk_mut(&mut distilled, &mut strip);
    distilled
}

fn strip(kind: Kind, object: &mut Map<String, Value>) {
    object.retain(|key, _| !is_dropped(kind, key));
    if kind == Kind::Response && !object.contains_key("$ref") {
        // OpenAPI requires a description, so an empty one is kept.
        object.insert("description".to_owned(), "".into());
    }
}

fn is_dropped(kind: Kind, key: &str) -> bool {
    match (kind, key) {
        (Kind::Info, "title") => false,
        (_, "description" | "summary" | "title" | "externalDocs" | "example" | "examples") => true,
        (Kind::Info, "termsOfService" | "contact" | "license") => true,
        (Kind::Schema, "$comment") => true,
        (_, key) => key.starts_with("x-"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prose_and_samples_go_and_fields_of_those_names_stay() {
        let distilled = distill(&json!({
            "openapi": "3.1.1",
            "info": {"title": "T", "version": "1", "description": "prose"},
            "x-tagGroups": [],
            "tags": [{"name": "A", "description": "prose"}],
            "paths": {"/a": {"get": {
                "operationId": "a", "summary": "prose", "tags": ["A"],
                "responses": {"200": {"description": "prose", "content": {"application/json": {
                    "example": {"title": "sample"},
                    "schema": {
                        "title": "prose", "type": "object", "required": ["title"],
                        "example": {"title": "sample"},
                        "properties": {
                            "title": {"type": "string", "description": "prose", "enum": ["x"]},
                            "example": {"type": ["number", "null"], "default": 1, "minimum": 0},
                        },
                    },
                }}}},
            }}},
        }));
        assert_eq!(
            distilled,
            json!({
                "openapi": "3.1.1",
                "info": {"title": "T", "version": "1"},
                "tags": [{"name": "A"}],
                "paths": {"/a": {"get": {
                    "operationId": "a", "tags": ["A"],
                    "responses": {"200": {"description": "", "content": {"application/json": {
                        "schema": {
                            "type": "object", "required": ["title"],
                            "properties": {
                                "title": {"type": "string", "enum": ["x"]},
                                "example": {"type": ["number", "null"], "default": 1, "minimum": 0},
                            },
                        },
                    }}}},
                }}},
            })
        );
        assert_eq!(distill(&distilled), distilled);
    }
}
