//! The transport that sends every request: waits for a permit, makes an attempt,
//! and decides whether to retry.

mod attempt;
pub(crate) mod deadline;
pub(crate) mod trace;

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::ExponentialBackoff;
use futures_core::future::BoxFuture;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, USER_AGENT};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use tracing::Span;

use crate::call::Call;
use crate::error::{Effect, Error};
use crate::rate_limit::{NoPermit, RateLimiter};
use crate::response::{Head, Unread};
use crate::retry::{Budget, Retry, Withdrawal, retry_after};
use crate::runtime::Runtime;
use crate::security::Authorization;
use crate::server::{Server, Servers};
use crate::transport::attempt::{Attempt, Reply};
use crate::transport::deadline::{Timeouts, later, within};
use crate::wire;

/// The media type that selects the API's version.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.api.v2+json");

/// The maximum number of redirects that one attempt follows.
const REDIRECT_LIMIT: u32 = 5;

/// Sends calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
    /// The servers of the document whose operations are called.
    servers: &'static Servers,
    /// The address of the one that is used; `None` if the document does not have it.
    base: Option<Arc<Url>>,
    pub options: Options,
}

/// The state that all calls of a client share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub http: reqwest::Client,
    pub server: Server,
    pub agent: HeaderValue,
    pub authorization: Arc<Authorization>,
    pub max_body: usize,
    pub limiter: RateLimiter,
    pub budget: Arc<Budget>,
    pub runtime: Arc<dyn Runtime>,
}

/// The options that views of a client can change.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub mode: wire::Mode,
    pub retry: Retry,
    pub timeouts: Timeouts,
}

impl Transport {
    pub fn new(shared: Shared, options: Options, servers: &'static Servers) -> Self {
        Self {
            base: shared.server.base(servers).map(Arc::new),
            shared: Arc::new(shared),
            servers,
            options,
        }
    }

    /// Returns a transport for the operations of another document.
    pub fn at(&self, servers: &'static Servers) -> Self {
        let mut other = self.clone();
        if !std::ptr::eq(self.servers, servers) {
            other.base = self.shared.server.base(servers).map(Arc::new);
            other.servers = servers;
        }
        other
    }

    /// Returns the address of the document's operations.
    pub fn base(&self) -> Option<&Url> {
        self.base.as_deref()
    }

    /// Returns whether the client has a user token.
    pub fn has_user(&self) -> bool {
        self.shared.authorization.has_user()
    }

    /// Returns the time of the client's clock.
    pub fn now(&self) -> Instant {
        self.shared.runtime.now()
    }

    /// Returns a transport that uses another user token.
    pub fn with_user_token(&self, token: String) -> Result<Self, Error> {
        let mut shared = Shared::clone(&self.shared);
        shared.authorization = Arc::new(shared.authorization.with_user(token)?);
        Ok(Self {
            shared: Arc::new(shared),
            ..self.clone()
        })
    }

    /// Returns a transport with changed options.
    pub fn with(&self, change: impl FnOnce(&mut Options)) -> Self {
        let mut other = self.clone();
        change(&mut other.options);
        other
    }

    /// Sends the call and reads the whole response. The future is boxed, so that
    /// the futures of the operations are small.
    ///
    /// # Errors
    ///
    /// Returns an error if the call fails. If an argument is invalid or missing,
    /// nothing is sent.
    pub fn send<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Result<Unread, Error>> {
        Box::pin(async move {
            call.usable()?;
            match self.base() {
                Some(base) => self.send_to(base, call).await,
                None => Err(Error::config(format!(
                    "the document of this operation has no server `{}`; choose another",
                    self.shared.server
                ))),
            }
        })
    }

