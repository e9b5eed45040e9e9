//! Adds the known fields of the overlay's entities to the places of the entities
//! in the document, and settles the types that the places disagree on, so that the
//! mock serves what the client's types read and conformance expects it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use altegio_openapi::grammar;
use altegio_openapi::pointer::{self, Pointer};
use altegio_openapi::roles::Roles;

use crate::entity_table::{self, Entity};

/// Adds the fields that a place does not document. A schema that requests use as
/// well stays as it is: what is sent is not what is received.
///
/// # Errors
///
/// Returns a complaint about every entity of the wrong form.
pub fn add_fields(document: &mut Value) -> Result<(), Vec<String>> {
    let table = entity_table::read(document)?;
    let sent = Roles::of(document).sent;
    let mut additions: BTreeMap<Pointer, Map<String, Value>> = BTreeMap::new();
    let places = Places {
        document,
        table: &table,
    };
    for (name, entity) in table.iter().filter(|(_, entity)| !entity.fields.is_empty()) {
        let found = places.of(name, &mut BTreeSet::new());
        // A field that some places document settles its type for the client.
        let is_documented = |property: &str| {
            let mut found = found.iter();
            found.any(|at| at.join("properties").join(property).get(document).is_some())
        };
        let unknown: Vec<_> = entity
            .fields
            .iter()
            .filter(|(name, _)| !is_documented(name))
            .collect();
        for at in &found {
            let component = at
                .keys()
                .nth(2)
                .filter(|_| at.as_str().starts_with("/components/"));
            if component.is_some_and(|name| sent.contains(&name)) {
                continue;
            }
            let fields = additions.entry(at.clone()).or_default();
            for (property, field) in &unknown {
                fields.insert((*property).clone(), field.schema.clone());
            }
        }
    }
    for (at, fields) in additions {
        let properties = document.pointer_mut(at.join("properties").as_str());
        if let Some(properties) = properties.and_then(Value::as_object_mut) {
            for (name, schema) in fields {
                properties.entry(name).or_insert(schema);
            }
        }
    }
    Ok(())
}

/// Gives a property of an entity one type in all of its places. A place keeps its
/// schema if the types agree. The client's type follows the same order of preference
/// (see `lower::entities`).
///
/// # Errors
///
/// Returns a complaint about every entity of the wrong form.
pub fn settle(document: &mut Value) -> Result<(), Vec<String>> {
    // The schema of one place may hold other entities, which are settled next.
    const PASSES: usize = 4;
    let table = entity_table::read(document)?;
    let sent = Roles::of(document).sent;
    for _ in 0..PASSES {
        let settled = disagreements(document, &table, &sent);
        if settled.is_empty() {
            break;
        }
        for (at, schema) in settled {
            if let Some(place) = document.pointer_mut(at.as_str()) {
                let description = place.get("description").cloned();
                *place = schema;
                if let (Some(description), Some(place)) = (description, place.as_object_mut()) {
                    place.insert("description".to_owned(), description);
                }
            }
        }
    }
    Ok(())
}

/// Returns the property schemas that differ in type from the one that is settled on,
/// with the schema to replace each.
fn disagreements(
    document: &Value,
    table: &[(String, Entity)],
    sent: &BTreeSet<String>,
) -> BTreeMap<Pointer, Value> {
    let places = Places { document, table };
    let mut settled = BTreeMap::new();
    for (name, entity) in table {
        let mut properties: BTreeMap<String, Vec<Pointer>> = BTreeMap::new();
        for at in places.of(name, &mut BTreeSet::new()) {
            let at = at.join("properties");
            let found = at.get(document).and_then(Value::as_object);
            for (property, _) in found.into_iter().flatten() {
                let property_at = at.join(property);
                properties
                    .entry(property.clone())
                    .or_default()
                    .push(property_at);
            }
        }
        for (property, found) in properties {
            let known = entity.fields.get(&property).map(|field| &field.schema);
            let best = match known {
                Some(schema) => Some((kind(document, schema), schema.clone())),
                None => {
                    let options = found.iter().flat_map(|at| options(document, at));
                    options.reduce(|a, b| if prefers(b.0, a.0) { b } else { a })
                }
            };
            let Some((best, schema)) = best else {
                continue;
            };
            for at in &found {
                let component = at.keys().nth(2);
                let component = component.filter(|_| at.as_str().starts_with("/components/"));
                let is_sent = component.is_some_and(|name| sent.contains(&name));
                let options = options(document, at);
                // A union of scalars, such as a number and a boolean, is read as any of them.
                let is_union = options.len() > 1;
                let mut kinds = options.iter().map(|(kind, _)| *kind);
                let differs = |kind: Kind| {
                    differs(kind, best) && !(is_union && matches!(kind, Kind::Scalar(_)))
                };
                if !is_sent && kinds.any(differs) {
                    settled.insert(at.clone(), schema.clone());
                }
            }
        }
    }
    settled
}

/// The type of a property as far as the places of an entity may disagree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Untyped,
    UntypedList,
    UntypedObjectList,
    List(Scalar),
    ObjectList,
    UntypedObject,
    Object,
    Scalar(Scalar),
    /// A union, or a type that is not settled here.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scalar {
    Integer,
    Number,
    Text,
    Boolean,
}

