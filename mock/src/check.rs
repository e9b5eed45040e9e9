//! What is wrong with a request, by the document.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::document::{Document, Operation, Parameter, Tokens};

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A JSON pointer into `{path, query, body}`.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// Checks requests; keeps what it compiled of the schemas.
#[derive(Debug)]
pub struct Checker {
    document: Arc<Document>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// A request's body, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'r> {
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

    /// Everything that is wrong with the arguments.
    pub async fn check(
        &self,
        operation: &Operation,
        arguments: &[String],
        query: &str,
        body: Sent<'_>,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let of = |place: &'static str| {
            let parameters = operation.parameters.iter();
            parameters.filter(move |parameter| parameter.place == place)
        };
        for (name, text) in names(&operation.path).iter().zip(arguments) {
            if let Some(parameter) = of("path").find(|parameter| parameter.name == *name) {
                let value = self.read(parameter, std::slice::from_ref(text));
                self.judge(
                    &parameter.schema,
                    &value,
                    &format!("/path/{name}"),
                    &mut problems,
                );
            }
        }
        let query = pairs(query);
        for parameter in of("query") {
            let texts: Vec<String> = query
                .iter()
                .filter(|(name, _)| is_named(parameter, name))
                .map(|(_, text)| text.clone())
                .collect();
            let pointer = format!("/query/{}", parameter.name);
            if !texts.is_empty() {
                let value = self.read(parameter, &texts);
                self.judge(&parameter.schema, &value, &pointer, &mut problems);
            } else if parameter.required
                && !operation.path.contains(&format!("{{{}}}", parameter.name))
            {
                problems.push(problem(pointer, "it is required and missing"));
            }
        }
        for (name, _) in &query {
            if !of("query").any(|parameter| is_named(parameter, name)) {
                let message = "the document has no such query parameter";
                problems.push(problem(format!("/query/{name}"), message));
            }
        }
        self.check_body(operation, body, &mut problems).await;
        problems
    }

    async fn check_body(&self, operation: &Operation, sent: Sent<'_>, problems: &mut Vec<Problem>) {
        let mut fail = |message: String| problems.push(problem("/body".to_owned(), &message));
        let Some(body) = &operation.body else {
            if !sent.bytes.is_empty() {
                fail("the document has no body here".to_owned());
            }
            return;
        };
        if sent.bytes.is_empty() {
            if body.required {
                fail("it is required and missing".to_owned());
            }
            return;
        }
        let media_type = sent
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let is_json = |text: &str| text == "*/*" || text.contains("json");
        let value = if is_json(&body.media_type) {
            if !is_json(media_type) {
                return fail(format!("its Content-Type is `{media_type}`, not JSON's"));
            }
            match serde_json::from_slice(sent.bytes) {
                Ok(value) => value,
                Err(error) => return fail(format!("it is no JSON: {error}")),
            }
        } else if media_type == body.media_type {
            match self.form(sent, &body.pointer).await {
                Ok(value) => value,
                Err(error) => return fail(format!("it is no form: {error}")),
            }
        } else {
            return fail(format!(
                "its Content-Type is `{media_type}`, not `{}`",
                body.media_type
            ));
        };
        self.judge(self.document.at(&body.pointer), &value, "/body", problems);
    }

