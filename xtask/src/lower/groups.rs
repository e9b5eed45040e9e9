//! Keeps which fields of a body are required together, which a lowered schema cannot
//! express: an object whose `oneOf` or `anyOf` has only branches with `required` becomes
//! `x-required-groups` of the request body.

use serde_json::{Map, Value, json};

use altegio_openapi::grammar;
use altegio_openapi::pointer;

/// Adds the groups of `original`, the document that was lowered to `lowered`.
pub fn apply(lowered: &mut Value, original: &Value) {
    for (path, method, operation) in grammar::operations(original) {
        let Some(groups) = groups(original, &operation["requestBody"]) else {
            continue;
        };
        let body = &mut lowered["paths"][path][method]["requestBody"];
        if let Value::Object(body) = body {
            body.insert("x-required-groups".to_owned(), groups);
        }
    }
}

/// Returns the groups of a request body, if its schema has any.
fn groups(document: &Value, body: &Value) -> Option<Value> {
    let body = pointer::resolve(document, body)?;
    let schema = &body["content"]["application/json"]["schema"];
    let schema = pointer::resolve(document, schema)?;
    let branches = schema.get("oneOf").or(schema.get("anyOf"))?.as_array()?;
    branches.iter().map(group).collect()
}

/// Returns a branch as a group: the required fields, and the ranges of integers that its
/// properties test. Returns `None` if the branch says anything else.
fn group(branch: &Value) -> Option<Value> {
    let branch = branch.as_object()?;
    let known = ["required", "properties", "type"];
    if branch.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let mut ranges = Map::new();
    let properties = branch.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        let values = schema["enum"].as_array().map(Vec::as_slice);
        let (minimum, maximum) = match values {
            Some([only]) => (only.as_i64()?, only.as_i64()?),
            Some(_) => return None,
            None => (
                schema["minimum"].as_i64().unwrap_or(i64::MIN),
                schema["maximum"].as_i64().unwrap_or(i64::MAX),
            ),
        };
        ranges.insert(name.clone(), json!([minimum, maximum]));
    }
    let required = branch.get("required")?;
    Some(json!({"required": required, "ranges": ranges}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(schema: Value) -> Value {
        let paths = |schema: Value| {
            let body = json!({"content": {"application/json": {"schema": schema}}});
            json!({"paths": {"/a": {"post": {"operationId": "a", "requestBody": body}}}})
        };
        let mut lowered = paths(json!({"type": "object"}));
        apply(&mut lowered, &paths(schema));
        lowered["paths"]["/a"]["post"]["requestBody"]["x-required-groups"].take()
    }

    #[test]
    fn branches_of_required_fields_are_groups() {
        let groups = lowered(json!({"type": "object", "properties": {"a": {}}, "oneOf": [
            {"required": ["a", "b"], "properties": {"kind": {"type": "integer", "enum": [0]}}},
            {"required": ["c"], "properties": {"kind": {"minimum": 1}}},
        ]}));
        let expected = json!([
            {"required": ["a", "b"], "ranges": {"kind": [0, 0]}},
            {"required": ["c"], "ranges": {"kind": [1, i64::MAX]}},
        ]);
        assert_eq!(groups, expected);
    }

    #[test]
    fn other_branches_are_not() {
        let union = json!({"oneOf": [{"required": ["a"]}, {"$ref": "#/components/schemas/b"}]});
        assert_eq!(lowered(union), Value::Null);
        let typed =
            json!({"anyOf": [{"required": ["a"], "properties": {"a": {"enum": ["x", "y"]}}}]});
        assert_eq!(lowered(typed), Value::Null);
    }
}