    async fn send_to(&self, base: &Url, call: &Call) -> Result<Unread, Error> {
        let shared = &*self.shared;
        let started = shared.runtime.now();
        let mut run = Run {
            transport: self,
            base,
            call,
            deadline: later(started, self.options.timeouts.call),
            attempts: 0,
            waited: Duration::ZERO,
            earlier: Effect::None,
            // The span is never entered: a connection of hyper keeps the span
            // in which it was opened, so the span would last as long as the
            // connection.
            span: trace::span(&call.route, base),
        };
        let result = run.complete().await;
        let result = result.map_err(|error| error.after(run.attempts, run.earlier));
        let status = match &result {
            Ok(head) => Some(head.status),
            Err(error) => error.status(),
        };
        let total = shared.runtime.now().saturating_duration_since(started);
        trace::exchanged(&run.span, run.attempts, run.waited, total, status);
        match result {
            Ok(head) => Ok(Unread {
                head,
                mode: self.options.mode,
                span: run.span,
                authorization: Arc::clone(&shared.authorization),
                runtime: Arc::clone(&shared.runtime),
                deadline: (run.deadline, self.options.timeouts.call),
            }),
            Err(error) => {
                trace::failed(&run.span, error.kind(), status);
                Err(error)
            }
        }
    }
}

/// A call in progress, and its state so far.
struct Run<'c> {
    transport: &'c Transport,
    base: &'c Url,
    call: &'c Call,
    deadline: Instant,
    /// Requests that follow a redirect do not count as attempts.
    attempts: u32,
    /// The total time spent waiting for the rate limit.
    waited: Duration,
    /// The effect that the failed attempts so far may have had on the server.
    earlier: Effect,
    span: Span,
}

