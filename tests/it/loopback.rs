//! Test support: a scripted server, a clock that the tests control, and a recorder
//! of tracing events.

// Which of these modules are used depends on the enabled features.
#![allow(dead_code)]

pub mod clock;
pub mod log;
pub mod server;
