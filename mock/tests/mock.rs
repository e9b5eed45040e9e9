//! What the mock refuses, answers and keeps.

use std::time::Duration;

use altegio_mock::{Faults, Fill, MockServer, Values};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

const TOKENS: &str = "Bearer partner, User user";
const ACCEPT: &str = "application/vnd.api.v2+json";

struct Asking<'s> {
    server: &'s MockServer,
    http: Client,
}

impl<'s> Asking<'s> {
    fn new(server: &'s MockServer) -> Self {
        let http = Client::builder().no_proxy().build().unwrap();
        Self { server, http }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.server.url()))
            .header("authorization", TOKENS)
            .header("accept", ACCEPT)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(method, path);
        let request = request.header("content-type", "application/json");
        read(request.body(body.to_string()).send().await.unwrap()).await
    }
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn what_the_document_does_not_allow_is_refused_in_the_vendors_envelope() {
    let server = MockServer::start().await.unwrap();
    let asking = Asking::new(&server);
    let bare = |path: &str| asking.http.get(format!("{}{path}", server.url()));

    let (status, body) = read(bare("/custom_fields/record/1").send().await.unwrap()).await;
    assert_eq!((status, &body["success"]), (401, &json!(false)));
    assert!(body["data"].is_null());
    let partner_alone = bare("/custom_fields/record/1").header("authorization", "Bearer partner");
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
        let request = bare("/custom_fields/record/1").header("authorization", wrong);
        let (status, _) = read(request.send().await.unwrap()).await;
        assert_eq!(status, 401, "{wrong:?}");
    }
    let plain = bare("/custom_fields/record/1").header("authorization", TOKENS);
    assert_eq!(read(plain.send().await.unwrap()).await.0, 406);
    assert_eq!(asking.get("/no/such/path").await.0, 404);
    let wrong_method = asking.request(Method::PATCH, "/custom_fields/record/1");
    let response = wrong_method.send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET, POST");

    let (status, body) = asking.get("/custom_fields/record/one?no_such=1").await;
    assert_eq!(status, 422);
    let errors = body["meta"]["errors"].as_object().unwrap();
    let places: Vec<&String> = errors.keys().collect();
    assert_eq!(places, ["/path/location_id", "/query/no_such"]);
    let body = json!({"code": 5, "title": "Allergies"});
    let (status, body) = asking
        .send(Method::POST, "/custom_fields/record/1", &body)
        .await;
    assert_eq!(status, 422);
    assert!(
        body["meta"]["errors"]["/body/code"][0].is_string(),
        "{body}"
    );

    let requests = server.requests();
    assert!(requests.iter().all(|request| request.status >= 400));
    assert_eq!(
        requests.last().unwrap().operation.as_deref(),
        Some("create_custom_field")
    );
}

#[tokio::test]
async fn the_same_request_has_the_same_answer_unless_it_prefers_another() {
    let server = MockServer::start().await.unwrap();
    let asking = Asking::new(&server);
    let path = "/custom_fields/record/1";
    let first = asking.get(path).await;
    assert_eq!(first.0, 200);
    assert_eq!(first.1["success"], true);
    assert_eq!(asking.get(path).await, first);
    assert_ne!(asking.get("/custom_fields/record/2").await, first);
    let other = MockServer::builder().seed(1).start().await.unwrap();
    assert_ne!(Asking::new(&other).get(path).await, first);

    let prefer = async |text: &str| {
        let request = asking.request(Method::GET, path).header("prefer", text);
        read(request.send().await.unwrap()).await
    };
    let (status, body) = prefer("code=404").await;
    assert_eq!((status, &body["success"]), (404, &json!(false)));
    assert_eq!(prefer("code=418").await.0, 400);
    let varied = [prefer("dynamic=true").await, prefer("dynamic=true").await];
    assert_ne!(varied[0], varied[1]);
}

