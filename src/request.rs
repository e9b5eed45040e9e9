//! Custom requests, for endpoints that the document does not have.

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;

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

    /// Sends the request and reads the whole response.
    /// [`wire::decode`](crate::wire::decode) decodes the response's body the way
    /// typed calls do.
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
