//! When to try again what failed.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::domain::Timestamp;

/// The first pause; each further failure doubles it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses after failures, for each piece of work on its own.
///
/// There is no jitter: the engine is on the same host, and each waits from its own failure.
#[derive(Debug)]
pub(super) struct Backoff<Work> {
    failures: HashMap<Work, Failure>,
}

impl<Work> Default for Backoff<Work> {
    fn default() -> Self {
        Self {
            failures: HashMap::new(),
        }
    }
}

#[derive(Debug)]
struct Failure {
    pause: Duration,
    until: Timestamp,
}

impl<Work: Copy + Eq + Hash> Backoff<Work> {
    /// Whether the pause after the last failure is over.
    pub(super) fn permits(&self, which: Work, now: Timestamp) -> bool {
        self.failures
            .get(&which)
            .is_none_or(|failure| now >= failure.until)
    }

    /// The end of the pause after the last failure.
    pub(super) fn until(&self, which: Work) -> Option<Timestamp> {
        self.failures.get(&which).map(|failure| failure.until)
    }

    /// Begins a pause.
    pub(super) fn failed(&mut self, which: Work, now: Timestamp) {
        let pause = self
            .failures
            .get(&which)
            .map_or(FIRST, |failure| (failure.pause * 2).min(LONGEST));
        self.failures.insert(
            which,
            Failure {
                pause,
                until: now.after(pause),
            },
        );
    }

    /// Forgets everything about what needs no further try.
    pub(super) fn retain(&mut self, is_needed: impl Fn(Work) -> bool) {
        self.failures.retain(|which, _| is_needed(*which));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_end() {
        let (mut backoff, id) = (Backoff::default(), "web");
        let start = Timestamp::from_millis(0);
        assert!(backoff.permits(id, start));
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            backoff.failed(id, start);
            let end = start.after(Duration::from_secs(expected));
            assert_eq!(backoff.until(id), Some(end));
            assert!(!backoff.permits(id, end.before(Duration::from_millis(1))));
            assert!(backoff.permits(id, end));
        }
        backoff.retain(|_| false);
        assert!(backoff.permits(id, start));
    }
}
