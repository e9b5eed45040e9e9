//! Adds the known fields of the overlay's entities to the places of the entities
//! in the document, so that the mock serves them and conformance expects them.

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
}
