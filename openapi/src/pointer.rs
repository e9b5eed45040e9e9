//! JSON pointers (RFC 6901): building them, and resolving them and `$ref`s in a
//! document.

use std::fmt;

use serde_json::Value;

/// The maximum number of references that are followed in a row. A longer chain
/// is taken to be a cycle.
const REFERENCE_LIMIT: usize = 32;

/// A JSON pointer (RFC 6901).
///
/// ```
/// use altegio_openapi::pointer::Pointer;
///
/// let at = Pointer::root().join("paths").join("/clients/{id}").join(0);
/// assert_eq!(at.as_str(), "/paths/~1clients~1{id}/0");
/// assert_eq!(at.keys().collect::<Vec<_>>(), ["paths", "/clients/{id}", "0"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(String);

impl Pointer {
    /// Returns the pointer to the whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// Creates a pointer from its text, without validating it.
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the pointer to `key` under this one.
    #[must_use]
    pub fn join(&self, key: impl fmt::Display) -> Self {
        Self(format!("{}/{}", self.0, escape(&key.to_string())))
    }

    /// Returns the text of the pointer, which is empty for the whole document.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Iterates over the keys from the root to this location, unescaped.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.0.split('/').skip(1).map(unescape)
    }

    /// Returns the value at this location in a document.
    pub fn get<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        document.pointer(&self.0)
    }
}

/// Displays the pointer's text, but the root as `/`.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

/// Escapes a key for use in a pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Reverses [`escape`].
pub fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

/// Follows `$ref`s until it finds a value that is not a reference. Returns `None`
/// if a reference points to a missing value, to another document, or in a cycle.
pub fn resolve<'d>(document: &'d Value, mut value: &'d Value) -> Option<&'d Value> {
    for _ in 0..REFERENCE_LIMIT {
        match reference(value) {
            None => return Some(value),
            Some(reference) => value = target(document, reference)?,
        }
    }
    None
}

/// Like [`resolve`], but starts from a location in the document, and returns the
/// location of the value as well.
pub fn locate<'d>(document: &'d Value, at: &Pointer) -> Option<(Pointer, &'d Value)> {
    let mut at = at.clone();
    for _ in 0..REFERENCE_LIMIT {
        let value = at.get(document)?;
        match reference(value) {
            None => return Some((at, value)),
            Some(reference) => at = Pointer::parse(reference.strip_prefix('#')?),
        }
    }
    None
}

/// Returns the value that a local reference (`#/…`) points to.
pub fn target<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    document.pointer(reference.strip_prefix('#')?)
}

/// Returns the name of the component schema that a `$ref` points to, or `None` if
/// it points to anything else.
pub fn schema_name(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("#/components/schemas/")?;
    (!name.contains('/')).then(|| unescape(name))
}

fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_followed_to_their_end() {
        let document = json!({
            "a": {"$ref": "#/b/c~1d"},
            "b": {"c/d": {"$ref": "#/e"}},
            "e": {"type": "string"},
            "circle": {"$ref": "#/circle"},
            "nowhere": {"$ref": "#/f"},
        });
        let end = (Pointer::root().join("e"), &document["e"]);
        assert_eq!(locate(&document, &Pointer::parse("/a")), Some(end));
        assert_eq!(
            resolve(&document, &document["a"]),
            Some(&json!({"type": "string"}))
        );
        for name in ["circle", "nowhere"] {
            assert_eq!(resolve(&document, &document[name]), None);
            assert_eq!(locate(&document, &Pointer::root().join(name)), None);
        }
    }

    #[test]
    fn only_references_to_component_schemas_name_a_schema() {
        assert_eq!(
            schema_name("#/components/schemas/a~1b").as_deref(),
            Some("a/b")
        );
        assert_eq!(schema_name("#/components/schemas/a/properties/b"), None);
        assert_eq!(schema_name("#/components/responses/a"), None);
    }
}
