#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use httpmock::When;
use serde::Serialize;
use serde_json::Value;

#[allow(clippy::all, clippy::pedantic, missing_docs, unused_imports)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/httpmock.rs"));
}

pub use generated::{MockServerExt, operations};

/// Expects a query parameter in the form in which the client sends it: a list is
/// sent item by item, or joined with commas if the document sets `explode: false`.
fn query(when: When, name: &str, value: impl Serialize, joined: bool) -> When {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        // The client sends `92.0` as `92`.
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        value => value.to_string(),
    };
    match serde_json::to_value(value).unwrap_or(Value::Null) {
        Value::Array(items) if joined => {
            let items: Vec<String> = items.iter().map(text).collect();
            when.query_param(name, items.join(","))
        }
        Value::Array(items) => items
            .iter()
            .fold(when, |when, item| when.query_param(name, text(item))),
        value => when.query_param(name, text(&value)),
    }
}
