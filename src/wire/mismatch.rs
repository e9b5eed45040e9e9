//! What decoding reports besides the value: mismatches, unknown fields, and failures.

use std::fmt;

use super::kind::Kind;

/// A value in a response that does not fit the documented type and was set aside.
///
/// The `Debug` output contains the path but not the value: the document does not
/// describe the value, so the value may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The JSON path of the value: `$.data[3].client.phone`.
    pub path: String,
    /// What the documented type expects there.
    pub expected: String,
    /// The kind of value that was found.
    pub found: Kind,
    /// The value as received, in JSON. Bytes that are not UTF-8 are replaced with U+FFFD.
    pub raw: String,
}

/// A field in a response that the documented type does not declare.
///
/// The `Debug` output contains the path but not the value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownField {
    /// The JSON path of the field: `$.data[3].new_field`.
    pub path: String,
    /// The field's value as received, in JSON.
    pub raw: String,
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mismatch")
            .field("path", &self.path)
            .field("expected", &self.expected)
            .field("found", &self.found)
            .field("raw", &format_args!("[{} bytes]", self.raw.len()))
            .finish()
    }
}

impl fmt::Debug for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnknownField")
            .field("path", &self.path)
            .field("raw", &format_args!("[{} bytes]", self.raw.len()))
            .finish()
    }
}

/// The error when a body cannot be decoded.
#[derive(Debug)]
pub struct Failure {
    /// The JSON path of the value that could not be decoded: `$.data[3].client.phone`.
    pub path: String,
    /// What was expected there.
    pub expected: String,
    /// The kind of value that was found.
    pub found: Kind,
    pub(crate) source: Option<serde_json::Error>,
}

impl Failure {
    /// The failure for a body that contains no JSON.
    pub(crate) fn nothing() -> Self {
        Self {
            path: "$".to_owned(),
            expected: "JSON".to_owned(),
            found: Kind::Nothing,
            source: None,
        }
    }
}

impl From<Mismatch> for Failure {
    fn from(mismatch: Mismatch) -> Self {
        Self {
            path: mismatch.path,
            expected: mismatch.expected,
            found: mismatch.found,
            source: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at {}: expected {}, found {}",
            self.path, self.expected, self.found
        )
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
