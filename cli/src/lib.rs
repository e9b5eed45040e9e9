//! A command for each operation of Altegio's B2B V1 document. The program `altegio`
//! is built on this library, which can also run every operation in-process.
//!
//! ```
//! use altegio_cli::{COMMANDS, Kind, Place, flags};
//!
//! let list = COMMANDS
//!     .iter()
//!     .find(|command| command.id == "get_custom_field_list")
//!     .unwrap();
//! assert_eq!((list.group, list.name), ("custom-fields", "list"));
//! let location = &list.flags[1];
//! assert_eq!((location.name, location.long), ("location_id", "location-id"));
//! assert_eq!((location.place, location.kind), (Place::Path, Kind::Integer));
//!
//! let line = ["--field-category=record", "--location-id=123"];
//! let arguments = flags::parse(list, line, |_, _| unreachable!("the command has no secrets"))?;
//! # let client = altegio::Client::builder().partner_token("p").user_token("u").build()?;
//! // The request is not sent until the call is awaited.
//! let call = (list.call)(&client, &arguments);
//! # drop(call);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arguments;
mod body;
mod command;
mod failure;
pub mod flags;
mod response;

// Operations without arguments leave `request` unchanged and `arguments` unused, and
// deprecated operations have commands too.
#[allow(
    unused_mut,
    unused_variables,
    deprecated,
    clippy::all,
    clippy::pedantic
)]
mod commands {
    include!(concat!(env!("OUT_DIR"), "/commands.rs"));
}

pub use arguments::Arguments;
pub use body::read_json;
pub use command::{Body, Call, Command, Flag, Kind, Paging, Place};
pub use commands::{COMMANDS, TAGS};
pub use failure::Failure;
pub use response::{Pages, Response};
