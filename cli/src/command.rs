//! The types of the table of commands: an operation's flags and body, and the
//! function that sends its request.

use std::future::Future;
use std::pin::Pin;

use altegio::Client;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::response::{Pages, Response};

/// The command of an operation.
pub struct Command {
    /// The vendor's operation id.
    pub id: &'static str,
    /// The vendor's tag.
    pub tag: &'static str,
    /// The command of the tag.
    pub group: &'static str,
    /// The command of the operation within the command of the tag.
    pub name: &'static str,
    /// What the operation does, in a sentence.
    pub about: &'static str,
    /// What else there is to know about it, in Markdown; may be empty.
    pub details: &'static str,
    /// A flag for each parameter and each field of the body.
    pub flags: &'static [Flag],
    /// How the body is given.
    pub body: Body,
    /// Sends the call.
    pub call: Call,
    /// How the operation's list is fetched page by page, if it is paginated.
    pub paging: Option<Paging>,
}

/// A parameter or a field of the body.
pub struct Flag {
    /// The name on the wire, such as `location_id`.
    pub name: &'static str,
    /// The name on the command line without its hyphens, such as `location-id`.
    pub long: &'static str,
    /// Where the value is sent.
    pub place: Place,
    /// The kind of value.
    pub kind: Kind,
    /// Whether the operation requires it.
    pub required: bool,
    /// Whether the value is a credential. It is then read from the terminal or
    /// from standard input, since command lines are visible in process lists and
    /// in the shell's history.
    pub is_secret: bool,
    /// The description; may be empty.
    pub help: &'static str,
}

/// Where the value of a flag is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// As a field of the body.
    Field,
}

/// The kind of value that a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit signed integer.
    Integer,
    /// A finite number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any string.
    Text,
    /// A date, `YYYY-MM-DD`.
    Date,
    /// A date and time with an offset, as in RFC 3339.
    DateTime,
    /// The path of a file to send.
    File,
    /// JSON, for lists, objects, null, and values of several types. A value that is
    /// not JSON is taken as a string.
    Json,
    /// One of these strings, each with its meaning, which may be empty.
    Choice(&'static [(&'static str, &'static str)]),
    /// A list, given by repeating the flag.
    List(&'static Kind),
}

/// How a body is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The operation has no body.
    None,
    /// As JSON, by flags, by `--json-body`, or by both.
    Json {
        /// A body to fill in, in JSON.
        template: &'static str,
        /// Whether `--json-body` is required because the body has no flags.
        required: bool,
    },
    /// As a form, by flags.
    Form,
}

/// How a list is fetched page by page.
pub struct Paging {
    /// The location of the items in a page, as a JSON pointer.
    pub items: &'static str,
    /// Returns the stream of pages, which sends a request for each.
    pub pages: fn(&Client, &Arguments) -> Result<Pages, Failure>,
}

/// Sends a request with these arguments through the operation's typed builder.
pub type Call = for<'r> fn(
    &'r Client,
    &'r Arguments,
) -> Pin<Box<dyn Future<Output = Result<Response, Failure>> + 'r>>;
