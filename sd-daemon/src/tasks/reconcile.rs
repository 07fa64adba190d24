//! The safety net: finishes what was begun and failed, and looks at everything once in a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::retry_queue::RetryQueue;
use crate::clock::Clock;
use crate::domain::{ContainerId, Timestamp};
use crate::service::Service;

/// Everything is looked at this often, even when no event asked for it.
const INTERVAL: Duration = Duration::from_secs(60);
/// How often unfinished containers are considered.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Containers that are finished at once.
const AT_ONCE: usize = 8;

/// Looks after unfinished containers, with growing pauses, and after all of them each minute, until told
/// to stop.
pub async fn reconcile(service: Service, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    let mut snapshots = service.subscribe();
    let mut attempts = RetryQueue::new(AT_ONCE);
    let mut full = JoinSet::new();
    let mut next_full = clock.now().after(INTERVAL);
    loop {
        snapshots.mark_unchanged();
        let now = clock.now();
        let unfinished = unfinished(&service);
        attempts.retain(|id| unfinished.contains(&id));
        // What an operation is busy with is being finished.
        for id in unfinished
            .iter()
            .copied()
            .filter(|id| !service.containers().is_busy(*id))
        {
            let service = service.clone();
            attempts.start(id, now, async move {
                service.containers().reconcile_unless_busy(id).await
            });
        }
        if now >= next_full && full.is_empty() {
            next_full = now.after(INTERVAL);
            let service = service.clone();
            full.spawn(async move { service.reconcile_all().await });
        }

        tokio::select! {
            () = shutdown.cancelled() => return,
            ended = attempts.next_finished() => {
                if let Err(error) = &ended.result {
                    tracing::warn!(container = %ended.key, %error, "failed to finish with a container; it will be tried again");
                }
                attempts.delay_next_attempt(&ended, clock.now());
            }
            Some(ended) = full.join_next() => {
                if let Ok(Err(error)) = ended {
                    tracing::debug!(%error, "failed to look at every container");
                }
            }
            () = clock.sleep_until(wake_at(&unfinished, now, next_full)) => {}
            Ok(()) = snapshots.changed(), if unfinished.is_empty() => {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = clock.sleep_until(now.after(RETRY_INTERVAL)) => {}
                }
            }
        }
    }
}

/// Containers in a state that somebody should be leading out of.
fn unfinished(service: &Service) -> Vec<ContainerId> {
    let snapshot = service.snapshot();
    let unfinished = snapshot
        .records()
        .filter(|record| record.lifecycle().is_unfinished());
    unfinished.map(|record| record.id()).collect()
}

fn wake_at(unfinished: &[ContainerId], now: Timestamp, next_full: Timestamp) -> Timestamp {
    if unfinished.is_empty() {
        next_full
    } else {
        next_full.min(now.after(RETRY_INTERVAL))
    }
}
