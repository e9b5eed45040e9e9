//! A deserializer that wraps serde_json's and converts values where nothing is lost.
//!
//! Both passes (`context.rs`) use the same deserializer, so that `Deserialize` is
//! compiled only once for each type. In the salvage pass, the inner deserializer
//! gets only the outline of a value (`{}` for an object), and the contents are
//! read from the tape.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{
    BorrowedStrDeserializer, CowStrDeserializer, MapDeserializer, SeqDeserializer, U8Deserializer,
};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde_json::value::RawValue;

use super::body::keeps_digits;
use super::context::{Attempts, Context, Noted, Salvage, Verdict};
use super::kind::Kind;
use super::tape::Node;

/// The struct name by which serde_json recognizes a request for raw JSON.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// The struct name that marks a generated struct, which can retry a field. See
/// `recover` in [`serde_table`](super::serde_table).
pub const TABLE: &str = "$altegio::table";

/// The struct name by which a union requests to be visited with [`Tries`].
pub const UNION: &str = "$altegio::union";

/// The struct name by which a value requests that nothing in it be set aside.
pub const WHOLE: &str = "$altegio::whole";

/// The struct name by which [`Recovery`] asks how to continue.
const RECOVERY: &str = "$altegio::recovery";
/// The answer for [`Recovery::Again`].
const AGAIN: &str = "$altegio::again";
/// The answer for [`Recovery::Without`].
const WITHOUT: &str = "$altegio::without";

/// A deserializer that applies the conversions of this module to the values of
/// another one.
pub struct Wire<'c, 'de, D> {
    pub inner: D,
    pub context: &'c Context<'de>,
}

/// Decodes a value of the tape. On failure, the innermost value that failed is
/// recorded in `salvage.failed`.
pub fn read<'de, S: DeserializeSeed<'de>>(
    context: &Context<'de>,
    salvage: &Salvage<'de>,
    node: Node,
    seed: S,
) -> Result<S::Value, serde_json::Error> {
    salvage.current.set(node);
    let mut json = serde_json::Deserializer::from_slice(salvage.tape.outline(node));
    let inner = &mut json;
    let result = seed.deserialize(Wire { inner, context });
    if result.is_err() && salvage.failed.get().is_none() {
        salvage.failed.set(Some(node));
    }
    result
}

/// Decodes a whole body in one pass.
pub fn read_body<'de, T: Deserialize<'de>>(
    body: &'de [u8],
    context: &Context<'de>,
) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let inner = &mut json;
    let value = T::deserialize(Wire { inner, context })?;
    json.end()?;
    Ok(value)
}

