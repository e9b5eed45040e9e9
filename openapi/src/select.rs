//! Reduces a document to the operations of the enabled features and the schemas
//! that they use.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::names;
use crate::pointer::schema_name;

/// Returns the name of the Cargo feature of a document's tag: the document's name and
/// the tag's [slug](names::slug), such as `b2b-v1-custom-fields`.
pub fn feature(document: &str, tag: &str) -> String {
    format!("{document}-{}", names::slug(tag))
}

/// Removes the operations whose tag is not kept, and the schemas that no remaining
/// operation uses.
pub fn select(document: &mut Value, keep: impl Fn(&str) -> bool) {
    retain(document, |operation| tag(operation).is_some_and(&keep));
}

/// Removes the operations that are not kept, and the schemas that no remaining
/// operation uses.
///
/// `keep` is called for every value of a path item. Values other than operations,
/// such as the `parameters` of a path item, are removed unless it keeps them.
pub fn retain(document: &mut Value, keep: impl Fn(&Value) -> bool) {
    if let Some(paths) = document["paths"].as_object_mut() {
        for (_, item) in paths.iter_mut() {
            if let Some(item) = item.as_object_mut() {
                item.retain(|_, operation| keep(operation));
            }
        }
        paths.retain(|_, item| item.as_object().is_some_and(|item| !item.is_empty()));
    }
    let mut reached = BTreeSet::new();
    if let Some(schemas) = document["components"]["schemas"].as_object() {
        reach(&document["paths"], schemas, &mut reached);
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| reached.contains(name));
    }
}

/// Returns the first tag of an operation. Its feature enables the operation.
pub fn tag(operation: &Value) -> Option<&str> {
    operation["tags"][0].as_str()
}

/// Adds to `found` the names of the component schemas that a value refers to,
/// directly or through other schemas.
pub fn reach(value: &Value, schemas: &Map<String, Value>, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(schema_name)
                && let Some(schema) = schemas.get(&name)
                && found.insert(name)
            {
                reach(schema, schemas, found);
            }
            for value in fields.values() {
                reach(value, schemas, found);
            }
        }
        Value::Array(items) => {
            for value in items {
                reach(value, schemas, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_features_name_is_the_documents_and_the_tags() {
        assert_eq!(
            feature("b2b-v1", "Subscriptions & Certificates"),
            "b2b-v1-subscriptions-certificates"
        );
        assert_eq!(feature("booking", "Tags"), "booking-tags");
    }

    #[test]
    fn what_the_kept_tags_do_not_reach_goes() {
        let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let mut document = json!({
            "paths": {
                "/a": {"get": {"tags": ["A", "B"], "x": refers("a")}, "put": {"tags": ["B"]}},
                "/b": {"get": {"tags": ["B"], "x": refers("b")}},
            },
            "components": {"schemas": {
                "a": {"items": refers("c")},
                "b": {},
                "c": {"again": refers("a"), "both": [refers("d")]},
                "d": {},
            }},
        });
        select(&mut document, |tag| tag == "A");
        let paths = json!({"/a": {"get": {"tags": ["A", "B"], "x": refers("a")}}});
        assert_eq!(document["paths"], paths);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert_eq!(schemas.keys().collect::<Vec<_>>(), ["a", "c", "d"]);
        select(&mut document, |_| false);
        assert_eq!(
            document,
            json!({"paths": {}, "components": {"schemas": {}}})
        );
    }
}
