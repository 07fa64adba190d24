//! Looks at running containers from the host, again and again.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::service::Service;

/// Shortest time between two looks at new containers, however many are started.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// Looks at all running containers each interval, more often where one needs it, and at each new one soon after
/// its start, until told to stop.
pub async fn probe_activity(
    service: Service,
    clock: Arc<dyn Clock>,
    interval: Duration,
    shutdown: CancellationToken,
) {
    let mut snapshots = service.subscribe();
    loop {
        snapshots.mark_unchanged();
        // Counted from its beginning: time that goes by during a look is not lost.
        let looked_at = clock.now();
        service.activity_monitor().probe_all().await;
        loop {
            // Asked each time: a container with a short timeout may have been started meanwhile.
            let next = looked_at.after(service.activity_monitor().probe_interval(interval));
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = clock.sleep_until(next) => break,
                Ok(()) = snapshots.changed() => service.activity_monitor().probe_new().await,
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = clock.sleep_until(clock.now().after(SHORTEST_SLEEP)) => {}
            }
        }
    }
}
