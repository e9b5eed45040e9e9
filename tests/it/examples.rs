//! The examples in the documentation of the methods compile. They are functions in a
//! generated file and not doctests, since 260 of those take longer to build than all
//! other tests.

#![allow(dead_code, unused_imports, clippy::all)]
#![allow(deprecated, reason = "deprecated operations have examples too")]

use altegio::b2b_v1::types;

include!(concat!(env!("OUT_DIR"), "/b2b_v1_examples.rs"));
