//! Responses: decoding them into types, and the envelope of `success`, `data`
//! and `meta` that most of them have.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::panic;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor,
};
use serde::ser::{Serialize, Serializer};
use tracing::Span;

use crate::error::{Effect, Error, shown_path};
use crate::operation::Route;
use crate::runtime::Runtime;
use crate::security::Authorization;
use crate::transport::deadline::within;
use crate::transport::trace;
use crate::wire::serde_table::{self, Object};
use crate::wire::{self, Mismatch, UnknownField};

/// A response: the decoded value, the HTTP status and headers, and the raw body.
///
/// It dereferences to the value, so the value's fields can be read directly.
pub struct Response<T> {
    pub(crate) value: T,
    pub(crate) mismatches: Vec<Mismatch>,
    pub(crate) has_unknown_fields: bool,
    pub(crate) head: Head,
    /// The call's span, if an error may still have to be recorded on it.
    pub(crate) span: Span,
}

/// The parts of a response that do not depend on the type of its value.
#[derive(Clone)]
pub(crate) struct Head {
    pub route: Route,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub attempts: u32,
    /// The effect that the attempts before the last one may have had.
    pub earlier: Effect,
}

impl Head {
    /// Creates the error for a response without the value at `path`.
    pub fn without(self, path: &str) -> Error {
        Error::no_value(&self.route, self.status, self.body, path)
            .after(self.attempts, self.earlier)
    }
}

impl<T> Response<T> {
    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Returns the HTTP headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Returns the number of attempts that the call made, including the one
    /// that succeeded.
    pub fn attempts(&self) -> u32 {
        self.head.attempts
    }

    /// Returns the route of the operation that was called.
    pub fn route(&self) -> &Route {
        &self.head.route
    }

    /// Returns the body as received.
    pub fn body(&self) -> &Bytes {
        &self.head.body
    }

    /// Returns the values that did not fit the document's types and were set
    /// aside, each with its path and raw value.
    pub fn mismatches(&self) -> &[Mismatch] {
        &self.mismatches
    }
}

impl<T: DeserializeOwned> Response<T> {
    /// Returns the fields that the document does not list, each with its path
    /// and raw value. Reads the body again if there are any.
    pub fn unknown_fields(&self) -> Vec<UnknownField> {
        if !self.has_unknown_fields {
            return Vec::new();
        }
        wire::unknown_fields::<T>(&self.head.body)
    }
}

impl<D, M> Response<Envelope<D, M>> {
    /// Returns the response's `data`.
    ///
    /// # Errors
    ///
    /// Returns an error if `data` is absent or null.
    pub fn into_data(self) -> Result<D, Error> {
        let Self {
            value, head, span, ..
        } = self;
        value.data.ok_or_else(|| {
            let error = head.without("$.data");
            trace::failed(&span, error.kind(), error.status());
            error
        })
    }

    /// Returns the response's `data` and `meta`, each `None` if absent or null.
    pub fn into_parts(self) -> (Option<D>, Option<M>) {
        (self.value.data, self.value.meta)
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.head.status)
            .field("value", &self.value)
            .field("mismatches", &self.mismatches)
            .finish_non_exhaustive()
    }
}

/// A response of the form `{success, data, meta}`, which most responses have.
///
/// ```no_run
/// # #[cfg(feature = "b2b-v1-clients")]
/// # async fn run(client: &altegio::Client) -> Result<(), altegio::Error> {
/// use altegio::ids::{ClientId, LocationId};
///
/// let response = client.b2b_v1().get_client(LocationId(1), ClientId(2)).send().await?;
/// println!("{:?}", response.meta);
/// let customer = response.into_data()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Envelope<D, M> {
    /// Whether the server carried out the request. A response with `false` is
    /// returned as an [`Error`].
    pub success: Option<bool>,
    /// The requested data.
    pub data: Option<D>,
    /// Additional information, such as the total number of items in a list.
    pub meta: Option<M>,
}

