//! The table of commands: what an operation takes on the command line, and the
//! function that calls it.

use std::future::Future;
use std::pin::Pin;

use altegio::Client;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::response::{Pages, Response};

/// An operation's command.
pub struct Command {
    /// The vendor's operation id.
    pub id: &'static str,
    /// The tag's command.
    pub group: &'static str,
    /// The operation's command within it.
    pub name: &'static str,
    /// What the operation does, in a sentence.
    pub about: &'static str,
    /// A flag for each parameter and each field of the body.
    pub flags: &'static [Flag],
    /// How the body is given.
    pub body: Body,
    /// Sends the call.
    pub call: Call,
    /// How the operation's list is fetched page by page, if it has pages.
    pub paging: Option<Paging>,
}

/// A parameter or a field of the body.
pub struct Flag {
    /// The name on the wire, such as `location_id`.
    pub name: &'static str,
    /// The name on the command line without its hyphens, such as `location-id`.
    pub long: &'static str,
    /// Where the value goes.
    pub place: Place,
    /// What the value is.
    pub kind: Kind,
    /// Whether the operation needs it.
    pub required: bool,
    /// Whether the value authenticates somebody. It is then read from the
    /// terminal or from standard input: command lines show in lists of
    /// processes and in the shell's history.
    pub is_secret: bool,
    /// What the value means; may be empty.
    pub help: &'static str,
}

/// Where a flag's value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the path.
    Path,
    /// Into the query.
    Query,
    /// Into a header.
    Header,
    /// Into the body.
    Field,
}

/// What a flag's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of 64 bits.
    Integer,
    /// A finite number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any text.
    Text,
    /// A date, `YYYY-MM-DD`.
    Date,
    /// A date and time with an offset, as in RFC 3339.
    DateTime,
    /// The path of a file to send.
    File,
    /// JSON; what is none is a text. Takes what no plain text stands for: a
    /// list, an object, null, one of several types.
    Json,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list: the flag can be repeated.
    List(&'static Kind),
}

/// How a body is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The operation has none.
    None,
    /// As JSON: by the flags, by `--json-body`, or by both.
    Json {
        /// A body to fill in, in JSON.
        template: &'static str,
        /// Whether `--json-body` is needed, since no flags make up the body.
        required: bool,
    },
    /// As a form: by the flags.
    Form,
}

/// How a list is fetched page by page.
pub struct Paging {
    /// Where a page has its items, as a JSON pointer.
    pub items: &'static str,
    /// Sends a call for each page.
    pub pages: fn(&Client, &Arguments) -> Result<Pages, Failure>,
}

/// Sends a call with its arguments, by the operation's typed builder.
pub type Call = for<'r> fn(
    &'r Client,
    &'r Arguments,
) -> Pin<Box<dyn Future<Output = Result<Response, Failure>> + 'r>>;
