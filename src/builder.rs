//! Building a client: its settings, their defaults, and what is refused.

use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use crate::client::Client;
use crate::error::Error;
use crate::rate_limit::RateLimiter;
use crate::retry::{Budget, Retry};
use crate::runtime::{Runtime, System};
use crate::security::Tokens;
use crate::server::{Server, is_loopback};
use crate::transport::deadline::Timeouts;
use crate::transport::{Options, Shared, Transport};
use crate::wire;

/// The largest response that is read unless the builder says otherwise: 64 MiB.
const MAX_BODY: usize = 64 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// A builder with nothing set: the production server, no tokens.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client from `ALTEGIO_PARTNER_TOKEN`, `ALTEGIO_USER_TOKEN` and
    /// `ALTEGIO_SERVER` (`production`, `mock` or a URL). Those that are not
    /// set are left out; the server is production then.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`]; a variable that is not UTF-8.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }
}

/// Builds a [`Client`].
///
/// ```
/// let client = altegio::Client::builder()
///     .partner_token("partner")
///     .user_token("user")
///     .server("http://127.0.0.1:4010".parse()?)
///     .build()?;
/// # Ok::<(), altegio::Error>(())
/// ```
///
/// How long things may take, unless set otherwise:
///
/// | setting | default | from … to |
/// |---|---|---|
/// | [`timeout`](Self::timeout) | 120 s | the call … its result: the waits for the rate limit, all attempts and the waits between them |
/// | [`attempt_timeout`](Self::attempt_timeout) | 60 s | sending a request … the last byte of its response |
/// | [`connect_timeout`](Self::connect_timeout) | 10 s | opening a connection … its TLS being ready |
/// | [`read_timeout`](Self::read_timeout) | 30 s | one part of a response's body … the next |
///
/// TLS is rustls with the machine's certificates, or the machine's own TLS
/// with the feature `native-tls`. Proxies are taken from the environment
/// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), except for a server
/// on this machine, which is always reached directly.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    server: Server,
    tokens: Tokens,
    allow_plain_http: bool,
    max_body: usize,
    connect_timeout: Option<Duration>,
    timeouts: Timeouts,
    retry: Retry,
    retry_budget: u32,
    limiter: Option<RateLimiter>,
    runtime: Arc<dyn Runtime>,
    strict: bool,
    http: Option<HttpChange>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            server: Server::default(),
            tokens: Tokens::default(),
            allow_plain_http: false,
            max_body: MAX_BODY,
            connect_timeout: None,
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            retry_budget: Budget::DEFAULT,
            limiter: None,
            runtime: Arc::new(System),
            strict: false,
            http: None,
        }
    }
}

