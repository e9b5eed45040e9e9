//! Lowers operations and request bodies.

use serde_json::{Value, json};

use super::lowered::Lowered;
use super::parameters::Parameter;
use super::responses::{Responses, reads_as_json};
use super::{Lowering, Object};
use altegio_openapi::grammar::METHODS;
use altegio_openapi::pointer::{self, Pointer};

/// The extension for the media type of a request body that is not JSON; the
/// lowered body has `application/json` in its place.
const MEDIA_TYPE: &str = "x-media-type";

/// A lowered operation.
pub(super) struct Operation {
    pub path: String,
    pub method: String,
    pub id: String,
    /// The keywords that are copied unchanged.
    said: Object,
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    pub responses: Responses,
}

/// A request body.
pub(super) struct Body {
    description: Option<Value>,
    /// The media type, unless it is JSON.
    media_type: Option<String>,
    pub schema: Lowered,
}

impl<'a> Lowering<'a> {
    pub(super) fn operations(&mut self, errors: bool) -> Vec<Operation> {
        let document = self.document;
        let paths = Pointer::root().join("paths");
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let at = paths.join(path);
            let item = pointer::resolve(document, item).unwrap_or(item);
            for (key, source) in item.as_object().into_iter().flatten() {
                if METHODS.contains(&key.as_str()) {
                    operations.push(self.operation(&at, item, (path, key), source, errors));
                } else if key != "parameters" && key != "$ref" {
                    self.note(&at.join(key), "left out: progenitor makes no use of it");
                }
            }
        }
        operations
    }

    fn operation(
        &mut self,
        item_at: &Pointer,
        item: &'a Value,
        (path, method): (&str, &str),
        source: &'a Value,
        errors: bool,
    ) -> Operation {
        let at = item_at.join(method);
        let mut said = Object::new();
        for (key, value) in source.as_object().into_iter().flatten() {
            match key.as_str() {
                "parameters" | "requestBody" | "responses" => {}
                "tags" | "operationId" | "deprecated" | "security" | "summary" | "description" => {
                    said.insert(key.clone(), value.clone());
                }
                key if key.starts_with("x-") => {
                    said.insert(key.to_owned(), value.clone());
                }
                _ => self.note(&at.join(key), "left out: progenitor makes no use of it"),
            }
        }
        let body = source.get("requestBody");
        Operation {
            path: path.to_owned(),
            method: method.to_owned(),
            id: source["operationId"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            said,
            parameters: self.parameters(&at, source, item_at, item),
            body: body.and_then(|body| self.body(&at.join("requestBody"), body)),
            responses: self.responses(&at.join("responses"), &source["responses"], errors),
        }
    }

    fn body(&mut self, at: &Pointer, body: &'a Value) -> Option<Body> {
        let body = pointer::resolve(self.document, body)?;
        let at = at.join("content");
        let (media_type, media) = self.pick(&at, body["content"].as_object()?)?;
        let at = at.join(media_type);
        let schema = match media.get("schema") {
            Some(schema) => {
                self.in_form = !reads_as_json(media_type);
                let lowered = self.schema(&at.join("schema"), schema);
                self.in_form = false;
                lowered
            }
            None => {
                self.note(&at, "no schema: any JSON value");
                Lowered::any()
            }
        };
        Some(Body {
            description: body.get("description").cloned(),
            media_type: (!reads_as_json(media_type)).then(|| media_type.to_owned()),
            schema,
        })
    }
}

impl Operation {
    pub(super) fn to_json(&self) -> Value {
        let mut json = self.said.clone();
        if !self.parameters.is_empty() {
            let parameters = self.parameters.iter().map(Parameter::to_json);
            json.insert("parameters".into(), parameters.collect());
        }
        if let Some(body) = &self.body {
            json.insert("requestBody".into(), body.to_json());
        }
        json.insert("responses".into(), self.responses.to_json());
        Value::Object(json)
    }
}

impl Body {
    fn to_json(&self) -> Value {
        let mut json = Object::new();
        if let Some(description) = &self.description {
            json.insert("description".into(), description.clone());
        }
        // progenitor sends every declared body, so all of them are required here.
        json.insert("required".into(), true.into());
        if let Some(media_type) = &self.media_type {
            json.insert(MEDIA_TYPE.into(), media_type.clone().into());
        }
        json.insert(
            "content".into(),
            json!({"application/json": {"schema": self.schema.to_json()}}),
        );
        Value::Object(json)
    }
}
