//! The error type of the crate: its kinds, its queries and its text.

mod api_message;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::operation::{Operation, Route};
use crate::wire;
use api_message::{ApiMessage, cut};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The number of field errors that the error's text shows.
const SHOWN_FIELD_ERRORS: usize = 10;
/// The number of characters of the server's message that the error's text shows.
const SHOWN_MESSAGE: usize = 500;
/// The number of characters of a field error that the error's text shows.
const SHOWN_FIELD_ERROR: usize = 200;

/// An error from a call or from building a client.
///
/// The `Display` text is one line of bounded length that names the operation,
/// what went wrong and what to do about it. Of the response's body, it contains
/// only the server's message and field errors, which may quote values that were
/// sent. The client's tokens are removed from them, except for tokens shorter
/// than 8 characters. [`Error::body`] returns the whole body.
///
/// ```
/// # async fn run(client: &altegio::Client) {
/// # use altegio::ids::{CustomFieldId, LocationId};
/// let call = client.b2b_v1().delete_custom_field("record", LocationId(123), CustomFieldId(4));
/// match call.send().await {
///     Ok(_) => println!("deleted"),
///     // An earlier attempt, whose response was lost, may have deleted it.
///     Err(error) if error.is_not_found() && error.may_have_acted() => println!("deleted"),
///     Err(error) if error.is_retryable() => println!("try again later: {error}"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    route: Option<Route>,
    cause: Cause,
    attempts: u32,
    /// The effect that the attempts before the last one may have had.
    earlier: Effect,
}

/// What went wrong, with the details that are known in that case.
enum Cause {
    Config(String),
    Argument(String),
    MissingToken(String),
    /// The rate limit grants no permit before the call times out. `wait` is the
    /// time until the next permit, if known.
    LatePermit {
        wait: Option<Duration>,
        timeout: Duration,
    },
    /// The store of the rate limiter failed.
    Limiter(Source),
    Connect(Source),
    Timeout {
        /// The builder's setting and its value; `None` for a timeout of reqwest's
        /// own.
        limit: Option<(&'static str, Duration)>,
        status: Option<StatusCode>,
    },
    Broken {
        effect: Effect,
        status: Option<StatusCode>,
        source: Source,
    },
    Redirect {
        status: StatusCode,
        why: &'static str,
    },
    TooLarge {
        status: StatusCode,
        limit: usize,
    },
    Api {
        status: StatusCode,
        body: Bytes,
        message: Option<ApiMessage>,
        retry_after: Option<Duration>,
        /// Whether the body is known to have `success: false`.
        says_failure: bool,
    },
    Decode {
        status: StatusCode,
        body: Bytes,
        failure: wire::Failure,
    },
}

/// The effect that a request may have had on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// None: the server did not receive the request, or reported that it did
    /// not act on it.
    None,
    /// Unknown: the server may have carried out the request.
    Unknown,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client's configuration is invalid, such as a token or the server's
    /// address. Nothing was sent.
    Config,
    /// An argument is missing or invalid. Nothing was sent.
    Argument,
    /// The operation needs a token that the client does not have. Nothing was
    /// sent.
    MissingToken,
    /// The store of the rate limiter failed, so the request was not sent or, if
    /// [`Error::attempts`] is not 0, a redirect was not followed.
    Limiter,
    /// The server could not be reached, so it did not receive the request, unless
    /// it had redirected the request before.
    Connect,
    /// The call took too long. The server may have acted on the request, unless
    /// [`Error::attempts`] is 0: then the rate limit granted no permit in time.
    Timeout,
    /// The connection broke before the response was complete.
    /// [`Error::may_have_acted`] returns whether the server may have acted on the
    /// request.
    Transport,
    /// The server redirected a request that must not be sent again, redirected it
    /// to where it must not be sent, or redirected it too often.
    Redirect,
    /// The server responded with an error status, or with `success: false`.
    Api,
    /// The response could not be decoded.
    Decode,
    /// The response is larger than the client's limit.
    TooLarge,
}

