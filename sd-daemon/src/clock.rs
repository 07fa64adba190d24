//! Time, as something that can be handed over.
//!
//! Durations count on the boot clock: it never jumps when somebody sets the date, and it goes on while
//! the machine is suspended. Its date is read once, at the start, and carried forward from there.

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use rustix::time::{ClockId, clock_gettime};

use crate::domain::Timestamp;

/// Tells the time and waits for it.
pub trait Clock: Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Timestamp;
    /// The present as the machine's date says it, for others that compare it with theirs. It jumps when
    /// somebody sets the date; nothing here is decided by it.
    fn date(&self) -> Timestamp;
    /// By what to tell, at the next start, whether the date was set in between.
    fn anchor(&self) -> Option<ClockReference>;
    /// How long the machine has been suspended so far.
    fn suspended(&self) -> Duration;
    /// Waits until a point in time, or a little longer after the machine was suspended.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'_, ()>;
}

/// How the present that a clock tells hangs on the machine's boot clock, which nobody can set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReference {
    /// Which boot of the machine it is; the boot clock begins anew with each.
    pub boot: String,
    /// What the clock is ahead of the boot clock, in milliseconds.
    pub ahead: i64,
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    date_at_start: Timestamp,
    boot_clock_at_start: Duration,
}

impl SystemClock {
    /// A clock that starts from the machine's date.
    pub fn new() -> Self {
        Self {
            date_at_start: read_date(),
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
        self.date_at_start
            .after(read(ClockId::Boottime).saturating_sub(self.boot_clock_at_start))
    }

    fn date(&self) -> Timestamp {
        read_date()
    }

    fn anchor(&self) -> Option<ClockReference> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let date = i64::try_from(self.date_at_start.as_millis()).ok()?;
        let boot_clock = i64::try_from(self.boot_clock_at_start.as_millis()).ok()?;
        Some(ClockReference {
            boot: boot.trim_end().to_owned(),
            ahead: date - boot_clock,
        })
    }

    fn suspended(&self) -> Duration {
        read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(deadline.since(self.now())))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
fn read_date() -> Timestamp {
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

    /// A clock that stands still until a test moves it.
    #[derive(Debug)]
    pub struct ManualClock {
        anchor: ClockReference,
        now: watch::Sender<Timestamp>,
        suspended: watch::Sender<Duration>,
        /// How far the date has been set forward.
        date_is_ahead: watch::Sender<Duration>,
    }

    impl ManualClock {
        /// A clock that shows this time.
        pub fn at(now: Timestamp) -> Self {
            Self {
                anchor: ClockReference {
                    boot: format!("the one at {}", now.as_millis()),
                    ahead: 0,
                },
                now: watch::Sender::new(now),
                suspended: watch::Sender::new(Duration::ZERO),
                date_is_ahead: watch::Sender::new(Duration::ZERO),
            }
        }

        /// The clock of a later start in the same boot of the machine, after somebody has set the date, and nothing else
        /// has happened.
        #[must_use]
        pub fn with_date_set_to(&self, date: Timestamp) -> Self {
            let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or_default();
            Self {
                anchor: ClockReference {
                    boot: self.anchor.boot.clone(),
                    ahead: self.anchor.ahead + millis(date) - millis(self.now()),
                },
                ..Self::at(date)
            }
        }

        /// Moves time forward.
        pub fn advance(&self, duration: Duration) {
            self.now.send_modify(|now| *now = now.after(duration));
        }

        /// Sets the machine's date forward; no time passes.
        pub fn set_date_forward(&self, by: Duration) {
            self.date_is_ahead.send_modify(|ahead| *ahead += by);
        }

        /// Moves time forward as if the machine had slept.
        pub fn suspend(&self, duration: Duration) {
            self.suspended.send_modify(|suspended| *suspended += duration);
            self.advance(duration);
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Timestamp {
            *self.now.borrow()
        }

        fn date(&self) -> Timestamp {
            self.now().after(*self.date_is_ahead.borrow())
        }

        fn anchor(&self) -> Option<ClockReference> {
            Some(self.anchor.clone())
        }

        fn suspended(&self) -> Duration {
            *self.suspended.borrow()
        }

        fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'_, ()> {
            let mut now = self.now.subscribe();
            Box::pin(async move {
                // An error means that the clock is gone, and with it everybody who could care.
                drop(now.wait_for(|now| *now >= deadline).await);
            })
        }
    }
}
