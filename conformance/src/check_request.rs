//! Whether the request that was received is the one that was meant.

use altegio_mock::Document;
use altegio_openapi::api::{Api, Body, Operation, Parameter, Part, Place, Security};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::calls::{Arguments, plain};
use crate::clients::{PARTNER_TOKEN, USER_TOKEN};
use crate::differ::differ;
use crate::received::Received;

/// What is wrong with what was received for one call.
pub async fn check_request(
    document: &Document,
    operation: &Operation,
    arguments: &Arguments,
    received: &[Received],
) -> Vec<String> {
    let [received] = received else {
        return vec![format!("{} requests arrived", received.len())];
    };
    let refusals = received.refusals.iter();
    let refusals = refusals.map(|refusal| format!("the server refuses it: {refusal}"));
    let mut comparison = Comparison(refusals.collect());
    comparison.compare("method", operation.method.as_str(), &received.method);
    let found: Vec<String> = received.path.split('/').map(decode).collect();
    let expected = expected_path(operation, arguments);
    comparison.compare("path", &format!("{expected:?}"), &format!("{found:?}"));
    let mut expected = expected_query(operation, arguments);
    let mut found = found_query(&received.query);
    expected.sort();
    found.sort();
    comparison.compare("query", &format!("{expected:?}"), &format!("{found:?}"));
    let authorization = match operation.security {
        Security::PartnerAndUser => format!("Bearer {PARTNER_TOKEN}, User {USER_TOKEN}"),
        Security::Partner | Security::None => format!("Bearer {PARTNER_TOKEN}"),
    };
    comparison.compare(
        "authorization",
        &authorization,
        received.header("authorization"),
    );
    let accept = document.accept().unwrap_or("*/*");
    comparison.compare("accept", accept, received.header("accept"));
    match (&operation.body, &arguments.body) {
        (None, _) => {
            let found = String::from_utf8_lossy(&received.body);
            comparison.compare("body", "", &found);
        }
        (Some(body), expected) if body.is_form() => {
            let files = files(document.api(), body);
            let expected = expected_parts(expected.as_ref(), &files);
            match found_parts(received).await {
                Ok(found) => comparison.differ(&expected, &found),
                Err(error) => comparison.0.push(format!("body: not a form: {error}")),
            }
        }
        (Some(_), expected) => {
            let content_type = received.header("content-type");
            comparison.compare("content-type", "application/json", content_type);
            let found = serde_json::from_slice(&received.body).unwrap_or(Value::Null);
            comparison.differ(expected.as_ref().unwrap_or(&Value::Null), &found);
        }
    }
    comparison.0
}

/// The differences so far.
struct Comparison(Vec<String>);

impl Comparison {
    fn compare(&mut self, what: &str, expected: &str, found: &str) {
        if expected != found {
            let text = format!("{what}: expected {expected}, found {found}");
            self.0.push(text);
        }
    }

    fn differ(&mut self, expected: &Value, found: &Value) {
        differ(expected, found, false, "/body", &mut self.0);
    }
}

/// The path's segments, decoded.
fn expected_path(operation: &Operation, arguments: &Arguments) -> Vec<String> {
    let parts = operation.path.parts().map(|part| match part {
        Part::Text(text) => text.to_owned(),
        // A slash of an argument is not one of the path: kept apart until the split.
        Part::Parameter(name) => {
            let mut parameters = operation.parameters_in(Place::Path);
            let parameter = parameters.find(|parameter| parameter.name == name);
            let value = arguments.path.get(name);
            let value = value
                .map(|value| written(parameter, value))
                .unwrap_or_default();
            value.replace('/', "\u{0}")
        }
    });
    let path: String = parts.collect();
    path.split('/')
        .map(|segment| segment.replace('\u{0}', "/"))
        .collect()
}

fn expected_query(operation: &Operation, arguments: &Arguments) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in &arguments.query {
        let mut parameters = operation.parameters_in(Place::Query);
        let parameter = parameters.find(|parameter| parameter.name == *name);
        let is_joined = parameter.is_some_and(|parameter| parameter.joined);
        match value {
            Value::Array(items) if !is_joined => {
                pairs.extend(items.iter().map(|item| (name.clone(), plain(item))));
            }
            Value::Array(items) if items.is_empty() => {}
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                pairs.push((name.clone(), items.join(",")));
            }
            Value::Null => {}
            value => pairs.push((name.clone(), written(parameter, value))),
        }
    }
    pairs
}

