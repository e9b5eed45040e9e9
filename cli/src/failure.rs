//! The error type of commands, and its exit codes.

use std::fmt;
use std::io;

use altegio::{Error, ErrorKind};

/// An error of a command.
///
/// The message is meant for people and never contains a token. It may contain text
/// from the server, so control characters must be escaped before it is printed to a
/// terminal.
#[derive(Debug)]
pub enum Failure {
    /// The call failed.
    Call(Box<Error>),
    /// Any other error.
    Other {
        /// The exit code.
        code: u8,
        /// The message.
        message: String,
    },
}

impl Failure {
    /// Creates an error for invalid arguments, files, or configuration. The exit code
    /// is 2.
    pub fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Other { code: 2, message }
    }

    /// Creates an error for a missing token. The exit code is 3.
    pub fn no_token(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Other { code: 3, message }
    }

    /// Creates any other error. The exit code is 1.
    pub fn other(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Other { code: 1, message }
    }

    /// Returns the exit code: 2 for invalid arguments or configuration, 3 for missing
    /// or rejected tokens, 4 for not found, 5 for rate limited, 6 for a server
    /// error, and 1 for any other error.
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
