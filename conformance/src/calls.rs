//! An operation's arguments as flags of its command.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use altegio::Client;
use altegio_cli::{Answer, Command, Failure};
use anyhow::Result;
use clap::Arg;
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
    /// The answer that is asked for: its status, and whether it is varied.
    pub preferred: Option<(u16, bool)>,
}

/// Makes a call by its operation's command. Files are written to `directory`.
pub async fn call(
    command: &Command,
    client: &Client,
    case: &Case<'_>,
    directory: &Path,
) -> Result<Answer, Failure> {
    let flags = flags(command, case, directory)?;
    let matches = command.matches(&flags).map_err(|error| {
        // As it is, or it is lost among usage lines.
        Failure::usage(format!("{flags:?}: {error}"))
    })?;
    (command.call)(client.b2b_v1(), &matches).await
}

fn flags(command: &Command, case: &Case<'_>, directory: &Path) -> Result<Vec<String>, Failure> {
    let arguments = case.arguments;
    let made = (command.arguments)();
    let mut plain_args: BTreeMap<String, &Arg> = BTreeMap::new();
    let mut field_args: BTreeMap<String, &Arg> = BTreeMap::new();
    for arg in made.get_arguments() {
        let name = fold(arg.get_id().as_str());
        match altegio_cli::is_field(arg) {
            true => field_args.insert(name, arg),
            false => plain_args.insert(name, arg),
        };
    }
    let mut flags = Vec::new();
    for (name, value) in arguments.path.iter().chain(&arguments.query) {
        let arg = plain_args.get(&fold(name));
        let arg = arg.ok_or_else(|| Failure::usage(format!("no flag for `{name}`")))?;
        match value {
            Value::Null => {}
            Value::Array(items) => flags.extend(items.iter().map(|item| flag(arg, &plain(item)))),
            value => flags.push(flag(arg, &plain(value))),
        }
    }
    let Some(body) = &arguments.body else {
        return Ok(flags);
    };
    let is_form = command.template.is_none();
    let mut rest = body.clone();
    if let Value::Object(fields) = &mut rest
        && (is_form || case.body_by == BodyBy::Flags)
    {
        fields.retain(|name, value| {
            let args = if is_form { &plain_args } else { &field_args };
            let Some(arg) = args.get(&fold(name)) else {
                return true;
            };
            let text = match value {
                value if altegio_cli::is_json(arg) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return true,
                value => plain(value),
            };
            flags.push(flag(arg, &text));
            false
        });
    }
    if is_form {
        // A file's content stands for its path.
        for flag in &mut flags {
            if let Some(content) = flag.strip_prefix("--image=") {
                let path = directory.join("image.png");
                fs::write(&path, content)?;
                *flag = format!("--image={}", path.display());
            }
        }
        return Ok(flags);
    }
    let is_all_in_flags = rest.as_object().is_some_and(Map::is_empty) && rest != *body;
    if !is_all_in_flags {
        let path = directory.join("body.json");
        fs::write(&path, rest.to_string())?;
        flags.push(format!("--json-body={}", path.display()));
    }
    Ok(flags)
}

fn flag(arg: &Arg, value: &str) -> String {
    format!("--{}={value}", arg.get_id())
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

fn fold(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
