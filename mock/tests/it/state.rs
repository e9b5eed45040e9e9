//! Items that are kept.

use altegio_mock::{Fill, MockServer, Values};
use altegio_openapi::api::Place;
use reqwest::Method;
use serde_json::{Value, json};

use crate::asking::{Asking, path, read};

#[tokio::test]
async fn state_is_kept_for_families_of_paths() {
    let server = MockServer::builder().state(true).start().await.unwrap();
    let asking = Asking::new(&server);
    let [list, other] =
        ["1", "2"].map(|location| path(&server, "get_custom_field_list", &["record", location]));
    let list = list.as_str();
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
    assert_eq!(asking.get(&other).await.1["data"], json!([]));
    let item = path(
        &server,
        "update_custom_field",
        &["record", "1", &id.to_string()],
    );
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
        let operation = document.api().operation(id).unwrap();
        let mut values = Values::new(document, seed, Fill::All);
        let names: Vec<&str> = operation.path.parameters().collect();
        let mut path = operation.path.as_str().to_owned();
        for (index, name) in names.iter().enumerate() {
            let value = match item.filter(|_| index + 1 == names.len()) {
                Some(item) => item.to_owned(),
                None if *name == "field_category" => "record".to_owned(),
                None if *name == "entity" => "client".to_owned(),
                None => "1".to_owned(),
            };
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let required = operation.parameters_in(Place::Query);
        let query: Vec<String> = required
            .filter(|parameter| parameter.required)
            .map(|parameter| {
                let schema = document.api().get(&parameter.schema);
                let value = values.value(schema, &parameter.name);
                format!("{}={}", parameter.name, value.to_string().trim_matches('"'))
            })
            .collect();
        let mut sent = Value::Null;
        if let Some(body) = &operation.body {
            sent = values.value(document.api().get(&body.schema), "");
            if let Some(fields) = sent.as_object_mut() {
                // The first page is what is asked for.
                fields.remove("page");
            }
        }
        let method = operation.method.as_str().parse().unwrap();
        let path = format!("{path}?{}", query.join("&"));
        let (status, body) = match operation.body {
            Some(_) => asking.send(method, &path, &sent).await,
            None => read(asking.request(method, &path).send().await.unwrap()).await,
        };
        assert!(status != 422, "{id}: {body}");
        let responses = operation.responses.iter();
        let mut successes = responses.filter(|r| r.status == status && status < 300);
        if let Some(content) = successes.find_map(|response| response.content.as_ref())
            && let Some(schema) = content.schema.get(document.api().document())
            && status != 204
        {
            let whole = document.standing_alone(schema);
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
    let clients = path(&server, "create_client", &["1"]);
    for name in ["Ann", "Bea", "Cy"] {
        let client = json!({"name": name, "phone": "13155550100"});
        assert_eq!(asking.send(Method::POST, &clients, &client).await.0, 201);
    }
    let searches = path(&server, "get_client_list", &["1"]);
    let page = async |page: u64| {
        let search = json!({"page": page, "page_size": 2});
        let (_, body) = asking.send(Method::POST, &searches, &search).await;
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
async fn a_page_whose_size_is_not_asked_for_is_no_whole_list() {
    let server = MockServer::builder().state(true).start().await.unwrap();
    let asking = Asking::new(&server);
    let body = json!({"name": "Ann", "phone": "13155550100"});
    let clients = path(&server, "create_client", &["1"]);
    for _ in 0..30 {
        assert_eq!(asking.send(Method::POST, &clients, &body).await.0, 201);
    }
    let list = path(&server, "deprecated_get_client_list", &["1"]);
    let (_, list) = asking.get(&format!("{list}?page=2")).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 5);
    assert_eq!(list["data"][0]["id"], 26);
    assert_eq!(list["meta"]["total_count"], 30);
}
