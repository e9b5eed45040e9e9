//! An operation's arguments as flags of its command.

use std::fs;
use std::path::Path;

use altegio::Client;
use altegio_cli::{Body, Command, Failure, Flag, Kind, Place, Response, flags};
use anyhow::Result;
use serde_json::{Map, Value};

/// An operation's arguments, by name on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// In the order of the path.
    pub path: Map<String, Value>,
    /// Of the query.
    pub query: Map<String, Value>,
    /// The body.
    pub body: Option<Value>,
}

/// How a body is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyBy {
    /// A flag for each field that one can hold, a file for the rest.
    Flags,
    /// A file.
    File,
}

/// A call to be made.
pub struct Case<'a> {
    pub arguments: &'a Arguments,
    pub body_by: BodyBy,
    /// The response that is asked for.
    pub preferred: Preferred,
}

/// A response to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preferred {
    /// The documented one of success.
    Success,
    /// The documented one of a status, with other values each time if `dynamic`.
    Documented { status: u16, dynamic: bool },
    /// A 200 with `success: false`.
    Failure,
}

/// Makes a call by its operation's command. Files are written to `directory`.
pub async fn call(
    command: &Command,
    client: &Client,
    case: &Case<'_>,
    directory: &Path,
) -> Result<Response, Failure> {
    let line = line(command, case, directory)?;
    let secret = |flag: &Flag, _| {
        let Arguments { path, query, body } = case.arguments;
        let value = match flag.place {
            Place::Path => path.get(flag.name),
            Place::Query => query.get(flag.name),
            Place::Field => body.as_ref().and_then(|body| body.get(flag.name)),
            Place::Header => None,
        };
        let value = value.ok_or_else(|| Failure::usage(format!("no `{}`", flag.name)))?;
        Ok(plain(value))
    };
    let arguments = flags::parse(command, &line, secret).map_err(|error| {
        // As it is, or it is lost among usage lines.
        Failure::usage(format!("{line:?}: {error}"))
    })?;
    (command.call)(client, &arguments).await
}

/// The command line of a case, after the command's name.
fn line(command: &Command, case: &Case<'_>, directory: &Path) -> Result<Vec<String>, Failure> {
    let Arguments { path, query, body } = case.arguments;
    let find = |place: Place, name: &str| {
        let mut flags = command.flags.iter();
        flags.find(|flag| flag.place == place && flag.name == name)
    };
    let mut line = Vec::new();
    for (place, values) in [(Place::Path, path), (Place::Query, query)] {
        for (name, value) in values {
            let flag = find(place, name);
            let flag = flag.ok_or_else(|| Failure::usage(format!("no flag for `{name}`")))?;
            match value {
                Value::Null => {}
                _ if flag.is_secret => line.push(format!("--{}-stdin", flag.long)),
                Value::Array(items) => {
                    line.extend(items.iter().map(|item| with(flag, &plain(item))));
                }
                value => line.push(with(flag, &plain(value))),
            }
        }
    }
    let Some(body) = body else {
        return Ok(line);
    };
    let is_form = command.body == Body::Form;
    let mut rest = body.clone();
    if let Value::Object(fields) = &mut rest
        && (is_form || case.body_by == BodyBy::Flags)
    {
        for (name, value) in std::mem::take(fields) {
            let text = find(Place::Field, &name)
                .filter(|flag| !flag.is_secret)
                .and_then(|flag| Some((flag, text(flag, &value)?)));
            match text {
                None => {
                    fields.insert(name, value);
                }
                // A file's content stands for its path.
                Some((flag, content)) if flag.kind == Kind::File => {
                    let path = directory.join(&name);
                    fs::write(&path, content)?;
                    line.push(with(flag, &path.display().to_string()));
                }
                Some((flag, text)) => line.push(with(flag, &text)),
            }
        }
    }
    let is_all_in_flags = rest.as_object().is_some_and(Map::is_empty) && rest != *body;
    if !is_form && !is_all_in_flags {
        let path = directory.join("body.json");
        fs::write(&path, rest.to_string())?;
        line.push(format!("--json-body={}", path.display()));
    }
    Ok(line)
}

/// A field's value as its flag takes it, if it does.
fn text(flag: &Flag, value: &Value) -> Option<String> {
    match value {
        value if flag.kind == Kind::Json => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        value => Some(plain(value)),
    }
}

fn with(flag: &Flag, value: &str) -> String {
    format!("--{}={value}", flag.long)
}

/// A value as text.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // `92.0` is written `92`, as PHP writes it.
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        value => value.to_string(),
    }
}