impl<D, M> Default for Envelope<D, M> {
    fn default() -> Self {
        Self {
            success: None,
            data: None,
            meta: None,
        }
    }
}

impl<D: DeserializeOwned, M: DeserializeOwned> Object for Envelope<D, M> {
    const NAMES: &'static [&'static str] = &["success", "data", "meta"];

    fn place(name: &str) -> Option<usize> {
        Self::NAMES.iter().position(|other| *other == name)
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, field: usize, map: &mut A) -> Result<(), A::Error> {
        match field {
            0 => serde_table::value(&mut self.success, map),
            1 => serde_table::value(&mut self.data, map),
            _ => serde_table::value(&mut self.meta, map),
        }
    }
}

impl<'de, D: DeserializeOwned, M: DeserializeOwned> Deserialize<'de> for Envelope<D, M> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        serde_table::object(deserializer)
    }
}

impl<D: Serialize, M: Serialize> Serialize for Envelope<D, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serde_table::Writer::new(serializer);
        object.optional("success", &self.success);
        object.optional("data", &self.data);
        object.optional("meta", &self.meta);
        object.end()
    }
}

/// A response with a success status that has not been decoded yet. The call's
/// span stays open until then.
pub(crate) struct Unread {
    pub head: Head,
    pub mode: wire::Mode,
    pub span: Span,
    /// The tokens, which are removed from error messages.
    pub authorization: Arc<Authorization>,
    pub runtime: Arc<dyn Runtime>,
    /// When the call's timeout ends, and how long that is.
    pub deadline: (Instant, Duration),
}

/// A body of more than this many bytes is decoded in a blocking task, so that it
/// does not block the executor and the call's timeout covers decoding too.
const LARGE: usize = 1 << 20;

/// A decoded response with its type erased, so that the code that waits for it is
/// compiled once rather than for each operation.
type Erased = Box<dyn Any + Send>;

