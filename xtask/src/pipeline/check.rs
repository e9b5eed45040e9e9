//! Checks a document before anything is generated from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use altegio_openapi::grammar::{self, Kind};
use altegio_openapi::pointer::{self, Pointer};
use altegio_openapi::yaml::{Complaint, Document};

/// Returns everything that is wrong with the document, not only the first
/// problem.
pub fn check(document: &Document) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let value = &document.value;
    let mut complain = |at: &Pointer, what: String| complaints.push(document.complaint(at, what));

    let version = Pointer::root().join("openapi");
    match value.get("openapi").and_then(Value::as_str) {
        Some(text) if text.starts_with("3.1.") => {}
        Some(text) => complain(
            &version,
            format!("this is OpenAPI {text}, and this tool reads 3.1"),
        ),
        None => match value.get("swagger").and_then(Value::as_str) {
            Some(text) => complain(
                &Pointer::root().join("swagger"),
                format!("this is Swagger {text}, and this tool reads OpenAPI 3.1"),
            ),
            None => complain(
                &version,
                "`openapi: 3.1.x` is missing: this is no OpenAPI document".to_owned(),
            ),
        },
    }
    if value.get("paths").is_some_and(|paths| !paths.is_object()) {
        complain(
            &Pointer::root().join("paths"),
            "an object of paths expected".to_owned(),
        );
    }

    grammar::walk(value, &mut |at, kind, object| {
        let Some(reference) = object.get("$ref") else {
            let boolean_schema = kind == Kind::Schema && object.is_boolean();
            if !object.is_object() && !boolean_schema {
                complain(at, format!("an object expected ({kind:?})"));
            }
            return;
        };
        let at = at.join("$ref");
        match reference.as_str() {
            None => complain(&at, "a reference must be a string".to_owned()),
            Some(text) if !text.starts_with('#') => complain(
                &at,
                format!("`{text}` points outside the document; bundle it first"),
            ),
            Some(text) if pointer::target(value, text).is_none() => {
                complain(&at, format!("`{text}` points to nothing"));
            }
            Some(text) if pointer::resolve(value, object).is_none() => {
                complain(&at, format!("`{text}` is a circular reference"));
            }
            Some(_) => {}
        }
    });

    let mut seen: BTreeMap<String, (String, Pointer)> = BTreeMap::new();
    for (path, method, operation) in grammar::operations(value) {
        let at = Pointer::root().join("paths").join(path).join(method);
        let id = operation.get("operationId");
        match id.map(|id| id.as_str().unwrap_or_default()) {
            // It gets one by rule.
            None => {}
            Some("") => complain(&at.join("operationId"), "a name expected".to_owned()),
            Some(id) => {
                // Ids that differ only in case or punctuation would have the same
                // Rust name.
                let folded: String = id
                    .chars()
                    .filter(|c| c.is_alphanumeric())
                    .flat_map(char::to_lowercase)
                    .collect();
                if let Some((other, place)) = seen.get(&folded) {
                    complain(
                        &at.join("operationId"),
                        format!("operationId `{id}` is taken: `{other}` at {place}"),
                    );
                } else {
                    seen.insert(folded, (id.to_owned(), at.clone()));
                }
            }
        }
        check_path(value, path, operation, &at, &mut complain);
        let responses = operation.get("responses");
        if responses.is_some_and(|responses| !responses.is_object()) {
            complain(&at.join("responses"), "an object expected".to_owned());
        }
    }
    complaints
}

fn check_path(
    document: &Value,
    path: &str,
    operation: &Value,
    at: &Pointer,
    complain: &mut impl FnMut(&Pointer, String),
) {
    let Some(in_template) = template_names(path) else {
        complain(at, format!("`{path}`: a brace is unpaired"));
        return;
    };
    let mut declared = BTreeSet::new();
    let item = &document["paths"][path];
    let mut places = Vec::new();
    for (holder, base) in [
        (item, Pointer::root().join("paths").join(path)),
        (operation, at.clone()),
    ] {
        let parameters = holder.get("parameters").and_then(Value::as_array);
        for (index, parameter) in parameters.into_iter().flatten().enumerate() {
            places.push((parameter, base.join("parameters").join(index)));
        }
    }
    for (parameter, place) in places {
        let Some(parameter) = pointer::resolve(document, parameter) else {
            continue; // complained about above
        };
        let (Some(name), Some(location)) = (parameter["name"].as_str(), parameter["in"].as_str())
        else {
            complain(&place, "a parameter needs `name` and `in`".to_owned());
            continue;
        };
        if location == "path" {
            declared.insert(name.to_owned());
            if !in_template.contains(name) {
                complain(
                    &place,
                    format!("path parameter `{name}` is not in `{path}`"),
                );
            }
            if parameter.get("required") != Some(&Value::Bool(true)) {
                complain(
                    &place,
                    format!("path parameter `{name}` must be `required: true`"),
                );
            }
        }
    }
    for name in in_template.difference(&declared) {
        complain(at, format!("path parameter `{name}` is not declared"));
    }
}

/// The names in braces; `None` if a brace is unpaired.
pub fn template_names(path: &str) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}')?;
        if before.contains('}') || name.is_empty() || name.contains('{') {
            return None;
        }
        names.insert(name.to_owned());
        rest = tail;
    }
    (!rest.contains('}')).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_complaints_at_once_with_pointer_and_line() {
        let text = "\
openapi: 3.0.3
paths:
  /a/{id}:
    get:
      operationId: one
      responses: {}
    post:
      operationId: One
      responses:
        '200':
          $ref: '#/components/responses/gone'
    put:
      operationId: ''
      responses: []
";
        let complaints: Vec<String> = check(&Document::parse("d.yaml", text).unwrap())
            .iter()
            .map(ToString::to_string)
            .collect();
        for expected in [
            "d.yaml, line 1, /openapi: this is OpenAPI 3.0.3, and this tool reads 3.1",
            "d.yaml, line 11, /paths/~1a~1{id}/post/responses/200/$ref: `#/components/responses/gone` points to nothing",
            "d.yaml, line 8, /paths/~1a~1{id}/post/operationId: operationId `One` is taken: `one` at /paths/~1a~1{id}/get",
            "d.yaml, line 13, /paths/~1a~1{id}/put/operationId: a name expected",
            "d.yaml, line 14, /paths/~1a~1{id}/put/responses: an object expected",
            "d.yaml, line 4, /paths/~1a~1{id}/get: path parameter `id` is not declared",
        ] {
            assert!(
                complaints.iter().any(|c| c == expected),
                "{expected}\n{complaints:#?}"
            );
        }
    }

    #[test]
    fn what_is_no_openapi_3_1_is_called_by_its_name() {
        for (text, complaint) in [
            (
                "swagger: '2.0'\npaths: {}\n",
                "d.yaml, line 1, /swagger: this is Swagger 2.0, and this tool reads OpenAPI 3.1",
            ),
            (
                "paths: {}\n",
                "d.yaml, /openapi: `openapi: 3.1.x` is missing: this is no OpenAPI document",
            ),
        ] {
            let complaints = check(&Document::parse("d.yaml", text).unwrap());
            assert_eq!(complaints[0].to_string(), complaint);
        }
    }

    #[test]
    fn a_sound_document_has_nothing_to_complain_about() {
        let text = "openapi: 3.1.0\npaths:\n  /a/{id}:\n    get:\n      operationId: a\n      parameters:\n        - {name: id, in: path, required: true, schema: {type: string}}\n      responses: {}\n";
        assert_eq!(check(&Document::parse("d.yaml", text).unwrap()), []);
    }
}
