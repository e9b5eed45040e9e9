//! Rewrites an OpenAPI 3.1 document so that each construct has one spelling, and
//! the lowering one case for it.
//!
//! | spelling                      | becomes                                        |
//! |-------------------------------|------------------------------------------------|
//! | a reference to an inner place | a new component, which the place refers to too |
//! | `$ref` beside other keywords  | `allOf` of the reference and the rest          |
//! | `type: [a, b]`                | `oneOf`, each branch with the keywords for it  |
//! | `nullable: true`, `null` in an `enum` | `oneOf` with `type: null`              |
//! | `const`                       | `enum` of one value                            |

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use altegio_openapi::grammar::{self, Kind};
use altegio_openapi::names;
use altegio_openapi::pointer::{self, Pointer};

type Object = Map<String, Value>;

/// The desugared document.
#[derive(Debug)]
pub(super) struct Desugared {
    pub document: Value,
    /// The components created from inner places, and where those were.
    moved: BTreeMap<String, Pointer>,
}

/// Desugars a document that passed the checks of [`crate::pipeline`].
pub(super) fn desugar(document: &Value) -> Desugared {
    let mut document = document.clone();
    let moved = hoist(&mut document);
    grammar::walk_mut(&mut document, &mut |kind, object| {
        if kind == Kind::Schema {
            one_spelling(object);
        }
    });
    Desugared { document, moved }
}

impl Desugared {
    /// Maps a place of the desugared document to its place in the `original`.
    pub(super) fn original_place(&self, at: &Pointer, original: &Value) -> Pointer {
        let keys: Vec<String> = at.keys().collect();
        let (start, keys) = match keys.as_slice() {
            [components, schemas, name, rest @ ..]
                if components == "components" && schemas == "schemas" =>
            {
                match self.moved.get(name) {
                    Some(place) => (place.clone(), rest),
                    None => (Pointer::root(), &keys[..]),
                }
            }
            all => (Pointer::root(), all),
        };
        let mut place = start;
        let mut keys = keys.iter();
        while let Some(key) = keys.next() {
            let next = place.join(key);
            if next.get(original).is_some() {
                place = next;
            } else if matches!(key.as_str(), "oneOf" | "allOf") {
                // Added by the desugaring, like the index that follows.
                keys.next();
            } else {
                // A key that the document lacks, such as an expected `schema`.
                place = next;
            }
        }
        place
    }
}

// ---- references to inner places ---------------------------------------------

/// Moves every schema that is the target of a reference, but no component, into
/// a new component. The place itself becomes a reference to it, so that both
/// are one type.
fn hoist(document: &mut Value) -> BTreeMap<String, Pointer> {
    let mut references: Vec<String> = Vec::new();
    grammar::walk(document, &mut |_, kind, schema| {
        if kind == Kind::Schema
            && let Some(reference) = schema.get("$ref").and_then(Value::as_str)
            && pointer::schema_name(reference).is_none()
            && pointer::target(document, reference).is_some()
            && !references.iter().any(|other| other == reference)
        {
            references.push(reference.to_owned());
        }
    });
    if references.is_empty() {
        return BTreeMap::new();
    }
    let schemas = document
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    let mut taken: BTreeSet<String> = schemas
        .into_iter()
        .flatten()
        .map(|(name, _)| names::pascal(name))
        .collect();
    let named: Vec<(String, Pointer)> = references
        .iter()
        .map(|reference| {
            let place = Pointer::parse(reference.trim_start_matches('#'));
            (free_name(&mut taken, &place_name(&place)), place)
        })
        .collect();
    // Innermost first, so that an outer schema is moved with the reference in it.
    let mut innermost: Vec<&(String, Pointer)> = named.iter().collect();
    innermost.sort_by_key(|(_, place)| std::cmp::Reverse(place.keys().count()));
    let mut schemas = BTreeMap::new();
    for (name, place) in innermost {
        if let Some(schema) = document.pointer_mut(place.as_str()) {
            let mut reference = json!({"$ref": component_reference(name)});
            if let Some(description) = schema.get("description") {
                reference["description"] = description.clone();
            }
            schemas.insert(name.clone(), std::mem::replace(schema, reference));
        }
    }
    let mut components = Object::new();
    for (name, _) in &named {
        components.extend(schemas.remove_entry(name));
    }
    if let Some(Value::Object(others)) = document.pointer_mut("/components/schemas") {
        components.append(others);
    }
    document["components"]["schemas"] = Value::Object(components);
    grammar::walk_mut(document, &mut |kind, object| {
        if kind == Kind::Schema
            && let Some(Value::String(reference)) = object.get_mut("$ref")
            && let Some(index) = references.iter().position(|other| other == reference)
        {
            *reference = component_reference(&named[index].0);
        }
    });
    named.into_iter().collect()
}

