//! Tests your own program against altegio-mock: what it sends, what it makes of errors,
//! and how it copes with faults.
//!
//! In a project of your own, altegio-mock is a dev-dependency and these functions are
//! tests (`#[tokio::test]`). Here, `cargo run --example testing` runs them.

use std::time::Duration;

use altegio::b2b_v1::operations;
use altegio::ids::{ClientId, LocationId};
use altegio::{Client, Error, Retry};
use altegio_mock::MockServer;

/// The code under test: deletes a client, also if somebody else has already done so.
async fn forget(client: &Client, id: ClientId) -> Result<(), Error> {
    match client
        .b2b_v1()
        .delete_client(LocationId(123), id)
        .send()
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

fn client(mock: &MockServer) -> Result<Client, Box<dyn std::error::Error>> {
    let client = Client::builder()
        .partner_token("partner-token")
        .user_token("user-token")
        .server(mock.url().parse()?)
        // Wait less than in production.
        .retry(
            Retry::new()
                .attempts(10)
                .backoff(Duration::from_millis(1), Duration::from_millis(10)),
        )
        .build()?;
    Ok(client)
}

/// The requests of the program are those that it should send.
async fn it_sends_one_request() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockServer::start().await?;
    forget(&client(&mock)?, ClientId(7)).await?;
    let requests = mock.requests();
    let sent: Vec<_> = requests
        .iter()
        .map(|r| (r.method.as_str(), r.path.as_str()))
        .collect();
    assert_eq!(sent, [("DELETE", "/client/123/7")]);
    Ok(())
}

/// With state, an item that was never created is not found.
async fn it_ignores_a_client_that_is_gone() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockServer::builder().state(true).start().await?;
    forget(&client(&mock)?, ClientId(7)).await?;
    Ok(())
}

/// The server sometimes responds with 429, and asks to wait for a second.
async fn it_copes_with_faults() -> Result<(), Box<dyn std::error::Error>> {
    let faults = "429=0.2,latency=5ms".parse()?;
    let mock = MockServer::builder().faults(faults).start().await?;
    let client = client(&mock)?;
    for id in 1..=10 {
        forget(&client, ClientId(id)).await?;
    }
    assert!(mock.requests().len() > 10, "no fault was injected");
    Ok(())
}

/// An error can be made without a server.
fn it_recognizes_what_is_wrong() {
    let body =
        r#"{"success": false, "meta": {"message": "Wrong phone", "errors": {"phone": ["x"]}}}"#;
    let status = altegio::reqwest::StatusCode::UNPROCESSABLE_ENTITY;
    let error = Error::from_response(&operations::CREATE_CLIENT, status, body.into());
    assert!(error.is_validation() && !error.is_retryable());
    assert_eq!(
        error.field_errors().next().map(|(field, _)| field),
        Some("phone")
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    it_sends_one_request().await?;
    it_ignores_a_client_that_is_gone().await?;
    it_copes_with_faults().await?;
    it_recognizes_what_is_wrong();
    println!("4 tests passed");
    Ok(())
}
