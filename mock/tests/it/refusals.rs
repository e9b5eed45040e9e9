//! Requests that the document does not allow.

use altegio_mock::MockServer;
use reqwest::Method;
use serde_json::json;

use crate::asking::{Asking, TOKENS, path, read};

#[tokio::test]
async fn what_the_document_does_not_allow_is_refused_in_the_vendors_envelope() {
    let server = MockServer::start().await.unwrap();
    let asking = Asking::new(&server);
    let bare = |path: &str| asking.http.get(format!("{}{path}", server.url()));

    let fields = path(&server, "get_custom_field_list", &["record", "1"]);
    let fields = fields.as_str();
    let (status, body) = read(bare(fields).send().await.unwrap()).await;
    assert_eq!((status, &body["success"]), (401, &json!(false)));
    assert!(body["data"].is_null());
    let partner_alone = bare(fields).header("authorization", "Bearer partner");
    let (status, body) = read(partner_alone.send().await.unwrap()).await;
    assert_eq!(status, 401);
    assert_eq!(
        body["meta"]["message"],
        "Authorization has no `, User {UserToken}`"
    );
    for wrong in [
        "partner",
        "Bearer ",
        "Bearer a, user b",
        "Bearer a,User b",
        "Bearer a, User ",
    ] {
        let request = bare(fields).header("authorization", wrong);
        let (status, _) = read(request.send().await.unwrap()).await;
        assert_eq!(status, 401, "{wrong:?}");
    }
    let plain = bare(fields).header("authorization", TOKENS);
    assert_eq!(read(plain.send().await.unwrap()).await.0, 406);
    assert_eq!(asking.get("/no/such/path").await.0, 404);
    let wrong_method = asking.request(Method::PATCH, fields);
    let response = wrong_method.send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET, POST");

    let wrong = path(&server, "get_custom_field_list", &["record", "one"]);
    let (status, body) = asking.get(&format!("{wrong}?no_such=1")).await;
    assert_eq!(status, 422);
    let errors = body["meta"]["errors"].as_object().unwrap();
    let places: Vec<&String> = errors.keys().collect();
    assert_eq!(places, ["/path/location_id", "/query/no_such"]);
    let body = json!({"code": 5, "title": "Allergies"});
    let (status, body) = asking.send(Method::POST, fields, &body).await;
    assert_eq!(status, 422);
    assert!(
        body["meta"]["errors"]["/body/code"][0].is_string(),
        "{body}"
    );

    let requests = server.requests();
    assert_eq!(
        requests.last().unwrap().operation.as_deref(),
        Some("create_custom_field")
    );

    // A joined list may be empty; its items have a type.
    let transactions = path(&server, "get_chain_loyalty_transaction_list", &["1"]);
    let list = |ids: &str| format!("{transactions}?company_ids={ids}&types=4&page=1");
    let refused = asking.get(&list("1,x")).await;
    assert_eq!(refused.0, 422);
    assert!(refused.1["meta"]["errors"]["/query/company_ids/1"].is_array());
    assert!(
        !asking
            .get(&list(""))
            .await
            .1
            .to_string()
            .contains("/query/company_ids")
    );
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_taken_for_an_empty_one() {
    let server = MockServer::start().await.unwrap();
    let asking = Asking::new(&server);
    let long = json!({"code": "x".repeat(32 * 1024 * 1024)});
    let fields = path(&server, "create_custom_field", &["record", "1"]);
    let (status, body) = asking.send(Method::POST, &fields, &long).await;
    assert_eq!(status, 413);
    let message = body["meta"]["message"].as_str().unwrap();
    assert!(message.contains("longer than"), "{message}");
    assert_eq!(server.requests()[0].problems[0].pointer, "/body");
}