    /// The fields of a form: a file is its text's place-holder.
    async fn form(&self, sent: Sent<'_>, pointer: &str) -> Result<Value, multer::Error> {
        let boundary = multer::parse_boundary(sent.content_type)?;
        let mut form = multer::Multipart::with_reader(sent.bytes, boundary);
        let schema = crate::values::merged(&self.document, self.document.at(pointer));
        let mut fields = Map::new();
        while let Some(field) = form.next_field().await? {
            let name = field.name().unwrap_or_default().to_owned();
            let is_file = field.file_name().is_some();
            let text = String::from_utf8_lossy(&field.bytes().await?).into_owned();
            let kind = schema
                .get("properties")
                .and_then(|fields| fields.get(&name));
            let value = match kind {
                Some(schema) if !is_file => typed(&self.document, schema, &text),
                _ => Value::String(text),
            };
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }

    /// A parameter's value, of the type that its schema asks for.
    fn read(&self, parameter: &Parameter, texts: &[String]) -> Value {
        let schema = crate::values::merged(&self.document, &parameter.schema);
        if schema.get("type").is_some_and(|kind| kind == "array") {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let split = |text: &String| -> Vec<String> {
                match parameter.explode {
                    true => vec![text.clone()],
                    // An empty list, joined.
                    false if text.is_empty() => Vec::new(),
                    false => text.split(',').map(str::to_owned).collect(),
                }
            };
            let texts = texts.iter().flat_map(split);
            return texts
                .map(|text| typed(&self.document, items, &text))
                .collect::<Vec<_>>()
                .into();
        }
        let text = texts.last().map(String::as_str).unwrap_or_default();
        typed(&self.document, &parameter.schema, text)
    }

    /// Whether a value is what a schema allows.
    pub fn judge(&self, schema: &Value, value: &Value, at: &str, problems: &mut Vec<Problem>) {
        match self.validator(schema) {
            Ok(validator) => problems.extend(validator.iter_errors(value).map(|error| Problem {
                pointer: format!("{at}{}", error.instance_path()),
                message: error.to_string(),
            })),
            Err(error) => problems.push(problem(at.to_owned(), &format!("its schema: {error}"))),
        }
    }

    fn validator(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut validators = self
            .validators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = validators.get(&key) {
            return Ok(validator.clone());
        }
        let validator = jsonschema::draft202012::options()
            .build(&self.document.standing_alone(schema))
            .map_err(|error| error.to_string())?;
        let validator = Arc::new(validator);
        validators.insert(key, validator.clone());
        Ok(validator)
    }
}

/// `Bearer …` or `Bearer …, User …`, as the operation asks for.
pub fn check_tokens(operation: &Operation, header: Option<&str>) -> Result<(), &'static str> {
    if operation.tokens == Tokens::None {
        return Ok(());
    }
    let header = header.ok_or("no Authorization header")?;
    let token = |text: &str| !text.is_empty() && !text.contains([' ', ',']);
    let (partner, user) = match header.split_once(", ") {
        Some((partner, user)) => (partner, Some(user)),
        None => (header, None),
    };
    if !partner.strip_prefix("Bearer ").is_some_and(token) {
        return Err("Authorization does not begin with `Bearer {PartnerToken}`");
    }
    match (operation.tokens, user) {
        (Tokens::PartnerAndUser, None) => Err("Authorization has no `, User {UserToken}`"),
        (_, Some(user)) if !user.strip_prefix("User ").is_some_and(token) => {
            Err("Authorization does not end with `, User {UserToken}`")
        }
        _ => Ok(()),
    }
}

/// Text as the kind of value that the schema asks for; as text if it is none.
fn typed(document: &Document, schema: &Value, text: &str) -> Value {
    let schema = crate::values::merged(document, schema);
    let is = |kind: &str| match schema.get("type") {
        Some(Value::String(name)) => name == kind,
        Some(Value::Array(names)) => names.iter().any(|name| name == kind),
        _ => false,
    };
    if (is("integer") || is("number"))
        && let Ok(number) = text.parse::<i64>()
    {
        return number.into();
    }
    // `0.0` is an integer to JSON Schema; what is none stays wrong.
    if (is("integer") || is("number"))
        && let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return json!(number);
    }
    if is("boolean") {
        match text {
            "true" | "1" => return true.into(),
            "false" | "0" => return false.into(),
            _ => {}
        }
    }
    text.into()
}

/// Whether a query's name is the parameter's: a list's may have `[]` after it.
fn is_named(parameter: &Parameter, name: &str) -> bool {
    name == parameter.name || name.trim_end_matches("[]") == parameter.name
}

/// The names in a path's braces.
pub fn names(path: &str) -> Vec<&str> {
    let parts = path.split('{').skip(1);
    parts.filter_map(|part| part.split('}').next()).collect()
}

/// The names and values of a query, decoded.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn problem(pointer: String, message: &str) -> Problem {
    Problem {
        pointer,
        message: message.to_owned(),
    }
}
