//! Integration tests, which use only the public API. They form a single binary,
//! because most of their build time is spent on linking the crate.

mod loopback;

#[cfg(feature = "custom-fields")]
mod custom_fields;
#[cfg(feature = "b2b-v1")]
mod faults;
#[cfg(feature = "b2b-v1")]
mod paging;
#[cfg(all(feature = "appointments", feature = "clients"))]
mod rate_limit;
#[cfg(feature = "b2b-v1")]
mod redaction;
#[cfg(feature = "b2b-v1")]
mod requests;
#[cfg(all(
    unix,
    feature = "appointments",
    feature = "clients",
    feature = "custom-fields",
    feature = "schedule-resources"
))]
mod simulation;
mod tls;
#[cfg(feature = "b2b-v1")]
mod vendor_examples;
#[cfg(feature = "b2b-v1")]
mod wire;
