//! Tests paginated lists: which requests are sent, and where a list ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::loopback::clock::{Clock, TIMEOUT};
use crate::loopback::server::{self, Reply, Server, json as answer};
use altegio::b2b_v1::{operations, types};
use altegio::ids::{AppointmentId, ChainId, ClientId, LocationId, MembershipId, ProductCategoryId};
use altegio::{Client, Cursor, ErrorKind, Paging, Retry};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::Barrier;

async fn started(pages: &[Value]) -> (Server, Client) {
    let replies = pages.iter().map(|page| answer("200 OK", &page.to_string()));
    let server = Server::start(replies.collect()).await;
    let client = client(&server);
    (server, client)
}

fn client(server: &Server) -> Client {
    let builder = Client::builder().partner_token("p").user_token("u");
    let builder = builder
        .server(server.url.parse().unwrap())
        .retry(Retry::off());
    builder.build().unwrap()
}

/// Returns a page of items with these ids.
fn page(ids: &[i64]) -> Value {
    let data: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    json!({"success": true, "data": data, "meta": {}})
}

fn with_total(mut page: Value, total: i64) -> Value {
    page["meta"] = json!({"total_count": total});
    page
}

/// Returns the ids of all appointments, fetched three per page.
async fn appointments(client: &Client) -> Vec<AppointmentId> {
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let items = call.count(3).stream().ahead(0);
    items.map(|item| item.unwrap().id.unwrap()).collect().await
}

fn queries(server: &Server) -> Vec<String> {
    let query = |line: String| line.split_once('?').unwrap().1.to_owned();
    server
        .requests()
        .into_iter()
        .map(|request| query(request.line))
        .collect()
}

fn bodies(server: &Server) -> Vec<Value> {
    let body = |request: server::Request| serde_json::from_slice(&request.body).unwrap();
    server.requests().into_iter().map(body).collect()
}

#[test]
fn every_operation_with_a_page_pages() {
    let document: Value =
        serde_json::from_str(include_str!("../../openapi/b2b-v1/client.json")).unwrap();
    let mut by_size: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_query = |name| {
                parameters
                    .clone()
                    .any(|p| p["name"] == name && p["in"] == "query")
            };
            if !in_query("page") {
                continue;
            }
            let size = ["count", "page_size", "limit"]
                .into_iter()
                .find(|name| in_query(*name));
            *by_size.entry(size).or_default() += 1;
            let id = operation["operationId"].as_str().unwrap();
            let known = operations::ALL
                .iter()
                .find(|known| known.route.id == id)
                .unwrap();
            assert_eq!(
                known.paging,
                Some(Paging::Query { page: "page", size }),
                "{id}"
            );
        }
    }
    let expected = [
        (None, 2),
        (Some("count"), 12),
        (Some("limit"), 1),
        (Some("page_size"), 3),
    ];
    assert_eq!(by_size, BTreeMap::from(expected));
    let body = Paging::Body {
        page: "page",
        size: Some("page_size"),
    };
    assert_eq!(operations::GET_CLIENT_LIST.paging, Some(body));
    let dates = Paging::Dates {
        from: "from",
        to: "to",
    };
    assert_eq!(operations::SEARCH_CLIENT_VISITS.paging, Some(dates));
    let all = operations::ALL
        .iter()
        .filter(|operation| operation.paging.is_some());
    assert_eq!(all.count(), 20);
}

#[tokio::test]
async fn a_list_ends_after_a_short_page() {
    let (server, client) = started(&[page(&[1, 2, 3]), page(&[4, 5, 6]), page(&[7])]).await;
    assert_eq!(
        appointments(&client).await,
        [1, 2, 3, 4, 5, 6, 7].map(AppointmentId)
    );
    assert_eq!(
        queries(&server),
        ["count=3&page=1", "count=3&page=2", "count=3&page=3"]
    );
}

