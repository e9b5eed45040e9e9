//! Decoding responses and encoding requests.
//!
//! The server is written in PHP, so a phone number may arrive as a number, a
//! number as a string, `false` as `0`, and an empty object as `[]`. Because
//! serde passes it the type that is wanted, the deserializer in this module
//! can convert each of these without loss, and the generated types stay plain.
//! A value that cannot be converted without loss is a mismatch: it is set aside
//! with its path and raw JSON, and the rest of the body is decoded.
//!
//! A body is first decoded in one fast pass that tracks no paths and builds no
//! index. Only if that pass fails does the salvage pass run. It takes time
//! linear in the size of the body.

mod body;
mod context;
mod deserializer;
mod encode;
mod kind;
mod mismatch;
pub(crate) mod serde_table;
mod tape;
pub(crate) mod union;

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use body::{Located, has_long_number, has_negative_exponent};
use context::{Attempts, Context, Verdict, expected};
use deserializer::{read, read_body};
use tape::{Tape, index};

pub(crate) use body::locate;
pub use encode::encode;
pub use kind::Kind;
pub use mismatch::{Failure, Mismatch, UnknownField};

/// Whether a value that does not fit its type is set aside or is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Values that do not fit their types are set aside, and the rest is decoded.
    #[default]
    Salvage,
    /// The first value that does not fit its type is an error.
    Strict,
}

/// A decoded value and the mismatches found while decoding it.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The decoded value.
    pub value: T,
    /// The values that were set aside, in the order of the body.
    pub mismatches: Vec<Mismatch>,
    /// Whether the body has fields that the type does not declare.
    pub has_unknown_fields: bool,
}

/// Decodes a response body the same way as every call does.
///
/// An empty body is decoded as `null` or, if the type does not accept `null`, as
/// an empty object. A byte-order mark or a PHP notice around the JSON is a
/// mismatch at `$`. Each of the following is a mismatch at its own path: a string
/// that is not UTF-8, a number with more digits than the type can hold, and any
/// value of a duplicate key after the first.
///
/// ```
/// use altegio::wire::{Mode, decode};
///
/// let phones: Vec<String> = decode(b"[13155550177, \"007\"]", Mode::Strict)?.value;
/// assert_eq!(phones, ["13155550177", "007"]);
///
/// let ids = decode::<Vec<i64>>(b"[1, \"2\", {\"id\": 3}]", Mode::Salvage)?;
/// assert_eq!(ids.value, [1, 2]);
/// assert_eq!(ids.mismatches[0].path, "$[2]");
/// assert_eq!(ids.mismatches[0].raw, "{\"id\": 3}");
/// # Ok::<(), altegio::wire::Failure>(())
/// ```
///
/// # Errors
///
/// Returns a [`Failure`] if the body is not JSON, if a required value cannot be
/// decoded, or, in [strict mode](Mode::Strict), if any value cannot be decoded.
pub fn decode<T: DeserializeOwned>(body: &[u8], mode: Mode) -> Result<Decoded<T>, Failure> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return decode(b"null", Mode::Strict).or_else(|_| decode(b"{}", mode));
    }
    if !has_long_number(body) {
        let context = Context::default();
        if let Ok(value) = read_body(body, &context)
            && !(context.zero.get() && has_negative_exponent(body))
        {
            return Ok(Decoded {
                value,
                mismatches: Vec::new(),
                has_unknown_fields: context.ignored.get(),
            });
        }
    }
    let salvaged = salvage::<T>(body, mode)?;
    Ok(Decoded {
        value: salvaged.value,
        mismatches: salvaged.mismatches,
        has_unknown_fields: !salvaged.unknown_fields.is_empty(),
    })
}

/// Returns whether a JSON value is `false`, in any spelling that a boolean field
/// accepts.
pub(crate) fn is_false(json: &str) -> bool {
    matches!(
        decode::<bool>(json.as_bytes(), Mode::Strict),
        Ok(Decoded { value: false, .. })
    )
}

/// Returns the fields of `body` that `T` does not declare, in the order of the body.
///
/// This function decodes the body again. It returns no fields if the body cannot
/// be decoded.
pub fn unknown_fields<T: DeserializeOwned>(body: &[u8]) -> Vec<UnknownField> {
    salvage::<T>(body, Mode::Salvage).map_or_else(|_| Vec::new(), |read| read.unknown_fields)
}

struct Salvaged<T> {
    value: T,
    mismatches: Vec<Mismatch>,
    unknown_fields: Vec<UnknownField>,
}

/// Runs the salvage pass, which tracks paths and sets aside values that do not
/// fit their types.
#[cold]
fn salvage<T: DeserializeOwned>(body: &[u8], mode: Mode) -> Result<Salvaged<T>, Failure> {
    let Located {
        json,
        strays,
        replaced,
    } = locate(body).map_err(|error| Failure {
        source: Some(error),
        ..Failure::nothing()
    })?;
    let strays = strays.into_iter().map(|raw| Mismatch {
        path: "$".to_owned(),
        expected: "JSON".to_owned(),
        found: Kind::Nothing,
        raw,
    });
    let mut mismatches: Vec<Mismatch> = strays.collect();
    let may_set_aside = mode == Mode::Salvage;
    let indexed = index(&json, &replaced).ok_or_else(|| Failure {
        expected: format!("JSON of less than 4 GiB instead of {} bytes", json.len()),
        found: Kind::of(&json),
        ..Failure::nothing()
    })?;
    let context = Context::salvaging(indexed, may_set_aside);
    let Some(salvage) = &context.salvage else {
        return Err(Failure::nothing());
    };
    let mut attempts = Attempts::default();
    let mut first: Option<Failure> = None;
    let value = loop {
        salvage.swap_cursors(&mut attempts.cursors);
        let result = read(&context, salvage, Tape::ROOT, PhantomData::<T>);
        salvage.swap_cursors(&mut attempts.cursors);
        let failure = result.as_ref().err().map(|error| {
            let failed = salvage.failed.get().unwrap_or(Tape::ROOT);
            Failure {
                path: salvage.tape.path(failed),
                expected: expected(error),
                found: salvage.tape.kind(failed),
                source: None,
            }
        });
        if let Some(failure) = failure {
            first.get_or_insert(failure);
        }
        match attempts.judge(salvage, Tape::ROOT, result) {
            Verdict::Read(value) => break value,
            Verdict::Again => {}
            Verdict::SetAside(error) | Verdict::Failed(error) => {
                let mut failure = first.unwrap_or_else(Failure::nothing);
                failure.source = Some(error);
                return Err(failure);
            }
        }
    };
    mismatches.extend(salvage.mismatches());
    if mode == Mode::Strict && !mismatches.is_empty() {
        return Err(mismatches.swap_remove(0).into());
    }
    Ok(Salvaged {
        value,
        mismatches,
        unknown_fields: salvage.unknown_fields(),
    })
}
