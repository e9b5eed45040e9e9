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
mod entities;
pub mod groups;
pub mod ids;
mod join;
mod lowered;
mod names;
mod naming;
mod operations;
mod parameters;
mod responses;
mod schema;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::entity_table;
use altegio_openapi::pointer::{self, Pointer};
use altegio_openapi::{grammar, select};
use desugar::{Desugared, desugar};
use lowered::{Lowered, Shape};
pub use names::Names;
use naming::{Pinned, Wishes};
use operations::Operation;
use responses::ERROR_BODY;

/// The overlay's better names for types, by the names that they would have.
const NAMES: &str = "x-names";

type Object = Map<String, Value>;

/// The lowered document, and notes on what it does not express.
#[derive(Debug)]
pub struct LoweredDocument {
    pub document: Value,
    pub notes: Vec<Note>,
    /// The types that callers see.
    pub names: Names,
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

/// Lowers a document that passed the checks of [`crate::pipeline`]. `before` are
/// the names of the previous run.
///
/// # Errors
///
/// Returns all complaints about the document's `x-entities` or `x-names`.
pub fn lower(original: &Value, before: &Names) -> Result<LoweredDocument, Vec<String>> {
    let desugared = desugar(original);
    let mut lowering = Lowering::new(&desugared.document);
    let mut operations = lowering.read();
    let table = entity_table::read(original)?;
    let mut pinned = lowering.entities(&table, &mut operations)?;
    pinned.extend(lowering.errors.take().map(|schema| Pinned {
        name: ERROR_BODY.to_owned(),
        schema,
    }));
    let wishes = Wishes {
        before,
        better: better_names(original)?,
    };
    let names = lowering.name_types(&mut operations, pinned, &wishes)?;
    Ok(LoweredDocument {
        document: lowering.to_json(&operations),
        notes: lowering.original_notes(&desugared, original),
        names,
    })
}

/// The document's `x-names`.
fn better_names(document: &Value) -> Result<BTreeMap<String, String>, Vec<String>> {
    let Some(names) = document.get(NAMES) else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_value(names.clone())
        .map_err(|error| vec![format!("`{NAMES}` must map names to better ones: {error}")])
}

struct Lowering<'a> {
    document: &'a Value,
    notes: BTreeSet<Note>,
    /// The components by name; `None` while a component is being lowered.
    components: BTreeMap<String, Option<Lowered>>,
    /// The names of all components, in the order of the output.
    order: Vec<String>,
    /// The schema of all errors.
    errors: Option<Lowered>,
    /// The pairs that are being joined through a reference, to detect recursion.
    joining: Vec<(Shape, Shape)>,
    /// The place whose schemas are being joined.
    joining_at: Pointer,
    /// The components in which `format: binary` is a file.
    with_files: BTreeSet<String>,
    /// Whether `format: binary` is a file in the schema that is being lowered.
    in_form: bool,
}

impl<'a> Lowering<'a> {
    fn new(document: &'a Value) -> Self {
        let schemas = document.pointer("/components/schemas");
        let schemas = schemas.and_then(Value::as_object);
        let order = schemas.into_iter().flatten().map(|(name, _)| name.clone());
        Self {
            document,
            notes: BTreeSet::new(),
            components: BTreeMap::new(),
            order: order.collect(),
            errors: None,
            joining: Vec::new(),
            joining_at: Pointer::root(),
            with_files: with_files(document),
            in_form: false,
        }
    }

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

    /// Lowers all components and operations.
    fn read(&mut self) -> Vec<Operation> {
        for key in ["webhooks", "jsonSchemaDialect"] {
            if self.document.get(key).is_some() {
                let at = Pointer::root().join(key);
                self.note(&at, "left out: progenitor makes no use of it");
            }
        }
        for name in self.order.clone() {
            self.component(&name);
        }
        self.errors = self.errors();
        self.operations(self.errors.is_some())
    }

    /// The notes, with places of the original document.
    fn original_notes(&self, desugared: &Desugared, original: &Value) -> Vec<Note> {
        let notes = self.notes.iter().map(|note| Note {
            at: desugared.original_place(&note.at, original),
            what: note.what.clone(),
        });
        notes.collect::<BTreeSet<Note>>().into_iter().collect()
    }

    fn to_json(&self, operations: &[Operation]) -> Value {
        let document = self.document;
        let mut lowered = object(json!({"openapi": "3.0.3"}));
        for key in ["info", "servers", "x-mock-server", "tags"] {
            if let Some(value) = document.get(key) {
                lowered.insert(key.into(), value.clone());
            }
        }
        lowered.insert("paths".into(), paths(document, operations));
        let mut components = object(json!({"schemas": self.schemas(operations)}));
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
