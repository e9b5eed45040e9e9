//! Lists the places of a document, and whether each of them has words.

use std::collections::BTreeSet;

use serde_json::Value;

use altegio_openapi::grammar::{self, VALUES};
use altegio_openapi::pointer::Pointer;

use super::places;
use crate::entity_table::ENTITIES;

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Tag,
    Operation,
    Parameter,
    Field,
    Value,
    Entity,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Tag,
        Self::Operation,
        Self::Parameter,
        Self::Field,
        Self::Value,
        Self::Entity,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Tag => "tags",
            Self::Operation => "operations",
            Self::Parameter => "parameters",
            Self::Field => "fields",
            Self::Value => "enum values",
            Self::Entity => "entities",
        }
    }
}

/// A place that needs words.
#[derive(Clone, Debug)]
pub struct Place {
    pub kind: Kind,
    /// The tag of the first operation that has the place.
    pub tag: String,
    /// The id of that operation; for a tag or an entity, its name.
    pub owner: String,
    /// The path within the owner, such as `body services.id`; empty for the owner.
    pub path: String,
    /// The type, for readers.
    pub shape: String,
    pub described: bool,
}

impl Place {
    /// The place as `unknown` names it.
    pub fn label(&self) -> String {
        format!("{} {}", self.owner, self.path).trim().to_owned()
    }
}

/// Lists the places of a document in the order of its operations. A schema that
/// several operations share is listed with the first one.
pub fn places(document: &Value) -> Vec<Place> {
    let mut list = List {
        document,
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    let operations = grammar::operations(document);
    let used = operations.filter_map(|(_, _, operation)| operation["tags"][0].as_str());
    let used: BTreeSet<&str> = used.collect();
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default();
        if !used.contains(name) {
            continue;
        }
        let described = has_text(tag, "description");
        list.add(Kind::Tag, (name, name), String::new(), "", described);
    }
    let paths = Pointer::root().join("paths");
    for (path, method, operation) in grammar::operations(document) {
        list.operation(&paths.join(path), method, operation);
    }
    let entities = document[ENTITIES].as_object();
    for (name, entity) in entities.into_iter().flatten() {
        let described = has_text(entity, "description");
        list.add(Kind::Entity, ("", name), String::new(), "", described);
    }
    list.found
}

/// Lists the places that have no words and that the document `before` lacks.
pub fn new_places(before: &Value, document: &Value) -> Vec<String> {
    let before: BTreeSet<String> = places(before).iter().map(Place::label).collect();
    let new = places(document)
        .into_iter()
        .filter(|place| !place.described);
    let labels = new.map(|place| place.label());
    labels.filter(|label| !before.contains(label)).collect()
}

struct List<'d> {
    document: &'d Value,
    seen: BTreeSet<Pointer>,
    found: Vec<Place>,
}

impl List<'_> {
    fn add(
        &mut self,
        kind: Kind,
        (tag, owner): (&str, &str),
        path: String,
        shape: &str,
        described: bool,
    ) {
        self.found.push(Place {
            kind,
            tag: tag.to_owned(),
            owner: owner.to_owned(),
            path,
            shape: shape.to_owned(),
            described,
        });
    }

    fn operation(&mut self, item: &Pointer, method: &str, operation: &Value) {
        let document = self.document;
        let id = operation["operationId"].as_str().unwrap_or_default();
        let owner = (operation["tags"][0].as_str().unwrap_or_default(), id);
        let described = has_text(operation, "summary");
        self.add(Kind::Operation, owner, String::new(), "", described);
        let at = item.join(method);
        for owner_at in [item, &at] {
            for (place, parameter) in places::parameters_of(document, owner_at) {
                let name = parameter["name"].as_str().unwrap_or_default();
                // The client sends these headers.
                let sent = ["accept", "content-type", "authorization"];
                if parameter["in"] == "header" && sent.contains(&&*name.to_ascii_lowercase()) {
                    continue;
                }
                let path = format!("parameters {name}");
                let shape = shape(document, &place.join("schema"));
                let described = has_text(parameter, "description");
                self.add(Kind::Parameter, owner, path.clone(), &shape, described);
                if self.seen.insert(place.clone()) {
                    self.values(owner, &path, &place, &parameter["schema"]);
                }
            }
        }
        for root in places::body(document, &at) {
            self.fields(owner, "body ", &root);
        }
        for root in places::successes(document, &at) {
            self.fields(owner, "response ", &root);
        }
        for root in places::failures(document, &at) {
            self.fields(owner, "errors ", &root);
        }
    }

    fn fields(&mut self, owner: (&str, &str), path: &str, at: &Pointer) {
        let document = self.document;
        for node in places::nodes(document, at) {
            let Some(schema) = node.get(document) else {
                continue;
            };
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let place = node.join("properties").join(name);
                if !self.seen.insert(place.clone()) {
                    continue;
                }
                let path = format!("{path}{name}");
                let shape = shape(document, &place);
                let described = has_text(field, "description");
                self.add(Kind::Field, owner, path.clone(), &shape, described);
                self.values(owner, &path, &place, field);
                self.fields(owner, &format!("{path}."), &place);
            }
            if schema["additionalProperties"].is_object() {
                let place = node.join("additionalProperties");
                if self.seen.insert(place.clone()) {
                    self.fields(owner, &format!("{path}*."), &place);
                }
            }
        }
    }

    fn values(&mut self, owner: (&str, &str), path: &str, at: &Pointer, schema: &Value) {
        for value in places::values(self.document, at) {
            if value == "true" || value == "false" {
                continue;
            }
            let described = has_text(&schema[VALUES], &value);
            let path = format!("{path} = {value}");
            self.add(Kind::Value, owner, path, "", described);
        }
    }
}

fn has_text(value: &Value, key: &str) -> bool {
    let text = value.get(key).and_then(Value::as_str);
    text.is_some_and(|text| !text.trim().is_empty())
}

/// The types of a schema, such as `integer`, `string|null` or `[object]`.
fn shape(document: &Value, at: &Pointer) -> String {
    let mut shapes: Vec<String> = Vec::new();
    let own = at.get(document);
    let is_list = own.is_some_and(|own| own["type"] == "array");
    let at = if is_list {
        at.join("items")
    } else {
        at.clone()
    };
    for node in places::nodes(document, &at) {
        let names = match node.get(document).and_then(|node| node.get("type")) {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        for name in names {
            if !shapes.contains(&name) {
                shapes.push(name);
            }
        }
    }
    let shapes = shapes.join("|");
    if is_list {
        format!("[{shapes}]")
    } else {
        shapes
    }
}