/// `client_tags_item` for `/components/schemas/client/properties/tags/items`.
fn place_name(place: &Pointer) -> String {
    let keys: Vec<String> = place.keys().collect();
    let keys = match keys.as_slice() {
        [components, schemas, rest @ ..] if components == "components" && schemas == "schemas" => {
            rest
        }
        all => all,
    };
    let words: Vec<String> = keys
        .iter()
        .filter(|key| !matches!(key.as_str(), "" | "$defs" | "properties"))
        .map(|key| match key.as_str() {
            "items" => "item".to_owned(),
            key => key.replace('/', "_"),
        })
        .collect();
    words.join("_")
}

/// Reserves a name: `name`, or `name` with a number if its Rust name is taken.
pub(super) fn free_name(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut free = name.to_owned();
    let mut count = 1;
    while !taken.insert(names::pascal(&free)) {
        count += 1;
        free = format!("{name}_{count}");
    }
    free
}

pub(super) fn component_reference(name: &str) -> String {
    format!("#/components/schemas/{}", pointer::escape(name))
}

// ---- keywords -----------------------------------------------------------------

fn one_spelling(schema: &mut Object) {
    if let Some(value) = schema.remove("const") {
        schema
            .entry("enum")
            .or_insert_with(|| Value::Array(vec![value]));
    }
    let mut types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && types.iter().all(|name| name == "null") {
        schema.insert("type".into(), "null".into());
        return;
    }
    let mut nullable = schema.remove("nullable") == Some(Value::Bool(true));
    nullable |= types.iter().any(|name| name == "null");
    types.retain(|name| name != "null");
    if types.iter().any(|name| name == "number") {
        // Every integer is a number.
        types.retain(|name| name != "integer");
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        let before = values.len();
        values.retain(|value| !value.is_null());
        nullable |= values.len() < before;
        if values.is_empty() && before > 0 {
            schema.remove("enum");
            schema.insert("type".into(), "null".into());
            return;
        }
    }
    match types.as_slice() {
        [] => {
            schema.remove("type");
        }
        [one] => {
            schema.insert("type".into(), one.clone().into());
        }
        _ => {}
    }
    if nullable || types.len() > 1 {
        let body = take_body(schema);
        let mut branches: Vec<Value> = if types.len() > 1 {
            types.iter().map(|one| of_type(&body, one)).collect()
        } else {
            vec![Value::Object(body)]
        };
        if nullable {
            branches.push(json!({"type": "null"}));
        }
        schema.insert("oneOf".into(), Value::Array(branches));
    } else if schema.contains_key("$ref") && schema.len() > 1 {
        let mut body = take_body(schema);
        let mut parts = Vec::new();
        if let Some(reference) = body.remove("$ref") {
            parts.push(json!({ "$ref": reference }));
        }
        if !body.is_empty() {
            parts.push(Value::Object(body));
        }
        schema.insert("allOf".into(), Value::Array(parts));
    }
}

/// Takes the keywords that constrain the values out of a schema, and leaves the
/// annotations.
fn take_body(schema: &mut Object) -> Object {
    let mut body = std::mem::take(schema);
    body.retain(|key, value| {
        if is_annotation(key) {
            schema.insert(key.clone(), value.take());
            return false;
        }
        true
    });
    body
}

/// Whether a keyword of a schema is an annotation, which does not constrain the
/// values.
pub(super) fn is_annotation(key: &str) -> bool {
    matches!(
        key,
        "title"
            | "description"
            | "deprecated"
            | "readOnly"
            | "writeOnly"
            | "example"
            | "examples"
            | "externalDocs"
            | "xml"
            | "$comment"
    ) || key.starts_with("x-")
}

/// The branch for one type of a schema with several types.
fn of_type(body: &Object, one: &str) -> Value {
    let mut branch = body.clone();
    branch.retain(|key, _| keyword_type(key).is_none_or(|types| types.contains(&one)));
    branch.insert("type".into(), one.into());
    if let Some(Value::Array(values)) = branch.get_mut("enum") {
        values.retain(|value| is_of_type(value, one));
        if values.is_empty() {
            branch.remove("enum");
        }
    }
    Value::Object(branch)
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(_) => matches!(name, "number" | "integer"),
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}

