//! The types of ids: [`LocationId`] is the id of a location, and cannot be passed where
//! the id of something else is expected.
//!
//! An id is a number on the wire. The documents name the same id differently in different
//! places: a location's is `location_id`, `company_id`, or `salon_id`.
//!
//! ```
//! use altegio::ids::LocationId;
//!
//! let location = LocationId(123);
//! assert_eq!(location.to_string(), "123");
//! assert_eq!("123".parse::<LocationId>()?, location);
//! assert_eq!(LocationId::from(123), location);
//! assert_eq!(serde_json::to_string(&location).unwrap(), "123");
//! # Ok::<(), std::num::ParseIntError>(())
//! ```

/// Defines the type of an id.
macro_rules! id {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::serde::Serialize, ::serde::Deserialize,
        )]
        #[cfg_attr(feature = "schemars", derive(::schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl ::std::fmt::Display for $name {
            #[inline]
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::num::ParseIntError;

            #[inline]
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<i64> for $name {
            #[inline]
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl From<$name> for i64 {
            #[inline]
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl $crate::codegen::ToField for $name {
            #[inline]
            fn to_field(&self) -> Option<$crate::codegen::Field> {
                self.0.to_field()
            }
        }

        $crate::codegen::argument!($name);
    };
}

include!(concat!(env!("OUT_DIR"), "/ids.rs"));
