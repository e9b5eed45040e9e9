//! Altegio's OpenAPI documents, and the generator of the crates that are made
//! from them.
//!
//! [`api::Api`] reads a document once; whatever needs its facts (the client's
//! and the command line's build, the mock server, the httpmock helpers) takes
//! them from there.

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
