//! The shipped program as strangers meet it: many of them, slow ones, and some who try to get in. There is no Docker
//! engine, which the program does not need for any of this.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crowd;
mod descriptors;
mod flood;
mod log;
mod program;
mod secrets;
mod smuggling;
mod tls;
