//! The one path that every request takes: authorize → limit → send → retry → trace.

pub(crate) mod deadline;
pub(crate) mod trace;

use std::borrow::Cow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION, USER_AGENT};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use tracing::Span;

use crate::call::Call;
use crate::error::Error;
use crate::rate_limit::{NoPermit, RateLimiter};
use crate::response::{Answer, Head, Response};
use crate::retry::{Budget, Retry};
use crate::runtime::Runtime;
use crate::security::Authorization;
use crate::transport::deadline::{Timeouts, later, within};
use crate::wire::{self, Mismatch};

/// The media type that selects the API's version.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.api.v2+json");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("altegio-rust/", env!("CARGO_PKG_VERSION")));

/// Redirects of one GET that are followed, on the same server.
const REDIRECT_LIMIT: usize = 5;

/// What requests are sent with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
    pub options: Options,
}

/// What all calls of a client have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub http: reqwest::Client,
    pub base: Url,
    pub authorization: Authorization,
    pub max_body: usize,
    pub limiter: RateLimiter,
    pub budget: Arc<Budget>,
    pub runtime: Arc<dyn Runtime>,
}

/// What a call can have of its own.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub mode: wire::Mode,
    pub retry: Retry,
    pub timeouts: Timeouts,
}

impl Transport {
    pub fn new(shared: Shared, options: Options) -> Self {
        Self {
            shared: Arc::new(shared),
            options,
        }
    }

    /// Whether calls can be made in a user's name.
    pub fn has_user(&self) -> bool {
        self.shared.authorization.has_user()
    }

    /// The same transport with another user token.
    pub fn with_user_token(&self, token: String) -> Result<Self, Error> {
        let mut shared = Shared::clone(&self.shared);
        shared.authorization = shared.authorization.with_user(token)?;
        Ok(Self::new(shared, self.options))
    }

    /// The same transport for calls with other options.
    pub fn with(&self, change: impl FnOnce(&mut Options)) -> Self {
        let mut other = self.clone();
        change(&mut other.options);
        other
    }

    /// Sends the call and reads the whole answer.
    pub async fn send(&self, call: &Call) -> Result<Exchange, Error> {
        // Never entered: hyper's connections would keep the span they were
        // opened in, and it would last as long as they do.
        let mut progress = Progress {
            span: trace::span(&call.route, &self.shared.base),
            started: self.shared.runtime.now(),
            attempts: 0,
            waited: Duration::ZERO,
        };
        let result = self.attempts(call, &mut progress).await;
        let result = result.map_err(|error| error.after(progress.attempts));
        let status = match &result {
            Ok(exchange) => Some(exchange.head.status),
            Err(error) => error.status(),
        };
        let error = result.as_ref().err().map(Error::kind);
        let total = self
            .shared
            .runtime
            .now()
            .saturating_duration_since(progress.started);
        trace::record(&progress, total, status, error);
        result
    }

    async fn attempts(&self, call: &Call, progress: &mut Progress) -> Result<Exchange, Error> {
        let shared = &*self.shared;
        let route = &call.route;
        let authorization = shared.authorization.header(route)?;
        let url = call.url(&shared.base);
        trace::body(&progress.span, "request", call.json_body());
        let deadline = later(progress.started, self.options.timeouts.call);
        let mut waits = None;
        let request = Request {
            call,
            method: &route.method,
            authorization,
            deadline,
        };
        loop {
            let error = match self.attempt(&request, &url, progress).await {
                Ok(mut exchange) => {
                    exchange.head.attempts = progress.attempts;
                    shared.budget.give_back();
                    trace::body(&progress.span, "answer", Some(&exchange.head.body));
                    return Ok(exchange);
                }
                Err(error) => error,
            };
            let now = shared.runtime.now();
            if error.is_rate_limited()
                && let Some(pause) = error.retry_after()
            {
                shared.limiter.pause(now, pause);
            }
            if !error.is_retryable() || progress.attempts == 0 {
                return Err(error);
            }
            let waits = waits.get_or_insert_with(|| self.options.retry.waits());
            let Some(most) = waits.next() else {
                return Err(error);
            };
            let wait = most.mul_f64(shared.runtime.random().clamp(0.0, 1.0));
            let wait = wait.max(error.retry_after().unwrap_or_default());
            // To wait past the deadline would put a timeout in the error's place.
            if now.checked_add(wait).is_none_or(|then| then >= deadline) || !shared.budget.take() {
                return Err(error);
            }
            trace::again(progress, wait, &error);
            shared.runtime.sleep(wait).await;
        }
    }

