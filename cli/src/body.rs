//! Request bodies: JSON from a file, with fields overridden by flags, checked against
//! the operation's type.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::response::written;

/// A body that is being assembled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    value: Option<Value>,
    /// The name of the file in error messages.
    source: Option<String>,
}

impl Body {
    /// Reads the JSON of a file, or of standard input for `-`. `flag` is the flag
    /// that gave the path.
    pub fn read(flag: &str, path: &Path) -> Result<Self, Failure> {
        let source = format!("{flag} {}", path.display());
        Ok(Self {
            value: Some(read_json(path, &source)?),
            source: Some(source),
        })
    }

    /// Returns a field if the body is an object that has it.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.value.as_ref()?.get(name)
    }

    /// Sets a field, which overrides the file's.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), Failure> {
        match self.value.get_or_insert_with(|| Map::new().into()) {
            Value::Object(fields) => {
                fields.insert(name.to_owned(), value);
                Ok(())
            }
            _ => Err(self.unusable(format!("expected an object, since `{name}` is given too"))),
        }
    }

    /// Converts the body to its type, if any part of it is given.
    ///
    /// # Errors
    ///
    /// Returns an error if the body does not match the type, or has a field that
    /// the type would not send.
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
                "`{path}` would not be sent: the document has no such field, or does not allow null"
            ))),
            None => Ok(Some(body)),
        }
    }

    fn unusable(&self, why: String) -> Failure {
        let source = self.source.as_deref().unwrap_or("the body");
        Failure::usage(format!("{source}: {why}"))
    }
}

/// Reads the JSON of a file, or of standard input for `-`. Error messages start with
/// `source`.
///
/// # Errors
///
/// Returns an error if the file cannot be read or is not JSON.
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

/// Returns the path of the first field of `given` that `sent` does not have.
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
