//! OpenAPI 3.1 → the OpenAPI 3.0.3 that progenitor reads.
//!
//! Knows the two specifications and what progenitor 0.15 / typify 0.8 make
//! of a schema; knows no vendor. What the lowered document cannot say is
//! either said in words in a `description` (constraints, defaults) or listed
//! by JSON pointer in [`Lowered::notes`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::grammar::{self, METHODS, Pointer};
use crate::select;

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

    /// A component's name: `name`, or one like it that is free.
    fn free_name(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut count = 1;
        while !self.taken.insert(fold(&free)) {
            count += 1;
            free = format!("{name}_{count}");
        }
        free
    }

    fn new_component(&mut self, name: &str, schema: Object) -> Value {
        let name = self.free_name(name);
        let reference = json!({"$ref": component_ref(&name)});
        self.components.insert(name, Value::Object(schema));
        reference
    }

    /// Makes a component of every place that a reference names. The place
    /// itself becomes a reference to it too, so that both are one type.
    fn hoist(&mut self) {
        let document = self.document;
        let mut targets: Vec<(&str, &Value)> = Vec::new();
        grammar::walk(document, &mut |_, kind, schema| {
            let reference = schema.get("$ref").and_then(Value::as_str);
            if let Some(reference) = reference.filter(|_| kind == grammar::Kind::Schema)
                && reference
                    .strip_prefix(COMPONENTS)
                    .is_none_or(|name| name.contains('/'))
                && let Some(target) = grammar::target(document, reference)
            {
                targets.push((reference, target));
            }
        });
        for (reference, _) in &targets {
            let place = reference.trim_start_matches('#');
            if self.hoisted.contains_key(place) {
                continue;
            }
            let words: Vec<String> = place
                .trim_start_matches(COMPONENTS.trim_start_matches('#'))
                .split('/')
                .filter(|word| !matches!(*word, "" | "$defs" | "properties"))
                .map(|word| if word == "items" { "item" } else { word }.replace("~1", "_"))
                .collect();
            let name = self.free_name(&words.join("_"));
            self.hoisted.insert(place.to_owned(), name);
        }
        for (reference, target) in targets {
            let place = reference.trim_start_matches('#');
            let name = self.hoisted[place].clone();
            if !self.components.contains_key(&name) {
                let mut lowered = self.schema_here(&Pointer::parse(place), target, Some(&name));
                lowered.remove("nullable");
                self.components.insert(name, Value::Object(lowered));
            }
        }
    }

    /// Gives every inline object, enum and union a component of its own:
    /// typify would name them too, but not always apart.
    fn name_types(&mut self, paths: &mut Object) {
        let names: Vec<String> = self.components.keys().cloned().collect();
        for name in names {
            if let Some(Value::Object(mut schema)) = self.components.get_mut(&name).map(Value::take)
            {
                self.name_children(&mut schema, &name);
                self.components.insert(name, Value::Object(schema));
            }
        }
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            for operation in item.values_mut() {
                let id = operation["operationId"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                let parameters = operation
                    .get_mut("parameters")
                    .and_then(Value::as_array_mut);
                for parameter in parameters.into_iter().flatten() {
                    let name = format!("{id}_{}", parameter["name"].as_str().unwrap_or_default());
                    self.name_schema(&mut parameter["schema"], &name);
                }
                if let Some(schema) =
                    operation.pointer_mut("/requestBody/content/application~1json/schema")
                {
                    self.name_schema(schema, &format!("{id}_body"));
                }
                let responses = operation
                    .get_mut("responses")
                    .and_then(Value::as_object_mut);
                // One success type an operation, so one name for all of them.
                let mut named: Vec<(Value, Value)> = Vec::new();
                for response in responses
                    .into_iter()
                    .flat_map(|responses| responses.values_mut())
                {
                    let Some(schema) = response.pointer_mut("/content/application~1json/schema")
                    else {
                        continue;
                    };
                    if let Some((_, reference)) = named.iter().find(|(before, _)| before == schema)
                    {
                        *schema = reference.clone();
                        continue;
                    }
                    let before = schema.clone();
                    self.name_schema(schema, &format!("{id}_response"));
                    named.push((before, schema.clone()));
                }
            }
        }
    }

    fn name_schema(&mut self, schema: &mut Value, name: &str) {
        let Value::Object(inline) = schema else {
            return;
        };
        let needs_name = inline.contains_key("enum")
            || inline.contains_key("oneOf")
            || inline.contains_key("properties");
        if !needs_name {
            self.name_children(inline, name);
            return;
        }
        let name = self.free_name(name);
        self.name_children(inline, &name);
        let mut component = std::mem::take(inline);
        let nullable = component.remove("nullable").is_some();
        let description = component.get("description").cloned();
        let reference = json!({"$ref": component_ref(&name)});
        *schema = if nullable || description.is_some() {
            let mut used = object(json!({"allOf": [reference]}));
            if nullable {
                used.insert("nullable".into(), true.into());
            }
            used.extend(description.map(|text| ("description".to_owned(), text)));
            Value::Object(used)
        } else {
            reference
        };
        self.components.insert(name, Value::Object(component));
    }

    fn name_children(&mut self, schema: &mut Object, name: &str) {
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (field, property) in properties.into_iter().flatten() {
            self.name_schema(property, &format!("{name}_{field}"));
        }
        for (key, suffix) in [("items", "item"), ("additionalProperties", "value")] {
            if let Some(child) = schema.get_mut(key) {
                self.name_schema(child, &format!("{name}_{suffix}"));
            }
        }
        let branches = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for branch in branches.into_iter().flatten() {
            let suffix = branch["type"].as_str().unwrap_or("variant").to_owned();
            self.name_schema(branch, &format!("{name}_{suffix}"));
        }
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

    // ---- schemas --------------------------------------------------------

    /// `name` is the field's or parameter's, for what its name tells.
    fn schema(&mut self, at: &Pointer, schema: &'a Value, name: Option<&str>) -> Object {
        if let Some(component) = self.hoisted.get(at.as_str()) {
            let mut reference = object(json!({"$ref": component_ref(component)}));
            if self.is_nullable(schema) {
                reference = object(json!({"allOf": [reference], "nullable": true}));
            }
            return reference;
        }
        self.schema_here(at, schema, name)
    }

    fn schema_here(&mut self, at: &Pointer, schema: &'a Value, name: Option<&str>) -> Object {
        if schema.get(SHAPE).is_some_and(|shape| shape == "list") {
            let mut item = schema.clone();
            if let Value::Object(item) = &mut item {
                item.remove(SHAPE);
            }
            let item = self.schema(at, self.keep(item), name);
            return object(json!({"type": "array", "items": item}));
        }
        let Value::Object(source) = schema else {
            if schema == &Value::Bool(false) {
                self.note(at, "nothing is allowed here: read as any value");
            }
            return Object::new();
        };
        if let Some(reference) = source.get("$ref").and_then(Value::as_str) {
            return self.reference(at, source, reference, name);
        }

        let mut facts = Vec::new();
        let mut nullable = source.get("nullable") == Some(&Value::Bool(true));
        let mut types: Vec<&str> = match source.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let had_types = !types.is_empty();
        types.retain(|name| {
            *name != "null" || {
                nullable = true;
                false
            }
        });
        if had_types && types.is_empty() {
            // `type: null` alone: settled into "any" at the very end.
            let mut lowered = object(json!({"nullable": true}));
            describe(&mut lowered, source, &["Always null.".to_owned()]);
            return lowered;
        }

        let mut branches = Vec::new();
        for key in ["oneOf", "anyOf"] {
            let list = source.get(key).and_then(Value::as_array);
            for (index, branch) in list.into_iter().flatten().enumerate() {
                branches.push((at.join(key).join(index), branch));
            }
        }
        let had_branches = !branches.is_empty();
        branches.retain(|(_, branch)| {
            !self.is_null(branch) || {
                nullable = true;
                false
            }
        });
        let mut may_be_empty = false;
        if branches.iter().any(|(_, branch)| self.is_object(branch)) {
            // PHP's empty object; the wire layer reads `[]` as one.
            branches.retain(|(_, branch)| {
                let is_empty = is_empty_array(branch);
                may_be_empty |= is_empty;
                !is_empty
            });
        }

        let mut lowered = if had_branches {
            self.branches(at, source, branches, name)
        } else if source.contains_key("allOf") {
            self.all_of(at, source, name)
        } else {
            self.plain(at, source, &types, name, &mut facts, &mut nullable)
        };
        if nullable {
            lowered.insert("nullable".into(), true.into());
        }
        if may_be_empty {
            // An empty object has no field, so none is required.
            lowered.remove("required");
        }
        describe(&mut lowered, source, &facts);
        for key in source.keys().filter(|key| key.starts_with("x-")) {
            lowered.insert(key.clone(), source[key].clone());
        }
        self.report_unsaid(at, source);
        lowered
    }

    fn reference(
        &mut self,
        at: &Pointer,
        source: &'a Object,
        reference: &str,
        name: Option<&str>,
    ) -> Object {
        let Some(target) = grammar::target(self.document, reference) else {
            return Object::new();
        };
        let component = self.component_of(reference);
        let siblings: Object = source
            .iter()
            .filter(|(key, _)| *key != "$ref")
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if self.is_null(target) {
            return object(json!({"nullable": true}));
        }
        if is_plain(grammar::resolve(self.document, target).unwrap_or(target)) {
            // A component of its own would be a wrapper around a plain type.
            let mut lowered = self.schema(at, target, name);
            let own = siblings.get("description").cloned();
            lowered.extend(own.map(|text| ("description".to_owned(), text)));
            return lowered;
        }
        let nullable = self.is_nullable(target) || siblings.get("nullable") == Some(&true.into());
        let plain = object(json!({"$ref": component_ref(&component)}));
        let says_more = siblings
            .keys()
            .any(|key| !matches!(key.as_str(), "description" | "nullable"));
        if says_more {
            // 3.1: both hold. Merged, with the reference resolved.
            let mut parts = vec![(at.clone(), target)];
            let leaked: &'a Value = self.keep(Value::Object(siblings.clone()));
            parts.push((at.clone(), leaked));
            let mut merged = self.all(at, &parts, name);
            describe(&mut merged, &siblings, &[]);
            return merged;
        }
        if !nullable && !siblings.contains_key("description") {
            return plain;
        }
        let mut lowered = object(json!({"allOf": [plain]}));
        if nullable {
            lowered.insert("nullable".into(), true.into());
        }
        describe(&mut lowered, &siblings, &[]);
        lowered
    }

    /// A schema made on the way lives as long as the document. A handful a run.
    fn keep(&self, schema: Value) -> &'a Value {
        Box::leak(Box::new(schema))
    }

    /// The component that a reference names.
    fn component_of(&self, reference: &str) -> String {
        match self.hoisted.get(reference.trim_start_matches('#')) {
            Some(name) => name.clone(),
            None => {
                let name = reference.trim_start_matches(COMPONENTS);
                name.replace("~1", "/").replace("~0", "~")
            }
        }
    }

    /// A schema of one type and no combinators.
    fn plain(
        &mut self,
        at: &Pointer,
        source: &'a Object,
        types: &[&str],
        name: Option<&str>,
        facts: &mut Vec<String>,
        nullable: &mut bool,
    ) -> Object {
        let mut values: Vec<Value> = match (source.get("enum"), source.get("const")) {
            (Some(Value::Array(values)), _) => values.clone(),
            (_, Some(constant)) => vec![constant.clone()],
            _ => Vec::new(),
        };
        values.retain(|value| {
            !value.is_null() || {
                *nullable = true;
                false
            }
        });

        let types: Vec<&str> = match types {
            [] => self.guess_type(source, &values).into_iter().collect(),
            ["object", "array"] | ["array", "object"] if !source.contains_key("items") => {
                vec!["object"]
            }
            // Every integer is a number.
            several => several
                .iter()
                .copied()
                .filter(|t| *t != "integer" || !several.contains(&"number"))
                .collect(),
        };
        if types.len() > 1 {
            let branches: Vec<Value> = types
                .iter()
                .map(|one| {
                    let mut branch = source.clone();
                    branch.retain(|key, _| key != "nullable" && key != "description");
                    branch.insert("type".into(), (*one).into());
                    let branch = self.keep(Value::Object(branch));
                    Value::Object(self.schema(at, branch, name))
                })
                .collect();
            return object(json!({ "oneOf": branches }));
        }

        let mut lowered = Object::new();
        match types.first().copied() {
            Some("object") => self.object_schema(at, source, &mut lowered),
            Some("array") => {
                let singular = name.map(|name| name.trim_end_matches("[]"));
                let items = match source.get("items") {
                    Some(items) => self.schema(&at.join("items"), items, singular),
                    None => {
                        self.note(at, "an array of anything");
                        Object::new()
                    }
                };
                lowered.insert("type".into(), "array".into());
                lowered.insert("items".into(), Value::Object(items));
            }
            Some("number" | "integer") => {
                let integer = types == ["integer"]
                    || matches!(
                        source.get("format").and_then(Value::as_str),
                        Some("int32" | "int64")
                    )
                    || (!values.is_empty() && values.iter().all(|v| v.is_i64() || v.is_u64()))
                    || name.is_some_and(|name| names_an_integer(name) || self.is_whole(name));
                if integer {
                    // Always 64 bits: an id must not be narrowed.
                    lowered.insert("type".into(), "integer".into());
                    lowered.insert("format".into(), "int64".into());
                } else {
                    // Without `float`, which typify would read into an f32.
                    lowered.insert("type".into(), "number".into());
                }
            }
            Some(other) => {
                lowered.insert("type".into(), other.into());
                match source.get("format").and_then(Value::as_str) {
                    Some(format @ ("date" | "date-time" | "binary")) if values.is_empty() => {
                        lowered.insert("format".into(), format.into());
                    }
                    Some("int32" | "int64" | "float" | "double") | None => {}
                    Some(format) => facts.push(format!("Format: {format}.")),
                }
            }
            None => {}
        }
        match lowered.get("type").and_then(Value::as_str) {
            Some("string") if values.iter().all(Value::is_string) && !values.is_empty() => {
                lowered.insert("enum".into(), Value::Array(values));
            }
            _ if !values.is_empty() => {
                // typify would refuse every other number, on the way in too.
                let list: Vec<String> = values.iter().map(|v| format!("`{v}`")).collect();
                facts.push(format!("One of {}.", list.join(", ")));
            }
            _ => {}
        }
        constraints(source, facts);
        lowered
    }

    fn object_schema(&mut self, at: &Pointer, source: &'a Object, lowered: &mut Object) {
        lowered.insert("type".into(), "object".into());
        let mut properties = Object::new();
        for (name, property) in source
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let place = at.join("properties").join(name);
            let property = self.schema(&place, property, Some(name));
            properties.insert(name.clone(), Value::Object(property));
        }
        let required: Vec<Value> = source
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|name| {
                name.as_str()
                    .is_some_and(|name| properties.contains_key(name))
            })
            .cloned()
            .collect();
        let named = !properties.is_empty();
        if named {
            lowered.insert("properties".into(), Value::Object(properties));
        }
        if !required.is_empty() {
            lowered.insert("required".into(), Value::Array(required));
        }
        match source.get("additionalProperties") {
            // An answer with one field more must not be an error.
            None | Some(Value::Bool(false)) => {}
            // Beside named fields, what else comes is kept by the wire layer.
            Some(Value::Bool(true)) if named => {}
            Some(Value::Bool(true)) => {
                lowered.insert("additionalProperties".into(), true.into());
            }
            Some(schema) => {
                let place = at.join("additionalProperties");
                if named {
                    self.note(&place, "further fields beside the named ones are not typed");
                } else {
                    let schema = self.schema(&place, schema, None);
                    lowered.insert("additionalProperties".into(), Value::Object(schema));
                }
            }
        }
        if let Some(patterns) = source.get("patternProperties").and_then(Value::as_object) {
            match patterns.iter().next() {
                Some((pattern, schema)) if patterns.len() == 1 && !named => {
                    let place = at.join("patternProperties").join(pattern);
                    let schema = self.schema(&place, schema, None);
                    lowered.insert("additionalProperties".into(), Value::Object(schema));
                }
                _ => self.note(
                    &at.join("patternProperties"),
                    "fields by pattern are not typed",
                ),
            }
        }
    }

    fn guess_type(&self, source: &Object, values: &[Value]) -> Option<&'static str> {
        if [
            "properties",
            "additionalProperties",
            "patternProperties",
            "required",
        ]
        .iter()
        .any(|key| source.contains_key(*key))
        {
            return Some("object");
        }
        if source.contains_key("items") || source.contains_key("prefixItems") {
            return Some("array");
        }
        match values.first()? {
            Value::String(_) if values.iter().all(Value::is_string) => Some("string"),
            Value::Bool(_) if values.iter().all(Value::is_boolean) => Some("boolean"),
            Value::Number(_) if values.iter().all(Value::is_number) => Some("number"),
            _ => None,
        }
    }

    fn branches(
        &mut self,
        at: &Pointer,
        source: &'a Object,
        branches: Vec<(Pointer, &'a Value)>,
        name: Option<&str>,
    ) -> Object {
        if source.contains_key("properties") {
            // The branches say which of the fields go together.
            self.note(at, "which fields go together is not checked");
            let mut base = source.clone();
            base.remove("oneOf");
            base.remove("anyOf");
            let base = self.schema(at, self.keep(Value::Object(base)), name);
            let mut merged = base.clone();
            for (place, branch) in &branches {
                let branch = self.schema(place, branch, name);
                let fields = branch.get("properties").and_then(Value::as_object);
                for (field, schema) in fields.into_iter().flatten() {
                    let properties = merged.entry("properties").or_insert_with(|| json!({}));
                    if properties.get(field).is_none() {
                        properties[field] = schema.clone();
                    }
                }
            }
            return merged;
        }
        match branches.as_slice() {
            [] => Object::new(),
            [(place, branch)] => self.schema(place, branch, name),
            several => self.union(at, several, name),
        }
    }

    /// One schema that holds what any of `parts` allows.
    fn union(
        &mut self,
        at: &Pointer,
        parts: &[(Pointer, &'a Value)],
        name: Option<&str>,
    ) -> Object {
        // Several objects are merged, and one alone keeps its name.
        let objects = parts.iter().filter(|(_, part)| self.is_object(part));
        let merged = objects.count() > 1;
        let lowered: Vec<Object> = parts
            .iter()
            .map(|(place, part)| {
                let part = if merged && self.is_object(part) {
                    grammar::resolve(self.document, part).unwrap_or(part)
                } else {
                    part
                };
                self.schema(place, part, name)
            })
            .collect();
        let mut parts = lowered.into_iter();
        let Some(first) = parts.next() else {
            return Object::new();
        };
        parts.fold(first, |a, b| self.either(at, a, b))
    }

    /// What holds both of two lowered schemas.
    fn either(&mut self, at: &Pointer, mut a: Object, mut b: Object) -> Object {
        let a_null = a.remove("nullable").is_some();
        let b_null = b.remove("nullable").is_some();
        let nullable = a_null || b_null;
        let a_nothing = a_null && a.keys().all(|key| key == "description");
        let b_nothing = b_null && b.keys().all(|key| key == "description");
        let mut joined = if a_nothing {
            b
        } else if b_nothing || a == b {
            a
        } else {
            let a_full = self.inline(&a);
            let b_full = self.inline(&b);
            if a_full.is_empty() || b_full.is_empty() {
                Object::new()
            } else if is_type(&a_full, "object") && is_type(&b_full, "object") {
                self.either_object(at, a_full, b_full)
            } else if a_full == b_full {
                a
            } else if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) =
                (a_full.get("items"), b_full.get("items"))
            {
                let items = self.either(at, ours.clone(), theirs.clone());
                object(json!({"type": "array", "items": items}))
            } else if is_type(&a_full, "object") && is_open_array(&b_full) {
                a
            } else if is_type(&b_full, "object") && is_open_array(&a_full) {
                b
            } else {
                let parts = |part: Object| match part.get("oneOf") {
                    Some(Value::Array(inner)) => inner.clone(),
                    _ => vec![Value::Object(part)],
                };
                // Objects share a branch, and so do arrays.
                let mut unique: Vec<Value> = parts(a);
                for part in parts(b) {
                    let Value::Object(part) = part else { continue };
                    let part_full = self.inline(&part);
                    let twin = unique.iter().position(|branch| {
                        let branch = branch.as_object().map(|branch| self.inline(branch));
                        branch.is_some_and(|branch| {
                            branch == part_full
                                || (branch.get("type") == part_full.get("type")
                                    && (is_type(&branch, "object") || is_type(&branch, "array")))
                        })
                    });
                    match twin {
                        Some(index) => {
                            let twin = object(unique[index].take());
                            unique[index] = Value::Object(self.either(at, twin, part));
                        }
                        None => unique.push(Value::Object(part)),
                    }
                }
                object(json!({ "oneOf": unique }))
            }
        };
        if nullable {
            joined.insert("nullable".into(), true.into());
        }
        joined
    }

    fn either_object(&mut self, at: &Pointer, a: Object, b: Object) -> Object {
        let fields = |object: &Object| {
            object
                .get("properties")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let required = |object: &Object| -> BTreeSet<String> {
            let list = object.get("required").and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .filter_map(|n| n.as_str().map(str::to_owned))
                .collect()
        };
        let (a_fields, b_fields) = (fields(&a), fields(&b));
        if a_fields.is_empty() != b_fields.is_empty() {
            // An object of no named fields adds nothing to one that has some.
            // One that says to be open holds fields of any name.
            let (mut named, open) = if a_fields.is_empty() { (b, a) } else { (a, b) };
            if open.contains_key("additionalProperties") {
                return object(json!({"type": "object", "additionalProperties": true}));
            }
            named.remove("required");
            return named;
        }
        let mut joined = a.clone();
        let mut properties = a_fields;
        for (name, theirs) in b_fields {
            let merged = match (properties.get(&name), theirs) {
                (Some(Value::Object(ours)), Value::Object(theirs)) => {
                    Value::Object(self.either(at, ours.clone(), theirs))
                }
                (_, theirs) => theirs,
            };
            properties.insert(name, merged);
        }
        if !properties.is_empty() {
            joined.insert("properties".into(), Value::Object(properties));
        }
        let both: Vec<Value> = required(&a)
            .intersection(&required(&b))
            .map(|n| n.as_str().into())
            .collect();
        joined.remove("required");
        if !both.is_empty() {
            joined.insert("required".into(), Value::Array(both));
        }
        if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) =
            (a.get("additionalProperties"), b.get("additionalProperties"))
        {
            let merged = self.either(at, ours.clone(), theirs.clone());
            joined.insert("additionalProperties".into(), Value::Object(merged));
        }
        joined
    }

    fn all_of(&mut self, at: &Pointer, source: &'a Object, name: Option<&str>) -> Object {
        let list = source["allOf"].as_array();
        let mut parts: Vec<(Pointer, &'a Value)> = list
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(index, part)| (at.join("allOf").join(index), part))
            .collect();
        let mut own = source.clone();
        own.retain(|key, _| {
            !matches!(key.as_str(), "allOf" | "description" | "nullable" | "type")
                && !key.starts_with("x-")
        });
        if !own.is_empty() {
            own.insert("type".into(), "object".into());
            parts.push((at.clone(), self.keep(Value::Object(own))));
        }
        match parts.as_slice() {
            [(place, only)] => {
                let only = self.schema(place, only, name);
                // A description beside a bare `$ref` needs the allOf form.
                if only.contains_key("$ref") {
                    object(json!({"allOf": [only]}))
                } else {
                    only
                }
            }
            several => self.all(at, several, name),
        }
    }

    /// One object with the fields of all `parts`.
    fn all(&mut self, at: &Pointer, parts: &[(Pointer, &'a Value)], name: Option<&str>) -> Object {
        let mut joined = Object::new();
        for (place, part) in parts {
            let lowered = self.schema(place, part, name);
            let part = self.inline(&lowered);
            for (key, value) in part {
                match (key.as_str(), joined.get_mut(&key), value) {
                    ("properties", Some(Value::Object(ours)), Value::Object(theirs)) => {
                        for (field, theirs) in theirs {
                            if let Some(ours) = ours.get(&field)
                                && *ours != theirs
                            {
                                self.note(at, format!("`{field}` is said twice: the later holds"));
                            }
                            ours.insert(field, theirs);
                        }
                    }
                    ("nullable" | "description" | "required", ..) => {}
                    (_, _, value) => {
                        joined.insert(key, value);
                    }
                }
            }
        }
        // A part may require what another one declares.
        let mut required: Vec<Value> = Vec::new();
        for (_, part) in parts {
            let part = grammar::resolve(self.document, part).unwrap_or(part);
            for name in part["required"].as_array().into_iter().flatten() {
                let declared = name.as_str().is_some_and(|name| {
                    joined
                        .get("properties")
                        .and_then(|fields| fields.get(name))
                        .is_some()
                });
                if declared && !required.contains(name) {
                    required.push(name.clone());
                }
            }
        }
        if !required.is_empty() {
            joined.insert("required".into(), Value::Array(required));
        }
        joined
    }

    /// A lowered schema with its reference (or allOf of one) replaced by what it names.
    fn inline(&mut self, lowered: &Object) -> Object {
        let inner = match lowered.get("allOf").and_then(Value::as_array) {
            Some(list) if list.len() == 1 => list[0].as_object().unwrap_or(lowered),
            _ => lowered,
        };
        let Some(reference) = inner.get("$ref").and_then(Value::as_str) else {
            return lowered.clone();
        };
        let name = reference.trim_start_matches("#/components/schemas/");
        if let Some(Value::Object(known)) = self.components.get(name)
            && !known.is_empty()
        {
            return known.clone();
        }
        match grammar::target(self.document, reference) {
            Some(target) => {
                let at = Pointer::root()
                    .join("components")
                    .join("schemas")
                    .join(name);
                let known = self.notes.len();
                let mut lowered = self.schema(&at, target, Some(name));
                self.notes.truncate(known); // noted where the component is lowered
                lowered.remove("nullable");
                lowered
            }
            None => Object::new(),
        }
    }

    // ---- questions ------------------------------------------------------

    fn is_whole(&self, name: &str) -> bool {
        let names = self.document.get(WHOLE_NUMBERS).and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|whole| whole == name))
    }

    fn is_null(&self, schema: &Value) -> bool {
        let schema = grammar::resolve(self.document, schema).unwrap_or(schema);
        let null = |value: Option<&Value>| match value {
            Some(Value::String(name)) => name == "null",
            Some(Value::Array(names)) => !names.is_empty() && names.iter().all(|n| n == "null"),
            _ => false,
        };
        null(schema.get("type"))
            || schema.get("const") == Some(&Value::Null)
            || schema.get("enum").is_some_and(|e| *e == json!([null]))
    }

    fn is_nullable(&self, schema: &Value) -> bool {
        let schema = grammar::resolve(self.document, schema).unwrap_or(schema);
        let has_null = |key: &str| {
            let list = schema.get(key).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|branch| self.is_null(branch)))
        };
        schema["nullable"] == true
            || schema["type"]
                .as_array()
                .is_some_and(|t| t.iter().any(|n| n == "null"))
            || schema["enum"]
                .as_array()
                .is_some_and(|e| e.contains(&Value::Null))
            || has_null("oneOf")
            || has_null("anyOf")
    }

    fn is_object(&self, schema: &Value) -> bool {
        let schema = grammar::resolve(self.document, schema).unwrap_or(schema);
        match schema.get("type") {
            Some(Value::String(name)) => name == "object",
            Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
            _ => ["properties", "allOf", "required", "additionalProperties"]
                .iter()
                .any(|key| schema.get(key).is_some()),
        }
    }

    fn report_unsaid(&mut self, at: &Pointer, source: &Object) {
        for key in source.keys() {
            let what = match key.as_str() {
                "prefixItems" => "items by position are read as any",
                "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "dependentRequired"
                | "dependentSchemas"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "discriminator" => "not checked",
                _ => continue,
            };
            self.note(&at.join(key), what);
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

fn component_ref(name: &str) -> String {
    format!(
        "#/components/schemas/{}",
        name.replace('~', "~0").replace('/', "~1")
    )
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || essence.ends_with("+json")
}

fn is_empty_array(schema: &Value) -> bool {
    schema["type"] == "array" && schema["maxItems"] == 0
}

/// A scalar, or an object of no named fields: a plain type in Rust.
fn is_plain(schema: &Value) -> bool {
    let structured = [
        "properties",
        "additionalProperties",
        "patternProperties",
        "enum",
        "const",
        "oneOf",
        "anyOf",
        "allOf",
        "items",
    ];
    schema.get("type").is_some_and(|types| *types != "array")
        && !structured.iter().any(|key| schema.get(*key).is_some())
}

fn is_type(lowered: &Object, name: &str) -> bool {
    lowered.get("type").is_some_and(|value| value == name)
}

fn is_open_array(lowered: &Object) -> bool {
    is_type(lowered, "array")
        && lowered
            .get("items")
            .is_none_or(|items| items.as_object().is_none_or(Map::is_empty))
}

/// `type: null` alone is any value to progenitor.
fn settle_null(schema: &mut Object) {
    if schema
        .keys()
        .all(|key| key == "nullable" || key == "description")
    {
        schema.remove("nullable");
    }
}

/// Names that hold whole numbers in every API: ids, counts, pages, flags.
fn names_an_integer(name: &str) -> bool {
    let words = words(name);
    let first = words.first().map(String::as_str);
    let last = words.last().map(String::as_str);
    matches!(
        last,
        Some(
            "id" | "ids"
                | "count"
                | "counts"
                | "page"
                | "limit"
                | "offset"
                | "index"
                | "timestamp"
                | "year"
                | "month"
                | "day"
                | "weekday"
                | "minutes"
                | "seconds"
                | "hours"
                | "days"
        )
    ) || (words.len() > 1 && matches!(first, Some("is" | "has")))
        || matches!(
            words.iter().map(String::as_str).collect::<Vec<_>>()[..],
            ["page", "size"] | ["per", "page"]
        )
}

/// `companyId`, `company_id` and `company-id` are the same words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        lower_before = c.is_lowercase();
        if c.is_alphanumeric() {
            words
                .last_mut()
                .expect("never empty")
                .extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Letters and digits only: what is left of a name in a Rust type's name.
fn fold(name: &str) -> String {
    words(name).concat()
}

/// Constraints and defaults, in words: typify would narrow types by them.
fn constraints(source: &Object, facts: &mut Vec<String>) {
    for (key, words) in [
        ("minimum", "At least"),
        ("exclusiveMinimum", "More than"),
        ("maximum", "At most"),
        ("exclusiveMaximum", "Less than"),
        ("multipleOf", "A multiple of"),
        ("minLength", "Characters, at least:"),
        ("maxLength", "Characters, at most:"),
        ("pattern", "Matches"),
        ("minItems", "Items, at least:"),
        ("maxItems", "Items, at most:"),
        ("minProperties", "Fields, at least:"),
        ("maxProperties", "Fields, at most:"),
        ("default", "Without it the server takes"),
    ] {
        if let Some(value) = source.get(key) {
            facts.push(format!("{words} `{value}`."));
        }
    }
    if source.get("uniqueItems") == Some(&Value::Bool(true)) {
        facts.push("No item twice.".to_owned());
    }
}

/// The source's own description, then the facts that the types cannot hold.
fn describe(lowered: &mut Object, source: &Object, facts: &[String]) {
    let mut parts: Vec<&str> = Vec::new();
    let own = source.get("description").and_then(Value::as_str);
    let own = own.map(str::to_owned);
    parts.extend(own.as_deref().filter(|text| !text.is_empty()));
    parts.extend(facts.iter().map(String::as_str));
    if parts.is_empty() {
        return;
    }
    let text = parts.join(" ");
    if let Some(reference) = lowered.remove("$ref") {
        lowered.insert("allOf".into(), json!([{"$ref": reference}]));
    }
    lowered.insert("description".into(), text.into());
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A document of one operation, with these schemas and this operation's rest.
    fn document(schemas: Value, operation: Value) -> Value {
        let mut operation = operation;
        operation["operationId"] = "op".into();
        if operation.get("responses").is_none() {
            operation["responses"] = json!({"204": {"description": ""}});
        }
        json!({
            "openapi": "3.1.1",
            "info": {"title": "t", "version": "1"},
            "paths": {"/a": {"post": operation}},
            "components": {"schemas": schemas},
        })
    }

    /// What one schema is lowered to, as the field `x` of a component.
    fn field(schema: Value) -> Value {
        let schemas = json!({"c": {"type": "object", "properties": {"x": schema}}});
        let lowered = lower(&document(schemas, json!({}))).document;
        let parsed: openapiv3::OpenAPI = serde_json::from_value(lowered.clone()).unwrap();
        assert_eq!(parsed.openapi, "3.0.3");
        lowered["components"]["schemas"]["c"]["properties"]["x"].clone()
    }

    fn component(schemas: Value, name: &str) -> Value {
        lower(&document(schemas, json!({}))).document["components"]["schemas"][name].clone()
    }

    fn answers(responses: Value) -> Lowered {
        lower(&document(json!({}), json!({ "responses": responses })))
    }

    fn json_answer(schema: Value) -> Value {
        json!({"description": "", "content": {"application/json": {"schema": schema}}})
    }

    #[test]
    fn null_among_types_becomes_nullable() {
        let expected = json!({"type": "string", "nullable": true});
        assert_eq!(field(json!({"type": ["string", "null"]})), expected);
        assert_eq!(
            field(json!({"oneOf": [{"type": "string"}, {"type": "null"}]})),
            expected
        );
        assert_eq!(
            field(json!({"anyOf": [{"type": "null"}, {"type": "string"}]})),
            expected
        );
        assert_eq!(
            field(json!({"type": "null"})),
            json!({"description": "Always null."})
        );
    }

    #[test]
    fn a_nullable_component_is_nullable_where_it_is_used() {
        let schemas = json!({
            "n": {"oneOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "null"}]},
            "c": {"type": "object", "required": ["x"], "properties": {"x": {"$ref": "#/components/schemas/n"}}},
        });
        assert_eq!(component(schemas.clone(), "n").get("nullable"), None);
        let used = &component(schemas, "c")["properties"]["x"];
        assert_eq!(
            *used,
            json!({"allOf": [{"$ref": "#/components/schemas/n"}], "nullable": true})
        );
    }

    #[test]
    fn an_object_or_an_empty_array_is_the_object() {
        let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let schemas = json!({
            "u": {"oneOf": [object, {"type": "array", "maxItems": 0}]},
            "v": {"type": ["object", "array"]},
            "w": {"oneOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"type": "array", "maxItems": 0},
            ]},
        });
        assert_eq!(component(schemas.clone(), "u"), object);
        // What may be empty has no field that must be there.
        assert_eq!(component(schemas.clone(), "w"), object);
        assert_eq!(component(schemas, "v"), json!({"type": "object"}));
    }

    #[test]
    fn a_union_of_scalars_stays_a_union() {
        let schemas = json!({"u": {"type": ["string", "number", "integer"]}});
        assert_eq!(
            component(schemas, "u"),
            json!({"oneOf": [{"type": "string"}, {"type": "number"}]})
        );
    }

    #[test]
    fn a_union_of_objects_holds_the_fields_of_all() {
        let schemas = json!({
            "a": {"type": "object", "required": ["x", "y"], "properties": {"x": {"type": "string"}, "y": {"type": "string"}}},
            "b": {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}, "z": {"type": "boolean"}}},
            "u": {"anyOf": [{"$ref": "#/components/schemas/a"}, {"$ref": "#/components/schemas/b"}]},
        });
        let union = component(schemas, "u");
        assert_eq!(union["required"], json!(["x"]));
        let fields: Vec<&String> = union["properties"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["x", "y", "z"]);
    }

    #[test]
    fn branches_that_only_constrain_are_merged_and_noted() {
        let schemas = json!({"u": {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"properties": {"b": {"type": "string"}}}],
        }});
        let lowered = lower(&document(schemas, json!({})));
        let union = &lowered.document["components"]["schemas"]["u"];
        assert_eq!(
            union["properties"],
            json!({"a": {"type": "string"}, "b": {"type": "string"}})
        );
        assert_eq!(lowered.notes[0].at.as_str(), "/components/schemas/u");
    }

    #[test]
    fn all_of_one_reference_is_the_reference_and_of_several_is_one_object() {
        let schemas = json!({
            "a": {"type": "object", "properties": {"x": {"type": "string"}}},
            "c": {"type": "object", "properties": {"r": {"type": ["object", "null"], "allOf": [{"$ref": "#/components/schemas/a"}]}}},
            "d": {"allOf": [{"$ref": "#/components/schemas/a"}, {"type": "object", "properties": {"y": {"type": "string"}}}]},
        });
        let reference = json!({"allOf": [{"$ref": "#/components/schemas/a"}], "nullable": true});
        assert_eq!(
            component(schemas.clone(), "c")["properties"]["r"],
            reference
        );
        let both = component(schemas, "d");
        assert_eq!(
            both["properties"],
            json!({"x": {"type": "string"}, "y": {"type": "string"}})
        );
    }

    #[test]
    fn siblings_of_a_reference_hold_beside_it() {
        let schemas = json!({
            "a": {"type": "object", "properties": {"x": {"type": "string"}}},
            "c": {"type": "object", "properties": {"r": {"$ref": "#/components/schemas/a", "required": ["x"]}}},
            "d": {"type": "object", "properties": {"r": {"$ref": "#/components/schemas/a", "description": "words"}}},
        });
        let merged = component(schemas.clone(), "c_r");
        assert_eq!(merged["required"], json!(["x"]));
        let described = component(schemas, "d")["properties"]["r"].clone();
        assert_eq!(
            described,
            json!({"allOf": [{"$ref": "#/components/schemas/a"}], "description": "words"})
        );
    }

    #[test]
    fn definitions_inside_schemas_become_components() {
        let schemas = json!({"c": {
            "type": "object",
            "properties": {"r": {"$ref": "#/components/schemas/c/$defs/inner"}},
            "$defs": {"inner": {"type": "object", "properties": {"x": {"type": "string"}}}},
        }});
        let reference = component(schemas.clone(), "c")["properties"]["r"]["$ref"].clone();
        assert_eq!(reference, "#/components/schemas/c_inner");
        assert_eq!(component(schemas, "c_inner")["type"], "object");
    }

    #[test]
    fn a_reference_to_a_plain_type_is_that_type() {
        let schemas = json!({
            "flag": {"type": "boolean"},
            "alias": {"$ref": "#/components/schemas/flag"},
            "empty": {"type": ["object", "array"]},
            "c": {"type": "object", "properties": {
                "a": {"$ref": "#/components/schemas/flag"},
                "b": {"$ref": "#/components/schemas/alias"},
                "e": {"$ref": "#/components/schemas/empty"},
            }},
        });
        let fields = &component(schemas, "c")["properties"];
        assert_eq!(fields["a"], json!({"type": "boolean"}));
        assert_eq!(fields["b"], json!({"type": "boolean"}));
        assert_eq!(fields["e"], json!({"type": "object", "nullable": true}));
    }

    #[test]
    fn const_is_an_enum_of_one() {
        let lowered = component(json!({"c": {"const": "x"}}), "c");
        assert_eq!(lowered, json!({"type": "string", "enum": ["x"]}));
    }

    #[test]
    fn constraints_and_defaults_are_said_in_words() {
        let schema = json!({"type": "number", "exclusiveMinimum": 0, "maximum": 9, "default": 1});
        assert_eq!(
            field(schema),
            json!({"type": "number", "description": "More than `0`. At most `9`. Without it the server takes `1`."})
        );
    }

    #[test]
    fn integers_have_64_bits_and_ids_are_integers() {
        let integer = json!({"type": "integer", "format": "int64"});
        assert_eq!(
            field(json!({"type": "integer", "format": "int32"})),
            integer
        );
        assert_eq!(
            field(json!({"type": "number", "format": "float"})),
            json!({"type": "number"})
        );
        for name in [
            "id",
            "client_id",
            "clientId",
            "service_ids",
            "records_count",
            "page",
            "is_deleted",
        ] {
            assert!(names_an_integer(name), "{name}");
        }
        for name in [
            "paid",
            "discount",
            "price",
            "amount",
            "island",
            "limitation",
        ] {
            assert!(!names_an_integer(name), "{name}");
        }
        let mut whole = document(
            json!({"c": {"type": "object", "properties": {"weight": {"type": "number"}}}}),
            json!({}),
        );
        whole["x-whole-numbers"] = json!(["weight"]);
        let lowered = lower(&whole).document;
        assert_eq!(
            lowered["components"]["schemas"]["c"]["properties"]["weight"],
            integer
        );
    }

    #[test]
    fn x_shape_list_wraps_what_stands_there() {
        let schema = json!({"type": "string", "x-shape": "list"});
        assert_eq!(field(schema)["items"], json!({"type": "string"}));
    }

    #[test]
    fn every_error_answer_is_one_type_that_holds_all_fields() {
        let lowered = answers(json!({
            "200": {"description": ""},
            "401": json_answer(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
            "422": json_answer(json!({"type": "object", "properties": {"b": {"type": "string"}}})),
            "500": {"description": ""},
        }));
        let responses = &lowered.document["paths"]["/a"]["post"]["responses"];
        for status in ["401", "422", "500"] {
            let schema = &responses[status]["content"]["application/json"]["schema"];
            assert_eq!(
                schema["$ref"], "#/components/schemas/error_body",
                "{status}"
            );
        }
        let body = &lowered.document["components"]["schemas"]["error_body"]["properties"];
        assert_eq!(
            *body,
            json!({"a": {"type": "string"}, "b": {"type": "string"}})
        );
    }

    #[test]
    fn two_success_types_are_one_that_holds_both() {
        let lowered = answers(json!({
            "200": json_answer(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
            "201": json_answer(json!({"type": "object", "properties": {"b": {"type": "string"}}})),
            "204": {"description": ""},
        }));
        let responses = &lowered.document["paths"]["/a"]["post"]["responses"];
        for status in ["200", "201", "204"] {
            let schema = &responses[status]["content"]["application/json"]["schema"];
            assert_eq!(
                schema["$ref"], "#/components/schemas/op_response",
                "{status}"
            );
        }
    }

    #[test]
    fn bodies_are_json_to_progenitor_whatever_they_are_on_the_wire() {
        let body = |media_type: &str| {
            let body = json!({"content": {media_type: {"schema": {"type": "string"}}}});
            let lowered = lower(&document(json!({}), json!({ "requestBody": body }))).document;
            lowered["paths"]["/a"]["post"]["requestBody"].clone()
        };
        for media_type in ["*/*", "application/json", "multipart/form-data"] {
            assert!(
                body(media_type)["content"]
                    .get("application/json")
                    .is_some()
            );
        }
        assert_eq!(
            body("multipart/form-data")[MEDIA_TYPE],
            "multipart/form-data"
        );
        assert_eq!(body("*/*").get(MEDIA_TYPE), None);
    }

    #[test]
    fn content_without_a_schema_is_any_value_and_noted() {
        let lowered =
            answers(json!({"200": {"description": "", "content": {"application/json": {}}}}));
        assert_eq!(lowered.notes.len(), 1);
        assert!(
            lowered.notes[0]
                .at
                .as_str()
                .ends_with("/200/content/application~1json")
        );
    }

    #[test]
    fn other_media_types_are_bytes() {
        let lowered =
            answers(json!({"200": {"description": "", "content": {"application/pdf": {}}}}));
        let content = &lowered.document["paths"]["/a"]["post"]["responses"]["200"]["content"];
        assert_eq!(*content, json!({"application/pdf": {}}));
    }

    #[test]
    fn headers_of_the_transport_go_and_a_name_in_path_and_query_is_one_argument() {
        let parameter = |name: &str, place: &str| json!({"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}});
        let mut whole = document(
            json!({}),
            json!({"parameters": [
                parameter("ACCEPT", "header"), parameter("authorization", "header"),
                parameter("Content-Type", "header"), parameter("X-Other", "header"),
                parameter("id", "path"), parameter("id", "query"), parameter("q", "query"),
            ]}),
        );
        whole["paths"]["/a"]["parameters"] =
            json!([parameter("q", "query"), parameter("p", "query")]);
        let lowered = lower(&whole);
        let parameters = lowered.document["paths"]["/a"]["post"]["parameters"]
            .as_array()
            .unwrap();
        let names: Vec<String> = parameters
            .iter()
            .map(|p| format!("{} {}", p["in"], p["name"]).replace('"', ""))
            .collect();
        assert_eq!(names, ["query q", "query p", "header X-Other", "path id"]);
        assert_eq!(lowered.notes.len(), 1);
    }

    #[test]
    fn inline_types_and_components_of_one_rust_name_are_kept_apart() {
        let inline = json!({"type": "object", "properties": {"x": {"type": "string"}}});
        let schemas = json!({
            "a": {"type": "object", "properties": {"b": inline}},
            "a_b": {"type": "object", "properties": {"y": {"type": "string"}}},
            "aB": {"type": "string"},
        });
        assert_eq!(
            component(schemas, "a")["properties"]["b"]["$ref"],
            "#/components/schemas/a_b_2"
        );
    }

    #[test]
    fn a_null_in_a_request_can_be_sent() {
        let body = json!({"content": {"application/json": {"schema": {
            "type": "object", "properties": {"x": {"type": ["number", "null"]}, "l": {"type": "array", "items": {"type": "string"}}},
        }}}});
        let lowered = lower(&document(json!({}), json!({ "requestBody": body }))).document;
        let fields = &lowered["components"]["schemas"]["op_body"]["properties"];
        assert_eq!(
            fields["x"]["x-rust-type"]["parameters"],
            json!([{"type": "number"}])
        );
        assert_eq!(fields["l"]["nullable"], true);
    }

    // ---- nothing is dropped -----------------------------------------------

    fn schema() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(json!({"type": "string"})),
            Just(json!({"type": "boolean"})),
            Just(json!({"type": ["number", "null"]})),
            Just(json!({"type": "integer", "format": "int32", "minimum": 1})),
            proptest::collection::btree_set("[a-z]{1,4}", 1..4)
                .prop_map(|values| json!({"type": "string", "enum": values})),
        ];
        scalar.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                inner
                    .clone()
                    .prop_map(|items| json!({"type": "array", "items": items})),
                proptest::collection::btree_map("[a-z]{1,5}", inner.clone(), 1..4)
                    .prop_map(|fields| json!({"type": "object", "properties": fields})),
                inner.prop_map(|branch| json!({"oneOf": [branch, {"type": "null"}]})),
            ]
        })
    }

    /// Field paths and enum values under a schema, references followed.
    fn contents(document: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
        let schema = grammar::resolve(document, schema).unwrap();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            contents(document, property, &path, found);
            found.insert(path);
        }
        for value in schema["enum"].as_array().into_iter().flatten() {
            found.insert(format!("{path}={value}"));
        }
        for key in ["oneOf", "allOf"] {
            for branch in schema[key].as_array().into_iter().flatten() {
                contents(document, branch, path, found);
            }
        }
        if schema["items"].is_object() {
            contents(document, &schema["items"], &format!("{path}[]"), found);
        }
    }

    proptest! {
        #[test]
        fn every_field_and_enum_value_is_kept(
            names in proptest::collection::btree_set("[a-z]{3,8}", 1..4),
            schemas in proptest::collection::vec((schema(), schema(), schema()), 4),
        ) {
            let mut paths = Object::new();
            for (name, (body, answer, parameter)) in names.iter().zip(&schemas) {
                paths.insert(format!("/{name}/{{id}}"), json!({"post": {
                    "operationId": name,
                    "parameters": [
                        {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}},
                        {"name": "q", "in": "query", "schema": parameter},
                    ],
                    "requestBody": {"content": {"application/json": {"schema": body}}},
                    "responses": {"200": json_answer(answer.clone())},
                }}));
            }
            let before = json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths});
            let after = lower(&before).document;
            prop_assert!(serde_json::from_value::<openapiv3::OpenAPI>(after.clone()).is_ok());
            for (path, method, operation) in grammar::operations(&before) {
                let lowered = &after["paths"][path][method];
                prop_assert_eq!(&lowered["operationId"], &operation["operationId"]);
                for place in [
                    "/requestBody/content/application~1json/schema",
                    "/responses/200/content/application~1json/schema",
                    "/parameters/1/schema",
                ] {
                    let (mut kept, mut given) = (BTreeSet::new(), BTreeSet::new());
                    contents(&before, operation.pointer(place).unwrap(), "$", &mut given);
                    contents(&after, lowered.pointer(place).unwrap(), "$", &mut kept);
                    prop_assert_eq!(given, kept, "{}", place);
                }
            }
        }
    }
}
