//! Comparing JSON values.

use serde_json::Value;

/// Adds where two values differ. A whole number may be written with or without a
/// fraction of zero; with `null_is_absent`, null and no field are the same.
pub fn differ(
    expected: &Value,
    found: &Value,
    null_is_absent: bool,
    at: &str,
    places: &mut Vec<String>,
) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let names = expected
                .keys()
                .chain(found.keys().filter(|name| !expected.contains_key(*name)));
            for name in names {
                let at = format!("{at}/{name}");
                match (expected.get(name), found.get(name)) {
                    (Some(expected), Some(found)) => {
                        differ(expected, found, null_is_absent, &at, places)
                    }
                    (Some(Value::Null), None) | (None, Some(Value::Null)) if null_is_absent => {}
                    (Some(expected), None) => places.push(format!("{at}: {expected} is missing")),
                    (_, Some(found)) => places.push(format!("{at}: {found} was not expected")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differ(
                    expected,
                    found,
                    null_is_absent,
                    &format!("{at}/{index}"),
                    places,
                );
            }
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        // PHP has one empty value for all kinds of collection.
        (expected, found) if null_is_absent && is_empty(expected) && is_empty(found) => {}
        (expected, found) if expected == found => {}
        (expected, found) => places.push(format!("{at}: expected {expected}, found {found}")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
