//! The state of one connection, and when it is stalled.

use std::time::{Duration, Instant};

use super::timeouts::ConnectionLimits;

/// Whether the client reads the bytes of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteProgress {
    Writing,
    Blocked,
}

/// The next thing that the daemon waits for on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waiting {
    /// The headers of the first request, or the rest of the headers of a later one.
    Headers { since: Instant },
    /// Another request on a keep-alive connection.
    Request { since: Instant },
    /// The body of a request. The handler that reads it has the timeout for the whole of it.
    Body { since: Instant },
    /// The client waits for the daemon.
    Nothing,
}

/// Which connections the short timeout applies to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overload {
    /// All of them.
    pub(super) of_listener: bool,
    /// The unauthenticated ones of this client address.
    pub(super) of_address: bool,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct ConnectionState {
    is_authenticated: bool,
    waiting: Waiting,
    blocked_since: Option<Instant>,
    /// Its timeout has passed, and no bytes have arrived since.
    is_evicted: bool,
}

impl ConnectionState {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            is_authenticated: false,
            waiting: Waiting::Headers { since: now },
            blocked_since: None,
            is_evicted: false,
        }
    }

    #[cfg(test)]
    pub(super) fn waiting_for(waiting: Waiting, now: Instant) -> Self {
        Self {
            waiting,
            ..Self::new(now)
        }
    }

    pub(super) fn waiting(&self) -> Waiting {
        self.waiting
    }

    /// Starts a new wait, which cancels an eviction.
    pub(super) fn wait(&mut self, waiting: Waiting) {
        self.waiting = waiting;
        self.is_evicted = false;
    }

    pub(super) fn set_write_progress(&mut self, progress: WriteProgress, now: Instant) {
        match progress {
            WriteProgress::Writing => {
                self.blocked_since = None;
                self.is_evicted = false;
            }
            WriteProgress::Blocked => {
                self.blocked_since.get_or_insert(now);
            }
        }
    }

    /// Marks the connection as authenticated. Returns `true` the first time.
    pub(super) fn authenticate(&mut self) -> bool {
        !std::mem::replace(&mut self.is_authenticated, true)
    }

    pub(super) fn evict(&mut self) {
        self.is_evicted = true;
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.is_evicted
    }

    /// Whether a timeout of the connection has passed.
    pub(super) fn is_stalled(&self, limits: &ConnectionLimits, overload: Overload, now: Instant) -> bool {
        let is_overload = overload.of_listener || (overload.of_address && !self.is_authenticated);
        let has_passed = |since: Instant, limit: Duration| now.saturating_duration_since(since) > limit;
        let effective = |limit: Duration| if is_overload { limits.overload } else { limit };
        let is_waiting_too_long = match self.waiting {
            Waiting::Headers { since } => has_passed(since, effective(limits.headers)),
            Waiting::Request { since } => has_passed(since, effective(limits.keep_alive)),
            Waiting::Body { since } => {
                is_overload && !self.is_authenticated && has_passed(since, limits.overload)
            }
            Waiting::Nothing => false,
        };
        // An authenticated client may read slowly also under overload: it has requested the response.
        let unread = if self.is_authenticated {
            limits.unread
        } else {
            effective(limits.unread)
        };
        is_waiting_too_long || self.blocked_since.is_some_and(|since| has_passed(since, unread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const OF_ADDRESS: Overload = Overload {
        of_listener: false,
        of_address: true,
    };
    const OF_LISTENER: Overload = Overload {
        of_listener: true,
        of_address: false,
    };

    type WaitingSince = fn(Instant) -> Waiting;

    /// The number of seconds after which a connection is stalled. `None` means more than 200.
    fn stalls_after(state: &ConnectionState, overload: Overload, began: Instant) -> Option<u32> {
        let limits = ConnectionLimits::default();
        (0..200).find(|seconds| state.is_stalled(&limits, overload, began + SECOND * *seconds))
    }

    #[test]
    fn overload_shortens_each_timeout_to_one_second() {
        let began = Instant::now();
        let cases: [(WaitingSince, _, _); 4] = [
            (|since| Waiting::Headers { since }, Some(11), Some(2)),
            (|since| Waiting::Request { since }, Some(76), Some(2)),
            (|since| Waiting::Body { since }, None, Some(2)),
            (|_| Waiting::Nothing, None, None),
        ];
        for (waiting, normal, short) in cases {
            let mut state = ConnectionState::waiting_for(waiting(began), began);
            let after = |state: &_, overload| stalls_after(state, overload, began);
            assert_eq!(after(&state, Overload::default()), normal, "{state:?}");
            assert_eq!(after(&state, OF_ADDRESS), short, "{state:?}");
            assert_eq!(after(&state, OF_LISTENER), short, "{state:?}");
            state.authenticate();
            assert_eq!(after(&state, OF_ADDRESS), normal, "{state:?}");
        }
    }

    #[test]
    fn unread_response_stalls_a_connection() {
        let began = Instant::now();
        let mut state = ConnectionState::waiting_for(Waiting::Nothing, began);
        assert_eq!(stalls_after(&state, Overload::default(), began), None);
        state.set_write_progress(WriteProgress::Blocked, began);
        assert_eq!(stalls_after(&state, Overload::default(), began), Some(21));
        assert_eq!(stalls_after(&state, OF_LISTENER, began), Some(2));
        state.authenticate();
        assert_eq!(stalls_after(&state, OF_LISTENER, began), Some(21));
        state.set_write_progress(WriteProgress::Writing, began);
        assert_eq!(stalls_after(&state, Overload::default(), began), None);
    }
}
