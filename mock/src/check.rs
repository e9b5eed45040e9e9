//! How a request differs from what the document allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use altegio_openapi::api::{Body, Operation, Parameter, Place, Security};
use altegio_openapi::pointer::Pointer;
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::query::{is_named, pairs};
use crate::schema::{is_type, merged, typed};

/// One difference between a request and what the document allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is: a JSON pointer into `{path, query, headers, body}`, such
    /// as `/body/phone` or `/query/page`.
    pub pointer: String,
    /// What is wrong there. Names no value of the request.
    pub message: String,
}

/// Checks requests. Schemas are compiled when they are first needed, and kept.
#[derive(Debug)]
pub(crate) struct Checker {
    document: Arc<Document>,
    /// By where the schema stands in the document.
    validators: Mutex<HashMap<Pointer, Arc<Validator>>>,
}

/// A request's body as it was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'r> {
    /// Its `Content-Type`.
    pub content_type: &'r str,
    /// Its bytes.
    pub bytes: &'r [u8],
}

impl Checker {
    pub fn new(document: Arc<Document>) -> Self {
        Self {
            document,
            validators: Mutex::default(),
        }
    }

    /// Checks path, query and body; returns everything that is wrong.
    pub async fn check(
        &self,
        operation: &Operation,
        arguments: &[String],
        query: &str,
        body: Sent<'_>,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let in_path = operation.parameters_in(Place::Path);
        for (parameter, text) in in_path.zip(arguments) {
            let at = format!("/path/{}", parameter.name);
            let value = self.read(parameter, std::slice::from_ref(text));
            self.judge(&parameter.schema, &value, &at, &mut problems);
        }
        let query = pairs(query);
        for parameter in operation.parameters_in(Place::Query) {
            let named = query
                .iter()
                .filter(|(name, _)| is_named(&parameter.name, name));
            let texts: Vec<String> = named.map(|(_, text)| text.clone()).collect();
            let at = format!("/query/{}", parameter.name);
            if !texts.is_empty() {
                let value = self.read(parameter, &texts);
                self.judge(&parameter.schema, &value, &at, &mut problems);
            } else if parameter.required && !is_in_path(operation, parameter) {
                problems.push(problem(at, "it is required and missing"));
            }
        }
        for (name, _) in &query {
            let mut known = operation.parameters_in(Place::Query);
            if !known.any(|parameter| is_named(&parameter.name, name)) {
                let message = "the document has no such query parameter";
                problems.push(problem(format!("/query/{name}"), message));
            }
        }
        match (&operation.body, body.bytes) {
            (
                None
                | Some(Body {
                    required: false, ..
                }),
                [],
            ) => {}
            (None, _) => problems.push(in_body("the document has no body here")),
            (Some(_), []) => problems.push(in_body("it is required and missing")),
            (Some(documented), _) => match self.read_body(documented, body).await {
                Ok(value) => self.judge(&documented.schema, &value, "/body", &mut problems),
                Err(message) => problems.push(in_body(message)),
            },
        }
        problems
    }

    /// The body as a value for its schema.
    async fn read_body(&self, documented: &Body, sent: Sent<'_>) -> Result<Value, String> {
        let media_type = sent.content_type.split(';').next().unwrap_or_default();
        let media_type = media_type.trim();
        let is_json = |text: &str| text == "*/*" || text.contains("json");
        if is_json(&documented.media_type) {
            if !is_json(media_type) {
                return Err(format!("its Content-Type is `{media_type}`, not JSON's"));
            }
            serde_json::from_slice(sent.bytes).map_err(|error| format!("it is not JSON: {error}"))
        } else if media_type == documented.media_type {
            let form = self.read_form(sent, &documented.schema).await;
            form.map_err(|error| format!("it is not a form: {error}"))
        } else {
            Err(format!(
                "its Content-Type is `{media_type}`, not `{}`",
                documented.media_type
            ))
        }
    }

