//! Altegio's OpenAPI documents, and the generator of the crates that are made
//! from them.

#![forbid(unsafe_code)]

pub mod build_script;
#[cfg(feature = "documents")]
pub mod documents;
#[cfg(feature = "generator")]
pub mod generate;
pub mod grammar;
#[cfg(feature = "generator")]
pub mod rewrite;
pub mod select;
