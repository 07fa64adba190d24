//! Probes running containers from the host at intervals.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::service::Service;
use crate::task_status::TaskReporter;

/// Shortest time between two probes of new containers, however many are started.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// Probes all running containers each `interval`, more often if an idle timeout is short, and each new
/// container soon after its start, until `shutdown`.
pub async fn probe_activity(
    service: Service,
    clock: Arc<dyn Clock>,
    interval: Duration,
    status: TaskReporter,
    shutdown: CancellationToken,
) {
    let monitor = service.activity_monitor();
    let mut snapshots = service.subscribe();
    loop {
        snapshots.mark_unchanged();
        // The interval begins when the probes begin, so that their duration does not lengthen it.
        let probed_at = clock.now();
        monitor.probe_all().await;
        match monitor.probe_error() {
            None => status.succeeded(),
            Some(error) => status.failed(error),
        }
        loop {
            // Computed anew each time: a container with a short idle timeout may have been started meanwhile.
            let next = probed_at.after(monitor.probe_interval(interval));
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = clock.sleep_until(next) => break,
                Ok(()) = snapshots.changed() => monitor.probe_new().await,
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = clock.sleep_until(clock.now().after(SHORTEST_SLEEP)) => {}
            }
        }
    }
}
