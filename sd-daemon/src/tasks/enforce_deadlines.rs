//! Warns of the stop of containers that nobody uses, stops them, and removes what has been at rest for as
//! long as it may; to the second.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::retry_queue::RetryQueue;
use crate::clock::Clock;
use crate::domain::{ContainerId, Due, Timestamp};
use crate::service::Service;

/// What is done at once. A host with hundreds of idle containers stays usable while they end.
const AT_ONCE: usize = 8;
/// Longest sleep, in case a deadline moved in a way that nothing announced.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Shortest time between two sweeps, however often something changes.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);
/// A machine that did not run for this long was suspended; less is scheduling.
const SUSPENSION: Duration = Duration::from_secs(5);

/// Sleeps until the first moment that something is due, does it, and begins again, until told to stop.
///
/// It only proposes: the service asks the rule again, under the container's lock.
pub async fn enforce_deadlines(service: Service, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    let mut snapshots = service.subscribe();
    let mut attempts = RetryQueue::new(AT_ONCE);
    let mut suspended = clock.suspended();
    loop {
        if clock.suspended() >= suspended + SUSPENSION {
            tracing::info!("the machine was suspended: every container is granted time to report");
            service.containers().grant_grace_after_suspend();
        }
        suspended = clock.suspended();

        snapshots.mark_unchanged();
        let now = clock.now();
        let sweep = DueScan::of(&service, now);
        attempts.retain(|work| sweep.due.iter().any(|due| due.work() == work));
        for due @ DueContainer { id, generation, what } in sweep.due.iter().copied() {
            let service = service.clone();
            attempts.start(due.work(), now, async move {
                service.apply_deadline(id, generation, what).await
            });
        }

        let wake_at = sweep.wake_at(&attempts, now);
        tokio::select! {
            () = shutdown.cancelled() => return,
            ended = attempts.next_finished() => {
                if let Err(error) = &ended.result {
                    tracing::warn!(container = %ended.key.0, %error, "failed to put a container away; it will be tried again");
                }
                attempts.delay_next_attempt(&ended, clock.now());
            }
            () = clock.sleep_until(wake_at) => {}
            Ok(()) = snapshots.changed() => {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = clock.sleep_until(now.after(SHORTEST_SLEEP)) => {}
                }
            }
        }
    }
}

/// What one look at all containers finds.
struct DueScan {
    /// What is due.
    due: Vec<DueContainer>,
    /// When something else will be.
    next: Option<Timestamp>,
}

/// A container that is due for something, in a run.
#[derive(Clone, Copy)]
struct DueContainer {
    id: ContainerId,
    generation: u64,
    what: Due,
}

impl DueContainer {
    /// A container that is warned may become due for its stop meanwhile.
    fn work(&self) -> (ContainerId, Due) {
        (self.id, self.what)
    }
}

impl DueScan {
    fn of(service: &Service, now: Timestamp) -> Self {
        let policy = service.policy();
        let mut sweep = Self {
            due: Vec::new(),
            next: None,
        };
        for record in service.snapshot().records() {
            match policy.next_due(record, now) {
                Some((at, _)) if at > now => {
                    sweep.next = Some(sweep.next.map_or(at, |next| next.min(at)));
                }
                Some((_, what)) => sweep.due.push(DueContainer {
                    id: record.id(),
                    generation: record.generation(),
                    what,
                }),
                None => {}
            }
        }
        sweep
    }

    /// The next deadline, or the end of a pause after a failure.
    fn wake_at(&self, attempts: &RetryQueue<(ContainerId, Due)>, now: Timestamp) -> Timestamp {
        let retries = self.due.iter().filter_map(|due| attempts.retry_at(due.work()));
        let first = retries.chain(self.next).chain([now.after(LONGEST_SLEEP)]).min();
        first.unwrap_or(now).max(now.after(SHORTEST_SLEEP))
    }
}
