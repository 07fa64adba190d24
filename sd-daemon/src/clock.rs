//! The clock of the daemon, as a trait, so that tests can move time.
//!
//! Durations are measured on the boot clock (`CLOCK_BOOTTIME`): it does not change when the wall clock is set, and it
//! includes the time that the machine was suspended. The wall clock is read once, at start, and advanced by the boot
//! clock from then on.

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use rustix::time::{ClockId, clock_gettime};

use crate::domain::Timestamp;

/// Returns the time and waits for points in time.
pub trait Clock: Send + Sync + 'static {
    /// The current time. Never jumps while the process runs.
    fn now(&self) -> Timestamp;
    /// The current wall-clock time, for receivers that compare it with their own clock. It jumps when the wall clock is
    /// set, so the daemon makes no decision by it.
    fn wall_time(&self) -> Timestamp;
    /// The relation of this clock to the boot clock, if known. The next start detects a wall-clock change by it.
    fn reference(&self) -> Option<ClockReference>;
    /// How long the machine has been suspended since it booted.
    fn suspended(&self) -> Duration;
    /// Waits until `deadline`. Returns late by up to the time for which the machine was suspended.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'_, ()>;
}

/// The offset of a clock from the boot clock of the machine, which cannot be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReference {
    /// The kernel's id of the current boot. The boot clock restarts at zero with each boot.
    pub boot_id: String,
    /// The time of the clock minus the time of the boot clock, in milliseconds.
    pub wall_minus_boot: i64,
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    wall_time_at_start: Timestamp,
    boot_clock_at_start: Duration,
}

impl SystemClock {
    /// Returns a clock that starts at the current wall-clock time.
    pub fn new() -> Self {
        Self {
            wall_time_at_start: read_wall_time(),
            boot_clock_at_start: read(ClockId::Boottime),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.wall_time_at_start
            .after(read(ClockId::Boottime).saturating_sub(self.boot_clock_at_start))
    }

    fn wall_time(&self) -> Timestamp {
        read_wall_time()
    }

    fn reference(&self) -> Option<ClockReference> {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let wall_time = i64::try_from(self.wall_time_at_start.as_millis()).ok()?;
        let boot_clock = i64::try_from(self.boot_clock_at_start.as_millis()).ok()?;
        Some(ClockReference {
            boot_id: boot_id.trim_end().to_owned(),
            wall_minus_boot: wall_time - boot_clock,
        })
    }

    fn suspended(&self) -> Duration {
        read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(deadline.since(self.now())))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that reads the wall clock"
)]
fn read_wall_time() -> Timestamp {
    SystemTime::now().into()
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

#[cfg(feature = "test-support")]
pub use manual::ManualClock;

#[cfg(feature = "test-support")]
mod manual {
    use std::time::Duration;

    use futures_util::future::BoxFuture;
    use tokio::sync::watch;

    use super::{Clock, ClockReference, Timestamp};

    /// A clock that changes only when a test moves it.
    #[derive(Debug)]
    pub struct ManualClock {
        reference: ClockReference,
        now: watch::Sender<Timestamp>,
        suspended: watch::Sender<Duration>,
        /// By how much the wall clock has been set forward.
        wall_clock_offset: watch::Sender<Duration>,
    }

    impl ManualClock {
        /// Returns a clock that shows `now`, in a boot of its own.
        pub fn at(now: Timestamp) -> Self {
            Self {
                reference: ClockReference {
                    boot_id: format!("boot of {}", now.as_millis()),
                    wall_minus_boot: 0,
                },
                now: watch::Sender::new(now),
                suspended: watch::Sender::new(Duration::ZERO),
                wall_clock_offset: watch::Sender::new(Duration::ZERO),
            }
        }

        /// Returns the clock of a later start in the same boot, after the wall clock was set to `wall_time`. No time has
        /// passed in between.
        #[must_use]
        pub fn with_wall_clock_set_to(&self, wall_time: Timestamp) -> Self {
            let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or_default();
            Self {
                reference: ClockReference {
                    boot_id: self.reference.boot_id.clone(),
                    wall_minus_boot: self.reference.wall_minus_boot + millis(wall_time) - millis(self.now()),
                },
                ..Self::at(wall_time)
            }
        }

        /// Moves time forward.
        pub fn advance(&self, duration: Duration) {
            self.now.send_modify(|now| *now = now.after(duration));
        }

        /// Sets the wall clock forward. No time passes.
        pub fn set_wall_clock_forward(&self, by: Duration) {
            self.wall_clock_offset.send_modify(|offset| *offset += by);
        }

        /// Moves time forward as if the machine had been suspended.
        pub fn suspend(&self, duration: Duration) {
            self.suspended.send_modify(|suspended| *suspended += duration);
            self.advance(duration);
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Timestamp {
            *self.now.borrow()
        }

        fn wall_time(&self) -> Timestamp {
            self.now().after(*self.wall_clock_offset.borrow())
        }

        fn reference(&self) -> Option<ClockReference> {
            Some(self.reference.clone())
        }

        fn suspended(&self) -> Duration {
            *self.suspended.borrow()
        }

        fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'_, ()> {
            let mut now = self.now.subscribe();
            Box::pin(async move {
                // Fails only if the clock was dropped, and then no test moves time any more.
                drop(now.wait_for(|now| *now >= deadline).await);
            })
        }
    }
}
