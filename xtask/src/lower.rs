//! OpenAPI 3.1 → the OpenAPI 3.0.3 that progenitor reads.
//!
//! Knows the two specifications and what progenitor 0.15 / typify 0.8 make
//! of a schema; knows no vendor. What the lowered document cannot say is
//! either said in words in a `description` (constraints, defaults) or listed
//! by JSON pointer in [`Lowered::notes`].

mod names;
mod schema;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use altegio_openapi::grammar::{self, METHODS, Pointer};
use altegio_openapi::select;
use names::{component_ref, fold};
use schema::{is_type, settle_null};

type Object = Map<String, Value>;

/// The request's real media type, where the lowered one is a stand-in.
pub const MEDIA_TYPE: &str = "x-media-type";

const COMPONENTS: &str = "#/components/schemas/";

/// `list`: an array of what the schema describes stands here. For overlays,
/// which cannot wrap what is there.
const SHAPE: &str = "x-shape";

/// On the document: names of fields whose `number` is whole. For overlays.
const WHOLE_NUMBERS: &str = "x-whole-numbers";

/// The lowered document and what it could not say.
#[derive(Debug)]
pub struct Lowered {
    pub document: Value,
    pub notes: Vec<Note>,
}

/// A place of the vendor's document that the lowered one does not express.
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

/// Lowers a document that [`crate::check::check`] found sound.
pub fn lower(document: &Value) -> Lowered {
    let mut lowering = Lowering {
        document,
        notes: Vec::new(),
        components: Object::new(),
        hoisted: BTreeMap::new(),
        taken: BTreeSet::new(),
    };
    let document = lowering.document();
    let mut notes = lowering.notes;
    notes.sort();
    notes.dedup();
    Lowered { document, notes }
}

struct Lowering<'a> {
    document: &'a Value,
    notes: Vec<Note>,
    components: Object,
    /// Places that references name though they are no component → the
    /// component made of them.
    hoisted: BTreeMap<String, String>,
    /// Every component's name, folded as Rust folds it.
    taken: BTreeSet<String>,
}

impl<'a> Lowering<'a> {
    fn note(&mut self, at: &Pointer, what: impl Into<String>) {
        self.notes.push(Note {
            at: at.clone(),
            what: what.into(),
        });
    }

    fn document(&mut self) -> Value {
        let root = Pointer::root();
        let document = self.document;
        for key in ["webhooks", "jsonSchemaDialect"] {
            if document.get(key).is_some() {
                self.note(&root.join(key), "left out: progenitor makes no use of it");
            }
        }

        let schemas_at = root.join("components").join("schemas");
        let schemas = document
            .pointer("/components/schemas")
            .and_then(Value::as_object);
        self.taken = schemas
            .into_iter()
            .flatten()
            .map(|(name, _)| fold(name))
            .collect();
        self.hoist();
        if let Some(schemas) = schemas {
            for (name, schema) in schemas {
                let mut lowered = self.schema(&schemas_at.join(name), schema, Some(name));
                // Nullability is said where the component is used: typify
                // emits two types of one name for a nullable component.
                lowered.remove("nullable");
                self.components.insert(name.clone(), Value::Object(lowered));
            }
        }

        let error_component = self.error_component();
        let mut paths = Object::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let at = root.join("paths").join(path);
            let lowered = self.path_item(&at, item, error_component.as_deref());
            paths.insert(path.clone(), Value::Object(lowered));
        }

        self.name_types(&mut paths);
        self.settle_optional(&paths);

