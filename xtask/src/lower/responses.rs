//! Lowers responses: to one success type per operation, and one error type per
//! document.

use serde_json::{Map, Value, json};

use super::lowered::{Lowered, Shape};
use super::schema::Placed;
use super::{Lowering, Object};
use altegio_openapi::grammar;
use altegio_openapi::pointer::{self, Pointer};

/// The name of the type of all errors.
pub(super) const ERROR_BODY: &str = "ErrorBody";

/// The lowered responses of an operation.
pub(super) struct Responses {
    successes: Vec<String>,
    failures: Vec<String>,
    /// The content of all success responses.
    pub content: Content,
    /// Whether failures have the type of the document's errors.
    typed_errors: bool,
}

/// The content of a response.
pub(super) enum Content {
    Nothing,
    /// Bytes of this media type.
    Raw(String),
    Json(Lowered),
}

impl<'a> Lowering<'a> {
    pub(super) fn responses(
        &mut self,
        at: &Pointer,
        responses: &'a Value,
        errors: bool,
    ) -> Responses {
        let mut successes = Vec::new();
        let mut failures = Vec::new();
        let mut raw = None;
        let mut json = Vec::new();
        let mut some_json = false;
        let mut typed_failure = false;
        let statuses: Vec<&String> = responses
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .collect();
        let has_success = statuses.iter().any(|status| is_success(status));
        for (status, response) in responses.as_object().into_iter().flatten() {
            // Beside a success, `default` describes the failures that are not listed.
            let success = is_success(status);
            if success {
                successes.push(status.clone());
            } else if status == "default" && has_success {
                let rest = ["4XX", "5XX"].map(str::to_owned).into_iter();
                failures.extend(rest.filter(|range| !statuses.contains(&range)));
            } else {
                failures.push(status.clone());
            }

            let at = at.join(status);
            let response = pointer::resolve(self.document, response).unwrap_or(response);
            for key in ["headers", "links"] {
                if response.get(key).is_some() {
                    self.note(&at.join(key), "left out: every header is at hand anyway");
                }
            }
            let at = at.join("content");
            let content = response.get("content").and_then(Value::as_object);
            let Some((media_type, media)) = content.and_then(|content| self.pick(&at, content))
            else {
                continue;
            };
            let schema = media.get("schema");
            if !reads_as_json(media_type) {
                if success && raw.is_none() {
                    raw = Some(media_type.to_owned());
                }
                continue;
            }
            let at = at.join(media_type);
            if schema.is_none() {
                self.note(&at, "no schema: any JSON value");
            }
            if success {
                some_json = true;
                json.extend(schema.map(|schema| (at.join("schema"), schema)));
            } else {
                typed_failure |= schema.is_some();
            }
        }

        let content = match raw {
            Some(media_type) => {
                if some_json {
                    self.note(at, format!("read as {media_type} whatever the status"));
                }
                Content::Raw(media_type)
            }
            None if some_json => Content::Json(self.either(&json)),
            None => Content::Nothing,
        };
        Responses {
            successes,
            failures,
            content,
            // All failures have the error type or none has: progenitor supports one
            // error type per operation.
            typed_errors: errors && typed_failure,
        }
    }

    /// One type for several schemas; any value if there are none.
    fn either(&mut self, schemas: &[Placed<'a>]) -> Lowered {
        let lowered: Vec<Lowered> = schemas
            .iter()
            .map(|(at, schema)| self.schema(at, schema))
            .collect();
        if let Some((at, _)) = schemas.first() {
            self.joining_at = at.clone();
        }
        self.join_all(lowered)
    }

    /// The schema that accepts every error body of the document.
    pub(super) fn errors(&mut self) -> Option<Lowered> {
        let document = self.document;
        let mut errors: Vec<Placed<'a>> = Vec::new();
        for (path, method, operation) in grammar::operations(document) {
            let at = Pointer::root().join("paths").join(path).join(method);
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                if is_success(status) {
                    continue;
                }
                let at = at.join("responses").join(status).join("content");
                let response = pointer::resolve(document, response).unwrap_or(response);
                let content = response.get("content").and_then(Value::as_object);
                for (name, media) in content.into_iter().flatten() {
                    if let Some(schema) = media.get("schema")
                        && is_json(name)
                        && !errors.iter().any(|(_, other)| *other == schema)
                    {
                        errors.push((at.join(name).join("schema"), schema));
                    }
                }
            }
        }
        if errors.is_empty() {
            return None;
        }
        let merged = self.either(&errors);
        Some(self.resolved(&merged))
    }

    /// The media type to send or read: JSON if it is offered, else the first one.
    pub(super) fn pick<'m>(
        &mut self,
        at: &Pointer,
        content: &'m Map<String, Value>,
    ) -> Option<(&'m str, &'m Value)> {
        let picked = content
            .iter()
            .find(|(name, _)| is_json(name))
            .or_else(|| content.iter().next())?;
        for name in content.keys().filter(|name| *name != picked.0) {
            let what = format!("left out in favour of {}", picked.0);
            self.note(&at.join(name), what);
        }
        Some((picked.0.as_str(), picked.1))
    }
}

impl Responses {
    pub(super) fn to_json(&self) -> Value {
        let success = match &self.content {
            Content::Nothing => None,
            Content::Raw(media_type) => Some(json!({media_type: {}})),
            Content::Json(schema) => Some(json_content(schema)),
        };
        let error = || json_content(&Lowered::new(Shape::Type(ERROR_BODY.to_owned())));
        let error = self.typed_errors.then(error);
        let mut json = Object::new();
        for (statuses, content) in [(&self.successes, success), (&self.failures, error)] {
            for status in statuses {
                let mut response = json!({"description": ""});
                if let Some(content) = &content {
                    response["content"] = content.clone();
                }
                json.insert(status.clone(), response);
            }
        }
        Value::Object(json)
    }
}

fn json_content(schema: &Lowered) -> Value {
    json!({"application/json": {"schema": schema.to_json()}})
}

fn is_success(status: &str) -> bool {
    status.starts_with(['2', '3'])
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || essence.ends_with("+json")
}

pub(super) fn reads_as_json(media_type: &str) -> bool {
    is_json(media_type) || media_type == "*/*"
}
