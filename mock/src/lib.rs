//! Altegio's API on loopback: every operation of the document, checked and
//! answered as the document says.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = altegio_mock::MockServer::start().await?;
//! // `altegio::Server::Custom` takes the address.
//! println!("{}", server.url());
//! assert!(server.requests().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! A request that the document does not allow is answered in the vendor's
//! envelope: 401 without the tokens, 404 for an unknown path, 406 for another
//! `Accept`, 422 with `meta.errors` by JSON pointer. `Prefer: code=404` asks for
//! another documented answer, `Prefer: dynamic=true` for another value each time.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod check;
mod document;
mod faults;
mod state;
mod values;

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use fastrand::Rng;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use check::Problem;
pub use document::{Document, Operation, Parameter, Tokens};
pub use faults::{Faults, FaultsError};
pub use values::{Fill, Values};

use check::{Checker, Sent};
use faults::Fault;
use state::{Member, NotFound, Page, Store};

/// What Altegio's servers ask for in `Accept`.
const MEDIA_TYPE: &str = "application/vnd.api.v2+json";

/// The longest body that is read.
const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// A page after this one is empty, so that a list ends.
const LAST_PAGE: u64 = 3;

/// A request as it came, and what was wrong with it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The vendor's operation id, where the path and the method are one's.
    pub operation: Option<String>,
    /// In capitals.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The headers, names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// What is wrong by the document; nothing if it was answered.
    pub problems: Vec<Problem>,
    /// The answer's status.
    pub status: u16,
}

impl Recorded {
    /// Writes down what is wrong, and says so.
    fn refuse(&mut self, status: u16, pointer: &str, message: &str) -> Answer {
        self.problems.push(Problem {
            pointer: pointer.to_owned(),
            message: message.to_owned(),
        });
        Answer::refusal(status, message)
    }
}

/// How a server is set up. [`MockServer::builder`] makes one.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    port: u16,
    seed: u64,
    state: bool,
    faults: Option<Faults>,
    print: bool,
}

impl Builder {
    /// The port; 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Another seed gives other values for the same requests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether what is created, updated and deleted is kept, of every resource
    /// whose paths are a family: one to create into and to list, and one with an
    /// id (clients, services, team members, appointments, tags, …). Lists start
    /// empty and come in pages; their filters are not applied. An id that was not
    /// created is answered 404.
    pub fn state(mut self, state: bool) -> Self {
        self.state = state;
        self
    }

    /// Injects faults.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// Whether each request and what is wrong with it is printed to stderr.
    pub fn print(mut self, print: bool) -> Self {
        self.print = print;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// The port is taken.
    pub async fn start(self) -> io::Result<MockServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let address = listener.local_addr()?;
        let document = Arc::new(Document::b2b_v1());
        let mock = Arc::new(Mock {
            checker: Checker::new(document.clone()),
            members: match self.state {
                true => state::members(&document),
                false => BTreeMap::new(),
            },
            document,
            store: Mutex::default(),
            requests: Mutex::default(),
            rng: Mutex::new(Rng::with_seed(self.seed)),
            settings: self,
        });
        let router = Router::new().fallback(handle).with_state(mock.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let serve = axum::serve(listener, router).into_future();
            tokio::select! {
                _ = serve => {}
                _ = stopped => {}
            }
        });
        Ok(MockServer {
            address,
            mock,
            _stop: stop,
        })
    }
}

/// A server on loopback, until it is dropped.
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    mock: Arc<Mock>,
    _stop: oneshot::Sender<()>,
}

impl MockServer {
    /// A server on a free port, that keeps no state and has no faults.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Sets a server up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What a client takes as its server: `http://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The document that it answers by.
    pub fn document(&self) -> &Document {
        &self.mock.document
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.mock.requests).clone()
    }

    /// Every request since this was last asked.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut *lock(&self.mock.requests))
    }
}

#[derive(Debug)]
struct Mock {
    document: Arc<Document>,
    checker: Checker,
    members: BTreeMap<String, Member>,
    store: Mutex<Store>,
    requests: Mutex<Vec<Recorded>>,
    rng: Mutex<Rng>,
    settings: Builder,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer before it is written.
struct Answer {
    status: u16,
    media_type: &'static str,
    header: Option<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            media_type: "application/json",
            header: None,
            body: body.to_string().into_bytes(),
        }
    }

    /// The vendor's envelope of a refusal.
    fn refusal(status: u16, message: &str) -> Self {
        let meta = json!({"message": message});
        Self::json(
            status,
            &json!({"success": false, "data": null, "meta": meta}),
        )
    }
}

