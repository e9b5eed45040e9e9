//! Lowers OpenAPI 3.1 to the OpenAPI 3.0.3 that progenitor reads.
//!
//! The lowering depends on the two specifications and on how progenitor 0.15
//! and typify 0.8 treat a schema; it has no rule for a particular document.
//! The document is first desugared, so that each construct has one spelling.
//! Its schemas then become [`Lowered`] schemas, which are joined and named,
//! and finally JSON; only the `to_json` methods know the quirks of 3.0.
//! Whatever the lowered document cannot express is either described in a
//! `description` (constraints, defaults) or listed by JSON pointer in
//! [`LoweredDocument::notes`].

pub mod dates;
mod desugar;
pub mod groups;
pub mod ids;
mod join;
mod lowered;
mod names;
mod operations;
mod parameters;
mod responses;
mod schema;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use altegio_openapi::names::pascal;
use altegio_openapi::pointer::{self, Pointer};
use altegio_openapi::{grammar, select};
use desugar::desugar;
use lowered::{Lowered, Shape};
use operations::Operation;

type Object = Map<String, Value>;

/// The lowered document, and notes on what it does not express.
#[derive(Debug)]
pub struct LoweredDocument {
    pub document: Value,
    pub notes: Vec<Note>,
}

/// A part of the document that the lowered one does not express.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    pub at: Pointer,
    pub what: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Lowers a document that passed the checks of [`crate::pipeline`].
pub fn lower(original: &Value) -> LoweredDocument {
    let desugared = desugar(original);
    let document = &desugared.document;
    let schemas = document.pointer("/components/schemas");
    let schemas = schemas.and_then(Value::as_object);
    let order: Vec<String> = schemas
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    let mut lowering = Lowering {
        document,
        notes: BTreeSet::new(),
        components: BTreeMap::new(),
        taken: order.iter().map(|name| pascal(name)).collect(),
        order,
        joining: Vec::new(),
        joining_at: Pointer::root(),
        with_files: with_files(document),
        in_form: false,
    };
    let document = lowering.document();
    let notes: BTreeSet<Note> = lowering
        .notes
        .into_iter()
        .map(|note| Note {
            at: desugared.original_place(&note.at, original),
            ..note
        })
        .collect();
    LoweredDocument {
        document,
        notes: notes.into_iter().collect(),
    }
}

struct Lowering<'a> {
    document: &'a Value,
    notes: BTreeSet<Note>,
    /// The components by name; `None` while a component is being lowered.
    components: BTreeMap<String, Option<Lowered>>,
    /// The names of all components, in the order of the output.
    order: Vec<String>,
    /// The Rust names of all components.
    taken: BTreeSet<String>,
    /// The pairs that are being joined through a reference, to detect recursion.
    joining: Vec<(Shape, Shape)>,
    /// The place whose schemas are being joined.
    joining_at: Pointer,
    /// The components in which `format: binary` is a file.
    with_files: BTreeSet<String>,
    /// Whether `format: binary` is a file in the schema that is being lowered.
    in_form: bool,
}

impl Lowering<'_> {
    fn note(&mut self, at: &Pointer, what: impl Into<String>) {
        self.notes.insert(Note {
            at: at.clone(),
            what: what.into(),
        });
    }

    /// The component of this name, which is lowered first if necessary. Returns
    /// `None` while it is being lowered: then it is combined with itself.
    fn component(&mut self, name: &str) -> Option<Lowered> {
        let at = component_at(name);
        match self.components.get(name) {
            Some(Some(known)) => return Some(known.clone()),
            Some(None) => {
                self.note(&at, "combined with itself: read as any value there");
                return None;
            }
            None => {}
        }
        let schema = at.get(self.document)?;
        self.components.insert(name.to_owned(), None);
        let in_form = std::mem::replace(&mut self.in_form, self.with_files.contains(name));
        let mut lowered = self.schema(&at, schema);
        self.in_form = in_form;
        // Nullability is expressed where the component is used.
        lowered.nullable = false;
        self.components
            .insert(name.to_owned(), Some(lowered.clone()));
        Some(lowered)
    }

    fn add_component(&mut self, name: String, mut schema: Lowered) {
        schema.nullable = false;
        self.components.insert(name.clone(), Some(schema));
        self.order.push(name);
    }

    fn document(&mut self) -> Value {
        let document = self.document;
        for key in ["webhooks", "jsonSchemaDialect"] {
            if document.get(key).is_some() {
                let at = Pointer::root().join(key);
                self.note(&at, "left out: progenitor makes no use of it");
            }
        }
        for name in self.order.clone() {
            self.component(&name);
        }
        let errors = self.error_component();
        let mut operations = self.operations(errors.as_deref());
        self.name_types(&mut operations);

        let mut lowered = object(json!({"openapi": "3.0.3"}));
        for key in ["info", "servers", "x-mock-server", "tags"] {
            if let Some(value) = document.get(key) {
                lowered.insert(key.into(), value.clone());
            }
        }
        lowered.insert("paths".into(), paths(document, &operations));
        let mut components = object(json!({"schemas": self.schemas(&operations)}));
        if let Some(schemes) = document.pointer("/components/securitySchemes") {
            components.insert("securitySchemes".into(), schemes.clone());
        }
        lowered.insert("components".into(), Value::Object(components));
        if let Some(security) = document.get("security") {
            lowered.insert("security".into(), security.clone());
        }
        Value::Object(lowered)
    }

    fn schemas(&self, operations: &[Operation]) -> Value {
        let sent = self.sent(operations);
        let mut schemas = Object::new();
        for name in &self.order {
            if let Some(Some(schema)) = self.components.get(name) {
                schemas.insert(name.clone(), schema.to_component(sent.contains(name)));
            }
        }
        Value::Object(schemas)
    }

    /// The components that request bodies contain, at any depth.
    fn sent(&self, operations: &[Operation]) -> BTreeSet<String> {
        let mut sent = BTreeSet::new();
        let mut open = BTreeSet::new();
        for body in operations.iter().filter_map(|one| one.body.as_ref()) {
            body.schema.references(&mut open);
        }
        while let Some(name) = open.pop_first() {
            if let Some(Some(schema)) = self.components.get(&name)
                && sent.insert(name)
            {
                schema.references(&mut open);
            }
        }
        sent
    }
}

/// The components that request bodies contain, at any depth, that are not sent as
/// JSON. A file inside JSON is text.
fn with_files(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some(schemas) = document["components"]["schemas"].as_object() else {
        return found;
    };
    for (_, _, operation) in grammar::operations(document) {
        let Some(body) = pointer::resolve(document, &operation["requestBody"]) else {
            continue;
        };
        for (media_type, media) in body["content"].as_object().into_iter().flatten() {
            if !responses::reads_as_json(media_type) {
                select::reach(media, schemas, &mut found);
            }
        }
    }
    found
}

fn component_at(name: &str) -> Pointer {
    let components = Pointer::root().join("components");
    components.join("schemas").join(name)
}

/// The operations by path; a path without operations is kept as an empty
/// object.
fn paths(document: &Value, operations: &[Operation]) -> Value {
    let mut paths = Object::new();
    for (path, _) in document["paths"].as_object().into_iter().flatten() {
        paths.insert(path.clone(), json!({}));
    }
    for operation in operations {
        paths[&operation.path][&operation.method] = operation.to_json();
    }
    Value::Object(paths)
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
