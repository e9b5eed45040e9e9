//! serde's deserializer over serde_json's: what converts without loss is converted.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{CowStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::value::RawValue;

use super::context::{Context, StepKey};

/// A deserializer that knows the wire's ways, over serde_json's.
pub struct Wire<'c, 'de, D> {
    pub inner: D,
    pub context: &'c Context<'de>,
}

/// Reads as whatever stands there, through a visitor that converts.
macro_rules! converting {
    ($($method:ident => $visitor:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.deserialize_any($visitor { visitor, context: self.context })
        }
    )*};
}

impl<'c, 'de, D: Deserializer<'de>> Deserializer<'de> for Wire<'c, 'de, D> {
    type Error = D::Error;

    converting! {
        deserialize_bool => Bool,
        deserialize_i8 => Integer,
        deserialize_i16 => Integer,
        deserialize_i32 => Integer,
        deserialize_i64 => Integer,
        deserialize_u8 => Integer,
        deserialize_u16 => Integer,
        deserialize_u32 => Integer,
        deserialize_u64 => Integer,
        deserialize_f32 => Float,
        deserialize_f64 => Float,
        deserialize_str => Text,
        deserialize_string => Text,
        deserialize_seq => Seq,
        deserialize_map => Map,
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_option(Optional {
            visitor,
            context: self.context,
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.context.note_ignored();
        self.inner.deserialize_ignored_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        // serde_json's way of handing out raw text.
        if name == "$serde_json::private::RawValue" {
            return self.inner.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    // What has no conversion is read as it stands.
    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(visitor)
    }
}

macro_rules! visitors {
    ($($name:ident),*) => {$(
        struct $name<'c, 'de, V> {
            visitor: V,
            context: &'c Context<'de>,
        }
    )*};
}
visitors!(Bool, Integer, Float, Text, Seq, Map, Optional);

/// No value of this kind fits here, whatever it holds.
#[cold]
fn wrong_kind<E: de::Error>(
    context: &Context<'_>,
    found: Unexpected<'_>,
    expected: &dyn de::Expected,
) -> E {
    context.wrong_kind.set(true);
    E::invalid_type(found, expected)
}

/// What was found is said by its kind alone: errors are logged, and a number
/// may be a phone.
const NUMBER: Unexpected<'static> = Unexpected::Other("number");

/// The kind fits, the value does not.
#[cold]
fn wrong_value<E: de::Error>(found: Unexpected<'_>, expected: &dyn de::Expected) -> E {
    E::invalid_value(found, expected)
}

/// The visitor methods by which a kind of value is refused.
macro_rules! refuse {
    ($($kind:ident)*) => { $(refuse!(@ $kind);)* };
    (@ bool) => {
        fn visit_bool<E: de::Error>(self, _: bool) -> Result<V::Value, E> {
            Err(wrong_kind(self.context, Unexpected::Other("boolean"), &self.visitor))
        }
    };
    (@ number) => {
        fn visit_i64<E: de::Error>(self, _: i64) -> Result<V::Value, E> {
            Err(wrong_kind(self.context, NUMBER, &self.visitor))
        }
        fn visit_u64<E: de::Error>(self, _: u64) -> Result<V::Value, E> {
            Err(wrong_kind(self.context, NUMBER, &self.visitor))
        }
        fn visit_f64<E: de::Error>(self, _: f64) -> Result<V::Value, E> {
            Err(wrong_kind(self.context, NUMBER, &self.visitor))
        }
    };
    (@ str) => {
        fn visit_str<E: de::Error>(self, _: &str) -> Result<V::Value, E> {
            Err(wrong_kind(self.context, Unexpected::Other("string"), &self.visitor))
        }
    };
    (@ unit) => {
        fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
            Err(wrong_kind(self.context, Unexpected::Unit, &self.visitor))
        }
    };
    (@ seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
            Err(wrong_kind(self.context, Unexpected::Seq, &self.visitor))
        }
    };
    (@ map) => {
        fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
            Err(wrong_kind(self.context, Unexpected::Map, &self.visitor))
        }
    };
}

