//! Integration tests, in one binary: linking the crate is what takes the time.
//! They use the public API only.

mod loopback;

#[cfg(feature = "custom-fields")]
mod custom_fields;
#[cfg(feature = "b2b-v1")]
mod faults;
#[cfg(feature = "b2b-v1")]
mod paging;
#[cfg(feature = "b2b-v1")]
mod redaction;
#[cfg(feature = "b2b-v1")]
mod requests;
mod tls;
#[cfg(feature = "b2b-v1")]
mod vendor_examples;
#[cfg(feature = "b2b-v1")]
mod wire;
