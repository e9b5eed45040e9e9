//! Tests the client itself: the server it talks to, the headers it sends, its tokens,
//! and requests with more than the document describes.

use std::time::Duration;

use altegio::ids::{ClientId, LocationId};
use altegio::{Client, ClientBuilder, Envelope, ErrorKind, RateLimiter, Server};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Level;

use crate::loopback::clock::Clock;
use crate::loopback::log::Log;
use crate::loopback::server::{self, Reply};

const OK: &str = r#"{"success":true,"data":{"id":7,"name":"Ada","phone":"+1"},"meta":[]}"#;

async fn started(body: &str) -> server::Server {
    server::Server::start(vec![Reply::from(server::json("200 OK", body))]).await
}

fn builder(server: &server::Server) -> ClientBuilder {
    Client::builder()
        .partner_token("partner")
        .user_token("user")
        .server(server.url.parse().unwrap())
}

#[test]
fn the_switch_knows_the_documented_addresses() {
    for (text, address) in [
        ("production", "https://api.alteg.io/api/v1"),
        ("local", "http://127.0.0.1:4010/"),
        ("mock", "https://developer.alteg.io/_mock/en/b2b-v1/openapi"),
        ("http://127.0.0.1:7/x", "http://127.0.0.1:7/x"),
    ] {
        let server: Server = text.parse().unwrap();
        assert_eq!(server.to_string(), text);
        let client = Client::builder().server(server).build().unwrap();
        assert_eq!(client.b2b_v1().url().unwrap().as_str(), address);
    }
    let error = "nowhere".parse::<Server>().unwrap_err();
    assert!(error.to_string().contains("`local`"), "{error}");
}

#[tokio::test]
async fn an_applications_name_stands_before_the_crates() {
    let server = started(OK).await;
    let client = builder(&server).app_name("shop/1.2").build().unwrap();
    let call = client.b2b_v1().get_client(LocationId(1), ClientId(2));
    call.send().await.unwrap();
    let client = builder(&server).build().unwrap();
    let call = client.b2b_v1().get_client(LocationId(1), ClientId(2));
    call.send().await.unwrap();
    let own = format!("altegio-rust/{}", env!("CARGO_PKG_VERSION"));
    let requests = server.requests();
    assert_eq!(
        requests[0].header("user-agent").unwrap(),
        format!("shop/1.2 {own}")
    );
    assert_eq!(requests[1].header("user-agent").unwrap(), own);
    for name in ["", " ", "a\r\nAuthorization: x", "ä"] {
        let error = builder(&server).app_name(name).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("app_name: "), "{error}");
    }
}

#[tokio::test]
async fn a_client_for_another_user_shares_connections_and_the_limit() {
    let server = started(OK).await;
    let clock = Clock::new();
    let window = Duration::from_secs(10);
    let first = builder(&server)
        .rate_limiter(RateLimiter::windows([(1, window)]).unwrap())
        .runtime(clock.clone())
        .timeout(Duration::from_secs(2000))
        .attempt_timeout(Duration::from_secs(1500))
        .read_timeout(Duration::from_secs(1500))
        .build()
        .unwrap();
    let second = first.with_user_token("other").unwrap();
    for client in [&first, &second] {
        let call = client.b2b_v1().get_client(LocationId(1), ClientId(2));
        call.send().await.unwrap();
    }
    assert_eq!(clock.gone(), window);
    assert_eq!(server.connections(), 1);
    let requests = server.requests();
    let tokens = requests
        .iter()
        .map(|request| request.header("authorization").unwrap());
    let tokens: Vec<_> = tokens.collect();
    assert_eq!(
        tokens,
        ["Bearer partner, User user", "Bearer partner, User other"]
    );
    assert!(first.with_user_token("").is_err());
    let none = Client::builder().build().unwrap();
    let error = none.with_user_token("other").unwrap_err();
    assert!(error.to_string().contains("partner token"), "{error}");
}

/// A caller's own type for a client.
#[derive(Debug, Deserialize)]
struct Customer {
    id: i64,
    name: Option<String>,
    #[serde(default)]
    visits: Option<i64>,
}

