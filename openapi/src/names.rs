//! How names are written: a tag's feature, a command's words, Rust's
//! identifiers.
//!
//! [`snake`] gives the identifiers that progenitor gives to operations and
//! parameters, and [`pascal`] those that typify gives to types, so that
//! generated code can be found by a name of the document.

use heck::{ToKebabCase, ToPascalCase, ToSnakeCase};

/// The words of a name, in lowercase, separated by anything that is no ASCII
/// letter or digit.
///
/// ```
/// use altegio_openapi::names::words;
///
/// let words: Vec<String> = words("Subscriptions & Certificates").collect();
/// assert_eq!(words, ["subscriptions", "certificates"]);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
}

/// The singular of an English noun, as far as its ending tells.
///
/// ```
/// use altegio_openapi::names::singular;
///
/// assert_eq!(["categories", "bonuses", "tags", "access"].map(singular),
///     ["category", "bonus", "tag", "access"]);
/// ```
pub fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        format!("{stem}y")
    } else if let Some(stem) = word.strip_suffix("ses") {
        format!("{stem}s")
    } else if word.ends_with("ss") {
        word.to_owned()
    } else {
        word.strip_suffix('s').unwrap_or(word).to_owned()
    }
}

/// A name's words joined with hyphens; `camelCase` is two words.
///
/// ```
/// assert_eq!(altegio_openapi::names::kebab("forBooking_id"), "for-booking-id");
/// ```
pub fn kebab(text: &str) -> String {
    text.to_kebab_case()
}

/// The Rust identifier of an argument, a field, a method.
///
/// ```
/// use altegio_openapi::names::snake;
///
/// assert_eq!(["forBooking", "type", "1st"].map(snake), ["for_booking", "type_", "_1st"]);
/// ```
pub fn snake(text: &str) -> String {
    identifier(text, "_", |text| text.to_snake_case())
}

/// The Rust identifier of a type or a variant.
///
/// ```
/// use altegio_openapi::names::pascal;
///
/// assert_eq!(["get_client_list", "200_tags", "self"].map(pascal),
///     ["GetClientList", "X200Tags", "Self_"]);
/// ```
pub fn pascal(text: &str) -> String {
    identifier(text, "X", |text| text.to_pascal_case())
}

/// The Rust identifier of a constant.
pub fn constant(text: &str) -> String {
    snake(text).to_uppercase()
}

/// `prefix` goes before what no identifier starts with.
fn identifier(text: &str, prefix: &str, case: impl Fn(&str) -> String) -> String {
    let is_part = |c: char| c == '_' || c.is_alphanumeric();
    let text = text.replace('\'', "").replace(|c: char| !is_part(c), "-");
    let mut name = case(&text);
    match name.chars().next() {
        None => name = case("x"),
        Some(first) if first.is_alphabetic() => {}
        Some(_) => name.insert_str(0, prefix),
    }
    if is_keyword(&name) {
        name.push('_');
    }
    name
}

/// Rust's keywords, strict and reserved, of every edition.
fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "abstract"
            | "as"
            | "async"
            | "await"
            | "become"
            | "box"
            | "break"
            | "const"
            | "continue"
            | "crate"
            | "do"
            | "dyn"
            | "else"
            | "enum"
            | "extern"
            | "false"
            | "final"
            | "fn"
            | "for"
            | "gen"
            | "if"
            | "impl"
            | "in"
            | "let"
            | "loop"
            | "macro"
            | "match"
            | "mod"
            | "move"
            | "mut"
            | "override"
            | "priv"
            | "pub"
            | "ref"
            | "return"
            | "Self"
            | "self"
            | "static"
            | "struct"
            | "super"
            | "trait"
            | "true"
            | "try"
            | "type"
            | "typeof"
            | "unsafe"
            | "unsized"
            | "use"
            | "virtual"
            | "where"
            | "while"
            | "yield"
    )
}