impl Unread {
    /// Decodes the response with one of the functions below.
    ///
    /// # Errors
    ///
    /// As `read`; [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if decoding a
    /// large body takes longer than the call may.
    pub async fn decode<T: Send + 'static>(
        self,
        read: fn(Self) -> Result<Response<T>, Error>,
    ) -> Result<Response<T>, Error> {
        if self.head.body.len() <= LARGE {
            return read(self);
        }
        let decoded = self.in_blocking_task(Box::new(move |unread| Box::new(read(unread))));
        match decoded.await?.downcast() {
            Ok(result) => *result,
            Err(_) => unreachable!("`read` returns this type"),
        }
    }

    async fn in_blocking_task(
        self,
        decode: Box<dyn FnOnce(Self) -> Erased + Send>,
    ) -> Result<Erased, Error> {
        // Without a tokio runtime nothing else waits for this thread.
        let Ok(tokio) = tokio::runtime::Handle::try_current() else {
            return Ok(decode(self));
        };
        let (head, span) = (self.head.clone(), self.span.clone());
        let (runtime, (deadline, timeout)) = (Arc::clone(&self.runtime), self.deadline);
        let task = pin!(tokio.spawn_blocking(move || decode(self)));
        let left = || (deadline.saturating_duration_since(runtime.now()), ());
        match within(&*runtime, left, task).await {
            Ok(Ok(decoded)) => Ok(decoded),
            Ok(Err(failed)) if failed.is_panic() => panic::resume_unwind(failed.into_panic()),
            // Too late, or the tokio runtime shuts down.
            Ok(Err(_)) | Err(()) => {
                let limit = Some(("timeout", timeout));
                let error = Error::timeout(&head.route, limit, Some(head.status));
                let error = error.after(head.attempts, head.earlier);
                trace::failed(&span, error.kind(), error.status());
                Err(error)
            }
        }
    }

    /// Decodes the body as JSON of type `T`.
    pub fn json<T: DeserializeOwned>(self) -> Result<Response<T>, Error> {
        if says_failure(&self.head.body) {
            return Err(self.refused());
        }
        self.read(|_| false)
    }

    /// Decodes the body as JSON with `success`, `data` and `meta`.
    pub fn envelope<D, M>(self) -> Result<Response<Envelope<D, M>>, Error>
    where
        D: DeserializeOwned,
        M: DeserializeOwned,
    {
        let span = self.span.clone();
        let refuses = |envelope: &Envelope<D, M>| envelope.success == Some(false);
        let mut response = self.read(refuses)?;
        // Otherwise the span ends here: `into_data` cannot fail.
        if response.value.data.is_none() {
            response.span = span;
        }
        Ok(response)
    }

    fn read<T: DeserializeOwned>(self, refuses: fn(&T) -> bool) -> Result<Response<T>, Error> {
        // Only a 204 may have an empty body; for any other status, an empty or
        // blank body lacks the value.
        if self.head.body.trim_ascii().is_empty() && self.head.status != StatusCode::NO_CONTENT {
            return Err(self.undecodable(wire::Failure::nothing()));
        }
        match wire::decode::<T>(&self.head.body, self.mode) {
            Ok(decoded) if !refuses(&decoded.value) => {
                self.warn(&decoded.mismatches);
                Ok(Response {
                    value: decoded.value,
                    mismatches: decoded.mismatches,
                    has_unknown_fields: decoded.has_unknown_fields,
                    head: self.head,
                    span: Span::none(),
                })
            }
            Ok(_) => Err(self.refused()),
            Err(failure) => Err(self.undecodable(failure)),
        }
    }

    /// Returns the body without decoding it.
    pub fn raw(self) -> Result<Response<Bytes>, Error> {
        // Unlike `none`, this does not look for JSON inside other formats, such
        // as a PDF file.
        if says_failure(&self.head.body) {
            return Err(self.refused());
        }
        let bytes = self.head.body.clone();
        Ok(self.untyped(bytes))
    }

    /// Ignores the body, for responses whose content the document does not
    /// describe.
    pub fn none(self) -> Result<Response<()>, Error> {
        if holds_failure(&self.head.body) {
            return Err(self.refused());
        }
        Ok(self.untyped(()))
    }

    fn untyped<T>(self, value: T) -> Response<T> {
        Response {
            value,
            mismatches: Vec::new(),
            has_unknown_fields: false,
            head: self.head,
            span: Span::none(),
        }
    }

    /// Creates the error for a response with `success: false`.
    fn refused(self) -> Error {
        let secrets = self.authorization.secrets();
        let Head {
            route,
            status,
            body,
            ..
        } = &self.head;
        let error = Error::failure(route, *status, body.clone(), &secrets);
        let error = error.after(self.head.attempts, self.head.earlier);
        trace::failed(&self.span, error.kind(), error.status());
        error
    }

    /// Creates the error for a body that could not be decoded.
    fn undecodable(self, failure: wire::Failure) -> Error {
        // A response with `success: false` may lack fields that a successful
        // response has.
        if holds_failure(&self.head.body) {
            return self.refused();
        }
        let Head {
            route,
            status,
            body,
            ..
        } = &self.head;
        let error = Error::decode(route, *status, body.clone(), failure);
        let error = error.after(self.head.attempts, self.head.earlier);
        trace::failed(&self.span, error.kind(), error.status());
        error
    }

    fn warn(&self, mismatches: &[Mismatch]) {
        if let Some(first) = mismatches.first() {
            let path = shown_path(&first.path);
            trace::set_aside(
                &self.span,
                self.head.route.id,
                mismatches.len(),
                &path,
                first,
            );
        }
    }
}

/// Like [`says_failure`], but also finds JSON after a byte-order mark or a PHP
/// notice.
fn holds_failure(body: &[u8]) -> bool {
    if body.is_empty() || is_object(body) {
        return says_failure(body);
    }
    wire::locate(body).is_ok_and(|located| says_failure(located.json.as_bytes()))
}

fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