async fn handle(State(mock): State<Arc<Mock>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_LIMIT).await;
    let (fault, delay) = match mock.settings.faults {
        Some(faults) => {
            let mut rng = lock(&mock.rng);
            (faults.fault(&mut rng), faults.delay(&mut rng))
        }
        None => (None, Duration::ZERO),
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let mut recorded = Recorded {
        operation: None,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers(&parts.headers),
        body: body.as_deref().unwrap_or_default().to_vec(),
        problems: Vec::new(),
        status: 0,
    };
    let answer = match (body, fault) {
        // What did not come whole is not judged as if it were empty.
        (Err(error), _) => {
            let why = format!("it is longer than {BODY_LIMIT} bytes, or broke off: {error}");
            recorded.refuse(413, "/body", &why)
        }
        (Ok(_), Some(Fault::TooManyRequests)) => Answer {
            header: Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            ..Answer::refusal(429, "Too many requests")
        },
        (Ok(_), Some(Fault::ServerError)) => Answer::refusal(500, "An error on purpose"),
        (Ok(_), Some(Fault::Cut) | None) => mock.answer(&parts.headers, &mut recorded).await,
    };
    recorded.status = answer.status;
    if mock.settings.print {
        print(&recorded);
    }
    lock(&mock.requests).push(recorded);
    write(answer, fault == Some(Fault::Cut))
}

impl Mock {
    async fn answer(&self, headers: &HeaderMap, recorded: &mut Recorded) -> Answer {
        // An encoded slash is no separator, so the route is found before decoding.
        let found = self.document.find(&recorded.method, &recorded.path);
        let (operation, arguments) = match found {
            Ok(found) => found,
            Err(methods) if methods.is_empty() => {
                recorded.refuse(404, "/path", "the document has no such path");
                return Answer::refusal(404, "Not found");
            }
            Err(methods) => {
                let allow = HeaderValue::from_str(&methods.join(", ")).ok();
                return Answer {
                    header: allow.map(|methods| (ALLOW, methods)),
                    ..Answer::refusal(405, "Method not allowed")
                };
            }
        };
        let decode = |text: &String| {
            let text = percent_encoding::percent_decode_str(text);
            text.decode_utf8_lossy().into_owned()
        };
        let arguments: Vec<String> = arguments.iter().map(decode).collect();
        recorded.operation = Some(operation.id.clone());
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if let Err(why) = check::check_tokens(operation, header(AUTHORIZATION)) {
            return recorded.refuse(401, "/headers/authorization", why);
        }
        if header(ACCEPT) != Some(MEDIA_TYPE) {
            let why = format!("Accept is not `{MEDIA_TYPE}`");
            return recorded.refuse(406, "/headers/accept", &why);
        }
        let sent = Sent {
            content_type: header(CONTENT_TYPE).unwrap_or_default(),
            bytes: &recorded.body,
        };
        let checked = self
            .checker
            .check(operation, &arguments, &recorded.query, sent);
        recorded.problems = checked.await;
        if !recorded.problems.is_empty() {
            let mut errors = Map::new();
            for Problem { pointer, message } in &recorded.problems {
                let texts = errors.entry(pointer).or_insert_with(|| json!([]));
                if let Value::Array(texts) = texts {
                    texts.push(message.as_str().into());
                }
            }
            let meta =
                json!({"message": "The request is not what the document allows", "errors": errors});
            return Answer::json(422, &json!({"success": false, "data": null, "meta": meta}));
        }
        let prefer = header(HeaderName::from_static("prefer")).unwrap_or_default();
        self.documented(operation, &arguments, prefer, recorded)
    }

