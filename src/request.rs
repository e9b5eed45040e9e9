//! A request of one's own, for what the document does not have (yet).

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;

use crate::call::Call;
use crate::error::Error;
use crate::operation::{Route, Security};
use crate::response::Response;
use crate::transport::Transport;

/// A request by method and path. From [`Client::request`](crate::Client::request).
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
            // Spans show it; the path itself may name a customer.
            path: "{path}",
            security,
            idempotent: method.is_idempotent(),
        };
        let mut call = Call::to(route, path);
        if !methods.contains(method) {
            call.fail(format!(
                "`{method}`: GET, POST, PUT, PATCH or DELETE expected"
            ));
        } else if !path.starts_with('/') || path.starts_with("//") {
            // An address of its own would take the tokens elsewhere.
            // The texts do not show the path, which may name a customer.
            call.fail(
                "the path: a path from the API's root expected, such as /company/1".to_owned(),
            );
        } else if leaves_its_place(path) {
            call.fail(
                "the path: one without `.` and `..` segments, backslashes and control \
                 characters expected, since it could lead out of the API"
                    .to_owned(),
            );
        }
        Self {
            transport: transport.clone(),
            call,
        }
    }

    /// A JSON body.
    pub fn json<T: Serialize>(mut self, body: T) -> Self {
        self.call.json(&body);
        self
    }

    /// Sends it and reads the whole answer. [`wire::decode`](crate::wire::decode)
    /// reads its body the way that typed calls do.
    ///
    /// # Errors
    ///
    /// As every call's; an answer of another status than success is
    /// [`ErrorKind::Api`](crate::ErrorKind::Api), with its [`body`](Error::body).
    pub async fn send(self) -> Result<Response<Bytes>, Error> {
        self.transport.send(&self.call).await?.raw()
    }
}

/// Whether a URL with this path would have another path: its parser resolves
/// dots, encoded ones too, takes a backslash for a slash and drops tabs.
fn leaves_its_place(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let has_dots = path.split('/').any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        matches!(segment.as_str(), "." | "..")
    });
    has_dots || path.contains(|c: char| c == '\\' || c.is_control())
}

/// Without the body, which may hold what is nobody's business.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.call.route.method)
            .finish_non_exhaustive()
    }
}
