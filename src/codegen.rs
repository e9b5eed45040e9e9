//! Re-exports of the crate's items that generated code refers to.

pub(crate) use bytes::Bytes;
pub(crate) use reqwest::Method;

pub(crate) use crate::argument::{argument, converted, given, parsed};
pub(crate) use crate::call::{Call, RequiredGroup};
pub(crate) use crate::client::view;
pub(crate) use crate::multipart::{Field, Multipart, ToField};
pub(crate) use crate::nullable::present;
pub(crate) use crate::open_enum::{UnlistedValue, string_enum};
pub(crate) use crate::operation::{Operation, Paging, Route, Security};
pub(crate) use crate::pages::{Facts, Items, Pages, ids};
pub(crate) use crate::redact::debug;
pub(crate) use crate::response::{Envelope, Unread};
pub(crate) use crate::server::Servers;
pub(crate) use crate::setters::{Problem, builder, required};
pub(crate) use crate::transport::Transport;
pub(crate) use crate::typed_call::{methods, typed_call};
pub(crate) use crate::wire::serde_table::{read, write};
pub(crate) use crate::wire::union::union;