    /// One attempt, redirects on the same server included.
    async fn attempt(
        &self,
        request: &Request<'_>,
        url: &Url,
        progress: &mut Progress,
    ) -> Result<Exchange, Error> {
        let mut url = Cow::Borrowed(url);
        let route = &request.call.route;
        for hop in 0..=REDIRECT_LIMIT {
            self.place(request, progress).await?;
            // A redirect is a request, but no attempt of its own.
            progress.attempts += u32::from(hop == 0);
            let started = self.shared.runtime.now();
            let (status, target) = match self.exchange(request, &url, started).await? {
                Hop::Answer(exchange) => return Ok(exchange),
                Hop::Redirect(status, target) => (status, target),
            };
            let refuse = |why| Err(Error::redirect(route, status, why));
            match target {
                None => return refuse("the server redirected to something that is no address"),
                Some(target) if target.origin() != url.origin() => {
                    return refuse(
                        "the server redirected to another origin, where the tokens do not go",
                    );
                }
                // 307 and 308 would send a body a second time; 301 to 303 drop it.
                Some(_) if !matches!(*request.method, Method::GET | Method::HEAD) => {
                    return refuse("the server redirected a request that changes something");
                }
                Some(target) => url = Cow::Owned(target),
            }
        }
        Err(Error::redirect(
            route,
            StatusCode::LOOP_DETECTED,
            "the server redirects in a circle",
        ))
    }

    /// Waits for the rate limit.
    async fn place(&self, request: &Request<'_>, progress: &mut Progress) -> Result<(), Error> {
        let Shared {
            runtime, limiter, ..
        } = &*self.shared;
        let route = &request.call.route;
        if !limiter.holds_back() {
            return Ok(());
        }
        let before = runtime.now();
        let left = || {
            let left = request.deadline.saturating_duration_since(runtime.now());
            (left, NoPermit::TooLate(None))
        };
        let place = pin!(limiter.acquire(&**runtime, request.deadline));
        let place = within(&**runtime, left, place)
            .await
            .and_then(|place| place);
        progress.waited += runtime.now().saturating_duration_since(before);
        place.map_err(|error| match error {
            NoPermit::TooLate(wait) => {
                Error::no_place_in_time(route, wait, self.options.timeouts.call)
            }
            NoPermit::Broken(source) => Error::limiter(route, source),
        })
    }

    /// One request and its answer.
    async fn exchange(
        &self,
        request: &Request<'_>,
        url: &Url,
        started: Instant,
    ) -> Result<Hop, Error> {
        let route = &request.call.route;
        let mut http = self
            .shared
            .http
            .request(request.method.clone(), url.clone())
            .header(ACCEPT, MEDIA_TYPE)
            .header(USER_AGENT, AGENT);
        if let Some(value) = request.authorization {
            http = http.header(AUTHORIZATION, value.clone());
        }
        let http = request.call.put_body(http)?;
        let sent = pin!(http.send());
        let response = self.within(request, started, false, sent).await?;
        let mut response = response.map_err(|error| Error::http(route, error))?;
        let status = response.status();
        if status.is_redirection()
            && let Some(location) = response.headers().get(LOCATION)
        {
            let target = location.to_str().ok().and_then(|to| url.join(to).ok());
            return Ok(Hop::Redirect(status, target));
        }

        let limit = self.shared.max_body;
        let headers = std::mem::take(response.headers_mut());
        let too_large = || Error::too_large(route, status, limit);
        let length = response.content_length();
        if length.is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            let chunk = pin!(response.chunk());
            let chunk = self.within(request, started, true, chunk).await;
            let chunk = chunk
                .and_then(|chunk| chunk.map_err(|error| Error::http(route, error)))
                .map_err(|error| error.with_status(status))?;
            let Some(chunk) = chunk else { break };
            // Counted as unpacked, so a small answer cannot become a huge one.
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let body = body.freeze();
        if !status.is_success() {
            let now = self.shared.runtime.date();
            return Err(Error::answer(route, status, &headers, body, now));
        }
        Ok(Hop::Answer(Exchange {
            mode: self.options.mode,
            head: Head {
                route: route.clone(),
                status,
                headers,
                body,
                attempts: 0,
            },
        }))
    }

