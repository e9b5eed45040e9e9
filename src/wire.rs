//! What the wire does that the document's types cannot say.
//!
//! The server is PHP: a phone comes as a number, a number as a string, `0`
//! for `false`, `[]` where an object is empty. Every one of these is read
//! without loss by the deserializer here, which knows from serde what type
//! is asked for; the generated types stay plain. What cannot be converted
//! without loss is a mismatch: a second pass sets it aside, with its path and
//! raw value, and reads the rest.
//!
//! The first pass keeps no path and allocates nothing of its own.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::value::{CowStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde_json::value::RawValue;

/// Nested deeper than this, an answer is an attack.
const DEPTH_LIMIT: usize = 128;

/// More kinds of mismatch than this in one answer, and it is another API's.
const PASS_LIMIT: usize = 1_000;

/// The kinds of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number
    Number,
    /// A string
    String,
    /// An array
    Array,
    /// An object
    Object,
    /// Nothing: a field that is not there, or text that is no JSON
    Nothing,
}

impl Kind {
    fn of(raw: &str) -> Self {
        match raw.trim_start().bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'"') => Self::String,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            Some(b'-' | b'0'..=b'9') => Self::Number,
            _ => Self::Nothing,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Nothing => "nothing",
        })
    }
}

/// A value of an answer that did not fit the document's type and was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Where it stood: `$.data[3].client.phone`.
    pub path: String,
    /// What was expected there.
    pub expected: String,
    /// What kind of value was found.
    pub found: Kind,
    /// The value as it came, in JSON.
    pub raw: String,
}

/// A field of an answer that the document does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unlisted {
    /// Where it stands: `$.data[3].new_field`.
    pub path: String,
    /// Its value as it came, in JSON.
    pub raw: String,
}

/// A value of an enum that the document does not list.
///
/// Only an answer can hold one, so a request sends it only back as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnlistedValue(Box<str>);

impl UnlistedValue {
    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A field of a request that may be null: null clears it on the server,
/// leaving it out leaves it as it is.
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
    /// The value, if it is not null.
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

/// For an optional field of a nullable type: what is there, is `Some`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Nullable<T>>, D::Error> {
    Nullable::deserialize(deserializer).map(Some)
}

/// serde for an enum of texts, through its `Display` and `FromStr`.
/// `$unlisted` makes the variant that keeps what the document does not list.
macro_rules! string_enum {
    ($name:ident, $unlisted:expr, [$($value:literal),*]) => {
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::read_enum(deserializer, $unlisted)
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
}
pub(crate) use string_enum;

pub(crate) fn read_enum<'de, D: Deserializer<'de>, E: std::str::FromStr>(
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

/// Whether what does not fit is set aside or an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Set aside what does not fit, read the rest.
    #[default]
    Salvage,
    /// The first thing that does not fit is an error.
    Strict,
}

/// A value as read, and what was set aside.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// What was set aside.
    pub mismatches: Vec<Mismatch>,
    /// Whether the answer has fields that the type does not.
    pub has_unlisted: bool,
}

/// The place where reading failed.
#[derive(Debug)]
pub struct Failure {
    /// Where: `$.data[3].client.phone`.
    pub path: String,
    /// What was expected there.
    pub expected: String,
    /// What kind of value was found.
    pub found: Kind,
    pub(crate) source: Option<serde_json::Error>,
}

impl Failure {
    /// There is no answer at all.
    pub(crate) fn nothing() -> Self {
        Self {
            path: "$".to_owned(),
            expected: "JSON".to_owned(),
            found: Kind::Nothing,
            source: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at {}: expected {}, found {}",
            self.path, self.expected, self.found
        )
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// Reads an answer's body the way every call does.
///
/// An empty body reads as `null`, or else as an empty object.
///
/// ```
/// use altegio::wire::{Mode, decode};
///
/// let phones: Vec<String> = decode(b"[13155550177, \"007\"]", Mode::Strict)?.value;
/// assert_eq!(phones, ["13155550177", "007"]);
///
/// let ids = decode::<Vec<i64>>(b"[1, \"2\", {\"id\": 3}]", Mode::Salvage)?;
/// assert_eq!(ids.value, [1, 2]);
/// assert_eq!(ids.mismatches[0].path, "$[2]");
/// assert_eq!(ids.mismatches[0].raw, "{\"id\": 3}");
/// # Ok::<(), altegio::wire::Failure>(())
/// ```
///
/// # Errors
///
/// The body is no JSON, a required place cannot be read, or (strict) any.
pub fn decode<T: DeserializeOwned>(body: &[u8], mode: Mode) -> Result<Decoded<T>, Failure> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return decode(b"null", Mode::Strict).or_else(|_| decode(b"{}", mode));
    }
    let context = Context::default();
    UNION_UNLISTED.take();
    if let Ok(value) = run(body, &context) {
        return Ok(Decoded {
            value,
            mismatches: Vec::new(),
            has_unlisted: context.ignored.get() || !UNION_UNLISTED.take().is_empty(),
        });
    }
    salvage(body, mode)
}

