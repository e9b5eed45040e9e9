//! An operation as a command: what it takes, what comes back, and why it failed.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use altegio::b2b_v1::Client;
use altegio::wire::Mismatch;
use altegio::{Error, ErrorKind, Response};
use clap::ArgMatches;
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arguments::written;

/// One operation on the command line.
pub struct Command {
    /// The vendor's operation id.
    pub id: &'static str,
    /// The tag's command.
    pub group: &'static str,
    /// The operation's command within it.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: fn() -> clap::Command,
    /// A body to fill in, of an operation that takes one in JSON.
    pub template: Option<&'static str>,
    /// Sends it.
    pub call: Call,
    /// Sends it for page after page, where it pages.
    pub pages: Option<Pages>,
    /// Where the items of a page stand, where it pages.
    pub items: &'static str,
}

type Call = for<'r> fn(
    &'r Client,
    &'r ArgMatches,
) -> Pin<Box<dyn Future<Output = Result<Answer, Failure>> + 'r>>;

type Pages = fn(
    &Client,
    &ArgMatches,
) -> Result<Pin<Box<dyn Stream<Item = Result<Answer, Failure>>>>, Failure>;

impl Command {
    /// Reads arguments, as they stand after the command's name.
    ///
    /// # Errors
    ///
    /// One is missing, unknown, or not of its type; the message says which.
    pub fn matches<I, T>(&self, arguments: I) -> Result<ArgMatches, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        let command = (self.arguments)().name(self.name).no_binary_name(true);
        command.try_get_matches_from(arguments)
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Vec<u8>,
    /// The typed answer, written again; none for what is no JSON.
    pub value: Option<Value>,
    /// What did not fit the document's types and is not in the value.
    pub mismatches: Vec<Mismatch>,
    /// The fields that the document does not list, by path: not in the value either.
    pub unlisted: Vec<String>,
}

/// Why a command failed. Its text is for people, without a token.
#[derive(Debug)]
pub enum Failure {
    /// The call's own error.
    Call(Box<Error>),
    /// Anything else.
    Other {
        /// The exit code.
        code: u8,
        /// What is said.
        message: String,
    },
}

impl Failure {
    /// The arguments cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Other { code: 2, message }
    }

    /// Something else went wrong.
    pub fn other(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Other { code: 1, message }
    }

    /// The exit code: 1 another error, 2 usage, 3 tokens, 4 not found, 5 rate
    /// limited, 6 the server's error.
    pub fn code(&self) -> u8 {
        match self {
            Self::Other { code, .. } => *code,
            Self::Call(error) => match error.kind() {
                ErrorKind::Argument | ErrorKind::Config => 2,
                ErrorKind::MissingToken => 3,
                _ => match error.status().map_or(0, |status| status.as_u16()) {
                    401 | 403 => 3,
                    404 => 4,
                    429 => 5,
                    500.. => 6,
                    _ => 1,
                },
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { message, .. } => f.write_str(message),
            Self::Call(error) if error.kind() == ErrorKind::MissingToken => {
                write!(f, "{error}; or run `altegio login`")
            }
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(Box::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::other(error.to_string())
    }
}

// ---- what generated commands end in ----------------------------------------

/// An answer in JSON.
pub fn json<T: Serialize + DeserializeOwned>(
    result: Result<Response<T>, Error>,
) -> Result<Answer, Failure> {
    let response = result?;
    let unlisted = response.unknown_fields().into_iter();
    Ok(Answer {
        value: Some(written(&*response)?),
        mismatches: response.mismatches().to_vec(),
        unlisted: unlisted.map(|field| field.path).collect(),
        ..bytes(Ok(response))?
    })
}

/// An answer that is no JSON, or none.
pub fn bytes<T>(result: Result<Response<T>, Error>) -> Result<Answer, Failure> {
    let response = result?;
    Ok(Answer {
        status: response.status().as_u16(),
        body: response.body().to_vec(),
        value: None,
        mismatches: Vec::new(),
        unlisted: Vec::new(),
    })
}

/// An answer for each page.
pub fn pages<T: Serialize + DeserializeOwned + 'static>(
    pages: impl Stream<Item = Result<Response<T>, Error>> + 'static,
) -> Pin<Box<dyn Stream<Item = Result<Answer, Failure>>>> {
    Box::pin(pages.map(json))
}
