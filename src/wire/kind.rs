//! The kinds of JSON value.

use std::fmt;

/// The kinds of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number
    Number,
    /// A string
    String,
    /// An array
    Array,
    /// An object
    Object,
    /// No JSON value: a missing field, or text that is not JSON
    Nothing,
}

impl Kind {
    /// Returns the kind of the JSON value that the text starts with, judging by its
    /// first character.
    pub(crate) fn of(raw: &str) -> Self {
        match raw.trim_start().bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'"') => Self::String,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            Some(b'-' | b'0'..=b'9') => Self::Number,
            _ => Self::Nothing,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Nothing => "nothing",
        })
    }
}
