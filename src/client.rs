//! The client: its operations, its requests, `login`.

use crate::error::Error;
use crate::request::Request;
use crate::transport::Transport;

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
    transport: Transport,
}

impl Client {
    /// The operations of the B2B V1 document. Bring
    /// [`b2b_v1::prelude`](crate::b2b_v1::prelude) into scope to call them.
    pub fn b2b_v1(&self) -> crate::b2b_v1::Client {
        crate::b2b_v1::Client::on(&self.transport)
    }

    /// A request of one's own, for what the document does not have: a path from
    /// the API's root, with its query, both encoded. It has the tokens that the
    /// client has, and all rules of a call: the rate limit, retries by method,
    /// timeouts, redirects.
    ///
    /// ```no_run
    /// # async fn run(client: &altegio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use altegio::wire::{Mode, decode};
    ///
    /// let answer = client
    ///     .request("GET".parse()?, "/company/123?my=1")
    ///     .send()
    ///     .await?;
    /// let location: serde_json::Value = decode(answer.body(), Mode::Strict)?.value;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: reqwest::Method, path: &str) -> Request {
        Request::new(&self.transport, &method, path)
    }

    /// Signs a user in with `POST /auth` and returns a client that holds the
    /// user's token beside this one's partner token. With the feature
    /// `authentication-b2b`.
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
    #[cfg(feature = "authentication-b2b")]
    pub async fn login(&self, login: &str, password: &str) -> Result<Self, Error> {
        use crate::b2b_v1::prelude::*;

        let answer = self
            .b2b_v1()
            .authorize_user()
            .body_map(|body| body.login(login).password(password))
            .send()
            .await?;
        let route = answer.route().clone();
        let token = answer.into_data()?.user_token.ok_or_else(|| {
            Error::missing_token(&route, "the answer holds no user token".to_owned())
        })?;
        Ok(Self::on(self.transport.with_user_token(token)?))
    }

    pub(crate) fn on(transport: Transport) -> Self {
        Self { transport }
    }
}

/// The view of a client that has the calls of one document: its options hold
/// for the calls that are made through it, and for no others.
macro_rules! view {
    ($(#[$attribute:meta])*) => {
        $(#[$attribute])*
        ///
        /// Cheap to clone, as the client is.
        #[derive(Clone, Debug)]
        pub struct Client {
            transport: $crate::codegen::Transport,
        }

        impl Client {
            pub(crate) fn on(transport: &$crate::codegen::Transport) -> Self {
                Self { transport: transport.clone() }
            }

            /// Returns the same view for strict calls: a value that does not fit
            /// the document is an error of the call, rather than one of the
            /// response's [`mismatches`](crate::Response::mismatches).
            #[must_use]
            pub fn strict(&self) -> Self {
                Self { transport: self.transport.with(|options| options.mode = $crate::wire::Mode::Strict) }
            }

            /// Returns the same view for calls with another retry policy.
            #[must_use]
            pub fn retry(&self, retry: $crate::Retry) -> Self {
                Self { transport: self.transport.with(|options| options.retry = retry) }
            }

            /// Returns the same view for calls that may take this long in all.
            #[must_use]
            pub fn timeout(&self, timeout: ::std::time::Duration) -> Self {
                Self { transport: self.transport.with(|options| options.timeouts.call = timeout) }
            }

            /// Returns the same view for calls of which each attempt may take this long.
            #[must_use]
            pub fn attempt_timeout(&self, timeout: ::std::time::Duration) -> Self {
                Self {
                    transport: self.transport.with(|options| options.timeouts.attempt = timeout),
                }
            }
        }
    };
}
pub(crate) use view;
