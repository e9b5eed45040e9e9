//! Responses by the document.

use altegio_mock::{Document, Fill, MockServer, Values};
use altegio_openapi::api::{Operation, Place};
use jsonschema::Validator;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::asking::{Asking, path, read};

#[tokio::test]
async fn the_same_request_has_the_same_answer_unless_it_prefers_another() {
    let server = MockServer::start().await.unwrap();
    let asking = Asking::new(&server);
    let [path, another] =
        ["1", "2"].map(|location| path(&server, "get_custom_field_list", &["record", location]));
    let path = path.as_str();
    let first = asking.get(path).await;
    assert_eq!(first.0, 200);
    assert_eq!(first.1["success"], true);
    assert_eq!(asking.get(path).await, first);
    assert_ne!(asking.get(&another).await, first);
    let other = MockServer::builder().seed(1).start().await.unwrap();
    assert_ne!(Asking::new(&other).get(path).await, first);

    let prefer = async |text: &str| {
        let request = asking.request(Method::GET, path).header("prefer", text);
        read(request.send().await.unwrap()).await
    };
    let (status, body) = prefer("code=404").await;
    assert_eq!((status, &body["success"]), (404, &json!(false)));
    assert_eq!(prefer("code=418").await.0, 400);
    let (status, body) = prefer("success=false").await;
    assert_eq!((status, &body["success"]), (200, &json!(false)));
    assert!(body["meta"]["message"].is_string());
    let varied = [prefer("dynamic=true").await, prefer("dynamic=true").await];
    assert_ne!(varied[0], varied[1]);
}

#[tokio::test]
async fn every_value_that_is_made_is_what_its_schema_allows() {
    let server = MockServer::start().await.unwrap();
    let document = server.document();
    let mut made = 0;
    for operation in &document.api().operations {
        let responses = operation.responses.iter();
        let responses = responses
            .filter_map(|response| response.content.as_ref())
            .filter(|content| content.is_json())
            .map(|content| &content.schema);
        let body = operation.body.iter().map(|body| &body.schema);
        for pointer in responses.chain(body) {
            let Some(schema) = pointer.get(document.api().document()) else {
                continue;
            };
            let whole = document.standing_alone(schema);
            let validator = jsonschema::draft202012::options().build(&whole).unwrap();
            for fill in [Fill::Required, Fill::All, Fill::Edge] {
                for seed in 0..3 {
                    let mut values = Values::new(document, seed, fill);
                    values.vary = seed == 2;
                    let value = values.value(schema, "");
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

/// A request of an operation, with what the document requires.
fn request(asking: &Asking<'_>, document: &Document, operation: &Operation) -> RequestBuilder {
    let mut values = Values::new(document, 0, Fill::Required);
    let mut text = |parameter: &altegio_openapi::api::Parameter| {
        let schema = document.api().get(&parameter.schema);
        let value = match values.value(schema, &parameter.name) {
            Value::String(text) => text,
            value => value.to_string(),
        };
        utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string()
    };
    let mut path = operation.path.as_str().to_owned();
    for parameter in operation.parameters_in(Place::Path) {
        path = path.replace(&format!("{{{}}}", parameter.name), &text(parameter));
    }
    let required = operation.parameters_in(Place::Query);
    let query: Vec<String> = required
        .filter(|parameter| parameter.required)
        .map(|parameter| format!("{}={}", parameter.name, text(parameter)))
        .collect();
    let method: Method = operation.method.as_str().parse().unwrap();
    let request = asking.request(method, &format!("{path}?{}", query.join("&")));
    let Some(body) = &operation.body else {
        return request;
    };
    let value = values.value(document.api().get(&body.schema), "");
    if !body.is_form() {
        let request = request.header("content-type", "application/json");
        return request.body(value.to_string());
    }
    let parts = value.as_object().unwrap().iter().map(|(name, value)| {
        let value = value.to_string();
        let value = value.trim_matches('"');
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let form = format!("{}--b--\r\n", parts.collect::<String>());
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    request.body(form)
}

fn validator(document: &Document, schema: &Value) -> Validator {
    let whole = document.standing_alone(schema);
    jsonschema::draft202012::options().build(&whole).unwrap()
}

#[tokio::test]
async fn every_documented_response_is_what_its_schema_allows() {
    // With state, what is kept is laid over what is made.
    for state in [false, true] {
        let server = MockServer::builder().state(state).start().await.unwrap();
        let document = server.document();
        let asking = Asking::new(&server);
        let mut checked = 0;
        for operation in &document.api().operations {
            for response in &operation.responses {
                let schema = response
                    .content
                    .as_ref()
                    .filter(|content| content.is_json())
                    .and_then(|content| content.schema.get(document.api().document()));
                let validator = schema.map(|schema| validator(document, schema));
                for dynamic in [false, true] {
                    let prefer = format!("code={}, dynamic={dynamic}", response.status);
                    let request = request(&asking, document, operation).header("prefer", prefer);
                    let (status, body) = read(request.send().await.unwrap()).await;
                    let id = &operation.id;
                    // The item may not be there.
                    if state && response.status < 300 && status == 404 {
                        continue;
                    }
                    assert_eq!(status, response.status, "{id}: {body}");
                    let Some(validator) = validator.as_ref().filter(|_| status != 204) else {
                        continue;
                    };
                    let errors: Vec<String> = validator
                        .iter_errors(&body)
                        .map(|error| format!("{}: {error}", error.instance_path()))
                        .collect();
                    assert!(errors.is_empty(), "{id} {status}: {errors:?}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 1_500, "{checked}");
        assert!(server.requests().iter().all(|r| r.problems.is_empty()));
    }
}

#[tokio::test]
async fn every_name_of_an_id_has_the_paths_value() {
    let server = MockServer::start().await.unwrap();
    let list = path(&server, "get_products_list", &["7"]);
    let (status, body) = Asking::new(&server).get(&list).await;
    assert_eq!((status, &body["data"][0]["salon_id"]), (200, &json!(7)));
}
