//! Reading JSON Schema 2020-12 as far as the documents use it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::document::Document;

/// The keywords of a schema, with its `$ref` followed and its `allOf` merged.
///
/// Borrows from the document where nothing has to be merged, which is nearly
/// everywhere.
pub(crate) fn merged<'a>(document: &'a Document, schema: &'a Value) -> Cow<'a, Map<String, Value>> {
    let Some(fields) = schema.as_object() else {
        return Cow::Owned(Map::new());
    };
    let refers = fields.contains_key("$ref");
    if !refers && !fields.contains_key("allOf") {
        return Cow::Borrowed(fields);
    }
    let target = match refers {
        true => document.api().resolve(schema),
        false => &Value::Null,
    };
    if refers && fields.len() == 1 {
        return merged(document, target);
    }
    let mut whole = merged(document, target).into_owned();
    for (key, value) in fields.iter().filter(|(key, _)| *key != "$ref") {
        combine_keyword(&mut whole, key, value);
    }
    if let Some(Value::Array(parts)) = whole.remove("allOf") {
        for part in &parts {
            combine(&mut whole, &merged(document, part));
        }
    }
    Cow::Owned(whole)
}

/// Adds the keywords of `other` to a schema: properties and required names are
/// united, any other keyword is replaced.
pub(crate) fn combine(into: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (key, value) in other {
        combine_keyword(into, key, value);
    }
}

fn combine_keyword(into: &mut Map<String, Value>, key: &str, value: &Value) {
    match (into.get_mut(key), value) {
        (Some(Value::Object(fields)), Value::Object(more)) if key == "properties" => {
            fields.extend(more.clone());
        }
        (Some(Value::Array(names)), Value::Array(more)) if key == "required" => {
            names.extend(more.clone());
        }
        _ => {
            into.insert(key.to_owned(), value.clone());
        }
    }
}

/// Whether `type` is this name, or a list that has it.
pub(crate) fn is_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    }
}

/// Text from a path, a query or a form as the type that the schema asks for.
/// Text that does not read as that type stays text, for the validator to refuse.
pub(crate) fn typed(document: &Document, schema: &Value, text: &str) -> Value {
    let schema = merged(document, schema);
    if is_type(&schema, "integer") || is_type(&schema, "number") {
        if let Ok(number) = text.parse::<i64>() {
            return number.into();
        }
        // `0.0` is an integer to JSON Schema.
        if let Ok(number) = text.parse::<f64>()
            && number.is_finite()
        {
            return json!(number);
        }
    }
    if is_type(&schema, "boolean") {
        match text {
            "true" | "1" => return true.into(),
            "false" | "0" => return false.into(),
            _ => {}
        }
    }
    text.into()
}
