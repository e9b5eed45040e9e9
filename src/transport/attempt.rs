//! A single attempt: sends one request and reads its whole response, within time
//! and size limits.

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{RequestBuilder, StatusCode, Url};

use crate::error::{Effect, Error};
use crate::operation::Route;
use crate::runtime::Runtime;
use crate::transport::deadline::{Timeouts, later, within};

/// The limits of one attempt.
pub(super) struct Attempt<'a> {
    pub route: &'a Route,
    pub runtime: &'a dyn Runtime,
    pub timeouts: &'a Timeouts,
    pub started: Instant,
    /// The time at which the whole call times out.
    pub deadline: Instant,
    /// The maximum size of the body, in bytes after decompression.
    pub max_body: usize,
}

/// The result of an attempt that received a response.
pub(super) enum Reply {
    /// A response with any status, except for redirects.
    Response {
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    },
    /// A redirect. `target` is `None` if the location is not a valid URL.
    Redirect {
        status: StatusCode,
        target: Option<Url>,
    },
}

impl Attempt<'_> {
    /// Sends the request. `url` is its URL, against which a redirect is resolved.
    pub async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Reply, Error> {
        let sent = pin!(request.send());
        let response = self.within(None, sent).await?;
        let mut response = response.map_err(|error| self.failed(error, None))?;
        let status = response.status();
        if status.is_redirection()
            && let Some(location) = response.headers().get(LOCATION)
        {
            let target = location.to_str().ok().and_then(|to| url.join(to).ok());
            return Ok(Reply::Redirect { status, target });
        }
        let headers = std::mem::take(response.headers_mut());
        let body = self.body(response, status).await?;
        Ok(Reply::Response {
            status,
            headers,
            body,
        })
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        status: StatusCode,
    ) -> Result<Bytes, Error> {
        // `None` if the body is compressed, because the compressed length does
        // not limit the decompressed one.
        let length = response.content_length();
        let too_large = || Error::too_large(self.route, status, self.max_body);
        if length.is_some_and(|length| length > self.max_body as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            let chunk = pin!(response.chunk());
            let chunk = self.within(Some(status), chunk).await?;
            let chunk = chunk.map_err(|error| self.failed(error, Some(status)))?;
            let Some(chunk) = chunk else { break };
            // The decompressed size counts, so that a small response cannot
            // expand into a huge one.
            if body.len() + chunk.len() > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        // For HTTP/1, hyper checks this itself; but an HTTP/2 stream that is reset
        // with NO_ERROR ends like a complete one.
        if let Some(length) = length
            && (body.len() as u64) < length
        {
            let why = format!("received {} of {length} bytes", body.len());
            let status = Some(status);
            return Err(Error::broken(
                self.route,
                Effect::Unknown,
                status,
                why.into(),
            ));
        }
        Ok(body.freeze())
    }

    /// Returns the future's output, or an error if the timeout of the call or of
    /// the attempt passes first. While the body is read (`status` is `Some`), the
    /// read timeout applies too.
    async fn within<F: Future>(
        &self,
        status: Option<StatusCode>,
        future: Pin<&mut F>,
    ) -> Result<F::Output, Error> {
        let timeouts = self.timeouts;
        let shortest = || {
            let now = self.runtime.now();
            let left = |end: Instant| end.saturating_duration_since(now);
            let attempt = left(later(self.started, timeouts.attempt));
            let mut shortest: (Duration, _) = (attempt, ("attempt_timeout", timeouts.attempt));
            if status.is_some() && timeouts.read < shortest.0 {
                shortest = (timeouts.read, ("read_timeout", timeouts.read));
            }
            if left(self.deadline) < shortest.0 {
                shortest = (left(self.deadline), ("timeout", timeouts.call));
            }
            shortest
        };
        let result = within(self.runtime, shortest, future).await;
        result.map_err(|limit| Error::timeout(self.route, Some(limit), status))
    }

    /// Converts reqwest's error. `status` is the response's, if its headers were
    /// received.
    fn failed(&self, error: reqwest::Error, status: Option<StatusCode>) -> Error {
        let route = self.route;
        // The URL contains the arguments of the call.
        let error = error.without_url();
        if error.is_connect() {
            return Error::connect(route, error.into());
        }
        if error.is_timeout() {
            return Error::timeout(route, None, status);
        }
        // Once the server has started to respond, it may have acted.
        let effect = match status {
            None if is_declined(&error) => Effect::None,
            _ => Effect::Unknown,
        };
        Error::broken(route, effect, status, error.into())
    }
}

/// Returns whether an HTTP/2 server closed the connection before it processed
/// this request, or refused the stream. Both guarantee that the request was not
/// processed (RFC 9113, section 8.7).
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
