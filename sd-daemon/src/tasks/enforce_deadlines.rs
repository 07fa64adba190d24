//! Warns of the stop of idle containers, stops them, and removes containers that have been stopped for long
//! enough, to the second.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::retry_queue::RetryQueue;
use crate::clock::Clock;
use crate::domain::{ContainerId, Due, Timestamp};
use crate::service::{Service, ServiceError};
use crate::task_status::TaskReporter;

/// Deadlines that are applied at the same time. A host with hundreds of idle containers stays usable.
const AT_ONCE: usize = 8;
/// Longest sleep, in case a deadline changed without a new snapshot.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Shortest time between two scans, however often a snapshot changes.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);
/// A machine that did not run for this long was suspended. A shorter gap is scheduling.
const SUSPENSION: Duration = Duration::from_secs(5);

/// Sleeps until the first deadline, applies it, and starts again, until `shutdown`.
///
/// A deadline found here is a proposal: the service evaluates the policy again, under the container's lock.
pub async fn enforce_deadlines(
    service: Service,
    clock: Arc<dyn Clock>,
    status: TaskReporter,
    shutdown: CancellationToken,
) {
    let mut snapshots = service.subscribe();
    let mut queue = RetryQueue::new(AT_ONCE);
    let mut suspended = clock.suspended();
    loop {
        if clock.suspended() >= suspended + SUSPENSION {
            tracing::info!("the machine was suspended; granting every container time to check in");
            service.containers().grant_grace_after_suspend();
        }
        suspended = clock.suspended();

        snapshots.mark_unchanged();
        let now = clock.now();
        let scan = DueScan::of(&service, now);
        queue.retain(|key| scan.due.iter().any(|due| due.key() == key));
        if scan.due.is_empty() {
            status.succeeded();
        }
        for due in &scan.due {
            let (service, due) = (service.clone(), *due);
            queue.start(due.key(), now, async move { due.apply(&service).await });
        }

        let wake_at = scan.wake_at(&queue, now);
        tokio::select! {
            () = shutdown.cancelled() => return,
            finished = queue.next_finished() => {
                match &finished.result {
                    Ok(()) => status.succeeded(),
                    Err(error) => {
                        let (container, due) = finished.key;
                        tracing::warn!(%container, ?due, %error, "failed to apply a container deadline; retrying");
                        status.failed(error.public_message());
                    }
                }
                queue.delay_next_attempt(&finished, clock.now());
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

/// The result of one scan of all containers.
struct DueScan {
    /// The deadlines that have passed.
    due: Vec<DueContainer>,
    /// The next deadline.
    next: Option<Timestamp>,
}

/// A deadline of a run that has passed.
#[derive(Clone, Copy)]
struct DueContainer {
    id: ContainerId,
    generation: u64,
    due: Due,
}

impl DueContainer {
    /// A container may become due for its stop while its warning is in progress.
    fn key(&self) -> (ContainerId, Due) {
        (self.id, self.due)
    }

    async fn apply(&self, service: &Service) -> Result<(), ServiceError> {
        service.apply_deadline(self.id, self.generation, self.due).await
    }
}

impl DueScan {
    fn of(service: &Service, now: Timestamp) -> Self {
        let policy = service.policy();
        let mut scan = Self {
            due: Vec::new(),
            next: None,
        };
        for record in service.snapshot().records() {
            match policy.next_due(record, now) {
                Some((at, _)) if at > now => {
                    scan.next = Some(scan.next.map_or(at, |next| next.min(at)));
                }
                Some((_, due)) => scan.due.push(DueContainer {
                    id: record.id(),
                    generation: record.generation(),
                    due,
                }),
                None => {}
            }
        }
        scan
    }

    /// The next deadline, or the end of a delay after a failure.
    fn wake_at(&self, queue: &RetryQueue<(ContainerId, Due)>, now: Timestamp) -> Timestamp {
        let retries = self.due.iter().filter_map(|due| queue.retry_at(due.key()));
        let first = retries.chain(self.next).chain([now.after(LONGEST_SLEEP)]).min();
        first.unwrap_or(now).max(now.after(SHORTEST_SLEEP))
    }
}
