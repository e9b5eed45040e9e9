//! Implements serde for string enums. An enum that is used in responses is open:
//! it keeps values that the document does not list.

use std::fmt;

use serde::de::{self, Deserializer, Unexpected, Visitor};

/// An enum value that the document does not list.
///
/// Such a value can only be obtained by decoding a response, so a request can only
/// send back a value that the server has sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnlistedValue(Box<str>);

impl UnlistedValue {
    /// Returns the value as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Implements serde for a string enum through its `Display` and `FromStr`.
/// `$unlisted` constructs the variant that keeps a value that the document does not
/// list, or is `None` if the enum is closed.
macro_rules! string_enum {
    ($name:ident, $unlisted:expr, [$($value:literal),*]) => {
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::open_enum::read(deserializer, $unlisted)
            }
        }

        $crate::codegen::argument!($name);
        $crate::codegen::converted!($name: &str, String => |text| {
            $crate::open_enum::listed::<$name>(text, &[$($value),*])
        });

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

/// Parses a value that the document lists. The error has the listed values.
pub(crate) fn listed<E: std::str::FromStr>(
    text: impl AsRef<str>,
    values: &[&str],
) -> Result<E, String> {
    let text = text.as_ref().parse();
    text.map_err(|_| format!("expected one of `{}`", values.join("`, `")))
}

pub(crate) fn read<'de, D: Deserializer<'de>, E: std::str::FromStr>(
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
