//! Integration tests, which use only the public API. They form a single binary,
//! because most of their build time is spent on linking the crate.

mod loopback;

#[cfg(feature = "b2b-v1")]
mod client;
#[cfg(feature = "b2b-v1-custom-fields")]
mod custom_fields;
#[cfg(feature = "b2b-v1")]
mod examples;
#[cfg(feature = "b2b-v1")]
mod faults;
#[cfg(feature = "b2b-v1")]
mod paging;
#[cfg(all(feature = "b2b-v1-appointments", feature = "b2b-v1-clients"))]
mod rate_limit;
#[cfg(feature = "b2b-v1")]
mod redaction;
#[cfg(feature = "b2b-v1")]
mod requests;
#[cfg(all(
    unix,
    feature = "b2b-v1-appointments",
    feature = "b2b-v1-clients",
    feature = "b2b-v1-custom-fields",
    feature = "b2b-v1-schedule-resources"
))]
mod simulation;
mod tls;
#[cfg(feature = "b2b-v1")]
mod vendor_examples;
#[cfg(feature = "b2b-v1")]
mod wire;
