//! The requests of clients: start, stop, remove, extend, set limits.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::super::ServiceError;
use super::Containers;
use crate::domain::{Caller, ContainerId, Extension, Lifecycle, Limits, Record, RemoveMode, Request};
use crate::registry::Applied;

impl Containers {
    /// Starts a container and waits until it runs. A stop in progress is completed first.
    pub(in crate::service) async fn start(
        self: &Arc<Self>,
        reference: &str,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        let (containers, reference, caller) = (Arc::clone(self), reference.to_owned(), caller.clone());
        self.run(async move {
            let id = containers.find(&reference)?.id();
            let _lock = containers.lock(id).await?;
            let mut refreshed = containers.refresh(id).await?;
            if matches!(refreshed.lifecycle(), Some(Lifecycle::Stopping { .. })) {
                refreshed = containers.run_effects(id, refreshed).await?;
            }
            if refreshed.record.is_none() {
                return Err(ServiceError::NotFound(reference));
            }
            let requested = containers.request(id, &reference, Request::Start, caller).await?;
            let started = containers.run_effects(id, requested).await?;
            started.record.ok_or(ServiceError::NotFound(reference))
        })
        .await
    }

    /// Requests the stop of a container. The returned record is stopping, or already stopped; the stop goes
    /// on in the background.
    pub(in crate::service) async fn stop(
        self: &Arc<Self>,
        reference: &str,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        let record = self.find(reference)?;
        if matches!(record.lifecycle(), Lifecycle::Stopping { .. }) {
            // The stop in progress holds the lock for seconds, and does what is requested.
            return Ok(record);
        }
        let id = record.id();
        let (answer, answered) = oneshot::channel();
        let (containers, name, caller) = (Arc::clone(self), reference.to_owned(), caller.clone());
        self.spawn(async move {
            let _lock = match containers.lock(id).await {
                Ok(lock) => lock,
                Err(busy) => return drop(answer.send(Err(busy))),
            };
            let requested = match containers.refresh_and_request_stop(id, &name, caller).await {
                Ok(requested) => requested,
                Err(error) => return drop(answer.send(Err(error))),
            };
            // The receiver is gone if the client has disconnected. The stop continues all the same.
            drop(answer.send(Ok(requested.record.clone())));
            if let Err(error) = containers.run_effects(id, requested).await {
                tracing::warn!(container = %id, %error, "failed to stop a container; retrying");
            }
        });
        match answered.await {
            Ok(Ok(record)) => record.ok_or_else(|| ServiceError::NotFound(reference.to_owned())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ServiceError::Bug("a stop panicked".to_owned())),
        }
    }

    async fn refresh_and_request_stop(
        &self,
        id: ContainerId,
        reference: &str,
        caller: Caller,
    ) -> Result<Applied, ServiceError> {
        if self.refresh(id).await?.record.is_none() {
            return Err(ServiceError::NotFound(reference.to_owned()));
        }
        self.request(id, reference, Request::Stop, caller).await
    }

    /// Removes a container with its anonymous volumes, and waits until it is removed.
    pub(in crate::service) async fn remove(
        self: &Arc<Self>,
        reference: &str,
        mode: RemoveMode,
        caller: &Caller,
    ) -> Result<(), ServiceError> {
        let (containers, reference, caller) = (Arc::clone(self), reference.to_owned(), caller.clone());
        self.run(async move {
            let id = containers.find(&reference)?.id();
            let _lock = containers.lock(id).await?;
            // Another removal may have completed while this one waited for the lock.
            if containers.snapshot().get(id).is_none() {
                return Err(ServiceError::NotFound(reference));
            }
            containers.refresh(id).await?;
            let requested = containers
                .request(id, &reference, Request::Remove(mode), caller)
                .await?;
            containers.run_effects(id, requested).await.map(drop)
        })
        .await
    }

    /// Postpones the stop of a container. The engine is not called.
    pub(in crate::service) async fn extend(
        &self,
        reference: &str,
        extension: Extension,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        self.change_record(reference, Request::Extend(extension), caller)
            .await
    }

    /// Sets the limits of one container. The engine is not called.
    pub(in crate::service) async fn set_limits(
        &self,
        reference: &str,
        limits: Limits,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        self.change_record(reference, Request::SetLimits(limits), caller)
            .await
    }

    async fn change_record(
        &self,
        reference: &str,
        request: Request,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        let id = self.find(reference)?.id();
        let requested = self.request(id, reference, request, caller.clone()).await?;
        requested
            .record
            .ok_or_else(|| ServiceError::NotFound(reference.to_owned()))
    }
}

impl Applied {
    fn lifecycle(&self) -> Option<&Lifecycle> {
        self.record.as_ref().map(|record| record.lifecycle())
    }
}
