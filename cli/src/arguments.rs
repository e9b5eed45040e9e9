//! The arguments of a call by their names on the wire, and their conversion to the
//! types of the request builders.

use std::fs;
use std::path::Path;

use altegio::File;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body::Body;
use crate::failure::Failure;

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// The path, query, and header parameters.
    pub(crate) parameters: Map<String, Value>,
    pub(crate) body: Body,
}

impl Arguments {
    /// Returns a parameter if it is given.
    pub(crate) fn parameter<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        typed(name, self.parameters.get(name))
    }

    /// Returns a field of a form if it is given.
    pub(crate) fn field<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        typed(name, self.body.field(name))
    }

    /// Reads the file whose path is the value of a form's field, if it is given.
    pub(crate) fn file(&self, name: &str) -> Result<Option<File>, Failure> {
        let Some(path) = self.field::<String>(name)? else {
            return Ok(None);
        };
        let bytes = fs::read(&path)
            .map_err(|error| Failure::usage(format!("`{name}`: {path}: {error}")))?;
        let name = Path::new(&path).file_name().unwrap_or_default();
        Ok(Some(File::new(name.to_string_lossy(), bytes)))
    }

    /// Returns the JSON body if any part of it is given.
    pub(crate) fn body<T: DeserializeOwned + Serialize>(&self) -> Result<Option<T>, Failure> {
        self.body.typed()
    }
}

fn typed<T: DeserializeOwned>(name: &str, value: Option<&Value>) -> Result<Option<T>, Failure> {
    let value = value.map(T::deserialize).transpose();
    value.map_err(|error| Failure::usage(format!("`{name}`: {error}")))
}
