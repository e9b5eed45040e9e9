//! Everything of the crate that generated code names.

pub use reqwest::Method;

pub use crate::operation::{Operation, Paging, Route, Security};
