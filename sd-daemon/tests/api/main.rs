//! The API as its users meet it: the real router on a real port, the shipping client, a real registry,
//! and an engine in memory that does what a test needs it to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/auditor.rs"]
mod auditor;
#[path = "../support/ledger.rs"]
mod ledger;
mod support;

mod activity;
mod another_engine;
mod at_the_last_moment;
mod authentication;
mod behind_the_back;
mod capacity;
mod check_in;
mod concurrency;
mod connections;
mod creating;
mod deleting;
mod engine_away;
mod events;
mod extending;
mod hanging_up;
mod idle;
mod limits;
mod listing;
mod model;
mod openapi;
mod origin;
mod panics;
mod references;
mod repeating;
mod restarting;
mod reused_address;
mod seen_from_host;
mod smuggling;
mod stopping_and_starting;
mod tokens;
mod webhook;
mod wrong_clock;
