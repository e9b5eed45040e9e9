//! Tests faults between a client and a server: for each fault, how many requests
//! reach the server, and what the caller gets.
//!
//! The server is a socket that sends scripted bytes, and the clock is advanced by
//! the tests.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::loopback::clock::{Clock, TIMEOUT};
use crate::loopback::log::Log;
use crate::loopback::method::Method::{self, Delete, Get, Post};
use crate::loopback::server::{Reply, Server, answer, json};
use altegio::ids::{AppointmentId, ClientId, ImageGroupId, LocationId, ProductId, VisitId};
use altegio::{
    BoxFuture, Client, ClientBuilder, Error, ErrorKind, Permit, RateLimit, RateLimiter, Retry,
    StoreError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tracing::Level;

const PARTNER: &str = "partner-secret";
const USER: &str = "user-secret";
const OK: &str = r#"{"success":true,"data":{},"meta":[]}"#;
const MAX_BODY: usize = 1 << 20;
const READ: Duration = Duration::from_secs(2 * TIMEOUT.as_secs());
const ATTEMPT: Duration = Duration::from_secs(30 * TIMEOUT.as_secs());
const CALL: Duration = Duration::from_secs(900 * TIMEOUT.as_secs());

fn builder(url: &str, clock: &Clock) -> ClientBuilder {
    Client::builder()
        .partner_token(PARTNER)
        .user_token(USER)
        .server(url.parse().unwrap())
        .max_body(MAX_BODY)
        .read_timeout(READ)
        .attempt_timeout(ATTEMPT)
        .timeout(CALL)
        .runtime(clock.clone())
}

/// What the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Value,
    Error(ErrorKind),
    Status(u16),
}

use Outcome::{Status, Value};

fn outcome(result: &Result<u32, Error>) -> Outcome {
    match result {
        Ok(_) => Value,
        Err(error) if error.kind() == ErrorKind::Api => Status(error.status().unwrap().as_u16()),
        Err(error) => Outcome::Error(error.kind()),
    }
}

/// The server's script and, for each method, the expected number of requests and outcome.
struct Case {
    name: &'static str,
    replies: Vec<Reply>,
    expected: [(usize, Outcome); 5],
}

/// A case with the same expectation for all methods.
fn same(name: &'static str, replies: Vec<Reply>, requests: usize, outcome: Outcome) -> Case {
    Case {
        name,
        replies,
        expected: [(requests, outcome); 5],
    }
}

/// A case in which GET, PUT, and DELETE are retried, but POST and PATCH are not.
fn safely(name: &'static str, replies: Vec<Reply>, safe: (usize, Outcome), other: Outcome) -> Case {
    Case {
        name,
        replies,
        expected: [safe, safe, safe, (1, other), (1, other)],
    }
}

fn error(status: &str, headers: &[(&str, &str)]) -> Reply {
    let body = r#"{"success":false,"data":null,"meta":{"message":"no"}}"#;
    answer(status, headers, body).into()
}

fn ok() -> Reply {
    json("200 OK", OK).into()
}

