//! List, create, update and delete a custom field.
//!
//! `cargo run --example custom_fields` talks to a mock that it starts itself.
//! `-- --server production|mock|<url>` talks to a real one, with the tokens
//! from `ALTEGIO_PARTNER_TOKEN` and `ALTEGIO_USER_TOKEN`, for the location in
//! `ALTEGIO_LOCATION_ID`.

use altegio::b2b_v1::prelude::*;
use altegio::{Client, ClientBuilder, Error, Server};
use httpmock::prelude::*;
use serde_json::json;

const CATEGORY: &str = "record";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => {
            let location = 123;
            let mock = MockServer::start_async().await;
            script(&mock, location).await;
            println!("embedded mock at {}", mock.base_url());
            let client = Client::builder()
                .partner_token("partner-token")
                .user_token("user-token")
                .server(mock.base_url().parse()?)
                .build()?;
            walk_through(&client, location).await?;
        }
        ["--server", server] => {
            let server: Server = server.parse()?;
            let location = std::env::var("ALTEGIO_LOCATION_ID")
                .map_err(|_| "set ALTEGIO_LOCATION_ID to the location's id")?
                .parse()?;
            println!("{}", server.url());
            let client = ClientBuilder::from_env()?.server(server).build()?;
            walk_through(&client, location).await?;
        }
        _ => return Err("usage: custom_fields [--server production|mock|<url>]".into()),
    }
    Ok(())
}

async fn walk_through(client: &Client, location: i64) -> Result<(), Error> {
    list(client, location).await?;

    let created = client
        .b2b_v1()
        .create_custom_field()
        .field_category(CATEGORY)
        .location_id(location)
        .body_map(|field| {
            field
                .type_("text")
                .code("allergies")
                .title("Allergies")
                .user_can_edit(true)
                .show_in_ui(true)
        })
        .send()
        .await?
        .into_data()?;
    let id = created.id.unwrap_or_default();
    println!(
        "create  → field {id} at location {}",
        created.salon_id.unwrap_or_default()
    );
    list(client, location).await?;

    let updated = client
        .b2b_v1()
        .update_custom_field()
        .field_category(CATEGORY)
        .location_id(location)
        .field_id(id)
        .body_map(|field| {
            field
                .type_("text")
                .code("allergies")
                .title("Allergies and intolerances")
                .user_can_edit(true)
                .show_in_ui(false)
        })
        .send()
        .await?;
    println!(
        "update  → {}",
        message(
            updated
                .meta
                .as_ref()
                .and_then(|meta| meta.message.as_deref())
        )
    );
    list(client, location).await?;

    let deleted = client
        .b2b_v1()
        .delete_custom_field()
        .field_category(CATEGORY)
        .location_id(location)
        .field_id(id)
        .send()
        .await?;
    println!(
        "delete  → {}",
        message(
            deleted
                .meta
                .as_ref()
                .and_then(|meta| meta.message.as_deref())
        )
    );
    list(client, location).await
}

async fn list(client: &Client, location: i64) -> Result<(), Error> {
    let fields = client
        .b2b_v1()
        .get_custom_field_list()
        .field_category(CATEGORY)
        .location_id(location)
        .send()
        .await?
        .into_data()?;
    println!("list    → {} field(s)", fields.len());
    for field in fields.iter().filter_map(|item| item.custom_field.as_ref()) {
        println!(
            "          {:>4}  {:<12} {}",
            field.id.unwrap_or_default(),
            field.code.as_deref().unwrap_or("-"),
            field.title.as_deref().unwrap_or("-"),
        );
    }
    Ok(())
}

fn message(message: Option<&str>) -> &str {
    message.unwrap_or("no message")
}

/// The answers that the vendor's page shows for the four operations: the list
/// is empty, then holds the field, then the field renamed, then is empty.
async fn script(mock: &MockServer, location: i64) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static STEP: AtomicUsize = AtomicUsize::new(0);

    let collection = format!("/custom_fields/{CATEGORY}/{location}");
    let element = format!("{collection}/7");
    let item = |title: &str| {
        json!({"id": 7, "salon_id": location, "custom_field": {
            "id": 7, "code": "allergies", "show_in_ui": true, "title": title,
            "user_can_edit": true, "type": {"code": "text", "title": "Text"},
        }})
    };
    let states = [
        json!([]),
        json!([item("Allergies")]),
        json!([item("Allergies and intolerances")]),
        json!([]),
    ];
    let created = item("Allergies");
    mock.mock_async(|when, then| {
        when.method(GET).path(&collection);
        then.respond_with(move |_: &HttpMockRequest| {
            let state = &states[STEP.load(Ordering::Relaxed).min(3)];
            answer(200, &json!({"success": true, "data": state, "meta": []}))
        });
    })
    .await;
    mock.mock_async(|when, then| {
        when.method(POST).path(&collection);
        then.respond_with(move |_: &HttpMockRequest| {
            STEP.store(1, Ordering::Relaxed);
            answer(200, &json!({"success": true, "data": created, "meta": []}))
        });
    })
    .await;
    for (method, step, status, text) in [(PUT, 2, 202, "Saved"), (DELETE, 3, 200, "Deleted")] {
        mock.mock_async(|when, then| {
            when.method(method).path(&element);
            then.respond_with(move |_: &HttpMockRequest| {
                STEP.store(step, Ordering::Relaxed);
                let body = json!({"success": true, "data": null, "meta": {"message": text}});
                answer(status, &body)
            });
        })
        .await;
    }
}

fn answer(status: u16, body: &serde_json::Value) -> HttpMockResponse {
    HttpMockResponse::builder()
        .status(status)
        .header("Content-Type", "application/json")
        .body(body.to_string())
        .build()
}
