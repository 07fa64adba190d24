//! Bringing the registry and the engine together again: after a start, a lost connection, an event, a
//! while, or on request. It is always the same: look at a container, and finish what its row asks for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use super::{INSPECTIONS_AT_ONCE, Service, ServiceError, lock};
use crate::domain::{ContainerId, Creation, OperationId};
use crate::engine::Managed;
use crate::known_bad::KnownBad;

/// An engine that lost the answer to a create may still make the container for this long.
const LATE_CREATE: Duration = Duration::from_secs(120);

impl Service {
    /// Looks at every container, and at every create that was left behind.
    ///
    /// A container that an operation is busy with is looked at when that has ended: the operation's own
    /// last look may be older than what there is to see. One container that cannot be dealt with keeps its
    /// row and holds up no other. It is an error only when the engine could not be asked.
    pub async fn reconcile_all(&self) -> Result<(), ServiceError> {
        // Asked first even when there is nothing to look at: it tells whether the engine is there.
        self.managed().await?;
        let ids: Vec<_> = self.snapshot().records().map(|record| record.id()).collect();
        if KnownBad::BreakInAudit.is_made() {
            return self.audit_until_one_is_missing(ids).await;
        }
        let mut results: Vec<_> = stream::iter(ids)
            .map(|id| self.reconcile_now_or_soon(id))
            .buffer_unordered(INSPECTIONS_AT_ONCE)
            .collect()
            .await;
        let service = self.clone();
        results.push(self.run(async move { service.resolve_left_behind().await }).await);
        for error in results.into_iter().filter_map(Result::err) {
            match error {
                ServiceError::Engine(error) if !error.is_ambiguous() => {
                    tracing::warn!(%error, "failed to finish with a container; it will be tried again");
                }
                error => return Err(error),
            }
        }
        Ok(())
    }

