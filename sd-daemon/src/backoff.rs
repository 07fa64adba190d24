//! Delays between retries: exponential, capped, with optional jitter.
//!
//! The delays come from `backon`. This module adds delays that never run out, and [`RetrySchedule`],
//! which computes retry times from a [`Timestamp`], so that they follow the daemon's own clock.
//! `backon::Retryable` is not used, because it sleeps on tokio's timer, which the tests' clock does
//! not move.
//!
//! Every growing delay of the daemon comes from here. Callers declare their [`Backoff`] as a constant,
//! beside the reason for its values.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::domain::Timestamp;

/// How delays grow: each is twice the one before, up to a longest delay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    builder: ExponentialBuilder,
    longest: Duration,
}

impl Backoff {
    /// Delays of exactly `first`, twice `first`, and so on, up to `longest`.
    pub(crate) const fn exact(first: Duration, longest: Duration) -> Self {
        Self {
            builder: ExponentialBuilder::new()
                .with_min_delay(first)
                .with_max_delay(longest)
                .without_max_times(),
            longest,
        }
    }

    /// Random delays of one to two times `first`, two to four times `first`, and so on, up to twice
    /// `longest`. The jitter prevents several daemons from reconnecting to the same server at the same
    /// moment.
    pub(crate) const fn jittered(first: Duration, longest: Duration) -> Self {
        Self {
            builder: Self::exact(first, longest).builder.with_jitter(),
            longest,
        }
    }

    /// The delays of one operation. Begin with new ones after a success.
    pub(crate) fn delays(self) -> Delays {
        Delays {
            sequence: self.builder.build(),
            longest: self.longest,
            is_first: true,
        }
    }
}

/// The delays between the attempts of one operation.
#[derive(Debug)]
pub(crate) struct Delays {
    sequence: <ExponentialBuilder as BackoffBuilder>::Backoff,
    longest: Duration,
    is_first: bool,
}

impl Delays {
    /// Whether no delay has been taken yet.
    pub(crate) fn is_first(&self) -> bool {
        self.is_first
    }

    /// The delay before the next attempt.
    pub(crate) fn next_delay(&mut self) -> Duration {
        self.is_first = false;
        // The sequence ends after `usize::MAX` delays, more than any process takes.
        self.sequence.next().unwrap_or(self.longest)
    }
}

/// When several pieces of work may be tried again, each after its own failures. `Key` names one piece.
#[derive(Debug)]
pub(crate) struct RetrySchedule<Key> {
    backoff: Backoff,
    failures: HashMap<Key, Failure>,
}

#[derive(Debug)]
struct Failure {
    delays: Delays,
    retry_at: Timestamp,
}

impl<Key: Copy + Eq + Hash> RetrySchedule<Key> {
    /// A schedule without failures.
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            failures: HashMap::new(),
        }
    }

    /// Whether this work may be tried at `now`.
    pub(crate) fn permits(&self, key: Key, now: Timestamp) -> bool {
        self.retry_at(key).is_none_or(|retry_at| now >= retry_at)
    }

    /// The earliest time of the next attempt. Returns `None` if the work has not failed.
    pub(crate) fn retry_at(&self, key: Key) -> Option<Timestamp> {
        self.failures.get(&key).map(|failure| failure.retry_at)
    }

    /// Records a failure at `now`, and lengthens the delay.
    pub(crate) fn record_failure(&mut self, key: Key, now: Timestamp) {
        let backoff = self.backoff;
        let failure = self.failures.entry(key).or_insert_with(|| Failure {
            delays: backoff.delays(),
            retry_at: now,
        });
        failure.retry_at = now.after(failure.delays.next_delay());
    }

    /// Forgets the failures of all work for which `is_needed` returns `false`.
    pub(crate) fn retain(&mut self, is_needed: impl Fn(Key) -> bool) {
        self.failures.retain(|key, _| is_needed(*key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn exact_delays_double_up_to_the_longest() {
        let mut delays = Backoff::exact(SECOND, MINUTE).delays();
        assert!(delays.is_first());
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(delays.next_delay(), Duration::from_secs(expected));
            assert!(!delays.is_first());
        }
    }

    #[test]
    fn jittered_delays_stay_between_once_and_twice_the_exact_delay() {
        let mut delays = Backoff::jittered(SECOND, MINUTE).delays();
        for exact in [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs) {
            let delay = delays.next_delay();
            assert!((exact..=2 * exact).contains(&delay), "{delay:?} for {exact:?}");
        }
    }

    #[test]
    fn jittered_delays_differ_between_daemons() {
        let sequence = || {
            let mut delays = Backoff::jittered(SECOND, MINUTE).delays();
            (0..10).map(|_| delays.next_delay()).collect::<Vec<_>>()
        };
        assert_ne!(sequence(), sequence());
    }

    #[test]
    fn schedule_delays_each_key_after_its_own_failures() {
        let mut schedule = RetrySchedule::new(Backoff::exact(SECOND, MINUTE));
        let start = Timestamp::from_millis(0);
        assert!(schedule.permits("web", start));
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            schedule.record_failure("web", start);
            let retry_at = start.after(Duration::from_secs(expected));
            assert_eq!(schedule.retry_at("web"), Some(retry_at));
            assert!(!schedule.permits("web", retry_at.before(Duration::from_millis(1))));
            assert!(schedule.permits("web", retry_at));
            assert!(schedule.permits("db", start));
        }
        schedule.retain(|key| key != "web");
        assert!(schedule.permits("web", start));
    }
}