/// The types that a keyword applies to; `None` for all.
fn keyword_type(key: &str) -> Option<&'static [&'static str]> {
    Some(match key {
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
            &["number", "integer"]
        }
        "minLength" | "maxLength" | "pattern" => &["string"],
        "items" | "prefixItems" | "minItems" | "maxItems" | "uniqueItems" | "contains"
        | "unevaluatedItems" => &["array"],
        "properties"
        | "required"
        | "additionalProperties"
        | "patternProperties"
        | "minProperties"
        | "maxProperties"
        | "propertyNames"
        | "dependentRequired"
        | "dependentSchemas"
        | "unevaluatedProperties" => &["object"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(schema: Value) -> Value {
        let document = json!({"components": {"schemas": {"c": schema}}});
        desugar(&document).document["components"]["schemas"]["c"].clone()
    }

    #[test]
    fn several_types_are_a_union_of_one_each_with_its_keywords() {
        assert_eq!(
            schema(json!({
                "type": ["string", "integer", "number", "null"], "minimum": 1, "maxLength": 3,
                "enum": ["a", 1, null], "description": "d", "x-secret": true,
            })),
            json!({"description": "d", "x-secret": true, "oneOf": [
                {"type": "string", "maxLength": 3, "enum": ["a"]},
                {"type": "number", "minimum": 1, "enum": [1]},
                {"type": "null"},
            ]})
        );
        let object =
            json!({"type": "object", "properties": {"a": {}}, "oneOf": [{"required": ["a"]}]});
        let mut nullable = object.clone();
        nullable["type"] = json!(["object", "null"]);
        assert_eq!(
            schema(nullable),
            json!({"oneOf": [object, {"type": "null"}]})
        );
    }

    #[test]
    fn null_is_a_branch_however_it_was_said() {
        let expected = json!({"oneOf": [{"type": "string"}, {"type": "null"}]});
        for one in [
            json!({"type": ["string", "null"]}),
            json!({"type": "string", "nullable": true}),
            expected.clone(),
        ] {
            assert_eq!(schema(one), expected);
        }
        for one in [
            json!({"type": ["null"]}),
            json!({"const": null}),
            json!({"enum": [null]}),
        ] {
            assert_eq!(schema(one), json!({"type": "null"}));
        }
    }

    #[test]
    fn a_reference_stands_alone() {
        let reference = json!({"$ref": "#/components/schemas/c"});
        assert_eq!(schema(reference.clone()), reference);
        let mut said = reference.clone();
        said["description"] = "d".into();
        assert_eq!(
            schema(said),
            json!({"description": "d", "allOf": [reference]})
        );
        let mut more = reference.clone();
        more["required"] = json!(["x"]);
        assert_eq!(
            schema(more),
            json!({"allOf": [reference, {"required": ["x"]}]})
        );
    }

    #[test]
    fn inner_places_that_are_referred_to_become_components() {
        let refers = |place: &str| json!({"$ref": format!("#/components/schemas/{place}")});
        let document = json!({
            "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {
                "schema": refers("c/properties/list/items"),
            }}}}}}},
            "components": {"schemas": {
                "c": {"properties": {"list": {"type": ["array", "null"], "items": {"properties": {"deep": {}}}}}},
                "c_list": {},
                "d": {"items": refers("c/properties/list/items/properties/deep"), "type": "array"},
                "e": refers("c/properties/list"),
            }},
        });
        let desugared = desugar(&document);
        let schemas = &desugared.document["components"]["schemas"];
        let names: Vec<&String> = schemas.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "c_list_item",
                "c_list_item_deep",
                "c_list_2",
                "c",
                "c_list",
                "d",
                "e"
            ]
        );
        assert_eq!(schemas["c"]["properties"]["list"], refers("c_list_2"));
        assert_eq!(
            schemas["c_list_2"]["oneOf"][0]["items"],
            refers("c_list_item")
        );
        assert_eq!(
            schemas["c_list_item"]["properties"]["deep"],
            refers("c_list_item_deep")
        );
        assert_eq!(schemas["d"]["items"], refers("c_list_item_deep"));
        // Notes refer to places in the vendor's document.
        for (place, original) in [
            ("c_list_2/oneOf/0/items", "c/properties/list/items"),
            (
                "c_list_item/properties/deep",
                "c/properties/list/items/properties/deep",
            ),
            ("d/items", "d/items"),
        ] {
            let at = |place: &str| Pointer::parse(&format!("/components/schemas/{place}"));
            assert_eq!(
                desugared.original_place(&at(place), &document),
                at(original)
            );
        }
    }
}
