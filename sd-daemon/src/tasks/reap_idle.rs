//! Stops containers that nobody uses, to the second.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempts::Attempts;
use crate::clock::Clock;
use crate::domain::{ContainerId, Timestamp};
use crate::service::Service;

/// Idle stops at once. A host with hundreds of idle containers stays usable while they end.
const STOPS_AT_ONCE: usize = 8;
/// Longest sleep, in case a deadline moved in a way that nothing announced.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Shortest time between two sweeps, however often something changes.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);
/// A machine that did not run for this long was suspended; less is scheduling.
const SUSPENSION: Duration = Duration::from_secs(5);

/// Sleeps until the first deadline, stops what is due, and begins again, until told to stop.
///
/// It only proposes: the service asks the rule again, under the container's lock.
pub async fn reap_idle(service: Service, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    let mut snapshots = service.subscribe();
    let mut stops = Attempts::new(STOPS_AT_ONCE);
    let mut suspended = clock.suspended();
    loop {
        if clock.suspended() >= suspended + SUSPENSION {
            tracing::info!("the machine was suspended: every container is granted time to report");
            service.resume();
        }
        suspended = clock.suspended();

        snapshots.mark_unchanged();
        let now = clock.now();
        let sweep = Sweep::of(&service, now);
        stops.retain(|id| sweep.due.iter().any(|(due, _)| *due == id));
        for (id, generation) in &sweep.due {
            let (service, id, generation) = (service.clone(), *id, *generation);
            stops.begin(id, now, async move { service.stop_idle(id, generation).await });
        }

        let wake_at = sweep.wake_at(&stops, now);
        tokio::select! {
            () = shutdown.cancelled() => return,
            ended = stops.ended() => {
                if let Err(error) = &ended.result {
                    tracing::warn!(container = %ended.id, %error, "failed to stop an idle container; it will be tried again");
                }
                stops.pause_after(&ended, clock.now());
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
struct Sweep {
    /// What is past its deadline, with its run.
    due: Vec<(ContainerId, u64)>,
    /// The next deadline.
    next: Option<Timestamp>,
}

impl Sweep {
    fn of(service: &Service, now: Timestamp) -> Self {
        let rule = service.idle_rule();
        let mut sweep = Self {
            due: Vec::new(),
            next: None,
        };
        for record in service.snapshot().records() {
            match rule.stops_at(record) {
                Some(stops_at) if stops_at > now => {
                    sweep.next = Some(sweep.next.map_or(stops_at, |next| next.min(stops_at)));
                }
                Some(_) => sweep.due.push((record.id(), record.generation())),
                None => {}
            }
        }
        sweep
    }

    /// The next deadline, or the end of a pause after a failure.
    fn wake_at(&self, stops: &Attempts, now: Timestamp) -> Timestamp {
        let retries = self.due.iter().filter_map(|(id, _)| stops.waits_until(*id));
        let first = retries.chain(self.next).chain([now.after(LONGEST_SLEEP)]).min();
        first.unwrap_or(now).max(now.after(SHORTEST_SLEEP))
    }
}
