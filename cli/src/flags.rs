//! The flags of commands: their definitions for clap, and the conversion of their
//! values to the arguments of a call.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{
    BoolValueParser, PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser,
    ValueParser,
};
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use serde_json::{Number, Value};

use crate::arguments::Arguments;
use crate::body::Body;
use crate::command::{self, Command, Flag, Kind, Place};
use crate::failure::Failure;

const BODY: &str = "json-body";
const TEMPLATE: &str = "json-body-template";

/// Returns the clap definition of a command.
pub fn command(command: &Command) -> clap::Command {
    let mut made = clap::Command::new(command.name).about(command.about);
    if !command.details.is_empty() {
        made = made.long_about(format!("{}\n\n{}", command.about, command.details));
    }
    for flag in command.flags {
        made = made.arg(arg(flag, command.body));
    }
    let command::Body::Json { required, .. } = command.body else {
        return made;
    };
    let mut whole = Arg::new(BODY)
        .long(BODY)
        .value_name("FILE|-")
        .value_parser(value_parser!(PathBuf))
        .help("A file with the body in JSON, or - for standard input; flags override its fields");
    if required {
        whole = whole.required_unless_present(TEMPLATE);
    }
    let template = Arg::new(TEMPLATE)
        .long(TEMPLATE)
        .action(ArgAction::SetTrue)
        .help("Print a body to fill in, and send nothing");
    made.args([whole, template].map(|arg| arg.help_heading("The body as a whole")))
}

/// Parses the arguments that follow the command's name on a command line. See
/// [`arguments`] for `secret`.
///
/// # Errors
///
/// Returns an error if a flag is missing or unknown, if a value is not of its flag's
/// kind, or in the cases of [`arguments`].
pub fn parse<T: Into<OsString> + Clone>(
    command: &Command,
    line: impl IntoIterator<Item = T>,
    secret: impl FnMut(&Flag, bool) -> Result<String, Failure>,
) -> Result<Arguments, Failure> {
    let clap = self::command(command).no_binary_name(true);
    let matches = clap.try_get_matches_from(line);
    let matches = matches.map_err(|error| Failure::usage(error.to_string()))?;
    arguments(command, &matches, secret)
}

/// Returns the arguments of a call.
///
/// `secret` reads the value of a flag that cannot be given on the command line. If
/// its second argument is `true`, it reads the value from standard input; otherwise,
/// it asks the user.
///
/// # Errors
///
/// Returns an error if `--json-body` cannot be read or is not JSON, if the body and a
/// secret would both be read from standard input, or if `secret` fails.
pub fn arguments(
    command: &Command,
    matches: &ArgMatches,
    mut secret: impl FnMut(&Flag, bool) -> Result<String, Failure>,
) -> Result<Arguments, Failure> {
    let mut arguments = Arguments::default();
    if let command::Body::Json { .. } = command.body
        && let Some(path) = matches.get_one::<PathBuf>(BODY)
    {
        let mut secrets = command.flags.iter().filter(|flag| flag.is_secret);
        let both = secrets.find(|flag| matches.get_flag(&from_stdin(flag)));
        if let (Some(flag), true) = (both, path == Path::new("-")) {
            return Err(Failure::usage(format!(
                "--{}: standard input is the body already; set its field `{}` instead",
                from_stdin(flag),
                flag.name
            )));
        }
        arguments.body = Body::read(&format!("--{BODY}"), path)?;
    }
    for flag in command.flags {
        let value = match flag.is_secret {
            false => value(flag, matches),
            true => {
                let is_given =
                    flag.place == Place::Field && arguments.body.field(flag.name).is_some();
                match matches.get_flag(&from_stdin(flag)) {
                    true => Some(secret(flag, true)?.into()),
                    false if flag.required && !is_given => Some(secret(flag, false)?.into()),
                    false => None,
                }
            }
        };
        match (value, flag.place) {
            (None, _) => {}
            (Some(value), Place::Field) => arguments.body.set(flag.name, value)?,
            (Some(value), _) => {
                arguments.parameters.insert(flag.name.to_owned(), value);
            }
        }
    }
    Ok(arguments)
}

/// Returns the template of the body if the flags ask to print it.
pub fn template(command: &Command, matches: &ArgMatches) -> Option<&'static str> {
    match command.body {
        command::Body::Json { template, .. } if matches.get_flag(TEMPLATE) => Some(template),
        _ => None,
    }
}

