//! Setters of generated builders: conversion of values, and recording of errors.
//!
//! To keep compile times low, each generated setter is a single call to a
//! function here, and the builders of types are tables for the macro `builder`.
//! There are about 2,000 setters, so code in each of them would add up.

use std::fmt::Display;

/// A value that can be passed for an argument or a field of type `T`: a `T`, or
/// a value that [converts](TryInto) to `T`, such as an `i32` to an `i64`, or a
/// `&str` to a `String` or to a string enum.
///
/// If the conversion fails, the call's `send` returns an error that names the
/// argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed for an argument of type `{T}`",
    label = "expected `{T}` or a type that converts to it"
)]
pub trait IntoArgument<T> {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// Returns the reason as text if the value does not convert.
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

/// The first problem with the arguments of a call or the fields of a body.
#[derive(Clone, Debug, Default)]
pub struct Problem(Option<String>);

impl Problem {
    /// Converts a value. Returns `None`, and records the problem, if it does not
    /// convert.
    pub(crate) fn convert<T>(&mut self, name: &str, value: impl IntoArgument<T>) -> Option<T> {
        match value.into_argument() {
            Ok(value) => Some(value),
            Err(why) => {
                self.note(format!("`{name}`: {why}"));
                None
            }
        }
    }

    /// Records that an argument or a field is missing.
    pub(crate) fn missing(&mut self, name: &str) {
        self.note(is_missing(name));
    }

    /// Records a problem, unless one is already recorded.
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

/// Defines the builder of a type from a table of its fields.
macro_rules! builder {
    ($name:ident { $($field:ident: $type:ty, $kind:ident;)* }) => {
        /// A builder for the type of the same name.
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

/// Returns the value of a required field, or an error if it is not set.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, String> {
    match value {
        Some(value) => Ok(value),
        None => Err(is_missing(field)),
    }
}