impl<'c> Run<'c> {
    /// Sends the request, as often as the retry policy allows, until a response
    /// has a success status.
    async fn complete(&mut self) -> Result<Head, Error> {
        let shared = &*self.transport.shared;
        let route = &self.call.route;
        let authorization = shared.authorization.header(route)?;
        trace::body(&self.span, "request", self.call.json_body());
        let first = self.call.url(self.base);
        let mut url = Cow::Borrowed(&first);
        let mut redirects = 0;
        let mut waits = None;
        let mut failed: Option<(Error, Withdrawal<'c>)> = None;
        loop {
            let request = self.request(&url, authorization)?;
            match (self.permit().await, failed.take()) {
                (Ok(()), None) => {}
                (Ok(()), Some((_, retry))) => retry.spend(),
                // The retry is not sent. The earlier error is more useful to the
                // caller than the missing permit.
                (Err(_), Some((error, _))) => return Err(error),
                (Err(error), None) => return Err(error),
            }
            self.attempts += u32::from(redirects == 0);
            match self.attempt(request, &url).await {
                Ok(Next::Done(head)) => {
                    shared.budget.refill();
                    trace::body(&self.span, "response", Some(&head.body));
                    return Ok(head);
                }
                Ok(Next::Redirected(status, _)) if redirects == REDIRECT_LIMIT => {
                    let why = "the server redirected the request too many times";
                    return Err(Error::redirect(route, status, why));
                }
                Ok(Next::Redirected(_, target)) => {
                    redirects += 1;
                    // The server has received the request, whatever happens to
                    // the one that follows the redirect.
                    self.earlier = Effect::Unknown;
                    url = Cow::Owned(target);
                }
                Err(error) => {
                    let Some((wait, retry)) = self.decide(&error, &mut waits) else {
                        return Err(error);
                    };
                    trace::retrying(
                        &self.span,
                        self.attempts,
                        wait,
                        error.kind(),
                        error.status(),
                    );
                    if error.effect() == Effect::Unknown {
                        self.earlier = Effect::Unknown;
                    }
                    failed = Some((error, retry));
                    shared.runtime.sleep(wait).await;
                    redirects = 0;
                    url = Cow::Borrowed(&first);
                }
            }
        }
    }

    /// Builds the request for one attempt or redirect.
    fn request(
        &self,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<RequestBuilder, Error> {
        let shared = &self.transport.shared;
        let mut request = shared
            .http
            .request(self.call.route.method.clone(), url.clone())
            .header(ACCEPT, MEDIA_TYPE)
            .header(USER_AGENT, shared.agent.clone());
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        self.call.fill(request)
    }

    /// Waits until the rate limit allows a request.
    async fn permit(&mut self) -> Result<(), Error> {
        let Shared {
            runtime, limiter, ..
        } = &*self.transport.shared;
        if !limiter.holds_back() {
            return Ok(());
        }
        let runtime = &**runtime;
        let before = runtime.now();
        let deadline = self.deadline;
        let left = || {
            let left = deadline.saturating_duration_since(runtime.now());
            (left, NoPermit::TooLate(None))
        };
        let permit = pin!(limiter.acquire(runtime, deadline));
        let permit = within(runtime, left, permit)
            .await
            .and_then(|permit| permit);
        self.waited += runtime.now().saturating_duration_since(before);
        let route = &self.call.route;
        permit.map_err(|error| match error {
            NoPermit::TooLate(wait) => {
                let timeout = self.transport.options.timeouts.call;
                Error::late_permit(route, wait, timeout)
            }
            NoPermit::Broken(source) => Error::limiter(route, source),
        })
    }

    /// Sends one request and determines the next step from its response.
    async fn attempt(&self, request: RequestBuilder, url: &Url) -> Result<Next, Error> {
        let shared = &*self.transport.shared;
        let route = &self.call.route;
        let attempt = Attempt {
            route,
            runtime: &*shared.runtime,
            timeouts: &self.transport.options.timeouts,
            started: shared.runtime.now(),
            deadline: self.deadline,
            max_body: shared.max_body,
        };
        match attempt.send(request, url).await? {
            Reply::Response {
                status,
                headers,
                body,
            } if status.is_success() => Ok(Next::Done(Head {
                route: route.clone(),
                status,
                headers,
                body,
                attempts: self.attempts,
                earlier: self.earlier,
            })),
            Reply::Response {
                status,
                headers,
                body,
            } => {
                let wait = retry_after(&headers, shared.runtime.date());
                let secrets = shared.authorization.secrets();
                Err(Error::api(route, status, body, wait, &secrets))
            }
            Reply::Redirect { status, target } => {
                let refuse = |why| Err(Error::redirect(route, status, why));
                match target {
                    None => refuse("the server redirected to an invalid address"),
                    Some(target) if target.origin() != url.origin() => refuse(
                        "the server redirected to another origin, to which tokens are not sent",
                    ),
                    // A 307 or 308 would send the body a second time; a 301, 302
                    // or 303 would drop it.
                    Some(_) if !matches!(route.method, Method::GET | Method::HEAD) => {
                        refuse("the server redirected a request other than GET")
                    }
                    // The server may have acted before it redirected.
                    Some(_) if !route.idempotent => {
                        refuse("the server redirected a request that must not be sent twice")
                    }
                    Some(mut target) => {
                        // reqwest would add a second `Authorization` header from
                        // these. Setting them cannot fail for an HTTP URL.
                        let _ = target.set_username("");
                        let _ = target.set_password(None);
                        Ok(Next::Redirected(status, target))
                    }
                }
            }
        }
    }

    /// Decides whether the request is sent again, and after what wait.
    fn decide(
        &self,
        error: &Error,
        waits: &mut Option<ExponentialBackoff>,
    ) -> Option<(Duration, Withdrawal<'c>)> {
        let shared = &self.transport.shared;
        let now = shared.runtime.now();
        let asked = error.retry_after();
        if error.is_rate_limited()
            && let Some(pause) = asked
        {
            shared.limiter.pause(now, pause);
        }
        if !error.is_retryable() {
            return None;
        }
        let waits = waits.get_or_insert_with(|| self.transport.options.retry.waits());
        let bound = waits.next()?;
        // A runtime of the caller's may return anything, even NaN.
        let part = match shared.runtime.random() {
            random if random.is_nan() => 1.0,
            random => random.clamp(0.0, 1.0),
        };
        let wait = bound.mul_f64(part);
        let wait = wait.max(asked.unwrap_or_default());
        // Waiting past the deadline would replace this error with a timeout.
        if now
            .checked_add(wait)
            .is_none_or(|then| then >= self.deadline)
        {
            return None;
        }
        Some((wait, shared.budget.take()?))
    }
}

/// The next step after a response.
enum Next {
    Done(Head),
    Redirected(StatusCode, Url),
}

/// Shows the server and whether requests are rate limited. The other fields
/// are secret, or internal to reqwest.
impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("server", &self.shared.server)
            .field("limited", &self.shared.limiter.is_limited())
            .finish_non_exhaustive()
    }
}
