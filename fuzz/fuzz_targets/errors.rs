//! Creates errors from arbitrary response bodies: all accessors of the error work,
//! and its text is a single line.

#![no_main]

use altegio::Error;
use altegio::b2b_v1::{operations, types};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    let status = 100 + status % 500;
    let Ok(status) = reqwest::StatusCode::from_u16(status) else {
        return;
    };
    let operation = operations::ALL[body.len() % operations::ALL.len()];
    let error = Error::from_response(operation, status, body.to_vec().into());
    assert_eq!(error.body().map(|body| body.as_ref()), Some(body));
    let shown = error.to_string();
    assert!(!shown.contains(['\r', '\n']), "{shown:?}");
    let _ = (
        error.message(),
        error.field_errors().count(),
        error.is_retryable(),
    );
    let _ = (format!("{error:?}"), error.body_as::<types::ErrorBody>());
});
