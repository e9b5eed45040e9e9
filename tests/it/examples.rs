//! The examples in the documentation of the methods compile. They are functions of a
//! generated file that nothing calls, and not doctests, so that no code is generated for
//! them.

#![allow(dead_code, unused_imports, clippy::all)]
#![allow(deprecated, reason = "deprecated operations have examples too")]

use altegio::b2b_v1::types;

include!(concat!(env!("OUT_DIR"), "/b2b_v1_examples.rs"));
