//! Gives ids their types (`x-ids`): integers that are the id of something refer to a
//! component for that id, which is a type of the crate's module `ids`.
//!
//! ```yaml
//! x-ids:
//!   ClientId:
//!     names: [client_id, client_ids]     # parameters and properties, everywhere
//!     entities: [Client.id]              # properties of entities with other names
//!     operations:                        # places of an operation with other names
//!       get_client: [path.id]            # or query.NAME, body.DOTTED.PATH, response.DOTTED.PATH
//!     except:                            # places where one of the names is something else
//!       some_operation: [query.client_id]
//! ```
//!
//! Only plain integers, and lists and nullable ones of these, become ids.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use altegio_openapi::grammar::{self, Kind};
use altegio_openapi::names::{pascal, words_of_type};
use altegio_openapi::pointer::{self, Pointer};

/// Applies `ids`, the value of `x-ids`, to a lowered document.
///
/// # Errors
///
/// Returns a complaint for each entry that is invalid or matches nothing.
pub fn apply(document: &mut Value, ids: &Value) -> Result<(), Vec<String>> {
    let mut table = Table::default();
    let ids = ids.as_object().cloned().unwrap_or_default();
    for (id, entry) in &ids {
        table.read(document, id, entry);
    }
    let schemas = document["components"]["schemas"].as_object();
    let names: Vec<String> = schemas
        .into_iter()
        .flatten()
        .map(|(name, _)| pascal(name))
        .collect();
    for id in ids.keys().filter(|id| names.contains(id)) {
        table.complain(format!("`{id}`: a schema has this name too"));
    }

    for (at, name, id) in table.places(document) {
        let is_applied = document
            .pointer_mut(at.as_str())
            .is_some_and(|schema| refer(schema, &id));
        if is_applied {
            table.applied(&at, &name);
        }
    }
    for (id, is_used) in table.used() {
        if is_used {
            let schema = component(&id, &ids[&id]);
            document["components"]["schemas"][&id] = schema;
        }
    }
    table.into_result()
}

/// What `x-ids` says, and what was found of it.
#[derive(Default)]
struct Table {
    /// The id of each name, and whether a place of this name was found.
    names: BTreeMap<String, (String, bool)>,
    /// The places that are named one by one; `None` for an exception.
    explicit: BTreeMap<Pointer, Explicit>,
    complaints: Vec<String>,
}

struct Explicit {
    /// The entry, for complaints.
    entry: String,
    id: Option<String>,
    is_applied: bool,
}

impl Table {
    fn complain(&mut self, what: String) {
        self.complaints.push(format!("`x-ids`: {what}"));
    }

    fn read(&mut self, document: &Value, id: &str, entry: &Value) {
        let known = ["description", "names", "entities", "operations", "except"];
        let Some(fields) = entry.as_object() else {
            return self.complain(format!("`{id}`: expected an object"));
        };
        for field in fields
            .keys()
            .filter(|field| !known.contains(&field.as_str()))
        {
            self.complain(format!(
                "`{id}`: `{field}` is not one of {}",
                known.join(", ")
            ));
        }
        for name in texts(&entry["names"]) {
            let other = self.names.insert(name.to_owned(), (id.to_owned(), false));
            if let Some((other, _)) = other {
                self.complain(format!("`{name}` is a name of both `{other}` and `{id}`"));
            }
        }
        for place in texts(&entry["entities"]) {
            self.explicit(place, Some(id), entity_property(document, place));
        }
        for (key, id) in [("operations", Some(id)), ("except", None)] {
            for (operation, places) in entry[key].as_object().into_iter().flatten() {
                for place in texts(places) {
                    let at = operation_place(document, operation, place);
                    self.explicit(&format!("{operation} {place}"), id, at);
                }
            }
        }
    }

    fn explicit(&mut self, entry: &str, id: Option<&str>, at: Option<Pointer>) {
        let Some(at) = at else {
            return self.complain(format!("`{entry}` is not in the document"));
        };
        let explicit = Explicit {
            entry: entry.to_owned(),
            id: id.map(str::to_owned),
            is_applied: id.is_none(),
        };
        match self.explicit.insert(at, explicit) {
            Some(other) if other.id.as_deref() != id => self.complain(format!(
                "`{entry}` and `{}` are one schema, but different ids",
                other.entry
            )),
            _ => {}
        }
    }

    /// Returns the schemas that may be ids, with their names and the ids.
    fn places(&self, document: &Value) -> Vec<(Pointer, String, String)> {
        let mut found = Vec::new();
        let mut place = |at: Pointer, name: &str| {
            let id = match self.explicit.get(&at) {
                Some(explicit) => explicit.id.as_ref(),
                None => self.names.get(name).map(|(id, _)| id),
            };
            found.extend(id.map(|id| (at, name.to_owned(), id.clone())));
        };
        grammar::walk(document, &mut |at, kind, object| match kind {
            Kind::Parameter => {
                if let Some(name) = object["name"].as_str() {
                    place(at.join("schema"), name.trim_end_matches("[]"));
                }
            }
            Kind::Schema => {
                for name in object["properties"].as_object().into_iter().flatten() {
                    place(at.join("properties").join(name.0), name.0);
                }
            }
            _ => {}
        });
        found
    }

