//! A server on the loopback interface that records requests byte for byte and
//! sends scripted replies, which may be valid, broken, or missing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use altegio::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A request as received.
#[allow(dead_code)] // not every test file uses all fields
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET /path?query`
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[allow(dead_code)]
impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Makes the reply to a request.
type Respond = dyn Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync;

/// What the server does after it has received a request.
#[allow(dead_code)] // not every test file uses all variants
#[derive(Clone)]
pub enum Reply {
    /// Sends these bytes and keeps the connection open.
    Say(Vec<u8>),
    /// Sends these bytes and closes the connection.
    SayAndClose(Vec<u8>),
    /// Sends these bytes and resets the connection.
    SayAndReset(Vec<u8>),
    /// Sends these bytes and then nothing more, with the connection open.
    SayAndStall(Vec<u8>),
}

impl From<Vec<u8>> for Reply {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Say(bytes)
    }
}

pub struct Server {
    pub url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    connections: Mutex<usize>,
    /// Notified when all bytes of a reply have been sent.
    replied: Notify,
}

impl Server {
    /// Starts a server that sends `replies` in order, one for each request. The last
    /// reply is repeated.
    pub async fn start(replies: Vec<impl Into<Reply>>) -> Self {
        Self::start_at(|_| replies).await
    }

    /// The same, for replies that contain the server's own address.
    pub async fn start_at<R: Into<Reply>>(replies: impl FnOnce(&str) -> Vec<R>) -> Self {
        let (listener, url) = listen().await;
        let replies: Vec<Reply> = replies(&url).into_iter().map(Into::into).collect();
        let next = AtomicUsize::new(0);
        let respond = move |_| -> BoxFuture<'static, Reply> {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let reply = replies[index.min(replies.len() - 1)].clone();
            Box::pin(async { reply })
        };
        Self::accept(listener, url, Arc::new(respond))
    }

    /// Starts a server that responds to each request with the future that `respond`
    /// returns.
    #[allow(dead_code)]
    pub async fn respond<F>(respond: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let (listener, url) = listen().await;
        let respond = move |request| -> BoxFuture<'static, Reply> { Box::pin(respond(request)) };
        Self::accept(listener, url, Arc::new(respond))
    }

    fn accept(listener: TcpListener, url: String, respond: Arc<Respond>) -> Self {
        let seen: Arc<Seen> = Arc::default();
        let of_server = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *seen.connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&respond)));
            }
        });
        Self {
            url,
            seen: of_server,
        }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    #[allow(dead_code)]
    pub fn connections(&self) -> usize {
        *self.seen.connections.lock().unwrap()
    }

    /// Waits until all bytes of a reply have been sent.
    #[allow(dead_code)]
    pub async fn replied(&self) {
        self.seen.replied.notified().await;
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>, respond: Arc<Respond>) {
    while let Some(request) = read(&mut stream).await {
        let reply = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request.clone());
            respond(request)
        };
        let reply = reply.await;
        let (Reply::Say(bytes)
        | Reply::SayAndClose(bytes)
        | Reply::SayAndReset(bytes)
        | Reply::SayAndStall(bytes)) = reply.clone();
        // The client may disconnect before the end of a long response.
        let written = stream.write_all(&bytes).await;
        seen.replied.notify_one();
        match reply {
            Reply::Say(_) if written.is_ok() => {}
            Reply::Say(_) | Reply::SayAndClose(_) => return,
            Reply::SayAndReset(_) => {
                // Discards unread and unsent bytes, and sends a reset to the peer.
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::SayAndStall(_) => {
                // Wait until the client disconnects.
                let _ = stream.read(&mut [0]).await;
                return;
            }
        }
    }
}

/// Reads one request. Returns `None` at the end of the connection.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut body = bytes.split_off(head_end + 4);
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request {
        line,
        headers,
        body,
    })
}

/// A response with a JSON body.
pub fn json(status: &str, body: &str) -> Vec<u8> {
    answer(status, &[("Content-Type", "application/json")], body)
}

pub fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let body = body.as_ref();
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
