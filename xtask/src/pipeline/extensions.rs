//! Applies the overlay's own extensions, which express corrections that the
//! Overlay Specification has no action for. The result is plain OpenAPI 3.1.
//!
//! - `x-shape: list` on a schema: the value is an array, and the schema
//!   describes its items.
//! - `x-whole-numbers` on the document: names of properties and parameters
//!   whose `number` is an integer. `*` at one end of a name matches one or more
//!   characters.
//! - `x-texts` on the document: names of properties and parameters whose numbers
//!   are texts, such as phones.

use serde_json::{Map, Value, json};

use altegio_openapi::grammar::{self, Kind};
use altegio_openapi::pointer;

const SHAPE: &str = "x-shape";
const WHOLE_NUMBERS: &str = "x-whole-numbers";
const TEXTS: &str = "x-texts";

/// Applies the extensions and removes them from the document.
///
/// # Errors
///
/// Returns a complaint for every extension that is invalid or has no effect.
pub fn apply(document: &mut Value) -> Result<(), Vec<String>> {
    let mut complaints = Vec::new();
    retype(document, WHOLE_NUMBERS, whole, &mut complaints);
    retype(document, TEXTS, text, &mut complaints);
    wrap_lists(document, &mut complaints);
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints)
    }
}

// ---- x-shape -------------------------------------------------------------------

fn wrap_lists(document: &mut Value, complaints: &mut Vec<String>) {
    let mut places = Vec::new();
    grammar::walk(
        document,
        &mut |at, kind, object| match object.get(SHAPE).and_then(Value::as_str) {
            Some("list") if kind == Kind::Schema => places.push(at.clone()),
            None if object.get(SHAPE).is_none() => {}
            _ => complaints.push(format!("{at}: `{SHAPE}: list` on a schema is all there is")),
        },
    );
    // Innermost first, so that the pointers to outer schemas stay valid.
    places.sort_by_key(|place| std::cmp::Reverse(place.keys().count()));
    for place in places {
        if let Some(schema) = document.pointer_mut(place.as_str()) {
            let mut item = schema.take();
            if let Value::Object(item) = &mut item {
                item.shift_remove(SHAPE);
            }
            *schema = json!({"type": "array", "items": item});
        }
        // References to places inside the schema follow them. A reference to
        // the schema itself stays as it is: its target is now the list.
        let inside = format!("#{place}/");
        grammar::walk_mut(document, &mut |_, object| {
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && let Some(rest) = reference.strip_prefix(&inside)
            {
                *reference = format!("{inside}items/{rest}");
            }
        });
    }
}

// ---- x-whole-numbers, x-texts -------------------------------------------------------------

/// The name patterns of an extension, and whether each of them was used.
struct Names(Vec<(String, bool)>);

impl Names {
    fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|(pattern, _)| matches(pattern, name))
    }

    fn used(&mut self, name: &str) {
        for (pattern, used) in &mut self.0 {
            *used |= matches(pattern, name);
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.len() > end.len() && name.ends_with(end),
        (None, Some(start)) => name.len() > start.len() && name.starts_with(start),
        (None, None) => pattern == name,
    }
}

/// Changes the type of a schema. Returns whether it had another one.
type Change = fn(&Value, &mut Value) -> bool;