/// Returns the schema at `at` or, if it is a union or has several types, a schema for
/// each.
fn options(document: &Value, at: &Pointer) -> Vec<(Kind, Value)> {
    let Some((located, resolved)) = pointer::locate(document, at) else {
        return Vec::new();
    };
    for key in ["oneOf", "anyOf"] {
        if let Some(branches) = resolved[key].as_array() {
            let branches = (0..branches.len()).map(|index| located.join(key).join(index));
            return branches.flat_map(|at| options(document, &at)).collect();
        }
    }
    if let Some(types) = resolved["type"].as_array() {
        let types: Vec<&Value> = types.iter().filter(|name| *name != "null").collect();
        let is_union = types.len() > 1;
        let one = |name: &Value| {
            let mut schema = resolved.clone();
            schema["type"] = name.clone();
            // A list without items beside an object is how an empty object arrives.
            match kind(document, &schema) {
                Kind::UntypedList if is_union && schema.get("items").is_none() => {
                    (Kind::Other, schema)
                }
                kind => (kind, schema),
            }
        };
        return types.into_iter().map(one).collect();
    }
    let schema = at.get(document).unwrap_or(resolved);
    vec![(kind(document, resolved), schema.clone())]
}

fn kind(document: &Value, schema: &Value) -> Kind {
    let schema = pointer::resolve(document, schema).unwrap_or(&Value::Null);
    let scalar = |name: &str| match name {
        "integer" => Some(Scalar::Integer),
        "number" => Some(Scalar::Number),
        "string" => Some(Scalar::Text),
        "boolean" => Some(Scalar::Boolean),
        _ => None,
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let types: Vec<&str> = types.into_iter().filter(|name| *name != "null").collect();
    let has = |key: &str| schema.get(key).is_some();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    if parts
        .map(|part| kind(document, part))
        .any(|kind| kind == Kind::Object)
    {
        return Kind::Object;
    }
    match types.as_slice() {
        _ if has("oneOf") || has("anyOf") || has("enum") => Kind::Other,
        ["string"] if has("format") => Kind::Other,
        // Always empty, which also reads as an empty object.
        ["array"] if schema["maxItems"] == 0 => Kind::Other,
        ["array"] => match kind(document, &schema["items"]) {
            Kind::Untyped => Kind::UntypedList,
            Kind::UntypedObject => Kind::UntypedObjectList,
            Kind::Object => Kind::ObjectList,
            Kind::Scalar(scalar) => Kind::List(scalar),
            _ => Kind::Other,
        },
        ["object"] | []
            if schema["properties"]
                .as_object()
                .is_some_and(|p| !p.is_empty()) =>
        {
            Kind::Object
        }
        ["object"] => Kind::UntypedObject,
        [] => Kind::Untyped,
        [name] => scalar(name).map_or(Kind::Other, Kind::Scalar),
        _ => Kind::Other,
    }
}

/// Returns whether the type `a` is settled on rather than `b`.
fn prefers(a: Kind, b: Kind) -> bool {
    use Scalar::{Boolean, Integer, Number, Text};
    matches!(
        (a, b),
        (
            Kind::Object | Kind::UntypedObject,
            Kind::UntypedList | Kind::UntypedObjectList | Kind::ObjectList,
        ) | (Kind::Object, Kind::UntypedObject)
            | (
                Kind::List(_) | Kind::ObjectList,
                Kind::UntypedList | Kind::UntypedObjectList,
            )
            | (Kind::UntypedObjectList, Kind::UntypedList)
            | (Kind::Scalar(Boolean), Kind::Scalar(Integer | Number))
            | (Kind::Scalar(Number), Kind::Scalar(Integer))
            | (Kind::Scalar(Text), Kind::Scalar(Number))
            | (Kind::Scalar(Integer), Kind::Scalar(Text))
    )
}

/// Returns whether a value of the type `kind` may be read as something else by a
/// client that expects the type `best`.
fn differs(kind: Kind, best: Kind) -> bool {
    kind != best && (prefers(best, kind) || prefers(kind, best))
}

struct Places<'d> {
    document: &'d Value,
    table: &'d [(String, Entity)],
}

impl<'d> Places<'d> {
    /// The objects that are the entity `name`. `within` are the entities that it
    /// is searched for in, since entities may hold each other.
    fn of(&self, name: &'d str, within: &mut BTreeSet<&'d str>) -> BTreeSet<Pointer> {
        let mut found = BTreeSet::new();
        let entity = self.table.iter().find(|(other, _)| other == name);
        let Some((_, entity)) = entity.filter(|_| within.insert(name)) else {
            return found;
        };
        for (place, paths) in &entity.places {
            let starts: Vec<Pointer> = match self.table.iter().find(|(other, _)| other == place) {
                Some((owner, _)) => self.of(owner, within).into_iter().collect(),
                None => self.responses(place),
            };
            for path in paths.iter() {
                for start in &starts {
                    self.objects(start, &path, 0, &mut found);
                }
            }
        }
        within.remove(name);
        found
    }

