//! Query strings and path arguments as text.

use percent_encoding::percent_decode_str;

/// The names and values of a query, decoded, in order.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| decoded(&text.replace('+', " "));
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Whether a name in a query is the parameter's: a list's may end in `[]`.
pub(crate) fn is_named(parameter: &str, name: &str) -> bool {
    name.strip_suffix("[]").unwrap_or(name) == parameter || name == parameter
}

/// Percent-decoded text.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
