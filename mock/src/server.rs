//! The HTTP side: accepts connections, reads requests, writes responses, and
//! cuts some of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use fastrand::Rng;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::check::Problem;
use crate::faults::{Fault, Faults};
use crate::record::{Log, Recorded};
use crate::respond::{Responder, Response};

/// The longest body that is read, in bytes.
const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// How long accepting pauses after an error, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every connection shares.
#[derive(Debug)]
pub(crate) struct Server {
    pub responder: Responder,
    pub log: Mutex<Log>,
    pub faults: Option<Faults>,
    pub dice: Mutex<Rng>,
    /// How long a client may take to send a request's head, and then its body.
    pub read_timeout: Duration,
    /// Whether each request is printed to stderr.
    pub print: bool,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves connections until it is dropped, and then closes them.
pub(crate) async fn accept(listener: TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, server.clone()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, server: Arc<Server>) {
    let read_timeout = server.read_timeout;
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.handle(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_timeout)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off, and a cut on purpose, are no errors here.
    let _ = connection.await;
}

impl Server {
    async fn handle(&self, request: hyper::Request<Incoming>) -> hyper::Response<Written> {
        let (head, body) = request.into_parts();
        let body = timeout(self.read_timeout, Limited::new(body, BODY_LIMIT).collect()).await;
        let (fault, delay) = match self.faults {
            Some(faults) => {
                let mut dice = lock(&self.dice);
                (faults.fault(&mut dice), faults.delay(&mut dice))
            }
            None => (None, Duration::ZERO),
        };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let mut recorded = Recorded {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: headers(&head.headers),
            ..Recorded::default()
        };
        let response = match body {
            // What was not received whole is not judged.
            Err(_) => {
                let limit = self.read_timeout;
                let why = format!("it was not received within {limit:?}");
                unread(&mut recorded, 408, why)
            }
            Ok(Err(error)) => {
                let why = format!("it is longer than {BODY_LIMIT} bytes, or broke off: {error}");
                unread(&mut recorded, 413, why)
            }
            Ok(Ok(body)) => {
                recorded.body = body.to_bytes().into();
                match fault {
                    Some(Fault::TooManyRequests) => Response::refusal(429, "Too many requests")
                        .with_header("retry-after", "1".to_owned()),
                    Some(Fault::ServerError) => Response::refusal(500, "An error on purpose"),
                    Some(Fault::Cut) | None => self.responder.respond(&mut recorded).await,
                }
            }
        };
        recorded.status = response.status;
        if self.print {
            print(&recorded);
        }
        lock(&self.log).push(recorded);
        write(response, fault == Some(Fault::Cut))
    }
}

/// Refuses a request whose body was not read to its end. The connection is
/// closed, since the rest of the body is still to come.
fn unread(recorded: &mut Recorded, status: u16, why: String) -> Response {
    let refusal = Response::refusal(status, &why);
    recorded.problems.push(Problem {
        pointer: "/body".to_owned(),
        message: why,
    });
    refusal.with_header("connection", "close".to_owned())
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut read: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        read.entry(name.as_str().to_owned())
            .and_modify(|text| {
                text.push_str(", ");
                text.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    read
}

fn write(response: Response, cut: bool) -> hyper::Response<Written> {
    let mut body = Bytes::from(response.body);
    let length = body.len();
    if cut {
        // Promised in full, sent by half; then the connection ends.
        body.truncate(length / 2);
    }
    let body = Some(body).filter(|body| !body.is_empty());
    let mut written = hyper::Response::new(Written { body, cut });
    *written.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = written.headers_mut();
    if length > 0
        && let Ok(media_type) = HeaderValue::try_from(response.media_type)
    {
        headers.insert(CONTENT_TYPE, media_type);
    }
    if cut {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length.max(2)));
    }
    if let Some((name, value)) = response.header
        && let Ok(value) = HeaderValue::try_from(value)
    {
        headers.insert(HeaderName::from_static(name), value);
    }
    written
}

/// A response's body: in one piece, and an error after it if it is cut.
struct Written {
    body: Option<Bytes>,
    cut: bool,
}

impl Body for Written {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match self.body.take() {
            Some(body) => Some(Ok(Frame::data(body))),
            None if self.cut => Some(Err(io::Error::other("cut on purpose"))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        match self.cut {
            true => SizeHint::default(),
            false => SizeHint::with_exact(self.body.as_ref().map_or(0, Bytes::len) as u64),
        }
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
    let operation = operation.as_deref().unwrap_or("-");
    eprintln!("{method} {path} {status} {operation}");
    for Problem { pointer, message } in problems {
        eprintln!("  {pointer}: {message}");
    }
}
