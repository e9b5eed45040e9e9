//! What the wire does that the document's types cannot say.
//!
//! The server is PHP: a phone comes as a number, a number as a string, `0`
//! for `false`, `[]` where an object is empty. Every one of these is read
//! without loss by the deserializer here, which knows from serde what type
//! is asked for; the generated types stay plain. What cannot be converted
//! without loss is a mismatch: a second pass sets it aside, with its path and
//! raw value, and reads the rest.
//!
//! The first pass keeps no path and allocates nothing of its own.

mod context;
mod deserializer;
pub(crate) mod serde_table;
mod union;

use std::fmt;
use std::io;

use serde::Serialize;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, Unexpected, Visitor};
use serde_json::value::RawValue;

use context::{Context, Rule, RuleValue, Step, path_text};
use deserializer::{EXACT, Wire};
use union::{UNION_MISMATCHES, UNION_UNKNOWN_FIELDS, UnionSalvages};
pub(crate) use union::{read_branch, read_union};

/// More kinds of mismatch than this in one answer, and it is another API's.
const PASS_LIMIT: usize = 1_000;

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
    /// Nothing: a field that is not there, or text that is no JSON
    Nothing,
}

impl Kind {
    fn of(raw: &str) -> Self {
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

/// A value of an answer that did not fit the document's type and was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Where it stood: `$.data[3].client.phone`.
    pub path: String,
    /// What was expected there.
    pub expected: String,
    /// What kind of value was found.
    pub found: Kind,
    /// The value as it came, in JSON.
    pub raw: String,
}

/// A field of an answer that the document does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownField {
    /// Where it stands: `$.data[3].new_field`.
    pub path: String,
    /// Its value as it came, in JSON.
    pub raw: String,
}

/// A value of an enum that the document does not list.
///
/// Only an answer can hold one, so a request sends it only back as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnlistedValue(Box<str>);

impl UnlistedValue {
    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A field of a request that may be null: null clears it on the server,
/// leaving it out leaves it as it is.
///
/// ```
/// use altegio::Nullable;
///
/// let limit: Nullable<f64> = 5.0.into();
/// assert_eq!(serde_json::to_string(&(limit, Nullable::<f64>::Null))?, "[5.0,null]");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Nullable<T> {
    /// `null`
    #[default]
    Null,
    /// A value
    Value(T),
}

impl<T> Nullable<T> {
    /// The value, if it is not null.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<T> From<T> for Nullable<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl From<&str> for Nullable<String> {
    fn from(value: &str) -> Self {
        Self::Value(value.to_owned())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// For an optional field of a nullable type: what is there, is `Some`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Nullable<T>>, D::Error> {
    Nullable::deserialize(deserializer).map(Some)
}

/// serde for an enum of texts, through its `Display` and `FromStr`.
/// `$unlisted` makes the variant that keeps what the document does not list.
macro_rules! string_enum {
    ($name:ident, $unlisted:expr, [$($value:literal),*]) => {
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::read_enum(deserializer, $unlisted)
            }
        }

        #[cfg(feature = "schemars")]
        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({"type": "string", "examples": [$($value),*]})
            }
        }
    };
}
pub(crate) use string_enum;

pub(crate) fn read_enum<'de, D: Deserializer<'de>, E: std::str::FromStr>(
    deserializer: D,
    unlisted: Option<fn(UnlistedValue) -> E>,
) -> Result<E, D::Error> {
    struct Listed<E>(Option<fn(UnlistedValue) -> E>);

    impl<E: std::str::FromStr> Visitor<'_> for Listed<E> {
        type Value = E;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one of the values that the document lists")
        }

        fn visit_str<R: de::Error>(self, text: &str) -> Result<E, R> {
            match (text.parse(), self.0) {
                (Ok(value), _) => Ok(value),
                (Err(_), Some(unlisted)) => Ok(unlisted(UnlistedValue(text.into()))),
                (Err(_), None) => Err(R::invalid_value(Unexpected::Other("string"), &self)),
            }
        }
    }

    deserializer.deserialize_str(Listed(unlisted))
}

/// Whether what does not fit is set aside or an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Set aside what does not fit, read the rest.
    #[default]
    Salvage,
    /// The first thing that does not fit is an error.
    Strict,
}

/// A value as read, and what was set aside.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// What was set aside.
    pub mismatches: Vec<Mismatch>,
    /// Whether the answer has fields that the type does not.
    pub has_unknown_fields: bool,
}

/// The place where reading failed.
#[derive(Debug)]
pub struct Failure {
    /// Where: `$.data[3].client.phone`.
    pub path: String,
    /// What was expected there.
    pub expected: String,
    /// What kind of value was found.
    pub found: Kind,
    pub(crate) source: Option<serde_json::Error>,
}

