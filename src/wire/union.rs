//! Decodes unions: a value is decoded as the branch that expects its kind.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::context::Context;
use super::deserializer::{Recovery, Tries, UNION, WHOLE};
use super::kind::Kind;

/// An enum with a variant for each type that a value may have.
pub(crate) trait Union: Sized {
    /// The kind of value that each branch expects, or `None` if it expects no
    /// particular kind.
    const KINDS: &'static [Option<Kind>];

    /// Tries to decode the value as a branch. If `whole` is set, the attempt fails if
    /// any part of the value does not fit.
    fn read<'de, A: SeqAccess<'de>>(
        branch: usize,
        whole: bool,
        tries: &mut A,
    ) -> Result<Option<Self>, A::Error>;
}

/// Implements `Deserialize` for a union from a table. Each row contains a branch's
/// index, the kind of value that it expects, its variant, and its type.
macro_rules! union {
    ($name:ident $($index:literal $kind:ident $variant:ident $type:ty,)*) => {
        impl $crate::wire::union::Union for $name {
            const KINDS: &'static [::std::option::Option<$crate::wire::Kind>] = &[
                $($crate::wire::union::kind!($kind)),*
            ];

            fn read<'de, A: ::serde::de::SeqAccess<'de>>(
                branch: usize,
                whole: bool,
                tries: &mut A,
            ) -> ::std::result::Result<::std::option::Option<Self>, A::Error> {
                match branch {
                    $($index => $crate::wire::union::read_branch::<$type, A>(whole, tries)
                        .map(|value| value.map(Self::$variant)),)*
                    _ => Ok(None),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                $crate::wire::union::read(deserializer)
            }
        }
    };
}
pub(crate) use union;

/// Converts a kind in the table of `union!` to an `Option<Kind>`. `Any` stands for
/// a branch that expects no particular kind.
macro_rules! kind {
    (Any) => {
        None
    };
    ($kind:ident) => {
        Some($crate::wire::Kind::$kind)
    };
}
pub(crate) use kind;

pub(crate) fn read_branch<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    whole: bool,
    tries: &mut A,
) -> Result<Option<T>, A::Error> {
    if whole {
        let value = tries.next_element::<Whole<T>>()?;
        Ok(value.map(|Whole(value)| value))
    } else {
        tries.next_element()
    }
}

/// A value of which nothing may be set aside.
struct Whole<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a branch of a union")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<T, D::Error> {
                T::deserialize(deserializer)
            }
        }

        deserializer
            .deserialize_newtype_struct(WHOLE, Inner(PhantomData))
            .map(Whole)
    }
}

/// Decodes a union.
///
/// The branches that expect the value's kind are tried first, then the others,
/// to which the value may be convertible. If the value fits none of them as a
/// whole, the result is the first branch that expects the value's kind and can be
/// decoded with parts of the value set aside.
pub(crate) fn read<'de, D: Deserializer<'de>, U: Union>(deserializer: D) -> Result<U, D::Error> {
    deserializer.deserialize_newtype_struct(UNION, Branches(PhantomData))
}

struct Branches<U>(PhantomData<U>);

impl<'de, U: Union> Visitor<'de> for Branches<U> {
    type Value = U;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of the types that the document lists")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut tries: A) -> Result<U, A::Error> {
        let kind = tries.next_element::<u8>()?;
        let is_made_for =
            |branch: &usize| U::KINDS[*branch].is_some_and(|made| Some(made as u8) == kind);
        let branches = 0..U::KINDS.len();
        let made_for = branches.clone().filter(is_made_for);
        let others = branches.filter(|branch| !is_made_for(branch));
        for branch in made_for.clone().chain(others) {
            if let Ok(Some(value)) = U::read(branch, true, &mut tries) {
                return Ok(value);
            }
        }
        for branch in made_for {
            loop {
                if let Ok(Some(value)) = U::read(branch, false, &mut tries) {
                    return Ok(value);
                }
                if !matches!(tries.next_element(), Ok(Some(Recovery::Again))) {
                    break;
                }
            }
        }
        Err(de::Error::custom(format_args!(
            "invalid value, expected {}",
            &self as &dyn de::Expected
        )))
    }

    /// Called by any other deserializer, from which the value is read as raw JSON.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<U, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        let context = Context::default();
        Branches(PhantomData).visit_seq(Tries::<D::Error>::of_text(&context, raw.get()))
    }
}
