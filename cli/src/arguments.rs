//! Flags and files → an operation's arguments.

use std::any::TypeId;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use altegio::File;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::command::Failure;

const BODY: &str = "json-body";
const FIELDS: &str = "Fields of the body";
const TEMPLATE: &str = "json-body-template";

/// The flag of an argument in the path or the query.
pub fn flag(name: &'static str, kind: &'static str, parser: impl Into<ValueParser>) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(kind)
        .value_parser(parser)
        .allow_negative_numbers(true)
}

/// The flag of a field of the body, which a file can hold as well.
pub fn field(name: &'static str, kind: &'static str, parser: impl Into<ValueParser>) -> Arg {
    flag(name, kind, parser).help_heading(FIELDS)
}

/// Whether a flag is a field's of the body.
pub fn is_field(arg: &Arg) -> bool {
    arg.get_help_heading() == Some(FIELDS)
}

/// `--json-body`, needed where no flags make up the body, and
/// `--json-body-template`.
pub fn body(is_needed: bool) -> [Arg; 2] {
    let mut whole = flag(BODY, "FILE|-", clap::value_parser!(PathBuf))
        .help("The body in JSON: a file, or - for standard input; flags go over its fields");
    if is_needed {
        whole = whole.required_unless_present(TEMPLATE);
    }
    [
        whole,
        Arg::new(TEMPLATE)
            .long(TEMPLATE)
            .action(ArgAction::SetTrue)
            .help("Print a body to fill in, and do nothing else"),
    ]
    .map(|arg| arg.help_heading("The body as a whole"))
}

/// JSON; what is none is a text, so that `+37060000000` needs no quotes.
pub fn json(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) if text.trim_start().starts_with(['{', '[', '"']) => Err(error.to_string()),
        Err(_) => Ok(text.into()),
    }
}

/// Whether a flag's value is JSON.
///
/// Such a flag takes what no plain text stands for: a list, an object, null,
/// one of several types.
pub fn is_json(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<Value>()
}

/// A number that JSON has: it knows neither `NaN` nor `inf`.
pub fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "a number expected".to_owned())?;
    match number.is_finite() {
        true => Ok(number),
        false => Err("a number expected".to_owned()),
    }
}

/// A file that is sent in a form.
pub fn file(path: &str) -> Result<File, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let name = Path::new(path).file_name().unwrap_or_default();
    Ok(File::new(name.to_string_lossy(), bytes))
}

/// A file's JSON, or standard input's for `-`. `source` is what errors name.
///
/// # Errors
///
/// It cannot be read, or is no JSON.
pub fn read_json(path: &Path, source: &str) -> Result<Value, Failure> {
    let unusable = |why: String| Failure::usage(format!("{source}: {why}"));
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => io::stdin().read_to_string(&mut text),
        false => fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|error| unusable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))
}

/// A body in the making: the file's, with the flags over it.
pub struct Body {
    value: Option<Value>,
    /// What errors name.
    source: String,
}

impl Body {
    /// What `--json-body` names, if anything.
    pub fn new(matches: &ArgMatches) -> Result<Self, Failure> {
        let Some(path) = matches.get_one::<PathBuf>(BODY) else {
            return Ok(Self {
                value: None,
                source: "the body".to_owned(),
            });
        };
        let source = format!("--{BODY} {}", path.display());
        Ok(Self {
            value: Some(read_json(path, &source)?),
            source,
        })
    }

    /// A field, where its flag is given.
    pub fn set<T: Serialize>(&mut self, name: &str, value: Option<&T>) -> Result<(), Failure> {
        let Some(value) = value else {
            return Ok(());
        };
        let value = serde_json::to_value(value)
            .map_err(|error| Failure::usage(format!("`{name}`: {error}")))?;
        match self.value.get_or_insert_with(|| Map::new().into()) {
            Value::Object(fields) => {
                fields.insert(name.to_owned(), value);
                Ok(())
            }
            _ => Err(Failure::usage(format!(
                "{}: an object expected, for `{name}` to go into",
                self.source
            ))),
        }
    }

    /// The operation's body, if any of it is given: whole, or an error.
    pub fn typed<T: DeserializeOwned + Serialize>(self) -> Result<Option<T>, Failure> {
        let Some(value) = self.value else {
            return Ok(None);
        };
        let unusable = |why: String| Failure::usage(format!("{}: {why}", self.source));
        let body: T = serde_path_to_error::deserialize(&value).map_err(|error| {
            let path = error.path().to_string();
            match path.as_str() {
                "." => unusable(error.into_inner().to_string()),
                path => unusable(format!("`{path}`: {}", error.inner())),
            }
        })?;
        let sent = written(&body)?;
        match unsent(&value, &sent, String::new()) {
            Some(path) => Err(unusable(format!(
                "`{path}` would not be sent: the document has no such field, or no null there"
            ))),
            None => Ok(Some(body)),
        }
    }
}

/// A value as the client writes it.
pub fn written<T: Serialize>(value: &T) -> Result<Value, Failure> {
    let unwritable = |error: serde_json::Error| Failure::other(error.to_string());
    let bytes = altegio::wire::encode(value).map_err(unwritable)?;
    serde_json::from_slice(&bytes).map_err(unwritable)
}

/// The first field that was given and is not among what would be sent.
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
