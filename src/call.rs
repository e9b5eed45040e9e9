//! One call with its arguments: its address, its query, its body.

use std::fmt::Display;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Url};
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::file::{self, Field, Multipart};
use crate::operation::Operation;
use crate::transport::{Exchange, Transport};
use crate::wire;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// RFC 3986's unreserved characters; all others are encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call with its arguments, ready to be sent any number of times.
#[derive(Clone)]
pub(crate) struct Call {
    pub operation: &'static Operation,
    transport: Transport,
    /// The filled-in template, encoded; or the parameter that cannot be, and why.
    path: Result<String, String>,
    query: Vec<(&'static str, String)>,
    body: Option<Body>,
}

/// Both forms are held whole, so each attempt sends the same.
#[derive(Clone)]
enum Body {
    Json(Bytes),
    Form(Vec<(&'static str, Field)>),
}

impl Call {
    /// `path` holds the path's arguments in the order of the template.
    pub fn new(
        transport: &Transport,
        operation: &'static Operation,
        path: &[&dyn Display],
    ) -> Self {
        Self {
            operation,
            transport: transport.clone(),
            path: fill_in(operation.path, path),
            query: Vec::new(),
            body: None,
        }
    }

    /// A query parameter. `None` is not sent; a list is sent item by item, or
    /// joined where the document says `explode: false`.
    pub fn query<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<Self, Error> {
        let unusable =
            |why: &str| Error::argument(self.operation, format!("query parameter `{name}`: {why}"));
        let value = wire::encode(value)
            .and_then(|json| serde_json::from_slice::<Value>(&json))
            .map_err(|error| unusable(&error.to_string()))?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        match value {
            Value::Null => {}
            Value::Array(items) => {
                let items: Option<Vec<String>> = items.into_iter().map(text).collect();
                let items = items.ok_or_else(|| unusable("a list of plain values expected"))?;
                if self.operation.joined.contains(&name) {
                    let items: Vec<String> = items.iter().map(|item| escape(item)).collect();
                    if !items.is_empty() {
                        self.query.push((name, items.join(",")));
                    }
                } else {
                    self.query
                        .extend(items.iter().map(|item| (name, escape(item))));
                }
            }
            value => {
                let text = text(value).ok_or_else(|| unusable("a plain value expected"))?;
                self.query.push((name, escape(&text)));
            }
        }
        Ok(self)
    }

    /// A JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Result<Self, Error> {
        let json = wire::encode(body)
            .map_err(|error| Error::argument(self.operation, format!("body: {error}")))?;
        self.body = Some(Body::Json(json.into()));
        Ok(self)
    }

    /// A `multipart/form-data` body.
    pub fn multipart<T: Multipart>(mut self, body: &T) -> Result<Self, Error> {
        let fields = body.fields().into_iter();
        self.body = Some(Body::Form(
            fields
                .filter_map(|(name, field)| Some((name, field?)))
                .collect(),
        ));
        Ok(self)
    }

    /// Sends the call and reads the whole answer. Boxed, so that each
    /// operation's own future is small.
    pub fn send(&self) -> BoxFuture<'_, Result<Exchange, Error>> {
        Box::pin(self.transport.send(self))
    }

    /// The number in a query parameter.
    pub fn number_in_query(&self, name: &str) -> Option<i64> {
        let (_, value) = self.query.iter().find(|(other, _)| *other == name)?;
        value.parse().ok()
    }

    /// Sets a query parameter to a number, in the place of an earlier one.
    pub fn set_number_in_query(&mut self, name: &'static str, value: i64) {
        self.query.retain(|(other, _)| *other != name);
        self.query.push((name, value.to_string()));
    }

    /// A field of the JSON body.
    pub fn field_of_body(&self, name: &str) -> Option<Value> {
        let Some(Body::Json(json)) = &self.body else {
            return None;
        };
        serde_json::from_slice::<Value>(json)
            .ok()?
            .get_mut(name)
            .map(Value::take)
    }

    /// Sets fields of the JSON body; the others stay.
    pub fn set_fields_of_body(&mut self, fields: impl IntoIterator<Item = (&'static str, Value)>) {
        let Some(Body::Json(json)) = &mut self.body else {
            return;
        };
        // `json` is what `Call::json` wrote of an object.
        if let Ok(Value::Object(mut body)) = serde_json::from_slice(json) {
            body.extend(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value)),
            );
            *json = Value::Object(body).to_string().into();
        }
    }

    /// The JSON body, where there is one.
    pub fn json_body(&self) -> Option<&Bytes> {
        match &self.body {
            Some(Body::Json(json)) => Some(json),
            _ => None,
        }
    }

    pub fn url(&self, base: &Url) -> Result<Url, Error> {
        let path = self.path.as_ref();
        let path = path.map_err(|why| Error::argument(self.operation, why.as_str()))?;
        let mut url = base.clone();
        match base.path().trim_end_matches('/') {
            "" => url.set_path(path),
            before => url.set_path(&[before, path].concat()),
        }
        if !self.query.is_empty() {
            let query: Vec<String> = self
                .query
                .iter()
                .map(|(name, value)| format!("{}={value}", escape(name)))
                .collect();
            url.set_query(Some(&query.join("&")));
        }
        Ok(url)
    }

    pub fn put_body(&self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
        Ok(match &self.body {
            None => request,
            Some(Body::Json(json)) => request.header(CONTENT_TYPE, JSON).body(json.clone()),
            Some(Body::Form(fields)) => {
                let form =
                    file::form(fields).map_err(|error| Error::http(self.operation, error))?;
                request.multipart(form)
            }
        })
    }
}

/// The template with its arguments in the order of their names.
fn fill_in(template: &str, arguments: &[&dyn Display]) -> Result<String, String> {
    let mut path = String::with_capacity(template.len() + 16);
    let mut arguments = arguments.iter();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        let argument = arguments
            .next()
            .map(ToString::to_string)
            .unwrap_or_default();
        // A URL has no way to write these: `.` and `..` are resolved away
        // even when encoded, and an empty segment names another path.
        if matches!(argument.as_str(), "" | "." | "..") {
            return Err(format!(
                "path argument `{name}` is `{argument}`, which a path cannot hold"
            ));
        }
        path.push_str(before);
        path.extend(utf8_percent_encode(&argument, ENCODED));
        rest = tail;
    }
    path.push_str(rest);
    Ok(path)
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