fn run<'de, T: Deserialize<'de>>(
    body: &'de [u8],
    context: &Context<'de>,
) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = T::deserialize(Wire {
        inner: &mut json,
        context,
    })?;
    json.end()?;
    Ok(value)
}

/// The slow way: with paths, and again without what failed, until it reads.
#[cold]
fn salvage<T: DeserializeOwned>(body: &[u8], mode: Mode) -> Result<Decoded<T>, Failure> {
    // What is no JSON at all has no places to set aside.
    let whole: &RawValue = match serde_json::from_slice(body) {
        Ok(whole) => whole,
        Err(error) => {
            return Err(Failure {
                path: "$".to_owned(),
                expected: "JSON".to_owned(),
                found: Kind::Nothing,
                source: Some(error),
            });
        }
    };
    let mut context = Context {
        tracking: true,
        ..Context::default()
    };
    let _guard = UnionSalvages::set(mode == Mode::Salvage);
    let mut first: Option<Failure> = None;
    for _ in 0..PASS_LIMIT {
        context.path.borrow_mut().clear();
        context.mismatches.borrow_mut().clear();
        context.unlisted.borrow_mut().clear();
        context.wrong_kind.set(false);
        context.ignored.set(false);
        UNION_UNLISTED.take();
        UNION_MISMATCHES.take();
        let error = match run(body, &context) {
            Ok(value) => {
                context.adopt_from_union();
                return Ok(Decoded {
                    value,
                    mismatches: context.mismatches.into_inner(),
                    has_unlisted: !context.unlisted.borrow().is_empty(),
                });
            }
            Err(error) => error,
        };
        let path = context.path.borrow();
        let raw = path.last().map_or(whole.get(), |step| step.raw);
        let failure = Failure {
            path: path_text(&path),
            expected: expected(&error),
            found: Kind::of(raw),
            source: Some(error),
        };
        let rule = Rule {
            pattern: path.iter().map(Step::pattern).collect(),
            // `[]` and `{}` read where others of their kind do not.
            value: if context.wrong_kind.get() && !is_empty(raw) {
                RuleValue::Kind(Kind::of(raw))
            } else {
                RuleValue::Raw(raw.to_owned())
            },
            expected: failure.expected.clone(),
        };
        let at_root = path.is_empty();
        drop(path);
        let first = first.get_or_insert(failure);
        if at_root || mode == Mode::Strict || context.rules.contains(&rule) {
            return Err(std::mem::replace(first, Failure::placeholder()));
        }
        context.rules.push(rule);
    }
    Err(first.unwrap_or_else(Failure::placeholder))
}

impl Failure {
    fn placeholder() -> Self {
        Self {
            path: "$".to_owned(),
            expected: "the documented answer".to_owned(),
            found: Kind::Nothing,
            source: None,
        }
    }
}

/// The fields of `body` that `T` does not have. `set_aside` is what the first
/// reading set aside.
pub fn unlisted<T: DeserializeOwned>(body: &[u8], set_aside: &[Mismatch]) -> Vec<Unlisted> {
    let context = Context {
        tracking: true,
        set_aside: set_aside
            .iter()
            .map(|mismatch| mismatch.path.clone())
            .collect(),
        ..Context::default()
    };
    let _guard = UnionSalvages::set(true);
    // The same bytes were read before; what they hold is all that matters now.
    let _ = run::<T>(body, &context);
    context.adopt_from_union();
    context.unlisted.into_inner()
}

thread_local! {
    /// What the branch chosen of a union did not know, with paths from the
    /// union. Whoever reads the place that holds the union takes it over.
    static UNION_UNLISTED: RefCell<Vec<Unlisted>> = const { RefCell::new(Vec::new()) };

    /// What was set aside inside of it, the same way.
    static UNION_MISMATCHES: RefCell<Vec<Mismatch>> = const { RefCell::new(Vec::new()) };

    /// Whether a union may set aside what does not fit inside of it.
    static UNION_SALVAGES: Cell<bool> = const { Cell::new(false) };
}

/// Lets unions set aside, or not, until this is dropped.
struct UnionSalvages(bool);

impl UnionSalvages {
    fn set(salvages: bool) -> Self {
        Self(UNION_SALVAGES.replace(salvages))
    }
}

