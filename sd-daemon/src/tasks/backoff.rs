//! When to try again what failed for one container.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::{ContainerId, Timestamp};

/// The first pause; each further failure doubles it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses after failures, for each container on its own.
///
/// There is no jitter: the engine is on the same host, and each container waits from its own failure.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: HashMap<ContainerId, Failure>,
}

#[derive(Debug)]
struct Failure {
    pause: Duration,
    until: Timestamp,
}

impl Backoff {
    /// Whether the pause after the last failure is over.
    pub(super) fn permits(&self, id: ContainerId, now: Timestamp) -> bool {
        self.failures.get(&id).is_none_or(|failure| now >= failure.until)
    }

    /// The end of the pause after the last failure.
    pub(super) fn until(&self, id: ContainerId) -> Option<Timestamp> {
        self.failures.get(&id).map(|failure| failure.until)
    }

    /// Begins a pause.
    pub(super) fn failed(&mut self, id: ContainerId, now: Timestamp) {
        let pause = self
            .failures
            .get(&id)
            .map_or(FIRST, |failure| (failure.pause * 2).min(LONGEST));
        self.failures.insert(
            id,
            Failure {
                pause,
                until: now.after(pause),
            },
        );
    }

    /// Forgets everything about containers that need no further try.
    pub(super) fn retain(&mut self, is_needed: impl Fn(ContainerId) -> bool) {
        self.failures.retain(|id, _| is_needed(*id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_end() {
        let (mut backoff, id) = (Backoff::default(), "ab".repeat(32).parse().unwrap());
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
