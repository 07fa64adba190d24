//! Creating a container.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{CheckInAddress, Service, ServiceError, acquire_engine_slot, token};
use crate::domain::{
    ContainerId, Creation, Effect, IdempotencyKey, Image, ImageRef, Lifecycle, Limits, Name, OperationId,
    Record,
};
use crate::engine::{ContainerSpec, EngineError};
use crate::registry::{Applied, Change, KeyLookup, OpenOutcome};

/// The variable that tells a container where to check in.
const CHECK_IN_VARIABLE: &str = "SD_CHECK_IN_URL";

/// The variable that holds a container's token.
const TOKEN_VARIABLE: &str = "SD_CHECK_IN_TOKEN";

/// How long a create waits, just after the daemon's start, for the place where its container is to check in.
const CHECK_IN_PATIENCE: Duration = Duration::from_secs(5);

/// How long a repeated request waits for the first one.
const OTHERS_PATIENCE: Duration = Duration::from_secs(150);

/// A container that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub struct NewContainer {
    /// The image.
    pub image: ImageRef,
    /// A name, or the engine's choice.
    pub name: Option<Name>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Command and arguments; empty for the image's own.
    pub command: Vec<String>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor limit in billionths of a core.
    pub nano_cpus: Option<u64>,
    /// Limits of its own.
    pub limits: Limits,
    /// Makes a repetition of this request the same request.
    pub key: Option<IdempotencyKey>,
}

/// What came of an attempt to create.
enum CreateOutcome {
    Created(Arc<Record>),
    /// The key says that this operation does it, or did it.
    Duplicate(OperationId),
}

impl Service {
    /// Creates a container and waits until it runs, or has already ended by itself.
    pub async fn create(&self, wanted: NewContainer) -> Result<Arc<Record>, ServiceError> {
        let mut first_seen = None;
        loop {
            let (service, attempt) = (self.clone(), wanted.clone());
            match self
                .run(async move {
                    let attempted = service.attempt_create(attempt).await;
                    if attempted.is_err() {
                        service.settle_left_behind();
                    }
                    attempted
                })
                .await?
            {
                CreateOutcome::Created(record) => return Ok(record),
                // Nobody works on it any more. What it has made is removed first, for that has the name. Should its
                // container still appear, it is removed as well.
                CreateOutcome::Duplicate(operation) if self.is_left_behind(operation) => {
                    let service = self.clone();
                    self.run(async move { service.resolve_left_behind().await })
                        .await?;
                    self.inner.registry.release_key(operation).await?;
                }
                // Its container was there and is gone; a failed operation would have freed the key.
                CreateOutcome::Duplicate(operation) if first_seen == Some(operation) => {
                    return Err(ServiceError::CreatedAndRemoved);
                }
                CreateOutcome::Duplicate(operation) => {
                    first_seen = Some(operation);
                    if let Some(record) = self.outcome_of(operation).await? {
                        return Ok(record);
                    }
                }
            }
        }
    }

