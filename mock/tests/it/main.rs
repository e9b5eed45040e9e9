//! What the mock refuses, responds with and keeps, over HTTP.

mod asking;
mod program;
mod refusals;
mod responses;
mod server;
mod state;
