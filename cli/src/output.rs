//! Standard output: a response's body as JSON, YAML, or a table.
//!
//! JSON output is the server's text, only indented, so it includes everything that
//! the typed response would round, rename, or omit.

mod escape;
mod table;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::str;

use altegio_cli::{Failure, Response};
use serde::de::IgnoredAny;
use serde_json::Value;

pub use escape::escaped;

/// How a response is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The server's JSON, indented
    #[default]
    Json,
    /// YAML
    Yaml,
    /// A table of the response's `data`, without nested values
    Table,
}

/// Writes to standard output. It is not an error if the reader exits early, as
/// `head` does.
pub fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a response.
pub fn print(response: &Response, format: Format) -> Result<(), Failure> {
    print_body(&shown(response, format), format)
}

/// Returns the body that `format` shows. A table has only the document's columns, so
/// it shows the typed response. The other formats show the body as it was received.
pub fn shown(response: &Response, format: Format) -> Vec<u8> {
    match (&response.typed, format) {
        (Some(typed), Format::Table) => typed.to_string().into_bytes(),
        _ => response.body.clone(),
    }
}

/// Prints a body. A body that is not JSON is written unchanged.
pub fn print_body(body: &[u8], format: Format) -> Result<(), Failure> {
    match json(body) {
        Some(json) => print_json(json, format),
        None => {
            check_text(body, io::stdout().is_terminal())?;
            write(body)
        }
    }
}

/// Prints the body that belongs to a call's error. The error determines the exit code,
/// so a body that cannot be printed is only a warning.
pub fn print_error_body(body: &[u8], format: Format) {
    if let Err(failure) = print_body(body, format) {
        eprintln!("warning: {}", escaped(&failure.to_string()));
    }
}

/// Returns an error if a body must not be written to a terminal. The request has been
/// sent, so this is not a usage error.
fn check_text(body: &[u8], is_terminal: bool) -> Result<(), Failure> {
    if is_terminal && has_control_characters(body) {
        return Err(Failure::other(
            "the request was sent, but its response is not text and was not printed; \
             redirect standard output to a file",
        ));
    }
    Ok(())
}

/// Prints JSON, which must be valid.
pub fn print_json(json: &str, format: Format) -> Result<(), Failure> {
    let value = || serde_json::from_str::<Value>(json).map_err(io::Error::from);
    let text = match format {
        Format::Json => indented(json),
        Format::Yaml => serde_yaml_ng::to_string(&value()?)
            .map_err(|error| Failure::other(error.to_string()))?,
        Format::Table => {
            let value = value()?;
            table::table(value.get("data").unwrap_or(&value))
        }
    };
    write(format!("{}\n", text.trim_end()).as_bytes())
}

/// Returns the body's text if it is valid JSON.
fn json(body: &[u8]) -> Option<&str> {
    let text = str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    Some(text)
}

fn has_control_characters(body: &[u8]) -> bool {
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    !String::from_utf8_lossy(body).chars().all(is_text)
}

/// Indents valid JSON, with one value per line and the tokens unchanged.
///
/// Unlike with a `Value`, numbers keep their digits, and objects keep their order and
/// duplicate names. The only change to tokens is that control characters in strings
/// are escaped, since JSON allows DEL and the C1 controls unescaped.
fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut characters = json.chars().peekable();
    let new_line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = characters.next() {
        if in_string {
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            match c.is_control() {
                true => text.push_str(&format!("\\u{:04x}", u32::from(c))),
                false => text.push(c),
            }
            continue;
        }
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            '{' | '[' => {
                text.push(c);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => text.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut text, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            c => {
                in_string = c == '"';
                text.push(c);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_token() {
        let json = r#" {"b":[ ] ,"a":{},"a":[1.50,123456789012345678901234567890,-1E+2],
            "text":"\"\\\u00e9, {[:é","n":null,"t":[{"x":true}]} "#;
        let expected = r#"{
  "b": [],
  "a": {},
  "a": [
    1.50,
    123456789012345678901234567890,
    -1E+2
  ],
  "text": "\"\\\u00e9, {[:é",
  "n": null,
  "t": [
    {
      "x": true
    }
  ]
}"#;
        assert_eq!(indented(json), expected);
        assert_eq!(indented(expected), expected);
        assert_eq!(indented("5"), "5");
        assert_eq!(indented("\"a\u{9b}\u{7f}\""), r#""a\u009b\u007f""#);
    }

    #[test]
    fn control_characters_tell_binary_from_text() {
        assert!(has_control_characters(b"a\x1b[31m"));
        assert!(!has_control_characters("a\tb\r\né".as_bytes()));
    }

    #[test]
    fn a_binary_response_to_a_terminal_is_not_a_usage_error() {
        let refused = check_text(b"%PDF\0", true).unwrap_err();
        assert_eq!(refused.code(), 1);
        assert!(check_text(b"%PDF\0", false).is_ok());
        assert!(check_text(b"text", true).is_ok());
    }
}