/// Deserializes the value as the kind that it has, with a visitor that converts it.
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
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Bool { visitor })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Any {
            visitor,
            context: self.context,
            is_tuple: false,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Any {
            visitor,
            context: self.context,
            is_tuple: true,
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Map {
            visitor,
            context: self.context,
            form: Form::Map,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let is_table = self.context.salvage.is_some() && name == TABLE;
        self.inner.deserialize_any(Map {
            visitor,
            context: self.context,
            form: if is_table { Form::Table } else { Form::Struct },
        })
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
        let context = self.context;
        match (name, &context.salvage) {
            (RAW_VALUE, None) => self.inner.deserialize_newtype_struct(RAW_VALUE, visitor),
            (RAW_VALUE, Some(salvage)) => salvage
                .text()
                .deserialize_newtype_struct(RAW_VALUE, visitor)
                .map_err(de::Error::custom),
            (UNION, None) => {
                let raw = <&'de RawValue>::deserialize(self.inner)?;
                visitor.visit_seq(Tries::of_text(context, raw.get()))
            }
            (UNION, Some(salvage)) => {
                let node = salvage.current.get();
                visitor.visit_seq(Tries::of_node(context, node, salvage.tape.kind(node)))
            }
            (WHOLE, Some(salvage)) => {
                let outside = salvage.may_set_aside.replace(false);
                let result = visitor.visit_newtype_struct(self);
                salvage.may_set_aside.set(outside);
                salvage.whole_failed.set(result.is_err());
                result
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        match &self.context.salvage {
            None => self.inner.deserialize_enum(name, variants, visitor),
            Some(salvage) => salvage
                .text()
                .deserialize_enum(name, variants, visitor)
                .map_err(de::Error::custom),
        }
    }

    // Types that have no conversion are read unchanged.
    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct identifier
    }
}

impl<'de> Salvage<'de> {
    /// Returns a deserializer of the current value's text, for types that are read
    /// without conversions.
    fn text(&self) -> serde_json::Deserializer<serde_json::de::StrRead<'de>> {
        serde_json::Deserializer::from_str(self.tape.raw(self.current.get()))
    }
}

impl Context<'_> {
    /// Returns whether the `f64` holds all digits of the current number. The first
    /// pass need not check this, because it is skipped for bodies that contain a
    /// long number. It only records a zero, for which `decode` looks for a number
    /// that is too small for an `f64`.
    fn keeps_digits(&self, value: f64) -> bool {
        match &self.salvage {
            Some(salvage) => keeps_digits(salvage.tape.raw(salvage.current.get()), value),
            None => {
                if value == 0.0 {
                    self.zero.set(true);
                }
                true
            }
        }
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
visitors!(Integer, Float, Text, Seq, Optional);

struct Bool<V> {
    visitor: V,
}

struct Any<'c, 'de, V> {
    visitor: V,
    context: &'c Context<'de>,
    is_tuple: bool,
}

struct Map<'c, 'de, V> {
    visitor: V,
    context: &'c Context<'de>,
    form: Form,
}

/// The error for a value of a kind that never fits.
#[cold]
fn wrong_kind<E: de::Error>(found: Unexpected<'_>, expected: &dyn de::Expected) -> E {
    E::invalid_type(found, expected)
}

/// Error texts name only the kind of value that was found: errors are logged, and
/// a number may be a phone number.
const NUMBER: Unexpected<'static> = Unexpected::Other("number");

/// The error for a value of a suitable kind that does not fit.
#[cold]
fn wrong_value<E: de::Error>(found: Unexpected<'_>, expected: &dyn de::Expected) -> E {
    E::invalid_value(found, expected)
}

/// Defines the visitor methods that reject values of the given kinds.
macro_rules! refuse {
    ($($kind:ident)*) => { $(refuse!(@ $kind);)* };
    (@ bool) => {
        fn visit_bool<E: de::Error>(self, _: bool) -> Result<V::Value, E> {
            Err(wrong_kind(Unexpected::Other("boolean"), &self.visitor))
        }
    };
    (@ number) => {
        fn visit_i64<E: de::Error>(self, _: i64) -> Result<V::Value, E> {
            Err(wrong_kind(NUMBER, &self.visitor))
        }
        fn visit_u64<E: de::Error>(self, _: u64) -> Result<V::Value, E> {
            Err(wrong_kind(NUMBER, &self.visitor))
        }
        fn visit_f64<E: de::Error>(self, _: f64) -> Result<V::Value, E> {
            Err(wrong_kind(NUMBER, &self.visitor))
        }
    };
    (@ str) => {
        fn visit_str<E: de::Error>(self, _: &str) -> Result<V::Value, E> {
            Err(wrong_kind(Unexpected::Other("string"), &self.visitor))
        }
    };
    (@ unit) => {
        fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
            Err(wrong_kind(Unexpected::Unit, &self.visitor))
        }
    };
    (@ seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
            Err(wrong_kind(Unexpected::Seq, &self.visitor))
        }
    };
    (@ map) => {
        fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
            Err(wrong_kind(Unexpected::Map, &self.visitor))
        }
    };
}

/// Passes values on to the visitor of the type.
macro_rules! pass {
    ($($visit:ident($type:ty))*) => {$(
        fn $visit<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$visit(value)
        }
    )*};
}

/// Expects what the visitor of the type expects.
macro_rules! expected {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.visitor.expecting(f)
        }
    };
}

