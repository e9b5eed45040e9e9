//! Conversions of the document's names into words, flags, and Rust identifiers.
//!
//! [`snake`] returns the same identifiers as progenitor uses for operations and
//! parameters, and [`pascal`] the same as typify uses for types, so the generated
//! code for a name in the document can be found.

use heck::{ToKebabCase, ToPascalCase, ToSnakeCase};

/// Splits a name into lowercase words at every character that is not an ASCII
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

/// Returns the words of a name in lowercase, joined with hyphens.
///
/// ```
/// use altegio_openapi::names::slug;
///
/// assert_eq!(slug("Subscriptions & Certificates"), "subscriptions-certificates");
/// ```
pub fn slug(text: &str) -> String {
    words(text).collect::<Vec<_>>().join("-")
}

/// Returns the singular of an English noun, as guessed from its ending.
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

/// Returns the words of a type's name in lowercase.
///
/// ```
/// assert_eq!(altegio_openapi::names::words_of_type("TeamMember"), "team member");
/// ```
pub fn words_of_type(name: &str) -> String {
    name.to_kebab_case().replace('-', " ")
}

/// Converts a name to kebab case. `camelCase` counts as two words.
///
/// ```
/// assert_eq!(altegio_openapi::names::kebab("forBooking_id"), "for-booking-id");
/// ```
pub fn kebab(text: &str) -> String {
    text.to_kebab_case()
}

/// Returns the Rust identifier for an argument, a field, or a method.
///
/// ```
/// use altegio_openapi::names::snake;
///
/// assert_eq!(["forBooking", "type", "1st"].map(snake), ["for_booking", "type_", "_1st"]);
/// ```
pub fn snake(text: &str) -> String {
    identifier(text, "_", |text| text.to_snake_case())
}

/// Returns the Rust identifier for the setter of an argument: [`snake`], with `_` appended
/// to the names of the request builders' own methods.
///
/// ```
/// use altegio_openapi::names::setter;
///
/// assert_eq!(["query", "type", "page"].map(setter), ["query_", "type_", "page"]);
/// ```
pub fn setter(text: &str) -> String {
    let mut name = snake(text);
    if OWN_METHODS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// The methods that request builders have besides setters.
const OWN_METHODS: [&str; 10] = [
    "body",
    "body_map",
    "header",
    "into_call",
    "new",
    "pages",
    "query",
    "send",
    "send_as",
    "stream",
];

/// Returns the Rust identifier for a type or a variant.
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

/// Returns the Rust identifier for a constant.
pub fn constant(text: &str) -> String {
    snake(text).to_uppercase()
}

/// Converts `text` to an identifier with `case`. `prefix` is added if the result
/// would not start with a letter, and `_` is appended to keywords.
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

/// Returns whether `name` is a strict or reserved keyword in any Rust edition.
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
