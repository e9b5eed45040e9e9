//! `success`, `data` and `meta`: the form of most answers.

use std::ops::Deref;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::error::Error;
use crate::operation::Route;
use crate::wire::{self, Mismatch, UnknownField};

/// An answer: the typed value and what came around it.
///
/// Derefs to the value, so its fields are at hand directly.
pub struct Response<T> {
    pub(crate) value: T,
    pub(crate) mismatches: Vec<Mismatch>,
    pub(crate) has_unknown_fields: bool,
    pub(crate) head: Head,
}

/// What of an answer is the same whatever its type.
#[derive(Clone)]
pub(crate) struct Head {
    pub route: Route,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub attempts: u32,
}

impl<T> Response<T> {
    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The HTTP headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// How often the request was sent until this answer came.
    pub fn attempts(&self) -> u32 {
        self.head.attempts
    }

    /// The route of the operation that was called.
    pub fn route(&self) -> &Route {
        &self.head.route
    }

    /// The body as it came.
    pub fn body(&self) -> &Bytes {
        &self.head.body
    }

    /// The places of the answer that did not fit the document's types and were
    /// set aside, each with its raw value. Empty for nearly every answer.
    pub fn mismatches(&self) -> &[Mismatch] {
        &self.mismatches
    }
}

impl<T: serde::de::DeserializeOwned> Response<T> {
    /// The fields of the answer that the document does not list, each with
    /// its raw value.
    pub fn unknown_fields(&self) -> Vec<UnknownField> {
        if !self.has_unknown_fields {
            return Vec::new();
        }
        wire::unknown_fields::<T>(&self.head.body, &self.mismatches)
    }
}

impl<T: Envelope> Response<T> {
    /// `data` of the answer.
    ///
    /// # Errors
    ///
    /// The answer has none, or it is null.
    pub fn into_data(self) -> Result<T::Data, Error> {
        let head = self.head;
        self.value
            .into_parts()
            .0
            .ok_or_else(|| Error::no_data(&head.route, head.status, head.body).after(head.attempts))
    }

    /// `data` and `meta` of the answer, each where it has one.
    pub fn into_parts(self) -> (Option<T::Data>, Option<T::Meta>) {
        self.value.into_parts()
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.head.status)
            .field("value", &self.value)
            .field("mismatches", &self.mismatches)
            .finish_non_exhaustive()
    }
}

/// An answer of the form `{success, data, meta}`. Implemented by the build
/// for every answer type that has `data`.
pub trait Envelope {
    /// The type of `data`.
    type Data;
    /// The type of `meta`.
    type Meta;

    /// `data` and `meta`.
    fn into_parts(self) -> (Option<Self::Data>, Option<Self::Meta>);
}

/// A type that answers are read into. Implemented by the build.
#[doc(hidden)]
pub trait Answer: serde::de::DeserializeOwned {
    /// The answer says `success: false`.
    fn refused(&self) -> bool {
        false
    }
}

impl<T: serde::de::DeserializeOwned> Answer for Vec<T> {}
impl<T: Answer> Answer for Option<T> {
    fn refused(&self) -> bool {
        self.as_ref().is_some_and(Answer::refused)
    }
}
impl Answer for serde_json::Value {
    fn refused(&self) -> bool {
        self.get("success") == Some(&serde_json::Value::Bool(false))
    }
}
impl Answer for serde_json::Map<String, serde_json::Value> {
    fn refused(&self) -> bool {
        self.get("success") == Some(&serde_json::Value::Bool(false))
    }
}
