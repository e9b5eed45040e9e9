//! Setters of generated builders: conversion of values, and recording of errors.
//!
//! To keep compile times low, each generated setter is a single call to a
//! function here, and the builders of types are tables for the macro `builder`.
//! There are about 2,000 setters, so code in each of them would add up.

use crate::argument::{Argument, IntoArgument, NOT_NULLABLE};
use crate::nullable::Nullable;

/// The first problem with the arguments of a call or the fields of a body.
#[derive(Clone, Debug, Default)]
pub struct Problem(Option<String>);

impl Problem {
    /// Converts a value. Returns `None` if it is absent, or if it does not convert,
    /// which is recorded.
    pub(crate) fn convert<T>(&mut self, name: &str, value: impl IntoArgument<T>) -> Option<T> {
        match self.convert_nullable(name, value) {
            Some(Nullable::Value(value)) => Some(value),
            Some(Nullable::Null) => {
                self.note(format!("`{name}`: {NOT_NULLABLE}"));
                None
            }
            None => None,
        }
    }

    pub(crate) fn convert_nullable<T>(
        &mut self,
        name: &str,
        value: impl IntoArgument<T>,
    ) -> Option<Nullable<T>> {
        match value.into_argument() {
            Ok(Argument::Value(value)) => Some(Nullable::Value(value)),
            Ok(Argument::Null) => Some(Nullable::Null),
            Ok(Argument::Absent) => None,
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
    ($name:ident { $($(#[$doc:meta])* $field:ident: $type:ty, $kind:ident;)* }) => {
        /// A builder for the type of the same name.
        #[derive(Clone, Default)]
        pub struct $name {
            $($field: $crate::codegen::builder!(@place $kind $type),)*
            __problem: $crate::codegen::Problem,
        }

        impl $name {
            $($(#[$doc])*
            pub fn $field(mut self, value: impl $crate::IntoArgument<$type>) -> Self {
                self.$field = $crate::codegen::builder!(@set $kind)(
                    &mut self.__problem, stringify!($field), value,
                );
                self
            })*
        }

        impl $crate::IntoArgument<super::$name> for $name {
            #[inline]
            fn into_argument(self) -> ::std::result::Result<$crate::Argument<super::$name>, ::std::string::String> {
                $crate::codegen::given(self.try_into())
            }
        }

        $crate::codegen::argument!(super::$name);

        impl super::$name {
            /// Returns a builder without any field set.
            #[inline]
            pub fn builder() -> $name {
                $name::default()
            }
        }

        /// Shows which fields are set, not their values.
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::redact::set(f, stringify!($name), &[
                    $((stringify!($field), self.$field.is_some()),)*
                ])
            }
        }

        impl ::std::convert::TryFrom<$name> for super::$name {
            type Error = super::error::ConversionError;

            #[inline]
            fn try_from(builder: $name) -> ::std::result::Result<Self, Self::Error> {
                builder.__problem.into_result()?;
                Ok(Self {
                    $($field: $crate::codegen::builder!(@take $kind builder $field),)*
                })
            }
        }

        impl ::std::convert::From<super::$name> for $name {
            #[inline]
            fn from(value: super::$name) -> Self {
                Self {
                    $($field: $crate::codegen::builder!(@give $kind value $field),)*
                    __problem: ::std::default::Default::default(),
                }
            }
        }
    };
    (@place nullable $type:ty) => { ::std::option::Option<$crate::Nullable<$type>> };
    (@place $kind:ident $type:ty) => { ::std::option::Option<$type> };
    (@set nullable) => { $crate::codegen::Problem::convert_nullable };
    (@set $kind:ident) => { $crate::codegen::Problem::convert };
    (@take nullable $builder:ident $field:ident) => { $builder.$field };
    (@give nullable $value:ident $field:ident) => { $value.$field };
    (@take optional $builder:ident $field:ident) => { $builder.$field };
    (@take required $builder:ident $field:ident) => {
        $crate::codegen::required($builder.$field, stringify!($field))?
    };
    (@give optional $value:ident $field:ident) => { $value.$field };
    (@give required $value:ident $field:ident) => { Some($value.$field) };
}
pub(crate) use builder;

/// Returns the value of a required field, or an error if it is not set.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, String> {
    match value {
        Some(value) => Ok(value),
        None => Err(is_missing(field)),
    }
}