    async fn attempt_create(&self, wanted: NewContainer) -> Result<CreateOutcome, ServiceError> {
        // A repetition needs neither the image nor the engine any more.
        if let Some(key) = &wanted.key {
            match self.inner.registry.find_key(key.clone()).await? {
                KeyLookup::Unused => {}
                KeyLookup::SameRequest(operation) => return Ok(CreateOutcome::Duplicate(operation)),
                KeyLookup::DifferentRequest => return Err(ServiceError::KeyReused),
            }
        }
        let Ok(_place) = self.inner.creates.try_acquire() else {
            return Err(ServiceError::TooManyCreates);
        };
        self.is_our_engine().await?;
        let image = match self.track_engine_health(self.inner.engine.image(&wanted.image).await) {
            Ok(image) => image,
            Err(EngineError::NoSuchImage) => {
                return Err(ServiceError::ImageNotFound(wanted.image.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(reason) = image.validate() {
            return Err(ServiceError::UnusableImage {
                image: wanted.image.to_string(),
                reason,
            });
        }
        let check_in_url = self.check_in_url().await;
        let operation = new_operation()?;
        let _mine = self.claim(operation);
        let creation = Creation {
            operation,
            image: wanted.image.clone(),
            name: wanted.name.clone(),
            limits: wanted.limits,
            label_limits: image.limits,
            key: wanted.key.clone(),
            opened_at: self.inner.clock.now(),
        };
        let most = self.inner.capacity.containers;
        match self.inner.registry.open_creation(creation, most).await? {
            OpenOutcome::Opened => {}
            OpenOutcome::Duplicate(operation) => return Ok(CreateOutcome::Duplicate(operation)),
            OpenOutcome::KeyReused => return Err(ServiceError::KeyReused),
            OpenOutcome::LimitReached => return Err(ServiceError::TooManyContainers(most)),
        }
        let spec = self.spec(operation, &wanted, &image, check_in_url);
        let id = self.make(&spec).await?;
        self.bind_and_start(operation, id)
            .await
            .map(CreateOutcome::Created)
    }

    /// Has the engine make a container. When its answer is lost the container is looked for, and one
    /// that appears too late is removed by reconciliation: the creation stays open for that.
    async fn make(&self, spec: &ContainerSpec) -> Result<ContainerId, ServiceError> {
        let made = match acquire_engine_slot(&self.inner.starts).await {
            Ok(_permit) => self.inner.engine.create(spec).await,
            Err(error) => {
                // It was never asked.
                self.inner.registry.close_creation(spec.operation).await?;
                return Err(error.into());
            }
        };
        let error = match made {
            Ok(id) => return Ok(id),
            Err(error) => error,
        };
        if error.is_ambiguous() {
            let found = self.container_of(spec.operation).await;
            if let Ok(None) = found {
                self.absent_since(spec.operation); // the engine answers: from here on it counts
            }
            return found.ok().flatten().ok_or_else(|| error.into());
        }
        // Even a refusal may come after the deed. What is there then is removed by reconciliation.
        if let Ok(None) = self.container_of(spec.operation).await {
            self.inner.registry.close_creation(spec.operation).await?;
        }
        Err(match (error, &spec.name) {
            (EngineError::NameInUse, Some(name)) => ServiceError::NameInUse(name.as_str().to_owned()),
            (EngineError::NoSuchImage, _) => ServiceError::ImageNotFound(spec.image.to_string()),
            (error, _) => error.into(),
        })
    }

    /// The container that an operation made, by its label.
    async fn container_of(&self, operation: OperationId) -> Result<Option<ContainerId>, EngineError> {
        let managed = self.managed().await?;
        let made = managed.into_iter().find(|managed| managed.operation == operation);
        Ok(made.map(|managed| managed.id))
    }

    /// Turns the creation into a record, and starts its container.
    async fn bind_and_start(
        &self,
        operation: OperationId,
        id: ContainerId,
    ) -> Result<Arc<Record>, ServiceError> {
        let lost = || EngineError::Rejected(format!("container {id} disappeared while it was created"));
        // Held before anybody can know the container.
        let _held = self.inner.locks.acquire(id).await?;
        // Until it can be inspected the creation stays open, and reconciliation looks after it.
        let Some(observation) = self.inspect(id).await? else {
            return Err(lost().into());
        };
        let Some(bound) = self.inner.registry.bind(operation, id, observation.name).await? else {
            return Err(ServiceError::Bug(format!(
                "creation {operation} was closed while it was worked on"
            )));
        };
        let wished = Applied {
            record: Some(bound),
            change: Change::Changed,
            effect: Some(Effect::Start),
        };
        let settled = self.run_effects(id, wished).await?;
        let record = settled.record.ok_or_else(lost)?;
        tracing::info!(container = %id, name = record.name().as_str(), image = %record.image(), "created");
        Ok(record)
    }

    /// Where the container will be told to check in.
    async fn check_in_url(&self) -> Option<String> {
        let mut places = self.inner.check_in.subscribe();
        let known = places.wait_for(|place| *place != CheckInAddress::Pending);
        let place = tokio::time::timeout(CHECK_IN_PATIENCE, known).await.ok()?.ok()?;
        match &*place {
            CheckInAddress::Available(url) => Some(url.clone()),
            CheckInAddress::Pending | CheckInAddress::Unavailable => None,
        }
    }

    fn spec(
        &self,
        operation: OperationId,
        wanted: &NewContainer,
        image: &Image,
        check_in_url: Option<String>,
    ) -> ContainerSpec {
        let mut variables = wanted.environment.clone();
        if let Some(url) = check_in_url {
            variables.entry(CHECK_IN_VARIABLE.to_owned()).or_insert(url);
        }
        let token = token::of(operation, self.inner.registry.secret());
        variables.entry(TOKEN_VARIABLE.to_owned()).or_insert(token);
        ContainerSpec {
            operation,
            image: wanted.image.clone(),
            name: wanted.name.clone(),
            environment: variables
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            command: wanted.command.clone(),
            memory_bytes: wanted.memory_bytes.or(self.inner.capacity.memory_bytes),
            nano_cpus: wanted.nano_cpus,
            ports: image.published_ports(),
        }
    }

    /// Waits for what another request with the same key is making, and for the fate of the key.
    async fn outcome_of(&self, operation: OperationId) -> Result<Option<Arc<Record>>, ServiceError> {
        let (mut creating, mut snapshots) = (self.inner.creating.subscribe(), self.subscribe());
        let settled = async {
            creating
                .wait_for(|creating| !creating.contains(&operation))
                .await
                .ok()?;
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
        match tokio::time::timeout(OTHERS_PATIENCE, settled).await {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(ServiceError::Bug("the registry is gone".to_owned())),
            Err(_) => Err(EngineError::TimedOut(OTHERS_PATIENCE).into()),
        }
    }

    fn is_left_behind(&self, operation: OperationId) -> bool {
        self.orphaned_creations()
            .iter()
            .any(|creation| creation.operation == operation)
    }

    /// Marks a creation as worked on, for as long as the result lives.
    fn claim(&self, operation: OperationId) -> InFlightCreate {
        self.inner.creating.send_modify(|creating| {
            creating.insert(operation);
        });
        InFlightCreate {
            service: self.clone(),
            operation,
        }
    }
}

/// A creation that is being worked on, and therefore nobody else's business.
struct InFlightCreate {
    service: Service,
    operation: OperationId,
}

impl Drop for InFlightCreate {
    fn drop(&mut self) {
        let creating = &self.service.inner.creating;
        creating.send_modify(|creating| {
            creating.remove(&self.operation);
        });
    }
}

fn new_operation() -> Result<OperationId, ServiceError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ServiceError::Bug(format!("no random numbers: {error}")))?;
    Ok(OperationId::from_bytes(bytes))
}
