//! The one path that every request takes: authorize, send, read, judge.

use std::fmt::Display;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT};
use reqwest::{Method, RequestBuilder, Url};
use serde::Serialize;
use serde_json::Value;

use crate::auth::Tokens;
use crate::envelope::{Answer, Head, Response};
use crate::error::Error;
use crate::file::{self, Field, Multipart};
use crate::operation::Operation;
use crate::wire;

/// The media type that selects the API's version.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.api.v2+json");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("altegio-rust/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Redirects of one GET that are followed, on the same server.
const REDIRECT_LIMIT: usize = 5;

/// RFC 3986's unreserved characters; all others are encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What requests are sent with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
    mode: wire::Mode,
}

struct Shared {
    http: reqwest::Client,
    base: Url,
    tokens: Tokens,
    max_body: usize,
}

impl Transport {
    pub fn new(
        http: reqwest::Client,
        base: Url,
        tokens: Tokens,
        max_body: usize,
        mode: wire::Mode,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                http,
                base,
                tokens,
                max_body,
            }),
            mode,
        }
    }

    /// The same transport with another user token.
    pub fn with_user_token(&self, token: String) -> Result<Self, Error> {
        let shared = &*self.shared;
        let mut tokens = shared.tokens.clone();
        tokens.user = Some(token.into());
        tokens.check()?;
        Ok(Self::new(
            shared.http.clone(),
            shared.base.clone(),
            tokens,
            shared.max_body,
            self.mode,
        ))
    }

    /// The same transport for strict calls.
    pub fn strict(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            mode: wire::Mode::Strict,
        }
    }

    /// Sends the call and reads the whole answer.
    pub async fn send(&self, call: Call) -> Result<Exchange, Error> {
        let shared = &*self.shared;
        let operation = call.operation;
        let authorization = shared.tokens.header(operation)?;
        let mut url = call.url(&shared.base)?;
        let method = Method::from_bytes(operation.method.as_bytes())
            .map_err(|_| Error::argument(operation, "its method is none of HTTP's"))?;
        for _ in 0..=REDIRECT_LIMIT {
            let mut request = shared
                .http
                .request(method.clone(), url.clone())
                .header(ACCEPT, MEDIA_TYPE)
                .header(USER_AGENT, AGENT);
            if let Some(value) = &authorization {
                request = request.header(reqwest::header::AUTHORIZATION, value.clone());
            }
            let request = call.body(request)?;
            let response = request
                .send()
                .await
                .map_err(|error| Error::http(operation, error))?;
            let status = response.status();
            let location = response.headers().get(LOCATION);
            if !status.is_redirection() || location.is_none() {
                return self.read(operation, response).await;
            }
            let target = location.and_then(|value| url.join(value.to_str().ok()?).ok());
            let refuse = |why| Err(Error::redirect(operation, status, why));
            match target {
                None => return refuse("the server redirected to something that is no address"),
                Some(target) if target.origin() != url.origin() => {
                    return refuse(
                        "the server redirected to another origin, where the tokens do not go",
                    );
                }
                // 307 and 308 would send a body a second time; 301 to 303 drop it.
                Some(_) if !matches!(method, Method::GET | Method::HEAD) => {
                    return refuse("the server redirected a request that changes something");
                }
                Some(target) => url = target,
            }
        }
        let status = reqwest::StatusCode::LOOP_DETECTED;
        Err(Error::redirect(
            operation,
            status,
            "the server redirects in a circle",
        ))
    }

    async fn read(
        &self,
        operation: &'static Operation,
        mut response: reqwest::Response,
    ) -> Result<Exchange, Error> {
        let limit = self.shared.max_body;
        let status = response.status();
        let headers = response.headers().clone();
        let too_large = || Error::too_large(operation, status, limit);
        if response
            .content_length()
            .is_some_and(|length| length > limit as u64)
        {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Error::http(operation, error))?
        {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let body = body.freeze();
        if !status.is_success() {
            return Err(Error::api(operation, status, body));
        }
        Ok(Exchange {
            mode: self.mode,
            head: Head {
                operation,
                status,
                headers,
                body,
            },
        })
    }
}

/// Shows the server only: what else it holds is secret or reqwest's.
impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("base", &self.shared.base.as_str())
            .finish_non_exhaustive()
    }
}

/// A success answer, not yet read into a type.
pub(crate) struct Exchange {
    head: Head,
    mode: wire::Mode,
}

impl Exchange {
    /// The answer as JSON of type `T`.
    pub fn json<T: Answer>(self) -> Result<Response<T>, Error> {
        let Self { head, mode } = self;
        let decoded = match wire::decode::<T>(&head.body, mode) {
            Ok(decoded) => decoded,
            Err(failure) => {
                // `success: false` may come with less than the success answer holds.
                return Err(match serde_json::from_slice::<Value>(&head.body) {
                    Ok(body) if body.refused() => {
                        Error::api(head.operation, head.status, head.body)
                    }
                    _ => Error::decode(head.operation, head.status, head.body, failure),
                });
            }
        };
        if decoded.value.refused() {
            return Err(Error::api(head.operation, head.status, head.body));
        }
        for mismatch in &decoded.mismatches {
            tracing::warn!(
                operation = head.operation.id,
                path = mismatch.path,
                expected = mismatch.expected,
                found = %mismatch.found,
                "a value of the answer does not fit the document and was set aside"
            );
        }
        Ok(Response {
            value: decoded.value,
            mismatches: decoded.mismatches,
            has_unlisted: decoded.has_unlisted,
            head,
        })
    }

    /// The answer's bytes.
    pub fn raw(self) -> Result<Response<Bytes>, Error> {
        Ok(Response {
            value: self.head.body.clone(),
            mismatches: Vec::new(),
            has_unlisted: false,
            head: self.head,
        })
    }

    /// An answer of which the document says nothing.
    pub fn none(self) -> Result<Response<()>, Error> {
        Ok(Response {
            value: (),
            mismatches: Vec::new(),
            has_unlisted: false,
            head: self.head,
        })
    }
}

/// A call with its arguments, ready to be sent any number of times.
pub(crate) struct Call {
    operation: &'static Operation,
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Body>,
}

enum Body {
    Json(Bytes),
    Form(Vec<(&'static str, Field)>),
}

impl Call {
    /// `path` holds the path's arguments in the order of the template.
    pub fn new(operation: &'static Operation, path: &[&dyn Display]) -> Self {
        Self {
            operation,
            segments: path.iter().map(ToString::to_string).collect(),
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

    fn url(&self, base: &Url) -> Result<Url, Error> {
        let mut path = base.path().trim_end_matches('/').to_owned();
        let mut arguments = self.segments.iter();
        let mut rest = self.operation.path;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            let argument = arguments.next().map_or("", String::as_str);
            // A URL has no way to write these: `.` and `..` are resolved away
            // even when encoded, and an empty segment names another path.
            if matches!(argument, "" | "." | "..") {
                return Err(Error::argument(
                    self.operation,
                    format!("path argument `{name}` is `{argument}`, which a path cannot hold"),
                ));
            }
            path.push_str(before);
            path.push_str(&escape(argument));
            rest = tail;
        }
        path.push_str(rest);
        let mut url = base.clone();
        url.set_path(&path);
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

    fn body(&self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
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

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
