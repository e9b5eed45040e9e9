//! Tests how the rate limit treats calls whose futures are dropped or not polled.

use std::pin::pin;
use std::time::Duration;

use altegio::ids::{AppointmentId, ClientId, LocationId};
use altegio::{Client, RateLimiter};
use futures_util::FutureExt;

use crate::loopback::clock::{Clock, TIMEOUT};
use crate::loopback::server::{Server, json};

const WINDOW: Duration = Duration::from_secs(10);
/// A call that does not use its turn is passed over after this time.
const GRACE: Duration = Duration::from_millis(100);

/// Returns a client that is limited to one request per ten seconds and has just sent
/// one. Waits end only when the clock is set.
async fn after_one_call() -> (Server, Clock, Client) {
    let ok = json("200 OK", r#"{"success":true,"data":{},"meta":[]}"#);
    let server = Server::start(vec![ok]).await;
    let clock = Clock::new();
    let client = client(&server, &clock);
    let call = client.b2b_v1().get_client(LocationId(1), ClientId(1));
    call.send().await.unwrap();
    clock.hold_waits();
    (server, clock, client)
}

/// Returns a client that is limited to one request per ten seconds.
fn client(server: &Server, clock: &Clock) -> Client {
    Client::builder()
        .partner_token("partner")
        .user_token("user")
        .server(server.url.parse().unwrap())
        .timeout(900 * TIMEOUT)
        .attempt_timeout(30 * TIMEOUT)
        .rate_limiter(RateLimiter::windows([(1, WINDOW)]).unwrap())
        .runtime(clock.clone())
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_call_left_behind_in_a_select_does_not_stop_the_client() {
    let (server, clock, client) = after_one_call().await;
    let api = client.b2b_v1();
    let mut kept = pin!(api.get_client(LocationId(1), ClientId(2)).send());
    assert!(kept.as_mut().now_or_never().is_none());
    let mut other = pin!(api.get_client(LocationId(1), ClientId(3)).send());
    assert!(other.as_mut().now_or_never().is_none());
    // The kept call has its turn but is not polled, so the turn passes to the other one.
    clock.set_on(WINDOW);
    assert!(other.as_mut().now_or_never().is_none());
    assert_eq!(server.requests().len(), 1);
    clock.set_on(GRACE);
    other.await.unwrap();
    assert_eq!(server.requests().len(), 2);
    // When the kept call is polled again, it makes a new reservation.
    assert!(kept.as_mut().now_or_never().is_none());
    clock.set_on(WINDOW);
    kept.await.unwrap();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_stream_whose_next_was_given_up_does_not_stop_the_client() {
    let (server, clock, client) = after_one_call().await;
    let api = client.b2b_v1();
    let mut items = api.get_appointment_list(LocationId(1)).stream();
    assert!(items.next().now_or_never().is_none());
    let mut other = pin!(api.get_client(LocationId(1), ClientId(3)).send());
    assert!(other.as_mut().now_or_never().is_none());
    clock.set_on(WINDOW + GRACE);
    other.await.unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn pages_requested_ahead_hold_up_no_other_call_for_long() {
    let server = Server::respond(|request| async move {
        let page = request.line.rsplit_once("page=").map(|(_, page)| page);
        let page = page.unwrap_or("0");
        let data = format!(r#"[{{"id":{page}}}]"#);
        let body = format!(r#"{{"success":true,"data":{data},"meta":{{"total_count":9}}}}"#);
        json("200 OK", &body).into()
    })
    .await;
    let clock = Clock::new();
    let client = client(&server, &clock);
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut items = call.count(1).stream();
    clock.hold_waits();
    assert_eq!(
        items.next().await.unwrap().unwrap().id,
        Some(AppointmentId(1))
    );
    // Four requests for the next pages wait for the limit and are no longer polled.
    let mut other = pin!(client.b2b_v1().get_comments(LocationId(1)).send());
    assert!(other.as_mut().now_or_never().is_none());
    clock.set_on(WINDOW);
    for _ in 0..4 {
        assert!(other.as_mut().now_or_never().is_none());
        clock.set_on(GRACE);
    }
    other.await.unwrap();
    assert_eq!(server.requests().len(), 2);
    // The stream takes up its requests again.
    for id in 2..=9 {
        let item = loop {
            if let Some(item) = items.next().now_or_never() {
                break item;
            }
            clock.set_on(GRACE);
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        assert_eq!(item.unwrap().unwrap().id, Some(AppointmentId(id)));
    }
    assert_eq!(server.requests().len(), 10);
}

#[tokio::test]
async fn a_short_call_behind_a_long_queue_fails_at_once() {
    let (server, _clock, client) = after_one_call().await;
    let mut queue = Vec::new();
    for id in 0..5 {
        let call = client.b2b_v1().get_client(LocationId(1), ClientId(id));
        let mut call = Box::pin(call.send());
        assert!(call.as_mut().now_or_never().is_none());
        queue.push(call);
    }
    let short = client.b2b_v1().timeout(59 * WINDOW / 10);
    let error = short.get_client(LocationId(1), ClientId(9)).send();
    let error = error.now_or_never().unwrap().unwrap_err();
    assert_eq!(error.attempts(), 0);
    assert!(
        error.is_retryable() && error.to_string().contains("60s"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}
