//! Finds the places of a document that words are about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use altegio_openapi::grammar;
use altegio_openapi::pointer::Pointer;

use super::located;
use crate::entity_table::ENTITIES;

/// The operations of a document, by id.
pub struct Places(BTreeMap<String, Pointer>);

impl Places {
    pub fn of(document: &Value) -> Self {
        let paths = Pointer::root().join("paths");
        let operations = grammar::operations(document);
        let by_id = operations.filter_map(|(path, method, operation)| {
            let id = operation["operationId"].as_str()?;
            Some((id.to_owned(), paths.join(path).join(method)))
        });
        Self(by_id.collect())
    }

    pub fn operation(&self, id: &str) -> Option<Pointer> {
        self.0.get(id).cloned()
    }

    /// The parameter `name` of an operation. If other operations refer to the same
    /// parameter, it is first copied into the operation.
    pub fn own_parameter(
        &self,
        document: &mut Value,
        operation: &Pointer,
        name: &str,
    ) -> Vec<Pointer> {
        let parameters = operation.join("parameters");
        let list = parameters.get(document).and_then(Value::as_array);
        let places: Vec<Pointer> = (0..list.map_or(0, Vec::len))
            .map(|index| parameters.join(index))
            .filter(|place| {
                let parameter = located(document, place);
                let parameter = parameter.get(document);
                parameter.is_some_and(|parameter| parameter["name"] == name)
            })
            .collect();
        for place in &places {
            let copy = located(document, place).get(document).cloned();
            if let (Some(parameter), Some(copy)) = (document.pointer_mut(place.as_str()), copy) {
                *parameter = copy;
            }
        }
        if !places.is_empty() {
            return places;
        }
        // A parameter of the path item.
        let keys: Vec<String> = operation.keys().collect();
        let item = keys[..keys.len().saturating_sub(1)]
            .iter()
            .fold(Pointer::root(), |at, key| at.join(key));
        parameters_of(document, &item)
            .filter(|(_, parameter)| parameter["name"] == name)
            .map(|(place, _)| place)
            .collect()
    }

    /// The schemas of an entity, by the table at the root of the document.
    pub fn entity(&self, document: &Value, name: &str) -> Vec<Pointer> {
        self.entity_in(document, name, &mut BTreeSet::new())
    }

    fn entity_in(&self, document: &Value, name: &str, open: &mut BTreeSet<String>) -> Vec<Pointer> {
        let mut found = Vec::new();
        let Some(places) = document[ENTITIES][name]["places"].as_object() else {
            return found;
        };
        if !open.insert(name.to_owned()) {
            return found;
        }
        for (owner, paths) in places {
            let roots = match self.operation(owner) {
                Some(operation) => successes(document, &operation),
                None => self.entity_in(document, owner, open),
            };
            let paths: Vec<&str> = match paths {
                Value::String(path) => vec![path],
                Value::Array(paths) => paths.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            for path in paths {
                if path.is_empty() || path == "$" {
                    found.extend(roots.clone());
                } else {
                    found.extend(find(document, &roots, path));
                }
            }
        }
        open.remove(name);
        found
    }
}

/// The parameters of an operation or a path item, with references resolved.
pub fn parameters_of<'d>(
    document: &'d Value,
    owner: &Pointer,
) -> impl Iterator<Item = (Pointer, &'d Value)> {
    let at = owner.join("parameters");
    let list = at.get(document).and_then(Value::as_array);
    (0..list.map_or(0, Vec::len)).filter_map(move |index| {
        let place = located(document, &at.join(index));
        let parameter = place.get(document)?;
        Some((place, parameter))
    })
}

/// The schemas of an operation's request body.
pub fn body(document: &Value, operation: &Pointer) -> Vec<Pointer> {
    contents(document, &operation.join("requestBody"))
}

/// The schemas of an operation's successful responses.
pub fn successes(document: &Value, operation: &Pointer) -> Vec<Pointer> {
    responses(document, operation, |status| status.starts_with(['2', '3']))
}

/// The schemas of an operation's other responses.
pub fn failures(document: &Value, operation: &Pointer) -> Vec<Pointer> {
    responses(document, operation, |status| {
        !status.starts_with(['2', '3'])
    })
}

/// The schemas of the responses whose status is kept.
fn responses(document: &Value, operation: &Pointer, keep: impl Fn(&str) -> bool) -> Vec<Pointer> {
    let at = operation.join("responses");
    let responses = at.get(document).and_then(Value::as_object);
    responses
        .into_iter()
        .flatten()
        .filter(|(status, _)| keep(status))
        .flat_map(|(status, _)| contents(document, &at.join(status)))
        .collect()
}

fn contents(document: &Value, at: &Pointer) -> Vec<Pointer> {
    let at = located(document, at).join("content");
    let content = at.get(document).and_then(Value::as_object);
    content
        .into_iter()
        .flatten()
        .filter(|(_, media)| media.get("schema").is_some())
        .map(|(media_type, _)| at.join(media_type).join("schema"))
        .collect()
}

/// The schemas at a dotted path from any of `roots`.
pub fn find(document: &Value, roots: &[Pointer], path: &str) -> Vec<Pointer> {
    let mut found: Vec<Pointer> = roots.to_vec();
    for key in path.split('.') {
        let mut next = Vec::new();
        for place in found {
            for node in nodes(document, &place) {
                let properties = node.join("properties");
                let mut steps = vec![properties.join(key)];
                if key == "*" {
                    let all = properties.get(document).and_then(Value::as_object);
                    let all = all.into_iter().flatten();
                    steps = all.map(|(name, _)| properties.join(name)).collect();
                    steps.push(node.join("additionalProperties"));
                }
                for at in steps {
                    if at.get(document).is_some() && !next.contains(&at) {
                        next.push(at);
                    }
                }
            }
        }
        found = next;
    }
    found
}

/// The schema itself, the branches of its unions, and the items of its arrays, at
/// any depth, with references resolved.
pub fn nodes(document: &Value, at: &Pointer) -> Vec<Pointer> {
    let mut found = Vec::new();
    let mut open = vec![at.clone()];
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        let Some(node) = at.get(document) else {
            continue;
        };
        if !seen.insert(at.clone()) {
            continue;
        }
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            open.push(Pointer::parse(reference.trim_start_matches('#')));
        }
        if node.get("items").is_some() {
            open.push(at.join("items"));
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            let branches = node.get(key).and_then(Value::as_array);
            let count = branches.map_or(0, Vec::len);
            open.extend((0..count).rev().map(|index| at.join(key).join(index)));
        }
        found.push(at);
    }
    found
}

/// The values that the schema or parameter at `place` lists, as texts. Of a
/// schema that is only boolean, these are its two values.
pub fn values(document: &Value, place: &Pointer) -> Vec<String> {
    let schema = place.join("schema");
    let at = match place.get(document).and_then(|value| value.get("in")) {
        Some(Value::String(_)) => schema,
        _ => place.clone(),
    };
    let nodes = nodes(document, &at);
    let mut listed = Vec::new();
    for node in nodes.iter().filter_map(|node| node.get(document)) {
        for value in node["enum"].as_array().into_iter().flatten() {
            match value {
                Value::String(text) => listed.push(text.clone()),
                Value::Number(number) => listed.push(number.to_string()),
                _ => {}
            }
        }
    }
    let mut types = nodes
        .iter()
        .filter_map(|node| node.get(document)?.get("type"));
    if listed.is_empty() && types.next().is_some_and(|name| name == "boolean") {
        listed.extend(["true", "false"].map(str::to_owned));
    }
    listed
}
