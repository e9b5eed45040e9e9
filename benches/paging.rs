//! Measures how long a list of 50 pages takes at 800 ms a response and 5 requests per
//! second, one page at a time and with pages requested ahead.
//!
//! `cargo bench --bench paging`
//!
//! The server is on the loopback interface, and the times are real ones: about a minute
//! in all.

use std::time::{Duration, Instant};

use altegio::ids::LocationId;
use altegio::{Client, RateLimiter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PAGES: usize = 50;
const LATENCY: Duration = Duration::from_millis(800);

#[tokio::main]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let exact = || RateLimiter::windows([(5, Duration::from_secs(1))]).expect("a limit");
    for (name, limiter, ahead) in [
        ("one by one", exact(), 0),
        ("4 ahead", exact(), 4),
        (
            "4 ahead, with the default margin",
            RateLimiter::altegio(),
            4,
        ),
    ] {
        let client = Client::builder()
            .partner_token("partner-token")
            .user_token("user-token")
            .server(url.parse().expect("an address"))
            .rate_limiter(limiter)
            .build()
            .expect("a client");
        let start = Instant::now();
        let call = client.b2b_v1().get_appointment_list(LocationId(1)).count(1);
        let mut items = call.stream().ahead(ahead);
        let mut count = 0;
        while let Some(item) = items.next().await {
            item.expect("an item");
            count += 1;
        }
        assert_eq!(count, PAGES);
        println!(
            "{PAGES} pages, {name}: {:.2} s",
            start.elapsed().as_secs_f64()
        );
    }
}

/// Responds to each request with one item, late.
async fn serve(mut stream: TcpStream) -> Option<()> {
    let mut request = Vec::new();
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        let line = String::from_utf8_lossy(&request).into_owned();
        let (_, page) = line.split_once("page=")?;
        let page = page.split([' ', '&']).next()?;
        let body = format!(
            r#"{{"success":true,"data":[{{"id":{page}}}],"meta":{{"total_count":{PAGES}}}}}"#
        );
        let length = body.len();
        request.clear();
        tokio::time::sleep(LATENCY).await;
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(response.as_bytes()).await.ok()?;
    }
}
