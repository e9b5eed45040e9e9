//! The structure of an OpenAPI 3.1 document: which kinds of objects it contains,
//! and under which keys.
//!
//! The meaning of a key depends on its parent: `description` is prose in an
//! operation, but a property name inside `properties`. Code that walks a document
//! uses this table instead of guessing from the key.

use serde_json::{Map, Value};

use crate::pointer::Pointer;

/// The kinds of objects in an OpenAPI document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Callback,
    Components,
    Contact,
    Document,
    Encoding,
    Example,
    ExternalDocs,
    Header,
    Info,
    License,
    Link,
    MediaType,
    Operation,
    Parameter,
    PathItem,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
    Server,
    Tag,
}

/// How many objects a key holds, and in which form.
#[derive(Clone, Copy, Debug)]
enum Shape {
    One,
    List,
    Map,
}

/// The extension of a schema that describes its values: a map from the value, as
/// text, to its meaning.
pub const VALUES: &str = "x-enumDescriptions";

/// The keys of operations in a path item.
pub const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Returns the kind of the objects under `key` in an object of `kind`, or `None`
/// if the value under `key` is not an object of a known kind.
fn child(kind: Kind, key: &str) -> Option<(Shape, Kind)> {
    use Shape::{List, Map, One};
    Some(match (kind, key) {
        (Kind::Document, "info") => (One, Kind::Info),
        (Kind::Document, "servers") => (List, Kind::Server),
        (Kind::Document, "paths" | "webhooks") => (Map, Kind::PathItem),
        (Kind::Document, "components") => (One, Kind::Components),
        (Kind::Document, "tags") => (List, Kind::Tag),
        (Kind::Info, "license") => (One, Kind::License),
        (Kind::Info, "contact") => (One, Kind::Contact),
        (Kind::Components, "schemas") => (Map, Kind::Schema),
        (Kind::Components, "responses") => (Map, Kind::Response),
        (Kind::Components, "parameters") => (Map, Kind::Parameter),
        (Kind::Components, "examples") => (Map, Kind::Example),
        (Kind::Components, "requestBodies") => (Map, Kind::RequestBody),
        (Kind::Components, "headers") => (Map, Kind::Header),
        (Kind::Components, "securitySchemes") => (Map, Kind::SecurityScheme),
        (Kind::Components, "links") => (Map, Kind::Link),
        (Kind::Components, "callbacks") => (Map, Kind::Callback),
        (Kind::Components, "pathItems") => (Map, Kind::PathItem),
        (Kind::PathItem, "parameters") => (List, Kind::Parameter),
        (Kind::PathItem, "servers") => (List, Kind::Server),
        (Kind::PathItem, method) if METHODS.contains(&method) => (One, Kind::Operation),
        (Kind::Operation, "parameters") => (List, Kind::Parameter),
        (Kind::Operation, "requestBody") => (One, Kind::RequestBody),
        (Kind::Operation, "responses") => (Map, Kind::Response),
        (Kind::Operation, "callbacks") => (Map, Kind::Callback),
        (Kind::Operation, "servers") => (List, Kind::Server),
        (Kind::Parameter | Kind::Header, "schema") => (One, Kind::Schema),
        (Kind::Parameter | Kind::Header | Kind::MediaType, "examples") => (Map, Kind::Example),
        (Kind::Parameter | Kind::Header, "content") => (Map, Kind::MediaType),
        (Kind::RequestBody | Kind::Response, "content") => (Map, Kind::MediaType),
        (Kind::Response | Kind::Encoding, "headers") => (Map, Kind::Header),
        (Kind::Response, "links") => (Map, Kind::Link),
        (Kind::MediaType, "schema") => (One, Kind::Schema),
        (Kind::MediaType, "encoding") => (Map, Kind::Encoding),
        (Kind::Schema, "properties" | "patternProperties" | "$defs" | "dependentSchemas") => {
            (Map, Kind::Schema)
        }
        (Kind::Schema, "oneOf" | "anyOf" | "allOf" | "prefixItems") => (List, Kind::Schema),
        (
            Kind::Schema,
            "items"
            | "additionalProperties"
            | "not"
            | "contains"
            | "propertyNames"
            | "if"
            | "then"
            | "else"
            | "unevaluatedItems"
            | "unevaluatedProperties",
        ) => (One, Kind::Schema),
        (_, "externalDocs") => (One, Kind::ExternalDocs),
        _ => return None,
    })
}

/// Calls `visit` for every object in the document, parents first.
pub fn walk<'a>(document: &'a Value, visit: &mut impl FnMut(&Pointer, Kind, &'a Value)) {
    walk_from(document, Kind::Document, &Pointer::root(), visit);
}

fn walk_from<'a>(
    value: &'a Value,
    kind: Kind,
    at: &Pointer,
    visit: &mut impl FnMut(&Pointer, Kind, &'a Value),
) {
    visit(at, kind, value);
    let Value::Object(object) = value else { return };
    for (key, value) in object {
        let Some((shape, kind)) = child(kind, key) else {
            continue;
        };
        let at = at.join(key);
        match (shape, value) {
            (Shape::One, value) => walk_from(value, kind, &at, visit),
            (Shape::List, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    walk_from(item, kind, &at.join(index), visit);
                }
            }
            (Shape::Map, Value::Object(entries)) => {
                for (name, entry) in entries {
                    walk_from(entry, kind, &at.join(name), visit);
                }
            }
            _ => {}
        }
    }
}

/// Calls `change` for every object in the document, parents first.
pub fn walk_mut(document: &mut Value, change: &mut impl FnMut(Kind, &mut Map<String, Value>)) {
    walk_mut_from(document, Kind::Document, change);
}

fn walk_mut_from(
    value: &mut Value,
    kind: Kind,
    change: &mut impl FnMut(Kind, &mut Map<String, Value>),
) {
    let Value::Object(object) = value else { return };
    change(kind, object);
    for (key, value) in object.iter_mut() {
        match (child(kind, key), value) {
            (Some((Shape::One, kind)), value) => walk_mut_from(value, kind, change),
            (Some((Shape::List, kind)), Value::Array(items)) => {
                for item in items {
                    walk_mut_from(item, kind, change);
                }
            }
            (Some((Shape::Map, kind)), Value::Object(entries)) => {
                for entry in entries.values_mut() {
                    walk_mut_from(entry, kind, change);
                }
            }
            _ => {}
        }
    }
}

/// Iterates over the operations of the document as tuples of the path, the
/// method's key, and the operation.
pub fn operations(document: &Value) -> impl Iterator<Item = (&str, &'static str, &Value)> {
    document["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(path, item)| {
            METHODS
                .into_iter()
                .filter_map(move |method| Some((path.as_str(), method, item.get(method)?)))
        })
}
