//! Lists, creates, updates and deletes a custom field.
//!
//! `cargo run --example custom_fields` uses a mock server that it starts itself.
//! With `-- --server production|local|mock|<url>` it uses that server, the tokens in
//! `ALTEGIO_PARTNER_TOKEN` and `ALTEGIO_USER_TOKEN`, and the location in
//! `ALTEGIO_LOCATION_ID`.

use altegio::ids::{CustomFieldId, LocationId};
use altegio::{Client, ClientBuilder, Error, Server};
use altegio_mock::MockServer;

const CATEGORY: &str = "record";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => {
            let location = LocationId(123);
            let mock = MockServer::builder().state(true).start().await?;
            println!("embedded mock server at {}", mock.url());
            let client = Client::builder()
                .partner_token("partner-token")
                .user_token("user-token")
                .server(mock.url().parse()?)
                .build()?;
            walk_through(&client, location).await?;
        }
        ["--server", server] => {
            let server: Server = server.parse()?;
            let location = std::env::var("ALTEGIO_LOCATION_ID")
                .map_err(|_| "set ALTEGIO_LOCATION_ID to the id of a location")?
                .parse()?;
            println!("server: {server}");
            let client = ClientBuilder::from_env()?.server(server).build()?;
            walk_through(&client, location).await?;
        }
        _ => return Err("usage: custom_fields [--server production|local|mock|<url>]".into()),
    }
    Ok(())
}

async fn walk_through(
    client: &Client,
    location: LocationId,
) -> Result<(), Box<dyn std::error::Error>> {
    list(client, location).await?;

    let created = client
        .b2b_v1()
        .create_custom_field(CATEGORY, location)
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
    let id = created
        .id
        .ok_or("the response to create_custom_field has no id")?;
    println!("create  → field {id} at location {location}");
    list(client, location).await?;

    let updated = client
        .b2b_v1()
        .update_custom_field(CATEGORY, location, CustomFieldId(id))
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
        .delete_custom_field(CATEGORY, location, CustomFieldId(id))
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
    list(client, location).await?;
    Ok(())
}

async fn list(client: &Client, location: LocationId) -> Result<(), Error> {
    let fields = client
        .b2b_v1()
        .get_custom_field_list(CATEGORY, location)
        .send()
        .await?
        .into_data()?;
    println!("list    → {} field(s)", fields.len());
    for field in fields.iter().filter_map(|item| item.custom_field.as_ref()) {
        let id = field.id.map(|id| id.to_string());
        println!(
            "          {:>4}  {:<12} {}",
            id.as_deref().unwrap_or("-"),
            field.code.as_deref().unwrap_or("-"),
            field.title.as_deref().unwrap_or("-"),
        );
    }
    Ok(())
}

fn message(message: Option<&str>) -> &str {
    message.unwrap_or("no message")
}
