//! Follows what happens at the engine, behind the daemon's back too.

use futures_util::stream::{BoxStream, StreamExt};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::engine::EngineEvent;
use crate::service::Service;

/// Passes hints on to the service until told to stop.
///
/// Nothing in this loop waits for the engine: it skips a listener that is slow to read.
pub async fn follow_events(
    service: Service,
    mut events: BoxStream<'static, EngineEvent>,
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
            Some(EngineEvent::Changed(id)) => service.enqueue_reconcile(id),
            Some(EngineEvent::Resync) => {
                // One that is still going on began before this one's reason: it is not enough.
                resync.abort_all();
                resync.spawn(resync_all(service.clone()));
            }
            None => return,
        }
    }
}

async fn resync_all(service: Service) {
    match service.reconcile_all().await {
        Ok(()) => tracing::info!("in step with the engine"),
        Err(error) => tracing::warn!(%error, "failed to look at every container; it will be tried again"),
    }
}
