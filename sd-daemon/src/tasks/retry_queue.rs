//! Runs fallible work on containers, several at a time, and delays the next attempt at each.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::backoff::{Backoff, RetrySchedule};
use crate::domain::Timestamp;
use crate::service::ServiceError;

/// The delays between two attempts at the same work. Without jitter: the engine is on the same host, and
/// each piece of work waits from its own last attempt.
const RETRY_DELAYS: Backoff = Backoff::exact(Duration::from_secs(1), Duration::from_secs(60));

/// Work in progress, and the earliest time of the next attempt at each piece of it. `Key` names one
/// piece: a container, or one action on a container.
pub(super) struct RetryQueue<Key> {
    limit: usize,
    running: JoinSet<(Key, Result<(), ServiceError>)>,
    in_progress: HashSet<Key>,
    schedule: RetrySchedule<Key>,
}

impl<Key: Copy + Eq + Hash + Send + 'static> RetryQueue<Key> {
    /// An empty queue that runs at most `limit` pieces of work at a time.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            running: JoinSet::new(),
            in_progress: HashSet::new(),
            schedule: RetrySchedule::new(RETRY_DELAYS),
        }
    }

    /// Forgets the delays of work that is no longer needed.
    pub(super) fn retain(&mut self, is_needed: impl Fn(Key) -> bool) {
        self.schedule.retain(is_needed);
    }

    /// Starts this work unless it is in progress or delayed, or the limit is reached.
    pub(super) fn start(
        &mut self,
        key: Key,
        now: Timestamp,
        work: impl Future<Output = Result<(), ServiceError>> + Send + 'static,
    ) {
        let has_capacity = self.running.len() < self.limit;
        if has_capacity && self.schedule.permits(key, now) && self.in_progress.insert(key) {
            self.running.spawn(async move { (key, work.await) });
        }
    }

    /// The earliest time of the next attempt. Returns `None` if this work was not attempted yet.
    pub(super) fn retry_at(&self, key: Key) -> Option<Timestamp> {
        self.schedule.retry_at(key)
    }

    /// Waits until a piece of work has finished. Waits forever while none is running.
    pub(super) async fn next_finished(&mut self) -> Finished<Key> {
        loop {
            match self.running.join_next().await {
                Some(Ok((key, result))) => return Finished { key, result },
                // The service reports a panic as an error, so the work itself does not panic. Its key stays
                // in progress, and it is not tried again.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Delays the next attempt at finished work, after success too: work that is no longer needed is
    /// forgotten by [`Self::retain`], and once a second is often enough for work that is.
    pub(super) fn delay_next_attempt(&mut self, finished: &Finished<Key>, now: Timestamp) {
        self.in_progress.remove(&finished.key);
        self.schedule.record_failure(finished.key, now);
    }
}

/// One finished attempt.
pub(super) struct Finished<Key> {
    /// The work that was attempted.
    pub(super) key: Key,
    /// Whether it succeeded.
    pub(super) result: Result<(), ServiceError>,
}
