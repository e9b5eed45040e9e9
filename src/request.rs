//! A request of one's own, for what the document does not have (yet).

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;

use crate::call::Call;
use crate::error::Error;
use crate::operation::{Operation, Security};
use crate::response::Response;
use crate::transport::Transport;

/// A request by method and path. From [`Client::request`](crate::Client::request).
#[derive(Clone)]
#[must_use = "nothing is sent until it is awaited"]
pub struct Request {
    call: Call,
}

const fn operation(method: &'static str, security: Security) -> Operation {
    let path = "{path}";
    Operation::new(
        "request",
        "",
        method,
        path,
        security,
        None,
        &[],
        &[],
        false,
        None,
    )
}

/// What errors and spans name: no operation of the document.
static OPERATIONS: [[Operation; 2]; 5] = {
    const fn both(method: &'static str) -> [Operation; 2] {
        [
            operation(method, Security::Partner),
            operation(method, Security::PartnerAndUser),
        ]
    }
    [
        both("GET"),
        both("POST"),
        both("PUT"),
        both("PATCH"),
        both("DELETE"),
    ]
};

impl Request {
    pub(crate) fn new(transport: &Transport, method: &Method, path: &str) -> Self {
        let both = OPERATIONS
            .iter()
            .find(|both| both[0].method == method.as_str());
        let [partner, user] = both.unwrap_or(&OPERATIONS[0]);
        let operation = if transport.has_user() { user } else { partner };
        let mut call = Call::raw(transport, operation, path);
        if both.is_none() {
            call.fail(format!(
                "`{method}`: GET, POST, PUT, PATCH or DELETE expected"
            ));
        } else if !path.starts_with('/') || path.starts_with("//") {
            // An address of its own would take the tokens elsewhere.
            call.fail(format!(
                "`{path}`: a path from the API's root expected, such as /company/1"
            ));
        }
        Self { call }
    }

    /// A JSON body.
    pub fn json<T: Serialize>(mut self, body: T) -> Self {
        self.call = self.call.json(Ok(body));
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
        self.call.send().await?.raw()
    }
}

/// Without the body, which may hold what is nobody's business.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.call.operation.method)
            .finish_non_exhaustive()
    }
}
