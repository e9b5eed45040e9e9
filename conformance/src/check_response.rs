//! Whether a response was read as what it is.

use altegio::ErrorKind;
use altegio_cli::{Failure, Response};
use serde_json::Value;

use crate::clients::{PARTNER_TOKEN, USER_TOKEN};
use crate::differ::differ;

/// What is wrong with how a response of this status was read.
///
/// Prism makes responses from schemas alone: an id that is declared a number is
/// a fraction, `success` of a response of success is false. With `lenient` it
/// only counts that the response is read, not how much of it.
pub fn check_response(
    status: u16,
    outcome: Result<Response, Failure>,
    lenient: bool,
) -> Vec<String> {
    let is_success = (200..300).contains(&status);
    let mut failures = Vec::new();
    match outcome {
        Err(Failure::Other { message, .. }) => failures.push(message),
        Ok(response) => {
            if !is_success || response.status != status {
                let read = response.status;
                failures.push(format!("{status} was read as a response of {read}"));
            }
            if !lenient {
                failures.extend(losses(status, &response));
            }
        }
        Err(Failure::Call(error)) => {
            let read = error.status().map(|status| status.as_u16());
            let is_documented = read == Some(status);
            if lenient && is_success && is_documented && error.kind() == ErrorKind::Api {
                return failures;
            }
            if is_success || !is_documented {
                failures.push(format!("{status} was read as an error: {error}"));
            }
            let kinds = [
                (status == 401, error.is_auth(), "is_auth"),
                (status == 404, error.is_not_found(), "is_not_found"),
                (status == 429, error.is_rate_limited(), "is_rate_limited"),
            ];
            for (expected, is, name) in kinds {
                // 403 is about tokens too.
                if expected != is && !(name == "is_auth" && status == 403) {
                    failures.push(format!("{status}: {name}() is {is}"));
                }
            }
            let text = error.to_string();
            if [PARTNER_TOKEN, USER_TOKEN]
                .iter()
                .any(|token| text.contains(token))
            {
                failures.push(format!("{status}: the error shows a token"));
            }
        }
    }
    failures
}

/// What is wrong with how a 200 with `success: false` was read: it is an error
/// with the server's message, whatever the operation responds with otherwise.
pub fn check_failure(outcome: Result<Response, Failure>) -> Vec<String> {
    let found = match outcome {
        Err(Failure::Call(error)) if error.kind() == ErrorKind::Api => {
            if error.message().is_some() {
                return Vec::new();
            }
            "an error without the message".to_owned()
        }
        Err(error) => format!("another error: {error}"),
        Ok(_) => "a success".to_owned(),
    };
    vec![format!("`success: false` was read as {found}")]
}

/// What of a response is set aside, or changed by reading and writing it.
fn losses(status: u16, response: &Response) -> Vec<String> {
    let mut losses: Vec<String> = Vec::new();
    for mismatch in &response.mismatches {
        let (path, expected, raw) = (&mismatch.path, &mismatch.expected, &mismatch.raw);
        losses.push(format!("{status}: {path}: {expected} expected, {raw}"));
    }
    let unknown = response.unknown_fields.iter();
    losses.extend(unknown.map(|path| format!("{status}: {path} has no field")));
    if let Some(written) = &response.typed {
        let sent = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        differ(&sent, written, true, &status.to_string(), &mut losses);
    }
    losses
}
