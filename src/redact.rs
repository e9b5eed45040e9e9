//! `Debug` implementations that redact secrets and personal data.
//!
//! The document marks fields that hold credentials as secret, and fields that
//! hold personal data as personal. Secret values are always redacted; personal
//! values are redacted if the feature `redact-personal-data` is enabled. The
//! output still shows whether an optional field is set.

use std::fmt::{self, Debug, Formatter};

/// Implements `Debug` for a struct from a table of its fields, each with the
/// function in this module that returns the part to show.
macro_rules! debug {
    ($name:ident $($field:ident $shown:ident,)*) => {
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::redact::fields(f, stringify!($name), &[
                    $((stringify!($field), &$crate::redact::$shown(&self.$field)),)*
                ])
            }
        }
    };
}
pub(crate) use debug;

/// Writes the output of [`debug`]. Shared by all types, to keep compile times
/// low.
pub(crate) fn fields(
    f: &mut Formatter<'_>,
    name: &str,
    fields: &[(&str, &dyn Debug)],
) -> fmt::Result {
    let mut object = f.debug_struct(name);
    for (name, value) in fields {
        object.field(name, value);
    }
    object.finish()
}

/// Writes the `Debug` output of a builder: the names of the fields that are
/// set, without their values.
pub(crate) fn set(f: &mut Formatter<'_>, name: &str, fields: &[(&str, bool)]) -> fmt::Result {
    let mut object = f.debug_struct(name);
    for (name, _) in fields.iter().filter(|(_, is_set)| *is_set) {
        object.field(name, &format_args!("…"));
    }
    object.finish_non_exhaustive()
}

/// A placeholder for a redacted value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hidden(&'static str);

impl Debug for Hidden {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0)
    }
}

const SECRET: Hidden = Hidden("secret");

pub(crate) fn shown<T>(value: &T) -> &T {
    value
}

pub(crate) fn secret<T>(_: &T) -> Hidden {
    SECRET
}

pub(crate) fn optional_secret<T>(value: &Option<T>) -> Option<Hidden> {
    value.as_ref().map(|_| SECRET)
}

#[cfg(feature = "redact-personal-data")]
mod personal {
    use super::Hidden;

    const PERSONAL: Hidden = Hidden("personal");

    pub(crate) fn personal<T>(_: &T) -> Hidden {
        PERSONAL
    }

    pub(crate) fn optional_personal<T>(value: &Option<T>) -> Option<Hidden> {
        value.as_ref().map(|_| PERSONAL)
    }
}
#[cfg(feature = "redact-personal-data")]
pub(crate) use personal::{optional_personal, personal};
#[cfg(not(feature = "redact-personal-data"))]
pub(crate) use shown as personal;
#[cfg(not(feature = "redact-personal-data"))]
pub(crate) use shown as optional_personal;

#[cfg(test)]
mod tests {
    struct Login {
        user: String,
        password: Option<String>,
        token: String,
        code: Option<String>,
        remember: bool,
    }
    debug! { Login user personal, password optional_secret, token secret, code optional_secret, remember shown, }

    #[test]
    fn a_secret_is_not_shown_and_whether_it_is_set_is() {
        let login = Login {
            user: "ada@example.com".to_owned(),
            password: Some("hunter2".to_owned()),
            token: "t0ken".to_owned(),
            code: None,
            remember: true,
        };
        let user = match cfg!(feature = "redact-personal-data") {
            true => "[personal]",
            false => "\"ada@example.com\"",
        };
        assert_eq!(
            format!("{login:?}"),
            format!(
                "Login {{ user: {user}, password: Some([secret]), token: [secret], code: None, \
                 remember: true }}"
            )
        );
    }
}