/// Changes the type of the properties and parameters whose names an extension
/// lists.
fn retype(document: &mut Value, extension: &str, change: Change, complaints: &mut Vec<String>) {
    let Some(names) = document
        .as_object_mut()
        .and_then(|document| document.shift_remove(extension))
    else {
        return;
    };
    let patterns: Option<Vec<(String, bool)>> = names.as_array().and_then(|names| {
        let names = names.iter();
        names
            .map(|name| Some((name.as_str()?.to_owned(), false)))
            .collect()
    });
    let Some(patterns) = patterns else {
        complaints.push(format!("`{extension}` must be a list of names"));
        return;
    };
    let mut names = Names(patterns);
    // References are resolved in the unchanged document.
    let before = document.clone();
    grammar::walk_mut(document, &mut |kind, object| match kind {
        Kind::Schema => {
            let properties = object.get_mut("properties").and_then(Value::as_object_mut);
            for (name, schema) in properties.into_iter().flatten() {
                if names.contain(name) && change(&before, schema) {
                    names.used(name);
                }
            }
        }
        Kind::Parameter => {
            let name = object.get("name").and_then(Value::as_str);
            let name = name.unwrap_or_default().trim_end_matches("[]").to_owned();
            if let Some(schema) = object.get_mut("schema")
                && names.contain(&name)
                && change(&before, schema)
            {
                names.used(&name);
            }
        }
        _ => {}
    });
    for (pattern, used) in names.0 {
        if !used {
            complaints.push(format!(
                "`{extension}`: `{pattern}` is the name of no `number`; take it out"
            ));
        }
    }
}

/// Replaces `number` with `integer` in a schema, its items and its branches.
/// Returns whether there was any `number`.
fn whole(document: &Value, schema: &mut Value) -> bool {
    if let Some(target) = plain_number(document, schema) {
        *schema = target;
    }
    let Value::Object(object) = schema else {
        return false;
    };
    let mut changed = whole_type(object);
    if let Some(items) = object.get_mut("items") {
        changed |= whole(document, items);
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let branches = object.get_mut(key).and_then(Value::as_array_mut);
        for branch in branches.into_iter().flatten() {
            changed |= whole(document, branch);
        }
    }
    changed
}

/// Replaces numbers with `string` in a schema, its items and its branches.
/// Returns whether there was any number.
fn text(document: &Value, schema: &mut Value) -> bool {
    if let Some(target) = plain_number(document, schema) {
        *schema = target;
    }
    let Value::Object(object) = schema else {
        return false;
    };
    let mut changed = text_type(object);
    if let Some(items) = object.get_mut("items") {
        changed |= text(document, items);
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let Some(branches) = object.get_mut(key).and_then(Value::as_array_mut) else {
            continue;
        };
        for branch in branches.iter_mut() {
            changed |= text(document, branch);
        }
        // Several branches for texts would each match the same value.
        let mut has_text = false;
        branches.retain(|branch| {
            let is_text = branch["type"] == "string" && branch.get("enum").is_none();
            let is_another = is_text && has_text;
            has_text |= is_text;
            !is_another
        });
    }
    changed
}

fn text_type(schema: &mut Map<String, Value>) -> bool {
    let is_number = |name: &Value| name == "number" || name == "integer";
    let changed = match schema.get_mut("type") {
        Some(name @ Value::String(_)) if is_number(name) => {
            *name = "string".into();
            true
        }
        Some(Value::Array(names)) if names.iter().any(is_number) => {
            names.retain(|name| !is_number(name) && name != "string");
            names.insert(0, "string".into());
            true
        }
        _ => false,
    };
    if changed {
        for key in [
            "format",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ] {
            schema.shift_remove(key);
        }
    }
    changed
}

fn whole_type(schema: &mut Map<String, Value>) -> bool {
    let changed = match schema.get_mut("type") {
        Some(Value::String(name)) if name == "number" => {
            "integer".clone_into(name);
            true
        }
        Some(Value::Array(names)) if names.iter().any(|name| name == "number") => {
            names.retain(|name| name != "integer");
            for name in names.iter_mut().filter(|name| *name == "number") {
                *name = "integer".into();
            }
            true
        }
        _ => false,
    };
    if changed
        && schema
            .get("format")
            .is_some_and(|format| format == "float" || format == "double")
    {
        schema.shift_remove("format");
    }
    changed
}

