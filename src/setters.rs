//! What setters do with the values that they are given.
//!
//! The setters of generated builders are one line each, and the builders of
//! types are tables: a closure and an error's text in each of 2,000 setters is
//! what a compiler would spend its time on.

use std::fmt::Display;

/// A value that can be given for an argument or a field of type `T`: a `T`, or
/// whatever [converts](TryInto) to one, such as an `i32` to an `i64`, a `&str`
/// to a `String` or to an enum of strings.
///
/// A value that does not convert is an error of the call's `send`, which names
/// the argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given for an argument of type `{T}`",
    label = "expected `{T}` or what converts to it"
)]
pub trait IntoArgument<T> {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// Why it does not convert, in words.
    fn into_argument(self) -> Result<T, String>;
}

impl<T, V> IntoArgument<T> for V
where
    V: TryInto<T>,
    V::Error: Display,
{
    fn into_argument(self) -> Result<T, String> {
        match self.try_into() {
            Ok(value) => Ok(value),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The first thing that is wrong with the arguments of a call or the fields of a body.
#[derive(Clone, Debug, Default)]
pub struct Problem(Option<String>);

impl Problem {
    /// Converts a value. `None` if it does not convert, which is noted.
    pub(crate) fn convert<T>(&mut self, name: &str, value: impl IntoArgument<T>) -> Option<T> {
        match value.into_argument() {
            Ok(value) => Some(value),
            Err(why) => {
                self.note(format!("`{name}`: {why}"));
                None
            }
        }
    }

    /// Notes that an argument or a field is missing.
    pub(crate) fn missing(&mut self, name: &str) {
        self.note(is_missing(name));
    }

    pub(crate) fn note(&mut self, why: String) {
        self.0.get_or_insert(why);
    }

    pub(crate) fn into_text(self) -> Option<String> {
        self.0
    }

    pub(crate) fn into_result(self) -> Result<(), String> {
        self.0.map_or(Ok(()), Err)
    }
}

fn is_missing(name: &str) -> String {
    format!("`{name}` is missing")
}

/// The builder of a type, by a table of its fields.
macro_rules! builder {
    ($name:ident { $($field:ident: $type:ty, $kind:ident;)* }) => {
        /// A builder of this type.
        #[derive(Clone, Default)]
        pub struct $name {
            $($field: Option<$type>,)*
            __problem: $crate::codegen::Problem,
        }

        impl $name {
            $(pub fn $field(mut self, value: impl $crate::codegen::IntoArgument<$type>) -> Self {
                $crate::codegen::set(&mut self.$field, value, stringify!($field), &mut self.__problem);
                self
            })*
        }

        /// Shows which fields are set, not their values.
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::redact::set(f, stringify!($name), &[
                    $((stringify!($field), self.$field.is_some()),)*
                ])
            }
        }

        impl TryFrom<$name> for super::$name {
            type Error = super::error::ConversionError;

            #[inline]
            fn try_from(builder: $name) -> Result<Self, Self::Error> {
                builder.__problem.into_result()?;
                Ok(Self {
                    $($field: $crate::codegen::builder!(@take $kind builder $field),)*
                })
            }
        }

        impl From<super::$name> for $name {
            #[inline]
            fn from(value: super::$name) -> Self {
                Self {
                    $($field: $crate::codegen::builder!(@give $kind value $field),)*
                    __problem: Default::default(),
                }
            }
        }
    };
    (@take optional $builder:ident $field:ident) => { $builder.$field };
    (@take required $builder:ident $field:ident) => {
        $crate::codegen::required($builder.$field, stringify!($field))?
    };
    (@give optional $value:ident $field:ident) => { $value.$field };
    (@give required $value:ident $field:ident) => { Some($value.$field) };
}
pub(crate) use builder;

/// Sets a field of a builder.
pub(crate) fn set<T>(
    place: &mut Option<T>,
    value: impl IntoArgument<T>,
    field: &str,
    problem: &mut Problem,
) {
    if let Some(value) = problem.convert(field, value) {
        *place = Some(value);
    }
}

/// A field that has to be set.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, String> {
    match value {
        Some(value) => Ok(value),
        None => Err(is_missing(field)),
    }
}