impl Drop for UnionSalvages {
    fn drop(&mut self) {
        UNION_SALVAGES.set(self.0);
    }
}

/// One branch of a union: the kind of value that it is made for, and how it is read.
pub(crate) type Branch<E> = (Option<Kind>, fn(&RawValue) -> Result<E, serde_json::Error>);

/// Reads a union: the branches made for the kind of value that stands there
/// first, then any that can be converted to.
pub(crate) fn read_union<'de, D: Deserializer<'de>, E>(
    deserializer: D,
    branches: &[Branch<E>],
) -> Result<E, D::Error> {
    let raw = <Box<RawValue>>::deserialize(deserializer)?;
    let kind = Kind::of(raw.get());
    let made_for = || branches.iter().filter(|branch| branch.0 == Some(kind));
    let others = branches.iter().filter(|branch| branch.0 != Some(kind));
    let salvages = UNION_SALVAGES.get();
    let whole = UnionSalvages::set(false);
    for (_, read) in made_for().chain(others) {
        if let Ok(value) = read(&raw) {
            return Ok(value);
        }
    }
    drop(whole);
    // No branch fits whole: the first that is made for such a value and reads
    // with something in it set aside.
    for (_, read) in made_for().filter(|_| salvages) {
        if let Ok(value) = read(&raw) {
            return Ok(value);
        }
    }
    Err(de::Error::custom(
        "invalid value, expected one of the kinds that the document lists",
    ))
}

/// Reads one branch of a union.
pub(crate) fn read_branch<T: DeserializeOwned>(raw: &RawValue) -> Result<T, serde_json::Error> {
    let body = raw.get().as_bytes();
    let (unlisted_before, mismatches_before) = (UNION_UNLISTED.take(), UNION_MISMATCHES.take());
    let context = Context::default();
    // Nothing would take over what a union in it sets aside.
    let whole = UnionSalvages::set(false);
    let mut result = run(body, &context);
    drop(whole);
    let mut has_unlisted = context.ignored.get() || !UNION_UNLISTED.take().is_empty();
    let mut mismatches = Vec::new();
    if UNION_SALVAGES.get()
        && let Err(error) = result
    {
        result = match salvage(body, Mode::Salvage) {
            Ok(decoded) => {
                (mismatches, has_unlisted) = (decoded.mismatches, decoded.has_unlisted);
                Ok(decoded.value)
            }
            Err(_) => Err(error),
        };
    }
    let found = match result.is_ok() && has_unlisted {
        true => unlisted::<T>(body, &mismatches),
        false => Vec::new(),
    };
    UNION_UNLISTED.set(unlisted_before);
    UNION_MISMATCHES.set(mismatches_before);
    if result.is_ok() {
        UNION_UNLISTED.with_borrow_mut(|unlisted| unlisted.extend(found));
        UNION_MISMATCHES.with_borrow_mut(|before| before.extend(mismatches));
    }
    result
}

/// serde's "…, expected X" and "missing field `x`", without the position,
/// which the path says better.
fn expected(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    match text.split_once(", expected ") {
        Some((_, expected)) => expected.to_owned(),
        None => match text.strip_prefix("missing field ") {
            Some(field) => format!("the field {field}"),
            None => text.to_owned(),
        },
    }
}

/// What a pass knows and learns. The fast pass only sets `ignored`.
#[derive(Default)]
struct Context<'de> {
    tracking: bool,
    ignored: Cell<bool>,
    /// The last error was about the kind of value, whatever it holds.
    wrong_kind: Cell<bool>,
    path: RefCell<Vec<Step<'de>>>,
    rules: Vec<Rule>,
    set_aside: Vec<String>,
    mismatches: RefCell<Vec<Mismatch>>,
    unlisted: RefCell<Vec<Unlisted>>,
}

/// One step of a path, and the value that stands there.
struct Step<'de> {
    key: StepKey<'de>,
    raw: &'de str,
}

#[derive(Clone)]
enum StepKey<'de> {
    Field(Cow<'de, str>),
    Index(usize),
}

impl Step<'_> {
    fn pattern(&self) -> Option<String> {
        match &self.key {
            StepKey::Field(name) => Some(name.clone().into_owned()),
            StepKey::Index(_) => None,
        }
    }
}

/// Values that failed before: at this path (any index), of this kind or text.
#[derive(PartialEq)]
struct Rule {
    pattern: Vec<Option<String>>,
    value: RuleValue,
    expected: String,
}

#[derive(PartialEq)]
enum RuleValue {
    Kind(Kind),
    Raw(String),
}

