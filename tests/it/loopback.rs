//! What the tests run against: a scripted server, a clock that the tests turn,
//! and a record of the events that were traced.

// Which of these are used depends on the enabled features.
#![allow(dead_code)]

pub mod clock;
pub mod log;
pub mod server;
