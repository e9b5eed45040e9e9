//! Unions: a value is read as the branch that is made for its kind.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::context::Context;
use super::deserializer::{Recovery, Tries, UNION, WHOLE};
use super::kind::Kind;

/// An enum whose variants hold what may stand at one place.
pub(crate) trait Union: Sized {
    /// The kind of value that each branch is made for.
    const KINDS: &'static [Option<Kind>];

    /// Tries a branch.
    fn read<'de, A: SeqAccess<'de>>(
        branch: usize,
        whole: bool,
        tries: &mut A,
    ) -> Result<Option<Self>, A::Error>;
}

/// Reading a union by a table: each branch's place, the kind of value that it
/// is made for, its variant and its type.
macro_rules! union {
    ($name:ident $($index:literal $kind:ident $variant:ident $type:ty,)*) => {
        impl $crate::wire::union::Union for $name {
            const KINDS: &'static [Option<$crate::wire::Kind>] = &[
                $($crate::wire::union::kind!($kind)),*
            ];

            fn read<'de, A: ::serde::de::SeqAccess<'de>>(
                branch: usize,
                whole: bool,
                tries: &mut A,
            ) -> Result<Option<Self>, A::Error> {
                match branch {
                    $($index => $crate::wire::union::read_branch::<$type, A>(whole, tries)
                        .map(|value| value.map(Self::$variant)),)*
                    _ => Ok(None),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::union::read(deserializer)
            }
        }
    };
}
pub(crate) use union;

/// `Any`: the branch is made for no kind of value.
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

/// A value that is read with nothing of it set aside.
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

/// Reads a union: the branches made for the kind of value that stands there
/// first, then any that the value can be converted to; if none fits whole, the
/// first that is made for the kind and reads with something in it set aside.
pub(crate) fn read<'de, D: Deserializer<'de>, U: Union>(deserializer: D) -> Result<U, D::Error> {
    deserializer.deserialize_newtype_struct(UNION, Branches(PhantomData))
}

struct Branches<U>(PhantomData<U>);

impl<'de, U: Union> Visitor<'de> for Branches<U> {
    type Value = U;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of the kinds that the document lists")
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

    /// Any other deserializer hands the value out as raw text.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<U, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        let context = Context::default();
        Branches(PhantomData).visit_seq(Tries::<D::Error>::of_text(&context, raw.get()))
    }
}