    /// The schemas of the operation's success responses.
    fn responses(&self, id: &str) -> Vec<Pointer> {
        let mut schemas = Vec::new();
        for (path, method, operation) in grammar::operations(self.document) {
            if operation["operationId"] != id {
                continue;
            }
            let at = Pointer::root().join("paths").join(path).join(method);
            let responses = operation["responses"].as_object();
            for (status, response) in responses.into_iter().flatten() {
                let content = response["content"].as_object().into_iter().flatten();
                for (media_type, _) in content.filter(|_| status.starts_with('2')) {
                    let at = at.join("responses").join(status);
                    schemas.push(at.join("content").join(media_type).join("schema"));
                }
            }
        }
        schemas
    }

    /// Adds the objects with properties at the path from `at`.
    fn objects(&self, at: &Pointer, path: &[&str], depth: usize, found: &mut BTreeSet<Pointer>) {
        // A schema may be a branch of itself.
        let Some((at, schema)) = pointer::locate(self.document, at).filter(|_| depth < 32) else {
            return;
        };
        if schema.get("items").is_some() {
            self.objects(&at.join("items"), path, depth + 1, found);
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            let branches = schema[key].as_array().map_or(0, Vec::len);
            for index in 0..branches {
                self.objects(&at.join(key).join(index), path, depth + 1, found);
            }
        }
        if let ["*", rest @ ..] = path {
            let at = at.join("additionalProperties");
            self.objects(&at, rest, depth + 1, found);
        }
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        match path {
            [] => {
                found.insert(at);
            }
            [step, rest @ ..] => {
                for (name, _) in properties {
                    if name == step || *step == "*" {
                        let at = at.join("properties").join(name);
                        self.objects(&at, rest, depth + 1, found);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_fields_are_added_to_every_place_but_not_to_requests() {
        let object =
            |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}});
        let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let answer = |data: Value| {
            let schema = json!({"properties": {"data": data}});
            json!({"200": {"content": {"application/json": {"schema": schema}}}})
        };
        let mut document = json!({
            "x-entities": {
                "Tag": {
                    "places": {"get_tag": "data", "Client": "tags"},
                    "fields": {
                        "icon": {"description": "Recorded.", "schema": {"type": "string"}},
                        // Documented elsewhere: only the client's type is another.
                        "title": {"description": "A text.", "schema": {"type": "string"}},
                    },
                },
                "Client": {"places": {"get_client": "data"}},
            },
            "paths": {
                "/a": {"get": {"operationId": "get_tag", "responses": answer(refers("tag"))}},
                "/b": {"get": {"operationId": "get_client", "responses": answer(json!({
                    "type": "array", "items": {"properties": {"tags": {"oneOf": [object("title"), refers("sent")]}}},
                }))}},
                "/c": {"put": {"requestBody": refers("sent")}},
            },
            "components": {"schemas": {"tag": object("title"), "sent": object("title")}},
        });
        add_fields(&mut document).unwrap();
        assert_eq!(
            document["components"]["schemas"]["tag"]["properties"],
            json!({"title": {"type": "string"}, "icon": {"type": "string"}})
        );
        let tags = &document["paths"]["/b"]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"]["properties"]["data"]["items"]["properties"]["tags"]["oneOf"];
        assert_eq!(tags[0]["properties"]["icon"], json!({"type": "string"}));
        assert_eq!(document["components"]["schemas"]["sent"], object("title"));
    }

    #[test]
    fn a_property_has_one_type_in_all_places_of_an_entity() {
        let answer = |properties: Value| {
            let schema = json!({"type": "object", "properties": properties});
            json!({"200": {"content": {"application/json": {"schema": schema}}}})
        };
        let image = json!({"type": "object", "properties": {"id": {"type": "integer"}}});
        let mut document = json!({
            "x-entities": {"Tag": {
                "places": {"get_a": "$", "get_b": "$"},
                "fields": {"code": {"description": "Recorded.", "schema": {"type": "string"}}},
            }},
            "paths": {
                "/a": {"get": {"operationId": "get_a", "responses": answer(json!({
                    "image": {"type": "array", "items": {"type": "object"}},
                    "days": {"type": "array"},
                    "shown": {"type": "integer", "description": "Kept."},
                    "lat": {"type": "number"},
                    "code": {"type": "integer"},
                    "name": {"type": "string"},
                }))}},
                "/b": {"get": {"operationId": "get_b", "responses": answer(json!({
                    "image": image,
                    "days": {"type": "array", "items": {"type": "integer"}},
                    "shown": {"type": "boolean"},
                    "lat": {"type": "string"},
                    "name": {"type": "string"},
                }))}},
            },
        });
        settle(&mut document).unwrap();
        let of = |path: &str| {
            document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
                ["schema"]["properties"]
                .clone()
        };
        assert_eq!(
            of("/a"),
            json!({
                "image": image,
                "days": {"type": "array", "items": {"type": "integer"}},
                "shown": {"type": "boolean", "description": "Kept."},
                "lat": {"type": "string"},
                "code": {"type": "string"},
                "name": {"type": "string"},
            })
        );
        assert_eq!(of("/b")["image"], image);
    }
}
