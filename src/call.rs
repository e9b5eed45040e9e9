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
use crate::multipart::{self, Field, Multipart};
use crate::operation::Route;
use crate::response::Unread;
use crate::transport::Transport;
use crate::wire;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// RFC 3986's unreserved characters; all others are encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call with its arguments, ready to be sent any number of times.
///
/// An argument that cannot be used does not end the chain that builds it: the
/// first one is the error of [`usable`](Self::usable).
#[derive(Clone)]
pub(crate) struct Call {
    pub route: Route,
    transport: Transport,
    /// The template with the arguments so far filled in, encoded.
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Body>,
    problem: Option<String>,
}

/// Both forms are held whole, so each attempt sends the same.
#[derive(Clone)]
enum Body {
    Json(Bytes),
    Form(Vec<(&'static str, Field)>),
}

impl Call {
    pub fn new(transport: &Transport, route: &Route) -> Self {
        Self {
            route: route.clone(),
            transport: transport.clone(),
            path: route.path.to_owned(),
            query: Vec::new(),
            body: None,
            problem: None,
        }
    }

    /// With a path of one's own, and the query that may follow it, as they are.
    pub fn raw(transport: &Transport, route: Route, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..Self::new(transport, &route)
        }
    }

    /// The path's next argument, in the order of the template.
    pub fn path<T: Display>(mut self, argument: Result<T, String>) -> Self {
        if let Some(argument) = self.given(argument) {
            self.fill_in(&argument.to_string());
        }
        self
    }

    /// A query parameter. `None` is not sent; a list is sent item by item, or
    /// joined where the document says `explode: false`.
    pub fn query<T: Serialize>(
        mut self,
        name: &'static str,
        value: Result<T, String>,
        joined: bool,
    ) -> Self {
        if let Some(value) = self.given(value) {
            self.put_query(name, wire::encode(&value), joined);
        }
        self
    }

    fn put_query(&mut self, name: &'static str, json: serde_json::Result<Vec<u8>>, joined: bool) {
        let result = json
            .and_then(|json| serde_json::from_slice::<Value>(&json))
            .map_err(|error| error.to_string())
            .and_then(|value| self.add_query(name, value, joined).map_err(str::to_owned));
        if let Err(why) = result {
            self.fail(format!("query parameter `{name}`: {why}"));
        }
    }

    /// A JSON body.
    pub fn json<T: Serialize>(mut self, body: Result<T, String>) -> Self {
        if let Some(body) = self.given(body) {
            self.put_json(wire::encode(&body));
        }
        self
    }

    fn put_json(&mut self, json: serde_json::Result<Vec<u8>>) {
        match json {
            Ok(json) => self.body = Some(Body::Json(json.into())),
            Err(error) => self.fail(format!("body: {error}")),
        }
    }

    /// A `multipart/form-data` body.
    pub fn multipart<T: Multipart>(mut self, body: Result<T, String>) -> Self {
        if let Some(body) = self.given(body) {
            let fields = body.fields().into_iter();
            let fields = fields.filter_map(|(name, field)| Some((name, field?)));
            self.body = Some(Body::Form(fields.collect()));
        }
        self
    }

    fn given<T>(&mut self, argument: Result<T, String>) -> Option<T> {
        match argument {
            Ok(argument) => Some(argument),
            Err(why) => {
                self.fail(why);
                None
            }
        }
    }

    pub fn fail(&mut self, why: String) {
        self.problem.get_or_insert(why);
    }

    fn fill_in(&mut self, argument: &str) {
        // An argument has no braces once it is encoded.
        let Some((before, rest)) = self.path.split_once('{') else {
            return;
        };
        let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
        // A URL has no way to write these: `.` and `..` are resolved away
        // even when encoded, and an empty segment names another path.
        if matches!(argument, "" | "." | "..") {
            let why = format!("path argument `{name}` is `{argument}`, which a path cannot hold");
            self.fail(why);
        } else {
            self.path = [before, &escape(argument), after].concat();
        }
    }

    fn add_query(
        &mut self,
        name: &'static str,
        value: Value,
        joined: bool,
    ) -> Result<(), &'static str> {
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        match value {
            Value::Null => {}
            Value::Array(items) => {
                let items: Option<Vec<String>> = items.into_iter().map(text).collect();
                let items = items.ok_or("a list of plain values expected")?;
                let items = items.iter().map(|item| escape(item));
                if joined {
                    let items: Vec<String> = items.collect();
                    if !items.is_empty() {
                        self.query.push((name, items.join(",")));
                    }
                } else {
                    self.query.extend(items.map(|item| (name, item)));
                }
            }
            value => {
                let text = text(value).ok_or("a plain value expected")?;
                self.query.push((name, escape(&text)));
            }
        }
        Ok(())
    }

    /// # Errors
    ///
    /// An argument is missing, or cannot be used.
    pub fn usable(&self) -> Result<(), Error> {
        match &self.problem {
            Some(why) => Err(Error::argument(&self.route, why.as_str())),
            None => Ok(()),
        }
    }

    /// Sends the call and reads the whole answer. Boxed, so that each
    /// operation's own future is small.
    pub fn send(&self) -> BoxFuture<'_, Result<Unread, Error>> {
        Box::pin(async {
            self.usable()?;
            self.transport.send(self).await
        })
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

    pub fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        // Only a path of one's own has a `?`: arguments are encoded.
        let (path, query) = match self.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.path.as_str(), None),
        };
        match base.path().trim_end_matches('/') {
            "" => url.set_path(path),
            before => url.set_path(&[before, path].concat()),
        }
        url.set_query(query);
        if !self.query.is_empty() {
            let query: Vec<String> = self
                .query
                .iter()
                .map(|(name, value)| format!("{}={value}", escape(name)))
                .collect();
            url.set_query(Some(&query.join("&")));
        }
        url
    }

    pub fn put_body(&self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
        Ok(match &self.body {
            None => request,
            Some(Body::Json(json)) => request.header(CONTENT_TYPE, JSON).body(json.clone()),
            Some(Body::Form(fields)) => {
                let form =
                    multipart::form(fields).map_err(|why| Error::argument(&self.route, why))?;
                request.multipart(form)
            }
        })
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
