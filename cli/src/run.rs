//! What every command does: its request, its answer's output, its exit code.

use std::fs;
use std::future::Future;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::Pin;

use altegio::b2b_v1::Client;
use altegio::{Error, ErrorKind, File, Response};
use clap::ArgMatches;
use futures_util::{Stream, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::output::{self, Format};

/// One operation on the command line.
pub struct Command {
    /// The vendor's operation id.
    #[cfg_attr(not(test), expect(dead_code))]
    pub id: &'static str,
    /// The tag's command.
    pub group: &'static str,
    /// The operation's command.
    pub name: &'static str,
    /// Its arguments.
    pub command: fn() -> clap::Command,
    /// Sends it and prints the answer.
    pub run: Start,
}

type Start = for<'r> fn(
    &'r Client,
    &'r ArgMatches,
    &'r Run,
) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + 'r>>;

/// Why a command failed: what is printed to stderr, and the exit code.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub message: String,
}

impl Failure {
    /// The arguments cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            message: message.into(),
        }
    }

    /// Something else went wrong.
    pub fn other(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Argument | ErrorKind::Config => 2,
            ErrorKind::MissingToken => 3,
            _ => error.status().map_or(1, |status| code(status.as_u16())),
        };
        let mut message = error.to_string();
        for (field, texts) in error.field_errors() {
            message.push_str(&format!("\n  {field}: {}", texts.join("; ")));
        }
        if error.kind() == ErrorKind::MissingToken {
            message.push_str(
                "; set ALTEGIO_PARTNER_TOKEN and ALTEGIO_USER_TOKEN, or run `altegio login`",
            );
        }
        Self { code, message }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::other(error.to_string())
    }
}

/// The exit code that says what a status of refusal says.
pub fn code(status: u16) -> u8 {
    match status {
        401 | 403 => 3,
        404 => 4,
        429 => 5,
        500.. => 6,
        _ => 1,
    }
}

/// How commands run.
pub struct Run {
    pub format: Format,
    pub all: bool,
}

impl Run {
    /// Whether all pages are asked for.
    pub fn all(&self) -> bool {
        self.all
    }

    /// `--all` is for operations that have pages.
    pub fn one_answer(&self) -> Result<(), Failure> {
        match self.all {
            true => Err(Failure::usage(
                "--all: the document has no pages for this operation",
            )),
            false => Ok(()),
        }
    }

    /// Prints a typed answer; what was set aside is said on stderr.
    pub fn json<T: Serialize + DeserializeOwned>(
        &self,
        result: Result<Response<T>, Error>,
    ) -> Result<(), Failure> {
        let response = result?;
        for mismatch in response.mismatches() {
            eprintln!(
                "warning: {}: expected {}; left out",
                mismatch.path, mismatch.expected
            );
        }
        self.print(&written(&*response)?)
    }

    /// Writes an answer that is no JSON as it came.
    pub fn bytes<T>(&self, result: Result<Response<T>, Error>) -> Result<(), Failure> {
        let response = result?;
        let mut out = io::stdout().lock();
        out.write_all(response.body())?;
        Ok(out.flush()?)
    }

    /// An answer without content.
    pub fn nothing<T>(&self, result: Result<Response<T>, Error>) -> Result<(), Failure> {
        result?;
        Ok(())
    }

    /// Prints the items of all pages as one list.
    pub async fn items<T: Serialize>(
        &self,
        items: impl Stream<Item = Result<T, Error>>,
    ) -> Result<(), Failure> {
        let items: Vec<T> = Box::pin(items).try_collect().await?;
        self.print(&written(&items)?)
    }

    /// Prints the body that a command takes.
    pub fn template(&self, template: &str) -> Result<(), Failure> {
        Ok(writeln!(io::stdout(), "{template}")?)
    }

    pub fn print(&self, value: &Value) -> Result<(), Failure> {
        let text = output::text(value, self.format).map_err(Failure::other)?;
        Ok(writeln!(io::stdout(), "{}", text.trim_end())?)
    }
}

fn written<T: Serialize>(value: &T) -> Result<Value, Failure> {
    let unwritable = |error: serde_json::Error| Failure::other(error.to_string());
    let bytes = altegio::wire::encode(value).map_err(unwritable)?;
    serde_json::from_slice(&bytes).map_err(unwritable)
}

/// A body from a file, or from standard input.
pub fn body<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let name = path.display();
    let text =
        read(path).map_err(|error| Failure::usage(format!("--json-body {name}: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("--json-body {name}: {error}")))
}

/// A file's text, or standard input's for `-`.
pub fn read(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(path)
}

/// A file that is sent in a form.
pub fn file(path: &str) -> Result<File, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let name = Path::new(path).file_name().unwrap_or_default();
    Ok(File::new(name.to_string_lossy(), bytes))
}
