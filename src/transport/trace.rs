//! Tracing: each call has one span, whose fields have OpenTelemetry's names for
//! HTTP. The span stays open until the response has been decoded or, if the response
//! has no `data`, until it is dropped, so that it has the error of `into_data`.
//!
//! | field | value |
//! |---|---|
//! | `otel.name`, `otel.kind` | the method and the path template; `client` |
//! | `http.request.method`, `url.template` | the method; the path template, without arguments |
//! | `server.address`, `server.port` | the server that requests are sent to |
//! | `http.response.status_code` | the status of the last attempt's response |
//! | `http.request.resend_count` | the number of attempts after the first, if there are any |
//! | `error.type` | the error status, or else the kind of the error, such as `Api` for `success: false` in a response with a success status |
//! | `otel.status_code` | `ERROR` if the call returns an error |
//! | `altegio.operation` | the operation id |
//! | `altegio.attempts`, `altegio.limit_wait_ms`, `altegio.duration_ms` | the number of attempts; the time spent waiting for the rate limit; the time from the start of the call to the last byte of its response. Times are in milliseconds |
//!
//! Events of the crate contain no values of a request or a response. At TRACE,
//! they show the field names and the types of the values of a body.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{StatusCode, Url};
use serde_json::Value;
use tracing::field::Empty;
use tracing::{Level, Span};

use crate::error::{ErrorKind, is_field_name};
use crate::operation::Route;
use crate::wire::Mismatch;

pub(crate) fn span(route: &Route, base: &Url) -> Span {
    tracing::info_span!(
        "altegio.call",
        "otel.kind" = "client",
        "otel.name" = %format_args!("{} {}", route.method, route.path),
        "otel.status_code" = Empty,
        "http.request.method" = route.method.as_str(),
        "url.template" = route.path,
        "server.address" = base.host_str(),
        "server.port" = base.port_or_known_default(),
        "http.response.status_code" = Empty,
        "http.request.resend_count" = Empty,
        "error.type" = Empty,
        "altegio.operation" = route.id,
        "altegio.attempts" = Empty,
        "altegio.limit_wait_ms" = Empty,
        "altegio.duration_ms" = Empty,
    )
}

/// Records the result of a call, whether it succeeded or failed.
pub(crate) fn exchanged(
    span: &Span,
    attempts: u32,
    waited: Duration,
    total: Duration,
    status: Option<StatusCode>,
) {
    if span.is_disabled() {
        return;
    }
    if let Some(status) = status {
        span.record("http.response.status_code", status.as_u16());
    }
    if attempts > 1 {
        span.record("http.request.resend_count", attempts - 1);
    }
    span.record("altegio.attempts", attempts);
    span.record("altegio.limit_wait_ms", milliseconds(waited));
    span.record("altegio.duration_ms", milliseconds(total));
}

/// Records that the call returns an error.
pub(crate) fn failed(span: &Span, kind: ErrorKind, status: Option<StatusCode>) {
    if !span.is_disabled() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", error_type(kind, status).as_str());
    }
}

/// Emits an event for a failed attempt that is followed by another one.
pub(crate) fn retrying(
    span: &Span,
    attempts: u32,
    wait: Duration,
    kind: ErrorKind,
    status: Option<StatusCode>,
) {
    tracing::debug!(
        parent: span,
        attempts,
        wait_ms = milliseconds(wait),
        "error.type" = error_type(kind, status),
        "the attempt failed; the request is sent again after the wait"
    );
}

/// Emits one event for all values of a response that were set aside. `path` is
/// the path of the first one, without keys that may be personal data.
pub(crate) fn set_aside(span: &Span, id: &str, count: usize, path: &str, first: &Mismatch) {
    tracing::warn!(
        parent: span,
        operation = id,
        count,
        path,
        expected = first.expected,
        found = %first.found,
        "values of the response do not fit the document and were set aside"
    );
}

/// Emits an event with the shape of a body, at TRACE.
pub(crate) fn body(span: &Span, what: &'static str, body: Option<&Bytes>) {
    if tracing::enabled!(Level::TRACE)
        && let Some(body) = body
    {
        match serde_json::from_slice(body) {
            Ok(value) => {
                tracing::trace!(parent: span, bytes = body.len(), body = %Shape(&value), "{what}")
            }
            Err(_) => tracing::trace!(parent: span, bytes = body.len(), "{what} that is not JSON"),
        }
    }
}

fn error_type(kind: ErrorKind, status: Option<StatusCode>) -> String {
    match (kind, status) {
        (ErrorKind::Api, Some(status)) if !status.is_success() => status.as_u16().to_string(),
        _ => format!("{kind:?}"),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// Formats the structure of a JSON value without its data:
/// `{"phone":string,"services":[2 × {"id":number}]}`.
struct Shape<'a>(&'a Value);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(_) => f.write_str("boolean"),
            Value::Number(_) => f.write_str("number"),
            Value::String(_) => f.write_str("string"),
            Value::Array(items) => match items.first() {
                None => f.write_str("[]"),
                Some(first) => write!(f, "[{} × {}]", items.len(), Shape(first)),
            },
            Value::Object(fields) => {
                f.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    let shown = if is_field_name(name) { name } else { "…" };
                    write!(f, "\"{shown}\":{}", Shape(value))?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_holds_no_value() {
        let body = serde_json::json!({
            "phone": "+13155550184", "id": 7, "ok": true, "none": null, "empty": [],
            "list": [{"email": "a@b.c"}, {}], "13155550184": 1, "a@b.c": 2, "Anna": 3,
            "phone2": 4
        });
        assert_eq!(
            Shape(&body).to_string(),
            "{\"phone\":string,\"id\":number,\"ok\":boolean,\"none\":null,\"empty\":[],\
             \"list\":[2 × {\"email\":string}],\"…\":number,\"…\":number,\
             \"…\":number,\"phone2\":number}"
        );
    }
}
