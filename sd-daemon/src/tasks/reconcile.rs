//! Completes what was requested and failed, and reconciles all containers once a minute.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::retry_queue::RetryQueue;
use crate::clock::Clock;
use crate::domain::{ContainerId, Timestamp};
use crate::service::Service;
use crate::task_status::TaskReporter;

/// How often all containers are reconciled, even without an event of the engine.
const INTERVAL: Duration = Duration::from_secs(60);
/// How often unfinished containers are considered.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Containers that are reconciled at the same time.
const AT_ONCE: usize = 8;

/// Reconciles unfinished containers with growing delays, and all containers each minute, until `shutdown`.
pub async fn reconcile(
    service: Service,
    clock: Arc<dyn Clock>,
    status: TaskReporter,
    shutdown: CancellationToken,
) {
    let mut snapshots = service.subscribe();
    let mut queue = RetryQueue::new(AT_ONCE);
    let mut full_run = JoinSet::new();
    let mut next_full_run = clock.now().after(INTERVAL);
    loop {
        snapshots.mark_unchanged();
        let now = clock.now();
        let unfinished = unfinished(&service);
        queue.retain(|id| unfinished.contains(&id));
        start_reconciles(&mut queue, &service, &unfinished, now);
        if now >= next_full_run && full_run.is_empty() {
            next_full_run = now.after(INTERVAL);
            let service = service.clone();
            full_run.spawn(async move { service.reconcile_all().await });
        }

        tokio::select! {
            () = shutdown.cancelled() => return,
            finished = queue.next_finished() => {
                if let Err(error) = &finished.result {
                    tracing::warn!(container = %finished.key, %error, "failed to reconcile a container; retrying");
                    status.failed(error.public_message());
                }
                queue.delay_next_attempt(&finished, clock.now());
            }
            Some(finished) = full_run.join_next() => match finished {
                Ok(Ok(())) => status.succeeded(),
                Ok(Err(error)) => {
                    // The task that follows events logs that the engine is unavailable.
                    tracing::debug!(%error, "failed to reconcile all containers");
                    status.failed(error.public_message());
                }
                Err(_) => status.failed("a reconciliation panicked"),
            },
            () = clock.sleep_until(wake_at(&unfinished, now, next_full_run)) => {}
            Ok(()) = snapshots.changed(), if unfinished.is_empty() => {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = clock.sleep_until(now.after(RETRY_INTERVAL)) => {}
                }
            }
        }
    }
}

/// Starts to reconcile each unfinished container, except those that an operation works on already.
fn start_reconciles(
    queue: &mut RetryQueue<ContainerId>,
    service: &Service,
    unfinished: &[ContainerId],
    now: Timestamp,
) {
    for id in unfinished.iter().copied() {
        let containers = Arc::clone(service.containers());
        if !containers.is_busy(id) {
            queue.start(id, now, async move { containers.reconcile_unless_busy(id).await });
        }
    }
}

/// Containers in a state that an operation has to lead out of: starting, stopping, removing.
fn unfinished(service: &Service) -> Vec<ContainerId> {
    let snapshot = service.snapshot();
    let unfinished = snapshot
        .records()
        .filter(|record| record.lifecycle().is_unfinished());
    unfinished.map(|record| record.id()).collect()
}

fn wake_at(unfinished: &[ContainerId], now: Timestamp, next_full_run: Timestamp) -> Timestamp {
    if unfinished.is_empty() {
        next_full_run
    } else {
        next_full_run.min(now.after(RETRY_INTERVAL))
    }
}
