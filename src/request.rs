//! Custom requests, for endpoints that the document does not have.

use std::fmt::Display;

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::Error;
use crate::operation::{Route, Security};
use crate::response::{Response, Unread};
use crate::transport::Transport;

/// A custom request, created by [`Client::request`](crate::Client::request).
#[derive(Clone)]
#[must_use = "nothing is sent until it is awaited"]
pub struct Request {
    transport: Transport,
    call: Call,
}

impl Request {
    pub(crate) fn new(transport: &Transport, method: &Method, path: &str) -> Self {
        let security = match transport.has_user() {
            true => Security::PartnerAndUser,
            false => Security::Partner,
        };
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        let route = Route {
            id: "request",
            method: method.clone(),
            // Spans show this instead of the path, which may identify a
            // customer.
            path: "{path}",
            security,
            idempotent: method.is_idempotent(),
        };
        let mut call = Call::to(route, path);
        if !methods.contains(method) {
            call.fail(format!(
                "`{method}`: expected GET, POST, PUT, PATCH or DELETE"
            ));
        } else if !path.starts_with('/') || path.starts_with("//") {
            // An absolute URL would send the tokens to another server. The error
            // texts do not show the path, which may identify a customer.
            call.fail(
                "the path: expected a path from the API's root, such as /company/1".to_owned(),
            );
        } else if leaves_its_place(path) {
            call.fail(
                "the path: expected no `.` or `..` segments, backslashes or control \
                 characters, which could lead outside the API"
                    .to_owned(),
            );
        }
        Self {
            transport: transport.clone(),
            call,
        }
    }

    /// Sets the request body, which is sent as JSON.
    pub fn json<T: Serialize>(mut self, body: T) -> Self {
        self.call.json(&body);
        self
    }

    /// Adds a query parameter, percent-encoded. A list is sent as one parameter for
    /// each item. An invalid value is an error of [`send`](Self::send).
    pub fn query(mut self, name: &str, value: impl Serialize) -> Self {
        self.call.add_query(name, value);
        self
    }

    /// Sets a request header. `Authorization`, `Accept` and the other headers that the
    /// client itself sets are refused by [`send`](Self::send).
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        self.call.add_header(name, value);
        self
    }

    /// Sends the request, and decodes the response's body the way typed calls do: what
    /// does not fit `T` is in [`mismatches`](Response::mismatches), and what `T` does not
    /// have in [`unknown_fields`](Response::unknown_fields).
    ///
    /// ```no_run
    /// use altegio::Envelope;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Location {
    ///     id: Option<i64>,
    ///     title: Option<String>,
    /// }
    ///
    /// # async fn run(client: &altegio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let location = client
    ///     .request("GET".parse()?, "/company/123")
    ///     .query("my", 1)
    ///     .json_as::<Envelope<Location, serde_json::Value>>()
    ///     .await?
    ///     .into_data()?;
    /// println!("{:?} {:?}", location.id, location.title);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`send`](Self::send), or an error of kind
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the body is not a `T`.
    pub async fn json_as<T: DeserializeOwned + Send + 'static>(self) -> Result<Response<T>, Error> {
        let unread = self.transport.send(&self.call).await?;
        unread.decode(Unread::json).await
    }

    /// Sends the request and reads the whole response without decoding it.
    ///
    /// # Errors
    ///
    /// Returns the same errors as any other call. In particular, a response
    /// with an error status is an error of kind
    /// [`ErrorKind::Api`](crate::ErrorKind::Api) that holds the response's
    /// [`body`](Error::body).
    pub async fn send(self) -> Result<Response<Bytes>, Error> {
        let unread = self.transport.send(&self.call).await?;
        unread.decode(Unread::raw).await
    }
}

/// Returns whether the URL parser would change this path: it resolves `.` and
/// `..` segments (also if encoded), treats a backslash as a slash and removes
/// tabs.
fn leaves_its_place(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let has_dots = path.split('/').any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        matches!(segment.as_str(), "." | "..")
    });
    has_dots || path.contains(|c: char| c == '\\' || c.is_control())
}

/// Shows neither the path nor the body, which may hold personal data.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.call.route.method)
            .finish_non_exhaustive()
    }
}
