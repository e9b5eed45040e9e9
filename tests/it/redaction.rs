//! Tests that `Debug` output contains no secrets and, with the feature
//! `redact-personal-data`, no personal data.
//!
//! In every example of the vendor's document, the values that the interface marks
//! are replaced with known values. The example is then decoded as its operation's
//! type, and its `Debug` output is searched for the known values.

use std::fmt::Debug;

use altegio::b2b_v1::types;
use altegio::ids::{ChainId, LocationId};
use altegio::wire::{Mode, decode};
use altegio::{Client, Server};
use altegio_openapi::{grammar, pointer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::loopback::server::{Server as Loopback, json as response};
use crate::vendor_examples::{Example, examples};

const HIDES_PERSONAL: bool = cfg!(feature = "redact-personal-data");

// ---- values at the marked places ------------------------------------------------

/// The known values that were inserted.
#[derive(Default)]
struct Planted {
    secret: Vec<String>,
    personal: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Secret,
    Personal,
}

impl Planted {
    /// Replaces every marked part of `value` with a known value.
    fn plant(&mut self, document: &Value, schema: &Value, value: &mut Value) {
        let schema = pointer::resolve(document, schema).expect("references resolve");
        for key in ["allOf", "anyOf", "oneOf"] {
            for branch in schema[key].as_array().into_iter().flatten() {
                self.plant(document, branch, value);
            }
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.plant(document, &schema["items"], item);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let property = &schema["properties"][name.as_str()];
                    match mark(property) {
                        Some(mark) => self.replace(mark, value),
                        None if property.is_null() => {}
                        None => self.plant(document, property, value),
                    }
                }
            }
            _ => {}
        }
    }

    /// Replaces every string and number in `value`.
    fn replace(&mut self, mark: Mark, value: &mut Value) {
        let number = 900_000_001 + self.secret.len() + self.personal.len();
        let planted = match value {
            Value::Array(items) => {
                return items.iter_mut().for_each(|item| self.replace(mark, item));
            }
            Value::Object(fields) => {
                return fields
                    .values_mut()
                    .for_each(|field| self.replace(mark, field));
            }
            Value::String(_) => Value::from(format!("+{number}")),
            Value::Number(_) => Value::from(number),
            Value::Bool(_) | Value::Null => return,
        };
        *value = planted;
        match mark {
            Mark::Secret => self.secret.push(number.to_string()),
            Mark::Personal => self.personal.push(number.to_string()),
        }
    }

    /// Returns the inserted values that `text` contains but must not contain.
    fn shown_in(&self, text: &str) -> Vec<&str> {
        let personal: &[String] = match HIDES_PERSONAL {
            true => &self.personal,
            false => &[],
        };
        let hidden = self.secret.iter().chain(personal).map(String::as_str);
        hidden.filter(|value| text.contains(value)).collect()
    }
}

fn mark(property: &Value) -> Option<Mark> {
    if property["x-secret"] == true {
        Some(Mark::Secret)
    } else if property["x-personal"] == true {
        Some(Mark::Personal)
    } else {
        None
    }
}

fn interface() -> Value {
    serde_json::from_str(altegio_openapi::documents::B2B_V1.interface).expect("JSON")
}

/// Returns the schema of the example.
fn schema_of<'a>(document: &'a Value, example: &Example) -> Option<&'a Value> {
    let (_, _, operation) = grammar::operations(document)
        .find(|(_, _, operation)| operation["operationId"] == example.operation.as_str())?;
    let holder = match example.place.as_str() {
        "request" => &operation["requestBody"],
        status => &operation["responses"][status],
    };
    let holder = pointer::resolve(document, holder)?;
    Some(&holder["content"][&example.media_type]["schema"])
}

// ---- the operations' own types --------------------------------------------------

/// Decodes a body as a type, and returns its `Debug` output.
type Show = fn(&[u8]) -> Option<String>;

fn show<T: Debug + DeserializeOwned>(body: &[u8]) -> Option<String> {
    let value = decode::<T>(body, Mode::Salvage).ok()?.value;
    Some(format!("{value:?}\n{value:#?}"))
}

