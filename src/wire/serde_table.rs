//! serde for the generated structs, by a table of each one's fields.
//!
//! What `derive` writes for 800 structs took two thirds of the crate's build
//! time; this reads and writes the same.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::deserializer::{Recovery, TABLE};
use crate::nullable::Nullable;

/// A struct of which every field may be missing.
pub(crate) trait Object: Default {
    /// The name of each field on the wire.
    const NAMES: &'static [&'static str];

    /// The place of a field in [`NAMES`](Self::NAMES).
    fn place(name: &str) -> Option<usize>;

    /// Reads the field at this place of [`NAMES`](Self::NAMES).
    fn read<'de, A: MapAccess<'de>>(&mut self, field: usize, map: &mut A) -> Result<(), A::Error>;
}

/// Reading a struct by its table: each field's place, name on the wire, name
/// in Rust, and which functions here read and write it.
macro_rules! read {
    ($name:ident $($index:literal $key:literal $field:ident $read:ident $write:ident,)*) => {
        impl $crate::wire::serde_table::Object for $name {
            const NAMES: &'static [&'static str] = &[$($key),*];

            #[inline]
            fn place(name: &str) -> Option<usize> {
                match name {
                    $($key => Some($index),)*
                    _ => None,
                }
            }

            fn read<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                field: usize,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match field {
                    $($index => $crate::wire::serde_table::$read(&mut self.$field, map),)*
                    _ => Ok(()),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::serde_table::object(deserializer)
            }
        }
    };
}
pub(crate) use read;

/// Writing a struct by the same table.
macro_rules! write {
    ($name:ident $($index:literal $key:literal $field:ident $read:ident $write:ident,)*) => {
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[allow(unused_mut)]
                let mut object = $crate::wire::serde_table::Writer::new(serializer);
                $(object.$write($key, &self.$field);)*
                object.end()
            }
        }
    };
}
pub(crate) use write;

pub(crate) fn object<'de, D: Deserializer<'de>, T: Object>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_struct(TABLE, T::NAMES, Reader(PhantomData))
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Object> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        // A bit for each field that was there: no struct has more than 128.
        let mut seen = 0_u128;
        while let Some(field) = map.next_key_seed(Key(T::place))? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let bit = 1 << field;
            if seen & bit != 0 {
                recover(&mut map, A::Error::duplicate_field(T::NAMES[field]))?;
                continue;
            }
            seen |= bit;
            while let Err(error) = value.read(field, &mut map) {
                match recover(&mut map, error)? {
                    Recovery::Again => {}
                    Recovery::Without => break,
                }
            }
        }
        Ok(value)
    }
}

/// How to go on after a field that could not be read. Only the wire's own
/// deserializer knows a way, and only where values may be set aside.
#[cold]
fn recover<'de, A: MapAccess<'de>>(map: &mut A, error: A::Error) -> Result<Recovery, A::Error> {
    match map.next_key() {
        Ok(Some(recovery)) => Ok(recovery),
        _ => Err(error),
    }
}

/// A field's name, read as its place in the table.
struct Key(fn(&str) -> Option<usize>);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok((self.0)(name))
    }
}

/// The value of the field that the map is at.
pub(crate) fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    place: &mut T,
    map: &mut A,
) -> Result<(), A::Error> {
    *place = map.next_value()?;
    Ok(())
}

/// Of an optional field that may be null: what is there, is `Some`.
pub(crate) fn present<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    place: &mut Option<Nullable<T>>,
    map: &mut A,
) -> Result<(), A::Error> {
    *place = Some(map.next_value()?);
    Ok(())
}

/// Writes the fields of a struct one by one; the first error is kept for the end.
pub(crate) struct Writer<S: Serializer>(Result<S::SerializeMap, S::Error>);

impl<S: Serializer> Writer<S> {
    pub fn new(serializer: S) -> Self {
        Self(serializer.serialize_map(None))
    }

    pub fn field<T: Serialize>(&mut self, name: &'static str, value: &T) {
        if let Ok(map) = &mut self.0
            && let Err(error) = map.serialize_entry(name, value)
        {
            self.0 = Err(error);
        }
    }

    /// What is not there is not written.
    pub fn optional<T: Serialize>(&mut self, name: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    pub fn end(self) -> Result<S::Ok, S::Error> {
        self.0?.end()
    }
}
