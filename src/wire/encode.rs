//! Encodes requests as the server expects them.

use std::fmt::Display;
use std::io;

use serde::ser::{self, Error, Serialize, Serializer};

use super::deserializer::EXACT;

/// 2²⁴: up to this number, an `f32` represents every integer exactly.
const EXACT_F32: f32 = 16_777_216.0;

/// Encodes a value as JSON.
///
/// An `f64` that is a whole number of at most 2⁵³, or an `f32` of at most 2²⁴, is
/// written without a fraction: `123` and not `123.0`.
///
/// ```
/// assert_eq!(altegio::wire::encode(&(123.0, 1.5))?, b"[123,1.5]");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// Returns an error if the value has no JSON representation, such as a map whose
/// keys cannot be strings, or a number that is infinite or NaN. serde_json would
/// write such a number as `null`, which clears a field on the server. The error
/// names the path of the number:
///
/// ```
/// let error = altegio::wire::encode(&[1.0, f64::NAN]).unwrap_err();
/// assert!(error.to_string().starts_with("[1]: NaN is not a JSON number"));
/// ```
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(128);
    let mut json = serde_json::Serializer::with_formatter(&mut bytes, Compact);
    match value.serialize(Finite(&mut json)) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Error::custom(
            error.to_string().trim_start_matches(['.', ':', ' ']),
        )),
    }
}

struct Compact;

impl serde_json::ser::Formatter for Compact {
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        if value.fract() == 0.0 && value.abs() <= EXACT_F32 {
            write!(writer, "{}", value as i32)
        } else {
            serde_json::ser::CompactFormatter.write_f32(writer, value)
        }
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.fract() == 0.0 && value.abs() <= EXACT {
            write!(writer, "{}", value as i64)
        } else {
            serde_json::ser::CompactFormatter.write_f64(writer, value)
        }
    }
}

/// A serializer that rejects numbers that JSON cannot represent. Its errors
/// start with the path of the number: `.services[0].cost: NaN is not …`.
struct Finite<S>(S);

/// A value that is serialized through [`Finite`].
struct Inside<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Inside<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Finite(serializer))
    }
}

#[cold]
fn not_finite<E: Error>(value: impl Display) -> E {
    E::custom(format_args!(
        ": {value} is not a JSON number; pass a finite number, or leave it out"
    ))
}

/// Prepends a step to the path at the start of a [`not_finite`] error.
#[cold]
fn at<E: Error>(step: impl Display, error: E) -> E {
    let text = error.to_string();
    if text.starts_with([':', '.', '[']) {
        E::custom(format_args!("{step}{text}"))
    } else {
        error
    }
}

macro_rules! scalars {
    ($($method:ident $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.0.$method(value)
        }
    )*};
}

/// Starts a list or an object, whose parts are wrapped.
macro_rules! compound {
    ($($compound:ident, $method:ident($($argument:ident: $type:ty),*), $wrap:expr;)*) => {$(
        fn $method(self, $($argument: $type),*) -> Result<Self::$compound, S::Error> {
            self.0.$method($($argument),*).map($wrap)
        }
    )*};
}

impl<S: Serializer> Serializer for Finite<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Items<S::SerializeSeq>;
    type SerializeTuple = Items<S::SerializeTuple>;
    type SerializeTupleStruct = Items<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Items<S::SerializeTupleVariant>;
    type SerializeMap = Fields<S::SerializeMap>;
    type SerializeStruct = Fields<S::SerializeStruct>;
    type SerializeStructVariant = Fields<S::SerializeStructVariant>;

    scalars! {
        serialize_bool bool,
        serialize_i8 i8,
        serialize_i16 i16,
        serialize_i32 i32,
        serialize_i64 i64,
        serialize_i128 i128,
        serialize_u8 u8,
        serialize_u16 u16,
        serialize_u32 u32,
        serialize_u64 u64,
        serialize_u128 u128,
        serialize_char char,
        serialize_str &str,
        serialize_bytes &[u8],
        serialize_unit_struct &'static str,
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            self.0.serialize_f32(value)
        } else {
            Err(not_finite(value))
        }
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            self.0.serialize_f64(value)
        } else {
            Err(not_finite(value))
        }
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Inside(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Inside(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0
            .serialize_newtype_variant(name, index, variant, &Inside(value))
    }

    compound! {
        SerializeSeq, serialize_seq(length: Option<usize>), Items::new;
        SerializeTuple, serialize_tuple(length: usize), Items::new;
        SerializeTupleStruct, serialize_tuple_struct(name: &'static str, length: usize), Items::new;
        SerializeTupleVariant, serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, length: usize
        ), Items::new;
        SerializeMap, serialize_map(length: Option<usize>), Fields;
        SerializeStruct, serialize_struct(name: &'static str, length: usize), Fields;
        SerializeStructVariant, serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, length: usize
        ), Fields;
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// The items of a list, serialized through [`Finite`].
struct Items<C> {
    inner: C,
    index: usize,
}

impl<C> Items<C> {
    fn new(inner: C) -> Self {
        Self { inner, index: 0 }
    }
}

macro_rules! items {
    ($($trait:ident $method:ident,)*) => {$(
        impl<C: ser::$trait> ser::$trait for Items<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let index = self.index;
                self.index += 1;
                let result = self.inner.$method(&Inside(value));
                result.map_err(|error| at(format_args!("[{index}]"), error))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}
items! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

/// The fields of an object, serialized through [`Finite`].
struct Fields<C>(C);

impl<C: ser::SerializeMap> ser::SerializeMap for Fields<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_value(&Inside(value))
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), C::Error> {
        self.0
            .serialize_entry(key, &Inside(value))
            .map_err(|error| match serde_json::to_string(key) {
                Ok(key) => at(format_args!(".{}", key.trim_matches('"')), error),
                Err(_) => error,
            })
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}

macro_rules! fields {
    ($($trait:ident,)*) => {$(
        impl<C: ser::$trait> ser::$trait for Fields<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                let result = self.0.serialize_field(key, &Inside(value));
                result.map_err(|error| at(format_args!(".{key}"), error))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.0.skip_field(key)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.0.end()
            }
        }
    )*};
}
fields! {
    SerializeStruct,
    SerializeStructVariant,
}
