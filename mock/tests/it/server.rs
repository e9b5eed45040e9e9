//! Connections, faults, and the requests that are kept.

use std::time::Duration;

use altegio_mock::{Faults, MockServer, Recorded};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::asking::{Asking, path};

#[tokio::test]
async fn faults_come_at_their_rates() {
    let faults: Faults = "429=0.3,500=0.3,cut=0.3,latency=1ms".parse().unwrap();
    let server = MockServer::builder().faults(faults).start().await.unwrap();
    let asking = Asking::new(&server);
    let list = path(&server, "get_custom_field_list", &["record", "1"]);
    let (mut answered, mut limited, mut broken, mut cut) = (0, 0, 0, 0);
    for _ in 0..300 {
        let request = asking.request(Method::GET, &list);
        let response = request.timeout(Duration::from_secs(5)).send().await;
        // Cut short, an answer may not even have a head.
        let Ok(response) = response else {
            cut += 1;
            continue;
        };
        match response.status().as_u16() {
            200 => match response.bytes().await {
                Ok(_) => answered += 1,
                Err(_) => cut += 1,
            },
            429 => {
                assert_eq!(response.headers()["retry-after"], "1");
                limited += 1;
            }
            status => {
                assert_eq!(status, 500);
                broken += 1;
            }
        }
    }
    assert_eq!(answered + limited + broken + cut, 300);
    for count in [limited, broken, cut] {
        assert!(
            (60..=120).contains(&count),
            "{answered} {limited} {broken} {cut}"
        );
    }
    assert!(answered > 0);
    for wrong in ["429", "429=2", "502=0.1", "latency=5", "429=x"] {
        assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_server_ends_when_it_is_dropped() {
    let server = MockServer::start().await.unwrap();
    let address = server.url().replace("http://", "");
    // A connection that is open ends too.
    let mut open = TcpStream::connect(&address).await.unwrap();
    drop(server);
    let ended = tokio::time::timeout(Duration::from_secs(5), open.read(&mut [0])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
    for _ in 0..100 {
        if TcpStream::connect(&address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{address} still listens");
}

/// Half a request, and what the server sends until it closes the connection.
async fn half_open(server: &MockServer, sent: &str) -> String {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let read = stream.read_to_end(&mut received);
    let read = tokio::time::timeout(Duration::from_secs(5), read).await;
    read.expect("the connection is still open").unwrap();
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn a_connection_that_sends_no_request_is_closed() {
    let limit = Duration::from_millis(100);
    let server = MockServer::builder().read_timeout(limit);
    let server = server.start().await.unwrap();
    for sent in ["", "GET /groups HTTP/1.1\r\nHost: mock\r\nAcc"] {
        half_open(&server, sent).await;
        assert!(server.take_requests().is_empty());
    }
    // After a request as well.
    let whole = "GET /no/such/path HTTP/1.1\r\nHost: mock\r\n\r\n";
    let received = half_open(&server, whole).await;
    assert!(received.starts_with("HTTP/1.1 404 "), "{received}");
}

#[tokio::test]
async fn a_body_that_is_not_sent_in_time_is_refused() {
    let limit = Duration::from_millis(100);
    let server = MockServer::builder().read_timeout(limit);
    let server = server.start().await.unwrap();
    let head = "POST /labels/1 HTTP/1.1\r\nHost: mock\r\nContent-Length: 10\r\n\r\n";
    let received = half_open(&server, &format!("{head}{{")).await;
    assert!(received.starts_with("HTTP/1.1 408 "), "{received}");
    let requests = server.requests();
    assert_eq!((requests.len(), requests[0].status), (1, 408));
    assert_eq!(requests[0].problems[0].pointer, "/body");
}

#[tokio::test]
async fn the_most_recent_requests_are_kept() {
    let server = MockServer::builder()
        .keep_requests(2)
        .start()
        .await
        .unwrap();
    let asking = Asking::new(&server);
    for path in ["/a", "/b", "/c"] {
        asking.get(path).await;
    }
    let paths = |requests: Vec<Recorded>| -> Vec<String> {
        requests.into_iter().map(|request| request.path).collect()
    };
    assert_eq!(paths(server.requests()), ["/b", "/c"]);
    assert_eq!(paths(server.take_requests()), ["/b", "/c"]);
    assert_eq!(paths(server.requests()), [""; 0]);
}