/// The target of a reference, if it is a number. It is copied, not changed,
/// since properties with other names may refer to it too.
fn plain_number(document: &Value, schema: &Value) -> Option<Value> {
    schema.get("$ref")?;
    let target = pointer::resolve(document, schema)?;
    let number = match &target["type"] {
        Value::String(name) => name == "number" || name == "integer",
        Value::Array(names) => names
            .iter()
            .any(|name| name == "number" || name == "integer"),
        _ => false,
    };
    number.then(|| target.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_what_stood_there_and_references_follow() {
        let refers = |place: &str| json!({"$ref": format!("#/components/schemas/c{place}")});
        let mut document = json!({"components": {"schemas": {
            "c": {"x-shape": "list", "properties": {"a": {"x-shape": "list", "type": "string"}}},
            "d": {"oneOf": [refers(""), refers("/properties/a")]},
        }}});
        apply(&mut document).unwrap();
        assert_eq!(
            document["components"]["schemas"],
            json!({
                "c": {"type": "array", "items": {"properties": {
                    "a": {"type": "array", "items": {"type": "string"}},
                }}},
                "d": {"oneOf": [refers(""), refers("/items/properties/a")]},
            })
        );
    }

    #[test]
    fn numbers_of_these_names_are_integers() {
        let mut document = json!({
            "x-whole-numbers": ["id", "*_id", "is_*", "codes"],
            "paths": {"/a": {"get": {"parameters": [
                {"name": "codes[]", "schema": {"type": "array", "items": {"type": "number"}}},
            ]}}},
            "components": {"schemas": {
                "price": {"type": "number"},
                "c": {"properties": {
                    "id": {"type": "number", "format": "float"},
                    "_id": {"type": "number"},
                    "client_id": {"$ref": "#/components/schemas/price"},
                    "is_new": {"oneOf": [{"type": ["number", "null"]}, {"type": "boolean"}]},
                    "price": {"type": "number"},
                }},
            }},
        });
        apply(&mut document).unwrap();
        let parameter = &document["paths"]["/a"]["get"]["parameters"][0]["schema"];
        assert_eq!(parameter["items"], json!({"type": "integer"}));
        assert_eq!(
            document["components"]["schemas"],
            json!({
                "price": {"type": "number"},
                "c": {"properties": {
                    "id": {"type": "integer"},
                    "_id": {"type": "number"},
                    "client_id": {"type": "integer"},
                    "is_new": {"oneOf": [{"type": ["integer", "null"]}, {"type": "boolean"}]},
                    "price": {"type": "number"},
                }},
            })
        );
        assert_eq!(document.get("x-whole-numbers"), None);
    }

    #[test]
    fn numbers_of_other_names_are_texts() {
        let mut document = json!({
            "x-texts": ["phone", "card"],
            "paths": {"/a": {"get": {"parameters": [
                {"name": "phone", "schema": {"type": "integer", "format": "int64"}},
            ]}}},
            "components": {"schemas": {"c": {"properties": {
                "phone": {"type": ["integer", "string", "null"]},
                "card": {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
                "price": {"type": "number"},
            }}}},
        });
        apply(&mut document).unwrap();
        let parameter = &document["paths"]["/a"]["get"]["parameters"][0]["schema"];
        assert_eq!(*parameter, json!({"type": "string"}));
        assert_eq!(
            document["components"]["schemas"]["c"]["properties"],
            json!({
                "phone": {"type": ["string", "null"]},
                "card": {"oneOf": [{"type": "string"}, {"type": "null"}]},
                "price": {"type": "number"},
            })
        );
    }

    #[test]
    fn what_does_nothing_is_told() {
        let mut document = json!({
            "x-whole-numbers": ["id", "gone"],
            "paths": {"/a": {"x-shape": "list"}},
            "components": {"schemas": {"c": {
                "x-shape": "map", "properties": {"id": {"type": "number"}},
            }}},
        });
        assert_eq!(
            apply(&mut document).unwrap_err(),
            [
                "`x-whole-numbers`: `gone` is the name of no `number`; take it out",
                "/paths/~1a: `x-shape: list` on a schema is all there is",
                "/components/schemas/c: `x-shape: list` on a schema is all there is",
            ]
        );
    }
}