/// A value in the form in which the parameter is sent.
fn written(parameter: Option<&Parameter>, value: &Value) -> String {
    let text = plain(value);
    match (parameter, value) {
        (
            Some(Parameter {
                date_format: Some(format),
                ..
            }),
            _,
        ) => {
            let parts = text.split('-').zip(["%Y", "%m", "%d"]);
            parts.fold(format.clone(), |text, (part, place)| {
                text.replace(place, part)
            })
        }
        (Some(Parameter { flag: true, .. }), Value::Bool(flag)) => u8::from(*flag).to_string(),
        _ => text,
    }
}

fn found_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|part| !part.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// The fields of a form that are files.
fn files(api: &Api, body: &Body) -> Vec<String> {
    let schema = api.resolve(api.get(&body.schema));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let files = properties.filter(|(_, schema)| api.resolve(schema)["format"] == "binary");
    files.map(|(name, _)| name.clone()).collect()
}

/// The parts of the form that was meant, as text; a file is an object.
fn expected_parts(body: Option<&Value>, files: &[String]) -> Value {
    let fields = body.and_then(Value::as_object).into_iter().flatten();
    let fields = fields.filter(|(_, value)| !value.is_null());
    let parts: Map<String, Value> = fields
        .map(|(name, value)| {
            let text = Value::String(plain(value));
            let part = match files.contains(name) {
                true => file(text),
                false => text,
            };
            (name.clone(), part)
        })
        .collect();
    Value::Object(parts)
}

/// The parts of the form that was received, in the same shape. A part that
/// comes twice is a list.
async fn found_parts(received: &Received) -> Result<Value, multer::Error> {
    let boundary = multer::parse_boundary(received.header("content-type"))?;
    let body = std::io::Cursor::new(received.body.clone());
    let mut form = multer::Multipart::with_reader(body, boundary);
    let mut parts: Map<String, Value> = Map::new();
    while let Some(part) = form.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        let has_file_name = part.file_name().is_some_and(|name| !name.is_empty());
        let text = Value::String(String::from_utf8_lossy(&part.bytes().await?).into_owned());
        let part = match has_file_name {
            true => file(text),
            false => text,
        };
        let part = match parts.remove(&name) {
            Some(first) => Value::Array(vec![first, part]),
            None => part,
        };
        parts.insert(name, part);
    }
    Ok(Value::Object(parts))
}

fn file(content: Value) -> Value {
    Value::Object(Map::from_iter([("content of a file".to_owned(), content)]))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use altegio_mock::MockServer;
    use serde_json::json;

    use super::*;

    const HEAD: &str = "--b\r\nContent-Disposition: form-data; name=";

    fn received(parts: &[&str]) -> Received {
        let parts: String = parts
            .iter()
            .map(|part| format!("{HEAD}{part}\r\n"))
            .collect();
        let headers = [
            ("accept", "application/vnd.api.v2+json".to_owned()),
            (
                "authorization",
                format!("Bearer {PARTNER_TOKEN}, User {USER_TOKEN}"),
            ),
            ("content-type", "multipart/form-data; boundary=b".to_owned()),
        ];
        Received {
            method: "POST".to_owned(),
            path: "/images/a%2Fb".to_owned(),
            query: String::new(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: format!("{parts}--b--\r\n").into_bytes(),
            refusals: Vec::new(),
        }
    }

    #[tokio::test]
    async fn each_part_of_a_form_is_compared() {
        let mock = MockServer::start().await.unwrap();
        let document = mock.document();
        let operation = document.api().operation("upload_image").unwrap();
        let mut arguments = Arguments::default();
        arguments.path.insert("entity".to_owned(), json!("a/b"));
        arguments.body = Some(json!({"image": "content", "company_id": 1.0, "service_id": null}));
        let wrong = async |parts: &[&str]| {
            check_request(document, operation, &arguments, &[received(parts)]).await
        };
        let image = "\"image\"; filename=\"image.png\"\r\n\r\ncontent";
        let location = "\"company_id\"\r\n\r\n1";
        assert_eq!(wrong(&[image, location]).await, [""; 0]);
        for (parts, place) in [
            (&[image][..], "/body/company_id: \"1\" is missing"),
            (&[image, "\"company_id\"\r\n\r\n2"], "/body/company_id: "),
            (&[image, location, location], "/body/company_id: "),
            (&[image, location, "\"more\"\r\n\r\n1"], "/body/more: "),
            (&["\"image\"\r\n\r\ncontent", location], "/body/image: "),
        ] {
            let found = wrong(parts).await;
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(place), "{found:?}");
        }
    }
}
