//! Middleware: authentication, host and origin checks, rate limits.

pub(super) mod auth;
pub(super) mod client_address;
pub(super) mod host_check;
pub(super) mod rate_limit;