fn path_text(path: &[Step<'_>]) -> String {
    use fmt::Write;
    let mut text = "$".to_owned();
    for step in path {
        // Writing into a String cannot fail.
        let _ = match &step.key {
            StepKey::Index(index) => write!(text, "[{index}]"),
            StepKey::Field(name)
                if !name.is_empty()
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
            {
                write!(text, ".{name}")
            }
            StepKey::Field(name) => write!(text, "[{name:?}]"),
        };
    }
    text
}

impl<'de> Context<'de> {
    /// Enters a place. `false`: what stands there is set aside.
    fn enter(&self, key: StepKey<'de>, raw: &'de RawValue) -> bool {
        let raw = raw.get();
        self.path.borrow_mut().push(Step { key, raw });
        let path = self.path.borrow();
        if self
            .set_aside
            .iter()
            .any(|set_aside| *set_aside == path_text(&path))
        {
            drop(path);
            self.leave();
            return false;
        }
        let fits = |rule: &&Rule| {
            let value = match &rule.value {
                RuleValue::Kind(kind) => Kind::of(raw) == *kind && !is_empty(raw),
                RuleValue::Raw(text) => text == raw,
            };
            value
                && rule.pattern.len() == path.len()
                && rule.pattern.iter().zip(path.iter()).all(|(pattern, step)| {
                    match (pattern, &step.key) {
                        (None, StepKey::Index(_)) => true,
                        (Some(pattern), StepKey::Field(name)) => pattern == name,
                        _ => false,
                    }
                })
        };
        let Some(rule) = self.rules.iter().find(fits) else {
            return true;
        };
        self.mismatches.borrow_mut().push(Mismatch {
            path: path_text(&path),
            expected: rule.expected.clone(),
            found: Kind::of(raw),
            raw: raw.to_owned(),
        });
        drop(path);
        self.leave();
        false
    }

    fn leave(&self) {
        self.path.borrow_mut().pop();
    }

    /// Reads from a place entered. Its path stays behind if that fails.
    fn read<S: DeserializeSeed<'de>>(
        &self,
        seed: S,
        raw: &'de RawValue,
    ) -> Result<S::Value, serde_json::Error> {
        if self.path.borrow().len() > DEPTH_LIMIT {
            return Err(de::Error::custom("nested too deeply"));
        }
        let mut json = serde_json::Deserializer::from_slice(raw.get().as_bytes());
        let value = seed.deserialize(Wire {
            inner: &mut json,
            context: self,
        })?;
        self.adopt_from_union();
        self.leave();
        Ok(value)
    }

    /// Takes over what a union at this place did not know or set aside.
    fn adopt_from_union(&self) {
        let (unlisted, mismatches) = (UNION_UNLISTED.take(), UNION_MISMATCHES.take());
        if unlisted.is_empty() && mismatches.is_empty() {
            return;
        }
        let place = path_text(&self.path.borrow());
        let here = |path: &str| format!("{place}{}", &path[1..]);
        let unlisted = unlisted.into_iter().map(|field| Unlisted {
            path: here(&field.path),
            ..field
        });
        self.unlisted.borrow_mut().extend(unlisted);
        let mismatches = mismatches.into_iter().map(|mismatch| Mismatch {
            path: here(&mismatch.path),
            ..mismatch
        });
        self.mismatches.borrow_mut().extend(mismatches);
    }

    fn note_ignored(&self) {
        self.ignored.set(true);
        if self.tracking {
            let path = self.path.borrow();
            if let Some(step) = path.last() {
                self.unlisted.borrow_mut().push(Unlisted {
                    path: path_text(&path),
                    raw: step.raw.to_owned(),
                });
            }
        }
    }
}

fn is_empty(raw: &str) -> bool {
    matches!(Kind::of(raw), Kind::Array | Kind::Object) && raw[1..raw.len() - 1].trim().is_empty()
}

/// A deserializer that knows the wire's ways, over serde_json's.
struct Wire<'c, 'de, D> {
    inner: D,
    context: &'c Context<'de>,
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
const EXACT: f64 = 9_007_199_254_740_992.0;

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

/// Writes JSON as the server expects it: a whole number never as `123.0`.
///
/// ```
/// assert_eq!(altegio::wire::encode(&(123.0, 1.5))?, b"[123,1.5]");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// The value is no JSON: a map whose keys are no strings.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(128);
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, Compact,
    ))?;
    Ok(bytes)
}

struct Compact;

impl serde_json::ser::Formatter for Compact {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.fract() == 0.0 && value.abs() <= EXACT {
            write!(writer, "{}", value as i64)
        } else {
            serde_json::ser::CompactFormatter.write_f64(writer, value)
        }
    }
}
