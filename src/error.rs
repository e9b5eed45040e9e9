//! One error a caller can act on.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::operation::{Operation, Route};
use crate::wire;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Whatever went wrong with a call, or with building a client.
///
/// Its text is one readable line: the operation, what went wrong, what to do.
/// It holds no token and no body; the body is at hand in [`Error::body`].
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    route: Option<Route>,
    message: String,
    status: Option<StatusCode>,
    api: Option<ApiMessage>,
    place: Option<Place>,
    body: Option<Bytes>,
    source: Option<Source>,
    attempts: u32,
    /// The server saw nothing of the request, or says that it did nothing with it.
    untouched: bool,
    retry_after: Option<Duration>,
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client's configuration: a token, the server's address. Nothing was sent.
    Config,
    /// A missing or unusable argument. Nothing was sent.
    Argument,
    /// The operation needs a token that the client does not hold. Nothing was sent.
    MissingToken,
    /// The store behind the rate limit failed. Nothing was sent.
    Limiter,
    /// The server could not be reached; it saw nothing of the request.
    Connect,
    /// No answer in time. The server may have acted on the request, unless
    /// [`Error::attempts`] is 0: the time went by waiting for the rate limit.
    Timeout,
    /// The exchange broke off. The server may have acted on the request.
    Transport,
    /// The server pointed elsewhere, and the request was not repeated there.
    Redirect,
    /// The server answered with an error status, or with `success: false`.
    Api,
    /// The answer could not be read.
    Decode,
    /// The answer is larger than the client's limit.
    TooLarge,
}

/// `meta` of the server's error answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ApiMessage {
    message: Option<String>,
    fields: BTreeMap<String, Vec<String>>,
}

/// The place in an answer that could not be read.
#[derive(Clone, Debug)]
struct Place {
    path: String,
    expected: String,
    found: wire::Kind,
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The route of the operation that was called; `None` while a client is built.
    pub fn route(&self) -> Option<&Route> {
        self.0.route.as_ref()
    }

    /// The answer's status, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The server's own words: `meta.message` of its answer.
    pub fn message(&self) -> Option<&str> {
        self.0.api.as_ref()?.message.as_deref()
    }

    /// `meta.errors` of the server's answer: a field's name and what is said
    /// of it. Errors that name no field stand under the empty name.
    pub fn field_errors(&self) -> impl Iterator<Item = (&str, &[String])> {
        let fields = self.0.api.iter().flat_map(|api| &api.fields);
        fields.map(|(name, errors)| (name.as_str(), errors.as_slice()))
    }

    /// The answer's body as it came, where there was one.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// The answer's body as a type of the document, such as `types::ErrorBody`.
    pub fn body_as<T: DeserializeOwned>(&self) -> Option<T> {
        Some(wire::decode(self.body()?, wire::Mode::Strict).ok()?.value)
    }

    /// The JSON path of the place that could not be read (`$.data[3].client.phone`).
    pub fn path(&self) -> Option<&str> {
        Some(&self.0.place.as_ref()?.path)
    }

    /// What was expected there, and the kind of value that was found.
    pub fn expected_and_found(&self) -> Option<(&str, wire::Kind)> {
        let place = self.0.place.as_ref()?;
        Some((&place.expected, place.found))
    }

    /// How often the request was sent, or tried to be; 0 if nothing was.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The wait that the server asked for with `Retry-After`, counted from
    /// its answer.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The same call may succeed later, and sending it again cannot do a thing
    /// twice. The transport has done so already, as often as
    /// [`Retry`](crate::Retry) says.
    ///
    /// - Whatever the method: the server could not be reached, or it refused
    ///   before any work (429; 503 with `Retry-After`; an HTTP/2 connection
    ///   that was closed before the request).
    /// - GET, HEAD, PUT and DELETE: also where no answer came, or 408, 502,
    ///   503 or 504; GET also at 500.
    ///
    /// A POST or PATCH that the server may have acted on is not retryable:
    /// look first whether it has.
    pub fn is_retryable(&self) -> bool {
        let repeatable = self.route().is_some_and(|route| route.idempotent);
        let is_get = self
            .route()
            .is_some_and(|route| route.method == Method::GET);
        match self.kind() {
            ErrorKind::Connect | ErrorKind::Limiter => true,
            ErrorKind::Timeout | ErrorKind::Transport => self.0.untouched || repeatable,
            ErrorKind::Api => match self.status_code() {
                Some(429) => true,
                Some(503) if self.0.retry_after.is_some() => true,
                Some(408 | 502 | 503 | 504) => repeatable,
                Some(500) => repeatable && is_get,
                _ => false,
            },
            _ => false,
        }
    }