impl Failure {
    /// There is no answer at all.
    pub(crate) fn nothing() -> Self {
        Self {
            path: "$".to_owned(),
            expected: "JSON".to_owned(),
            found: Kind::Nothing,
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

/// Reads an answer's body the way every call does.
///
/// An empty body reads as `null`, or else as an empty object.
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
/// The body is no JSON, a required place cannot be read, or (strict) any.
pub fn decode<T: DeserializeOwned>(body: &[u8], mode: Mode) -> Result<Decoded<T>, Failure> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return decode(b"null", Mode::Strict).or_else(|_| decode(b"{}", mode));
    }
    let context = Context::default();
    UNION_UNKNOWN_FIELDS.take();
    if let Ok(value) = run(body, &context) {
        return Ok(Decoded {
            value,
            mismatches: Vec::new(),
            has_unknown_fields: context.ignored.get() || !UNION_UNKNOWN_FIELDS.take().is_empty(),
        });
    }
    salvage(body, mode)
}

fn run<'de, T: Deserialize<'de>>(
    body: &'de [u8],
    context: &Context<'de>,
) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = T::deserialize(Wire {
        inner: &mut json,
        context,
    })?;
    json.end()?;
    Ok(value)
}

/// The slow way: with paths, and again without what failed, until it reads.
#[cold]
fn salvage<T: DeserializeOwned>(body: &[u8], mode: Mode) -> Result<Decoded<T>, Failure> {
    // What is no JSON at all has no places to set aside.
    let whole: &RawValue = match serde_json::from_slice(body) {
        Ok(whole) => whole,
        Err(error) => {
            return Err(Failure {
                path: "$".to_owned(),
                expected: "JSON".to_owned(),
                found: Kind::Nothing,
                source: Some(error),
            });
        }
    };
    let mut context = Context {
        tracking: true,
        ..Context::default()
    };
    let _guard = UnionSalvages::set(mode == Mode::Salvage);
    let mut first: Option<Failure> = None;
    for _ in 0..PASS_LIMIT {
        context.path.borrow_mut().clear();
        context.mismatches.borrow_mut().clear();
        context.unknown_fields.borrow_mut().clear();
        context.wrong_kind.set(false);
        context.ignored.set(false);
        UNION_UNKNOWN_FIELDS.take();
        UNION_MISMATCHES.take();
        let error = match run(body, &context) {
            Ok(value) => {
                context.adopt_from_union();
                return Ok(Decoded {
                    value,
                    mismatches: context.mismatches.into_inner(),
                    has_unknown_fields: !context.unknown_fields.borrow().is_empty(),
                });
            }
            Err(error) => error,
        };
        let path = context.path.borrow();
        let raw = path.last().map_or(whole.get(), |step| step.raw);
        let failure = Failure {
            path: path_text(&path),
            expected: expected(&error),
            found: Kind::of(raw),
            source: Some(error),
        };
        let rule = Rule {
            pattern: path.iter().map(Step::pattern).collect(),
            // `[]` and `{}` read where others of their kind do not.
            value: if context.wrong_kind.get() && !context::is_empty(raw) {
                RuleValue::Kind(Kind::of(raw))
            } else {
                RuleValue::Raw(raw.to_owned())
            },
            expected: failure.expected.clone(),
        };
        let at_root = path.is_empty();
        drop(path);
        let first = first.get_or_insert(failure);
        if at_root || mode == Mode::Strict || context.rules.contains(&rule) {
            return Err(std::mem::replace(first, Failure::placeholder()));
        }
        context.rules.push(rule);
    }
    Err(first.unwrap_or_else(Failure::placeholder))
}

impl Failure {
    fn placeholder() -> Self {
        Self {
            path: "$".to_owned(),
            expected: "the documented answer".to_owned(),
            found: Kind::Nothing,
            source: None,
        }
    }
}

/// The fields of `body` that `T` does not have. `set_aside` is what the first
/// reading set aside.
pub fn unknown_fields<T: DeserializeOwned>(
    body: &[u8],
    set_aside: &[Mismatch],
) -> Vec<UnknownField> {
    let context = Context {
        tracking: true,
        set_aside: set_aside
            .iter()
            .map(|mismatch| mismatch.path.clone())
            .collect(),
        ..Context::default()
    };
    let _guard = UnionSalvages::set(true);
    // The same bytes were read before; what they hold is all that matters now.
    let _ = run::<T>(body, &context);
    context.adopt_from_union();
    context.unknown_fields.into_inner()
}

/// serde's "…, expected X" and "missing field `x`", without the position,
/// which the path says better.
fn expected(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    match text.split_once(", expected ") {
        Some((_, expected)) => expected.to_owned(),
        None => match text.strip_prefix("missing field ") {
            Some(field) => format!("the field {field}"),
            None => text.to_owned(),
        },
    }
}

/// Writes JSON as the server expects it: a whole number never as `123.0`.
///
/// ```
/// assert_eq!(altegio::wire::encode(&(123.0, 1.5))?, b"[123,1.5]");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// The value is no JSON: a map whose keys are no strings.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(128);
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, Compact,
    ))?;
    Ok(bytes)
}

struct Compact;

impl serde_json::ser::Formatter for Compact {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.fract() == 0.0 && value.abs() <= EXACT {
            write!(writer, "{}", value as i64)
        } else {
            serde_json::ser::CompactFormatter.write_f64(writer, value)
        }
    }
}
