//! A command for each operation of Altegio's B2B V1 document: what the program
//! `altegio` is made of, and what runs every operation in-process.
//!
//! ```
//! use altegio_cli::COMMANDS;
//!
//! let list = COMMANDS
//!     .iter()
//!     .find(|command| command.id == "get_custom_field_list")
//!     .unwrap();
//! assert_eq!((list.group, list.name), ("custom-fields", "list"));
//! let arguments = ["--field-category=record", "--location-id=123"];
//! let matches = list.matches(arguments)?;
//! # let client = altegio::Client::builder().partner_token("p").user_token("u").build()?;
//! // Nothing is sent before it is awaited; the answer comes back typed and written again.
//! let answer = (list.call)(client.b2b_v1(), &matches);
//! # drop(answer);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

mod arguments;
mod command;

#[allow(clippy::all, clippy::pedantic)]
mod commands {
    include!(concat!(env!("OUT_DIR"), "/commands.rs"));
}

pub use arguments::{is_field, is_json, read_json};
pub use command::{Answer, Command, Failure};
pub use commands::COMMANDS;