fn cases() -> Vec<Case> {
    use ErrorKind::{Decode, Redirect, TooLarge, Transport};
    use Reply::{Say, SayAndClose, SayAndReset};

    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"success\":true,";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"succes";
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        answer(
            "200 OK",
            &[("Content-Encoding", "gzip")],
            encoder.finish().unwrap(),
        )
    };
    let huge = format!(
        r#"{{"success":true,"data":{{}},"x":"{}"}}"#,
        "a".repeat(MAX_BODY)
    );
    let to = |status: &str, place: &str| error(status, &[("Location", place)]);
    let header = "a".repeat(1 << 20);

    let mut cases = vec![
        same("all well", vec![ok()], 1, Value),
        safely(
            "reset before headers",
            vec![SayAndReset(vec![])],
            (3, Outcome::Error(Transport)),
            Outcome::Error(Transport),
        ),
        safely(
            "reset before headers, once",
            vec![SayAndReset(vec![]), ok()],
            (2, Value),
            Outcome::Error(Transport),
        ),
        safely(
            "closed before headers, once",
            vec![SayAndClose(vec![]), ok()],
            (2, Value),
            Outcome::Error(Transport),
        ),
        safely(
            "reset within the body, once",
            vec![SayAndReset(half.into()), ok()],
            (2, Value),
            Outcome::Error(Transport),
        ),
        safely(
            "a body shorter than its Content-Length",
            vec![SayAndClose(half.into())],
            (3, Outcome::Error(Transport)),
            Outcome::Error(Transport),
        ),
        same(
            "a Content-Length that cuts the body",
            vec![SayAndClose(format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{OK}").into())],
            1,
            Outcome::Error(Decode),
        ),
        safely(
            "chunks that end early, once",
            vec![SayAndClose(chunked.into()), ok()],
            (2, Value),
            Outcome::Error(Transport),
        ),
        same(
            "truncated JSON",
            vec![json("200 OK", r#"{"success":true,"data":{"#).into()],
            1,
            Outcome::Error(Decode),
        ),
        same("gzip", vec![Say(gzip(OK.as_bytes()))], 1, Value),
        same(
            "a gzip bomb",
            vec![Say(gzip(&vec![b' '; 16 << 20]))],
            1,
            Outcome::Error(TooLarge),
        ),
        same("a body over the limit", vec![json("200 OK", &huge).into()], 1, Outcome::Error(TooLarge)),
        same(
            "a body over the limit, in chunks",
            vec![SayAndClose(
                format!(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{huge}\r\n0\r\n\r\n",
                    huge.len()
                )
                .into(),
            )],
            1,
            Outcome::Error(TooLarge),
        ),
        safely(
            "headers of 1 MiB",
            vec![error("200 OK", &[("X-Long", &header)])],
            (3, Outcome::Error(Transport)),
            Outcome::Error(Transport),
        ),
        same("an empty 200", vec![json("200 OK", "").into()], 1, Outcome::Error(Decode)),
        same("a blank 200", vec![json("200 OK", " \r\n").into()], 1, Outcome::Error(Decode)),
        same(
            "a 204 where a body is declared",
            vec![Say(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())],
            1,
            Value,
        ),
        same(
            "a 200 of HTML",
            vec![json("200 OK", "<html>login</html>").into()],
            1,
            Outcome::Error(Decode),
        ),
        same(
            "success: false",
            vec![json("200 OK", r#"{"success":false,"meta":{"message":"no"}}"#).into()],
            1,
            Status(200),
        ),
        same("401", vec![error("401 Unauthorized", &[])], 1, Status(401)),
        same("403", vec![error("403 Forbidden", &[])], 1, Status(403)),
        same("404", vec![error("404 Not Found", &[])], 1, Status(404)),
        same("422", vec![error("422 Unprocessable Entity", &[])], 1, Status(422)),
        safely("408, once", vec![error("408 Request Timeout", &[]), ok()], (2, Value), Status(408)),
        same("429, once", vec![error("429 Too Many Requests", &[]), ok()], 2, Value),
        same("429 for ever", vec![error("429 Too Many Requests", &[])], 3, Status(429)),
        same(
            "429 with Retry-After in seconds, once",
            vec![error("429 Too Many Requests", &[("Retry-After", "7")]), ok()],
            2,
            Value,
        ),
        same(
            "429 with Retry-After as a date, once",
            vec![
                error("429 Too Many Requests", &[("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT")]),
                ok(),
            ],
            2,
            Value,
        ),
        same(
            "429 with a Retry-After past the call's timeout",
            vec![error("429 Too Many Requests", &[("Retry-After", "999999999999")])],
            1,
            Status(429),
        ),
        same(
            "429 with a Retry-After that is none, once",
            vec![error("429 Too Many Requests", &[("Retry-After", "soon")]), ok()],
            2,
            Value,
        ),
        // A cache may send this response after the server behind it has acted.
        safely(
            "503 with Retry-After, once",
            vec![error("503 Service Unavailable", &[("Retry-After", "2")]), ok()],
            (2, Value),
            Status(503),
        ),
        safely(
            "a lost response, then 404",
            vec![SayAndReset(vec![]), error("404 Not Found", &[])],
            (2, Status(404)),
            Outcome::Error(Transport),
        ),
        same(
            "a token that the server repeats",
            vec![json(
                "401 Unauthorized",
                r#"{"meta":{"message":"Bearer partner-secret?","errors":{"user-secret":["user-secret"]}}}"#,
            )
            .into()],
            1,
            Status(401),
        ),
        same(
            "a token that the server repeats with a success status",
            vec![json(
                "200 OK",
                r#"{"success":false,"meta":{"message":"Bearer partner-secret?"}}"#,
            )
            .into()],
            1,
            Status(200),
        ),
        safely(
            "a 502 of HTML, once",
            vec![answer("502 Bad Gateway", &[], "<html>down</html>").into(), ok()],
            (2, Value),
            Status(502),
        ),
    ];
    for (code, status) in [
        (502, "502 Bad Gateway"),
        (503, "503 Service Unavailable"),
        (504, "504 Gateway Timeout"),
    ] {
        cases.push(safely(
            status,
            vec![error(status, &[]), ok()],
            (2, Value),
            Status(code),
        ));
        cases.push(safely(
            status,
            vec![error(status, &[])],
            (3, Status(code)),
            Status(code),
        ));
    }
    let status = "500 Internal Server Error";
    let once = (1, Status(500));
    cases.push(Case {
        name: "500, once",
        replies: vec![error(status, &[]), ok()],
        expected: [(2, Value), once, once, once, once],
    });
    cases.push(Case {
        name: "500 for ever",
        replies: vec![error(status, &[])],
        expected: [(3, Status(500)), once, once, once, once],
    });
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
    ] {
        let refused = (1, Outcome::Error(Redirect));
        cases.push(Case {
            name: status,
            replies: vec![to(status, "/elsewhere"), ok()],
            expected: [(2, Value), refused, refused, refused, refused],
        });
        for place in [
            "http://other.localhost:9/",
            "https://127.0.0.1/",
            "//other.localhost:9/x",
        ] {
            let away = vec![to(status, place), ok()];
            cases.push(same(
                "a redirect to another origin",
                away,
                1,
                Outcome::Error(Redirect),
            ));
        }
    }
    let refused = (1, Outcome::Error(Redirect));
    cases.push(Case {
        name: "redirects in a circle",
        replies: vec![to("302 Found", "/a")],
        expected: [
            (6, Outcome::Error(Redirect)),
            refused,
            refused,
            refused,
            refused,
        ],
    });
    cases
}

/// Returns whether the server may have made a change before it sent the reply.
fn may_have_acted(reply: &Reply) -> bool {
    let Reply::Say(bytes) = reply else {
        return true;
    };
    !bytes.starts_with(b"HTTP/1.1 429")
}

fn everything_said(error: &Error) -> String {
    let mut said = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(inner) = source {
        write!(said, " {inner} {inner:?}").unwrap();
        source = inner.source();
    }
    said
}

#[tokio::test]
async fn every_fault_ends_in_a_value_or_a_clear_error_and_repeats_no_change() {
    let (log, _guard) = Log::start(Level::DEBUG);
    let (mut count, mut lost, mut repeated, mut said) = (0, 0, 0, String::new());
    for case in cases() {
        for (method, (requests, expected)) in Method::ALL.into_iter().zip(case.expected) {
            let server = Server::start(case.replies.clone()).await;
            let client = builder(&server.url, &Clock::new()).build().unwrap();
            let result = method.call(&client).await;
            let seen = server.requests().len();
            count += 1;
            if let Err(error) = &result {
                said.push_str(&everything_said(error));
                assert!(!error.to_string().contains('\n'), "{error}");
                let attempts = if case.name.contains("circle") {
                    1
                } else {
                    seen
                };
                assert_eq!(
                    error.attempts() as usize,
                    attempts,
                    "{}: {error}",
                    case.name
                );
            }
            if outcome(&result) != expected || seen != requests {
                lost += 1;
                println!("{method:?}, {}: {seen} requests, {result:?}", case.name);
            }
            if method.is_unsafe() {
                let sent_after = (1..seen).filter(|index| {
                    may_have_acted(&case.replies[(index - 1).min(case.replies.len() - 1)])
                });
                repeated += sent_after.count();
            }
        }
    }
    let log = log.text();
    assert!(log.contains("altegio.call"), "the log is empty");
    let leaked = log.matches("secret").count() + said.matches("secret").count();
    println!("cases {count}, lost {lost}, repeated {repeated}, leaked tokens {leaked}");
    assert_eq!((lost, repeated, leaked), (0, 0, 0));
}

// ---- before a request reaches the server ------------------------------------------

#[tokio::test]
async fn a_refused_connection_is_tried_again_whatever_the_method() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for method in Method::ALL {
        let clock = Clock::new();
        let error = method
            .call(&builder(&url, &clock).build().unwrap())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.attempts()),
            (ErrorKind::Connect, 3),
            "{error}"
        );
        assert!(error.is_retryable());
        // The full backoff each time, since the source of randomness returns 1.
        assert_eq!(
            clock.waits(),
            [Duration::from_millis(500), Duration::from_secs(1)]
        );
    }
}

#[tokio::test]
async fn a_name_that_is_not_found_is_a_connection_that_failed() {
    struct NoNames;
    impl reqwest::dns::Resolve for NoNames {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(async { Err("no such host".into()) })
        }
    }
    let client = builder("https://api.example.invalid", &Clock::new())
        .http_client_builder(|http| http.no_proxy().dns_resolver(Arc::new(NoNames)))
        .build()
        .unwrap();
    for method in Method::ALL {
        let error = method.call(&client).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.attempts()),
            (ErrorKind::Connect, 3),
            "{error}"
        );
        assert!(everything_said(&error).contains("no such host"));
    }
}

