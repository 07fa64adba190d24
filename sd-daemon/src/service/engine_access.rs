//! Access to the container engine.
//!
//! Limits how many calls run at the same time, records when the engine last responded, and verifies that the
//! engine is the one that holds the containers: on another or a newly installed engine, every container would
//! appear to have been removed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock::Clock;
use crate::domain::{ContainerId, Image, ImageRef, Observation, Timestamp};
use crate::engine::{ContainerSpec, Engine, EngineError, Managed};
use crate::registry::{Registry, RegistryError};

/// How long a container may take to exit before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Creates and starts in progress at the engine. It processes them one after the other anyway, and a longer
/// queue would only delay its other responses.
const STARTS_AT_ONCE: usize = 4;

/// Inspections in progress at the engine, for the same reason.
pub(super) const INSPECTIONS_AT_ONCE: usize = 8;

/// How long a call waits for a free slot.
const SLOT_TIMEOUT: Duration = Duration::from_secs(60);

/// After this long without a response the engine counts as unavailable. It is called at least once a minute.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(180);

/// The engine with its limits, health and identity.
pub(crate) struct EngineAccess {
    engine: Arc<dyn Engine>,
    /// Stores the identity of the expected engine.
    registry: Registry,
    clock: Arc<dyn Clock>,
    last_answered_at: Mutex<Option<Timestamp>>,
    identity: Mutex<EngineIdentity>,
    starts: Semaphore,
    inspections: Semaphore,
}

/// Whether the connected engine is the expected one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum EngineIdentity {
    /// Not verified since the start or since the last lost connection.
    #[default]
    Unverified,
    /// It holds the containers, if there are any.
    Expected,
    /// Another engine holds the containers.
    Unexpected(EngineError),
}

/// Permission for one create or start.
pub(super) struct StartSlot<'a> {
    _permit: SemaphorePermit<'a>,
}

impl EngineAccess {
    pub(super) fn new(engine: Arc<dyn Engine>, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        Self {
            engine,
            registry,
            clock,
            last_answered_at: Mutex::new(None),
            identity: Mutex::default(),
            starts: Semaphore::new(STARTS_AT_ONCE),
            inspections: Semaphore::new(INSPECTIONS_AT_ONCE),
        }
    }

    /// The tagged images.
    pub(super) async fn images(&self) -> Result<Vec<String>, EngineError> {
        self.track_engine_health(self.engine.images().await)
    }

    /// The declarations of an image about its containers.
    pub(super) async fn image(&self, image: &ImageRef) -> Result<Image, EngineError> {
        self.track_engine_health(self.engine.image(image).await)
    }

    /// Every container with an operation label of this daemon.
    pub(super) async fn managed(&self) -> Result<Vec<Managed>, EngineError> {
        self.verify_identity().await?;
        self.track_engine_health(self.engine.managed().await)
    }

    /// The state of a container. Returns `None` if the expected engine does not have it.
    pub(super) async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError> {
        let _permit = acquire_engine_slot(&self.inspections).await?;
        let found = self.track_engine_health(self.engine.inspect(id).await)?;
        if found.is_none() {
            // The absence counts only on the expected engine.
            self.verify_identity().await?;
        }
        Ok(found)
    }

