//! Creates a container: open the creation, create at the engine, bind, start.

use std::sync::Arc;
use std::time::Duration;

use super::super::ServiceError;
use super::super::containers::change_log::describe_caller;
use super::{Creations, NewContainer};
use crate::domain::{
    Caller, ContainerId, Creation, Effect, IdempotencyKey, Image, ImageRef, Lifecycle, OperationId, Record,
};
use crate::engine::{ContainerSpec, EngineError};
use crate::registry::{Applied, Change, KeyLookup, OpenOutcome};

/// How long a repeated request waits for the first one.
const DUPLICATE_TIMEOUT: Duration = Duration::from_secs(150);

/// The outcome of one attempt to create a container.
enum CreateOutcome {
    /// The container was created and started.
    Created(Arc<Record>),
    /// An earlier request with the same key belongs to this operation.
    Duplicate(OperationId),
}

impl Creations {
    /// Creates a container and waits until it runs, or has already exited.
    pub(in crate::service) async fn create(
        self: &Arc<Self>,
        wanted: NewContainer,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        let mut awaited = None;
        loop {
            match self.run_attempt(wanted.clone(), caller.clone()).await? {
                CreateOutcome::Created(record) => return Ok(record),
                // Its container is removed first, because it may have the name. If it appears only later, it
                // is removed then.
                CreateOutcome::Duplicate(operation) if self.is_orphaned(operation) => {
                    let creations = Arc::clone(self);
                    let cleanup = async move { creations.cleanup_orphaned_creations().await };
                    self.containers.run(cleanup).await?;
                    self.registry.release_key(operation).await?;
                }
                // A failed operation would have released the key: the container was created and then removed.
                CreateOutcome::Duplicate(operation) if awaited == Some(operation) => {
                    return Err(ServiceError::CreatedAndRemoved);
                }
                CreateOutcome::Duplicate(operation) => {
                    awaited = Some(operation);
                    if let Some(record) = self.outcome_of(operation).await? {
                        return Ok(record);
                    }
                }
            }
        }
    }

    /// Runs one attempt to its end, even if the client disconnects. Cleans up after a failed one.
    async fn run_attempt(
        self: &Arc<Self>,
        wanted: NewContainer,
        caller: Caller,
    ) -> Result<CreateOutcome, ServiceError> {
        let creations = Arc::clone(self);
        self.containers
            .run(async move {
                let outcome = creations.attempt(wanted, caller).await;
                if outcome.is_err() {
                    creations.spawn_cleanup();
                }
                outcome
            })
            .await
    }

    async fn attempt(&self, wanted: NewContainer, caller: Caller) -> Result<CreateOutcome, ServiceError> {
        // A repeated request needs neither the image nor the engine.
        if let Some(key) = &wanted.key
            && let Some(operation) = self.find_key(key).await?
        {
            return Ok(CreateOutcome::Duplicate(operation));
        }
        let Ok(_permit) = self.permits.try_acquire() else {
            return Err(ServiceError::TooManyCreates);
        };
        self.engine.ensure_expected().await?;
        let image = self.usable_image(&wanted.image).await?;
        let check_in_url = self.check_in_address.url().await;
        let operation = new_operation()?;
        let _in_flight = self.in_flight.begin(operation);
        let creation = Creation {
            operation,
            image: wanted.image.clone(),
            name: wanted.name.clone(),
            limits: wanted.limits,
            label_limits: image.limits,
            key: wanted.key.clone(),
            opened_at: self.clock.now(),
            requested_by: caller.clone(),
        };
        let limit = self.capacity.containers;
        match self.registry.open_creation(creation, limit).await? {
            OpenOutcome::Opened => {}
            OpenOutcome::Duplicate(operation) => return Ok(CreateOutcome::Duplicate(operation)),
            OpenOutcome::KeyReused => return Err(ServiceError::KeyReused),
            OpenOutcome::LimitReached => return Err(ServiceError::TooManyContainers(limit)),
        }
        let spec = self.spec(operation, &wanted, &image, check_in_url);
        let id = self.create_in_engine(&spec).await?;
        let record = self.bind_and_start(operation, id, &caller).await?;
        Ok(CreateOutcome::Created(record))
    }

    /// The operation of an earlier request with this key, if there is one.
    async fn find_key(&self, key: &IdempotencyKey) -> Result<Option<OperationId>, ServiceError> {
        match self.registry.find_key(key.clone()).await? {
            KeyLookup::Unused => Ok(None),
            KeyLookup::SameRequest(operation) => Ok(Some(operation)),
            KeyLookup::DifferentRequest => Err(ServiceError::KeyReused),
        }
    }

