//! Tests of the lowering, from an OpenAPI 3.1 document to the lowered one.

use altegio_openapi::grammar;
use altegio_openapi::pointer;
use proptest::prelude::*;

use super::*;

fn lower(original: &Value) -> LoweredDocument {
    super::lower(original, &Names::default()).unwrap()
}

/// The lowered document with the components of the original one, before the types
/// get their names.
fn unnamed(original: &Value) -> LoweredDocument {
    let desugared = desugar(original);
    let mut lowering = Lowering::new(&desugared.document);
    let operations = lowering.read();
    LoweredDocument {
        document: lowering.to_json(&operations),
        notes: lowering.original_notes(&desugared, original),
        names: Names::default(),
    }
}

/// A document with these schemas and one operation, whose `operationId` is added.
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

/// The lowered form of a schema that is the field `x` of a component.
fn field(schema: Value) -> Value {
    let schemas = json!({"c": {"type": "object", "properties": {"x": schema}}});
    let lowered = unnamed(&document(schemas, json!({}))).document;
    let parsed: openapiv3::OpenAPI = serde_json::from_value(lowered.clone()).unwrap();
    assert_eq!(parsed.openapi, "3.0.3");
    lowered["components"]["schemas"]["c"]["properties"]["x"].clone()
}

fn component(schemas: Value, name: &str) -> Value {
    unnamed(&document(schemas, json!({}))).document["components"]["schemas"][name].clone()
}

fn answers(responses: Value) -> LoweredDocument {
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
    // An object that may be empty has no required fields.
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
fn named_fields_combined_with_an_open_object_are_noted() {
    let schemas = json!({"u": {"oneOf": [
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
    ]}});
    let lowered = unnamed(&document(schemas, json!({})));
    let notes: Vec<String> = lowered.notes.iter().map(Note::to_string).collect();
    let note = "/components/schemas/u: `a`, `b` combined with an object of any fields: not typed";
    assert_eq!(notes, [note]);
}

#[test]
fn branches_that_only_constrain_are_merged_and_noted() {
    let schemas = json!({"u": {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"properties": {"b": {"type": "string"}}}],
    }});
    let lowered = unnamed(&document(schemas, json!({})));
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
    let merged = component(schemas.clone(), "c")["properties"]["r"].clone();
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
fn integers_have_64_bits() {
    let integer = json!({"type": "integer", "format": "int64"});
    assert_eq!(
        field(json!({"type": "integer", "format": "int32"})),
        integer
    );
    assert_eq!(field(json!({"type": "number", "format": "int64"})), integer);
    assert_eq!(
        field(json!({"type": "number", "format": "float"})),
        json!({"type": "number"})
    );
}

#[test]
fn extensions_stay_on_fields_parameters_and_operations() {
    let inner = json!({"type": "object", "properties": {"x": {"type": "string"}}});
    let schemas = json!({
        "a": inner,
        "c": {"type": "object", "properties": {
            "text": {"type": ["string", "null"], "x-secret": true},
            "inline": {"type": "object", "properties": {"y": {"type": "string"}}, "x-secret": true},
            "reference": {"$ref": "#/components/schemas/a", "x-personal": true},
            "list": {"type": "array", "items": {"type": "string"}, "x-personal": true},
        }},
    });
    let operation = json!({
        "x-idempotent": false,
        "parameters": [{"name": "q", "in": "query", "x-secret": true, "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/c"}}}},
    });
    let lowered = unnamed(&document(schemas, operation));
    assert_eq!(lowered.notes, []);
    let operation = &lowered.document["paths"]["/a"]["post"];
    assert_eq!(operation["x-idempotent"], false);
    assert_eq!(operation["parameters"][0]["x-secret"], true);
    let schemas = &lowered.document["components"]["schemas"];
    let fields = &schemas["c"]["properties"];
    for (field, key) in [
        ("text", "x-secret"),
        ("inline", "x-secret"),
        ("reference", "x-personal"),
        ("list", "x-personal"),
    ] {
        assert_eq!(fields[field][key], true, "{field}: {}", fields[field]);
    }
    // The field is secret, not every use of its type.
    assert_eq!(schemas["c_inline"].get("x-secret"), None);
    let reference = json!([{"$ref": "#/components/schemas/a"}]);
    assert_eq!(fields["reference"]["allOf"], reference);
}

