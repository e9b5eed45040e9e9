//! A client for [Altegio](https://alteg.io): locations, team members,
//! services, clients, appointments, payments and loyalty programs.
//!
//! Every operation of Altegio's B2B V1 document is a typed call, generated at
//! compile time from that document. Start with [`Client`].
//!
//! ```no_run
//! use altegio::ids::LocationId;
//!
//! # async fn run() -> Result<(), altegio::Error> {
//! let client = altegio::Client::builder()
//!     .partner_token("…")
//!     .user_token("…")
//!     .build()?;
//! let created = client
//!     .b2b_v1()
//!     .create_custom_field("record", LocationId(123))
//!     .body_map(|field| {
//!         field
//!             .type_("text")
//!             .code("allergies")
//!             .title("Allergies")
//!             .user_can_edit(true)
//!             .show_in_ui(true)
//!     })
//!     .send()
//!     .await?
//!     .into_data()?;
//! println!("field {:?}", created.id);
//! # Ok(())
//! # }
//! ```

// Code that only some operations need is unused without their features. Dead code
// is found with all of them.
#![cfg_attr(
    not(feature = "b2b-v1"),
    allow(dead_code, unused_imports, unused_macros)
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

// Types named by `x-rust-type` are paths that start with the crate's own name.
extern crate self as altegio;

mod argument;
mod builder;
mod call;
mod client;
mod codegen;
mod date;
mod datetime;
mod error;
pub mod ids;
#[cfg(feature = "webhooks")]
pub mod marketplace;
mod multipart;
mod nullable;
mod open_enum;
mod operation;
mod pages;
mod rate_limit;
mod redact;
mod request;
mod response;
mod retry;
mod runtime;
mod security;
mod server;
mod setters;
mod transport;
mod typed_call;
#[cfg(feature = "webhooks")]
pub mod webhooks;
pub mod wire;

#[allow(missing_docs, clippy::all, clippy::pedantic)]
/// The operations of Altegio's B2B V1 document. [`Client`](b2b_v1::Client) has a method for
/// each of them; [`operations`](b2b_v1::operations) has a table of them with the features
/// that they need.
pub mod b2b_v1 {
    include!(concat!(env!("OUT_DIR"), "/b2b_v1.rs"));
}

/// The future that [`RateLimit`] and [`Runtime`] return.
pub use futures_core::future::BoxFuture;
/// The trait of [`Pages`] and [`Items`].
pub use futures_core::stream::Stream;

// The crates whose types are in the signatures of this one.
pub use {bytes, chrono, reqwest, serde, serde_json};

pub use argument::{Argument, IntoArgument};
pub use builder::ClientBuilder;
pub use client::Client;
pub use date::Date;
pub use datetime::{DateTime, DateTimeError};
pub use error::{Error, ErrorKind};
pub use multipart::File;
pub use nullable::Nullable;
pub use open_enum::UnlistedValue;
pub use operation::{Operation, Paging, Route, Security};
pub use pages::{Cursor, Items, Pages};
#[cfg(feature = "redis")]
pub use rate_limit::RedisStore;
pub use rate_limit::{Permit, RateLimit, RateLimiter, StoreError};
pub use request::Request;
pub use response::{Envelope, Response};
pub use retry::Retry;
pub use runtime::Runtime;
pub use server::Server;
pub use wire::{Mismatch, UnknownField};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
