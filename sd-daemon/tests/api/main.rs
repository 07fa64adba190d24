//! Tests of the REST API: the real router on a real port, the shipping client, a real registry, and an engine in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/auditor.rs"]
mod auditor;
#[path = "../support/ledger.rs"]
mod ledger;
mod model;
mod routes;
mod scenarios;
mod support;
