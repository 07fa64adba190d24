//! The real binary against a real listener: what a user of `sd` sees, and what a daemon sees of it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod answers;
mod check_in;
mod containers;
mod failures;
mod output;
mod support;