#[tokio::test]
async fn every_value_that_is_made_is_what_its_schema_allows() {
    let server = MockServer::start().await.unwrap();
    let document = server.document();
    let mut made = 0;
    for operation in &document.operations {
        let answers = operation
            .responses
            .values()
            .filter_map(|response| response.pointer.as_ref());
        let body = operation.body.iter().map(|body| &body.pointer);
        for pointer in answers.chain(body) {
            let whole = document.standing_alone(document.at(pointer));
            let validator = jsonschema::draft202012::options().build(&whole).unwrap();
            for fill in [Fill::Required, Fill::All, Fill::Edge] {
                for seed in 0..3 {
                    let mut values = Values::new(document, seed, fill);
                    values.vary = seed == 2;
                    let value = values.value(document.at(pointer), "");
                    let errors: Vec<String> = validator
                        .iter_errors(&value)
                        .map(|error| error.to_string())
                        .collect();
                    assert!(
                        errors.is_empty(),
                        "{} {pointer} {fill:?}: {errors:?}",
                        operation.id
                    );
                    made += 1;
                }
            }
        }
    }
    assert!(made > 5_000, "{made}");
}

#[tokio::test]
async fn state_is_kept_for_families_of_paths() {
    let server = MockServer::builder().state(true).start().await.unwrap();
    let asking = Asking::new(&server);
    let list = "/custom_fields/record/1";
    assert_eq!(asking.get(list).await.1["data"], json!([]));
    let field = |title: &str| json!({"type": "text", "code": "allergies", "title": title, "show_in_ui": true, "user_can_edit": true});
    let (status, created) = asking.send(Method::POST, list, &field("Allergies")).await;
    assert_eq!(
        (status, &created["data"]["custom_field"]["title"]),
        (200, &json!("Allergies"))
    );
    let id = created["data"]["id"].as_i64().unwrap();
    assert_eq!(asking.get(list).await.1["data"][0], created["data"]);
    // Another location has its own.
    assert_eq!(
        asking.get("/custom_fields/record/2").await.1["data"],
        json!([])
    );
    let item = format!("{list}/{id}");
    let (status, _) = asking.send(Method::PUT, &item, &field("Notes")).await;
    assert!(status < 300);
    assert_eq!(
        asking.get(list).await.1["data"][0]["custom_field"]["title"],
        "Notes"
    );
    let deleted = asking.request(Method::DELETE, &item).send().await.unwrap();
    assert!(deleted.status().is_success());
    assert_eq!(asking.get(list).await.1["data"], json!([]));
    let again = asking.request(Method::DELETE, &item).send().await.unwrap();
    assert_eq!(again.status(), 404);
}

#[tokio::test]
async fn faults_come_at_their_rates() {
    let faults: Faults = "429=0.3,500=0.3,cut=0.3,latency=1ms".parse().unwrap();
    let server = MockServer::builder().faults(faults).start().await.unwrap();
    let asking = Asking::new(&server);
    let (mut answered, mut limited, mut broken, mut cut) = (0, 0, 0, 0);
    for _ in 0..300 {
        let request = asking.request(Method::GET, "/custom_fields/record/1");
        let response = request.timeout(Duration::from_secs(5)).send().await;
        // Cut short, an answer may not even have a head.
        let Ok(response) = response else {
            cut += 1;
            continue;
        };
        match response.status().as_u16() {
            200 => match response.bytes().await {
                Ok(_) => answered += 1,
                Err(_) => cut += 1,
            },
            429 => {
                assert_eq!(response.headers()["retry-after"], "1");
                limited += 1;
            }
            status => {
                assert_eq!(status, 500);
                broken += 1;
            }
        }
    }
    assert_eq!(answered + limited + broken + cut, 300);
    for count in [limited, broken, cut] {
        assert!(
            (60..=120).contains(&count),
            "{answered} {limited} {broken} {cut}"
        );
    }
    assert!(answered > 0);
    for wrong in ["429", "429=2", "502=0.1", "latency=5", "429=x"] {
        assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_server_ends_when_it_is_dropped() {
    let server = MockServer::start().await.unwrap();
    let address = server.address();
    drop(server);
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{address} still listens");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_taken_for_an_empty_one() {
    let server = MockServer::start().await.unwrap();
    let asking = Asking::new(&server);
    let long = json!({"code": "x".repeat(32 * 1024 * 1024)});
    let (status, body) = asking
        .send(Method::POST, "/custom_fields/record/1", &long)
        .await;
    assert_eq!(status, 413);
    let message = body["meta"]["message"].as_str().unwrap();
    assert!(message.contains("longer than"), "{message}");
    assert_eq!(server.requests()[0].problems[0].pointer, "/body");
}