#[tokio::test]
async fn a_response_is_decoded_into_the_callers_own_type() {
    let odd = r#"{"success":true,"data":{"id":"7","name":["odd"],"visits":3,"x":1},"meta":[]}"#;
    let server = started(odd).await;
    let client = builder(&server).build().unwrap();
    let call = client.b2b_v1().get_client(LocationId(1), ClientId(2));
    let response = call.send_as::<Envelope<Customer, Value>>().await.unwrap();
    // Leniently, and without loss.
    assert_eq!(response.mismatches()[0].path, "$.data.name");
    assert_eq!(response.unknown_fields()[0].path, "$.data.x");
    let customer = response.into_data().unwrap();
    assert_eq!(
        (customer.id, customer.name, customer.visits),
        (7, None, Some(3))
    );

    let request = client.request("GET".parse().unwrap(), "/client/1/2");
    let response = request
        .json_as::<Envelope<Customer, Value>>()
        .await
        .unwrap();
    assert_eq!(response.into_data().unwrap().id, 7);

    let strict = client.b2b_v1().strict();
    let call = strict.get_client(LocationId(1), ClientId(2));
    let error = call
        .send_as::<Envelope<Customer, Value>>()
        .await
        .unwrap_err();
    assert_eq!(error.path(), Some("$.data.name"));

    let server = started(r#"{"success":false,"meta":{"message":"no"}}"#).await;
    let client = builder(&server).build().unwrap();
    let call = client.b2b_v1().get_client(LocationId(1), ClientId(2));
    let error = call.send_as::<Value>().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Api, Some("no"))
    );
}

#[tokio::test]
async fn any_call_takes_more_headers_and_query_parameters() {
    let server = started(OK).await;
    let client = builder(&server).build().unwrap();
    let call = client.b2b_v1().get_appointment_list(LocationId(1)).count(5);
    let call = call
        .header("X-Partner-Id", 7)
        .query("fields[]", ["a b", "c"]);
    call.send_as::<Value>().await.unwrap();
    let request = client.request("GET".parse().unwrap(), "/company/1?my=1");
    let request = request
        .header("x-partner-id", "8")
        .query("a&b", true)
        .query("n", 2);
    request.send().await.unwrap();
    let seen = server.requests();
    assert!(
        seen[0]
            .line
            .ends_with("?count=5&fields%5B%5D=a%20b&fields%5B%5D=c"),
        "{:?}",
        seen[0]
    );
    assert_eq!(seen[0].header("x-partner-id"), Some("7"));
    assert_eq!(seen[1].line, "GET /company/1?my=1&a%26b=true&n=2");
    assert_eq!(seen[1].header("x-partner-id"), Some("8"));

    for (name, value) in [
        ("Authorization", "Bearer s3cret"),
        ("accept", "s3cret"),
        ("Content-Length", "s3cret"),
        ("user-agent", "s3cret"),
        ("no name", "s3cret"),
        ("X-Name", "s3cret\r\nX: y"),
    ] {
        let call = client.b2b_v1().get_appointment_list(LocationId(1));
        let typed = call.header(name, value).send().await.unwrap_err();
        let request = client.request("GET".parse().unwrap(), "/company/1");
        let raw = request.header(name, value).send().await.unwrap_err();
        for error in [typed, raw] {
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Argument);
            assert!(
                text.contains(&format!("`{name}`")) && !text.contains("s3cret"),
                "{text}"
            );
        }
    }
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let error = call
        .query("filter", json!({"a": 1}))
        .send()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("`filter`: expected a string"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_response_without_data_is_an_error_on_the_calls_span() {
    let (log, _guard) = Log::start(Level::INFO);
    let server = started(r#"{"success":true,"data":null,"meta":[]}"#).await;
    let client = builder(&server).build().unwrap();
    let call = client.b2b_v1().get_client(LocationId(1), ClientId(2));
    let error = call.send().await.unwrap().into_data().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let text = log.text();
    let closed = text.lines().last().unwrap();
    assert!(closed.contains("error.type=\"Decode\""), "{text}");
    assert!(closed.contains("otel.status_code=\"ERROR\""), "{text}");
}