    /// The answer that the document says, or the one that is preferred.
    fn documented(
        &self,
        operation: &Operation,
        arguments: &[String],
        prefer: &str,
        recorded: &Recorded,
    ) -> Answer {
        let preference = |name: &str| {
            let mut parts = prefer
                .split([',', ';'])
                .filter_map(|part| part.split_once('='));
            parts
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim())
        };
        let status = match preference("code").map(str::parse) {
            None => operation.success(),
            Some(Ok(status)) if operation.responses.contains_key(&status) => status,
            Some(_) => {
                return Answer::refusal(
                    400,
                    "Prefer: the document has no answer of this code for the operation",
                );
            }
        };
        let Some(response) = operation.responses.get(&status) else {
            return Answer::json(status, &json!({"success": true, "data": null, "meta": []}));
        };
        let is_success = (200..300).contains(&status);
        let dynamic = preference("dynamic") == Some("true");
        let text = response.media_type.as_deref();
        let is_json = text.is_none_or(|text| text.contains("json") || text == "*/*");
        let pointer = response.pointer.as_ref().filter(|_| is_json);
        let mut body = pointer.map_or(Value::Null, |pointer| {
            let mut values = Values::new(&self.document, self.seed(recorded, dynamic), Fill::All);
            values.vary = dynamic;
            values.known = known(operation, arguments);
            if paged(operation, recorded, "page").is_some_and(|page| page > LAST_PAGE) {
                values.list_length = Some(0);
            }
            values.value(self.document.at(pointer), "")
        });
        if let Some(success) = body.get_mut("success").filter(|value| value.is_boolean()) {
            *success = is_success.into();
        }
        if self.settings.state
            && is_success
            && let Some(member) = self.members.get(&operation.id)
        {
            let sent = serde_json::from_slice(&recorded.body).unwrap_or(Value::Null);
            let number = |key| {
                Some(
                    usize::try_from(paged(operation, recorded, key)?)
                        .ok()?
                        .max(1),
                )
            };
            let page = Page {
                number: number("page").unwrap_or(1),
                size: number("size").unwrap_or(usize::MAX),
            };
            let mut store = lock(&self.store);
            match store.apply(member, arguments, &sent, page, &mut body) {
                Ok(Some(count)) => total(operation, count, &mut body),
                Ok(None) => {}
                Err(NotFound) => return Answer::refusal(404, "Not found"),
            }
        }
        let mut answer = Answer::json(status, &body);
        if pointer.is_none() {
            answer.media_type = media_type(text);
            answer.body = match text {
                None => Vec::new(),
                Some(_) if is_json => b"{}".to_vec(),
                Some(_) => b"%PDF-1.7\n%%EOF\n".to_vec(),
            };
        }
        if status == 204 {
            answer.body = Vec::new();
        }
        answer
    }

    /// The same for the same request, unless it is to vary.
    fn seed(&self, recorded: &Recorded, dynamic: bool) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.settings.seed.hash(&mut hasher);
        (
            &recorded.method,
            &recorded.path,
            &recorded.query,
            &recorded.body,
        )
            .hash(&mut hasher);
        if dynamic {
            lock(&self.rng).u64(..).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The path's whole numbers. The document has three names for a location.
fn known(operation: &Operation, arguments: &[String]) -> BTreeMap<String, i64> {
    let mut known = BTreeMap::new();
    for (name, argument) in check::names(&operation.path).into_iter().zip(arguments) {
        if let Ok(number) = argument.parse() {
            known.insert(name.to_owned(), number);
            if name == "location_id" {
                known.insert("company_id".to_owned(), number);
                known.insert("salon_id".to_owned(), number);
            }
        }
    }
    known
}

/// The `page` or the `size` that is asked for, of an operation that has pages.
fn paged(operation: &Operation, recorded: &Recorded, key: &str) -> Option<u64> {
    let paging = operation.paging.as_ref()?;
    if let Some(name) = paging["query"][key].as_str() {
        let query = check::pairs(&recorded.query);
        let (_, value) = query.iter().find(|(other, _)| other == name)?;
        return value.parse().ok();
    }
    let body: Value = serde_json::from_slice(&recorded.body).ok()?;
    body[paging["body"][key].as_str()?].as_u64()
}

/// Says how many items there are, where the answer does.
fn total(operation: &Operation, count: usize, body: &mut Value) {
    let paths = operation.paging.as_ref().map(|paging| &paging["total"]);
    for path in paths.and_then(Value::as_array).into_iter().flatten() {
        let pointer = format!("/{}", path.as_str().unwrap_or_default().replace('.', "/"));
        if let Some(total) = body.pointer_mut(&pointer).filter(|total| total.is_number()) {
            *total = count.into();
        }
    }
}

fn media_type(text: Option<&str>) -> &'static str {
    match text {
        Some("application/pdf") => "application/pdf",
        _ => "application/json",
    }
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

fn write(answer: Answer, cut: bool) -> Response {
    let length = answer.body.len();
    let body = if cut {
        // Promised in full, sent by half: the connection ends.
        let half = Bytes::from(answer.body).slice(..length / 2);
        Body::from_stream(Halves(Some(half)))
    } else {
        Body::from(answer.body)
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if length > 0 {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.media_type));
    }
    if cut {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length.max(2)));
    }
    if let Some((name, value)) = answer.header {
        headers.insert(name, value);
    }
    response
}

/// A first half, and then an error.
struct Halves(Option<Bytes>);

impl futures_core::Stream for Halves {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<Bytes>>> {
        let next = self.0.take().filter(|half| !half.is_empty());
        std::task::Poll::Ready(Some(next.ok_or_else(|| io::Error::other("cut on purpose"))))
    }
}

fn print(recorded: &Recorded) {
    let Recorded {
        method,
        path,
        status,
        operation,
        problems,
        ..
    } = recorded;
    let operation = operation.as_deref().unwrap_or("—");
    eprintln!("{method} {path} {status} {operation}");
    for Problem { pointer, message } in problems {
        eprintln!("  {pointer}: {message}");
    }
}
