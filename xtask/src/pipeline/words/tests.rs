//! Tests of the words with a small document.

use serde_json::json;

use super::coverage::{self, Kind as Counted};
use super::*;

fn document() -> Value {
    let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let content = |schema: Value| json!({"content": {"application/json": {"schema": schema}}});
    json!({
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "tags": [{"name": "Things"}],
        "paths": {"/things/{id}": {
            "get": {
                "operationId": "get_thing", "tags": ["Things"],
                "parameters": [
                    {"$ref": "#/components/parameters/id"},
                    {"name": "order", "in": "query", "schema": {"type": "string", "enum": ["asc", "desc"]}},
                ],
                "responses": {"200": content(json!({"properties": {
                    "data": {"type": "array", "items": refers("thing")},
                }}))},
            },
            "put": {
                "operationId": "update_thing", "tags": ["Things"],
                "parameters": [{"$ref": "#/components/parameters/id"}],
                "requestBody": content(json!({"properties": {
                    "id": {"type": "integer"},
                    "state": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
                    "rest": {"additionalProperties": {"properties": {"id": {"type": "integer"}}}},
                }})),
                "responses": {"200": content(json!({"properties": {"data": refers("thing")}}))},
            },
        }},
        "components": {
            "parameters": {"id": {"name": "id", "in": "path", "schema": {"type": "integer"}}},
            "schemas": {"thing": {"properties": {
                "id": {"type": "integer"}, "size": {"type": "number"},
            }}},
        },
    })
}

fn set(words: &str) -> Result<Value, Vec<String>> {
    let mut document = document();
    let files = [Words::parse("words.yaml", words).unwrap()];
    match apply(&files, &mut document) {
        Ok(()) => Ok(document),
        Err(complaints) => Err(complaints.iter().map(ToString::to_string).collect()),
    }
}

const WORDS: &str = "
document: About things.
tags: {Things: What there is.}
operations:
  get_thing:
    summary: Lists things.
    details: |
      Slowly.
    parameters:
      order: {text: Sort order., values: {asc: Smallest first., desc: Largest first.}}
    response: {data: The things., data.size: Size in meters.}
  update_thing:
    summary: Changes a thing.
    parameters: {id: Id of the thing that is changed.}
    body:
      state: {text: State., values: {'0': Off., '1': On.}}
      rest: Everything else.
      rest.*.id: Id of the rest.
parameters: {id: Id of the thing.}
fields: {id: Identifier., data: Result., size: Size.}
";

#[test]
fn the_most_specific_entry_holds() {
    let document = set(WORDS).unwrap();
    let get = &document["paths"]["/things/{id}"]["get"];
    let put = &document["paths"]["/things/{id}"]["put"];
    assert_eq!(document["info"]["description"], "About things.");
    assert_eq!(document["tags"][0]["description"], "What there is.");
    assert_eq!(get["summary"], "Lists things.");
    assert_eq!(get["description"], "Slowly.");
    // The shared parameter keeps its words; the operation with words of its own
    // has a copy.
    assert_eq!(get["parameters"][0]["$ref"], "#/components/parameters/id");
    let shared = &document["components"]["parameters"]["id"];
    assert_eq!(shared["description"], "Id of the thing.");
    let own = &put["parameters"][0];
    assert_eq!(own["description"], "Id of the thing that is changed.");
    assert_eq!(
        get["parameters"][1]["schema"][VALUES],
        json!({"asc": "Smallest first.", "desc": "Largest first."})
    );
    let thing = &document["components"]["schemas"]["thing"]["properties"];
    assert_eq!(thing["size"]["description"], "Size in meters.");
    assert_eq!(thing["id"]["description"], "Identifier.");
    let at = "/requestBody/content/application~1json/schema/properties";
    let body = put.pointer(at).unwrap();
    assert_eq!(body["id"]["description"], "Identifier.");
    assert_eq!(body["state"][VALUES], json!({"0": "Off.", "1": "On."}));
    let rest = &body["rest"]["additionalProperties"]["properties"];
    assert_eq!(rest["id"]["description"], "Id of the rest.");
}

#[test]
fn wrong_entries_are_told_with_their_place() {
    let complaints = set("
tags: {Gone: There is no such tag.}
operations:
  gone: {summary: There is no such operation.}
  get_thing:
    parameters:
      gone: No such parameter.
      order: {text: Sort order., values: {random: Not listed.}}
    response: {data.id: One text., data.gone: No such field.}
  update_thing:
    body: {state: no period}
    response: {data.id: Another text.}
fields: {gone: No such field.}
")
    .unwrap_err();
    let expected = [
        "words.yaml, line 2, /tags/Gone: the document has no such tag",
        "words.yaml, line 7, /operations/get_thing/parameters/gone: the document has no such place",
        "words.yaml, line 8, /operations/get_thing/parameters/order: `random` is not one of the values that the document lists",
        "words.yaml, line 9, /operations/get_thing/response/data.gone: the document has no such place",
        "words.yaml, line 4, /operations/gone: the document has no such operation",
        "words.yaml, line 11, /operations/update_thing/body/state: a description ends with a period",
        "words.yaml, line 12, /operations/update_thing/response/data.id: /operations/get_thing/response/data.id describes the same place (/components/schemas/thing/properties/id)",
        "words.yaml, line 13, /fields/gone: the document has no such place",
    ];
    assert_eq!(complaints, expected);
}

#[test]
fn an_entitys_words_hold_at_all_of_its_places() {
    let mut document = document();
    document["x-entities"] = json!({
        "Thing": {"places": {"get_thing": "data", "update_thing": ["data"]}},
    });
    let words = "
entities: {Thing: {fields: {size: Size of a thing.}}}
fields: {size: Any size.}
";
    let files = [Words::parse("words.yaml", words).unwrap()];
    apply(&files, &mut document).unwrap();
    let thing = &document["components"]["schemas"]["thing"]["properties"];
    assert_eq!(thing["size"]["description"], "Size of a thing.");
    let gone = "entities: {Gone: {fields: {size: Size.}}}";
    let files = [Words::parse("words.yaml", gone).unwrap()];
    assert_eq!(apply(&files, &mut document).unwrap_err().len(), 1);
}

#[test]
fn every_place_is_listed_once() {
    let document = set(WORDS).unwrap();
    let places = coverage::places(&document);
    let missing: Vec<String> = places
        .iter()
        .filter(|place| !place.described)
        .map(coverage::Place::label)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let count = |kind| places.iter().filter(|place| place.kind == kind).count();
    assert_eq!(count(Counted::Operation), 2);
    assert_eq!(count(Counted::Parameter), 3);
    // The fields of `thing` are shared; `data` is in each response.
    assert_eq!(count(Counted::Field), 2 + 2 + 4);
    assert_eq!(count(Counted::Value), 2);

    let bare = coverage::places(&self::document());
    assert!(bare.iter().all(|place| !place.described));
    let labels: Vec<String> = bare.iter().map(coverage::Place::label).collect();
    assert!(labels.contains(&"get_thing response data.size".to_owned()));
    assert!(labels.contains(&"get_thing parameters order = asc".to_owned()));
    assert!(labels.contains(&"update_thing body rest.*.id".to_owned()));
}