/// Returns the name of the flag that reads a secret from standard input.
fn from_stdin(flag: &Flag) -> String {
    format!("{}-stdin", flag.long)
}

fn value(flag: &Flag, matches: &ArgMatches) -> Option<Value> {
    match flag.kind {
        Kind::List(_) => {
            let values = matches.get_many::<Value>(flag.long)?;
            Some(values.cloned().collect())
        }
        _ => matches.get_one::<Value>(flag.long).cloned(),
    }
}

fn arg(flag: &Flag, body: command::Body) -> Arg {
    let is_json = matches!(body, command::Body::Json { .. });
    let help = match (flag.help, flag.required) {
        ("", true) => "Required.".to_owned(),
        (help, true) => format!("Required. {help}"),
        (help, false) => help.to_owned(),
    };
    if flag.is_secret {
        let name = from_stdin(flag);
        let help = format!("Read it from standard input instead of the terminal. {help}");
        return Arg::new(name.clone())
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help.trim_end().to_owned())
            .help_heading("Secrets");
    }
    let mut arg = Arg::new(flag.long)
        .long(flag.long)
        .value_name(value_name(flag.kind))
        .value_parser(parser(flag.kind))
        .allow_negative_numbers(true);
    if !help.is_empty() {
        arg = arg.help(help);
    }
    if flag.place == Place::Field && is_json {
        arg = arg.help_heading("Fields of the body");
    }
    if let Kind::List(item) = flag.kind {
        arg = arg.action(ArgAction::Append);
        // A string can contain commas.
        if *item != Kind::Text {
            arg = arg.value_delimiter(',');
        }
    }
    match (flag.required, is_json) {
        (false, _) => arg,
        (true, false) => arg.required(true),
        (true, true) if flag.place == Place::Field => {
            arg.required_unless_present_any([BODY, TEMPLATE])
        }
        (true, true) => arg.required_unless_present(TEMPLATE),
    }
}

fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "INTEGER",
        Kind::Number => "NUMBER",
        Kind::Boolean => "BOOLEAN",
        Kind::Text => "TEXT",
        Kind::Date => "YYYY-MM-DD",
        Kind::DateTime => "DATE-TIME",
        Kind::File => "FILE",
        Kind::Json => "JSON",
        Kind::Choice(_) => "VALUE",
        Kind::List(item) => value_name(*item),
    }
}

/// Returns a parser that converts a value to the JSON that is sent.
fn parser(kind: Kind) -> ValueParser {
    match kind {
        Kind::Integer => value_parser!(i64).map(Value::from).into(),
        Kind::Number => ValueParser::new(number),
        Kind::Boolean => BoolValueParser::new().map(Value::from).into(),
        Kind::Text | Kind::File => StringValueParser::new().map(Value::from).into(),
        Kind::Date => ValueParser::new(date),
        Kind::DateTime => ValueParser::new(date_time),
        Kind::Json => ValueParser::new(json),
        Kind::Choice(values) => {
            let choice = |(value, meaning): &(&'static str, &'static str)| {
                let choice = PossibleValue::new(*value);
                match *meaning {
                    "" => choice,
                    meaning => choice.help(meaning),
                }
            };
            let choices = values.iter().map(choice);
            PossibleValuesParser::new(choices).map(Value::from).into()
        }
        Kind::List(item) => parser(*item),
    }
}

/// Parses a number. `NaN` and `inf` are errors, since JSON cannot represent them.
fn number(text: &str) -> Result<Value, String> {
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.into());
    }
    let number = text.parse().ok().and_then(Number::from_f64);
    number
        .map(Value::Number)
        .ok_or_else(|| "expected a number".to_owned())
}

fn date(text: &str) -> Result<Value, String> {
    let date: Result<chrono::NaiveDate, _> = text.parse();
    date.map(|date| date.to_string().into())
        .map_err(|error| error.to_string())
}

fn date_time(text: &str) -> Result<Value, String> {
    let date_time: Result<altegio::DateTime, _> = text.parse();
    date_time
        .map(|_| text.into())
        .map_err(|error| error.to_string())
}

/// Parses JSON. Anything else is a string, so that `+37060000000` needs no quotes.
/// Text that starts like a JSON list, object, or string must be valid JSON.
fn json(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) if text.trim_start().starts_with(['{', '[', '"']) => Err(error.to_string()),
        Err(_) => Ok(text.into()),
    }
}
