//! Waits for conditions.
//!
//! Every wait ends at an event or at [`HANG_LIMIT`]. A test that proves an absence waits for a witness: an event that
//! cannot happen earlier than the one that must not happen.

use std::sync::Arc;
use std::time::Duration;

use sd_client::api::{Activity, Container, Status};
use sd_daemon::engine::fake::Hold;
use sd_daemon::registry::Snapshot;

use super::{HANG_LIMIT, NUDGE, POLLS_BEFORE_NUDGE, TICK, TestDaemon, id, with_timeout};

/// Real time that the daemon gets to react to each second of its own time.
const PACE: Duration = Duration::from_millis(2);

impl TestDaemon {
    /// Waits until the activity object of a container satisfies a condition.
    pub(crate) async fn until_activity(
        &self,
        container: &Container,
        is_wanted: impl Fn(&Activity) -> bool,
    ) -> Activity {
        let reached = async {
            loop {
                let seen = self.activity(container).await;
                if is_wanted(&seen) {
                    return seen;
                }
                // Probe results are not in the registry, so there is no notification to wait for.
                tokio::time::sleep(TICK).await;
            }
        };
        if let Ok(seen) = tokio::time::timeout(HANG_LIMIT, reached).await {
            return seen;
        }
        panic!(
            "the activity never satisfies the condition: {:?}",
            self.activity(container).await
        )
    }

    /// Waits until a container has been probed at the current time of the clock.
    ///
    /// A task that began its pause while the clock moved needs a little more time. The clock is nudged only then,
    /// because tests assert on its time.
    pub(crate) async fn until_probed(&self, container: &Container) -> Activity {
        let now = self.now();
        let polls = std::cell::Cell::new(0);
        self.until_activity(container, |seen| {
            polls.set(polls.get() + 1);
            if u32::is_multiple_of(polls.get(), POLLS_BEFORE_NUDGE) {
                self.clock.advance(NUDGE);
            }
            seen.connections
                .as_ref()
                .is_some_and(|connections| connections.seen_at >= now)
        })
        .await
    }

    /// Waits until a snapshot of the registry satisfies a condition.
    pub(crate) async fn until_registry(&self, is_wanted: impl FnMut(&Arc<Snapshot>) -> bool) {
        let mut snapshots = self.registry.subscribe();
        let reached = tokio::time::timeout(HANG_LIMIT, snapshots.wait_for(is_wanted)).await;
        assert!(
            reached.is_ok(),
            "the registry never satisfies the condition: {:?}",
            self.registry.snapshot()
        );
    }

    /// Waits until the registry changes.
    pub(crate) async fn registry_change(&self) {
        drop(self.registry.subscribe().changed().await);
    }

    /// Waits until the container object satisfies a condition.
    pub(crate) async fn until(
        &self,
        container: &Container,
        is_wanted: impl Fn(&Container) -> bool,
    ) -> Container {
        let mut snapshots = self.registry.subscribe();
        let reached = async {
            loop {
                snapshots.mark_unchanged();
                let seen = self.get(container).await;
                if is_wanted(&seen) {
                    return seen;
                }
                // Deadlines also depend on the clock, which does not notify.
                drop(tokio::time::timeout(TICK, snapshots.changed()).await);
            }
        };
        if let Ok(seen) = tokio::time::timeout(HANG_LIMIT, reached).await {
            return seen;
        }
        panic!(
            "the container never satisfies the condition: {:?}",
            self.get(container).await
        )
    }

    /// Waits until a container has this status.
    pub(crate) async fn until_status(&self, container: &Container, status: Status) -> Container {
        self.until(container, |seen| seen.status == status).await
    }

    /// Advances the clock second by second until an engine call is held.
    pub(crate) async fn advance_until_held(&self, hold: &Hold) {
        let reached = async {
            // The daemon gets real time to react to each second of its own time.
            while tokio::time::timeout(PACE, hold.reached()).await.is_err() {
                self.clock.advance(Duration::from_secs(1));
            }
        };
        with_timeout(reached).await;
    }

    /// Waits until the registry has no row of a container.
    pub(crate) async fn until_gone(&self, container: &Container) {
        self.until_registry(|snapshot| snapshot.get(id(container)).is_none())
            .await;
    }

    /// Advances the clock second by second until a snapshot of the registry satisfies a condition.
    pub(crate) async fn advance_until(&self, mut is_wanted: impl FnMut(&Arc<Snapshot>) -> bool) {
        let mut snapshots = self.registry.subscribe();
        let reached = async {
            while !is_wanted(&snapshots.borrow_and_update().clone()) {
                self.clock.advance(Duration::from_secs(1));
                drop(tokio::time::timeout(PACE, snapshots.changed()).await);
            }
        };
        let reached = tokio::time::timeout(HANG_LIMIT, reached).await;
        assert!(
            reached.is_ok(),
            "the registry never satisfies the condition: {:?}",
            self.registry.snapshot()
        );
    }
}