/// Returns the `Debug` output of the type's builder with the values of the body.
macro_rules! show_builder {
    ($type:ty) => {
        |body: &[u8]| {
            let value = decode::<$type>(body, Mode::Salvage).ok()?.value;
            let mut builder = <$type>::builder();
            let empty = format!("{builder:?}");
            builder = value.into();
            let text = format!("{builder:?}\n{builder:#?}");
            assert!(text.len() > empty.len());
            Some(text)
        }
    };
}

/// The `Debug` output of a call with this body, if the body can be read.
type ShowCall = fn(&Client, &[u8]) -> Option<String>;

struct Row {
    id: &'static str,
    response: Option<Show>,
    body: Option<Show>,
    /// Returns the `Debug` output of the body's builder with the values of the body.
    builder: Option<Show>,
    /// Returns the `Debug` output of the call with the body.
    call: Option<ShowCall>,
}

#[allow(deprecated)]
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    macro_rules! row {
        (
            $id:literal $method:ident $kind:ident [$answer:ty] [$($body:ty $(, $held:ty)?)?]
            [$($path:ident $path_type:ty,)*] $($query:tt)*
        ) => {
            rows.push(Row {
                id: $id,
                response: row!(@ $kind $answer),
                body: row!(@ body $kind $($body)?),
                builder: row!(@ builder $kind $($body $(, $held)?)?),
                call: row!(@ call $kind $method [$($path_type),*] $($body)?),
            });
        };
        (@ raw $answer:ty) => { None };
        (@ none $answer:ty) => { None };
        (@ json $answer:ty) => { Some(show::<$answer> as Show) };
        (@ form $answer:ty) => { Some(show::<$answer> as Show) };
        (@ body form $body:ty) => { None };
        (@ body $kind:ident $body:ty) => { Some(show::<$body> as Show) };
        (@ body $kind:ident) => { None };
        (@ builder form $body:ty, $held:ty) => { None };
        (@ builder $kind:ident $body:ty, $held:ty) => { Some(show_builder!($body)) };
        (@ builder $kind:ident $($body:ty)?) => { None };
        (@ call form $method:ident [$($path:ty),*] $body:ty) => { None };
        (@ call $kind:ident $method:ident [$($path:ty),*] $body:ty) => {
            Some(|client, body| {
                let body = decode::<$body>(body, Mode::Salvage).ok()?.value;
                let call = client.b2b_v1().$method($(None::<$path>),*).body(body);
                Some(format!("{call:?}\n{call:#?}"))
            })
        };
        (@ call $kind:ident $method:ident [$($path:ty),*]) => { None };
    }
    altegio::__b2b_v1_operations!(row);
    rows
}

#[test]
fn debug_shows_no_marked_value_of_any_example() {
    let Some(examples) = examples() else { return };
    let document = interface();
    let client = Client::builder().build().unwrap();
    let rows = rows();
    let mut planted = Planted::default();
    let (mut texts, mut failures, mut everything) = (0, Vec::new(), String::new());
    for example in examples {
        let Some(schema) = schema_of(&document, example) else {
            continue;
        };
        let mut value = example.value.clone();
        planted.plant(&document, schema, &mut value);
        let body = serde_json::to_vec(&value).unwrap();
        let row = rows.iter().find(|row| row.id == example.operation).unwrap();
        let shown = match example.place.as_str() {
            "request" => [
                row.body.and_then(|show| show(&body)),
                row.builder.and_then(|show| show(&body)),
                row.call.and_then(|show| show(&client, &body)),
            ],
            status if status.starts_with('2') => {
                [row.response.and_then(|show| show(&body)), None, None]
            }
            _ => continue,
        };
        for text in shown.into_iter().flatten() {
            texts += 1;
            let values = planted.shown_in(&text);
            if !values.is_empty() {
                failures.push(format!("{} {}: {text}", example.operation, example.place));
            }
            everything.push_str(&text);
        }
    }
    assert!(
        failures.is_empty(),
        "{}\n{}",
        failures.len(),
        failures.join("\n")
    );
    // The values exist, and appear in `Debug` output if nothing redacts them.
    assert!(texts > 250, "{texts}");
    assert!(planted.secret.len() >= 5, "{:?}", planted.secret.len());
    assert!(planted.personal.len() > 400, "{}", planted.personal.len());
    let personal = planted.personal.iter();
    let shown = personal.filter(|value| everything.contains(*value)).count();
    assert_eq!(shown > 0, !HIDES_PERSONAL, "{shown} are shown");
}

