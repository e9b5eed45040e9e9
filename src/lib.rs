//! A client for the API of [Altegio](https://alteg.io), the business management platform
//! for salons, clinics, and studios: locations, team members, services, clients,
//! appointments, payments, and loyalty programs.
//!
//! Every operation of Altegio's documents is a typed call, generated at compile time from
//! those documents.
//!
//! ```no_run
//! # #[cfg(feature = "b2b-v1-appointments")]
//! # async fn run() -> Result<(), altegio::Error> {
//! use altegio::ids::LocationId;
//!
//! let client = altegio::Client::from_env()?;
//! let mut appointments = client
//!     .b2b_v1()
//!     .get_appointment_list(LocationId(123))
//!     .start_date(altegio::chrono::NaiveDate::from_ymd_opt(2026, 3, 1))
//!     .stream();
//! while let Some(appointment) = appointments.next().await {
//!     let appointment = appointment?;
//!     println!("{:?} {:?}", appointment.id, appointment.date);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to find what
//!
//! - [`guide::getting_started`]: tokens, a first call, features.
//! - [`b2b_v1`]: every operation by tag, and the feature that it needs.
//! - [`b2b_v1::types`]: the types of requests and responses, such as `Appointment` and
//!   `CreateAppointmentBody`.
//! - [`Client`], [`ClientBuilder`]: tokens, server, timeouts, retries, rate limit.
//! - [`Response`], [`Error`]: what a call returns.
//!
//! # How to
//!
//! - read a list: [`guide::lists`]
//! - create, move, and cancel an appointment: [`guide::appointments`]
//! - find, create, or update a client: [`guide::clients`]
//! - take and refund a payment: [`guide::payments`]
//! - add up a report: [`guide::reports`]
//! - receive webhooks: [`guide::webhooks`]
//! - test without an account: [`guide::testing`]
//! - handle errors, and stay within the limits: [`guide::errors`]
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `b2b-v1` | yes | every operation of the B2B V1 document |
//! | `b2b-v1-<tag>` | by `b2b-v1` | the operations of one tag and their types |
//! | `rustls`, `native-tls` | `rustls` | TLS |
//! | `redis` | no | one rate limit for all processes behind an address |
//! | `webhooks` | no | reads and verifies what Altegio sends to your server |
//! | `redact-personal-data` | no | `Debug` output also hides personal data |
//! | `schemars` | no | JSON Schemas of every type |

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
pub mod guide;
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
