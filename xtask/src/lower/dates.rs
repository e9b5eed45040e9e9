//! Makes parameters with `x-date-format` dates: whatever the form in which a date is sent,
//! its argument is a date.

use serde_json::{Value, json};

use altegio_openapi::grammar::{self, Kind};

/// Replaces the schemas of the parameters in a lowered document that have a form of a date.
pub fn apply(document: &mut Value) {
    let mut places = Vec::new();
    grammar::walk(document, &mut |at, kind, object| {
        if kind == Kind::Parameter && object.get("x-date-format").is_some() {
            places.push(at.join("schema"));
        }
    });
    for at in places {
        if let Some(schema) = document.pointer_mut(at.as_str()) {
            *schema = json!({"type": "string", "format": "date"});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_with_a_form_of_a_date_is_a_date() {
        let mut document = json!({"paths": {"/a": {"get": {"parameters": [
            {"name": "from", "x-date-format": "%Y%m%d", "schema": {"type": "number"}},
            {"name": "sum", "schema": {"type": "number"}},
        ]}}}});
        apply(&mut document);
        let parameters = &document["paths"]["/a"]["get"]["parameters"];
        assert_eq!(
            parameters[0]["schema"],
            json!({"type": "string", "format": "date"})
        );
        assert_eq!(parameters[1]["schema"], json!({"type": "number"}));
    }
}
