//! A server on loopback that records what reaches it, byte for byte, and
//! answers what it was told to, once each: well, badly, or not at all.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One request as it came.
#[allow(dead_code)] // not every test file asks for all of it
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

/// What the server does once a request has come.
#[allow(dead_code)] // not every test file has all of it
#[derive(Clone)]
pub enum Reply {
    /// These bytes; the connection stays open.
    Say(Vec<u8>),
    /// These bytes, then an orderly end of the connection.
    SayAndClose(Vec<u8>),
    /// These bytes, then a reset of the connection.
    SayAndReset(Vec<u8>),
    /// These bytes, then silence.
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
    /// A reply has been given as far as it goes.
    replied: Notify,
}

impl Server {
    /// Answers the first request with the first of `replies`, and so on; the
    /// last one again and again.
    pub async fn start(replies: Vec<impl Into<Reply>>) -> Self {
        Self::start_at(|_| replies).await
    }

    /// The same, for replies that name the server's own address.
    pub async fn start_at<R: Into<Reply>>(replies: impl FnOnce(&str) -> Vec<R>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let replies = replies(&url).into_iter().map(Into::into);
        let replies: Arc<Vec<Reply>> = Arc::new(replies.collect());
        let seen: Arc<Seen> = Arc::default();
        let of_server = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *seen.connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&replies)));
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

    /// Waits until a reply has been given as far as it goes.
    #[allow(dead_code)]
    pub async fn replied(&self) {
        self.seen.replied.notified().await;
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>, replies: Arc<Vec<Reply>>) {
    while let Some(request) = read(&mut stream).await {
        let index = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        let reply = &replies[index.min(replies.len() - 1)];
        let (Reply::Say(bytes)
        | Reply::SayAndClose(bytes)
        | Reply::SayAndReset(bytes)
        | Reply::SayAndStall(bytes)) = reply;
        // The client may have had enough of a long answer.
        let written = stream.write_all(bytes).await;
        seen.replied.notify_one();
        match reply {
            Reply::Say(_) if written.is_ok() => {}
            Reply::Say(_) | Reply::SayAndClose(_) => return,
            Reply::SayAndReset(_) => {
                // What is unread or unsent is thrown away, and the peer told so.
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::SayAndStall(_) => {
                // Until the client goes.
                let _ = stream.read(&mut [0]).await;
                return;
            }
        }
    }
}

/// One request; `None` when the connection is at its end.
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

/// An answer with a JSON body.
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
