//! The client builder: its settings, their defaults and the validation of both.

use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;

use crate::b2b_v1;
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

/// The default limit on the size of a response body: 64 MiB.
const MAX_BODY: usize = 64 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("altegio-rust/", env!("CARGO_PKG_VERSION"));

impl Client {
    /// Returns a builder with the default settings: the production server and
    /// no tokens.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Builds a client from the environment variables `ALTEGIO_PARTNER_TOKEN`,
    /// `ALTEGIO_USER_TOKEN` and `ALTEGIO_SERVER` (`production`, `local`, `mock` or
    /// a URL; see [`Server`]). Variables that are not set are skipped; without `ALTEGIO_SERVER`,
    /// the server is production.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`ClientBuilder::from_env`] and
    /// [`ClientBuilder::build`].
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
/// # Timeouts
///
/// | setting | default | measured from … to … |
/// |---|---|---|
/// | [`timeout`](Self::timeout) | 120 s | the start of the call … its result, including waits for the rate limit, all attempts and the waits between them |
/// | [`attempt_timeout`](Self::attempt_timeout) | 60 s | sending a request … the last byte of its response |
/// | [`connect_timeout`](Self::connect_timeout) | 10 s | opening a connection … the end of its TLS handshake |
/// | [`read_timeout`](Self::read_timeout) | 30 s | one chunk of a response's body … the next |
///
/// # TLS and proxies
///
/// TLS is rustls with the operating system's root certificates, or the
/// operating system's own TLS with the feature `native-tls`. Proxies are taken
/// from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
/// `NO_PROXY`), except for a server on this machine, which is connected to
/// directly.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    server: Server,
    tokens: Tokens,
    app_name: Option<String>,
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
            app_name: None,
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
    /// Returns a builder with the settings that [`Client::from_env`] reads
    /// from the environment.
    ///
    /// # Errors
    ///
    /// Returns an error if a variable is not valid UTF-8 or if
    /// `ALTEGIO_SERVER` is not a valid server.
    pub fn from_env() -> Result<Self, Error> {
        let read = |name: &str| match env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => {
                Err(Error::config(format!("{name}: not valid UTF-8")))
            }
        };
        let mut builder = Self::default();
        builder.tokens.partner = read("ALTEGIO_PARTNER_TOKEN")?.map(Into::into);
        builder.tokens.user = read("ALTEGIO_USER_TOKEN")?.map(Into::into);
        if let Some(server) = read("ALTEGIO_SERVER")? {
            builder.server = server.parse()?;
        }
        Ok(builder)
    }

    /// Sets the partner token, from the developer's account.
    pub fn partner_token(mut self, token: impl Into<String>) -> Self {
        self.tokens.partner = Some(token.into().into());
        self
    }

    /// Sets the user token, such as one from an earlier [`Client::login`].
    pub fn user_token(mut self, token: impl Into<String>) -> Self {
        self.tokens.user = Some(token.into().into());
        self
    }

    /// Sets the name of your application, which stands before the crate's own in the
    /// `User-Agent` header of every request, such as `shop/1.2`. It lets the vendor's
    /// support recognize your requests.
    ///
    /// ```
    /// let client = altegio::Client::builder()
    ///     .app_name(concat!("shop/", env!("CARGO_PKG_VERSION")))
    ///     .build()?;
    /// # Ok::<(), altegio::Error>(())
    /// ```
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.app_name = Some(name.into());
        self
    }

    /// Sets the server; production by default.
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Allows plain HTTP to a server on another machine. The tokens are then
    /// sent unencrypted.
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// Sets the limit on the size of a response body, in bytes after
    /// decompression; 64 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets how long a call may take in total; two minutes by default. A call
    /// whose permit from the rate limit would come later than that fails
    /// immediately and is not sent.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.call = timeout;
        self
    }

    /// Sets how long one request may take, from sending it to the last byte of
    /// its response; one minute by default. It applies separately to each
    /// attempt and to each redirect that is followed.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.attempt = timeout;
        self
    }

    /// Sets how long connecting may take, including the TLS handshake; 10
    /// seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets how long the server may pause between two chunks of a response's
    /// body; 30 seconds by default.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.read = timeout;
        self
    }

    /// Sets the retry policy; three attempts by default.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the retry budget that all calls of this client share, so that
    /// retries do not multiply the load of an outage; 20 retries by default.
    /// Every five calls that succeed give one retry back.
    pub fn retry_budget(mut self, retries: u32) -> Self {
        self.retry_budget = retries;
        self
    }

    /// Sets the rate limiter that requests wait for. By default, a client for
    /// production has its own [`RateLimiter::altegio`], and clients for other
    /// servers have no rate limit.
    pub fn rate_limiter(mut self, limiter: RateLimiter) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Sets the clock, the timer and the source of randomness; the system's by
    /// default. Meant for tests.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Sets whether a value that does not fit the document fails the whole
    /// call, instead of being reported in
    /// [`Response::mismatches`](crate::Response::mismatches).
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Customizes the `reqwest::ClientBuilder` that the HTTP client is built
    /// from: certificates, proxies, a DNS resolver, connection pooling.
    /// `change` is called once for each [`build`](Self::build), after the
    /// settings of this builder have been applied.
    ///
    /// Settings for redirects and retries are overridden, because the transport
    /// handles both itself: no body and no token is sent to another origin, and
    /// every request waits for the rate limit. Proxies are also disabled for
    /// plain HTTP to this machine, unless
    /// [`allow_plain_http`](Self::allow_plain_http) is set.
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

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Config`](crate::ErrorKind::Config)
    /// if:
    ///
    /// - a token is empty, or contains a comma, a space, a line break, another
    ///   control character or a character outside ASCII;
    /// - a user token is set without a partner token;
    /// - the application's name is blank or has a character other than visible ASCII
    ///   characters and spaces;
    /// - the server's URL has a scheme other than `http` or `https`, a query, a
    ///   fragment, a user name or a password;
    /// - the server's URL is plain HTTP to another machine, and
    ///   [`allow_plain_http`](Self::allow_plain_http) is not set;
    /// - the server's URL is HTTPS, and neither a TLS feature nor
    ///   [`http_client_builder`](Self::http_client_builder) is used;
    /// - reqwest rejects the TLS or proxy settings.
    pub fn build(self) -> Result<Client, Error> {
        self.server.check(self.allow_plain_http)?;
        let agent = agent(self.app_name.as_deref())?;
        let http = self.http_client()?;
        let authorization = self.tokens.authorization()?;
        let limiter = self.limiter.unwrap_or_else(|| match self.server {
            Server::Production => RateLimiter::altegio(),
            Server::Local | Server::Mock | Server::Custom(_) => RateLimiter::off(),
        });
        let mode = if self.strict {
            wire::Mode::Strict
        } else {
            wire::Mode::Salvage
        };
        Ok(Client::on(Transport::new(
            Shared {
                http,
                server: self.server,
                agent,
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
            &b2b_v1::SERVERS,
        )))
    }

    fn http_client(&self) -> Result<reqwest::Client, Error> {
        // Production and the vendor's mock server.
        let is_hosted = matches!(self.server, Server::Production | Server::Mock);
        let base = self.server.base(&b2b_v1::SERVERS);
        let is_https = is_hosted || base.as_ref().is_some_and(|base| base.scheme() == "https");
        if is_https
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
        let is_here = base.as_ref().is_some_and(is_loopback);
        if is_here {
            http = http.no_proxy();
        }
        if let Some(HttpChange(change)) = &self.http {
            http = change(http);
        }
        // A proxy could read the tokens, like any other machine on the way.
        if is_here && !is_https && !self.allow_plain_http {
            http = http.no_proxy();
        }
        http.redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| Error::config(format!("TLS or proxy settings: {error}")))
    }
}

/// Returns the `User-Agent` header.
fn agent(app_name: Option<&str>) -> Result<HeaderValue, Error> {
    let Some(name) = app_name else {
        return Ok(HeaderValue::from_static(AGENT));
    };
    let is_usable = |c: char| c == ' ' || c.is_ascii_graphic();
    let agent = match !name.trim().is_empty() && name.chars().all(is_usable) {
        true => HeaderValue::try_from(format!("{} {AGENT}", name.trim())).ok(),
        false => None,
    };
    agent.ok_or_else(|| {
        Error::config("app_name: expected visible ASCII characters and spaces, such as `shop/1.2`")
    })
}

/// The caller's change to reqwest's client builder.
#[derive(Clone)]
struct HttpChange(Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>);

impl fmt::Debug for HttpChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpChange")
    }
}
