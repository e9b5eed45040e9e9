//! The requests that are made of each operation.

use altegio_mock::{Document, Fill, Values};
use altegio_openapi::api::{Api, Operation, Parameter, Place};
use serde_json::{Value, json};

use crate::calls::Arguments;

/// No enum of the document has more values.
const CHOICES: usize = 64;

/// Requests of an operation: only what is required; everything; the edges of
/// each type; every value of every enum and branch of every union; lists of
/// 0, 1 and 3. Equal ones are left out.
pub fn requests(document: &Document, operation: &Operation) -> Vec<Arguments> {
    let mut requests: Vec<Arguments> = Vec::new();
    let mut add = |values: &mut Values<'_>| {
        let arguments = arguments(document, operation, values);
        if !requests.contains(&arguments) {
            requests.push(arguments);
        }
    };
    let seed = operation.id.bytes().map(u64::from).sum::<u64>();
    let values = |fill, more: u64| Values::new(document, seed + more, fill);
    add(&mut values(Fill::Required, 0));
    for more in 1..=3 {
        add(&mut values(Fill::All, more));
        add(&mut values(Fill::Edge, more));
    }
    for length in [0, 1, 3] {
        let mut values = values(Fill::All, 4);
        values.list_length = Some(length);
        add(&mut values);
    }
    for choice in 0..choices(document, operation) {
        let mut values = values(Fill::All, 5);
        values.choice = Some(choice);
        add(&mut values);
    }
    requests
}

fn arguments(document: &Document, operation: &Operation, values: &mut Values<'_>) -> Arguments {
    let api = document.api();
    let mut arguments = Arguments::default();
    let date = json!({"type": "string", "format": "date"});
    let boolean = json!({"type": "boolean"});
    // Dates and flags are meant as such, in whatever form they are sent.
    let schema = |parameter: &Parameter| match parameter {
        Parameter {
            date_format: Some(_),
            ..
        } => date.clone(),
        Parameter { flag: true, .. } => boolean.clone(),
        _ => api.get(&parameter.schema).clone(),
    };
    for parameter in operation.parameters_in(Place::Path) {
        let value = values.value(&schema(parameter), &parameter.name);
        arguments.path.insert(parameter.name.clone(), value);
    }
    let required_only = values.fill() == Fill::Required;
    for parameter in operation.parameters_in(Place::Query) {
        // The document repeats some of the path's in the query.
        let in_path = arguments.path.contains_key(&parameter.name);
        if !in_path && (parameter.required || !required_only) {
            let value = values.value(&schema(parameter), &parameter.name);
            arguments.query.insert(parameter.name.clone(), value);
        }
    }
    if let Some(body) = &operation.body {
        arguments.body = Some(values.value(api.get(&body.schema), ""));
    }
    arguments
}

/// How many values the largest enum of the request has, or branches its largest union.
fn choices(document: &Document, operation: &Operation) -> usize {
    let api = document.api();
    let mut most = 0;
    let mut seen = Vec::new();
    for parameter in &operation.parameters {
        most = most.max(largest(api, api.get(&parameter.schema), &mut seen));
    }
    if let Some(body) = &operation.body {
        most = most.max(largest(api, api.get(&body.schema), &mut seen));
    }
    most.min(CHOICES)
}

fn largest(api: &Api, value: &Value, seen: &mut Vec<String>) -> usize {
    match value {
        Value::Object(fields) => {
            let mut most = 0;
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str)
                && !seen.iter().any(|before| before == reference)
            {
                seen.push(reference.to_owned());
                most = largest(api, api.resolve(value), seen);
            }
            for (key, value) in fields {
                if let (true, Some(list)) = (
                    ["enum", "oneOf", "anyOf"].contains(&key.as_str()),
                    value.as_array(),
                ) {
                    most = most.max(list.len());
                }
                most = most.max(largest(api, value, seen));
            }
            most
        }
        Value::Array(items) => items
            .iter()
            .map(|item| largest(api, item, seen))
            .max()
            .unwrap_or(0),
        _ => 0,
    }
}
