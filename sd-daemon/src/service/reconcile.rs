//! Reconciliation: updates the registry from the engine and completes unfinished changes, after a start, a
//! lost connection or an event, once a minute, and on request.
//!
//! Containers reconcile one by one, as [`Containers`](super::Containers) describes. Creations that no
//! operation works on are cleaned up by [`Creations`](super::Creations).

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::engine_access::INSPECTIONS_AT_ONCE;
use super::{Service, ServiceError};
use crate::domain::ContainerId;

impl Service {
    /// Reconciles every container, and cleans up orphaned creations.
    ///
    /// A container whose lock an operation holds is reconciled after that operation, whose last inspection
    /// may be out of date by then. A container that cannot be reconciled keeps its record and does not delay
    /// the others. Returns an error only if the engine could not be called.
    pub async fn reconcile_all(&self) -> Result<(), ServiceError> {
        // Called even if there is no container: the response shows whether the engine is available.
        self.engine.managed().await?;
        let ids: Vec<_> = self.snapshot().records().map(|record| record.id()).collect();
        let mut results: Vec<_> = stream::iter(ids)
            .map(|id| self.containers.reconcile_or_enqueue(id))
            .buffer_unordered(INSPECTIONS_AT_ONCE)
            .collect()
            .await;
        let creations = Arc::clone(&self.creations);
        let cleanup = async move { creations.cleanup_orphaned_creations().await };
        results.push(self.containers.run(cleanup).await);
        for error in results.into_iter().filter_map(Result::err) {
            match error {
                ServiceError::Engine(error) if !error.is_ambiguous() => {
                    tracing::warn!(%error, "failed to reconcile a container; retrying");
                }
                error => return Err(error),
            }
        }
        Ok(())
    }

    /// Reconciles a container soon, because the engine reported a change. If the registry does not have it,
    /// it may come from an orphaned creation, and those are cleaned up.
    pub(crate) fn enqueue_reconcile(&self, id: ContainerId) {
        let creations = Arc::clone(&self.creations);
        self.containers
            .enqueue_reconcile(id, async move { creations.cleanup_orphaned_creations().await });
    }
}