    /// The future, as long as the call, the attempt and, for more of a body,
    /// the server's silence may take.
    async fn within<F: Future>(
        &self,
        request: &Request<'_>,
        started: Instant,
        reading: bool,
        future: Pin<&mut F>,
    ) -> Result<F::Output, Error> {
        let runtime = &*self.shared.runtime;
        let timeouts = &self.options.timeouts;
        let shortest = || {
            let now = runtime.now();
            let left = |end: Instant| end.saturating_duration_since(now);
            let attempt = left(later(started, timeouts.attempt));
            let mut shortest = (attempt, ("attempt_timeout", timeouts.attempt));
            if reading && timeouts.read < shortest.0 {
                shortest = (timeouts.read, ("read_timeout", timeouts.read));
            }
            if left(request.deadline) < shortest.0 {
                shortest = (left(request.deadline), ("timeout", timeouts.call));
            }
            shortest
        };
        let result = within(runtime, shortest, future).await;
        result.map_err(|(setting, length)| Error::timeout(&request.call.route, setting, length))
    }
}

/// What the attempts of a call have in common.
struct Request<'a> {
    call: &'a Call,
    method: &'a Method,
    authorization: Option<&'a HeaderValue>,
    deadline: Instant,
}

enum Hop {
    Answer(Exchange),
    Redirect(StatusCode, Option<Url>),
}

/// What a call has come to so far.
pub(crate) struct Progress {
    pub span: Span,
    started: Instant,
    pub attempts: u32,
    /// For the rate limit, in all.
    pub waited: Duration,
}

/// Shows the server and whether it is limited: what else it holds is secret or reqwest's.
impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("base", &self.shared.base.as_str())
            .field("limited", &self.shared.limiter.is_limited())
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
        if head.says_nothing() {
            return Err(head.undecodable(wire::Failure::nothing()));
        }
        match wire::decode::<T>(&head.body, mode) {
            Ok(decoded) if !decoded.value.refused() => {
                if !decoded.mismatches.is_empty() {
                    head.warn_of(&decoded.mismatches);
                }
                Ok(Response {
                    value: decoded.value,
                    mismatches: decoded.mismatches,
                    has_unknown_fields: decoded.has_unknown_fields,
                    head,
                })
            }
            Ok(_) => Err(head.refused()),
            Err(failure) => Err(head.undecodable(failure)),
        }
    }

    /// The answer's bytes.
    pub fn raw(self) -> Result<Response<Bytes>, Error> {
        Ok(Response {
            value: self.head.body.clone(),
            mismatches: Vec::new(),
            has_unknown_fields: false,
            head: self.head,
        })
    }

    /// An answer of which the document says nothing.
    pub fn none(self) -> Result<Response<()>, Error> {
        Ok(Response {
            value: (),
            mismatches: Vec::new(),
            has_unknown_fields: false,
            head: self.head,
        })
    }
}

/// What of reading an answer does not depend on its type.
impl Head {
    /// Only a 204 may say nothing; of a 200, what is missing is the answer.
    fn says_nothing(&self) -> bool {
        self.body.is_empty() && self.status != StatusCode::NO_CONTENT
    }

    fn refused(self) -> Error {
        Error::api(&self.route, self.status, self.body).after(self.attempts)
    }

    fn undecodable(self, failure: wire::Failure) -> Error {
        // `success: false` may come with less than the success answer holds.
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(body) if body.refused() => self.refused(),
            _ => Error::decode(&self.route, self.status, self.body, failure).after(self.attempts),
        }
    }

    fn warn_of(&self, mismatches: &[Mismatch]) {
        for mismatch in mismatches {
            tracing::warn!(
                operation = self.route.id,
                path = mismatch.path,
                expected = mismatch.expected,
                found = %mismatch.found,
                "a value of the answer does not fit the document and was set aside"
            );
        }
    }
}
