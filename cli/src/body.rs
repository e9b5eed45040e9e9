//! A request's body: a file's JSON with the flags' fields over it, checked
//! against the operation's own type.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::response::written;

/// A body in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    value: Option<Value>,
    /// What errors call a body that is read from a file.
    source: Option<String>,
}

impl Body {
    /// The JSON of a file, or of standard input for `-`; `flag` is what names it.
    pub fn read(flag: &str, path: &Path) -> Result<Self, Failure> {
        let source = format!("{flag} {}", path.display());
        Ok(Self {
            value: Some(read_json(path, &source)?),
            source: Some(source),
        })
    }

    /// A field, if the body is an object that has it.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.value.as_ref()?.get(name)
    }

    /// Sets a field, in the place of the file's.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), Failure> {
        match self.value.get_or_insert_with(|| Map::new().into()) {
            Value::Object(fields) => {
                fields.insert(name.to_owned(), value);
                Ok(())
            }
            _ => Err(self.unusable(format!("expected an object, for `{name}` to go into"))),
        }
    }

    /// The body as its type, if any of it is given. What the type would not
    /// send is an error.
    pub fn typed<T: DeserializeOwned + Serialize>(&self) -> Result<Option<T>, Failure> {
        let Some(value) = &self.value else {
            return Ok(None);
        };
        let body: T = serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            match path.as_str() {
                "." => self.unusable(error.into_inner().to_string()),
                path => self.unusable(format!("`{path}`: {}", error.inner())),
            }
        })?;
        match unsent(value, &written(&body)?, String::new()) {
            Some(path) => Err(self.unusable(format!(
                "`{path}` would not be sent: the document has no such field, or no null there"
            ))),
            None => Ok(Some(body)),
        }
    }

    fn unusable(&self, why: String) -> Failure {
        let source = self.source.as_deref().unwrap_or("the body");
        Failure::usage(format!("{source}: {why}"))
    }
}

/// Reads the JSON of a file, or of standard input for `-`. Errors start with
/// `source`.
///
/// # Errors
///
/// It cannot be read, or is not JSON.
pub fn read_json(path: &Path, source: &str) -> Result<Value, Failure> {
    let unusable = |why: String| Failure::usage(format!("{source}: {why}"));
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => io::stdin().read_to_string(&mut text),
        false => File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|error| unusable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))
}

/// The path of the first given field that is not among the sent ones.
fn unsent(given: &Value, sent: &Value, at: String) -> Option<String> {
    match (given, sent) {
        (Value::Object(given), Value::Object(sent)) => given.iter().find_map(|(name, value)| {
            let at = match at.is_empty() {
                true => name.clone(),
                false => format!("{at}.{name}"),
            };
            match sent.get(name) {
                Some(sent) => unsent(value, sent, at),
                None => Some(at),
            }
        }),
        (Value::Array(given), Value::Array(sent)) => given
            .iter()
            .zip(sent)
            .enumerate()
            .find_map(|(index, (given, sent))| unsent(given, sent, format!("{at}[{index}]"))),
        _ => None,
    }
}
