//! What the mock refuses, answers and keeps.

use std::process::Stdio;
use std::time::Duration;

use altegio_mock::{Faults, Fill, MockServer, Values};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

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
    assert_eq!(
        requests.last().unwrap().operation.as_deref(),
        Some("create_custom_field")
    );

    // A joined list may be empty; its items have a type.
    let list =
        |ids: &str| format!("/chain/1/loyalty/transactions?company_ids={ids}&types=4&page=1");
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

/// A resource's operations: create, list, get, update, delete.
const RESOURCES: [[&str; 5]; 12] = [
    [
        "create_custom_field",
        "get_custom_field_list",
        "",
        "update_custom_field",
        "delete_custom_field",
    ],
    [
        "create_client",
        "get_client_list",
        "get_client",
        "update_client",
        "delete_client",
    ],
    [
        "create_service",
        "get_service_list",
        "get_service",
        "patch_service",
        "delete_service",
    ],
    [
        "create_team_member_quick",
        "get_team_member_list",
        "get_team_member",
        "update_team_member",
        "delete_team_member",
    ],
    [
        "create_appointment",
        "get_appointment_list",
        "get_appointment",
        "update_appointment",
        "delete_appointment",
    ],
    [
        "create_tag",
        "get_tag_list_by_entity",
        "",
        "update_tag_by_tag_id",
        "delete_tag_by_tag_id",
    ],
    [
        "create_event",
        "search_events",
        "get_event",
        "update_event",
        "delete_event",
    ],
    [
        "create_product",
        "get_products_list",
        "get_product",
        "update_product",
        "delete_product",
    ],
    [
        "create_location",
        "get_location_list",
        "get_location",
        "update_location",
        "delete_location",
    ],
    [
        "create_booking_widget",
        "get_booking_widget_list",
        "get_booking_widget",
        "update_booking_widget",
        "delete_booking_widget",
    ],
    [
        "create_chain_loyalty_program",
        "",
        "get_chain_loyalty_program",
        "update_chain_loyalty_program",
        "delete_chain_loyalty_program",
    ],
    [
        "create_financial_transaction",
        "",
        "get_financial_transaction",
        "update_financial_transaction",
        "delete_financial_transaction",
    ],
];

