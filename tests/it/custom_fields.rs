//! Tests that the four custom field calls send exactly the requests that the
//! vendor's page describes.

use altegio::Client;
use altegio::ids::{CustomFieldId, LocationId};
use httpmock::prelude::*;
use serde_json::{Value, json};

const ACCEPT: &str = "application/vnd.api.v2+json";
const AUTHORIZATION: &str = "Bearer partner, User user";
const AGENT: &str = concat!("altegio-rust/", env!("CARGO_PKG_VERSION"));

fn client(server: &MockServer) -> Client {
    Client::builder()
        .partner_token("partner")
        .user_token("user")
        .server(server.base_url().parse().unwrap())
        .build()
        .unwrap()
}

fn item() -> Value {
    json!({"id": 7, "salon_id": 123, "custom_field": {
        "id": 7, "code": "notes", "show_in_ui": true, "title": "Notes",
        "user_can_edit": true, "type": {"code": "text", "title": "Text"},
    }})
}

#[tokio::test]
async fn list_asks_for_the_category_and_reads_every_field() {
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.method(GET)
                .path("/custom_fields/record/123")
                .header("Accept", ACCEPT)
                .header("Authorization", AUTHORIZATION)
                .header("User-Agent", AGENT)
                .header_missing("Content-Type");
            then.json_body(json!({"success": true, "data": [item()], "meta": []}));
        })
        .await;
    let answer = client(&server)
        .b2b_v1()
        .get_custom_field_list("record", LocationId(123))
        .send()
        .await
        .unwrap();
    mock.assert_calls_async(1).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.mismatches().is_empty() && answer.unknown_fields().is_empty());
    let fields = answer.into_data().unwrap();
    assert_eq!(
        (fields[0].id, fields[0].salon_id),
        (Some(7), Some(LocationId(123)))
    );
    let field = fields[0].custom_field.as_ref().unwrap();
    assert_eq!(field.title.as_deref(), Some("Notes"));
    assert_eq!(field.type_.as_ref().unwrap().code.as_deref(), Some("text"));
}

#[tokio::test]
async fn create_sends_the_body_and_reads_one_field() {
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.method(POST)
                .path("/custom_fields/client/123")
                .header("Accept", ACCEPT)
                .header("Authorization", AUTHORIZATION)
                .header("Content-Type", "application/json")
                .json_body(json!({
                    "type": "text", "code": "notes", "title": "Notes",
                    "user_can_edit": true, "show_in_ui": false,
                }));
            then.json_body(json!({"success": true, "data": item(), "meta": []}));
        })
        .await;
    let created = client(&server)
        .b2b_v1()
        .create_custom_field("client", LocationId(123))
        .body_map(|field| {
            field
                .type_("text")
                .code("notes")
                .title("Notes")
                .user_can_edit(true)
                .show_in_ui(false)
        })
        .send()
        .await
        .unwrap()
        .into_data()
        .unwrap();
    mock.assert_calls_async(1).await;
    assert_eq!(
        (created.id, created.salon_id),
        (Some(7), Some(LocationId(123)))
    );
    assert_eq!(created.custom_field.unwrap().code.as_deref(), Some("notes"));
}

#[tokio::test]
async fn update_puts_to_the_field_and_reads_the_message() {
    let server = MockServer::start_async().await;
    let body = json!({
        "type": "text", "code": "notes", "title": "More notes",
        "user_can_edit": false, "show_in_ui": true,
    });
    let mock = server
        .mock_async(|when, then| {
            when.method(PUT)
                .path("/custom_fields/record/123/7")
                .header("Accept", ACCEPT)
                .header("Authorization", AUTHORIZATION)
                .header("Content-Type", "application/json")
                .json_body(body);
            then.status(202)
                .json_body(json!({"success": true, "data": null, "meta": {"message": "Saved"}}));
        })
        .await;
    let answer = client(&server)
        .b2b_v1()
        .update_custom_field("record", LocationId(123), CustomFieldId(7))
        .body_map(|field| {
            field
                .type_("text")
                .code("notes")
                .title("More notes")
                .user_can_edit(false)
                .show_in_ui(true)
        })
        .send()
        .await
        .unwrap();
    mock.assert_calls_async(1).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.success, Some(true));
    let (data, meta) = answer.into_parts();
    assert!(data.is_none());
    assert_eq!(meta.unwrap().message.as_deref(), Some("Saved"));
}

#[tokio::test]
async fn delete_sends_no_body_and_reads_the_message() {
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.method(DELETE)
                .path("/custom_fields/record/123/7")
                .header("Accept", ACCEPT)
                .header("Authorization", AUTHORIZATION)
                .header_missing("Content-Type")
                .body("");
            then.json_body(json!({"success": true, "data": null, "meta": {"message": "Deleted"}}));
        })
        .await;
    let answer = client(&server)
        .b2b_v1()
        .delete_custom_field("record", LocationId(123), CustomFieldId(7))
        .send()
        .await
        .unwrap();
    mock.assert_calls_async(1).await;
    assert_eq!(
        answer.meta.as_ref().unwrap().message.as_deref(),
        Some("Deleted")
    );
    let error = answer.into_data().unwrap_err();
    assert_eq!(error.path(), Some("$.data"));
}

#[tokio::test]
async fn a_body_that_lacks_a_required_field_is_not_sent() {
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.any_request();
            then.status(500);
        })
        .await;
    let error = client(&server)
        .b2b_v1()
        .create_custom_field("record", LocationId(123))
        .body_map(|field| field.type_("text"))
        .send()
        .await
        .unwrap_err();
    mock.assert_calls_async(0).await;
    assert_eq!(error.kind(), altegio::ErrorKind::Argument);
    let text = error.to_string();
    assert!(
        text.starts_with("create_custom_field: ") && text.contains("code"),
        "{text}"
    );
}
