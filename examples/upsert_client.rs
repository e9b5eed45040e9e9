//! Creates a client, or updates the one with the same phone number.
//!
//! `cargo run --example upsert_client` uses a mock server that it starts itself.

use altegio::Client;
use altegio::b2b_v1::types::{ClientListFilter, ClientListFilterState};
use altegio::ids::{ClientId, LocationId};
use altegio_mock::MockServer;

const LOCATION: LocationId = LocationId(123);
const PHONE: &str = "+13155550184";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockServer::builder().state(true).start().await?;
    let client = Client::builder()
        .partner_token("partner-token")
        .user_token("user-token")
        .server(mock.url().parse()?)
        .build()?;
    let first = upsert(&client, PHONE, "Ada").await?;
    let second = upsert(&client, PHONE, "Ada Lovelace").await?;
    println!("created client {first}, then updated it");
    assert_eq!(first, second);

    let found = client
        .b2b_v1()
        .get_client(LOCATION, first)
        .send()
        .await?
        .into_data()?;
    assert_eq!(found.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(found.phone.as_deref(), Some(PHONE));
    Ok(())
}

/// Creates or updates the client with this phone number. Returns the client's id.
///
/// Two programs that do this at the same time may both create the client: Altegio has
/// no operation that does it in one step.
async fn upsert(
    client: &Client,
    phone: &str,
    name: &str,
) -> Result<ClientId, Box<dyn std::error::Error>> {
    let api = client.b2b_v1();
    let by_phone = ClientListFilter::builder()
        .type_("quick_search")
        .state(ClientListFilterState::builder().value(phone));
    // A search responds with ids only, unless it names the fields.
    let search = api.get_client_list(LOCATION).body_map(|body| {
        body.filters([by_phone])
            .fields(["id", "phone"])
            .page_size(200)
    });
    let mut found = search.stream();
    while let Some(candidate) = found.next().await {
        let candidate = candidate?;
        // The search also finds other fields that contain the number.
        if candidate.phone.as_deref() == Some(phone) {
            let id = candidate.id.ok_or("the client has no id")?;
            let update = api.update_client(LOCATION, id);
            update
                .body_map(|body| body.name(name).phone(phone))
                .send()
                .await?;
            return Ok(id);
        }
    }
    let create = api.create_client(LOCATION);
    let created = create.body_map(|body| body.name(name).phone(phone));
    let created = created.send().await?.into_data()?;
    Ok(created.id.ok_or("the client has no id")?)
}
