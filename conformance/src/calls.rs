//! Every operation as a function of JSON arguments, through its typed call.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use altegio::b2b_v1::prelude::*;
use altegio::b2b_v1::types;
use altegio::{Client, Error, File, Mismatch, Response};
use serde_json::{Map, Value};

/// An operation's arguments, in JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// In the order of the path.
    pub path: Vec<Value>,
    /// By name on the wire.
    pub query: Map<String, Value>,
    /// The body.
    pub body: Option<Value>,
}

/// What came of a call.
#[derive(Debug)]
pub enum Outcome {
    /// The typed answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its body, as it came.
        body: Vec<u8>,
        /// The typed value, written again; none for what is no JSON.
        again: Option<Value>,
        /// What was set aside.
        mismatches: Vec<Mismatch>,
        /// Fields that the type does not have.
        unlisted: Vec<String>,
    },
    /// The error.
    Error(Error),
}

/// A typed call.
pub type Run = fn(Client, Arguments) -> Pin<Box<dyn Future<Output = Result<Outcome, String>>>>;

impl Arguments {
    fn next<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Result<T, String> {
        if self.path.is_empty() {
            return Err(format!(
                "path argument `{name}` is one more than the document's"
            ));
        }
        read(self.path.remove(0), name)
    }

    fn query<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, String> {
        let value = self.query.remove(name);
        value.map(|value| read(value, name)).transpose()
    }

    fn body<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, String> {
        read(self.body.take().unwrap_or(Value::Null), "body")
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.body.as_ref()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.body.as_ref()?.get(name)?.as_i64()
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value, name: &str) -> Result<T, String> {
    let text = value.to_string();
    serde_json::from_value(value)
        .map_err(|error| format!("`{name}`: {text} is not of the generated type: {error}"))
}

fn json<T: serde::Serialize + serde::de::DeserializeOwned>(
    result: Result<Response<T>, Error>,
) -> Result<Outcome, String> {
    let response = match result {
        Ok(response) => response,
        Err(error) => return Ok(Outcome::Error(error)),
    };
    let again = altegio::wire::encode(&*response).map_err(|error| error.to_string())?;
    Ok(Outcome::Answer {
        status: response.status().as_u16(),
        body: response.body().to_vec(),
        again: Some(serde_json::from_slice(&again).map_err(|error| error.to_string())?),
        mismatches: response.mismatches().to_vec(),
        unlisted: response
            .unlisted()
            .into_iter()
            .map(|field| field.path)
            .collect(),
    })
}

fn bytes<T>(result: Result<Response<T>, Error>) -> Result<Outcome, String> {
    Ok(match result {
        Ok(response) => Outcome::Answer {
            status: response.status().as_u16(),
            body: response.body().to_vec(),
            again: None,
            mismatches: Vec::new(),
            unlisted: Vec::new(),
        },
        Err(error) => Outcome::Error(error),
    })
}

/// The two bodies that are forms have no JSON.
trait Form: Sized {
    fn form(arguments: &Arguments) -> Self;
}

impl Form for types::UploadImageBody {
    fn form(arguments: &Arguments) -> Self {
        let image = arguments.text("image").unwrap_or_default();
        Self {
            company_id: arguments.number("company_id"),
            image: File::new("image.png", image.into_bytes()),
            master_id: arguments.number("master_id"),
            service_id: arguments.number("service_id"),
        }
    }
}

impl Form for types::DeleteImageBody {
    fn form(arguments: &Arguments) -> Self {
        Self {
            image_group_id: arguments.number("image_group_id").unwrap_or_default(),
        }
    }
}

/// Every operation that the crate has, by the vendor's id.
#[allow(deprecated)]
pub fn table() -> BTreeMap<&'static str, Run> {
    let mut table: BTreeMap<&'static str, Run> = BTreeMap::new();
    macro_rules! row {
        ($id:literal $method:ident $kind:ident [$answer:ty] [$($body:ty)?]
         [$($path:ident $path_type:ty,)*] [$($name:literal $query:ident $query_type:ty,)*]) => {
            table.insert($id, |client, arguments| Box::pin(async move {
                #[allow(unused_mut, unused_variables)]
                let mut arguments = arguments;
                let call = client.b2b_v1().$method();
                $(let call = call.$path(arguments.next::<$path_type>(stringify!($path))?);)*
                $(let call = match arguments.query::<$query_type>($name)? {
                    Some(value) => call.$query(value),
                    None => call,
                };)*
                $(let call = call.body(row!(@body $kind arguments $body));)?
                if let Some(name) = arguments.query.keys().next() {
                    return Err(format!("the call has no query parameter `{name}`"));
                }
                row!(@read $kind call.send().await)
            }));
        };
        (@body form $arguments:ident $body:ty) => { <$body as Form>::form(&$arguments) };
        (@body $kind:ident $arguments:ident $body:ty) => { $arguments.body::<$body>()? };
        (@read json $result:expr) => { json($result) };
        (@read form $result:expr) => { json($result) };
        (@read $kind:ident $result:expr) => { bytes($result) };
    }
    altegio::__b2b_v1_operations!(row);
    table
}