/// Any value, for a type that accepts all kinds.
impl<'de, V: Visitor<'de>> Visitor<'de> for Any<'_, 'de, V> {
    type Value = V::Value;

    pass!(visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_str(&str));
    pass!(visit_borrowed_str(&'de str) visit_string(String));
    expected!();

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        if self.context.keeps_digits(value) {
            self.visitor.visit_f64(value)
        } else {
            Err(wrong_value(NUMBER, &"a number with fewer digits"))
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor
            .visit_seq(WireSeq::new(inner, self.context, !self.is_tuple))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor
            .visit_map(WireMap::new(inner, self.context, Form::Map))
    }
}

/// `true`, `1`, `"1"`, `"true"` and their opposites.
impl<'de, V: Visitor<'de>> Visitor<'de> for Bool<V> {
    type Value = V::Value;

    pass!(visit_bool(bool));
    expected!();

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

/// 2⁵³: up to this number, an `f64` represents every integer exactly.
pub const EXACT: f64 = 9_007_199_254_740_992.0;

/// `5`, `"5"`, `5.0`, and `true` for 1.
impl<'de, V: Visitor<'de>> Visitor<'de> for Integer<'_, 'de, V> {
    type Value = V::Value;

    expected!();

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_u64(value.into())
    }

    pass!(visit_i64(i64));

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<V::Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visitor.visit_i64(value),
            Err(_) => Err(wrong_value(NUMBER, &self.visitor)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        if value.fract() == 0.0 && value.abs() < EXACT && self.context.keeps_digits(value) {
            self.visitor.visit_i64(value as i64)
        } else {
            Err(wrong_value(NUMBER, &self.visitor))
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<V::Value, E> {
        match value.parse::<i64>() {
            // "007" and "+7" are strings, not numbers.
            Ok(number) if number.to_string() == value => self.visitor.visit_i64(number),
            _ => Err(wrong_value(Unexpected::Other("string"), &self.visitor)),
        }
    }

    refuse!(unit seq map);
}

/// `1.5`, `1`, `"1.5"`, and `true` for 1.
impl<'de, V: Visitor<'de>> Visitor<'de> for Float<'_, 'de, V> {
    type Value = V::Value;

    expected!();

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
        if value.abs() <= EXACT && self.context.keeps_digits(value) {
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

/// Parses a decimal number in the server's notation, if it is short enough for an
/// `f64` to hold its digits.
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

/// A string. A number is converted to its decimal digits.
impl<'de, V: Visitor<'de>> Visitor<'de> for Text<'_, 'de, V> {
    type Value = V::Value;

    expected!();

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<V::Value, E> {
        self.visitor.visit_string(value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<V::Value, E> {
        self.visitor.visit_string(value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        // A whole number of this size had too many digits for an integer type, and
        // the `f64` has lost some of them.
        if value.abs() < EXACT && self.context.keeps_digits(value) {
            self.visitor.visit_string(value.to_string())
        } else {
            Err(wrong_value(NUMBER, &self.visitor))
        }
    }

    pass!(visit_str(&str) visit_borrowed_str(&'de str) visit_string(String));

    refuse!(bool unit seq map);
}

/// A list. `{}` is an empty list.
impl<'de, V: Visitor<'de>> Visitor<'de> for Seq<'_, 'de, V> {
    type Value = V::Value;

    expected!();

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor
            .visit_seq(WireSeq::new(inner, self.context, true))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut inner: A) -> Result<V::Value, A::Error> {
        if inner.next_key::<IgnoredAny>()?.is_some() || self.context.has_items() {
            return Err(wrong_kind(Unexpected::Map, &self.visitor));
        }
        let empty = SeqDeserializer::<_, A::Error>::new(std::iter::empty::<u8>());
        self.visitor.visit_seq(empty)
    }

    refuse!(bool number str unit);
}

/// An object. `[]` is an empty object.
impl<'de, V: Visitor<'de>> Visitor<'de> for Map<'_, 'de, V> {
    type Value = V::Value;

    expected!();

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor
            .visit_map(WireMap::new(inner, self.context, self.form))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut inner: A) -> Result<V::Value, A::Error> {
        if inner.next_element::<IgnoredAny>()?.is_some() || self.context.has_items() {
            return Err(wrong_kind(Unexpected::Seq, &self.visitor));
        }
        let empty = MapDeserializer::<_, A::Error>::new(std::iter::empty::<(u8, u8)>());
        self.visitor.visit_map(empty)
    }

    refuse!(bool number str unit);
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Optional<'_, 'de, V> {
    type Value = V::Value;

    expected!();

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

/// Passes a value's deserializer to the seed, wrapped in [`Wire`].
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

impl Context<'_> {
    /// Returns whether the current object or array of the tape contains any values.
    fn has_items(&self) -> bool {
        self.salvage.as_ref().is_some_and(|salvage| {
            let node = salvage.current.get();
            salvage.tape.first_inside(node) != salvage.tape.after(node)
        })
    }
}

/// An iteration over the direct children of an object or array of the tape.
struct Walk {
    container: Node,
    /// Whether an attempt resumes where the one before it stopped. Types that
    /// identify values by their position, such as tuples, always start over.
    goes_on: bool,
    next: Node,
    end: Node,
}

impl Walk {
    fn new(salvage: &Salvage<'_>, goes_on: bool) -> Self {
        let container = salvage.current.get();
        Self {
            container,
            goes_on,
            next: match goes_on {
                true => salvage.start_of(container),
                false => salvage.tape.first_inside(container),
            },
            end: salvage.tape.after(container),
        }
    }

    /// Records that the next attempt resumes at this value.
    fn go_on_at(&self, salvage: &Salvage<'_>, node: Node) {
        if self.goes_on {
            salvage.go_on_at(self.container, node);
        }
    }

    /// Returns the next value that is not left out.
    fn next(&mut self, salvage: &Salvage<'_>) -> Option<Node> {
        while self.next < self.end {
            let node = self.next;
            self.next = salvage.tape.after(node);
            if !salvage.is_left_out(node) {
                return Some(node);
            }
        }
        None
    }
}

struct WireSeq<'c, 'de, A> {
    inner: A,
    context: &'c Context<'de>,
    walk: Option<Walk>,
}

impl<'c, 'de, A> WireSeq<'c, 'de, A> {
    fn new(inner: A, context: &'c Context<'de>, goes_on: bool) -> Self {
        let salvage = context.salvage.as_ref();
        Self {
            inner,
            context,
            walk: salvage.map(|salvage| Walk::new(salvage, goes_on)),
        }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for WireSeq<'_, 'de, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let context = self.context;
        if self.walk.is_some() {
            return self.next_of_tape(seed);
        }
        self.inner.next_element_seed(WireSeed { seed, context })
    }

    fn size_hint(&self) -> Option<usize> {
        match self.walk {
            None => self.inner.size_hint(),
            Some(_) => None,
        }
    }
}

impl<'de, A: SeqAccess<'de>> WireSeq<'_, 'de, A> {
    #[cold]
    #[inline(never)]
    fn next_of_tape<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let context = self.context;
        let (Some(walk), Some(salvage)) = (&mut self.walk, &context.salvage) else {
            return Ok(None);
        };
        let Some(node) = walk.next(salvage) else {
            walk.go_on_at(salvage, walk.end);
            return Ok(None);
        };
        match read(context, salvage, node, seed) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                walk.go_on_at(salvage, node);
                Err(de::Error::custom(error))
            }
        }
    }
}

