//! A response as the command line keeps it: the body as the server sent it, and
//! the typed reading of it.

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
    /// The typed reading, written back as JSON; `None` if the operation has no
    /// JSON response. This is what a table shows.
    pub typed: Option<Value>,
    /// The values that did not fit the document's types. The typed reading does
    /// not contain them.
    pub mismatches: Vec<Mismatch>,
    /// The paths of the fields that the document does not list. The typed
    /// reading does not contain them.
    pub unknown_fields: Vec<String>,
}

/// The pages of a list, each a response.
pub type Pages = Pin<Box<dyn Stream<Item = Result<Response, Failure>>>>;

/// A response whose body is JSON.
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

/// A response whose body is something else, or nothing.
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

/// A response for each page.
pub(crate) fn pages<T: Serialize + DeserializeOwned + 'static>(
    pages: impl Stream<Item = Result<altegio::Response<T>, altegio::Error>> + 'static,
) -> Pages {
    Box::pin(pages.map(json))
}

/// A value as the client library writes it.
pub(crate) fn written<T: Serialize>(value: &T) -> Result<Value, Failure> {
    let unwritable = |error: serde_json::Error| Failure::other(error.to_string());
    let bytes = wire::encode(value).map_err(unwritable)?;
    serde_json::from_slice(&bytes).map_err(unwritable)
}
