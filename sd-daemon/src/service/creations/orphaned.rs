//! Orphaned creations: open ones that no operation works on, after a crash or a lost response of the engine.

use std::sync::Arc;
use std::time::Duration;

use super::super::ServiceError;
use super::Creations;
use crate::domain::{Creation, OperationId};
use crate::engine::Managed;

/// After a lost response the engine may still create the container for this long.
const LATE_CREATE: Duration = Duration::from_secs(120);

impl Creations {
    /// Removes the containers of orphaned creations, and closes those creations. No client has received the
    /// id of such a container.
    ///
    /// Only an open creation in the registry permits the removal of a container. A label proves nothing,
    /// because it may come from an image.
    ///
    /// Docker lists a container shortly before it can be removed, and responds to a removal in between as if
    /// the container did not exist. A creation is therefore closed only once its container is no longer
    /// listed. Until then the removal is retried.
    pub(in crate::service) async fn cleanup_orphaned_creations(&self) -> Result<(), ServiceError> {
        let _cleanup = self.cleanup.lock().await;
        let orphaned_creations = self.orphaned_creations();
        if orphaned_creations.is_empty() {
            return Ok(());
        }
        // Listed after the creations were read: a creation that was closed since is not among them.
        let listed = self.engine.managed().await?;
        self.remove_containers_of(&orphaned_creations, &listed).await;
        let still_listed = self.engine.managed().await?;
        for creation in &orphaned_creations {
            let operation = creation.operation;
            let is_in = |list: &[Managed]| list.iter().any(|managed| managed.operation == operation);
            let may_appear = !is_in(&listed) && self.absent_for(operation) < LATE_CREATE;
            if !may_appear && !is_in(&still_listed) {
                self.registry.close_creation(operation).await?;
                self.absent_since.lock().remove(&operation);
            }
        }
        Ok(())
    }

    async fn remove_containers_of(&self, creations: &[Arc<Creation>], listed: &[Managed]) {
        let is_orphaned = |managed: &&Managed| {
            creations
                .iter()
                .any(|creation| creation.operation == managed.operation)
        };
        for managed in listed.iter().filter(is_orphaned) {
            tracing::info!(container = %managed.id, operation = %managed.operation, "removing the container of an incomplete create");
            if let Err(error) = self.engine.remove(managed.id).await {
                tracing::warn!(container = %managed.id, %error, "failed to remove the container of an incomplete create; retrying");
            }
        }
    }

    /// Cleans up after a failed create. The engine's events arrived while it was in flight, and were ignored.
    pub(super) fn spawn_cleanup(self: &Arc<Self>) {
        let creations = Arc::clone(self);
        self.containers.spawn(async move {
            if let Err(error) = creations.cleanup_orphaned_creations().await {
                tracing::debug!(%error, "failed to clean up after a failed create; retrying");
            }
        });
    }

    /// For how long the engine has reported that it does not have the container of a creation. The first call
    /// starts the count, so that time without a response of the engine does not count.
    pub(super) fn absent_for(&self, operation: OperationId) -> Duration {
        let now = self.clock.now();
        let mut absent_since = self.absent_since.lock();
        now.since(*absent_since.entry(operation).or_insert(now))
    }

    /// Whether a creation is open and not in flight.
    pub(super) fn is_orphaned(&self, operation: OperationId) -> bool {
        self.orphaned_creations()
            .iter()
            .any(|creation| creation.operation == operation)
    }

    /// Open creations that are not in flight.
    fn orphaned_creations(&self) -> Vec<Arc<Creation>> {
        let open = self.registry.snapshot();
        let in_flight = self.in_flight.all();
        // A creation leaves `in_flight` only after its outcome is published. One that is not in flight by now,
        // and is open in a later snapshot, is therefore orphaned.
        let later = self.registry.snapshot();
        open.creations()
            .filter(|creation| !in_flight.contains(&creation.operation) && later.is_open(creation.operation))
            .cloned()
            .collect()
    }
}
