//! Merges equal schemas into one component, and so into one Rust type: there is
//! less to compile, and callers can pass a value from the response of one
//! operation to the request of another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

const COMPONENTS: &str = "#/components/schemas/";

/// Merges equal components of the lowered document. The merged component keeps
/// the best name: one in `before`, the names in the previous document; else one
/// in `vendor`, the vendor's own names; else one without `_body`, so that a type
/// shared with a response is not named after a request; else the shortest.
pub fn merge(document: &mut Value, vendor: &BTreeSet<String>, before: &BTreeSet<String>) {
    // Merging components can make other components equal that refer to them.
    loop {
        let Some(components) = document["components"]["schemas"].as_object() else {
            return;
        };
        let replaced = replaced(components, |name| {
            (
                !before.contains(name),
                !vendor.contains(name),
                name.contains("_body"),
                name.len(),
                name.to_owned(),
            )
        });
        if replaced.is_empty() {
            return;
        }
        if let Some(components) = document["components"]["schemas"].as_object_mut() {
            components.retain(|name, _| !replaced.contains_key(name));
        }
        refer(document, &replaced);
    }
}

/// The components to remove, each with its replacement.
fn replaced<K: Ord>(
    components: &Map<String, Value>,
    rank: impl Fn(&str) -> K,
) -> BTreeMap<String, String> {
    let mut equal: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for (name, schema) in components {
        equal.entry(canonical(schema)).or_default().push(name);
    }
    let mut replaced = BTreeMap::new();
    for mut names in equal.into_values() {
        names.sort_by_key(|name| rank(name));
        for name in &names[1..] {
            replaced.insert((*name).clone(), names[0].clone());
        }
    }
    replaced
}

/// The schema as text, independent of the order of its keys. The order of enum
/// values and union branches is significant.
fn canonical(schema: &Value) -> String {
    let mut schema = schema.clone();
    schema.sort_all_objects();
    schema.to_string()
}

fn refer(value: &mut Value, replaced: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(COMPONENTS)
                && let Some(name) = replaced.get(name)
            {
                *reference = format!("{COMPONENTS}{name}");
            }
            for value in fields.values_mut() {
                refer(value, replaced);
            }
        }
        Value::Array(items) => {
            for value in items {
                refer(value, replaced);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reference(name: &str) -> Value {
        json!({"$ref": format!("{COMPONENTS}{name}")})
    }

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn merged(vendor: &[&str], before: &[&str]) -> Value {
        let integer = || json!({"type": "integer"});
        let text = || json!({"type": "string"});
        let mut document = json!({
            "paths": {"/a": {"x": reference("list_b"), "y": [reference("client")]}},
            "components": {"schemas": {
                "list_b": {"items": reference("client")},
                "client": {"properties": {"id": integer(), "title": text()}},
                "list": {"items": reference("tag")},
                "tag": {"properties": {"title": text(), "id": integer()}},
                "other": {"items": integer()},
            }},
        });
        merge(&mut document, &names(vendor), &names(before));
        document
    }

    #[test]
    fn equal_components_are_one_and_so_are_those_that_hold_them() {
        let document = merged(&[], &[]);
        assert_eq!(document["paths"]["/a"]["x"], reference("list"));
        assert_eq!(document["paths"]["/a"]["y"][0], reference("tag"));
        let components = document["components"]["schemas"].as_object().unwrap();
        assert_eq!(
            components.keys().collect::<Vec<_>>(),
            ["list", "tag", "other"]
        );
        assert_eq!(components["list"]["items"], reference("tag"));
    }

    #[test]
    fn the_name_of_before_wins_over_the_vendors_and_the_vendors_over_shorter_ones() {
        let name = |document: Value| document["paths"]["/a"]["y"][0].clone();
        assert_eq!(name(merged(&["client"], &[])), reference("client"));
        assert_eq!(name(merged(&["client"], &["tag"])), reference("tag"));
    }
}
