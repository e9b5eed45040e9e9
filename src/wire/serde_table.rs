//! Implements serde for the generated structs from a table of their fields.
//!
//! The code that serde's derive macros generate for 800 structs took two thirds of
//! the crate's build time. This module reads and writes the same JSON.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::deserializer::{Recovery, TABLE};
use crate::nullable::Nullable;

/// A struct in which every field may be missing.
pub(crate) trait Object: Default {
    /// The name of each field on the wire.
    const NAMES: &'static [&'static str];

    /// Returns the index of a field in [`NAMES`](Self::NAMES).
    fn place(name: &str) -> Option<usize>;

    /// Reads the value of the field at this index in [`NAMES`](Self::NAMES).
    fn read<'de, A: MapAccess<'de>>(&mut self, field: usize, map: &mut A) -> Result<(), A::Error>;
}

/// Implements `Deserialize` for a struct from its table. Each row contains a
/// field's index, its name on the wire, its name in Rust, and the functions of
/// this module that read and write it.
macro_rules! read {
    ($name:ident $($index:literal $key:literal $field:ident $read:ident $write:ident,)*) => {
        impl $crate::wire::serde_table::Object for $name {
            const NAMES: &'static [&'static str] = &[$($key),*];

            #[inline]
            fn place(name: &str) -> ::std::option::Option<usize> {
                match name {
                    $($key => Some($index),)*
                    _ => None,
                }
            }

            fn read<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                field: usize,
                map: &mut A,
            ) -> ::std::result::Result<(), A::Error> {
                match field {
                    $($index => $crate::wire::serde_table::$read(&mut self.$field, map),)*
                    _ => Ok(()),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                $crate::wire::serde_table::object(deserializer)
            }
        }
    };
}
pub(crate) use read;

/// Implements `Serialize` for a struct from the same table.
macro_rules! write {
    ($name:ident $($index:literal $key:literal $field:ident $read:ident $write:ident,)*) => {
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
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
        // One bit for each field that was present. The generator rejects structs
        // with more than 128 fields.
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

/// Asks the map how to continue after a field that could not be decoded. Only the
/// deserializer of this module tree answers, and only if values may be set aside.
#[cold]
fn recover<'de, A: MapAccess<'de>>(map: &mut A, error: A::Error) -> Result<Recovery, A::Error> {
    match map.next_key() {
        Ok(Some(recovery)) => Ok(recovery),
        _ => Err(error),
    }
}

/// Reads a field's name as its index in the table.
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

/// Reads the value of the map's current field.
pub(crate) fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    place: &mut T,
    map: &mut A,
) -> Result<(), A::Error> {
    *place = map.next_value()?;
    Ok(())
}

/// Reads the value of an optional, nullable field. A field that is present is
/// `Some`, even if its value is null.
pub(crate) fn present<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    place: &mut Option<Nullable<T>>,
    map: &mut A,
) -> Result<(), A::Error> {
    *place = Some(map.next_value()?);
    Ok(())
}

/// Writes the fields of a struct one by one. [`end`](Self::end) returns the first error.
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

    /// Writes the field if it is `Some`.
    pub fn optional<T: Serialize>(&mut self, name: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    pub fn end(self) -> Result<S::Ok, S::Error> {
        self.0?.end()
    }
}
