//! The binary `sd` against a test server: its output, and the requests that it sends.

#![expect(clippy::unwrap_used, reason = "a failing test helper fails the test")]

mod activity;
mod check_in;
mod containers;
mod errors;
mod output;
mod support;
