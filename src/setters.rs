//! What the generated builders do with the values that they are given, in
//! functions and a table: a closure and an error's text in each of 2,000
//! setters is what a compiler spends its time on.

use std::fmt::Display;

/// A setter's value, or why there is none.
pub(crate) fn set<T, V: TryInto<T>>(value: V, problem: &str) -> Result<T, String> {
    match value.try_into() {
        Ok(value) => Ok(value),
        Err(_) => Err(problem.to_owned()),
    }
}

/// The same, where the conversion says what was wrong.
pub(crate) fn set_or_say<T, V>(value: V, problem: &str) -> Result<T, String>
where
    V: TryInto<T>,
    V::Error: Display,
{
    match value.try_into() {
        Ok(value) => Ok(value),
        Err(error) => Err(format!("{problem}: {error}")),
    }
}

/// For an optional field.
pub(crate) fn set_some<T, V: TryInto<T>>(value: V, problem: &str) -> Result<Option<T>, String> {
    match set(value, problem) {
        Ok(value) => Ok(Some(value)),
        Err(problem) => Err(problem),
    }
}

/// A body from its builder, which knows what is missing.
pub(crate) fn built<T, B>(builder: Result<B, String>) -> Result<T, String>
where
    B: TryInto<T>,
    B::Error: Display,
{
    match builder?.try_into() {
        Ok(body) => Ok(body),
        Err(error) => Err(error.to_string()),
    }
}

/// The builder of a type, by a table of its fields.
macro_rules! builder {
    ($name:ident { $($field:ident: $type:ty, $kind:ident;)* }) => {
        #[derive(Clone, Default)]
        pub struct $name {
            $($field: Option<$type>,)*
            // The first value that could not be used.
            __problem: Option<String>,
        }

        impl $name {
            $(pub fn $field<T>(mut self, value: T) -> Self
            where
                T: TryInto<$type>,
                T::Error: ::std::fmt::Display,
            {
                let problem = &mut self.__problem;
                $crate::setters::put(&mut self.$field, value, stringify!($field), problem);
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
                if let Some(problem) = builder.__problem {
                    return Err(problem.into());
                }
                Ok(Self {
                    $($field: $crate::setters::builder!(@take $kind builder $field),)*
                })
            }
        }

        impl From<super::$name> for $name {
            #[inline]
            fn from(value: super::$name) -> Self {
                Self {
                    $($field: $crate::setters::builder!(@give $kind value $field),)*
                    __problem: None,
                }
            }
        }
    };
    (@take optional $builder:ident $field:ident) => { $builder.$field };
    (@take required $builder:ident $field:ident) => {
        $crate::setters::required($builder.$field, stringify!($field))?
    };
    (@give optional $value:ident $field:ident) => { $value.$field };
    (@give required $value:ident $field:ident) => { Some($value.$field) };
}
pub(crate) use builder;

/// Sets a field of a builder.
pub(crate) fn put<T, V>(place: &mut Option<T>, value: V, field: &str, problem: &mut Option<String>)
where
    V: TryInto<T>,
    V::Error: Display,
{
    match value.try_into() {
        Ok(value) => *place = Some(value),
        Err(error) => {
            problem.get_or_insert_with(|| {
                format!("error converting supplied value for {field}: {error}")
            });
        }
    }
}

/// A field that has to be set.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, String> {
    match value {
        Some(value) => Ok(value),
        None => Err(format!("no value supplied for {field}")),
    }
}