#[test]
fn a_schema_that_combines_itself_is_cut_off_and_noted() {
    let node = json!({"$ref": "#/components/schemas/node"});
    let schemas = json!({
        "node": {"allOf": [node, {"type": "object", "properties": {"x": {"type": "string"}}}]},
        "list": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/list", "deprecated": true, "required": ["next"]}}},
    });
    let lowered = unnamed(&document(schemas, json!({})));
    let schemas = &lowered.document["components"]["schemas"];
    assert_eq!(
        schemas["node"]["properties"],
        json!({"x": {"type": "string"}})
    );
    assert_eq!(lowered.notes[0].at.as_str(), "/components/schemas/list");
    assert_eq!(lowered.notes[1].at.as_str(), "/components/schemas/node");
}

#[test]
fn types_that_hold_themselves_come_to_an_end() {
    let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let node = |next: &Value| json!({"type": "object", "properties": {"next": next}});
    let schemas = json!({
        "a": node(&refers("a")),
        "b": node(&json!({"type": "object", "properties": {"next": refers("b")}})),
        "union": {"anyOf": [refers("a"), refers("b")]},
        "itself": {"oneOf": [{"type": "string"}, refers("itself"), {"type": "null"}]},
        "each": {"oneOf": [refers("other"), {"type": "null"}]},
        "other": {"oneOf": [refers("each"), {"type": "integer"}]},
        "c": node(&json!({"oneOf": [refers("itself"), refers("each")]})),
    });
    let lowered = unnamed(&document(schemas, json!({})));
    let places: BTreeSet<&str> = lowered.notes.iter().map(|note| note.at.as_str()).collect();
    assert!(places.contains("/components/schemas/itself"), "{places:?}");
    let parsed = serde_json::from_value::<openapiv3::OpenAPI>(lowered.document);
    assert!(parsed.is_ok(), "{parsed:?}");
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
        assert_eq!(schema["$ref"], "#/components/schemas/ErrorBody", "{status}");
    }
    let body = &lowered.document["components"]["schemas"]["ErrorBody"]["properties"];
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
            schema["$ref"], "#/components/schemas/OpResponse",
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
        body("multipart/form-data")["x-media-type"],
        "multipart/form-data"
    );
    assert_eq!(body("*/*").get("x-media-type"), None);
}

#[test]
fn content_without_a_schema_is_any_value_and_noted() {
    let lowered = answers(json!({"200": {"description": "", "content": {"application/json": {}}}}));
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
    let lowered = answers(json!({"200": {"description": "", "content": {"application/pdf": {}}}}));
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
    whole["paths"]["/a"]["parameters"] = json!([parameter("q", "query"), parameter("p", "query")]);
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
fn a_null_in_a_request_can_be_sent() {
    let body = json!({"content": {"application/json": {"schema": {
        "type": "object", "properties": {"x": {"type": ["number", "null"]}, "l": {"type": "array", "items": {"type": "string"}}},
    }}}});
    let lowered = lower(&document(json!({}), json!({ "requestBody": body }))).document;
    let fields = &lowered["components"]["schemas"]["OpBody"]["properties"];
    assert_eq!(
        fields["x"]["x-rust-type"]["parameters"],
        json!([{"type": "number"}])
    );
    assert_eq!(fields["l"]["nullable"], true);
}

// ---- names and entities -----------------------------------------------

/// A document of these operations: the id, the body, and the success response.
fn operations(operations: &[(&str, Value, Value)]) -> Value {
    let mut paths = Object::new();
    for (id, body, answer) in operations {
        let mut operation =
            json!({"operationId": id, "responses": {"200": json_answer(answer.clone())}});
        if !body.is_null() {
            operation["requestBody"] = json!({"content": {"application/json": {"schema": body}}});
        }
        paths.insert(format!("/{id}"), json!({"post": operation}));
    }
    json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})
}