impl Error {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Config(_) => ErrorKind::Config,
            Cause::Argument(_) => ErrorKind::Argument,
            Cause::MissingToken(_) => ErrorKind::MissingToken,
            Cause::Limiter(_) => ErrorKind::Limiter,
            Cause::Connect(_) => ErrorKind::Connect,
            Cause::LatePermit { .. } | Cause::Timeout { .. } => ErrorKind::Timeout,
            Cause::Broken { .. } => ErrorKind::Transport,
            Cause::Redirect { .. } => ErrorKind::Redirect,
            Cause::TooLarge { .. } => ErrorKind::TooLarge,
            Cause::Api { .. } => ErrorKind::Api,
            Cause::Decode { .. } => ErrorKind::Decode,
        }
    }

    /// Returns the route of the operation that was called; `None` for an error
    /// from building a client.
    pub fn route(&self) -> Option<&Route> {
        self.0.route.as_ref()
    }

    /// Returns the HTTP status, if a response was received.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.0.cause {
            Cause::Timeout { status, .. } | Cause::Broken { status, .. } => *status,
            Cause::Redirect { status, .. }
            | Cause::TooLarge { status, .. }
            | Cause::Api { status, .. }
            | Cause::Decode { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the server's error message (`meta.message` of its response), cut
    /// to at most 1,000 characters.
    pub fn message(&self) -> Option<&str> {
        self.api_message()?.message.as_deref()
    }

    /// Returns the server's field errors (`meta.errors` of its response): the
    /// name of each field and its error texts. Errors that belong to no field
    /// have an empty name. At most 100 texts of 1,000 characters are kept;
    /// [`body`](Self::body) has all of them.
    pub fn field_errors(&self) -> impl Iterator<Item = (&str, &[String])> {
        let fields = self.api_message().into_iter().flat_map(|api| &api.fields);
        fields.map(|(name, errors)| (name.as_str(), errors.as_slice()))
    }

    /// Returns the response's body as received, for errors of the kinds
    /// [`Api`](ErrorKind::Api) and [`Decode`](ErrorKind::Decode).
    pub fn body(&self) -> Option<&Bytes> {
        match &self.0.cause {
            Cause::Api { body, .. } | Cause::Decode { body, .. } => Some(body),
            _ => None,
        }
    }

    /// Decodes the response's body as a type of the document, such as
    /// `types::ErrorBody`. Returns `None` if there is no body or it does not
    /// fit the type.
    pub fn body_as<T: DeserializeOwned>(&self) -> Option<T> {
        Some(wire::decode(self.body()?, wire::Mode::Strict).ok()?.value)
    }

    /// Returns the JSON path of the value that could not be decoded, such as
    /// `$.data[3].client.phone`.
    pub fn path(&self) -> Option<&str> {
        Some(&self.decode_failure()?.path)
    }

    /// Returns what was expected at [`path`](Self::path), and the kind of the
    /// value that was found there.
    pub fn expected_and_found(&self) -> Option<(&str, wire::Kind)> {
        let failure = self.decode_failure()?;
        Some((&failure.expected, failure.found))
    }

    /// Returns the number of attempts to send the request; 0 if none was made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the wait that the server requested with `Retry-After`, counted
    /// from its response.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.0.cause {
            Cause::Api { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns whether the server may have acted on this request or on an
    /// earlier attempt of the call: it may have received the request, and
    /// nothing shows that it did not carry it out.
    ///
    /// If this is `true` for an operation that changes data, check the current
    /// state before sending the request again. It is `false` if the server
    /// could not be reached or refused the request (with a 4xx status other
    /// than 408, or with `success: false`).
    pub fn may_have_acted(&self) -> bool {
        self.effect() == Effect::Unknown || self.0.earlier == Effect::Unknown
    }

    /// Returns whether the same call may succeed later and can be sent again
    /// without the risk of acting twice. Unless the rate limit is the cause, the
    /// transport has already retried such a call, as often as
    /// [`Retry`](crate::Retry), the retry budget and the timeout allow.
    ///
    /// - For any operation: the server could not be reached, it responded with
    ///   429, the HTTP/2 connection reported that the request was not processed
    ///   (before any part of a response), or the rate limiter granted no permit.
    /// - For [idempotent](crate::Route::idempotent) operations (GET, PUT and
    ///   DELETE with some exceptions, and searches by POST), also: no complete
    ///   response was received, or the status is 408, 502, 503 or 504; for GET,
    ///   also 500.
    ///
    /// An operation that is not idempotent is not retryable after 503, with or
    /// without `Retry-After`: a cache or a gateway in front of the server may
    /// respond with 503 after the server has acted.
    pub fn is_retryable(&self) -> bool {
        let is_get = self
            .route()
            .is_some_and(|route| route.method == Method::GET);
        let is_idempotent = self.route().is_some_and(|route| route.idempotent);
        let is_transient = match &self.0.cause {
            Cause::LatePermit { .. }
            | Cause::Limiter(_)
            | Cause::Connect(_)
            | Cause::Timeout { .. }
            | Cause::Broken { .. } => true,
            Cause::Api { status, .. } => match status.as_u16() {
                408 | 429 | 502 | 503 | 504 => true,
                500 => is_get,
                _ => false,
            },
            _ => false,
        };
        is_transient && (self.effect() == Effect::None || is_idempotent)
    }

    /// Returns whether a token is missing, or the server rejected the tokens
    /// (401) or their permissions (403).
    pub fn is_auth(&self) -> bool {
        self.kind() == ErrorKind::MissingToken || matches!(self.status_code(), Some(401 | 403))
    }

    /// Returns whether the server responded that the resource does not exist
    /// (404).
    ///
    /// A DELETE whose response was lost is sent again, and the server then
    /// responds with 404 if the first attempt succeeded. For such an error,
    /// [`attempts`](Self::attempts) is above 1 and
    /// [`may_have_acted`](Self::may_have_acted) is `true`; the error's text also
    /// mentions it.
    pub fn is_not_found(&self) -> bool {
        self.status_code() == Some(404)
    }

    /// Returns whether the server rejected values that were sent (422);
    /// [`field_errors`](Self::field_errors) lists them.
    pub fn is_validation(&self) -> bool {
        self.status_code() == Some(422)
    }

    /// Returns whether the server responded that there were too many requests
    /// (429). Altegio allows 200 a minute and 5 a second from one IP address.
    pub fn is_rate_limited(&self) -> bool {
        self.status_code() == Some(429)
    }

    /// Creates the error of kind [`Api`](ErrorKind::Api) that a call returns for
    /// an error response with this status and body. Meant for tests of your own
    /// error handling. A call returns such an error for a 2xx status only if the
    /// body has `success: false`; this is not checked here.
    ///
    /// ```
    /// use altegio::{Error, b2b_v1::operations};
    ///
    /// let body = r#"{"success": false, "meta": {"message": "No such client"}}"#;
    /// let status = "404".parse().expect("a status");
    /// let error = Error::from_response(&operations::GET_CLIENT, status, body.into());
    /// assert!(error.is_not_found());
    /// assert_eq!(error.message(), Some("No such client"));
    /// ```
    pub fn from_response(operation: &Operation, status: StatusCode, body: Bytes) -> Self {
        Self::api(&operation.route, status, body, None, &[])
    }

    fn status_code(&self) -> Option<u16> {
        self.status().map(|status| status.as_u16())
    }

    fn api_message(&self) -> Option<&ApiMessage> {
        match &self.0.cause {
            Cause::Api { message, .. } => message.as_ref(),
            _ => None,
        }
    }

    fn decode_failure(&self) -> Option<&wire::Failure> {
        match &self.0.cause {
            Cause::Decode { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// Returns the effect that the last attempt may have had on the server.
    pub(crate) fn effect(&self) -> Effect {
        match &self.0.cause {
            Cause::Config(_)
            | Cause::Argument(_)
            | Cause::MissingToken(_)
            | Cause::LatePermit { .. }
            | Cause::Limiter(_)
            | Cause::Connect(_) => Effect::None,
            Cause::Broken { effect, .. } => *effect,
            Cause::Timeout { .. }
            | Cause::Redirect { .. }
            | Cause::TooLarge { .. }
            | Cause::Decode { .. } => Effect::Unknown,
            // A success status is an error only with `success: false`.
            Cause::Api { status, .. } => match status.as_u16() {
                408 => Effect::Unknown,
                200..=299 | 400..=499 => Effect::None,
                _ => Effect::Unknown,
            },
        }
    }

    /// Returns the text for a request that the rate limiter did not let through.
    fn unsent(&self) -> &'static str {
        // A retry that gets no permit fails with the earlier error instead.
        match self.0.attempts {
            0 => "not sent",
            _ => "redirect not followed",
        }
    }

    /// Returns whether the operation changes data.
    fn is_write(&self) -> bool {
        // An idempotent POST is a search; a GET that is not idempotent creates
        // something.
        self.route().is_some_and(|route| match route.method {
            Method::GET | Method::HEAD | Method::POST => !route.idempotent,
            _ => true,
        })
    }

    fn new(route: Option<&Route>, cause: Cause) -> Self {
        Self(Box::new(Inner {
            route: route.cloned(),
            cause,
            attempts: 0,
            earlier: Effect::None,
        }))
    }

    fn of(route: &Route, cause: Cause) -> Self {
        Self::new(Some(route), cause)
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(None, Cause::Config(message.into()))
    }

    pub(crate) fn missing_token(route: &Route, message: String) -> Self {
        Self::of(route, Cause::MissingToken(message))
    }

    pub(crate) fn argument(route: &Route, message: impl Into<String>) -> Self {
        Self::of(route, Cause::Argument(message.into()))
    }

    pub(crate) fn late_permit(route: &Route, wait: Option<Duration>, timeout: Duration) -> Self {
        Self::of(route, Cause::LatePermit { wait, timeout })
    }

    pub(crate) fn limiter(route: &Route, source: Source) -> Self {
        Self::of(route, Cause::Limiter(source))
    }

    pub(crate) fn connect(route: &Route, source: Source) -> Self {
        Self::of(route, Cause::Connect(source))
    }

    /// `limit` is a setting of the builder and its value.
    pub(crate) fn timeout(
        route: &Route,
        limit: Option<(&'static str, Duration)>,
        status: Option<StatusCode>,
    ) -> Self {
        Self::of(route, Cause::Timeout { limit, status })
    }

    pub(crate) fn broken(
        route: &Route,
        effect: Effect,
        status: Option<StatusCode>,
        source: Source,
    ) -> Self {
        let cause = Cause::Broken {
            effect,
            status,
            source,
        };
        Self::of(route, cause)
    }

    pub(crate) fn redirect(route: &Route, status: StatusCode, why: &'static str) -> Self {
        Self::of(route, Cause::Redirect { status, why })
    }

    pub(crate) fn too_large(route: &Route, status: StatusCode, limit: usize) -> Self {
        Self::of(route, Cause::TooLarge { status, limit })
    }

    /// Creates the error for an error response. `secrets` are removed from the
    /// server's message and field errors.
    pub(crate) fn api(
        route: &Route,
        status: StatusCode,
        body: Bytes,
        retry_after: Option<Duration>,
        secrets: &[&str],
    ) -> Self {
        let cause = Cause::Api {
            status,
            message: api_message::read(&body, secrets),
            body,
            retry_after,
            says_failure: false,
        };
        Self::of(route, cause)
    }

    /// Creates the error for a response with `success: false`.
    pub(crate) fn failure(
        route: &Route,
        status: StatusCode,
        body: Bytes,
        secrets: &[&str],
    ) -> Self {
        let mut error = Self::api(route, status, body, None, secrets);
        if let Cause::Api { says_failure, .. } = &mut error.0.cause {
            *says_failure = true;
        }
        error
    }

    pub(crate) fn decode(
        route: &Route,
        status: StatusCode,
        body: Bytes,
        failure: wire::Failure,
    ) -> Self {
        let cause = Cause::Decode {
            status,
            body,
            failure,
        };
        Self::of(route, cause)
    }

    pub(crate) fn no_value(route: &Route, status: StatusCode, body: Bytes, path: &str) -> Self {
        let failure = wire::Failure {
            path: path.to_owned(),
            expected: "a value".to_owned(),
            found: wire::Kind::Null,
            source: None,
        };
        Self::decode(route, status, body, failure)
    }

    /// Sets the number of attempts and the effect of those before the last one.
    pub(crate) fn after(mut self, attempts: u32, earlier: Effect) -> Self {
        self.0.attempts = attempts;
        self.0.earlier = earlier;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(route) = &self.0.route {
            write!(f, "{}: ", route.id)?;
        }
        match &self.0.cause {
            Cause::Config(why) | Cause::Argument(why) | Cause::MissingToken(why) => {
                f.write_str(why)?;
            }
            Cause::LatePermit { wait, timeout } => {
                write!(f, "{}: the rate limit grants no permit", self.unsent())?;
                if let Some(wait) = wait {
                    write!(f, " for another {wait:?}")?;
                }
                write!(
                    f,
                    ", and the call times out after {timeout:?}; send fewer requests \
                     or increase `timeout`"
                )?;
            }
            Cause::Limiter(_) => {
                write!(f, "{}: the store of the rate limiter failed", self.unsent())?;
            }
            Cause::Connect(_) => f.write_str("the server could not be reached")?,
            Cause::Timeout { limit: None, .. } => f.write_str("no response in time")?,
            Cause::Timeout {
                limit: Some((setting, length)),
                ..
            } => write!(f, "timed out after {length:?}; see `{setting}`")?,
            Cause::Broken { status: None, .. } => {
                f.write_str("the connection broke before a response was received")?;
            }
            Cause::Broken { .. } => {
                f.write_str("the connection broke before the response was complete")?;
            }
            Cause::Redirect { status, why } => write!(f, "{why} ({status})")?,
            Cause::TooLarge { limit, .. } => {
                write!(
                    f,
                    "the response is larger than {limit} bytes; increase `max_body` to read it"
                )?;
            }
            Cause::Api {
                status,
                body,
                message,
                says_failure,
                ..
            } => {
                f.write_str(match (status.is_success(), says_failure) {
                    (true, true) => "the server responded `success: false`",
                    (true, false) => "the server responded with an error",
                    (false, _) => "the server refused",
                })?;
                write!(f, " ({status})")?;
                match message {
                    Some(message) => write_message(f, message)?,
                    None if is_html(body) => f.write_str(" with an HTML page instead of JSON")?,
                    None => {}
                }
            }
            Cause::Decode { body, failure, .. } => {
                if is_html(body) {
                    f.write_str("cannot read the response: it is an HTML page instead of JSON")?;
                } else {
                    write!(
                        f,
                        "cannot read the response at {}: expected {}, found {}",
                        shown_path(&failure.path),
                        cut(&failure.expected, SHOWN_FIELD_ERROR),
                        failure.found
                    )?;
                }
            }
        }
        if !self.is_write() {
            return Ok(());
        }
        match (self.effect(), self.0.earlier) {
            (Effect::Unknown, _) => f.write_str("; the server may have acted on the request"),
            (Effect::None, Effect::Unknown) => {
                f.write_str("; the server may have acted on an earlier attempt")
            }
            (Effect::None, Effect::None) => Ok(()),
        }
    }
}

fn write_message(f: &mut fmt::Formatter<'_>, api: &ApiMessage) -> fmt::Result {
    if let Some(message) = &api.message {
        write!(f, ": {}", one_line(message, SHOWN_MESSAGE))?;
    }
    let mut left_out = api.left_out;
    let mut shown = 0;
    for (name, errors) in &api.fields {
        if shown == SHOWN_FIELD_ERRORS {
            left_out += errors.len();
            continue;
        }
        let fits = errors.len().min(SHOWN_FIELD_ERRORS - shown);
        shown += fits;
        left_out += errors.len() - fits;
        f.write_str("; ")?;
        if !name.is_empty() {
            write!(f, "{}: ", one_line(name, SHOWN_FIELD_ERROR))?;
        }
        for (index, error) in errors[..fits].iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}", one_line(error, SHOWN_FIELD_ERROR))?;
        }
    }
    match left_out {
        0 => Ok(()),
        more => write!(f, "; and {more} more errors"),
    }
}

/// Cuts text from the server and replaces its line breaks, so that the error's
/// text stays on one line.
fn one_line(text: &str, most: usize) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    cut(text, most).replace(breaks, " ")
}

/// Formats a JSON path for error texts and events. Keys that do not look like
/// field names are hidden (`$.data[…].phone`), because the keys of a map may be
/// phone numbers or addresses.
pub(crate) fn shown_path(path: &str) -> String {
    let mut shown = String::new();
    let mut rest = path;
    while let Some(start) = rest.find(['.', '[']) {
        let (before, step) = rest.split_at(start);
        shown.push_str(before);
        let end = if let Some(quoted) = step.strip_prefix("[\"") {
            let mut is_escaped = false;
            let is_end = |c: char| {
                let ends = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            };
            // The step ends after the closing quote and bracket.
            quoted.find(is_end).map_or(step.len(), |end| end + 4)
        } else {
            let next = step[1..].find(['.', '[']);
            next.map_or(step.len(), |next| next + 1)
        };
        let (step, after) = step.split_at(end.min(step.len()));
        let is_name = step.strip_prefix('.').is_some_and(is_field_name);
        let is_index = step.starts_with('[') && !step.starts_with("[\"");
        shown.push_str(if is_name || is_index { step } else { "[…]" });
        rest = after;
    }
    shown.push_str(rest);
    cut(&shown, SHOWN_FIELD_ERROR).into_owned()
}

/// Returns whether a key looks like the name of a field. Others may be data, such as
/// the name or the phone number of a client; names of persons start with a capital.
pub(crate) fn is_field_name(key: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    key.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && key.chars().all(is_word)
}

/// Returns whether the body is an HTML page, which a proxy, a firewall or a
/// login page sends instead of JSON.
fn is_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let starts_with = |tag: &[u8]| {
        start
            .get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    starts_with(b"<!doctype html") || starts_with(b"<html")
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("operation", &self.route().map(|route| route.id))
            .field("status", &self.status())
            .field("attempts", &self.0.attempts)
            .field("message", &self.to_string())
            .field("source", &std::error::Error::source(self))
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Limiter(source) | Cause::Connect(source) | Cause::Broken { source, .. } => {
                Some(&**source)
            }
            Cause::Decode { failure, .. } => {
                let source = failure.source.as_ref()?;
                Some(source)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Error {
        let route = Route {
            id: "op",
            method: Method::GET,
            path: "/",
            security: crate::Security::None,
            idempotent: true,
        };
        let body = Bytes::copy_from_slice(body.as_bytes());
        Error::api(&route, StatusCode::BAD_REQUEST, body, None, &[])
    }

    #[test]
    fn an_error_is_one_line_whatever_the_server_says() {
        let body = r#"{"meta":{"message":"a\nb\u2028c","errors":{"d\re":"f\n\u001bg"}}}"#;
        assert_eq!(
            refused(body).to_string(),
            "op: the server refused (400 Bad Request): a b c; d e: f  g"
        );
    }

    #[test]
    fn an_errors_text_is_short_however_much_the_server_says() {
        let texts = vec!["x".repeat(5_000); 5_000];
        let errors = serde_json::json!({"a": texts[..7], "b": texts, "c": texts});
        let body = serde_json::json!({"meta": {"message": "m".repeat(1 << 20), "errors": errors}});
        let error = refused(&body.to_string());
        let text = error.to_string();
        assert!(text.len() < 4_000, "{}", text.len());
        assert!(text.ends_with("; and 9997 more errors"), "{text}");
        let kept: usize = error.field_errors().map(|(_, texts)| texts.len()).sum();
        assert_eq!(kept, 100);
        assert!(format!("{error:?}").len() < 5_000);
    }

    #[test]
    fn a_shown_path_has_no_keys_that_may_be_data() {
        for (path, shown) in [
            ("$", "$"),
            ("$.data[3].client.phone", "$.data[3].client.phone"),
            (r#"$.data["a@b.c"].x[0]"#, "$.data[…].x[0]"),
            (r#"$["+1 \"] 315"].phone"#, "$[…].phone"),
            ("$.by_phone.13155550184.name", "$.by_phone[…].name"),
            ("$.by_name.Anna.dateCursor", "$.by_name[…].dateCursor"),
            (r#"$["cut"#, "$[…]"),
        ] {
            assert_eq!(shown_path(path), shown, "{path}");
        }
        assert!(shown_path(&".a".repeat(10_000)).len() < 300);
    }

    #[test]
    fn success_false_is_claimed_only_if_the_server_responded_it() {
        let route = &refused("").0.route.unwrap();
        let error = Error::api(route, StatusCode::OK, Bytes::new(), None, &[]);
        assert_eq!(
            error.to_string(),
            "op: the server responded with an error (200 OK)"
        );
        let error = Error::failure(route, StatusCode::OK, Bytes::new(), &[]);
        assert_eq!(
            error.to_string(),
            "op: the server responded `success: false` (200 OK)"
        );
    }

    #[test]
    fn an_html_page_is_called_one() {
        for page in ["<html>down</html>", "\n<!DOCTYPE html><p>"] {
            assert_eq!(
                refused(page).to_string(),
                "op: the server refused (400 Bad Request) with an HTML page instead of JSON"
            );
        }
        assert!(!refused("<br />{}").to_string().contains("HTML"));
    }
}
