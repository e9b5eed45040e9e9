//! The values that callers can pass for arguments and fields.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime as ChronoDateTime, NaiveDate, NaiveDateTime, TimeZone};
use serde_json::{Map, Value};

use crate::date::Date;
use crate::datetime::DateTime;
use crate::multipart::File;
use crate::nullable::Nullable;

/// The value of an argument or field of type `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument<T> {
    /// The argument is not sent. For a required one, this is an error.
    Absent,
    /// Null is sent. For an argument that is not nullable, this is an error.
    Null,
    /// This value is sent.
    Value(T),
}

/// A value that can be passed for an argument or a field of type `T`:
///
/// - a `T` or a `&T`;
/// - a value that converts to `T`: any integer for an `i64` or an `f64`; a `&str` for a
///   `String`, a string enum, or a date; a [`chrono::NaiveDate`], [`chrono::NaiveDateTime`],
///   [`chrono::DateTime`], or [`DateTime`] for a date; a branch of a union for the union; a
///   body's builder for the body. An id is only accepted as its own type in
///   [`ids`](crate::ids);
/// - for a `Vec<T>`, a `Vec`, an array, or a slice of what can be passed for a `T`;
/// - an [`Option`] of these, whose `None` means that the argument is not sent, and a
///   `Nullable<T>` for a nullable field.
///
/// If a value does not convert, or a required one is `None`, the call's `send` returns an
/// error that names the argument, before anything is sent.
///
/// ```
/// use altegio::IntoArgument;
///
/// fn count(value: impl IntoArgument<i64>) -> Result<altegio::Argument<i64>, String> {
///     value.into_argument()
/// }
/// assert_eq!(count(20_u8), Ok(altegio::Argument::Value(20)));
/// assert_eq!(count(None::<i64>), Ok(altegio::Argument::Absent));
/// assert!(count(u64::MAX).is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed for an argument of type `{T}`",
    label = "expected `{T}` or a type that converts to it",
    note = "an id is passed as its own type: `LocationId(123)`"
)]
pub trait IntoArgument<T> {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// Returns the reason as text if the value does not convert.
    fn into_argument(self) -> Result<Argument<T>, String>;
}

impl<T, V: IntoArgument<T>> IntoArgument<T> for Option<V> {
    fn into_argument(self) -> Result<Argument<T>, String> {
        self.map_or(Ok(Argument::Absent), V::into_argument)
    }
}

impl<T> IntoArgument<T> for Nullable<T> {
    fn into_argument(self) -> Result<Argument<T>, String> {
        Ok(self.into_option().map_or(Argument::Null, Argument::Value))
    }
}

/// Implements [`IntoArgument`] of a type for the type itself and for a reference to it.
macro_rules! argument {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::IntoArgument<$type> for $type {
            #[inline]
            fn into_argument(self) -> ::std::result::Result<$crate::Argument<$type>, ::std::string::String> {
                Ok($crate::Argument::Value(self))
            }
        }

        impl $crate::IntoArgument<$type> for &$type {
            #[inline]
            fn into_argument(self) -> ::std::result::Result<$crate::Argument<$type>, ::std::string::String> {
                Ok($crate::Argument::Value(self.clone()))
            }
        }
    )*};
}
pub(crate) use argument;

/// Implements [`IntoArgument`] of a type for other types and for references to them,
/// with a function whose error is shown.
macro_rules! converted {
    ($type:ty: $($from:ty),* => $convert:expr) => {$(
        impl $crate::IntoArgument<$type> for $from {
            #[inline]
            fn into_argument(self) -> ::std::result::Result<$crate::Argument<$type>, ::std::string::String> {
                $crate::codegen::given($convert(self))
            }
        }

        impl $crate::IntoArgument<$type> for &$from {
            #[inline]
            fn into_argument(self) -> ::std::result::Result<$crate::Argument<$type>, ::std::string::String> {
                $crate::codegen::given($convert(self.clone()))
            }
        }
    )*};
}
pub(crate) use converted;