    fn applied(&mut self, at: &Pointer, name: &str) {
        if let Some(explicit) = self.explicit.get_mut(at) {
            explicit.is_applied = true;
        } else if let Some((_, is_found)) = self.names.get_mut(name) {
            *is_found = true;
        }
    }

    /// Returns whether each id occurs in the document.
    fn used(&self) -> BTreeMap<String, bool> {
        let mut used = BTreeMap::new();
        for (id, is_found) in self.names.values() {
            *used.entry(id.clone()).or_insert(false) |= *is_found;
        }
        for explicit in self.explicit.values() {
            if let Some(id) = &explicit.id {
                *used.entry(id.clone()).or_insert(false) |= explicit.is_applied;
            }
        }
        used
    }

    fn into_result(mut self) -> Result<(), Vec<String>> {
        for (name, (id, is_found)) in std::mem::take(&mut self.names) {
            if !is_found {
                self.complain(format!(
                    "`{id}`: `{name}` is the name of no integer; take it out"
                ));
            }
        }
        for Explicit {
            entry, is_applied, ..
        } in std::mem::take(&mut self.explicit).into_values()
        {
            if !is_applied {
                self.complain(format!("`{entry}` is no integer; take it out"));
            }
        }
        match self.complaints.is_empty() {
            true => Ok(()),
            false => Err(self.complaints),
        }
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(Value::as_str)
}

/// Returns the place of `Entity.property`.
fn entity_property(document: &Value, place: &str) -> Option<Pointer> {
    let (entity, property) = place.split_once('.')?;
    let schemas = document["components"]["schemas"].as_object()?;
    let name = schemas.keys().find(|name| pascal(name) == entity)?;
    let at = Pointer::root()
        .join("components")
        .join("schemas")
        .join(name);
    let at = at.join("properties").join(property);
    at.get(document).is_some().then_some(at)
}

/// Returns a place of an operation, such as `query.client_id` or `body.items.client_id`.
fn operation_place(document: &Value, id: &str, place: &str) -> Option<Pointer> {
    let (path, method, operation) =
        grammar::operations(document).find(|(_, _, operation)| operation["operationId"] == id)?;
    let at = Pointer::root().join("paths").join(path).join(method);
    let (part, name) = place.split_once('.')?;
    let content = match part {
        "path" | "query" | "header" => {
            let list = operation["parameters"].as_array()?;
            let is_it = |parameter: &Value| {
                let parameter = pointer::resolve(document, parameter);
                parameter.is_some_and(|it| it["in"] == part && it["name"] == name)
            };
            let at = at.join("parameters").join(list.iter().position(is_it)?);
            let (at, _) = pointer::locate(document, &at)?;
            return Some(at.join("schema"));
        }
        "body" => at.join("requestBody").join("content"),
        "response" => {
            let mut statuses = operation["responses"].as_object()?.keys();
            let success = statuses.find(|status| status.starts_with('2'))?;
            at.join("responses").join(success).join("content")
        }
        _ => return None,
    };
    let (media_type, _) = content.get(document)?.as_object()?.iter().next()?;
    let mut at = content.join(media_type).join("schema");
    for name in name.split('.') {
        at = object_at(document, at)?.join("properties").join(name);
        at.get(document)?;
    }
    Some(at)
}

/// Follows references, single `allOf`s, and the items of arrays to an object.
fn object_at(document: &Value, at: Pointer) -> Option<Pointer> {
    let (at, schema) = pointer::locate(document, &at)?;
    if schema.get("properties").is_some() {
        Some(at)
    } else if schema.get("items").is_some() {
        object_at(document, at.join("items"))
    } else if schema["allOf"].as_array().is_some_and(|all| all.len() == 1) {
        object_at(document, at.join("allOf").join(0))
    } else {
        None
    }
}

/// Makes an integer, or the integers of a list, refer to the component of an id. Returns
/// whether there were any.
fn refer(schema: &mut Value, id: &str) -> bool {
    if let Some(inner) = schema.pointer_mut("/x-rust-type/parameters/0") {
        return refer(inner, id);
    }
    let Value::Object(fields) = schema else {
        return false;
    };
    match fields.get("type").and_then(Value::as_str) {
        Some("array") => fields
            .get_mut("items")
            .is_some_and(|items| refer(items, id)),
        Some("integer") if !fields.contains_key("enum") => {
            fields.shift_remove("type");
            fields.shift_remove("format");
            let reference = json!({"$ref": format!("#/components/schemas/{id}")});
            if fields.is_empty() {
                *schema = reference;
            } else {
                // In 3.0, `$ref` allows no other keywords next to it.
                fields.insert("allOf".to_owned(), json!([reference]));
            }
            true
        }
        _ => false,
    }
}

/// Returns the component of an id.
fn component(id: &str, entry: &Value) -> Value {
    let mut schema = Map::new();
    let description = entry["description"].as_str().map(str::to_owned);
    let description = description.unwrap_or_else(|| {
        let of = words_of_type(id.strip_suffix("Id").unwrap_or(id));
        let article = if of.starts_with(['a', 'e', 'i', 'o']) {
            "an"
        } else {
            "a"
        };
        format!("The id of {article} {of}.")
    });
    schema.insert("type".to_owned(), "integer".into());
    schema.insert("format".to_owned(), "int64".into());
    schema.insert("description".to_owned(), description.into());
    let path = format!("altegio::ids::{id}");
    let rust_type = json!({"crate": "altegio", "version": "*", "path": path});
    schema.insert("x-rust-type".to_owned(), rust_type);
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer() -> Value {
        json!({"type": "integer", "format": "int64"})
    }

    fn document() -> Value {
        json!({
            "paths": {"/clients/{id}": {"put": {
                "operationId": "update_client",
                "parameters": [
                    {"name": "id", "in": "path", "schema": integer()},
                    {"name": "tag_ids[]", "in": "query", "schema": {"type": "array", "items": integer()}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {
                    "$ref": "#/components/schemas/update_body",
                }}}},
                "responses": {"200": {"content": {"application/json": {"schema": {
                    "type": "array", "items": {"$ref": "#/components/schemas/Client"},
                }}}}},
            }}},
            "components": {"schemas": {
                "update_body": {"type": "object", "properties": {
                    "client_id": {"type": "integer", "nullable": true, "description": "x"},
                    "group": {"type": "integer", "x-rust-type": {
                        "path": "altegio::Nullable", "parameters": [integer()],
                    }},
                    "tag_id": {"type": "string"},
                }},
                "Client": {"type": "object", "properties": {
                    "id": integer(), "client_id": integer(), "tag_id": integer(),
                }},
            }},
        })
    }

