//! Follows the events of the engine, including changes made outside spin-docker.

use futures_util::stream::{BoxStream, StreamExt};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::Lifecycle;
use crate::engine::EngineEvent;
use crate::service::Service;
use crate::task_status::TaskReporter;

/// Reconciles each container that the engine reports a change of, and all containers after each
/// (re)connection, until `shutdown`.
///
/// This loop never waits for the engine, because the engine drops events for a slow reader.
pub async fn follow_events(
    service: Service,
    mut events: BoxStream<'static, EngineEvent>,
    status: TaskReporter,
    shutdown: CancellationToken,
) {
    let mut resync = JoinSet::new();
    loop {
        let event = tokio::select! {
            () = shutdown.cancelled() => return,
            Some(_) = resync.join_next() => continue,
            event = events.next() => event,
        };
        match event {
            Some(EngineEvent::Changed(id)) => {
                service.enqueue_reconcile(id);
                status.succeeded();
            }
            Some(EngineEvent::Resync) => {
                // A resync in progress started before this reconnection, and may have missed a change.
                resync.abort_all();
                resync.spawn(reconcile_all(service.clone(), status.clone()));
            }
            None => return,
        }
    }
}

async fn reconcile_all(service: Service, status: TaskReporter) {
    match service.reconcile_all().await {
        Ok(()) => {
            let snapshot = service.snapshot();
            let lifecycles = || snapshot.records().map(|record| record.lifecycle());
            let running = lifecycles().filter(|lifecycle| matches!(lifecycle, Lifecycle::Running { .. }));
            tracing::info!(
                containers = lifecycles().count(),
                running = running.count(),
                "connected to the engine"
            );
            status.succeeded();
        }
        Err(error) => {
            tracing::warn!(%error, "failed to reconcile the containers; retrying");
            status.failed(error.public_message());
        }
    }
}