#[tokio::test]
async fn a_list_ends_after_an_empty_page() {
    let (server, client) = started(&[page(&[1, 2, 3]), page(&[])]).await;
    assert_eq!(appointments(&client).await, [1, 2, 3].map(AppointmentId));
    assert_eq!(server.requests().len(), 2);
    let (server, client) = started(&[page(&[])]).await;
    assert!(appointments(&client).await.is_empty());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_gives_smaller_pages_than_asked_loses_nothing() {
    let pages = [page(&[1, 2]), page(&[3, 4]), page(&[5])].map(|page| with_total(page, 5));
    let (server, client) = started(&pages).await;
    assert_eq!(
        appointments(&client).await,
        [1, 2, 3, 4, 5].map(AppointmentId)
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn without_a_page_size_only_an_empty_page_ends_a_list() {
    let (server, client) = started(&[page(&[1, 2]), page(&[3]), page(&[])]).await;
    let call = client.b2b_v1().get_partner_appointment_list();
    let items = call.stream().ahead(0);
    let ids: Vec<_> = items.map(|item| item.unwrap().id).collect().await;
    assert_eq!(ids, [1, 2, 3].map(|id| Some(AppointmentId(id))));
    assert_eq!(queries(&server), ["page=1", "page=2", "page=3"]);
}

#[tokio::test]
async fn a_server_that_repeats_its_page_is_not_asked_for_ever() {
    let (server, client) = started(&[page(&[1, 2, 3])]).await;
    assert_eq!(appointments(&client).await, [1, 2, 3].map(AppointmentId));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_server_that_ignores_the_page_is_not_asked_for_ever() {
    // The pages differ only outside their items.
    let pages: Vec<Value> = (1..50)
        .map(|number| {
            let mut page = page(&[1, 2, 3]);
            page["meta"] = json!({"page": number});
            page
        })
        .collect();
    let (server, client) = started(&pages).await;
    assert_eq!(appointments(&client).await, [1, 2, 3].map(AppointmentId));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn periods_without_anything_are_alike_and_do_not_end_a_list() {
    let period = |from: Value, records: Value| {
        json!({
            "success": true,
            "data": {"records": records, "goods_transactions": []},
            "meta": {"dateCursor": {"next": {"from": from, "to": from}}}
        })
    };
    let pages = [
        period(json!("2026-01-02"), json!([])),
        period(json!("2026-01-01"), json!([])),
        period(Value::Null, json!([{"id": 7}])),
    ];
    let (server, client) = started(&pages).await;
    let call = client.b2b_v1().search_client_visits(LocationId(1));
    let call = call.body_map(|body| {
        body.client_id(ClientId(7))
            .payment_statuses(Vec::<String>::new())
    });
    assert_eq!(call.stream().count().await, 3);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn nothing_is_asked_before_it_is_wanted() {
    let (server, client) = started(&[page(&[1, 2, 3]), page(&[4])]).await;
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut items = call.count(3).stream().ahead(0);
    assert_eq!(server.requests().len(), 0);
    for _ in 0..3 {
        items.next().await.unwrap().unwrap();
        assert_eq!(server.requests().len(), 1);
    }
    items.next().await.unwrap().unwrap();
    assert_eq!(server.requests().len(), 2);
    assert!(items.next().await.is_none());
    assert!(items.next().await.is_none());
    assert_eq!((server.requests().len(), items.cursor()), (2, None));
}

#[tokio::test]
async fn an_error_stands_in_its_place_and_the_list_goes_on_from_there() {
    let good = |page: Value| answer("200 OK", &page.to_string());
    let replies = vec![
        good(page(&[1, 2, 3])),
        answer("500 Internal Server Error", ""),
        answer("200 OK", "<html>"),
        good(page(&[4, 5, 6])),
        good(page(&[7])),
    ];
    let server = Server::start(replies).await;
    let client = client(&server);
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut items = call.count(3).stream().ahead(0);
    let (mut ids, mut errors) = (Vec::new(), Vec::new());
    loop {
        match items.next().await {
            Some(Ok(item)) => ids.push(item.id.unwrap()),
            Some(Err(error)) => {
                errors.push(error.kind());
                assert_eq!(items.cursor(), Some(Cursor::Page(2)));
                // The stream does not send another request until `resume` is called.
                assert!(items.next().await.is_none());
                items.resume();
            }
            None => break,
        }
    }
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7].map(AppointmentId));
    assert_eq!(errors, [ErrorKind::Api, ErrorKind::Decode]);
    let pages: Vec<String> = queries(&server);
    let page = |number: i64| format!("count=3&page={number}");
    assert_eq!(pages, [page(1), page(2), page(2), page(2), page(3)]);
}

#[tokio::test]
async fn a_list_starts_where_it_is_told_to() {
    let pages = [page(&[7]), page(&[])].map(|page| with_total(page, 7));
    let (server, client) = started(&pages).await;
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut items = call.count(3).page(3).stream();
    assert_eq!(
        items.next().await.unwrap().unwrap().id,
        Some(AppointmentId(7))
    );
    assert!(items.next().await.is_none());
    // How many items come before page 3 is unknown, so page 4 is requested too.
    assert_eq!(queries(&server), ["count=3&page=3", "count=3&page=4"]);
}

#[tokio::test]
async fn pages_come_whole() {
    let mut first = page(&[1, 2, 3]);
    first["data"][1] = json!("odd");
    let (_server, client) = started(&[first, page(&[4])]).await;
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut pages = call.count(2).pages();
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!(first.mismatches().len(), 1);
    assert_eq!(first.into_data().unwrap().len(), 2);
    assert_eq!(pages.cursor(), Some(Cursor::Page(2)));
    assert!(pages.next().await.unwrap().is_ok() && pages.next().await.is_none());
}

#[tokio::test]
async fn an_unusable_argument_is_the_only_item() {
    let (server, client) = started(&[page(&[1])]).await;
    let location = None::<LocationId>;
    let mut items = client.b2b_v1().get_appointment_list(location).stream();
    let error = items.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(items.next().await.is_none());
    items.resume();
    assert!(items.next().await.is_none());
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_page_can_be_a_field_of_the_body() {
    let (server, client) = started(&[page(&[1, 2]), page(&[3])]).await;
    let call = client.b2b_v1().get_client_list(LocationId(1));
    let call = call.body_map(|body| body.page_size(2).fields(vec!["id".to_owned()]));
    let items = call.stream().ahead(0);
    let ids: Vec<_> = items.map(|item| item.unwrap().id).collect().await;
    assert_eq!(ids, [1, 2, 3].map(|id| Some(ClientId(id))));
    let expected = [1, 2].map(|page| json!({"fields": ["id"], "page_size": 2, "page": page}));
    assert_eq!(bodies(&server), expected);
}

#[tokio::test]
async fn a_date_cursor_is_followed_to_its_end() {
    let page = |id: i64, next: Value| {
        json!({
            "success": true,
            "data": {"records": [{"id": id}], "goods_transactions": []},
            "meta": {"dateCursor": {"next": next}}
        })
    };
    let (server, client) = started(&[
        page(
            1,
            json!({"from": "2026-01-05", "to": "2026-01-14", "count": 25}),
        ),
        page(2, json!({"from": null, "to": null, "count": null})),
    ])
    .await;
    let call = client.b2b_v1().search_client_visits(LocationId(1));
    // A required, nullable field that is not set is sent as null.
    let call = call.body_map(|body| {
        body.client_id(ClientId(7))
            .payment_statuses(Vec::<String>::new())
    });
    let mut visits = call.stream();
    let first: types::SearchClientVisitsData = visits.next().await.unwrap().unwrap();
    assert_eq!(first.records.unwrap()[0].id, Some(AppointmentId(1)));
    let (from, to) = (Some("2026-01-05".to_owned()), Some("2026-01-14".to_owned()));
    assert_eq!(visits.cursor(), Some(Cursor::Period { from, to }));
    assert!(visits.next().await.unwrap().is_ok() && visits.next().await.is_none());
    let seen = bodies(&server);
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (&seen[0]["from"], &seen[0]["to"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(seen[1]["from"], "2026-01-05");
    assert_eq!(
        (&seen[1]["to"], &seen[1]["client_id"]),
        (&json!("2026-01-14"), &json!(7))
    );
    assert_eq!(seen[1]["client_phone"], Value::Null);
}

#[tokio::test]
async fn items_are_found_where_the_document_puts_them() {
    let category = |ids: &[i64]| {
        let children: Vec<Value> = ids.iter().map(|id| json!({"item_id": id})).collect();
        json!({"success": true, "data": {"category_id": 9, "children": children}})
    };
    let (_server, client) = started(&[category(&[1, 2]), category(&[3])]).await;
    let call = client
        .b2b_v1()
        .get_product_category_composition(LocationId(1), ProductCategoryId(9));
    let call = call.count(2);
    assert_eq!(
        call.stream()
            .ahead(0)
            .map(|item| item.unwrap().item_id)
            .collect::<Vec<_>>()
            .await
            .len(),
        3
    );

    // The same response in two forms.
    let (_server, client) = started(&[
        page(&[1, 2]),
        json!([page(&[3, 4]), page(&[5])]),
        page(&[6]),
    ])
    .await;
    let call = client.b2b_v1().get_membership_list(ChainId(1)).count(2);
    let ids: Vec<_> = call
        .stream()
        .ahead(0)
        .map(|item| item.unwrap().id)
        .collect()
        .await;
    assert_eq!(ids, [1, 2, 3, 4, 5, 6].map(|id| Some(MembershipId(id))));
}

// ---- pages requested ahead ---------------------------------------------------------------------

/// Returns the number of the page that a request asks for.
fn page_number(request: &server::Request) -> i64 {
    let (_, number) = request.line.rsplit_once("page=").unwrap();
    number.parse().unwrap()
}

/// Returns page `number` of a list of `items` items, three to a page.
fn three(number: i64, items: i64) -> Value {
    let first = (number - 1) * 3 + 1;
    page(
        &(first..first + 3)
            .filter(|id| *id <= items)
            .collect::<Vec<_>>(),
    )
}

fn say(page: &Value) -> Reply {
    answer("200 OK", &page.to_string()).into()
}

/// Returns the numbers of the requested pages in ascending order.
fn numbers(server: &Server) -> Vec<i64> {
    let requests = server.requests();
    let mut numbers: Vec<i64> = requests.iter().map(page_number).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn five_pages_are_in_progress_and_arrive_in_order() {
    let in_progress = Arc::new(AtomicUsize::new(0));
    // Pages 2 to 6 and 7 to 11 each have to wait for one another.
    let all = Arc::new(Barrier::new(5));
    let most = Arc::new(AtomicUsize::new(0));
    let of_server = Arc::clone(&most);
    let server = Server::respond(move |request| {
        let (all, in_progress) = (Arc::clone(&all), Arc::clone(&in_progress));
        let most = Arc::clone(&of_server);
        async move {
            let number = page_number(&request);
            most.fetch_max(
                in_progress.fetch_add(1, Ordering::SeqCst) + 1,
                Ordering::SeqCst,
            );
            if number > 1 {
                all.wait().await;
                // Later pages arrive first.
                let place = u64::try_from(number).unwrap();
                tokio::time::sleep(Duration::from_millis(5 * (12 - place))).await;
            }
            in_progress.fetch_sub(1, Ordering::SeqCst);
            say(&with_total(three(number, 33), 33))
        }
    })
    .await;
    let call = client(&server).b2b_v1().get_appointment_list(LocationId(1));
    let ids: Vec<_> = call
        .count(3)
        .stream()
        .map(|item| item.unwrap().id.unwrap())
        .collect()
        .await;
    assert_eq!(ids, (1..=33).map(AppointmentId).collect::<Vec<_>>());
    assert_eq!(numbers(&server), (1..=11).collect::<Vec<_>>());
    assert_eq!(most.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn nothing_past_a_total_and_little_past_another_end_is_requested() {
    for (items, with, expected) in [(9, true, 3), (7, true, 3), (3, true, 1), (2, true, 1)] {
        let server = Server::respond(move |request| async move {
            let page = three(page_number(&request), items);
            say(&if with { with_total(page, items) } else { page })
        })
        .await;
        let call = client(&server).b2b_v1().get_appointment_list(LocationId(1));
        assert_eq!(
            call.count(3).stream().count().await,
            usize::try_from(items).unwrap()
        );
        assert_eq!(
            numbers(&server),
            (1..=expected).collect::<Vec<_>>(),
            "{items} items"
        );
    }
    // Without a total, the list ends with page 3.
    let server =
        Server::respond(|request| async move { say(&three(page_number(&request), 7)) }).await;
    let call = client(&server).b2b_v1().get_appointment_list(LocationId(1));
    assert_eq!(call.count(3).stream().ahead(2).count().await, 7);
    let numbers = numbers(&server);
    assert!(
        numbers.starts_with(&[1, 2, 3]) && numbers.len() <= 5,
        "{numbers:?}"
    );
    // A short first page is not taken for one of many.
    let server =
        Server::respond(|request| async move { say(&three(page_number(&request), 2)) }).await;
    let call = client(&server).b2b_v1().get_appointment_list(LocationId(1));
    assert_eq!(call.count(3).stream().count().await, 2);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_page_that_fails_surfaces_in_its_turn() {
    let failures = Arc::new(AtomicUsize::new(0));
    let server = Server::respond(move |request| {
        let failures = Arc::clone(&failures);
        async move {
            let number = page_number(&request);
            if number == 3 && failures.fetch_add(1, Ordering::SeqCst) < 2 {
                return answer("500 Internal Server Error", "").into();
            }
            // Page 3 has failed before page 2 arrives.
            tokio::time::sleep(Duration::from_millis(20)).await;
            say(&with_total(three(number, 20), 20))
        }
    })
    .await;
    let call = client(&server).b2b_v1().get_appointment_list(LocationId(1));
    let mut items = call.count(3).stream();
    let (mut ids, mut failed) = (Vec::new(), Vec::new());
    loop {
        match items.next().await {
            Some(Ok(item)) => ids.push(item.id.unwrap()),
            Some(Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::Api);
                assert_eq!(items.cursor(), Some(Cursor::Page(3)));
                failed.push(ids.len());
                let sent = server.requests().len();
                assert!(items.next().await.is_none());
                assert_eq!(server.requests().len(), sent);
                items.resume();
            }
            None => break,
        }
    }
    assert_eq!(ids, (1..=20).map(AppointmentId).collect::<Vec<_>>());
    assert_eq!(failed, [6, 6]);
    assert_eq!(items.cursor(), None);
}

#[tokio::test]
async fn a_page_that_fails_while_the_caller_is_busy_is_requested_again() {
    let stalls = Arc::new(AtomicUsize::new(0));
    let server = Server::respond(move |request| {
        let stalls = Arc::clone(&stalls);
        async move {
            match page_number(&request) {
                1 => say(&with_total(page(&(1..=100).collect::<Vec<_>>()), 101)),
                _ if stalls.fetch_add(1, Ordering::SeqCst) == 0 => Reply::SayAndStall(Vec::new()),
                _ => say(&with_total(page(&[101]), 101)),
            }
        }
    })
    .await;
    let clock = Clock::new();
    let client = Client::builder()
        .partner_token("p")
        .user_token("u")
        .server(server.url.parse().unwrap())
        .retry(Retry::off())
        .timeout(4 * TIMEOUT)
        .attempt_timeout(2 * TIMEOUT)
        .runtime(clock.clone())
        .build()
        .unwrap();
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut items = call.count(100).stream();
    let mut ids = Vec::new();
    // Each item that is returned also polls the request for the next page.
    while server.requests().len() < 2 {
        ids.push(items.next().await.unwrap().unwrap().id.unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    clock.set_on(3 * TIMEOUT);
    while let Some(item) = items.next().await {
        ids.push(item.unwrap().id.unwrap());
    }
    assert_eq!(ids, (1..=101).map(AppointmentId).collect::<Vec<_>>());
    assert_eq!(numbers(&server), [1, 2, 2]);
}

#[tokio::test]
async fn items_that_move_to_another_page_are_told() {
    let pages = [page(&[1, 2, 3]), page(&[3, 4, 5]), page(&[6, 1])];
    let (_server, client) = started(&pages).await;
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut pages = call.count(3).pages().ahead(0);
    let mut repeated = Vec::new();
    while let Some(page) = pages.next().await {
        page.unwrap();
        repeated.push(pages.repeated().to_vec());
    }
    assert_eq!(repeated, [vec![], vec![0], vec![1]]);
}

#[tokio::test]
async fn a_page_is_recognized_by_its_ids() {
    // The items differ, but they are the same ones.
    let pages: Vec<Value> = (1..50)
        .map(|number| {
            let mut page = page(&[1, 2, 3]);
            page["data"][0]["comment"] = json!(number.to_string());
            page
        })
        .collect();
    let (server, client) = started(&pages).await;
    assert_eq!(appointments(&client).await, [1, 2, 3].map(AppointmentId));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn items_tell_what_was_set_aside_on_their_page() {
    let mut first = with_total(page(&[1, 2]), 3);
    first["data"][1]["comment"] = json!(["odd"]);
    let mut second = with_total(page(&[3]), 3);
    second["data"][0]["new_field"] = json!(7);
    let (_server, client) = started(&[first, second]).await;
    let call = client.b2b_v1().get_appointment_list(LocationId(1));
    let mut items = call.count(2).stream();
    assert!(items.mismatches().is_empty() && items.unknown_fields().is_empty());
    for _ in 0..2 {
        items.next().await.unwrap().unwrap();
        let mismatches: Vec<_> = items.mismatches().iter().map(|m| m.path.as_str()).collect();
        assert_eq!(mismatches, ["$.data[1].comment"]);
        assert!(items.unknown_fields().is_empty());
    }
    items.next().await.unwrap().unwrap();
    assert!(items.mismatches().is_empty());
    for _ in 0..2 {
        assert_eq!(items.unknown_fields()[0].path, "$.data[0].new_field");
        assert!(items.next().await.is_none());
    }
}

#[test]
fn streams_can_be_sent_between_threads() {
    fn sendable<T: Send + Unpin>(_: T) {}
    let client = Client::builder().build().unwrap();
    sendable(client.b2b_v1().get_appointment_list(LocationId(1)).stream());
    sendable(client.b2b_v1().get_appointment_list(LocationId(1)).pages());
}