    fn reference(id: &str) -> Value {
        json!({"$ref": format!("#/components/schemas/{id}")})
    }

    #[test]
    fn integers_of_these_names_and_places_are_ids() {
        let mut document = document();
        let ids = json!({
            "ClientId": {
                "names": ["client_id"],
                "entities": ["Client.id"],
                "operations": {"update_client": ["path.id"]},
                "except": {"update_client": ["response.client_id"]},
            },
            "TagId": {"names": ["tag_id", "tag_ids"]},
            "ClientGroupId": {"operations": {"update_client": ["body.group"]}},
        });
        apply(&mut document, &ids).unwrap();
        let parameters = &document["paths"]["/clients/{id}"]["put"]["parameters"];
        assert_eq!(parameters[0]["schema"], reference("ClientId"));
        assert_eq!(parameters[1]["schema"]["items"], reference("TagId"));
        let schemas = &document["components"]["schemas"];
        let body = &schemas["update_body"]["properties"];
        assert_eq!(
            body["client_id"],
            json!({"nullable": true, "description": "x", "allOf": [reference("ClientId")]})
        );
        let nullable = &body["group"]["x-rust-type"]["parameters"][0];
        assert_eq!(nullable, &reference("ClientGroupId"));
        assert_eq!(body["tag_id"], json!({"type": "string"}));
        let client = &schemas["Client"]["properties"];
        assert_eq!(client["id"], reference("ClientId"));
        assert_eq!(client["client_id"], integer());
        assert_eq!(client["tag_id"], reference("TagId"));
        assert_eq!(
            schemas["ClientGroupId"],
            json!({
                "type": "integer", "format": "int64", "description": "The id of a client group.",
                "x-rust-type": {
                    "crate": "altegio", "version": "*", "path": "altegio::ids::ClientGroupId",
                },
            })
        );
    }

    #[test]
    fn what_matches_nothing_is_told() {
        let ids = json!({
            "Client": {"names": ["client_id"], "except": {"update_client": ["query.x"]}},
            "TagId": {"names": ["label_id", "client_id"], "entities": ["Tag.id"]},
            "GroupId": {"operations": {"update_client": ["body.tag_id"]}, "name": "x"},
        });
        assert_eq!(
            apply(&mut document(), &ids).unwrap_err(),
            [
                "`x-ids`: `update_client query.x` is not in the document",
                "`x-ids`: `client_id` is a name of both `Client` and `TagId`",
                "`x-ids`: `Tag.id` is not in the document",
                "`x-ids`: `GroupId`: `name` is not one of description, names, entities, operations, except",
                "`x-ids`: `Client`: a schema has this name too",
                "`x-ids`: `TagId`: `label_id` is the name of no integer; take it out",
                "`x-ids`: `update_client body.tag_id` is no integer; take it out",
            ]
        );
    }
}