#[tokio::test]
async fn every_resource_is_kept_as_it_was_sent() {
    let server = MockServer::builder().state(true).start().await.unwrap();
    let asking = Asking::new(&server);
    let document = server.document();
    // An operation's answer: what it is about, and what was sent for it.
    let call = async |id: &str, item: Option<&str>, seed: u64| {
        let operation = document.operation(id).unwrap();
        let mut values = Values::new(document, seed, Fill::All);
        let mut path = operation.path.clone();
        let names: Vec<&str> = operation.path.split('{').skip(1).collect();
        for (index, name) in names.iter().enumerate() {
            let name = name.split('}').next().unwrap();
            let value = match item.filter(|_| index + 1 == names.len()) {
                Some(item) => item.to_owned(),
                None if name == "field_category" => "record".to_owned(),
                None if name == "entity" => "client".to_owned(),
                None => "1".to_owned(),
            };
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let required = operation
            .parameters
            .iter()
            .filter(|p| p.required && p.place == "query");
        let query: Vec<String> = required
            .map(|parameter| {
                let value = values.value(&parameter.schema, &parameter.name);
                format!("{}={}", parameter.name, value.to_string().trim_matches('"'))
            })
            .collect();
        let mut sent = Value::Null;
        if let Some(body) = &operation.body {
            sent = values.value(document.at(&body.pointer), "");
            if let Some(fields) = sent.as_object_mut() {
                // The first page is what is asked for.
                fields.remove("page");
            }
        }
        let method = operation.method.parse().unwrap();
        let path = format!("{path}?{}", query.join("&"));
        let (status, body) = match operation.body {
            Some(_) => asking.send(method, &path, &sent).await,
            None => read(asking.request(method, &path).send().await.unwrap()).await,
        };
        assert!(status != 422, "{id}: {body}");
        if let Some(response) = operation.responses.get(&status).filter(|_| status < 300)
            && let Some(pointer) = &response.pointer
            && status != 204
        {
            let whole = document.standing_alone(document.at(pointer));
            let validator = jsonschema::draft202012::options().build(&whole).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&body)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{id}: {errors:?}");
        }
        let about = match body.get("data") {
            Some(data) => data.clone(),
            None => body,
        };
        (status, about, sent)
    };
    let one = |about: &Value| about.get(0).unwrap_or(about).clone();
    let id_of = |about: &Value| {
        let one = one(about);
        let id = one.get("id").or(one.get("good_id")).unwrap();
        id.as_str().map_or_else(|| id.to_string(), str::to_owned)
    };
    // The plain fields that were sent and are shown, all as they were sent.
    let shown = |about: &Value, sent: &Value| {
        let one = one(about);
        // A custom field's answer holds them one object further down.
        let inner = |name: &str| one.as_object()?.values().find_map(|inner| inner.get(name));
        let plain = |value: &Value| match value {
            Value::Bool(value) => Some(i64::from(*value).to_string()),
            Value::Array(_) | Value::Object(_) => None,
            value => Some(value.to_string().trim_matches('"').to_owned()),
        };
        let mut seen = 0;
        for (name, sent) in sent.as_object().into_iter().flatten() {
            let shown = one.get(name).or_else(|| inner(name));
            // What is declared a text here and a number there.
            if shown.is_some_and(Value::is_number)
                && sent
                    .as_str()
                    .is_some_and(|text| text.parse::<f64>().is_err())
            {
                continue;
            }
            if let (Some(sent), Some(shown)) = (plain(sent), shown.and_then(plain)) {
                assert_eq!(sent, shown, "{name}: {about}");
                seen += 1;
            }
        }
        seen
    };
    for [create, list, get, update, delete] in RESOURCES {
        let (status, created, sent) = call(create, None, 1).await;
        assert!(status < 300, "{create}: {created}");
        let id = id_of(&created);
        let mut seen = shown(&created, &sent);
        if !list.is_empty() {
            let (_, listed, _) = call(list, None, 2).await;
            assert_eq!(listed.as_array().map(Vec::len), Some(1), "{list}: {listed}");
            assert_eq!(id_of(&listed), id, "{list}");
            seen += shown(&listed, &sent);
        }
        if !get.is_empty() {
            let (status, gotten, _) = call(get, Some(&id), 2).await;
            assert_eq!((status, id_of(&gotten)), (200, id.clone()), "{get}");
            seen += shown(&gotten, &sent);
        }
        let (status, _, changed) = call(update, Some(&id), 3).await;
        assert!(status < 300, "{update}: {status}");
        if !get.is_empty() {
            seen += shown(&call(get, Some(&id), 2).await.1, &changed);
        } else {
            seen += shown(&call(list, None, 2).await.1, &changed);
        }
        assert!(seen > 0, "{create}");
        let (status, _, _) = call(delete, Some(&id), 2).await;
        assert!(status < 300, "{delete}: {status}");
        assert_eq!(call(delete, Some(&id), 2).await.0, 404, "{delete}");
        if !list.is_empty() {
            assert_eq!(call(list, None, 2).await.1, json!([]), "{list}");
        }
        if !get.is_empty() {
            assert_eq!(call(get, Some(&id), 2).await.0, 404, "{get}");
        }
    }
}

#[tokio::test]
async fn kept_lists_come_in_pages() {
    let server = MockServer::builder().state(true).start().await.unwrap();
    let asking = Asking::new(&server);
    for name in ["Ann", "Bea", "Cy"] {
        let client = json!({"name": name, "phone": "13155550100"});
        assert_eq!(
            asking.send(Method::POST, "/clients/1", &client).await.0,
            201
        );
    }
    let page = async |page: u64| {
        let search = json!({"page": page, "page_size": 2});
        let (_, body) = asking
            .send(Method::POST, "/company/1/clients/search", &search)
            .await;
        assert_eq!(body["meta"]["total_count"], 3);
        let ids: Vec<i64> = body["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|c| c["id"].as_i64())
            .collect();
        ids
    };
    assert_eq!(page(1).await, [1, 2]);
    assert_eq!(page(2).await, [3]);
    assert_eq!(page(3).await, [0; 0]);
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
async fn the_program_says_where_it_listens_and_what_is_wrong() {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_altegio-mock"))
        .args(["--port", "0", "--state"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().unwrap();
    let http = Client::builder().no_proxy().build().unwrap();
    let request = http.get(format!("{url}/custom_fields/record/one"));
    let request = request.header("authorization", TOKENS);
    let (status, _) = read(request.header("accept", ACCEPT).send().await.unwrap()).await;
    assert_eq!(status, 422);
    let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
    let said = lines.next_line().await.unwrap().unwrap();
    assert_eq!(
        said,
        "GET /custom_fields/record/one 422 get_custom_field_list"
    );
    let problem = lines.next_line().await.unwrap().unwrap();
    assert!(problem.contains("/path/location_id"), "{problem}");

    // The port is taken now.
    let port = url.rsplit(':').next().unwrap();
    let mut second = tokio::process::Command::new(env!("CARGO_BIN_EXE_altegio-mock"));
    let second = second.args(["--port", port]).output().await.unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("--port"));
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