/// Returns whether a body is a JSON object with `success: false` at its top
/// level. Reads no further than that field.
fn says_failure(body: &[u8]) -> bool {
    if !is_object(body) {
        return false;
    }
    let mut says_failure = false;
    let mut json = serde_json::Deserializer::from_slice(body);
    // serde_json returns an error because the rest of the object is not read;
    // the error does not matter here.
    let _ = json.deserialize_map(Success(&mut says_failure));
    says_failure
}

/// Looks for `success` in an object.
struct Success<'a>(&'a mut bool);

impl<'de> Visitor<'de> for Success<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(is_success) = map.next_key_seed(Is("success"))? {
            if is_success {
                let value: &serde_json::value::RawValue = map.next_value()?;
                *self.0 = wire::is_false(value.get());
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Compares a string with another one without copying it.
struct Is(&'static str);

impl<'de> DeserializeSeed<'de> for Is {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(text == self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use reqwest::Method;

    use super::*;
    use crate::error::ErrorKind;
    use crate::operation::Security;
    use crate::runtime::System;

    fn unread(size: usize, timeout: Duration) -> Unread {
        Unread {
            head: Head {
                route: Route {
                    id: "get_client_list",
                    method: Method::GET,
                    path: "/clients",
                    security: Security::None,
                    idempotent: true,
                },
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: vec![b' '; size].into(),
                attempts: 1,
                earlier: Effect::None,
            },
            mode: wire::Mode::Salvage,
            span: Span::none(),
            authorization: Arc::new(Authorization::None),
            runtime: Arc::new(System),
            deadline: (Instant::now() + timeout, timeout),
        }
    }

    fn thread_that_decodes(unread: Unread) -> Result<Response<ThreadId>, Error> {
        Ok(unread.untyped(thread::current().id()))
    }

    #[tokio::test]
    async fn a_large_body_is_decoded_beside_the_executor() {
        let minute = Duration::from_secs(60);
        for (size, is_beside) in [(LARGE, false), (LARGE + 1, true)] {
            let decoded = unread(size, minute).decode(thread_that_decodes).await;
            let thread = decoded.unwrap().into_inner();
            assert_eq!(thread != thread::current().id(), is_beside, "{size} bytes");
        }
    }

    #[tokio::test]
    async fn decoding_ends_with_the_calls_timeout() {
        fn endless(unread: Unread) -> Result<Response<()>, Error> {
            // Until the test has seen the error and drops the other half.
            let _ = BLOCKED.lock().unwrap().take().unwrap().recv();
            Ok(unread.untyped(()))
        }
        static BLOCKED: std::sync::Mutex<Option<mpsc::Receiver<()>>> = std::sync::Mutex::new(None);
        let (release, blocked) = mpsc::channel();
        *BLOCKED.lock().unwrap() = Some(blocked);
        let decoded = unread(LARGE + 1, Duration::ZERO).decode(endless).await;
        let error = decoded.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.status(), Some(StatusCode::OK));
        drop(release);
    }

    #[test]
    fn success_false_is_seen_at_the_top_of_an_object_only() {
        for body in [
            r#"{"success":false}"#,
            r#" {"data":[{"success":true}],"succ\u0065ss": false, "meta":{}}"#,
            r#"{"success":0}"#,
            r#"{"success":"0"}"#,
            r#"{"success":"false"}"#,
            r#"{"success":false,"cut"#,
        ] {
            assert!(says_failure(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"success":true}"#,
            r#"{"success":null}"#,
            r#"{"data":{"success":false}}"#,
            r#"[{"success":false}]"#,
            r#""success""#,
            "%PDF-1.7",
            "",
            "{",
        ] {
            assert!(!says_failure(body.as_bytes()), "{body}");
            assert!(!holds_failure(body.as_bytes()), "{body}");
        }
        for before in ["", "\u{feff}", "<br />\n<b>Notice</b>: x on line 3<br />\n"] {
            let body = format!(r#"{before}{{"success":false}}"#);
            assert!(holds_failure(body.as_bytes()), "{body}");
        }
    }
}