/// The type that an object is decoded as.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// A generated struct, which can retry fields.
    Table,
    /// Any other struct.
    Struct,
    /// A type that accepts any key.
    Map,
}

struct WireMap<'c, 'de, A> {
    inner: A,
    context: &'c Context<'de>,
    form: Form,
    /// The keys so far, to detect duplicates. In the first pass they are kept only
    /// for a map, in the salvage pass for everything but a table.
    keys: Option<Box<Keys<'de>>>,
    walk: Option<Box<MapWalk>>,
}

/// An iteration over the fields of an object of the tape.
struct MapWalk {
    walk: Walk,
    /// The value whose key was returned last.
    value: Node,
    /// Whether that value was read.
    is_read: bool,
    attempts: Attempts,
    /// After a failure, what a table gets instead of the next key: [`AGAIN`],
    /// [`WITHOUT`], or, if `None`, an error.
    failed: Option<Option<&'static str>>,
}

impl MapWalk {
    #[cold]
    fn new(salvage: &Salvage<'_>, form: Form) -> Self {
        Self {
            walk: Walk::new(salvage, form == Form::Map),
            value: salvage.current.get(),
            is_read: true,
            attempts: Attempts::default(),
            failed: None,
        }
    }
}

impl<'c, 'de, A> WireMap<'c, 'de, A> {
    fn new(inner: A, context: &'c Context<'de>, form: Form) -> Self {
        let salvage = context.salvage.as_ref();
        Self {
            inner,
            context,
            form,
            keys: None,
            walk: salvage.map(|salvage| Box::new(MapWalk::new(salvage, form))),
        }
    }
}