        let mut lowered = Object::new();
        lowered.insert("openapi".into(), "3.0.3".into());
        for key in ["info", "servers", "tags"] {
            if let Some(value) = document.get(key) {
                lowered.insert(key.into(), value.clone());
            }
        }
        lowered.insert("paths".into(), Value::Object(paths));
        let mut components = Object::new();
        components.insert(
            "schemas".into(),
            Value::Object(std::mem::take(&mut self.components)),
        );
        if let Some(schemes) = document.pointer("/components/securitySchemes") {
            components.insert("securitySchemes".into(), schemes.clone());
        }
        lowered.insert("components".into(), Value::Object(components));
        if let Some(security) = document.get("security") {
            lowered.insert("security".into(), security.clone());
        }
        let mut lowered = Value::Object(lowered);
        grammar::walk_mut(&mut lowered, &mut |kind, object| {
            if kind == grammar::Kind::Schema {
                settle_null(object);
            }
        });
        lowered
    }

    // ---- operations -----------------------------------------------------

    fn path_item(&mut self, at: &Pointer, item: &'a Value, errors: Option<&str>) -> Object {
        let item = grammar::resolve(self.document, item).unwrap_or(item);
        let mut lowered = Object::new();
        for (key, value) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&key.as_str()) {
                let operation = self.operation(&at.join(key), value, item, at, errors);
                lowered.insert(key.clone(), Value::Object(operation));
            } else if key != "parameters" && key != "$ref" {
                self.note(&at.join(key), "left out: progenitor makes no use of it");
            }
        }
        lowered
    }

    fn operation(
        &mut self,
        at: &Pointer,
        operation: &'a Value,
        item: &'a Value,
        item_at: &Pointer,
        errors: Option<&str>,
    ) -> Object {
        let mut lowered = Object::new();
        for (key, value) in operation.as_object().into_iter().flatten() {
            match key.as_str() {
                "parameters" | "requestBody" | "responses" => {}
                "tags" | "operationId" | "deprecated" | "security" | "summary" | "description" => {
                    lowered.insert(key.clone(), value.clone());
                }
                key if key.starts_with("x-") => {
                    lowered.insert(key.to_owned(), value.clone());
                }
                _ => self.note(&at.join(key), "left out: progenitor makes no use of it"),
            }
        }
        let parameters = self.parameters(at, operation, item, item_at);
        if !parameters.is_empty() {
            lowered.insert("parameters".into(), Value::Array(parameters));
        }
        if let Some(body) = operation.get("requestBody")
            && let Some(body) = self.request_body(&at.join("requestBody"), body)
        {
            lowered.insert("requestBody".into(), Value::Object(body));
        }
        let responses = self.responses(&at.join("responses"), &operation["responses"], errors);
        lowered.insert("responses".into(), Value::Object(responses));
        lowered
    }

    fn parameters(
        &mut self,
        at: &Pointer,
        operation: &'a Value,
        item: &'a Value,
        item_at: &Pointer,
    ) -> Vec<Value> {
        // The operation's own replace the path's of the same name and place.
        let mut merged: Vec<(Pointer, &'a Value)> = Vec::new();
        for (holder, base) in [(item, item_at), (operation, at)] {
            let list = holder.get("parameters").and_then(Value::as_array);
            for (index, parameter) in list.into_iter().flatten().enumerate() {
                let place = base.join("parameters").join(index);
                let Some(parameter) = grammar::resolve(self.document, parameter) else {
                    continue;
                };
                let same = |(_, other): &(Pointer, &Value)| {
                    other["name"] == parameter["name"] && other["in"] == parameter["in"]
                };
                match merged.iter().position(same) {
                    Some(index) => merged[index] = (place, parameter),
                    None => merged.push((place, parameter)),
                }
            }
        }
        let path_names: BTreeSet<&str> = merged
            .iter()
            .filter(|(_, parameter)| parameter["in"] == "path")
            .filter_map(|(_, parameter)| parameter["name"].as_str())
            .collect();
        let mut lowered = Vec::new();
        for (place, parameter) in &merged {
            let name = parameter["name"].as_str().unwrap_or_default();
            match parameter["in"].as_str() {
                // The transport sends them; OpenAPI itself says to ignore them here.
                Some("header")
                    if ["accept", "content-type", "authorization"]
                        .contains(&name.to_ascii_lowercase().as_str()) =>
                {
                    continue;
                }
                Some("cookie") => {
                    self.note(place, format!("cookie parameter `{name}` left out"));
                    continue;
                }
                Some("query") if path_names.contains(name) => {
                    let required = parameter["required"] == true;
                    self.note(
                        place,
                        format!(
                            "`{name}` is a path parameter too: one argument, sent in the path{}",
                            if required {
                                ", though required here"
                            } else {
                                ""
                            }
                        ),
                    );
                    continue;
                }
                _ => {}
            }
            lowered.push(Value::Object(self.parameter(place, parameter, name)));
        }
        lowered
    }

    fn parameter(&mut self, at: &Pointer, parameter: &'a Value, name: &str) -> Object {
        let mut lowered = Object::new();
        for (key, value) in parameter.as_object().into_iter().flatten() {
            match key.as_str() {
                "name" | "in" | "required" | "deprecated" | "style" | "explode"
                | "allowReserved" | "description" => {
                    lowered.insert(key.clone(), value.clone());
                }
                "schema" => {}
                "content" => self.note(&at.join(key), "sent as its schema's plain value"),
                "example" | "examples" => {}
                _ => self.note(&at.join(key), "left out"),
            }
        }
        let (schema_at, schema) = match parameter.get("schema") {
            Some(schema) => (at.join("schema"), Some(schema)),
            None => {
                let content = parameter.get("content").and_then(Value::as_object);
                let schema = content.and_then(|c| c.values().next()?.get("schema"));
                (at.join("content"), schema)
            }
        };
        let mut schema = match schema {
            Some(schema) => self.schema(&schema_at, schema, Some(name.trim_end_matches("[]"))),
            None => {
                self.note(at, "no schema: any string");
                object(json!({"type": "string"}))
            }
        };
        // Absent is how a parameter is null.
        schema.remove("nullable");
        lift_description(&mut schema, &mut lowered);
        lowered.insert("schema".into(), Value::Object(schema));
        lowered
    }

    fn request_body(&mut self, at: &Pointer, body: &'a Value) -> Option<Object> {
        let body = grammar::resolve(self.document, body)?;
        let content = body["content"].as_object()?;
        let (media_type, media) = self.pick(&at.join("content"), content)?;
        let media_at = at.join("content").join(media_type);
        let mut lowered = Object::new();
        if let Some(description) = body.get("description") {
            lowered.insert("description".into(), description.clone());
        }
        // progenitor sends every declared body, so all are required here.
        lowered.insert("required".into(), true.into());
        if !is_json(media_type) && media_type != "*/*" {
            lowered.insert(MEDIA_TYPE.into(), media_type.into());
        }
        let schema = match media.get("schema") {
            Some(schema) => self.schema(&media_at.join("schema"), schema, None),
            None => {
                self.note(&media_at, "no schema: any JSON value");
                Object::new()
            }
        };
        lowered.insert(
            "content".into(),
            json!({"application/json": {"schema": schema}}),
        );
        Some(lowered)
    }

    /// The media type to send or read: JSON where it is offered.
    fn pick<'m>(
        &mut self,
        at: &Pointer,
        content: &'m Map<String, Value>,
    ) -> Option<(&'m str, &'m Value)> {
        let picked = content
            .iter()
            .find(|(name, _)| is_json(name))
            .or_else(|| content.iter().next())?;
        for name in content.keys().filter(|name| *name != picked.0) {
            self.note(
                &at.join(name),
                format!("left out in favour of {}", picked.0),
            );
        }
        Some((picked.0.as_str(), picked.1))
    }

    fn responses(&mut self, at: &Pointer, responses: &'a Value, errors: Option<&str>) -> Object {
        enum Body<'a> {
            None,
            Raw(String),
            Json(Pointer, Option<&'a Value>),
        }
        let mut successes: Vec<(String, Body<'a>)> = Vec::new();
        let mut failures: Vec<(String, Body<'a>)> = Vec::new();
        for (status, response) in responses.as_object().into_iter().flatten() {
            let place = at.join(status);
            let response = grammar::resolve(self.document, response).unwrap_or(response);
            for key in ["headers", "links"] {
                if response.get(key).is_some() {
                    self.note(&place.join(key), "left out: every header is at hand anyway");
                }
            }
            let content = response.get("content").and_then(Value::as_object);
            let picked = content.and_then(|content| self.pick(&place.join("content"), content));
            let body = match picked {
                None => Body::None,
                Some((media_type, media)) if is_json(media_type) || media_type == "*/*" => {
                    let media_at = place.join("content").join(media_type);
                    if media.get("schema").is_none() {
                        self.note(&media_at, "no schema: any JSON value");
                    }
                    Body::Json(media_at.join("schema"), media.get("schema"))
                }
                Some((media_type, _)) => Body::Raw(media_type.to_owned()),
            };
            if status.starts_with('2') || status.starts_with('3') {
                successes.push((status.clone(), body));
            } else {
                failures.push((status.clone(), body));
            }
        }

        let mut lowered = Object::new();
        let raw = successes.iter().find_map(|(_, body)| match body {
            Body::Raw(media_type) => Some(media_type.clone()),
            _ => None,
        });
        let schemas: Vec<(Pointer, &Value)> = successes
            .iter()
            .filter_map(|(_, body)| match body {
                Body::Json(at, schema) => Some((at.clone(), (*schema)?)),
                _ => None,
            })
            .collect();
        let some_json = successes.iter().any(|(_, b)| matches!(b, Body::Json(..)));
        let content = if let Some(media_type) = raw {
            if some_json {
                self.note(at, format!("read as {media_type} whatever the status"));
            }
            Some(json!({media_type: {}}))
        } else if !some_json {
            None
        } else {
            // One success type an operation; an empty body reads as an empty object.
            let schema = match schemas.as_slice() {
                [] => Object::new(),
                [(at, schema)] => self.schema(at, schema, None),
                [(at, first), rest @ ..] => {
                    let resolved = |schema| grammar::resolve(self.document, schema);
                    if rest
                        .iter()
                        .all(|(_, schema)| resolved(schema) == resolved(first))
                    {
                        self.schema(at, first, None)
                    } else {
                        self.union(at, &schemas, None)
                    }
                }
            };
            Some(json!({"application/json": {"schema": schema}}))
        };
        for (status, _) in &successes {
            lowered.insert(status.clone(), response(content.clone()));
        }
        // All or none: progenitor knows one error type an operation.
        let typed = failures
            .iter()
            .any(|(_, body)| matches!(body, Body::Json(_, Some(_))));
        let content = errors
            .filter(|_| typed)
            .map(|errors| json!({"application/json": {"schema": {"$ref": component_ref(errors)}}}));
        for (status, _) in &failures {
            lowered.insert(status.clone(), response(content.clone()));
        }
        lowered
    }

    /// One component that holds every error body of the document.
    fn error_component(&mut self) -> Option<String> {
        let mut errors: Vec<(Pointer, &'a Value)> = Vec::new();
        for (path, method, operation) in grammar::operations(self.document) {
            let at = Pointer::root()
                .join("paths")
                .join(path)
                .join(method)
                .join("responses");
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                if status.starts_with('2') || status.starts_with('3') {
                    continue;
                }
                let place = at.join(status).join("content");
                let response = grammar::resolve(self.document, response).unwrap_or(response);
                let content = response.get("content").and_then(Value::as_object);
                for (name, media) in content.into_iter().flatten() {
                    if let Some(schema) = media.get("schema")
                        && is_json(name)
                    {
                        errors.push((place.join(name).join("schema"), schema));
                    }
                }
            }
        }
        errors.dedup_by(|a, b| a.1 == b.1);
        let (at, _) = errors.first()?.clone();
        let merged = self.union(&at, &errors, None);
        let reference = self.new_component("error_body", merged);
        let reference = reference["$ref"].as_str()?;
        Some(reference.rsplit('/').next()?.to_owned())
    }

    /// Optional fields where typify's `Option` says less than the document.
    fn settle_optional(&mut self, paths: &Object) {
        let (mut sent, mut answered) = (BTreeSet::new(), BTreeSet::new());
        for operation in paths.values().filter_map(Value::as_object).flatten() {
            let operation = operation.1;
            let body = operation.get("requestBody").unwrap_or(&Value::Null);
            select::reach(body, &self.components, &mut sent);
            select::reach(&operation["responses"], &self.components, &mut answered);
        }
        for (name, component) in &mut self.components {
            let Value::Object(component) = component else {
                continue;
            };
            let required = component.get("required").cloned().unwrap_or_default();
            let is_required = |name: &str| {
                required
                    .as_array()
                    .is_some_and(|list| list.iter().any(|one| one == name))
            };
            let is_sent = sent.contains(name);
            let properties = component
                .get_mut("properties")
                .and_then(Value::as_object_mut);
            for (field, property) in properties.into_iter().flatten() {
                let Value::Object(property) = property else {
                    continue;
                };
                if is_required(field) {
                    continue;
                }
                // In a request null clears a field and absence leaves it
                // alone. An answer of the same type has the two apart too.
                if is_sent && property.remove("nullable").is_some() {
                    let mut inner = property.clone();
                    inner.remove("description");
                    if let Some(Value::Array(list)) = inner.get("allOf") {
                        inner = object(list[0].clone());
                    }
                    property.insert(
                        "x-rust-type".into(),
                        json!({
                            "crate": "altegio", "version": "*", "path": "altegio::Nullable",
                            "parameters": [inner],
                        }),
                    );
                    continue;
                }
                // typify reads an absent and an empty list or map as one, and
                // sends neither; an optional value of them keeps the two apart.
                if is_type(property, "array")
                    || (is_type(property, "object") && !property.contains_key("properties"))
                {
                    property.insert("nullable".into(), true.into());
                }
            }
        }
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn response(content: Option<Value>) -> Value {
    match content {
        Some(content) => json!({"description": "", "content": content}),
        None => json!({"description": ""}),
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || essence.ends_with("+json")
}

/// A parameter's facts stand on the parameter, where progenitor documents it.
fn lift_description(schema: &mut Object, parameter: &mut Object) {
    let Some(Value::String(facts)) = schema.remove("description") else {
        return;
    };
    let text = match parameter.get("description").and_then(Value::as_str) {
        Some(own) if !own.is_empty() => format!("{own} {facts}"),
        _ => facts,
    };
    parameter.insert("description".into(), text.into());
}

#[cfg(test)]
mod tests;