fn envelope(data: Value) -> Value {
    json!({"type": "object", "properties": {"success": {"type": "boolean"}, "data": data}})
}

fn fields(names: &[&str]) -> Value {
    let fields = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"type": "string"})));
    json!({"type": "object", "properties": fields.collect::<Object>()})
}

#[test]
fn types_are_named_after_their_places() {
    let mut card = fields(&["a", "b", "c"]);
    card["properties"]["owners"] = json!({"type": "array", "items": fields(&["o", "p", "q"])});
    let mut other = fields(&["d"]);
    other["properties"]["state"] = json!({"type": "string", "enum": ["x"]});
    other["properties"]["sum"] = json!({"type": ["number", "string"]});
    let whole = operations(&[
        ("create_card", fields(&["body"]), envelope(card.clone())),
        ("update_card", fields(&["body"]), envelope(card)),
        (
            "get_state_list",
            Value::Null,
            json!({"type": "array", "items": other}),
        ),
    ]);
    let lowered = lower(&whole);
    let names = "\
        CreateCardBody: create_card.body\n\
        CreateCardData: create_card.data, update_card.data\n\
        CreateCardOwner: CreateCardData.owners[]\n\
        GetStateListItem: get_state_list.response[]\n\
        StateListState: GetStateListItem.state\n\
        TextOrNumber: GetStateListItem.sum\n\
        UpdateCardBody: update_card.body\n";
    assert_eq!(lowered.names.to_text(), names);
    let schemas = &lowered.document["components"]["schemas"];
    assert_eq!(
        schemas["CreateCardBody"]["x-aliases"],
        json!(["UpdateCardBody"])
    );

    // A name of before is kept for its place, and a better one replaces it.
    let before = Names::parse("Card: create_card.data\n");
    let kept = super::lower(&whole, &before).unwrap().names;
    assert_eq!(kept.at("update_card.data"), Some("Card"));
    assert_eq!(kept.at("Card.owners[]"), Some("CardOwner"));
    let mut better = whole;
    better["x-names"] = json!({"CreateCardData": "Pass"});
    let names = super::lower(&better, &before).unwrap().names;
    assert_eq!(names.at("Pass.owners[]"), Some("PassOwner"));
    better["x-names"] = json!({"Gone": "Pass"});
    let complaints = super::lower(&better, &before).unwrap_err();
    assert_eq!(
        complaints,
        ["`x-names`: `Gone` is the name of no type; take it out"]
    );
}

