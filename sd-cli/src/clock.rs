//! The only place that reads the wall clock. All other code takes the time as an argument.

use std::time::SystemTime;

/// The current time of the wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the only place where the time enters; functions below take it as an argument"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
