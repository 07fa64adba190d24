//! The program as untrusted clients reach it: overload, slow connections, ambiguous requests, TLS and secrets. No test
//! here needs a Docker engine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod descriptors;
mod flood;
mod log;
mod overload;
mod program;
mod secrets;
mod smuggling;
mod tls;