const ONE_VALUE: &str = "a single value for each key";

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WireMap<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if self.walk.is_some() {
            return self.next_key_of_tape(seed);
        }
        if self.form != Form::Map {
            return self.inner.next_key_seed(seed);
        }
        let Some(key) = self.inner.next_key_seed(KeySeed(PhantomData))? else {
            return Ok(None);
        };
        if !self.keys.get_or_insert_default().insert(key.clone()) {
            return Err(de::Error::custom(ONE_VALUE));
        }
        read_key(self.context, key, seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let context = self.context;
        if self.walk.is_some() {
            return self.next_value_of_tape(seed);
        }
        self.inner.next_value_seed(WireSeed { seed, context })
    }

    fn size_hint(&self) -> Option<usize> {
        match self.walk {
            None => self.inner.size_hint(),
            Some(_) => None,
        }
    }
}

impl<'de, A: MapAccess<'de>> WireMap<'_, 'de, A> {
    #[cold]
    #[inline(never)]
    fn next_key_of_tape<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let context = self.context;
        let (Some(walk), Some(salvage)) = (&mut self.walk, &context.salvage) else {
            return Ok(None);
        };
        if self.form == Form::Table {
            if !std::mem::replace(&mut walk.is_read, true) {
                // The table did not read the value because the key is a duplicate.
                walk.failed = Some(salvage.may_set_aside.get().then_some(WITHOUT));
                if salvage.may_set_aside.get() {
                    salvage.set_aside(walk.value, ONE_VALUE.to_owned());
                } else {
                    salvage.failed.set(Some(walk.value));
                }
            }
            if let Some(how) = walk.failed.take() {
                let how = how.ok_or_else(|| de::Error::custom("nothing may be set aside"))?;
                return seed
                    .deserialize(BorrowedStrDeserializer::new(how))
                    .map(Some);
            }
        }
        while let Some(node) = walk.walk.next(salvage) {
            let Some(key) = salvage.tape.key(node) else {
                salvage.leave_out(node, "a key that is a valid string");
                continue;
            };
            if self.form != Form::Table && !self.keys.get_or_insert_default().insert(key.clone()) {
                salvage.leave_out(node, ONE_VALUE);
                continue;
            }
            walk.value = node;
            walk.is_read = false;
            walk.attempts = Attempts::default();
            let result = read_key(context, key, seed);
            if result.is_err() && salvage.failed.get().is_none() {
                salvage.failed.set(Some(node));
            }
            return result.map(Some);
        }
        walk.walk.go_on_at(salvage, walk.walk.end);
        Ok(None)
    }

    #[cold]
    #[inline(never)]
    fn next_value_of_tape<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let context = self.context;
        let (Some(walk), Some(salvage)) = (&mut self.walk, &context.salvage) else {
            return Err(de::Error::custom("the object is not on the tape"));
        };
        let node = walk.value;
        walk.is_read = true;
        if self.form != Form::Table {
            return read(context, salvage, node, seed).map_err(|error| {
                walk.walk.go_on_at(salvage, node);
                de::Error::custom(error)
            });
        }
        salvage.swap_cursors(&mut walk.attempts.cursors);
        let result = read(context, salvage, node, seed);
        salvage.swap_cursors(&mut walk.attempts.cursors);
        let (how, error) = match walk.attempts.judge(salvage, node, result) {
            Verdict::Read(value) => return Ok(value),
            Verdict::Again => (Some(AGAIN), de::Error::custom("to be read again")),
            Verdict::SetAside(error) => (Some(WITHOUT), de::Error::custom(error)),
            Verdict::Failed(error) => (None, de::Error::custom(error)),
        };
        walk.failed = Some(how);
        Err(error)
    }
}

/// The keys that an object has had so far.
#[derive(Default)]
struct Keys<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Keys<'de> {
    const FEW: usize = 16;

    /// Returns `false` if the key is a duplicate.
    fn insert(&mut self, key: Cow<'de, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(key);
        }
        if self.few.contains(&key) {
            return false;
        }
        self.few.push(key);
        if self.few.len() > Self::FEW {
            self.many = self.few.drain(..).collect();
        }
        true
    }
}