#[test]
fn an_entity_has_the_fields_of_all_its_places() {
    let answer = |id: Value, more: &str, tag: Value| {
        let mut client = fields(&["name", more]);
        client["properties"]["id"] = id;
        client["properties"]["tag"] = tag;
        client["required"] = json!(["name"]);
        client
    };
    let one = answer(json!({"type": "integer"}), "phone", fields(&["title"]));
    let list = answer(json!({"type": "string"}), "email", json!({"type": "array"}));
    let mut whole = operations(&[
        ("get_client", Value::Null, envelope(one)),
        (
            "get_client_list",
            Value::Null,
            envelope(json!({"type": "array", "items": list})),
        ),
    ]);
    whole["x-entities"] = json!({
        "Client": {"places": {"get_client": "data", "get_client_list": "data"}, "fields": {
            "paid": {"description": "Recorded.", "schema": {"type": "number"}},
        }},
        "Tag": {"places": {"Client": "tag"}},
    });
    let lowered = lower(&whole);
    let names = "Client: get_client.data, get_client_list.data[]\nTag: Client.tag\n";
    assert_eq!(lowered.names.to_text(), names);
    let schemas = &lowered.document["components"]["schemas"];
    assert_eq!(
        schemas["Client"],
        json!({"type": "object", "properties": {
            "name": {"type": "string"},
            "phone": {"type": "string", "description": "Documented for `get_client`."},
            "id": {"type": "integer", "format": "int64"},
            "tag": {"$ref": "#/components/schemas/Tag"},
            "email": {"type": "string", "description": "Documented for `get_client_list`."},
            "paid": {"type": "number"},
        }})
    );
    let note = "/x-entities/Client/id: integer or string: read as integer";
    assert!(
        lowered.notes.iter().any(|one| one.to_string() == note),
        "{:?}",
        lowered.notes
    );

    whole["x-entities"]["Visitor"] = json!({"places": {
        "get_client": "data", "get_client_list": "data.gone", "get_none": "data", "Client": "gone",
    }});
    let complaints = super::lower(&whole, &Names::default()).unwrap_err();
    assert_eq!(
        complaints,
        [
            "`x-entities`: `Visitor`: `Client` has no property `gone`",
            "`x-entities`: `Visitor`: `get_client: data` is part of the entity `Client` already",
            "`x-entities`: `Visitor`: `get_client_list: data.gone` is part of the entity `Client` already",
            "`x-entities`: `Visitor`: `get_none: data` is neither an operation nor an entity",
        ]
    );
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

/// The field paths and enum values under a schema, with references resolved.
fn contents(document: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let schema = pointer::resolve(document, schema).unwrap();
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
                    {"name": "q", "in": "query", "schema": {"type": "array", "items": parameter}},
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

fn parameters(parameters: Value, body: Value) -> (Vec<(String, Value)>, Vec<String>) {
    let mut operation = json!({ "parameters": parameters });
    if !body.is_null() {
        operation["requestBody"] = body;
    }
    let lowered = lower(&document(json!({}), operation));
    let list = lowered.document["paths"]["/a"]["post"]["parameters"].as_array();
    let list = list.into_iter().flatten();
    let name = |parameter: &Value| parameter["name"].as_str().unwrap().to_owned();
    let list = list.map(|parameter| (name(parameter), parameter["schema"].clone()));
    let notes = lowered.notes.iter().map(ToString::to_string);
    (list.collect(), notes.collect())
}

#[test]
fn an_object_in_the_query_is_a_parameter_for_each_property() {
    let schema = json!({"type": "object", "properties": {"from": {"type": "string"}, "n": {"type": "integer"}}});
    let query = |style: &str, explode: bool| {
        let parameter = json!({"name": "f", "in": "query", "style": style, "explode": explode, "schema": schema});
        parameters(json!([parameter]), Value::Null)
    };
    let names = |style| -> Vec<String> {
        let (list, notes) = query(style, true);
        assert!(notes.is_empty(), "{notes:?}");
        list.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names("deepObject"), ["f[from]", "f[n]"]);
    assert_eq!(names("form"), ["from", "n"]);
    let (list, notes) = query("form", false);
    assert_eq!(list, [("f".to_owned(), json!({"type": "string"}))]);
    assert!(
        notes[0].ends_with("a string: the object in the style `form`"),
        "{notes:?}"
    );
}

#[test]
fn values_in_other_styles_are_text_that_a_note_describes() {
    let list = json!({"type": "array", "items": {"type": "integer"}});
    for (parameter, what) in [
        (
            json!({"name": "p", "in": "query", "style": "pipeDelimited", "explode": false, "schema": list}),
            "the items joined by `|`",
        ),
        (
            json!({"name": "p", "in": "query", "style": "spaceDelimited", "explode": false, "schema": list}),
            "the items joined by ` `",
        ),
        (
            json!({"name": "p", "in": "path", "required": true, "schema": list}),
            "the items joined by `,`",
        ),
        (
            json!({"name": "p", "in": "query", "content": {"application/json": {"schema": list}}}),
            "the JSON text",
        ),
    ] {
        let (lowered, notes) = parameters(json!([parameter]), Value::Null);
        assert_eq!(lowered, [("p".to_owned(), json!({"type": "string"}))]);
        assert!(notes[0].contains(what), "{notes:?}");
    }
}

#[test]
fn of_two_names_that_are_one_in_rust_the_second_is_left_out_with_a_note() {
    let query = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
    let body = json!({"content": {"application/json": {"schema": {}}}});
    let (list, notes) = parameters(
        json!([query("userId"), query("user_id"), query("body")]),
        body,
    );
    let names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["userId"]);
    for what in [
        "`user_id` is left out: `userId` has",
        "`body` is left out: the request body has",
    ] {
        assert!(notes.iter().any(|note| note.contains(what)), "{notes:?}");
    }
    let text = json!({"type": "string"});
    let properties =
        json!({"fooBar": text, "foo_bar": text, "": text, "$": text, "self": text, "Self": text});
    let schemas = json!({"c": {"type": "object", "properties": properties}});
    let lowered = unnamed(&document(schemas, json!({})));
    let kept = lowered.document["components"]["schemas"]["c"]["properties"].as_object();
    assert_eq!(
        kept.unwrap().keys().collect::<Vec<_>>(),
        ["fooBar", "", "self"]
    );
    assert_eq!(lowered.notes.len(), 3, "{:?}", lowered.notes);
    let values = json!({"type": "string", "enum": ["a-b", "a_b"]});
    assert_eq!(field(values)["type"], "string");
}

#[test]
fn default_beside_a_success_describes_the_failures() {
    let lowered = answers(json!({
        "200": json_answer(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
        "404": {"description": ""},
        "default": json_answer(json!({"type": "object", "properties": {"message": {"type": "string"}}})),
    }));
    let responses = lowered.document["paths"]["/a"]["post"]["responses"].as_object();
    let mut statuses: Vec<&String> = responses.unwrap().keys().collect();
    statuses.sort();
    assert_eq!(statuses, ["200", "404", "4XX", "5XX"]);
}

#[test]
fn a_file_is_text_in_json_and_one_file_in_a_form() {
    let file = json!({"type": "string", "format": "binary"});
    let schema = json!({"type": "object", "properties": {
        "one": file, "several": {"type": "array", "items": file},
    }});
    let body = |media_type: &str, schema: Value| {
        let body = json!({"content": {media_type: {"schema": schema}}});
        lower(&document(
            json!({"c": schema}),
            json!({"requestBody": body}),
        ))
    };
    let reference = json!({"$ref": "#/components/schemas/c"});
    for (media_type, schema, format, items) in [
        (
            "application/json",
            schema.clone(),
            Value::Null,
            json!("array"),
        ),
        (
            "multipart/form-data",
            schema.clone(),
            json!("binary"),
            json!("string"),
        ),
    ] {
        let lowered = body(media_type, schema);
        let body = &lowered.document["paths"]["/a"]["post"]["requestBody"]["content"];
        let schema = &body["application/json"]["schema"];
        let schema = pointer::resolve(&lowered.document, schema).unwrap();
        assert_eq!(schema["properties"]["one"]["format"], format);
        assert_eq!(schema["properties"]["several"]["type"], items);
    }
    let operation =
        json!({"requestBody": {"content": {"multipart/form-data": {"schema": reference}}}});
    let lowered = lower(&document(json!({"c": schema}), operation));
    let properties = &lowered.document["components"]["schemas"]["OpBody"]["properties"];
    assert_eq!(properties["one"]["format"], "binary");
    let note = lowered.notes[0].to_string();
    assert!(
        note.ends_with("one file, though the document allows several"),
        "{note}"
    );
}
