//! A nullable field of a request.

use serde::{Deserialize, Deserializer, Serialize};

/// A nullable field of a request. Sending null clears the field on the server, and
/// omitting the field leaves it unchanged.
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
    /// Returns the value, or `None` if it is null.
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

/// Deserializes an optional field of a nullable type. A null becomes
/// `Some(Nullable::Null)`, whereas serde's `Option` would read it as `None`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Nullable<T>>, D::Error> {
    Nullable::deserialize(deserializer).map(Some)
}
