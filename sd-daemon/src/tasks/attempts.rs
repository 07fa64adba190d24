//! Work on containers that may fail and is then tried again.

use std::collections::HashSet;

use tokio::task::JoinSet;

use super::backoff::Backoff;
use crate::domain::{ContainerId, Timestamp};
use crate::service::ServiceError;

/// Work on several containers at once, with a pause for each after each try.
pub(super) struct Attempts {
    at_once: usize,
    running: JoinSet<(ContainerId, Result<(), ServiceError>)>,
    in_progress: HashSet<ContainerId>,
    backoff: Backoff,
}

impl Attempts {
    /// Nothing yet; later so many at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once,
            running: JoinSet::new(),
            in_progress: HashSet::new(),
            backoff: Backoff::default(),
        }
    }

    /// Forgets the pauses of containers that need no work any more.
    pub(super) fn retain(&mut self, needs_work: impl Fn(ContainerId) -> bool) {
        self.backoff.retain(needs_work);
    }

    /// Begins to work on a container, unless that is going on, has to wait, or there is no place.
    pub(super) fn begin(
        &mut self,
        id: ContainerId,
        now: Timestamp,
        work: impl Future<Output = Result<(), ServiceError>> + Send + 'static,
    ) {
        let has_place = self.running.len() < self.at_once;
        if has_place && self.backoff.permits(id, now) && self.in_progress.insert(id) {
            self.running.spawn(async move { (id, work.await) });
        }
    }

    /// When a container that waits may be tried again.
    pub(super) fn waits_until(&self, id: ContainerId) -> Option<Timestamp> {
        self.backoff.until(id)
    }

    /// Waits until some work has ended; for ever while there is none.
    pub(super) async fn ended(&mut self) -> Ended {
        loop {
            match self.running.join_next().await {
                Some(Ok((id, result))) => return Ended { id, result },
                // A panic in the work is the service's to report; this container is not tried again.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Begins the pause after some work. It is as well begun after success: a container that needs no
    /// more work is forgotten, and for one that still does once a second is often enough.
    pub(super) fn pause_after(&mut self, ended: &Ended, now: Timestamp) {
        self.in_progress.remove(&ended.id);
        self.backoff.failed(ended.id, now);
    }
}

/// Some work that has ended.
pub(super) struct Ended {
    /// The container.
    pub(super) id: ContainerId,
    /// How it went.
    pub(super) result: Result<(), ServiceError>,
}