#[test]
fn builders_show_which_fields_are_set_and_no_value() {
    let client = json!({"name": "Ada", "phone": "+13155550175", "comment": "late", "sms_not": 1});
    let body = client.to_string();
    let show = show_builder!(types::UpdateClientBody);
    let text: Option<String> = show(body.as_bytes());
    let text = text.unwrap();
    assert!(text.starts_with("UpdateClientBody { comment: …, name: …, phone: …, sms_not: …, .. }"));
    assert!(!text.contains("Ada") && !text.contains("55550175") && !text.contains("late"));
}

#[test]
fn calls_show_no_argument() {
    let client = Client::builder().build().unwrap();
    let api = client.b2b_v1();
    let by_phone = api.get_client_account_by_chain_and_phone(ChainId(1), "13155550175");
    let by_name = api
        .send_sms_campaign_to_filtered_clients(LocationId(1))
        .fullname("Ada Lovelace");
    let shown = format!("{by_phone:?} {by_phone:#?} {by_name:?} {by_name:#?}");
    assert!(shown.contains("GetClientAccountByChainAndPhone"), "{shown}");
    for value in ["3155550175", "Ada"] {
        assert!(!shown.contains(value), "{shown}");
    }
}

// ---- sign-in, from end to end ---------------------------------------------------

const PASSWORD: &str = "hunter2";
const TOKEN: &str = "wec23fh8cDfFV4432fc352456";

#[tokio::test]
async fn signing_in_shows_neither_the_password_nor_the_token() {
    let data = json!({
        "id": 1, "user_token": TOKEN, "name": "Ada", "is_approved": {"odd": TOKEN},
        "session": {"token": TOKEN},
    });
    let body = json!({"success": true, "data": data, "meta": []}).to_string();
    let server = Loopback::start(vec![response("201 Created", &body)]).await;
    let client = Client::builder()
        .partner_token("partner")
        .server(server.url.parse().unwrap())
        .build()
        .unwrap();
    let api = client.b2b_v1();
    let call = api
        .authorize_user()
        .body_map(|body| body.login("ada@example.com").password(PASSWORD));
    let shown = format!("{call:?} {call:#?}");
    assert!(shown.contains("AuthorizeUser"), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert!(!HIDES_PERSONAL || !shown.contains("ada@"), "{shown}");

    let response = call.send().await.unwrap();
    let token = response.data.as_ref().unwrap().user_token.as_deref();
    assert_eq!(token, Some(TOKEN));
    let unknown = response.unknown_fields();
    let shown = format!(
        "{response:?} {response:#?} {:?} {unknown:?}",
        response.mismatches()
    );
    assert!(shown.contains("user_token: Some([secret])"), "{shown}");
    assert!(shown.contains("$.data.session"), "{shown}");
    assert!(shown.contains("$.data.is_approved"), "{shown}");
    assert!(!shown.contains(TOKEN), "{shown}");
    // The raw values remain accessible.
    assert!(unknown[0].raw.contains(TOKEN));
    assert!(response.mismatches()[0].raw.contains(TOKEN));
    assert!(serde_json::to_string(&*response).unwrap().contains(TOKEN));
}

#[test]
fn a_password_in_the_address_is_not_shown() {
    let server: Server = format!("https://user:{PASSWORD}@[::1]:4010/api/v1?key={PASSWORD}")
        .parse()
        .unwrap();
    assert_eq!(format!("{server:?}"), "Custom(https://[::1]:4010/api/v1)");
    let builder = Client::builder().server(server);
    assert!(!format!("{builder:?}{builder:#?}").contains(PASSWORD));
    let error = builder.build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains(PASSWORD));
    assert_eq!(format!("{:?}", Server::Production), "Production");
}