/// Deserializes a key, which may be converted to a number.
fn read_key<'de, S: DeserializeSeed<'de>, E: de::Error>(
    context: &Context<'de>,
    key: Cow<'de, str>,
    seed: S,
) -> Result<S::Value, E> {
    let inner = CowStrDeserializer::new(key);
    seed.deserialize(Wire { inner, context })
}

/// Reads a key as a string, borrowed if possible.
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

/// How to continue after a value that could not be decoded. It is requested from a
/// map instead of the next key, and from [`Tries`] instead of the next attempt.
#[derive(Clone, Copy, PartialEq)]
pub enum Recovery {
    /// Decode the value again.
    Again,
    /// Continue without the value: it was set aside.
    Without,
}

impl<'de> Deserialize<'de> for Recovery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct How;

        impl Visitor<'_> for How {
            type Value = Recovery;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a recovery instruction")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Recovery, E> {
                match word {
                    AGAIN => Ok(Recovery::Again),
                    WITHOUT => Ok(Recovery::Without),
                    _ => Err(E::custom("no recovery")),
                }
            }
        }

        // No other deserializer visits a string when a newtype struct is requested.
        deserializer.deserialize_newtype_struct(RECOVERY, How)
    }
}

/// A union's value as a sequence: first its kind, as `Kind as u8`, and then the
/// value itself, any number of times.
///
/// In the salvage pass, the element after a failed attempt that was not [`WHOLE`]
/// is a [`Recovery`].
pub struct Tries<'c, 'de, E> {
    context: &'c Context<'de>,
    value: Value<'de>,
    kind: Option<Kind>,
    attempts: Attempts,
    noted: Option<Noted>,
    failed: Option<Option<&'static str>>,
    error: PhantomData<E>,
}

enum Value<'de> {
    Text(&'de str),
    Node(Node),
}

impl<'c, 'de, E> Tries<'c, 'de, E> {
    pub fn of_text(context: &'c Context<'de>, text: &'de str) -> Self {
        Self::new(context, Value::Text(text), Kind::of(text))
    }

    fn of_node(context: &'c Context<'de>, node: Node, kind: Kind) -> Self {
        Self::new(context, Value::Node(node), kind)
    }

    fn new(context: &'c Context<'de>, value: Value<'de>, kind: Kind) -> Self {
        Self {
            context,
            value,
            kind: Some(kind),
            attempts: Attempts::default(),
            noted: None,
            failed: None,
            error: PhantomData,
        }
    }
}

impl<'de, E: de::Error> SeqAccess<'de> for Tries<'_, 'de, E> {
    type Error = E;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, E> {
        let context = self.context;
        if let Some(kind) = self.kind.take() {
            let kind: U8Deserializer<E> = (kind as u8).into_deserializer();
            return seed.deserialize(kind).map(Some);
        }
        if let Some(how) = self.failed.take() {
            let how = how.ok_or_else(|| E::custom("nothing may be set aside"))?;
            return seed
                .deserialize(BorrowedStrDeserializer::new(how))
                .map(Some);
        }
        let noted = self.noted.take().unwrap_or_else(|| context.noted());
        let (node, salvage) = match (&self.value, &context.salvage) {
            (Value::Node(node), Some(salvage)) => (*node, salvage),
            (Value::Node(_), None) => return Ok(None),
            (Value::Text(text), _) => {
                let mut json = serde_json::Deserializer::from_slice(text.as_bytes());
                let inner = &mut json;
                let result = seed.deserialize(Wire { inner, context });
                return result.map(Some).map_err(|error| {
                    context.forget_since(&noted);
                    E::custom(error)
                });
            }
        };
        salvage.swap_cursors(&mut self.attempts.cursors);
        let result = read(context, salvage, node, seed);
        salvage.swap_cursors(&mut self.attempts.cursors);
        if let Err(error) = &result
            && salvage.whole_failed.take()
        {
            context.forget_since(&noted);
            return Err(E::custom(error));
        }
        match self.attempts.judge(salvage, node, result) {
            Verdict::Read(value) => Ok(Some(value)),
            Verdict::Again => {
                self.failed = Some(Some(AGAIN));
                self.noted = Some(noted);
                Err(E::custom("to be read again"))
            }
            Verdict::SetAside(error) | Verdict::Failed(error) => {
                self.failed = Some(None);
                self.attempts = Attempts::default();
                context.forget_since(&noted);
                Err(E::custom(error))
            }
        }
    }
}
