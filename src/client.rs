//! The client: its builder, `from_env`, `login`.

use std::env;
use std::time::Duration;

use crate::auth::Tokens;
use crate::error::Error;
use crate::server::Server;
use crate::transport::Transport;
use crate::wire;

/// The largest answer that is read unless the builder says otherwise: 64 MiB.
const MAX_BODY: usize = 64 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(120);

/// The tokens, the server and the connection pool behind every call.
///
/// Cheap to clone: clones share the pool.
///
/// ```no_run
/// use altegio::b2b_v1::prelude::*;
///
/// # async fn run() -> Result<(), altegio::Error> {
/// let client = altegio::Client::from_env()?;
/// let fields = client
///     .b2b_v1()
///     .get_custom_field_list()
///     .field_category("record")
///     .location_id(123)
///     .send()
///     .await?
///     .into_data()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    b2b_v1: crate::b2b_v1::Client,
}

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

    /// The operations of the B2B V1 document. Bring
    /// [`b2b_v1::prelude`](crate::b2b_v1::prelude) into scope to call them.
    pub fn b2b_v1(&self) -> &crate::b2b_v1::Client {
        &self.b2b_v1
    }

    /// Signs a user in with `POST /auth` and returns a client that holds the
    /// user's token beside this one's partner token.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), altegio::Error> {
    /// let partner = altegio::Client::builder().partner_token("…").build()?;
    /// let client = partner.login("+13155550175", "password").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The server refuses, or its answer holds no token.
    pub async fn login(&self, login: &str, password: &str) -> Result<Self, Error> {
        use crate::b2b_v1::prelude::*;

        let answer = self
            .b2b_v1
            .authorize_user()
            .body_map(|body| body.login(login).password(password))
            .send()
            .await?;
        let operation = answer.operation();
        let token = answer.into_data()?.user_token.ok_or_else(|| {
            Error::missing_token(operation, "the answer holds no user token".to_owned())
        })?;
        Ok(Self::on(self.b2b_v1.transport.with_user_token(token)?))
    }

    fn on(transport: Transport) -> Self {
        Self {
            b2b_v1: crate::b2b_v1::Client { transport },
        }
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
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ClientBuilder {
    server: Server,
    tokens: Tokens,
    allow_plain_http: bool,
    max_body: Option<usize>,
    timeout: Option<Duration>,
    strict: bool,
    http: Option<reqwest::Client>,
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

    /// The largest answer that is read, in bytes; 64 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// How long a whole exchange may take; two minutes by default. Connecting
    /// may take 10 seconds of it, waiting for more of an answer 30.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether a value that does not fit the document fails the whole call,
    /// rather than being set aside into
    /// [`Response::mismatches`](crate::Response::mismatches).
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// A `reqwest::Client` of one's own: its TLS, proxies and timeouts hold.
    /// It should not follow redirects; the transport does, on the same server.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// A token that is empty, holds a comma, a space, a line break, another
    /// control character or one outside ASCII; an address without http(s)
    /// scheme or with a query; plain http to another machine.
    pub fn build(self) -> Result<Client, Error> {
        self.tokens.check()?;
        self.server.check(self.allow_plain_http)?;
        let http = match self.http {
            Some(http) => http,
            None => reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .timeout(self.timeout.unwrap_or(TIMEOUT))
                .build()
                .map_err(|error| Error::config(format!("TLS or proxy settings: {error}")))?,
        };
        let mode = if self.strict {
            wire::Mode::Strict
        } else {
            wire::Mode::Salvage
        };
        let max_body = self.max_body.unwrap_or(MAX_BODY);
        Ok(Client::on(Transport::new(
            http,
            self.server.url(),
            self.tokens,
            max_body,
            mode,
        )))
    }
}
