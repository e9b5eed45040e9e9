//! Implements string enums. An enum that is used in responses is open:
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

/// Implements the conversions and serde for a string enum, from a table of its variants and
/// their values. `$unlisted` is the variant that keeps a value that the document does not
/// list, if the enum is open.
macro_rules! string_enum {
    ($name:ident { $($variant:ident $value:literal),* } $($unlisted:ident)?) => {
        impl ::std::fmt::Display for $name {
            #[inline]
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $value,)*
                    $(Self::$unlisted(value) => value.as_str(),)?
                })
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = self::error::ConversionError;

            #[inline]
            fn from_str(text: &str) -> ::std::result::Result<Self, self::error::ConversionError> {
                match text {
                    $($value => Ok(Self::$variant),)*
                    _ => Err($crate::open_enum::expected(&[$($value),*]).into()),
                }
            }
        }

        impl ::std::convert::TryFrom<&str> for $name {
            type Error = self::error::ConversionError;

            #[inline]
            fn try_from(text: &str) -> ::std::result::Result<Self, self::error::ConversionError> {
                text.parse()
            }
        }

        impl ::std::convert::TryFrom<::std::string::String> for $name {
            type Error = self::error::ConversionError;

            #[inline]
            fn try_from(text: ::std::string::String) -> ::std::result::Result<Self, self::error::ConversionError> {
                text.parse()
            }
        }

        $crate::codegen::argument!($name);
        $crate::codegen::converted!($name: &str, ::std::string::String => $crate::codegen::parsed);

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                $crate::open_enum::read(deserializer, $crate::codegen::string_enum!(@unlisted $name $($unlisted)?))
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
    (@unlisted $name:ident) => { None };
    (@unlisted $name:ident $unlisted:ident) => { Some($name::$unlisted) };
}
pub(crate) use string_enum;

/// Returns the error for a value that is not one of `values`.
pub(crate) fn expected(values: &[&str]) -> String {
    format!("expected one of `{}`", values.join("`, `"))
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
