//! JSON pointers (RFC 6901): building them, and following them and `$ref`s
//! through a document.

use std::fmt;

use serde_json::Value;

/// How many references in a row are followed. A chain this long is a circle.
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
    /// The pointer of the whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// A pointer from its text, which is taken as it is.
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The pointer of `key` under this one.
    #[must_use]
    pub fn join(&self, key: impl fmt::Display) -> Self {
        Self(format!("{}/{}", self.0, escape(&key.to_string())))
    }

    /// The pointer's text, which is empty for the whole document.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The keys from the root to this place, unescaped.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.0.split('/').skip(1).map(unescape)
    }

    /// The value at this place of a document.
    pub fn get<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        document.pointer(&self.0)
    }
}

/// Shows the document's root as `/`.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

/// A key as it stands in a pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A key of a pointer as it stands in the document.
pub fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

/// Follows `$ref` until something else stands there. Returns `None` for a
/// reference to nothing, into another document, or in a circle.
pub fn resolve<'d>(document: &'d Value, mut value: &'d Value) -> Option<&'d Value> {
    for _ in 0..REFERENCE_LIMIT {
        match reference(value) {
            None => return Some(value),
            Some(reference) => value = target(document, reference)?,
        }
    }
    None
}

/// Like [`resolve`], for a place of the document: also returns where the
/// value that the references lead to stands.
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

/// Returns what a local reference (`#/…`) points to.
pub fn target<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    document.pointer(reference.strip_prefix('#')?)
}

/// Returns the name of the component schema that a `$ref` names.
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