    /// The audit of the original program.
    async fn audit_until_one_is_missing(&self, mut ids: Vec<ContainerId>) -> Result<(), ServiceError> {
        ids.sort_unstable();
        for id in ids {
            self.reconcile_now_or_soon(id).await?;
            if self.snapshot().get(id).is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Settles creates that were left behind by a crash or a lost answer. Nobody was told of their
    /// containers, so those are removed. Only an open creation of our own gives the right to do so; a
    /// label on a container proves nothing, for it may come from an image.
    ///
    /// Docker lists a container shortly before it can be removed, and a removal in between is answered as
    /// if there were nothing. A creation is therefore closed only once its container is not listed any
    /// more; until then it is tried again.
    pub(super) async fn resolve_left_behind(&self) -> Result<(), ServiceError> {
        let _turn = self.inner.resolving.lock().await;
        let orphaned_creations = self.orphaned_creations();
        if KnownBad::LabelOnlyReaper.is_made() {
            for managed in self.managed().await? {
                if self.snapshot().get(managed.id).is_none() {
                    self.inner.engine.remove(managed.id).await?;
                }
            }
        }
        if orphaned_creations.is_empty() {
            return Ok(());
        }
        // Listed later than the creations: what a closed one made is not in question any more.
        let listed = self.managed().await?;
        for managed in made_by(&orphaned_creations, &listed) {
            tracing::info!(container = %managed.id, operation = %managed.operation, "removing an unfinished creation");
            if let Err(error) = self.inner.engine.remove(managed.id).await {
                tracing::warn!(container = %managed.id, %error, "failed to remove an unfinished creation; it will be tried again");
            }
        }
        let still_listed = self.managed().await?;
        for creation in &orphaned_creations {
            let operation = creation.operation;
            let is_in = |list: &[Managed]| list.iter().any(|managed| managed.operation == operation);
            let may_appear = !is_in(&listed) && self.absent_since(operation) < LATE_CREATE;
            if !may_appear && !is_in(&still_listed) {
                self.inner.registry.close_creation(operation).await?;
                lock(&self.inner.absent_since).remove(&operation);
            }
        }
        Ok(())
    }

    /// Settles what a failed create may have left at the engine. Its events came while it was still worked on,
    /// and nothing else would look before the next one.
    pub(super) fn settle_left_behind(&self) {
        let service = self.clone();
        self.inner.operations.spawn(async move {
            if let Err(error) = service.resolve_left_behind().await {
                tracing::debug!(%error, "failed to settle a create that failed; it will be tried again");
            }
        });
    }

    /// How long ago the engine first said that it does not have what a creation should have made. Time in
    /// which the engine did not answer does not count.
    pub(super) fn absent_since(&self, operation: OperationId) -> Duration {
        let now = self.inner.clock.now();
        let mut absent_since = lock(&self.inner.absent_since);
        now.since(*absent_since.entry(operation).or_insert(now))
    }

    /// Looks at a container soon, because something happened to it. Hints that come while one is already
    /// waiting for its turn add nothing to it.
    pub(crate) fn enqueue_reconcile(&self, id: ContainerId) {
        if !lock(&self.inner.pending_reconciles).insert(id) {
            return;
        }
        let service = self.clone();
        self.inner.operations.spawn(async move {
            let held = service.inner.locks.acquire(id).await;
            // From here on a further hint may tell something that this look does not see.
            lock(&service.inner.pending_reconciles).remove(&id);
            let Ok(held) = held else { return };
            let looked = if service.snapshot().get(id).is_some() {
                service.reconcile_held(id).await
            } else {
                // It may be what a create made that had been given up. Whoever makes it may need the lock.
                drop(held);
                service.resolve_left_behind().await
            };
            if let Err(error) = looked {
                tracing::debug!(container = %id, %error, "failed to look at a container that changed");
            }
        });
    }

    /// Whether an operation is busy with a container at this moment.
    pub(crate) fn is_busy(&self, id: ContainerId) -> bool {
        self.inner.locks.try_acquire(id).is_none()
    }

    /// Looks at a container, and finishes what was begun with it, unless an operation is busy with it.
    pub(crate) async fn reconcile_unless_busy(&self, id: ContainerId) -> Result<(), ServiceError> {
        let service = self.clone();
        self.run(async move {
            match service.inner.locks.try_acquire(id) {
                Some(_held) => service.reconcile_held(id).await,
                None => Ok(()),
            }
        })
        .await
    }

    /// Looks at a container, and finishes what was begun with it; soon, when an operation is busy with it.
    async fn reconcile_now_or_soon(&self, id: ContainerId) -> Result<(), ServiceError> {
        let service = self.clone();
        self.run(async move {
            if let Some(_held) = service.inner.locks.try_acquire(id) {
                service.reconcile_held(id).await
            } else {
                service.enqueue_reconcile(id);
                Ok(())
            }
        })
        .await
    }

    async fn reconcile_held(&self, id: ContainerId) -> Result<(), ServiceError> {
        if self.snapshot().get(id).is_none() {
            return Ok(());
        }
        let looked = self.refresh(id).await?;
        self.run_effects(id, looked).await.map(drop)
    }

    /// Open creations that no operation works on.
    pub(super) fn orphaned_creations(&self) -> Vec<Arc<Creation>> {
        let open = self.snapshot();
        let creating = self.inner.creating.borrow().clone();
        // An operation lets go of its creation only after its outcome is published. One that has let go
        // by now, and whose creation is open even later, has left it behind.
        let later = self.snapshot();
        open.creations()
            .filter(|creation| !creating.contains(&creation.operation) && later.is_open(creation.operation))
            .cloned()
            .collect()
    }
}

/// The containers that these creations made.
fn made_by<'a>(creations: &'a [Arc<Creation>], listed: &'a [Managed]) -> impl Iterator<Item = &'a Managed> {
    let operations = move |managed: &&Managed| {
        creations
            .iter()
            .any(|creation| creation.operation == managed.operation)
    };
    listed.iter().filter(operations)
}