    /// Waits for permission to create or start a container.
    pub(super) async fn start_slot(&self) -> Result<StartSlot<'_>, EngineError> {
        let permit = acquire_engine_slot(&self.starts).await?;
        Ok(StartSlot { _permit: permit })
    }

    /// Creates a container and does not start it.
    pub(super) async fn create(
        &self,
        _slot: StartSlot<'_>,
        spec: &ContainerSpec,
    ) -> Result<ContainerId, EngineError> {
        self.track_engine_health(self.engine.create(spec).await)
    }

    /// Starts a container.
    pub(super) async fn start(&self, id: ContainerId) -> Result<(), EngineError> {
        let _slot = self.start_slot().await?;
        self.track_engine_health(self.engine.start(id).await)
    }

    /// Stops a container. It is killed if it does not exit within [`STOP_GRACE`].
    pub(super) async fn stop(&self, id: ContainerId) -> Result<(), EngineError> {
        self.track_engine_health(self.engine.stop(id, STOP_GRACE).await)
    }

    /// Removes a container. A running one is killed.
    pub(super) async fn remove(&self, id: ContainerId) -> Result<(), EngineError> {
        self.track_engine_health(self.engine.remove(id).await)
    }

    /// The host's address on the network of new containers.
    pub(crate) async fn gateway(&self) -> Result<Option<IpAddr>, EngineError> {
        self.engine.gateway().await
    }

    /// The host's addresses on the other networks of this daemon's containers.
    pub(crate) async fn other_gateways(&self) -> Result<Vec<IpAddr>, EngineError> {
        self.engine.other_gateways().await
    }

    /// Returns an error if a different engine is connected, or if the engine has not responded for
    /// [`HEALTH_TIMEOUT`].
    pub(super) fn is_ready(&self) -> Result<(), EngineError> {
        if let EngineIdentity::Unexpected(error) = &*self.identity.lock() {
            return Err(error.clone());
        }
        match *self.last_answered_at.lock() {
            Some(answered_at) if self.clock.now().since(answered_at) <= HEALTH_TIMEOUT => Ok(()),
            Some(_) => Err(EngineError::TimedOut(HEALTH_TIMEOUT)),
            None => Err(EngineError::Unavailable("it has not responded yet".to_owned())),
        }
    }

    /// Returns an error unless the engine is the expected one.
    ///
    /// The last result is reused while the connection holds: an engine is not replaced without breaking it.
    /// The identity is requested if there is no result, and also if there is no container: the engine that
    /// gets the first container is then stored as the expected one.
    pub(super) async fn ensure_expected(&self) -> Result<(), EngineError> {
        let snapshot = self.registry.snapshot();
        let is_empty = snapshot.records().next().is_none() && snapshot.creations().next().is_none();
        if !is_empty && *self.identity.lock() == EngineIdentity::Expected {
            return Ok(());
        }
        self.verify_identity().await
    }

    /// Requests the identity of the engine, and compares it with the stored one.
    async fn verify_identity(&self) -> Result<(), EngineError> {
        let found = self.engine.identity().await?;
        let known = match self.registry.engine_identity_or(found.clone()).await {
            Ok(known) => known,
            // Without the stored identity the engine cannot be verified.
            Err(error @ (RegistryError::Full | RegistryError::Busy | RegistryError::Unavailable(_))) => {
                return Err(EngineError::UnverifiedEngine(error.to_string()));
            }
        };
        // Some engines return a new identity with each response. They cannot be verified, and are accepted.
        let is_expected = known == found || self.engine.identity().await? != found;
        let identity = if is_expected {
            EngineIdentity::Expected
        } else {
            EngineIdentity::Unexpected(EngineError::WrongEngine {
                expected: known,
                found,
            })
        };
        let before = std::mem::replace(&mut *self.identity.lock(), identity.clone());
        match identity {
            EngineIdentity::Unexpected(error) => {
                if before != EngineIdentity::Unexpected(error.clone()) {
                    tracing::error!("{error}");
                }
                Err(error)
            }
            EngineIdentity::Expected | EngineIdentity::Unverified => Ok(()),
        }
    }

    /// Records the time of a response. After a lost connection the identity has to be verified again, because
    /// another engine may respond next.
    fn track_engine_health<T>(&self, answer: Result<T, EngineError>) -> Result<T, EngineError> {
        match &answer {
            Ok(_) => *self.last_answered_at.lock() = Some(self.clock.now()),
            Err(EngineError::Unavailable(_)) => {
                let mut identity = self.identity.lock();
                if *identity == EngineIdentity::Expected {
                    *identity = EngineIdentity::Unverified;
                }
            }
            Err(_) => {}
        }
        answer
    }
}

/// Waits for a free slot, for a limited time: while the engine hangs the queue only grows.
async fn acquire_engine_slot(slots: &Semaphore) -> Result<SemaphorePermit<'_>, EngineError> {
    match tokio::time::timeout(SLOT_TIMEOUT, slots.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(EngineError::Unavailable("the daemon is stopping".to_owned())),
        Err(_) => Err(EngineError::TimedOut(SLOT_TIMEOUT)),
    }
}
