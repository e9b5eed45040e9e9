//! Responses of the command line: the body as the server sent it, and the typed
//! response that was decoded from it.

use std::pin::Pin;

use altegio::wire::{self, Mismatch};
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as the server sent it. This is what JSON and YAML output show.
    pub body: Vec<u8>,
    /// The typed response, encoded as JSON; `None` if the operation has no JSON
    /// response. This is what a table shows.
    pub typed: Option<Value>,
    /// The values that do not match the document's types. The typed response does
    /// not contain them.
    pub mismatches: Vec<Mismatch>,
    /// The paths of the fields that are not in the document. The typed response does
    /// not contain them.
    pub unknown_fields: Vec<String>,
}

/// The pages of a list, one response each.
pub type Pages = Pin<Box<dyn Stream<Item = Result<Response, Failure>>>>;

/// Converts a response whose body is JSON.
pub(crate) fn json<T: Serialize + DeserializeOwned>(
    result: Result<altegio::Response<T>, altegio::Error>,
) -> Result<Response, Failure> {
    let response = result?;
    let unknown_fields = response.unknown_fields().into_iter();
    Ok(Response {
        typed: Some(written(&*response)?),
        mismatches: response.mismatches().to_vec(),
        unknown_fields: unknown_fields.map(|field| field.path).collect(),
        ..bytes(Ok(response))?
    })
}

/// Converts a response whose body is empty or not JSON.
pub(crate) fn bytes<T>(
    result: Result<altegio::Response<T>, altegio::Error>,
) -> Result<Response, Failure> {
    let response = result?;
    Ok(Response {
        status: response.status().as_u16(),
        body: response.body().to_vec(),
        typed: None,
        mismatches: Vec::new(),
        unknown_fields: Vec::new(),
    })
}

/// Converts the pages of a list.
pub(crate) fn pages<T: Serialize + DeserializeOwned + 'static>(
    pages: impl Stream<Item = Result<altegio::Response<T>, altegio::Error>> + 'static,
) -> Pages {
    Box::pin(pages.map(json))
}

/// Encodes a value as the client library encodes it.
pub(crate) fn written<T: Serialize>(value: &T) -> Result<Value, Failure> {
    let unwritable = |error: serde_json::Error| Failure::other(error.to_string());
    let bytes = wire::encode(value).map_err(unwritable)?;
    serde_json::from_slice(&bytes).map_err(unwritable)
}
