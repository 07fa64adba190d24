//! Stops containers that nobody uses, to the second.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use crate::clock::Clock;
use crate::domain::{ContainerId, Timestamp};
use crate::service::{Service, ServiceError};

/// Idle stops at once. A host with hundreds of idle containers stays usable while they end.
const STOPS_AT_ONCE: usize = 8;
/// Longest sleep, in case a deadline moved in a way that nothing announced.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Shortest time between two sweeps, however often something changes.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);
/// A machine that did not run for this long was suspended; less is scheduling.
const SUSPENSION: Duration = Duration::from_secs(5);

type Stops = JoinSet<(ContainerId, Result<(), ServiceError>)>;

/// Sleeps until the first deadline, stops what is due, and begins again, until told to stop.
///
/// It only proposes: the service asks the rule again, under the container's lock.
pub async fn reap_idle(service: Service, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    let mut snapshots = service.subscribe();
    let mut backoff = Backoff::default();
    let mut stops = Stops::new();
    let mut stopping: Vec<ContainerId> = Vec::new();
    let mut suspended = clock.suspended();
    loop {
        if clock.suspended() >= suspended + SUSPENSION {
            tracing::info!("the machine was suspended: every container is granted time to report");
            service.resume();
        }
        suspended = clock.suspended();

        snapshots.mark_unchanged();
        let now = clock.now();
        let sweep = Sweep::of(&service, &stopping, &backoff, now);
        backoff.retain(|id| sweep.idle.contains(&id));
        for (id, generation) in sweep
            .due
            .into_iter()
            .take(STOPS_AT_ONCE.saturating_sub(stops.len()))
        {
            stopping.push(id);
            let service = service.clone();
            stops.spawn(async move { (id, service.stop_idle(id, generation).await) });
        }

        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(ended) = stops.join_next() => {
                let Ok((id, result)) = ended else { return };
                stopping.retain(|other| *other != id);
                if let Err(error) = result {
                    tracing::warn!(container = %id, %error, "failed to stop an idle container; it will be tried again");
                    backoff.failed(id, clock.now());
                }
            }
            () = clock.sleep_until(sweep.next.max(now.after(SHORTEST_SLEEP))) => {}
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
struct Sweep {
    /// Everything past its deadline.
    idle: Vec<ContainerId>,
    /// What is to be stopped now, with its run.
    due: Vec<(ContainerId, u64)>,
    /// When to look again.
    next: Timestamp,
}

impl Sweep {
    fn of(service: &Service, stopping: &[ContainerId], backoff: &Backoff, now: Timestamp) -> Self {
        let rule = service.idle_rule();
        let mut sweep = Self {
            idle: Vec::new(),
            due: Vec::new(),
            next: now.after(LONGEST_SLEEP),
        };
        for record in service.snapshot().records() {
            let Some(stops_at) = rule.stops_at(record) else {
                continue;
            };
            let id = record.id();
            if stops_at > now {
                sweep.next = sweep.next.min(stops_at);
                continue;
            }
            sweep.idle.push(id);
            if stopping.contains(&id) {
                continue;
            }
            if backoff.permits(id, now) {
                sweep.due.push((id, record.generation()));
            } else if let Some(until) = backoff.until(id) {
                sweep.next = sweep.next.min(until);
            }
        }
        sweep
    }
}
