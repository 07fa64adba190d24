//! Operations on existing containers.
//!
//! Owns the lock of each container, the operations in progress, the policy, and the reconciliations that
//! are pending. Creating a container is the job of [`Creations`](super::Creations), which binds it here.

pub(super) mod change_log;
mod effects;
mod locks;
mod operations;
mod reconcile;

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{EngineAccess, History, ServiceError, reference};
use crate::clock::Clock;
use crate::domain::{ContainerId, Policy, Record};
use crate::registry::{Registry, Snapshot};
use locks::Locks;

/// The existing containers.
pub(crate) struct Containers {
    engine: Arc<EngineAccess>,
    registry: Registry,
    clock: Arc<dyn Clock>,
    policy: Mutex<Policy>,
    locks: Locks,
    operations: TaskTracker,
    /// Containers that changed at the engine and were not inspected since.
    pending_reconciles: Mutex<HashSet<ContainerId>>,
}

impl Containers {
    pub(super) fn new(
        engine: Arc<EngineAccess>,
        registry: Registry,
        clock: Arc<dyn Clock>,
        policy: Policy,
    ) -> Self {
        let policy = Policy {
            resumed_at: clock.now(),
            ..policy
        };
        Self {
            engine,
            registry,
            clock,
            policy: Mutex::new(policy),
            locks: Locks::default(),
            operations: TaskTracker::new(),
            pending_reconciles: Mutex::default(),
        }
    }

    /// Every container as it is now. Never waits.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    /// Receives each new snapshot.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.registry.subscribe()
    }

    /// The container with this id, unique id prefix or name.
    pub(super) fn find(&self, reference: &str) -> Result<Arc<Record>, ServiceError> {
        reference::find(&self.snapshot(), reference)
    }

    /// The events of all containers.
    pub(crate) fn history(&self) -> &History {
        self.registry.history()
    }

    /// The id of the last event delivered to the webhook, if any.
    pub(super) async fn webhook_cursor(&self) -> Result<Option<u64>, ServiceError> {
        Ok(self.registry.webhook_cursor().await?)
    }

    /// Stores the id of the last event delivered to the webhook.
    pub(super) async fn save_webhook_cursor(&self, id: u64) -> Result<(), ServiceError> {
        Ok(self.registry.save_webhook_cursor(id).await?)
    }

    /// Returns an error if the registry cannot be written.
    pub(super) async fn check_writable(&self) -> Result<(), ServiceError> {
        Ok(self.registry.check_writable().await?)
    }

    /// When containers are stopped and removed.
    pub(crate) fn policy(&self) -> Policy {
        self.policy.lock().clone()
    }

    /// Grants every container time to check in again, because the machine was suspended.
    pub(crate) fn grant_grace_after_suspend(&self) {
        self.policy.lock().resumed_at = self.clock.now();
    }

    /// Runs an operation to its end, even if the caller is dropped meanwhile.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        // Its log lines belong to the request that started it.
        match self.operations.spawn(operation.in_current_span()).await {
            Ok(result) => result,
            Err(error) => Err(ServiceError::Bug(format!("an operation panicked: {error}"))),
        }
    }

    /// Starts an operation in the background.
    pub(super) fn spawn(&self, operation: impl Future<Output = ()> + Send + 'static) {
        self.operations.spawn(operation.in_current_span());
    }

    /// Waits until every operation has ended.
    pub(super) async fn drain(&self) {
        self.operations.close();
        self.operations.wait().await;
    }
}