impl ClientBuilder {
    /// What [`Client::from_env`] starts from, to set more.
    ///
    /// # Errors
    ///
    /// A variable that is not UTF-8, or a server that is none.
    pub fn from_env() -> Result<Self, Error> {
        let read = |name: &str| match env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(Error::config(format!("{name}: not UTF-8"))),
        };
        let mut builder = Self::default();
        builder.tokens.partner = read("ALTEGIO_PARTNER_TOKEN")?.map(Into::into);
        builder.tokens.user = read("ALTEGIO_USER_TOKEN")?.map(Into::into);
        if let Some(server) = read("ALTEGIO_SERVER")? {
            builder.server = server.parse()?;
        }
        Ok(builder)
    }

    /// The partner's token, from the developer's account.
    pub fn partner_token(mut self, token: impl Into<String>) -> Self {
        self.tokens.partner = Some(token.into().into());
        self
    }

    /// The user's token, from an earlier [`Client::login`].
    pub fn user_token(mut self, token: impl Into<String>) -> Self {
        self.tokens.user = Some(token.into().into());
        self
    }

    /// The server; production by default.
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Allows plain http to a server that is not this machine. The tokens
    /// travel readable then.
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// The largest response that is read, in bytes once unpacked; 64 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How long a call may take in all; two minutes by default. A call whose
    /// place in the rate limit would come later fails at once, unsent.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.call = timeout;
        self
    }

    /// How long one request may take with its response; a minute by default.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.attempt = timeout;
        self
    }

    /// How long connecting may take, TLS included; 10 seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How long the server may be silent within a response's body; 30 seconds
    /// by default.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.read = timeout;
        self
    }

    /// How often a call is tried; three times by default.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The retries that all calls of this client have in reserve together, so
    /// that an outage is not multiplied; 20 by default. Five calls that
    /// succeed give one back.
    pub fn retry_budget(mut self, retries: u32) -> Self {
        self.retry_budget = retries;
        self
    }

    /// The limit that requests wait at. By default production has
    /// [`RateLimiter::altegio`] of its own, and other servers none.
    pub fn rate_limiter(mut self, limiter: RateLimiter) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// The clock, timer and random numbers; the machine's by default. For tests.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Whether a value that does not fit the document fails the whole call,
    /// rather than being set aside into
    /// [`Response::mismatches`](crate::Response::mismatches).
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Changes the `reqwest::ClientBuilder` that the HTTP client is made from:
    /// certificates, proxies, a DNS resolver, connection pooling. The change is
    /// made once for each [`build`](Self::build), after the settings here.
    ///
    /// Redirects and retries are always the transport's, whatever the change
    /// sets: no body and no token goes to another origin, and every request
    /// waits for the rate limit. Nor does plain http to this machine go through
    /// a proxy, unless [`allow_plain_http`](Self::allow_plain_http) allows it.
    ///
    /// ```
    /// let client = altegio::Client::builder()
    ///     .http_client_builder(|http| http.pool_max_idle_per_host(2))
    ///     .build()?;
    /// # Ok::<(), altegio::Error>(())
    /// ```
    pub fn http_client_builder(
        mut self,
        change: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.http = Some(HttpChange(Arc::new(change)));
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// A token that is empty, holds a comma, a space, a line break, another
    /// control character or one outside ASCII; a user token without a partner
    /// token; an address without http(s) scheme or with a query; plain http to
    /// another machine; https without a TLS feature.
    pub fn build(self) -> Result<Client, Error> {
        self.server.check(self.allow_plain_http)?;
        let base = self.server.url();
        let http = self.http_client(&base)?;
        let authorization = self.tokens.authorization()?;
        let limiter = self.limiter.unwrap_or_else(|| match self.server {
            Server::Production => RateLimiter::altegio(),
            Server::Mock | Server::Custom(_) => RateLimiter::off(),
        });
        let mode = if self.strict {
            wire::Mode::Strict
        } else {
            wire::Mode::Salvage
        };
        Ok(Client::on(Transport::new(
            Shared {
                http,
                base,
                authorization: Arc::new(authorization),
                max_body: self.max_body,
                limiter,
                budget: Arc::new(Budget::new(self.retry_budget)),
                runtime: self.runtime,
            },
            Options {
                mode,
                retry: self.retry,
                timeouts: self.timeouts,
            },
        )))
    }

    fn http_client(&self, base: &Url) -> Result<reqwest::Client, Error> {
        if base.scheme() == "https"
            && self.http.is_none()
            && cfg!(not(any(feature = "rustls", feature = "native-tls")))
        {
            return Err(Error::config(
                "https needs TLS: enable altegio's feature `rustls` or `native-tls`, or set up \
                 reqwest's own with `http_client_builder`",
            ));
        }
        let timeout = self.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        let mut http = reqwest::Client::builder().connect_timeout(timeout);
        #[cfg(feature = "native-tls")]
        {
            http = http.tls_backend_native();
        }
        let is_here = is_loopback(base);
        if is_here {
            http = http.no_proxy();
        }
        if let Some(HttpChange(change)) = &self.http {
            http = change(http);
        }
        // The proxy would read the tokens, like any other machine.
        if is_here && base.scheme() == "http" && !self.allow_plain_http {
            http = http.no_proxy();
        }
        http.redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| Error::config(format!("TLS or proxy settings: {error}")))
    }
}

/// A change to reqwest's client builder.
#[derive(Clone)]
struct HttpChange(Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>);

impl fmt::Debug for HttpChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpChange")
    }
}
