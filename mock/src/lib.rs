//! A mock of Altegio's API on loopback, to develop and test programs without an
//! account.
//!
//! It serves every operation of Altegio's OpenAPI document: requests are checked
//! against the document's schemas, and responses are made from them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use altegio_mock::MockServer;
//!
//! let server = MockServer::start().await?;
//! // A client of the crate `altegio` takes this URL as its server.
//! let url = format!("{}/custom_fields/record/1", server.url());
//! let response = reqwest::Client::new()
//!     .get(url)
//!     .header("authorization", "Bearer partner-token, User user-token")
//!     .header("accept", "application/vnd.api.v2+json")
//!     .send()
//!     .await?;
//! assert_eq!(response.status(), 200);
//!
//! let requests = server.take_requests();
//! assert_eq!(requests[0].operation.as_deref(), Some("get_custom_field_list"));
//! assert!(requests[0].problems.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Refusals
//!
//! A request that the document does not allow is refused in Altegio's envelope,
//! `{"success": false, "data": null, "meta": {"message": …}}`:
//!
//! | status | reason |
//! |---|---|
//! | 401 | `Authorization` lacks a token that the operation asks for; any value of a token will do |
//! | 404 | the document has no such path, or no kept item has this id |
//! | 405 | the path has no operation of this method; `Allow` names its methods |
//! | 406 | `Accept` is not Altegio's media type |
//! | 408 | the body was not received in time |
//! | 413 | the body is longer than 32 MiB |
//! | 422 | path, query or body differ from their schemas; `meta.errors` has the reasons by JSON pointer (`/body/phone`) |
//!
//! # Responses
//!
//! The response to an allowed request is the operation's documented response of
//! success, filled with values that fit their schemas and their fields' names.
//! The values depend on the [seed](Builder::seed) and on the request's method,
//! path, query and body alone: the same request gets the same response, in every
//! run. A list has one to three items, and none from its fourth page on.
//!
//! A request chooses another response by the header `Prefer`:
//!
//! | preference | response |
//! |---|---|
//! | `code=404` | the documented response of this status; 400 if the operation has none |
//! | `dynamic=true` | other values each time, among them nulls and the other branches of unions |
//! | `success=false` | 200 with `"success": false`, which Altegio sends now and then |
//!
//! [`Builder::state`] keeps what is created, [`Builder::faults`] injects faults.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod check;
mod document;
mod faults;
mod prefer;
mod query;
mod record;
mod respond;
mod schema;
mod server;
mod state;
mod values;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use check::Problem;
pub use document::Document;
pub use faults::{Faults, FaultsError};
pub use record::Recorded;
pub use values::{Fill, Values};

use record::Log;
use respond::Responder;
use server::{Server, lock};

/// Options of a [`MockServer`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use altegio_mock::MockServer;
///
/// let server = MockServer::builder()
///     .seed(7)
///     .state(true)
///     .faults("429=0.1,latency=200ms".parse()?)
///     .start()
///     .await?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    port: u16,
    seed: u64,
    state: bool,
    faults: Option<Faults>,
    print: bool,
    keep_requests: usize,
    read_timeout: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            port: 0,
            seed: 0,
            state: false,
            faults: None,
            print: false,
            keep_requests: record::DEFAULT_KEPT,
            read_timeout: Duration::from_secs(30),
        }
    }
}

impl Builder {
    /// The port on 127.0.0.1. By default a free one is chosen.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// What the values of responses and the choice of faults are derived from;
    /// 0 by default. The same seed gives the same values in every run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether items that requests create, change and delete are kept; they are
    /// not by default.
    ///
    /// Kept are the items of every resource that the document has operations to
    /// create, to show, and to change or delete for: clients, services, team
    /// members, appointments, tags and others. A resource is recognized by its
    /// tag and by the noun of its operation ids. Lists start empty. An id that
    /// was not created is answered with 404.
    ///
    /// A list that has pages responds with the page that is asked for, of the
    /// size that is asked for; 25 items if neither the request nor the document
    /// gives a size. Other lists respond with all items. Filters are not
    /// applied. Items are kept in memory until they are deleted or the server
    /// is dropped.
    pub fn state(mut self, state: bool) -> Self {
        self.state = state;
        self
    }

    /// Faults to inject; none by default.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// Whether each request and what is wrong with it is printed to stderr;
    /// nothing is by default. Bodies, queries and headers are not printed.
    pub fn print(mut self, print: bool) -> Self {
        self.print = print;
        self
    }

    /// How many requests are kept for [`MockServer::requests`]: the most recent
    /// ones, 1,000 by default. Fewer are kept if their bodies exceed 64 MiB
    /// together. 0 keeps none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = altegio_mock::MockServer::builder().keep_requests(1).start().await?;
    /// for path in ["/first", "/second"] {
    ///     reqwest::get(format!("{}{path}", server.url())).await?;
    /// }
    /// let requests = server.requests();
    /// assert_eq!(requests.len(), 1);
    /// assert_eq!(requests[0].path, "/second");
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_requests(mut self, most: usize) -> Self {
        self.keep_requests = most;
        self
    }

    /// How long a client may take to send a request's head, and then how long
    /// to send its body; 30 seconds by default. A connection that sends no
    /// request within this time is closed. A body that takes longer is answered
    /// with 408, and the connection is closed.
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.read_timeout = limit;
        self
    }

    /// Starts the server. Call it within a Tokio runtime, which runs the server.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AddrInUse`] if the port is taken;
    /// [`io::ErrorKind::InvalidData`] if the embedded document cannot be read.
    pub async fn start(self) -> io::Result<MockServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let address = listener.local_addr()?;
        let document = Document::b2b_v1()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let document = Arc::new(document);
        let server = Arc::new(Server {
            responder: Responder::new(document.clone(), self.seed, self.state),
            log: Mutex::new(Log::new(self.keep_requests)),
            faults: self.faults,
            dice: Mutex::new(Rng::with_seed(self.seed)),
            read_timeout: self.read_timeout,
            print: self.print,
        });
        Ok(MockServer {
            address,
            document,
            accepting: tokio::spawn(server::accept(listener, server.clone())),
            server,
        })
    }
}

/// A server on loopback. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    document: Arc<Document>,
    server: Arc<Server>,
    accepting: JoinHandle<()>,
}

impl MockServer {
    /// Starts a server on a free port, with the default options.
    ///
    /// # Errors
    ///
    /// See [`Builder::start`].
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns the options of a server, all of which have defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The server's URL, such as `http://127.0.0.1:4010`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The document that the server responds by.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The requests that the server received, the oldest first, as far as they
    /// are [kept](Builder::keep_requests). A request is among them before its
    /// response is sent.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.server.log).all()
    }

    /// Like [`requests`](Self::requests), and forgets them.
    pub fn take_requests(&self) -> Vec<Recorded> {
        lock(&self.server.log).take()
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