/// `true`, `1`, `"1"`, `"true"` and their opposites.
impl<'de, V: Visitor<'de>> Visitor<'de> for Bool<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_bool(value)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<V::Value, E> {
        Err(wrong_value(NUMBER, &self.visitor))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<V::Value, E> {
        match value {
            0 => self.visitor.visit_bool(false),
            1 => self.visitor.visit_bool(true),
            _ => Err(wrong_value(NUMBER, &self.visitor)),
        }
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<V::Value, E> {
        Err(wrong_value(NUMBER, &self.visitor))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<V::Value, E> {
        match value {
            "0" | "false" => self.visitor.visit_bool(false),
            "1" | "true" => self.visitor.visit_bool(true),
            _ => Err(wrong_value(Unexpected::Other("string"), &self.visitor)),
        }
    }

    refuse!(unit seq map);
}

/// The largest number up to which every whole f64 is exact.
pub const EXACT: f64 = 9_007_199_254_740_992.0;

/// `5`, `"5"`, `5.0`, and `true` for 1.
impl<'de, V: Visitor<'de>> Visitor<'de> for Integer<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_u64(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<V::Value, E> {
        self.visitor.visit_i64(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<V::Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visitor.visit_i64(value),
            Err(_) => Err(wrong_value(NUMBER, &self.visitor)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        if value.fract() == 0.0 && value.abs() < EXACT {
            self.visitor.visit_i64(value as i64)
        } else {
            Err(wrong_value(NUMBER, &self.visitor))
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<V::Value, E> {
        match value.parse::<i64>() {
            // "007" and "+7" are texts, not numbers.
            Ok(number) if number.to_string() == value => self.visitor.visit_i64(number),
            _ => Err(wrong_value(Unexpected::Other("string"), &self.visitor)),
        }
    }

    refuse!(unit seq map);
}

/// `1.5`, `1`, `"1.5"`, and `true` for 1.
impl<'de, V: Visitor<'de>> Visitor<'de> for Float<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_f64(f64::from(u8::from(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<V::Value, E> {
        if value.unsigned_abs() <= EXACT as u64 {
            self.visitor.visit_f64(value as f64)
        } else {
            Err(wrong_value(NUMBER, &self.visitor))
        }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<V::Value, E> {
        if value <= EXACT as u64 {
            self.visitor.visit_f64(value as f64)
        } else {
            Err(wrong_value(NUMBER, &self.visitor))
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        if value.abs() <= EXACT || value.fract() != 0.0 {
            self.visitor.visit_f64(value)
        } else {
            Err(wrong_value(NUMBER, &self.visitor))
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<V::Value, E> {
        match plain_decimal(value) {
            Some(number) => self.visitor.visit_f64(number),
            None => Err(wrong_value(Unexpected::Other("string"), &self.visitor)),
        }
    }

    refuse!(unit seq map);
}

/// A decimal as the server writes one, and only where an f64 holds its digits.
fn plain_decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !all_digits(whole) || !all_digits(fraction) || leading_zero || digits.len() > 16 {
        return None;
    }
    text.parse().ok()
}

/// Text, and numbers as their digits.
impl<'de, V: Visitor<'de>> Visitor<'de> for Text<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<V::Value, E> {
        self.visitor.visit_string(value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<V::Value, E> {
        self.visitor.visit_string(value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        // A whole number here had too many digits for an integer; they are gone.
        if value.fract() != 0.0 || value.abs() < EXACT {
            self.visitor.visit_string(value.to_string())
        } else {
            Err(wrong_value(NUMBER, &self.visitor))
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<V::Value, E> {
        self.visitor.visit_str(value)
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.visitor.visit_borrowed_str(value)
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<V::Value, E> {
        self.visitor.visit_string(value)
    }

    refuse!(bool unit seq map);
}

/// A list; `{}` is an empty one.
impl<'de, V: Visitor<'de>> Visitor<'de> for Seq<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(WireSeq {
            inner,
            context: self.context,
            index: 0,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut inner: A) -> Result<V::Value, A::Error> {
        if inner.next_key::<IgnoredAny>()?.is_some() {
            return Err(wrong_kind(self.context, Unexpected::Map, &self.visitor));
        }
        let empty = SeqDeserializer::<_, A::Error>::new(std::iter::empty::<u8>());
        self.visitor.visit_seq(empty)
    }

    refuse!(bool number str unit);
}

/// An object; `[]` is an empty one.
impl<'de, V: Visitor<'de>> Visitor<'de> for Map<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(WireMap {
            inner,
            context: self.context,
            pending: None,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut inner: A) -> Result<V::Value, A::Error> {
        if inner.next_element::<IgnoredAny>()?.is_some() {
            return Err(wrong_kind(self.context, Unexpected::Seq, &self.visitor));
        }
        let empty = MapDeserializer::<_, A::Error>::new(std::iter::empty::<(u8, u8)>());
        self.visitor.visit_map(empty)
    }

    refuse!(bool number str unit);
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Optional<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Wire {
            inner,
            context: self.context,
        })
    }
}

/// Hands a value's deserializer on, wrapped.
struct WireSeed<'c, 'de, S> {
    seed: S,
    context: &'c Context<'de>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for WireSeed<'_, 'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Wire {
            inner,
            context: self.context,
        })
    }
}

struct WireSeq<'c, 'de, A> {
    inner: A,
    context: &'c Context<'de>,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for WireSeq<'_, 'de, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let context = self.context;
        if !context.tracking {
            return self.inner.next_element_seed(WireSeed { seed, context });
        }
        while let Some(raw) = self.inner.next_element::<&'de RawValue>()? {
            let key = StepKey::Index(self.index);
            self.index += 1;
            if context.enter(key, raw) {
                return context.read(seed, raw).map(Some).map_err(de::Error::custom);
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

struct WireMap<'c, 'de, A> {
    inner: A,
    context: &'c Context<'de>,
    pending: Option<&'de RawValue>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WireMap<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let context = self.context;
        if !context.tracking {
            return self.inner.next_key_seed(seed);
        }
        while let Some(key) = self.inner.next_key_seed(KeySeed(PhantomData))? {
            let raw = self.inner.next_value::<&'de RawValue>()?;
            if context.enter(StepKey::Field(key.clone()), raw) {
                self.pending = Some(raw);
                return seed.deserialize(CowStrDeserializer::new(key)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let context = self.context;
        match self.pending.take() {
            None => self.inner.next_value_seed(WireSeed { seed, context }),
            Some(raw) => context.read(seed, raw).map_err(de::Error::custom),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// A key as text, borrowed where it can be.
struct KeySeed<'de>(PhantomData<&'de ()>);

impl<'de> DeserializeSeed<'de> for KeySeed<'de> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Cow<'de, str>, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'de> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: de::Error>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