    async fn usable_image(&self, reference: &ImageRef) -> Result<Image, ServiceError> {
        let image = match self.engine.image(reference).await {
            Ok(image) => image,
            Err(EngineError::NoSuchImage) => {
                return Err(ServiceError::ImageNotFound(reference.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        match image.validate() {
            None => Ok(image),
            Some(reason) => Err(ServiceError::UnusableImage {
                image: reference.to_string(),
                reason,
            }),
        }
    }

    /// Creates a container at the engine. If the response is lost, the container is searched by its label. A
    /// container that appears too late is removed later: the creation stays open for that.
    async fn create_in_engine(&self, spec: &ContainerSpec) -> Result<ContainerId, ServiceError> {
        let created = match self.engine.start_slot().await {
            Ok(slot) => self.engine.create(slot, spec).await,
            Err(error) => {
                // The engine was not called.
                self.registry.close_creation(spec.operation).await?;
                return Err(error.into());
            }
        };
        let error = match created {
            Ok(id) => return Ok(id),
            Err(error) => error,
        };
        if error.is_ambiguous() {
            let found = self.container_of(spec.operation).await;
            if let Ok(None) = found {
                // The engine has responded: the absence of the container counts from now on.
                self.absent_for(spec.operation);
            }
            return found.ok().flatten().ok_or_else(|| error.into());
        }
        // The engine may have created the container and failed afterwards. Such a container is removed later.
        if let Ok(None) = self.container_of(spec.operation).await {
            self.registry.close_creation(spec.operation).await?;
        }
        Err(match (error, &spec.name) {
            (EngineError::NameInUse, Some(name)) => ServiceError::NameInUse(name.as_str().to_owned()),
            (EngineError::NoSuchImage, _) => ServiceError::ImageNotFound(spec.image.to_string()),
            (error, _) => error.into(),
        })
    }

    /// The container with the label of an operation.
    async fn container_of(&self, operation: OperationId) -> Result<Option<ContainerId>, EngineError> {
        let managed = self.engine.managed().await?;
        let created = managed.into_iter().find(|managed| managed.operation == operation);
        Ok(created.map(|managed| managed.id))
    }

    /// Turns a creation into a record, and starts its container.
    async fn bind_and_start(
        &self,
        operation: OperationId,
        id: ContainerId,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        let disappeared =
            || EngineError::Rejected(format!("container {id} disappeared while it was created"));
        // Taken before any other operation can find the container.
        let _lock = self.containers.lock(id).await?;
        // Until it can be inspected the creation stays open, and is cleaned up if this fails.
        let Some(observation) = self.engine.inspect(id).await? else {
            return Err(disappeared().into());
        };
        let Some(bound) = self.registry.bind(operation, id, observation.name).await? else {
            return Err(ServiceError::Bug(format!(
                "creation {operation} was closed while it was in flight"
            )));
        };
        let bound = Applied {
            record: Some(bound),
            change: Change::Changed,
            effect: Some(Effect::Start),
        };
        let started = self.containers.run_effects(id, bound).await?;
        let record = started.record.ok_or_else(disappeared)?;
        let by = describe_caller(caller);
        tracing::info!(container = %id, name = record.name().as_str(), image = %record.image(), by, "created a container");
        Ok(record)
    }

    /// Waits for the operation of an earlier request with the same key, and for its container to start.
    /// Returns `None` if there is no container then.
    async fn outcome_of(&self, operation: OperationId) -> Result<Option<Arc<Record>>, ServiceError> {
        let mut snapshots = self.registry.subscribe();
        let outcome = async {
            self.in_flight.finished(operation).await;
            let is_settled = |record: &Arc<Record>| {
                !matches!(
                    record.lifecycle(),
                    Lifecycle::Starting | Lifecycle::Removing { .. }
                )
            };
            let settled =
                snapshots.wait_for(|snapshot| snapshot.of_operation(operation).is_none_or(is_settled));
            settled
                .await
                .ok()
                .map(|snapshot| snapshot.of_operation(operation).cloned())
        };
        match tokio::time::timeout(DUPLICATE_TIMEOUT, outcome).await {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(ServiceError::Bug("the registry has stopped".to_owned())),
            Err(_) => Err(EngineError::TimedOut(DUPLICATE_TIMEOUT).into()),
        }
    }
}

fn new_operation() -> Result<OperationId, ServiceError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| ServiceError::Bug(format!("failed to read random bytes: {error}")))?;
    Ok(OperationId::from_bytes(bytes))
}
