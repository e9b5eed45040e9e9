//! The client: access to the operations, custom requests and `login`.

use crate::error::Error;
use crate::request::Request;
use crate::transport::Transport;

/// The entry point of the crate: holds the tokens, the server and the
/// connection pool that every call uses.
///
/// Cheap to clone; clones share the connection pool.
///
/// ```no_run
/// use altegio::ids::LocationId;
///
/// # async fn run() -> Result<(), altegio::Error> {
/// let client = altegio::Client::from_env()?;
/// let fields = client
///     .b2b_v1()
///     .get_custom_field_list("record", LocationId(123))
///     .send()
///     .await?
///     .into_data()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// Returns a view with the operations of the B2B V1 document.
    pub fn b2b_v1(&self) -> crate::b2b_v1::Client {
        crate::b2b_v1::Client::on(&self.transport)
    }

    /// Starts a custom request, for endpoints that the document does not have.
    ///
    /// `path` starts at the root of B2B V1, `/api/v1` in production, and may include a
    /// query; both must already be percent-encoded. The request carries the client's tokens (it
    /// needs at least a partner token) and follows the same rules as any other
    /// call: the rate limit, retries (idempotence is derived from the method),
    /// timeouts and redirects.
    ///
    /// ```no_run
    /// # async fn run(client: &altegio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = client.request("GET".parse()?, "/company/123").query("my", 1);
    /// let location = request.json_as::<serde_json::Value>().await?;
    /// println!("{}", location["data"]["title"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: reqwest::Method, path: &str) -> Request {
        Request::new(&self.transport, &method, path)
    }

    /// Signs a user in with `POST /auth` and returns a client that holds the
    /// user's token in addition to this client's partner token. Requires the
    /// feature `b2b-v1-authentication-b2b`.
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
    /// Returns an error if the call fails, or an error of kind
    /// [`Decode`](crate::ErrorKind::Decode) if the response has no user token.
    #[cfg(feature = "b2b-v1-authentication-b2b")]
    pub async fn login(&self, login: &str, password: &str) -> Result<Self, Error> {
        let response = self
            .b2b_v1()
            .authorize_user()
            .body_map(|body| body.login(login).password(password))
            .send()
            .await?;
        let head = response.head.clone();
        let token = response.into_data()?.user_token;
        let token = token.ok_or_else(|| head.without("$.data.user_token"))?;
        self.with_user_token(token)
    }

    /// Returns a client for another user, with the same partner token. It shares this
    /// client's connections, rate limit and retry budget.
    ///
    /// ```no_run
    /// # async fn run(client: &altegio::Client, tokens: Vec<String>) -> Result<(), altegio::Error> {
    /// for token in tokens {
    ///     let locations = client.with_user_token(token)?.b2b_v1().get_location_list().send().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`Config`](crate::ErrorKind::Config) if the token cannot
    /// be part of a header, or if the client has no partner token.
    pub fn with_user_token(&self, token: impl Into<String>) -> Result<Self, Error> {
        Ok(Self::on(self.transport.with_user_token(token.into())?))
    }

    pub(crate) fn on(transport: Transport) -> Self {
        Self { transport }
    }
}

/// Defines the view of a client that has the calls of one document. A view's
/// options apply only to the calls made through it.
macro_rules! view {
    () => {
        /// A client's calls of the operations of the document, one method each. The
        /// arguments in the path are the method's, in the order of the URL; the others
        /// are set on the returned request builder.
        ///
        /// Cheap to clone, like the client.
        #[derive(Clone, Debug)]
        pub struct Client {
            transport: $crate::codegen::Transport,
        }

        impl Client {
            pub(crate) fn on(transport: &$crate::codegen::Transport) -> Self {
                Self {
                    transport: transport.at(&SERVERS),
                }
            }

            /// Returns the address to which the paths of the operations are appended;
            /// `None` if the document has no such [`Server`](crate::Server).
            pub fn url(&self) -> Option<&$crate::reqwest::Url> {
                self.transport.base()
            }

            /// Returns a view whose calls are strict: a value that does not fit
            /// the document fails the call, instead of being reported in the
            /// response's [`mismatches`](crate::Response::mismatches).
            #[must_use]
            pub fn strict(&self) -> Self {
                Self {
                    transport: self
                        .transport
                        .with(|options| options.mode = $crate::wire::Mode::Strict),
                }
            }

            /// Returns a view whose calls use this retry policy.
            #[must_use]
            pub fn retry(&self, retry: $crate::Retry) -> Self {
                Self {
                    transport: self.transport.with(|options| options.retry = retry),
                }
            }

            /// Returns a view whose calls may take this long in total.
            #[must_use]
            pub fn timeout(&self, timeout: ::std::time::Duration) -> Self {
                Self {
                    transport: self
                        .transport
                        .with(|options| options.timeouts.call = timeout),
                }
            }

            /// Returns a view whose calls may take this long for each attempt.
            #[must_use]
            pub fn attempt_timeout(&self, timeout: ::std::time::Duration) -> Self {
                Self {
                    transport: self
                        .transport
                        .with(|options| options.timeouts.attempt = timeout),
                }
            }
        }
    };
}
pub(crate) use view;
