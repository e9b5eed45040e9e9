//! What the generated builders do with the values that they are given: one
//! function each here, in place of a closure and an error's text in each of
//! 2,500 setters.

use std::fmt::Display;

/// A setter's value, or why there is none.
pub(crate) fn set<T, V: TryInto<T>>(value: V, problem: &str) -> Result<T, String> {
    value.try_into().map_err(|_| problem.to_owned())
}

/// The same, where the conversion says what was wrong.
pub(crate) fn set_or_say<T, V>(value: V, problem: &str) -> Result<T, String>
where
    V: TryInto<T>,
    V::Error: Display,
{
    value
        .try_into()
        .map_err(|error| format!("{problem}: {error}"))
}

/// For an optional field.
pub(crate) fn set_some<T, V: TryInto<T>>(value: V, problem: &str) -> Result<Option<T>, String> {
    set(value, problem).map(Some)
}

/// For an optional field whose conversion says what was wrong.
pub(crate) fn set_some_or_say<T, V>(value: V, problem: &str) -> Result<Option<T>, String>
where
    V: TryInto<T>,
    V::Error: Display,
{
    set_or_say(value, problem).map(Some)
}

/// A body from its builder, which knows what is missing.
pub(crate) fn built<T, B>(builder: Result<B, String>) -> Result<T, String>
where
    B: TryInto<T>,
    B::Error: Display,
{
    builder.and_then(|builder| builder.try_into().map_err(|error| error.to_string()))
}