pub(crate) fn given<T, E: Display>(converted: Result<T, E>) -> Result<Argument<T>, String> {
    match converted {
        Ok(value) => Ok(Argument::Value(value)),
        Err(error) => Err(error.to_string()),
    }
}

argument!(i64, f64, bool, String, NaiveDate, Date, DateTime, File, Value, Map<String, Value>);

converted!(i64: i8, i16, i32, isize, u8, u16, u32, u64, usize => i64::try_from);
converted!(f64: f32, i8, i16, i32, u8, u16, u32 => exact);
converted!(f64: i64, isize, u64, usize => whole);
converted!(String: &str, Cow<'_, str>, Box<str>, char => exact);
converted!(NaiveDate: &str, String => date);
converted!(NaiveDate: NaiveDateTime, DateTime => date_of);
converted!(NaiveDate: Date => exact);
converted!(Date: &str, String => parsed);
converted!(Date: NaiveDate => exact);
converted!(Date: NaiveDateTime, DateTime => day);
converted!(DateTime: &str, String => parsed);
converted!(DateTime: NaiveDate, NaiveDateTime => exact);
converted!(Value: &str, String, bool, i32, i64, f64, Vec<Value>, Map<String, Value> => exact);

impl<Tz: TimeZone> IntoArgument<NaiveDate> for ChronoDateTime<Tz> {
    fn into_argument(self) -> Result<Argument<NaiveDate>, String> {
        Ok(Argument::Value(self.date_naive()))
    }
}

impl<Tz: TimeZone> IntoArgument<Date> for ChronoDateTime<Tz> {
    fn into_argument(self) -> Result<Argument<Date>, String> {
        Ok(Argument::Value(self.date_naive().into()))
    }
}

impl<Tz: TimeZone> IntoArgument<DateTime> for ChronoDateTime<Tz> {
    fn into_argument(self) -> Result<Argument<DateTime>, String> {
        Ok(Argument::Value(self.into()))
    }
}

fn exact<T, V: Into<T>>(value: V) -> Result<T, &'static str> {
    Ok(value.into())
}

/// Converts an integer to an `f64` if it is one exactly.
fn whole<V: TryInto<i64>>(value: V) -> Result<f64, &'static str> {
    const EXACT: i64 = 1 << 53;
    match value.try_into() {
        Ok(value) if (-EXACT..=EXACT).contains(&value) => Ok(value as f64),
        _ => Err("an integer beyond ±2⁵³ cannot be sent as a number exactly"),
    }
}

/// Parses a text. The error does not show it.
pub(crate) fn parsed<T: FromStr>(text: impl AsRef<str>) -> Result<T, T::Err> {
    text.as_ref().parse()
}

fn date(text: impl AsRef<str>) -> Result<NaiveDate, &'static str> {
    let text = text.as_ref();
    text.parse()
        .map_err(|_| "expected a date such as 2026-03-01")
}

fn date_of(time: impl Into<NaiveDateTime>) -> Result<NaiveDate, &'static str> {
    Ok(time.into().date())
}

/// Converts a date and time to the date alone.
fn day(time: impl Into<NaiveDateTime>) -> Result<Date, &'static str> {
    Ok(time.into().date().into())
}

/// A list without an item that is `None` has only the others.
fn list<T>(
    items: impl Iterator<Item = Result<Argument<T>, String>>,
) -> Result<Argument<Vec<T>>, String> {
    let mut list = Vec::with_capacity(items.size_hint().0);
    for (index, item) in items.enumerate() {
        match item.map_err(|why| format!("item {index}: {why}"))? {
            Argument::Value(value) => list.push(value),
            Argument::Absent => {}
            Argument::Null => return Err(format!("item {index}: {NOT_NULLABLE}")),
        }
    }
    Ok(Argument::Value(list))
}

/// The reason if null is passed for an argument that is not nullable.
pub(crate) const NOT_NULLABLE: &str = "it cannot be null; leave it out or pass a value";

impl<T, V: IntoArgument<T>> IntoArgument<Vec<T>> for Vec<V> {
    fn into_argument(self) -> Result<Argument<Vec<T>>, String> {
        list(self.into_iter().map(V::into_argument))
    }
}