    /// The tokens were refused, or may not do this, or are missing.
    pub fn is_auth(&self) -> bool {
        self.kind() == ErrorKind::MissingToken || matches!(self.status_code(), Some(401 | 403))
    }

    /// The server does not know the thing.
    pub fn is_not_found(&self) -> bool {
        self.status_code() == Some(404)
    }

    /// Too many requests: 200 a minute and 5 a second are allowed from one address.
    pub fn is_rate_limited(&self) -> bool {
        self.status_code() == Some(429)
    }

    fn status_code(&self) -> Option<u16> {
        self.status().map(|status| status.as_u16())
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            route: None,
            message: message.into(),
            status: None,
            api: None,
            place: None,
            body: None,
            source: None,
            attempts: 0,
            untouched: false,
            retry_after: None,
        }))
    }

    fn of(route: &Route, kind: ErrorKind, message: impl Into<String>) -> Self {
        let mut error = Self::new(kind, message);
        error.0.route = Some(route.clone());
        error
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn missing_token(route: &Route, message: String) -> Self {
        Self::of(route, ErrorKind::MissingToken, message)
    }

    pub(crate) fn argument(route: &Route, message: impl Into<String>) -> Self {
        Self::of(route, ErrorKind::Argument, message)
    }

    /// From reqwest, without the URL: it holds filled-in paths and queries.
    pub(crate) fn http(route: &Route, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let (kind, message) = if error.is_connect() {
            (ErrorKind::Connect, "the server could not be reached")
        } else if error.is_timeout() {
            (ErrorKind::Timeout, "no answer in time")
        } else if error.is_redirect() {
            (ErrorKind::Redirect, "the server redirected the request")
        } else if error.is_builder() {
            (ErrorKind::Argument, "the request could not be built")
        } else {
            (ErrorKind::Transport, "the exchange broke off")
        };
        let mut this = Self::of(route, kind, message);
        this.0.status = error.status();
        this.0.untouched = is_declined(&error);
        this.0.source = Some(error.into());
        this
    }

    /// `setting` is the builder's.
    pub(crate) fn timeout(route: &Route, setting: &str, length: Duration) -> Self {
        let message = format!("no answer in time: {length:?} went by; see `{setting}`");
        Self::of(route, ErrorKind::Timeout, message)
    }

    /// The rate limit's next place, in `wait`, comes after the call's timeout.
    pub(crate) fn no_place_in_time(
        route: &Route,
        wait: Option<Duration>,
        timeout: Duration,
    ) -> Self {
        let wait = match wait {
            Some(wait) => format!(" for another {wait:?}"),
            None => String::new(),
        };
        let message = format!(
            "not sent: the rate limit has no place{wait}, and the call may take {timeout:?}; \
             call less often, or see `timeout`"
        );
        let mut error = Self::of(route, ErrorKind::Timeout, message);
        error.0.untouched = true;
        error
    }

    pub(crate) fn limiter(route: &Route, source: Source) -> Self {
        let message = "not sent: the store behind the rate limit failed";
        let mut error = Self::of(route, ErrorKind::Limiter, message);
        error.0.source = Some(source);
        error
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn redirect(route: &Route, status: StatusCode, why: &str) -> Self {
        let mut error = Self::of(route, ErrorKind::Redirect, why);
        error.0.status = Some(status);
        error
    }

    pub(crate) fn too_large(route: &Route, status: StatusCode, limit: usize) -> Self {
        let message = format!("the answer is larger than {limit} bytes; see `max_body`");
        let mut error = Self::of(route, ErrorKind::TooLarge, message);
        error.0.status = Some(status);
        error
    }

    pub(crate) fn answer(
        route: &Route,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        now: SystemTime,
    ) -> Self {
        let mut error = Self::api(route, status, body);
        let value = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        error.0.retry_after = value.and_then(|value| read_retry_after(value, now));
        error
    }

    /// The error that an answer of this status and body makes: for tests of
    /// one's own error handling.
    ///
    /// ```
    /// use altegio::{Error, b2b_v1::operations};
    ///
    /// let body = r#"{"success": false, "meta": {"message": "No such client"}}"#;
    /// let status = "404".parse().expect("a status");
    /// let error = Error::from_answer(&operations::GET_CLIENT, status, body.into());
    /// assert!(error.is_not_found());
    /// assert_eq!(error.message(), Some("No such client"));
    /// ```
    pub fn from_answer(operation: &Operation, status: reqwest::StatusCode, body: Bytes) -> Self {
        Self::api(&operation.route, status, body)
    }

    pub(crate) fn api(route: &Route, status: StatusCode, body: Bytes) -> Self {
        let message = if status.is_success() {
            "the server answered `success: false`"
        } else {
            "the server refused"
        };
        let mut error = Self::of(route, ErrorKind::Api, message);
        error.0.status = Some(status);
        error.0.api = read_api_message(&body);
        error.0.body = Some(body);
        error
    }

    pub(crate) fn decode(
        route: &Route,
        status: StatusCode,
        body: Bytes,
        failure: wire::Failure,
    ) -> Self {
        let message = format!(
            "cannot read the answer at {}: expected {}, found {}",
            failure.path, failure.expected, failure.found
        );
        let mut error = Self::of(route, ErrorKind::Decode, message);
        error.0.status = Some(status);
        error.0.body = Some(body);
        error.0.place = Some(Place {
            path: failure.path,
            expected: failure.expected,
            found: failure.found,
        });
        error.0.source = failure.source.map(Into::into);
        error
    }

    pub(crate) fn no_data(route: &Route, status: StatusCode, body: Bytes) -> Self {
        let failure = wire::Failure {
            path: "$.data".to_owned(),
            expected: "a value".to_owned(),
            found: wire::Kind::Null,
            source: None,
        };
        Self::decode(route, status, body, failure)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(route) = &inner.route {
            write!(f, "{}: ", route.id)?;
        }
        f.write_str(&inner.message)?;
        if matches!(inner.kind, ErrorKind::Api | ErrorKind::Redirect)
            && let Some(status) = inner.status
        {
            write!(f, " ({status})")?;
        }
        if let Some(message) = self.message() {
            write!(f, ": {}", one_line(message))?;
        }
        for (name, errors) in self.field_errors() {
            let errors = one_line(&errors.join(", "));
            match name {
                "" => write!(f, "; {errors}")?,
                name => write!(f, "; {}: {errors}", one_line(name))?,
            }
        }
        Ok(())
    }
}

/// The server's words, for a text of one line.
fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.replace(breaks, " ")
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.route().map(|route| route.id))
            .field("status", &self.0.status)
            .field("attempts", &self.0.attempts)
            .field("message", &self.to_string())
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// HTTP/2 only: the server closed the connection before this request, or
/// refused the stream. Both say that it did nothing with it (RFC 9113, 8.7).
fn is_declined(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let declined = match error.reason() {
                Some(h2::Reason::NO_ERROR) => error.is_go_away(),
                Some(h2::Reason::REFUSED_STREAM) => error.is_reset(),
                _ => false,
            };
            return declined && error.is_remote();
        }
        source = error.source();
    }
    false
}

