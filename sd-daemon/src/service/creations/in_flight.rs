//! The creations in flight: those that an operation works on now.

use std::collections::HashSet;

use tokio::sync::watch;

use crate::domain::OperationId;

/// The creations in flight.
pub(super) struct InFlightCreates {
    operations: watch::Sender<HashSet<OperationId>>,
}

impl Default for InFlightCreates {
    fn default() -> Self {
        Self {
            operations: watch::Sender::new(HashSet::new()),
        }
    }
}

impl InFlightCreates {
    /// Adds a creation, until the result is dropped.
    pub(super) fn begin(&self, operation: OperationId) -> InFlightCreate {
        self.operations.send_modify(|operations| {
            operations.insert(operation);
        });
        InFlightCreate {
            operations: self.operations.clone(),
            operation,
        }
    }

    /// The creations in flight now.
    pub(super) fn all(&self) -> HashSet<OperationId> {
        self.operations.borrow().clone()
    }

    /// Waits until no operation works on this creation.
    pub(super) async fn finished(&self, operation: OperationId) {
        let mut operations = self.operations.subscribe();
        // It cannot fail: the sender is in `self`.
        drop(
            operations
                .wait_for(|operations| !operations.contains(&operation))
                .await,
        );
    }
}

/// A creation that an operation works on. No other operation changes it until this is dropped.
pub(super) struct InFlightCreate {
    operations: watch::Sender<HashSet<OperationId>>,
    operation: OperationId,
}

impl Drop for InFlightCreate {
    fn drop(&mut self) {
        self.operations.send_modify(|operations| {
            operations.remove(&self.operation);
        });
    }
}