impl<T, V: IntoArgument<T>, const N: usize> IntoArgument<Vec<T>> for [V; N] {
    fn into_argument(self) -> Result<Argument<Vec<T>>, String> {
        list(self.into_iter().map(V::into_argument))
    }
}

impl<'v, T, V> IntoArgument<Vec<T>> for &'v [V]
where
    &'v V: IntoArgument<T>,
{
    fn into_argument(self) -> Result<Argument<Vec<T>>, String> {
        list(self.iter().map(<&V>::into_argument))
    }
}

impl<'v, T, V> IntoArgument<Vec<T>> for &'v Vec<V>
where
    &'v V: IntoArgument<T>,
{
    fn into_argument(self) -> Result<Argument<Vec<T>>, String> {
        self.as_slice().into_argument()
    }
}

impl<'v, T, V, const N: usize> IntoArgument<Vec<T>> for &'v [V; N]
where
    &'v V: IntoArgument<T>,
{
    fn into_argument(self) -> Result<Argument<Vec<T>>, String> {
        self.as_slice().into_argument()
    }
}

impl<T, V: IntoArgument<T>> IntoArgument<HashMap<String, T>> for HashMap<String, V> {
    fn into_argument(self) -> Result<Argument<HashMap<String, T>>, String> {
        let mut map = HashMap::with_capacity(self.len());
        for (name, value) in self {
            match value.into_argument()? {
                Argument::Value(value) => {
                    map.insert(name, value);
                }
                Argument::Absent => {}
                Argument::Null => return Err(NOT_NULLABLE.to_owned()),
            }
        }
        Ok(Argument::Value(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T>(value: impl IntoArgument<T>) -> Result<Argument<T>, String> {
        value.into_argument()
    }

    #[test]
    fn numbers_convert_if_nothing_is_lost() {
        assert_eq!(of::<i64>(7_u8), Ok(Argument::Value(7)));
        assert_eq!(of::<f64>(7), Ok(Argument::Value(7.0)));
        assert_eq!(
            of::<f64>(1_i64 << 53),
            Ok(Argument::Value(9_007_199_254_740_992.0))
        );
        assert!(of::<f64>((1_i64 << 53) + 1).is_err());
        assert!(of::<i64>(u64::MAX).is_err());
    }

    #[test]
    fn lists_and_options_convert_item_by_item() {
        assert_eq!(
            of::<Vec<String>>(["a", "b"]),
            Ok(Argument::Value(vec!["a".to_owned(), "b".to_owned()]))
        );
        assert_eq!(of::<Vec<i64>>(&vec![1, 2]), Ok(Argument::Value(vec![1, 2])));
        assert_eq!(
            of::<Vec<i64>>(Some([Some(1), None])),
            Ok(Argument::Value(vec![1]))
        );
        assert_eq!(of::<Vec<i64>>(None::<Vec<i64>>), Ok(Argument::Absent));
        let error = of::<Vec<i64>>([1, u64::MAX]).unwrap_err();
        assert!(error.starts_with("item 1: "), "{error}");
    }

    #[test]
    fn null_is_kept_apart_from_absence() {
        assert_eq!(of::<i64>(Nullable::Value(3)), Ok(Argument::Value(3)));
        assert_eq!(of::<i64>(Nullable::<i64>::Null), Ok(Argument::Null));
        assert!(of::<Vec<i64>>([Nullable::<i64>::Null]).is_err());
    }

    #[test]
    fn dates_are_taken_from_every_type_of_date() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let noon = day.and_hms_opt(12, 0, 0).unwrap();
        for found in [
            of::<NaiveDate>("2026-03-01"),
            of(day),
            of(noon),
            of(noon.and_utc()),
            of(DateTime::from(noon)),
            of(Some(&day)),
        ] {
            assert_eq!(found, Ok(Argument::Value(day)));
        }
        let error = of::<NaiveDate>("tomorrow").unwrap_err();
        assert_eq!(error, "expected a date such as 2026-03-01");
    }
}