/// Seconds, or a date; a date that is past asks for no wait.
fn read_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Reads `meta.message` and `meta.errors` in every form that the document
/// shows; JSON:API answers carry `errors.message` instead.
fn read_api_message(body: &[u8]) -> Option<ApiMessage> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        meta: Value,
        #[serde(default)]
        errors: Value,
    }
    // One documented error stands in a list of one.
    let is_list = body.trim_ascii_start().starts_with(b"[");
    let answer: Answer = if is_list {
        serde_json::from_slice(body).map(|[answer]: [Answer; 1]| answer)
    } else {
        serde_json::from_slice(body)
    }
    .ok()?;
    let text = |value: &Value| {
        value
            .get("message")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let mut api = ApiMessage {
        message: text(&answer.meta).or_else(|| text(&answer.errors)),
        ..ApiMessage::default()
    };
    if let Some(errors) = answer.meta.get("errors") {
        collect_field_errors("", errors, &mut api.fields);
    }
    if api.message.is_none() && api.fields.is_empty() {
        collect_field_errors("", &answer.errors, &mut api.fields);
    }
    (api != ApiMessage::default()).then_some(api)
}

/// `{"phone": ["…"]}`, `[{"message": "…"}]`, `[{"phone": ["…"]}]`, `"…"`.
fn collect_field_errors(field: &str, value: &Value, fields: &mut BTreeMap<String, Vec<String>>) {
    match value {
        Value::String(text) => fields
            .entry(field.to_owned())
            .or_default()
            .push(text.clone()),
        Value::Array(items) => {
            for item in items {
                collect_field_errors(field, item, fields);
            }
        }
        Value::Object(entries) => {
            for (name, value) in entries {
                let name = match (field, name.as_str()) {
                    (field, "message" | "title" | "detail") if value.is_string() => field,
                    (_, name) => name.trim_matches(['[', ']']),
                };
                collect_field_errors(name, value, fields);
            }
        }
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            fields
                .entry(field.to_owned())
                .or_default()
                .push(number.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ApiMessage {
        read_api_message(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_documented_form_of_errors_is_read() {
        let forms = [
            r#"{"meta":{"message":"no","errors":{"phone":["a","b"]}}}"#,
            r#"{"meta":{"message":"no","errors":[{"phone":["a","b"]}]}}"#,
            r#"{"meta":{"message":"no","errors":[{"[phone]":["a"]},{"phone":"b"}]}}"#,
        ];
        for form in forms {
            let api = read(form);
            assert_eq!(api.message.as_deref(), Some("no"), "{form}");
            assert_eq!(api.fields["phone"], ["a", "b"], "{form}");
        }
        assert_eq!(
            read(r#"{"meta":{"errors":[{"message":"a"}]}}"#).fields[""],
            ["a"]
        );
        let json_api =
            read(r#"{"errors":{"code":404,"message":"gone"},"meta":{"message":"gone"}}"#);
        assert_eq!(json_api.message.as_deref(), Some("gone"));
        assert!(json_api.fields.is_empty());
        let listed = read(r#"[{"success":false,"meta":{"message":"no"}}]"#);
        assert_eq!(listed.message.as_deref(), Some("no"));
    }

    #[test]
    fn an_error_is_one_line_whatever_the_server_says() {
        let route = Route {
            id: "op",
            method: Method::GET,
            path: "/",
            security: crate::Security::None,
            idempotent: true,
        };
        let body = r#"{"meta":{"message":"a\nb\u2028c","errors":{"d\re":"f\n\u001bg"}}}"#;
        let error = Error::api(&route, StatusCode::BAD_REQUEST, body.into());
        assert_eq!(
            error.to_string(),
            "op: the server refused (400 Bad Request): a b c; d e: f  g"
        );
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |value| read_retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(read("7"), Some(7));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        for absurd in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(read(absurd), None, "{absurd}");
        }
    }

    #[test]
    fn pages_that_are_no_json_say_nothing() {
        assert_eq!(read_api_message(b"<html>502</html>"), None);
        assert_eq!(read_api_message(b""), None);
        assert_eq!(read_api_message(b"[]"), None);
    }
}
