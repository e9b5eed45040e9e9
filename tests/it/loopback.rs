//! Test support: a scripted server, a clock that the tests control, and a recorder
//! of tracing events.

// Which of these modules are used depends on the enabled features.
#![allow(dead_code)]

pub mod clock;
pub mod log;
#[cfg(all(
    feature = "b2b-v1-appointments",
    feature = "b2b-v1-clients",
    feature = "b2b-v1-custom-fields",
    feature = "b2b-v1-schedule-resources"
))]
pub mod method;
pub mod server;
