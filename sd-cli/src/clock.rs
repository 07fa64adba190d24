//! The only place that reads the clock, so that everything else is a function of the time it is given.

use std::time::SystemTime;

/// The wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge at which the time comes in; tables take it as an argument"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
