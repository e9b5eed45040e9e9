//! Adds what OpenAPI 3.1 allows a document to omit, and the generator needs: an id,
//! a tag, and responses for each operation.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use altegio_openapi::grammar::METHODS;
use altegio_openapi::names;
use altegio_openapi::pointer::Pointer;

use crate::lower::Note;

/// The tag of an operation that has none. It has a feature, as every tag has.
const TAG: &str = "Other";

/// Completes the operations, and returns a note on each id that it adds. An id is the
/// method and the words of the path: `get_clients_location_id`.
pub fn complete(document: &mut Value) -> Vec<Note> {
    let mut notes = Vec::new();
    if document.get("paths").is_none() {
        document["paths"] = json!({});
    }
    let Some(paths) = document["paths"].as_object_mut() else {
        return notes;
    };
    let mut taken: BTreeSet<String> = operations(paths)
        .filter_map(|(_, _, operation)| operation.get("operationId")?.as_str().map(names::snake))
        .collect();
    for (path, method, operation) in operations(paths) {
        if operation.get("operationId").is_none() {
            let words: Vec<String> = names::words(path).collect();
            let rule = format!("{method}_{}", words.join("_"));
            let rule = rule.trim_end_matches('_');
            let mut numbers = 2..;
            let mut id = rule.to_owned();
            while !taken.insert(names::snake(&id)) {
                id = format!("{rule}_{}", numbers.next().unwrap_or_default());
            }
            notes.push(Note {
                at: Pointer::root().join("paths").join(path).join(method),
                what: format!("no operationId: called `{id}`"),
            });
            operation.insert("operationId".to_owned(), id.into());
        }
        operation.entry("tags").or_insert_with(|| json!([TAG]));
        operation.entry("responses").or_insert_with(|| json!({}));
    }
    notes
}

fn operations(
    paths: &mut Map<String, Value>,
) -> impl Iterator<Item = (&String, &str, &mut Map<String, Value>)> {
    paths.iter_mut().flat_map(|(path, item)| {
        let item = item.as_object_mut().into_iter().flatten();
        item.filter_map(move |(key, value)| {
            let method = METHODS.into_iter().find(|method| method == key)?;
            Some((path, method, value.as_object_mut()?))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_without_id_tag_and_responses_gets_them_by_rule() {
        let mut document = json!({"paths": {
            "/clients/{location_id}": {"get": {}, "post": {"operationId": "a", "tags": ["T"], "responses": {"204": {}}}},
            "/clients/location-id": {"get": {}, "parameters": []},
            "/": {"get": {"operationId": "getClientsLocationId"}},
        }});
        let kept = document["paths"]["/clients/{location_id}"]["post"].clone();
        let notes = complete(&mut document);
        let operation = |path: &str| &document["paths"][path]["get"];
        assert_eq!(
            operation("/clients/{location_id}"),
            &json!({"operationId": "get_clients_location_id_2", "tags": ["Other"], "responses": {}})
        );
        assert_eq!(
            operation("/clients/location-id")["operationId"],
            "get_clients_location_id_3"
        );
        assert_eq!(document["paths"]["/clients/{location_id}"]["post"], kept);
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(
            notes[0],
            "/paths/~1clients~1{location_id}/get: no operationId: called `get_clients_location_id_2`"
        );
        assert_eq!(notes.len(), 2);
        let mut empty = json!({});
        assert!(complete(&mut empty).is_empty());
        assert_eq!(empty, json!({"paths": {}}));
    }
}
