//! Work on containers that may fail and is then tried again.

use std::collections::HashSet;
use std::hash::Hash;

use tokio::task::JoinSet;

use super::backoff::Backoff;
use crate::domain::Timestamp;
use crate::service::ServiceError;

/// Several pieces of work at once, with a pause for each after each try. `Work` names one: a container, or
/// one of several things to do with it.
pub(super) struct RetryQueue<Work> {
    at_once: usize,
    running: JoinSet<(Work, Result<(), ServiceError>)>,
    in_progress: HashSet<Work>,
    backoff: Backoff<Work>,
}

impl<Work: Copy + Eq + Hash + Send + 'static> RetryQueue<Work> {
    /// Nothing yet; later so many at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once,
            running: JoinSet::new(),
            in_progress: HashSet::new(),
            backoff: Backoff::default(),
        }
    }

    /// Forgets the pauses of work that is not needed any more.
    pub(super) fn retain(&mut self, needs_work: impl Fn(Work) -> bool) {
        self.backoff.retain(needs_work);
    }

    /// Begins some work, unless it is going on, has to wait, or there is no place.
    pub(super) fn begin(
        &mut self,
        which: Work,
        now: Timestamp,
        work: impl Future<Output = Result<(), ServiceError>> + Send + 'static,
    ) {
        let has_place = self.running.len() < self.at_once;
        if has_place && self.backoff.permits(which, now) && self.in_progress.insert(which) {
            self.running.spawn(async move { (which, work.await) });
        }
    }

    /// When work that waits may be tried again.
    pub(super) fn waits_until(&self, which: Work) -> Option<Timestamp> {
        self.backoff.until(which)
    }

    /// Waits until some work has ended; for ever while there is none.
    pub(super) async fn ended(&mut self) -> Ended<Work> {
        loop {
            match self.running.join_next().await {
                Some(Ok((which, result))) => return Ended { which, result },
                // A panic in the work is the service's to report; this is not tried again.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Begins the pause after some work. It is as well begun after success: what is not needed any
    /// more is forgotten, and for what still is once a second is often enough.
    pub(super) fn pause_after(&mut self, ended: &Ended<Work>, now: Timestamp) {
        self.in_progress.remove(&ended.which);
        self.backoff.failed(ended.which, now);
    }
}

/// Some work that has ended.
pub(super) struct Ended<Work> {
    /// Which.
    pub(super) which: Work,
    /// How it went.
    pub(super) result: Result<(), ServiceError>,
}
