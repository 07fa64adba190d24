//! Reconciliation of one container: refresh its record, and complete what was requested.

use std::sync::Arc;

use super::super::ServiceError;
use super::Containers;
use crate::domain::ContainerId;

impl Containers {
    /// Whether an operation holds the lock of a container.
    pub(crate) fn is_busy(&self, id: ContainerId) -> bool {
        self.locks.try_acquire(id).is_none()
    }

    /// Reconciles a container, unless an operation holds its lock: that operation refreshes it itself.
    pub(crate) async fn reconcile_unless_busy(self: &Arc<Self>, id: ContainerId) -> Result<(), ServiceError> {
        let containers = Arc::clone(self);
        self.run(async move {
            match containers.locks.try_acquire(id) {
                Some(_lock) => containers.reconcile_locked(id).await,
                None => Ok(()),
            }
        })
        .await
    }

    /// Reconciles a container now, or enqueues it if an operation holds its lock.
    pub(in crate::service) async fn reconcile_or_enqueue(
        self: &Arc<Self>,
        id: ContainerId,
    ) -> Result<(), ServiceError> {
        let containers = Arc::clone(self);
        self.run(async move {
            if let Some(_lock) = containers.locks.try_acquire(id) {
                containers.reconcile_locked(id).await
            } else {
                containers.enqueue_reconcile(id, async { Ok(()) });
                Ok(())
            }
        })
        .await
    }

    /// Reconciles a container soon, because it changed. A request is ignored while an earlier one waits for
    /// the lock. Runs `if_unknown`, without the lock, if the registry does not have the container by then.
    pub(in crate::service) fn enqueue_reconcile(
        self: &Arc<Self>,
        id: ContainerId,
        if_unknown: impl Future<Output = Result<(), ServiceError>> + Send + 'static,
    ) {
        if !self.pending_reconciles.lock().insert(id) {
            return;
        }
        let containers = Arc::clone(self);
        self.spawn(async move {
            let lock = containers.lock(id).await;
            // Removed before the inspection, which may miss a later change.
            containers.pending_reconciles.lock().remove(&id);
            let Ok(lock) = lock else { return };
            let result = if containers.record(id).is_some() {
                containers.reconcile_locked(id).await
            } else {
                drop(lock);
                if_unknown.await
            };
            if let Err(error) = result {
                tracing::debug!(container = %id, %error, "failed to reconcile a container; retrying");
            }
        });
    }

    async fn reconcile_locked(&self, id: ContainerId) -> Result<(), ServiceError> {
        if self.record(id).is_none() {
            return Ok(());
        }
        let refreshed = self.refresh(id).await?;
        self.run_effects(id, refreshed).await.map(drop)
    }
}
