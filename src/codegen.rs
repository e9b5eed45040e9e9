//! Re-exports of the crate's items that generated code refers to.

pub(crate) use bytes::Bytes;
pub(crate) use reqwest::Method;

pub(crate) use crate::call::Call;
pub(crate) use crate::client::view;
pub(crate) use crate::error::Error;
pub(crate) use crate::multipart::{Field, Multipart, ToField};
pub(crate) use crate::nullable::present;
pub(crate) use crate::open_enum::{UnlistedValue, string_enum};
pub(crate) use crate::operation::{Operation, Paging, Route, Security};
pub(crate) use crate::pages::{Facts, Items, Pages, ids};
pub(crate) use crate::redact::debug;
pub(crate) use crate::response::{Envelope, Response, Unread};
pub(crate) use crate::setters::{IntoArgument, Problem, builder, required, set};
pub(crate) use crate::transport::Transport;
pub(crate) use crate::wire::serde_table::{read, write};
pub(crate) use crate::wire::union::union;