// ---- silence ------------------------------------------------------------------------

/// This test uses the machine's clock, because reqwest's connector measures this timeout.
#[cfg(target_os = "linux")] // other systems refuse connections when the queue is full
#[tokio::test]
async fn a_connection_that_does_not_open_is_given_up() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // No connection is accepted, so the queue fills up and no more connections open.
    let mut waiting = Vec::new();
    let patience = Duration::from_millis(200);
    while let Ok(opened) =
        tokio::time::timeout(patience, tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(opened.unwrap());
    }
    let client = Client::builder()
        .partner_token(PARTNER)
        .user_token(USER)
        .server(format!("http://{address}").parse().unwrap())
        .connect_timeout(patience)
        .retry(Retry::off())
        .build()
        .unwrap();
    for method in Method::ALL {
        let error = method.call(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{method:?}: {error}");
        assert!(error.is_retryable(), "nothing was sent");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_after_the_attempts_timeout() {
    for method in Method::ALL {
        let server = Server::start(vec![Reply::SayAndStall(vec![])]).await;
        let clock = Clock::new();
        let client = builder(&server.url, &clock).build().unwrap();
        let call = tokio::spawn(async move { method.call(&client).await });
        let attempts = if method.is_unsafe() { 1 } else { 3 };
        for _ in 0..attempts {
            clock.alarm(ATTEMPT).await;
            server.replied().await;
            clock.set_on(ATTEMPT);
        }
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("attempt_timeout"), "{error}");
        assert_eq!(error.is_retryable(), !method.is_unsafe());
        assert_eq!(
            (server.requests().len(), error.attempts()),
            (attempts, attempts as u32)
        );
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_cut() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"success\":true,";
    let stall = || Reply::SayAndStall(half.into());
    for method in Method::ALL {
        let server = Server::start(vec![stall(), ok()]).await;
        let clock = Clock::new();
        let client = builder(&server.url, &clock).build().unwrap();
        let call = tokio::spawn(async move { method.call(&client).await });
        clock.alarm(READ).await;
        clock.set_on(READ);
        let result = call.await.unwrap();
        if method.is_unsafe() {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert_eq!(error.status().unwrap().as_u16(), 200);
            assert!(error.to_string().contains("read_timeout"), "{error}");
            assert_eq!(server.requests().len(), 1);
        } else {
            assert!(result.is_ok());
            assert_eq!(server.requests().len(), 2);
        }
    }
}

#[tokio::test]
async fn the_calls_own_timeout_ends_it_between_attempts_too() {
    let server = Server::start(vec![error("503 Service Unavailable", &[])]).await;
    let clock = Clock::new();
    let half = TIMEOUT / 2;
    let client = builder(&server.url, &clock)
        .retry(Retry::new().backoff(half, TIMEOUT))
        .timeout(half + TIMEOUT)
        .build()
        .unwrap();
    let error = Get.call(&client).await.unwrap_err();
    // The first wait fits the timeout. The second does not, so the caller gets the
    // server's response.
    assert_eq!(
        (outcome(&Err(error)), server.requests().len()),
        (Status(503), 2)
    );
    assert_eq!(clock.waits(), [half]);
}

// ---- connections that are reused ---------------------------------------------------

#[tokio::test]
async fn a_connection_closed_on_reuse_repeats_no_change() {
    for method in Method::ALL {
        for end in [Reply::SayAndClose(vec![]), Reply::SayAndReset(vec![])] {
            let server = Server::start(vec![ok(), end, ok()]).await;
            let client = builder(&server.url, &Clock::new()).build().unwrap();
            method.call(&client).await.unwrap();
            let result = method.call(&client).await;
            assert_eq!(server.connections(), if method.is_unsafe() { 1 } else { 2 });
            if method.is_unsafe() {
                assert_eq!(outcome(&result), Outcome::Error(ErrorKind::Transport));
                assert!(!result.unwrap_err().is_retryable());
                assert_eq!(server.requests().len(), 2);
            } else {
                assert_eq!((outcome(&result), server.requests().len()), (Value, 3));
            }
        }
    }
}

/// A minimal HTTP/2 server: handles each connection as scripted, and counts requests.
async fn http2_server(ends: Vec<Http2End>) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        for end in ends {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut preface = [0; 24];
            stream.read_exact(&mut preface).await.unwrap();
            stream.write_all(&frame(0x4, 0, 0, &[])).await.unwrap(); // SETTINGS
            let request = loop {
                let mut head = [0; 9];
                stream.read_exact(&mut head).await.unwrap();
                let mut payload =
                    vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
                stream.read_exact(&mut payload).await.unwrap();
                let ends_stream = head[4] & 1 == 1;
                if matches!(head[3], 0x0 | 0x1) && ends_stream {
                    break u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                }
            };
            *seen.lock().unwrap() += 1;
            let bytes = match end {
                Http2End::GoAway { last, reason } => {
                    let mut payload = u32::to_be_bytes(last).to_vec();
                    payload.extend(u32::to_be_bytes(reason));
                    frame(0x7, 0, 0, &payload)
                }
                Http2End::Reset { reason } => frame(0x3, 0, request, &u32::to_be_bytes(reason)),
                Http2End::HeadersThenReset { reason } => {
                    let mut bytes = frame(0x1, 0x4, request, &[0x88]);
                    bytes.extend(frame(0x3, 0, request, &u32::to_be_bytes(reason)));
                    bytes
                }
                Http2End::CutBody { goes_away } => {
                    // :status 200, content-length 1000
                    let head = b"\x88\x0f\x0d\x041000";
                    let mut bytes = frame(0x1, 0x4, request, head);
                    bytes.extend(frame(0x0, 0, request, OK.as_bytes()));
                    bytes.extend(match goes_away {
                        true => frame(0x7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
                        false => frame(0x3, 0, request, &u32::to_be_bytes(0)),
                    });
                    bytes
                }
                Http2End::Ok => {
                    let mut bytes = frame(0x1, 0x4, request, &[0x88]); // :status 200
                    bytes.extend(frame(0x0, 0x1, request, OK.as_bytes()));
                    bytes
                }
            };
            stream.write_all(&bytes).await.unwrap();
            if matches!(end, Http2End::Ok) {
                // Wait until the client disconnects.
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    });
    (url, requests)
}

#[derive(Clone, Copy, Debug)]
enum Http2End {
    GoAway {
        last: u32,
        reason: u32,
    },
    Reset {
        reason: u32,
    },
    HeadersThenReset {
        reason: u32,
    },
    /// A body shorter than its Content-Length that ends without an error code.
    CutBody {
        goes_away: bool,
    },
    Ok,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::to_be_bytes(payload.len() as u32)[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(u32::to_be_bytes(stream));
    bytes.extend_from_slice(payload);
    bytes
}

#[tokio::test]
async fn http2_says_whether_a_request_was_declined_and_only_then_a_change_is_sent_again() {
    const INTERNAL_ERROR: u32 = 2;
    const REFUSED_STREAM: u32 = 7;
    let declined = [
        Http2End::GoAway { last: 0, reason: 0 },
        Http2End::Reset {
            reason: REFUSED_STREAM,
        },
    ];
    let unclear = [
        Http2End::GoAway {
            last: 1,
            reason: INTERNAL_ERROR,
        },
        Http2End::Reset {
            reason: INTERNAL_ERROR,
        },
        // The server accepts the request and ends the connection without a response.
        Http2End::GoAway { last: 1, reason: 0 },
        Http2End::HeadersThenReset {
            reason: REFUSED_STREAM,
        },
        Http2End::CutBody { goes_away: false },
        Http2End::CutBody { goes_away: true },
    ];
    for method in Method::ALL {
        for (end, was_declined) in declined
            .map(|end| (end, true))
            .into_iter()
            .chain(unclear.map(|end| (end, false)))
        {
            let (url, requests) = http2_server(vec![end, Http2End::Ok]).await;
            // reqwest's own retries stay off, whatever the caller's builder sets.
            let client = builder(&url, &Clock::new())
                .http_client_builder(|http| http.http2_prior_knowledge())
                .build()
                .unwrap();
            let result = method.call(&client).await;
            let again = was_declined || !method.is_unsafe();
            let expected = if again {
                Value
            } else {
                Outcome::Error(ErrorKind::Transport)
            };
            assert_eq!(outcome(&result), expected, "{method:?} {end:?} {result:?}");
            assert_eq!(
                *requests.lock().unwrap(),
                if again { 2 } else { 1 },
                "{method:?} {end:?}"
            );
        }
    }
}

// ---- retries -----------------------------------------------------------------------------

#[tokio::test]
async fn waits_are_a_random_part_of_a_growing_bound_and_at_least_what_the_server_asks() {
    let server = Server::start(vec![
        error("503 Service Unavailable", &[]),
        error("503 Service Unavailable", &[("Retry-After", "7")]),
        error("503 Service Unavailable", &[]),
        ok(),
    ])
    .await;
    let clock = Clock::new();
    for random in [0.5, 0.25, 0.0] {
        clock.throw(random);
    }
    let retry = Retry::new()
        .attempts(4)
        .backoff(Duration::from_secs(2), Duration::from_secs(60));
    let client = builder(&server.url, &clock).retry(retry).build().unwrap();
    Get.call(&client).await.unwrap();
    assert_eq!(
        clock.waits(),
        [Duration::from_secs(1), Duration::from_secs(7)]
    );
}

#[tokio::test]
async fn a_retry_after_date_counts_from_the_responses_own_date() {
    // The client's clock is at 08:49:37, and the server's is an hour behind.
    let date = ("Date", "Sun, 06 Nov 1994 07:50:00 GMT");
    let after = ("Retry-After", "Sun, 06 Nov 1994 07:50:07 GMT");
    for status in ["503 Service Unavailable", "429 Too Many Requests"] {
        let server = Server::start(vec![error(status, &[date, after]), ok()]).await;
        let clock = Clock::new();
        let client = builder(&server.url, &clock).build().unwrap();
        Get.call(&client).await.unwrap();
        assert_eq!(clock.gone(), Duration::from_secs(7), "{status}");
    }
}

#[tokio::test]
async fn a_delete_whose_response_was_lost_is_told_apart_from_one_of_nothing() {
    let not_found = || error("404 Not Found", &[]);
    let server = Server::start(vec![Reply::SayAndReset(vec![]), not_found()]).await;
    let client = builder(&server.url, &Clock::new()).build().unwrap();
    let lost = Delete.call(&client).await.unwrap_err();
    assert!(lost.is_not_found() && lost.may_have_acted(), "{lost}");
    assert_eq!(lost.attempts(), 2);
    assert!(
        lost.to_string().contains("acted on an earlier attempt"),
        "{lost}"
    );

    let server = Server::start(vec![not_found()]).await;
    let client = builder(&server.url, &Clock::new()).build().unwrap();
    let nothing = Delete.call(&client).await.unwrap_err();
    assert!(
        nothing.is_not_found() && !nothing.may_have_acted(),
        "{nothing}"
    );
    assert!(!nothing.to_string().contains("acted"), "{nothing}");
}

#[tokio::test]
async fn an_error_of_a_write_says_that_the_server_may_have_acted() {
    let acted = "the server may have acted on the request";
    for (reply, may_have_acted) in [
        (Reply::SayAndReset(vec![]), true),
        (error("503 Service Unavailable", &[]), true),
        (error("500 Internal Server Error", &[]), true),
        (json("200 OK", "{").into(), true),
        (error("429 Too Many Requests", &[]), false),
        (error("422 Unprocessable Entity", &[]), false),
        (json("200 OK", r#"{"success":false}"#).into(), false),
    ] {
        for method in Method::ALL {
            let server = Server::start(vec![reply.clone()]).await;
            let builder = builder(&server.url, &Clock::new()).retry(Retry::off());
            let error = method.call(&builder.build().unwrap()).await.unwrap_err();
            assert_eq!(error.may_have_acted(), may_have_acted, "{method:?} {error}");
            let says_so = error.to_string().contains(acted);
            assert_eq!(
                says_so,
                may_have_acted && method != Get,
                "{method:?} {error}"
            );
        }
    }
}

#[tokio::test]
async fn the_document_says_what_may_be_repeated_and_not_the_method() {
    for reply in [
        Reply::SayAndReset(vec![]),
        error("503 Service Unavailable", &[("Retry-After", "1")]),
    ] {
        let start = || Server::start(vec![reply.clone(), ok()]);
        let of = |server: &Server| builder(&server.url, &Clock::new()).build().unwrap();

        // This POST is a search, so it is idempotent.
        let server = start().await;
        let client = of(&server);
        let search = client.b2b_v1().get_client_list(LocationId(1));
        let search = search.body_map(|body| body.fields(vec!["id".to_owned()]));
        search.send().await.unwrap();
        assert_eq!(server.requests().len(), 2);

        // This PUT adds transactions, so it is not idempotent.
        let server = start().await;
        let client = of(&server);
        let visit = client.b2b_v1().update_visit(VisitId(1), AppointmentId(2));
        let visit = visit.body_map(|body| body.attendance(1).comment("paid"));
        let error = visit.send().await.unwrap_err();
        assert!(!error.is_retryable() && error.may_have_acted(), "{error}");
        assert_eq!(server.requests().len(), 1);

        // This GET creates a code, so it is not idempotent.
        let server = start().await;
        let client = of(&server);
        let code = client
            .b2b_v1()
            .generate_loyalty_code(LocationId(1), ProductId(2));
        let error = code.send().await.unwrap_err();
        assert!(!error.is_retryable() && error.may_have_acted(), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_form_is_sent_again_whole() {
    let server = Server::start(vec![error("503 Service Unavailable", &[]), ok()]).await;
    let client = builder(&server.url, &Clock::new()).build().unwrap();
    let call = client.b2b_v1().delete_image("service");
    let call = call.body_map(|body| body.image_group_id(ImageGroupId(72)));
    call.send().await.unwrap();
    let seen = server.requests();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert!(
            request
                .text()
                .contains("name=\"image_group_id\"\r\n\r\n72\r\n")
        );
    }
}

#[tokio::test]
async fn lengths_that_no_clock_can_hold_are_as_good_as_none() {
    let server = Server::start(vec![ok()]).await;
    let limiter = RateLimiter::windows([(1, Duration::MAX)]).unwrap();
    let client = builder(&server.url, &Clock::new())
        .timeout(Duration::MAX)
        .attempt_timeout(Duration::MAX)
        .read_timeout(Duration::MAX)
        .retry(Retry::new().backoff(Duration::MAX, Duration::MAX))
        .rate_limiter(limiter)
        .build()
        .unwrap();
    Get.call(&client).await.unwrap();
    let in_time = client.b2b_v1().timeout(TIMEOUT);
    let error = in_time
        .get_client(LocationId(1), ClientId(2))
        .send()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 0));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_random_number_that_is_none_waits_the_whole_bound() {
    let server = Server::start(vec![error("503 Service Unavailable", &[]), ok()]).await;
    let clock = Clock::new();
    clock.throw(f64::NAN);
    let client = builder(&server.url, &clock).build().unwrap();
    Get.call(&client).await.unwrap();
    assert_eq!(clock.waits(), [Duration::from_millis(500)]);
}

#[tokio::test]
async fn retries_can_be_turned_off_for_a_client_and_for_a_call() {
    let server = Server::start(vec![error("503 Service Unavailable", &[])]).await;
    let off = builder(&server.url, &Clock::new())
        .retry(Retry::off())
        .build()
        .unwrap();
    assert_eq!(Get.call(&off).await.unwrap_err().attempts(), 1);

    let on = builder(&server.url, &Clock::new()).build().unwrap();
    let once = on.b2b_v1().retry(Retry::off());
    let call = once.get_client(LocationId(1), ClientId(2));
    assert_eq!(call.send().await.unwrap_err().attempts(), 1);
    assert_eq!(server.requests().len(), 2);
    let more = off.b2b_v1().retry(Retry::new().attempts(2));
    let call = more.get_client(LocationId(1), ClientId(2));
    assert_eq!(call.send().await.unwrap_err().attempts(), 2);
}

#[tokio::test]
async fn an_outage_is_not_multiplied_by_the_retries() {
    let server = Server::start(vec![error("503 Service Unavailable", &[])]).await;
    let client = builder(&server.url, &Clock::new())
        .retry_budget(5)
        .build()
        .unwrap();
    for _ in 0..100 {
        Get.call(&client).await.unwrap_err();
    }
    assert_eq!(server.requests().len(), 105);
}

#[tokio::test]
async fn a_call_given_up_before_its_retry_gives_the_budget_back() {
    let down = || error("503 Service Unavailable", &[]);
    let server = Server::start(vec![down(), down(), ok()]).await;
    let clock = Clock::new();
    clock.hold_waits();
    let client = builder(&server.url, &clock)
        .retry_budget(1)
        .build()
        .unwrap();
    let wait = Duration::from_millis(500);
    let start = || {
        let client = client.clone();
        tokio::spawn(async move { Get.call(&client).await })
    };
    let given_up = start();
    clock.alarm(wait).await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    let other = start();
    clock.alarm(wait).await;
    clock.set_on(wait);
    other.await.unwrap().unwrap();
    assert_eq!(server.requests().len(), 3);
}

// ---- the rate limit ------------------------------------------------------------------------

/// A limit that records when it granted permits.
#[derive(Clone, Debug)]
struct Noted {
    clock: Clock,
    windows: Arc<Mutex<Vec<Duration>>>,
}

impl RateLimit for Noted {
    fn try_acquire(&self, _now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
        Box::pin(async {
            let now = self.clock.gone();
            let mut taken = self.windows.lock().unwrap();
            let second = Duration::from_secs(1);
            let recent = taken.iter().filter(|at| **at + second > now);
            if recent.count() < 5 {
                taken.push(now);
                return Ok(Permit::Granted);
            }
            Ok(Permit::Wait(Duration::from_millis(50)))
        })
    }
}

#[tokio::test]
async fn a_hundred_calls_at_once_keep_to_the_limit() {
    let server = Server::start(vec![ok()]).await;
    let clock = Clock::new();
    let client = builder(&server.url, &clock)
        .rate_limiter(RateLimiter::altegio())
        .build()
        .unwrap();
    let calls = (0..100).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { Get.call(&client).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.requests().len(), 100);
    // Five at once, and five more after each second plus the margin.
    assert_eq!(clock.gone(), Duration::from_millis(19 * 1050));
}

#[tokio::test]
async fn a_store_of_ones_own_takes_the_limits_place() {
    let server = Server::start(vec![ok()]).await;
    let clock = Clock::new();
    let noted = Noted {
        clock: clock.clone(),
        windows: Arc::default(),
    };
    let limiter = RateLimiter::shared(noted.clone());
    // Two clients, as for two accounts, share one limit.
    let clients = [0, 1].map(|_| {
        builder(&server.url, &clock)
            .rate_limiter(limiter.clone())
            .build()
            .unwrap()
    });
    for index in 0..12 {
        Get.call(&clients[index % 2]).await.unwrap();
    }
    let seconds: Vec<u64> = noted
        .windows
        .lock()
        .unwrap()
        .iter()
        .map(Duration::as_secs)
        .collect();
    assert_eq!(seconds, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2]);

    #[derive(Debug)]
    struct Down;
    impl RateLimit for Down {
        fn try_acquire(&self, _now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
            Box::pin(async { Err("the store is down".into()) })
        }
    }
    let down = builder(&server.url, &clock).rate_limiter(RateLimiter::shared(Down));
    let error = Get.call(&down.build().unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Limiter, 0));
    assert_eq!(error.source().unwrap().to_string(), "the store is down");
    assert_eq!(server.requests().len(), 12);
}

#[tokio::test]
async fn a_retry_without_a_permit_tells_what_went_wrong_before() {
    /// A limit that grants one permit and then fails.
    #[derive(Debug, Default)]
    struct Once(std::sync::atomic::AtomicBool);
    impl RateLimit for Once {
        fn try_acquire(&self, _now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
            let was_asked = self.0.swap(true, std::sync::atomic::Ordering::Relaxed);
            Box::pin(std::future::ready(match was_asked {
                false => Ok(Permit::Granted),
                true => Err("the store is down".into()),
            }))
        }
    }
    let server = Server::start(vec![error("503 Service Unavailable", &[])]).await;
    let builder = builder(&server.url, &Clock::new());
    let client = builder.rate_limiter(RateLimiter::shared(Once::default()));
    let result = Get.call(&client.build().unwrap()).await;
    assert_eq!(outcome(&result), Status(503));
    assert_eq!(
        (result.unwrap_err().attempts(), server.requests().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_429_slows_every_call_down_not_only_its_own() {
    for limiter in [RateLimiter::off(), RateLimiter::altegio()] {
        let server = Server::start(vec![
            error("429 Too Many Requests", &[("Retry-After", "30")]),
            ok(),
        ])
        .await;
        let clock = Clock::new();
        let client = builder(&server.url, &clock)
            .rate_limiter(limiter)
            .retry(Retry::off())
            .build()
            .unwrap();
        let error = Get.call(&client).await.unwrap_err();
        assert!(error.is_rate_limited() && error.is_retryable());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
        // A later call with another method has waited for the pause.
        Post.call(&client).await.unwrap();
        assert_eq!(clock.gone(), Duration::from_secs(30));
        Get.call(&client).await.unwrap();
        assert_eq!(clock.gone(), Duration::from_secs(30));
    }
}

#[tokio::test]
async fn an_absurd_pause_is_taken_for_five_minutes() {
    let absurd = error("429 Too Many Requests", &[("Retry-After", "99999999999")]);
    let server = Server::start(vec![absurd, ok()]).await;
    let clock = Clock::new();
    let client = builder(&server.url, &clock).build().unwrap();
    Get.call(&client).await.unwrap_err();
    Get.call(&client).await.unwrap();
    assert_eq!(clock.gone(), Duration::from_secs(300));
}

#[tokio::test]
async fn a_call_that_cannot_get_its_place_in_time_fails_at_once_and_unsent() {
    let server = Server::start(vec![ok()]).await;
    let clock = Clock::new();
    let limiter = RateLimiter::windows([(1, 3 * TIMEOUT)]).unwrap();
    let client = builder(&server.url, &clock)
        .rate_limiter(limiter)
        .timeout(2 * TIMEOUT)
        .build()
        .unwrap();
    Get.call(&client).await.unwrap();
    let error = Post.call(&client).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 0));
    assert!(
        error.is_retryable() && error.to_string().contains("3000s"),
        "{error}"
    );
    assert_eq!((clock.gone(), server.requests().len()), (Duration::ZERO, 1));
}

#[test]
fn production_is_limited_and_other_servers_are_not() {
    let limiter = |builder: ClientBuilder| format!("{:?}", builder.build().unwrap());
    // The transport does not expose its limiter. The tests above show that it works.
    assert!(limiter(Client::builder()).contains("limited: true"));
    let own = Client::builder().server("http://127.0.0.1:1".parse().unwrap());
    assert!(limiter(own).contains("limited: false"));
}

// ---- giving up ---------------------------------------------------------------------------------

#[tokio::test]
async fn a_call_given_up_at_any_stage_leaves_the_client_and_the_limit_as_they_should_be() {
    // While it waits for the limit: its place is free for the next call.
    let server = Server::start(vec![ok()]).await;
    let clock = Clock::new();
    let limiter = RateLimiter::windows([(1, Duration::from_secs(10))]).unwrap();
    let client = builder(&server.url, &clock)
        .rate_limiter(limiter)
        .build()
        .unwrap();
    Get.call(&client).await.unwrap();
    clock.hold_waits();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { Get.call(&client).await }
    });
    clock.alarm(Duration::from_secs(10)).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    clock.set_on(Duration::from_secs(10));
    Get.call(&client).await.unwrap();
    assert_eq!(server.requests().len(), 2);

    // While the server stalls before the response or within the body, and while the
    // call waits to retry.
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";
    let stages = [
        (Reply::SayAndStall(vec![]), ATTEMPT),
        (Reply::SayAndStall(half.into()), READ),
        (
            error("503 Service Unavailable", &[]),
            Duration::from_millis(500),
        ),
    ];
    for (reply, alarm) in stages {
        let server = Server::start(vec![reply, ok()]).await;
        let clock = Clock::new();
        clock.hold_waits();
        let client = builder(&server.url, &clock).build().unwrap();
        let call = tokio::spawn({
            let client = client.clone();
            async move { Get.call(&client).await }
        });
        server.replied().await;
        clock.alarm(alarm).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        Get.call(&client).await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }
}

// ---- what is logged ------------------------------------------------------------------------------

#[tokio::test]
async fn a_call_is_one_span_in_opentelemetrys_names() {
    let (log, _guard) = Log::start(Level::INFO);
    let server = Server::start(vec![
        error("503 Service Unavailable", &[]),
        error("404 Not Found", &[]),
    ])
    .await;
    let client = builder(&server.url, &Clock::new()).build().unwrap();
    Get.call(&client).await.unwrap_err();
    let text = log.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    let path = altegio::b2b_v1::operations::GET_CLIENT.route.path;
    for field in [
        "http.request.method=\"GET\"",
        &format!("otel.name=GET {path}"),
        &format!("url.template=\"{path}\""),
        "server.address=\"127.0.0.1\"",
        "http.response.status_code=404",
        "http.request.resend_count=1",
        "error.type=\"404\"",
        "altegio.operation=\"get_client\"",
        "altegio.attempts=2",
        "altegio.limit_wait_ms=0",
        "altegio.duration_ms=500",
    ] {
        assert!(text.contains(field), "{field}: {text}");
    }
}

#[tokio::test]
async fn a_span_lasts_until_the_response_is_read() {
    let odd = r#"{"success":true,"data":{"id":"odd","name":["odd"],"email":{}},"meta":[]}"#;
    for (body, kind) in [
        ("<html>", Some("Decode")),
        (r#"{"success":false}"#, Some("Api")),
        (odd, None),
    ] {
        let (log, _guard) = Log::start(Level::INFO);
        let server = Server::start(vec![json("200 OK", body)]).await;
        let client = builder(&server.url, &Clock::new()).build().unwrap();
        assert_eq!(Get.call(&client).await.is_err(), kind.is_some());
        let text = log.text();
        let closed = text.lines().last().unwrap();
        assert_eq!(
            closed.contains("otel.status_code=\"ERROR\""),
            kind.is_some(),
            "{text}"
        );
        assert!(closed.contains("http.response.status_code=200"), "{text}");
        if let Some(kind) = kind {
            assert!(closed.contains(&format!("error.type=\"{kind}\"")), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        } else {
            // One warning for all mismatches, within the span.
            assert_eq!(text.lines().count(), 2, "{text}");
            let warning = text.lines().next().unwrap();
            assert!(warning.contains("WARN altegio.call{"), "{warning}");
            assert!(warning.contains("count=3"), "{warning}");
        }
    }
    // The same if the document does not describe the response, or if it is not JSON.
    let (log, _guard) = Log::start(Level::INFO);
    let server = Server::start(vec![json("200 OK", r#"{"success":false}"#)]).await;
    let client = builder(&server.url, &Clock::new()).build().unwrap();
    let request = client.request("GET".parse().unwrap(), "/x");
    request.send().await.unwrap_err();
    assert!(log.text().contains("error.type=\"Api\""), "{}", log.text());
}

#[tokio::test]
async fn no_event_shows_a_token_or_a_persons_data() {
    let body = r#"{"success":true,"data":{"id":1,"name":"Ada-1815","phone":"+13155550184","email":"ada@example.org","sex":{"odd":"ada@example.org"}},"meta":[]}"#;
    let refused = r#"{"success":false,"meta":{"message":"ada@example.org is taken","errors":{"phone":["+13155550184"]}}}"#;
    for (level, shows_bodies) in [(Level::DEBUG, false), (Level::TRACE, true)] {
        let (log, _guard) = Log::start(level);
        let replies = vec![
            json("200 OK", body),
            json("422 Unprocessable Entity", refused),
            json("503 Service Unavailable", refused),
            json("200 OK", body),
        ];
        let server = Server::start(replies).await;
        let client = builder(&server.url, &Clock::new()).build().unwrap();
        Get.call(&client).await.unwrap();
        let create = client
            .b2b_v1()
            .create_client(LocationId(1))
            .body_map(|body| {
                body.name("Ada-1815")
                    .phone("+13155550184")
                    .email("ada@example.org")
            });
        create.send().await.unwrap_err();
        #[allow(deprecated)] // for a phone in the query
        let search = client.b2b_v1().deprecated_get_client_list(LocationId(1));
        search.phone("+13155550184").send().await.unwrap();
        let text = log.text();
        // hyper's own TRACE events contain what it parses.
        let ours: String = text
            .lines()
            .filter(|line| line.contains("altegio"))
            .collect();
        assert!(ours.contains("altegio.call"), "{text}");
        assert_eq!(ours.contains("\"phone\":string"), shows_bodies, "{ours}");
        let looked_at = if shows_bodies { &ours } else { &text };
        for secret in ["secret", "3155550184", "ada@example", "Ada-1815"] {
            assert!(
                !looked_at.contains(secret),
                "{secret} at {level}: {looked_at}"
            );
        }
    }
}