    /// The fields of a form. A file's content stands as text.
    async fn read_form(&self, sent: Sent<'_>, schema: &Pointer) -> Result<Value, multer::Error> {
        let boundary = multer::parse_boundary(sent.content_type)?;
        let mut form = multer::Multipart::with_reader(sent.bytes, boundary);
        let schema = merged(&self.document, self.document.api().get(schema));
        let properties = schema.get("properties");
        let mut fields = Map::new();
        while let Some(field) = form.next_field().await? {
            let name = field.name().unwrap_or_default().to_owned();
            let is_file = field.file_name().is_some();
            let text = String::from_utf8_lossy(&field.bytes().await?).into_owned();
            let property = properties.and_then(|properties| properties.get(&name));
            let value = match property {
                Some(schema) if !is_file => typed(&self.document, schema, &text),
                _ => Value::String(text),
            };
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }

    /// A parameter's texts as the type that its schema asks for.
    fn read(&self, parameter: &Parameter, texts: &[String]) -> Value {
        let schema = self.document.api().get(&parameter.schema);
        let merged = merged(&self.document, schema);
        if !is_type(&merged, "array") {
            let text = texts.last().map(String::as_str).unwrap_or_default();
            return typed(&self.document, schema, text);
        }
        let items = merged.get("items").unwrap_or(&Value::Null);
        let split = |text: &String| -> Vec<String> {
            match parameter.joined {
                false => vec![text.clone()],
                true if text.is_empty() => Vec::new(),
                true => text.split(',').map(str::to_owned).collect(),
            }
        };
        let texts = texts.iter().flat_map(split);
        texts
            .map(|text| typed(&self.document, items, &text))
            .collect()
    }

    /// Adds how a value differs from what the schema at `schema` allows.
    fn judge(&self, schema: &Pointer, value: &Value, at: &str, problems: &mut Vec<Problem>) {
        match self.validator(schema) {
            Ok(validator) => problems.extend(validator.iter_errors(value).map(|error| Problem {
                pointer: format!("{at}{}", error.instance_path()),
                message: error.masked().to_string(),
            })),
            Err(error) => problems.push(problem(at.to_owned(), format!("its schema: {error}"))),
        }
    }

    fn validator(&self, at: &Pointer) -> Result<Arc<Validator>, String> {
        let validators = || {
            let validators = self.validators.lock();
            validators.unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(validator) = validators().get(at) {
            return Ok(validator.clone());
        }
        // Compiled without the lock: two requests may both do so, once.
        let schema = self.document.api().get(at);
        let validator = jsonschema::draft202012::options()
            .build(&self.document.standing_alone(schema))
            .map_err(|error| error.to_string())?;
        let validator = Arc::new(validator);
        validators().insert(at.clone(), validator.clone());
        Ok(validator)
    }
}

/// Whether the path has a parameter of the same name: the document repeats some
/// of the path's as required ones of the query.
fn is_in_path(operation: &Operation, parameter: &Parameter) -> bool {
    let mut names = operation.path.parameters();
    names.any(|name| name == parameter.name)
}

/// Checks `Authorization`: `Bearer …` or `Bearer …, User …`, as the operation
/// asks for.
///
/// # Errors
///
/// What is wrong with the header, without a token.
pub(crate) fn check_tokens(
    operation: &Operation,
    header: Option<&str>,
) -> Result<(), &'static str> {
    if operation.security == Security::None {
        return Ok(());
    }
    let header = header.ok_or("no Authorization header")?;
    let is_token = |text: &str| !text.is_empty() && !text.contains([' ', ',']);
    let (partner, user) = match header.split_once(", ") {
        Some((partner, user)) => (partner, Some(user)),
        None => (header, None),
    };
    if !partner.strip_prefix("Bearer ").is_some_and(is_token) {
        return Err("Authorization does not begin with `Bearer {PartnerToken}`");
    }
    match (operation.security, user) {
        (Security::PartnerAndUser, None) => Err("Authorization has no `, User {UserToken}`"),
        (_, Some(user)) if !user.strip_prefix("User ").is_some_and(is_token) => {
            Err("Authorization does not end with `, User {UserToken}`")
        }
        _ => Ok(()),
    }
}

fn in_body(message: impl Into<String>) -> Problem {
    problem("/body".to_owned(), message)
}

fn problem(pointer: String, message: impl Into<String>) -> Problem {
    Problem {
        pointer,
        message: message.into(),
    }
}
