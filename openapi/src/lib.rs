//! Altegio's OpenAPI documents, and the code generator of the crates that are
//! built from them.
//!
//! [`api::Api`] is the parsed form of a document. The build scripts of the client,
//! the command line, and the httpmock helpers use it, and so does the mock server.

#![forbid(unsafe_code)]

pub mod api;
pub mod build_script;
#[cfg(feature = "documents")]
pub mod documents;
#[cfg(feature = "generator")]
pub mod generate;
pub mod grammar;
pub mod names;
pub mod pointer;
#[cfg(feature = "generator")]
pub mod rewrite;
pub mod roles;
pub mod select;
#[cfg(feature = "yaml")]
pub mod yaml;
