//! The container engine, in spin-docker's words.
//!
//! No type of an engine's own library appears in a signature here, so that another engine is another
//! folder beside [`docker`].

pub mod docker;
#[cfg(feature = "test-support")]
pub mod fake;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::domain::{ContainerId, ContainerPort, Image, ImageRef, Name, Observation, OperationId};

/// What a container engine does for spin-docker.
///
/// Contract, proven by one suite for every implementation:
///
/// - starting a running container, stopping a stopped one and removing a missing one succeed;
/// - `inspect` of a missing container is `Ok(None)`, never an error; an error means *unknown*;
/// - `create` is never repeated by an implementation: after [`EngineError::TimedOut`] or
///   [`EngineError::Unavailable`] the container may exist, or appear later, and is found through
///   [`managed`](Engine::managed);
/// - `remove` takes the anonymous volumes along and returns when the container is gone;
/// - every call ends within a limit of the implementation, answer body included.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// The tagged images, as `name:tag`, sorted.
    async fn images(&self) -> Result<Vec<String>, EngineError>;

    /// What an image says about its containers.
    async fn image(&self, image: &ImageRef) -> Result<Image, EngineError>;

    /// Makes a container and does not start it.
    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError>;

    /// Starts a container.
    async fn start(&self, id: ContainerId) -> Result<(), EngineError>;

    /// Asks the main process to end, and kills it after `grace`.
    async fn stop(&self, id: ContainerId, grace: Duration) -> Result<(), EngineError>;

    /// Removes a container; a live one is killed.
    async fn remove(&self, id: ContainerId) -> Result<(), EngineError>;

    /// What a container is doing; nothing when the engine does not have it.
    async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError>;

    /// Every container that carries an operation label of this daemon, in any state.
    async fn managed(&self) -> Result<Vec<Managed>, EngineError>;

    /// Which engine this is, the same for as long as it has the same containers. Two calls that differ come from an
    /// engine that has no identity.
    async fn identity(&self) -> Result<String, EngineError>;

    /// The host's address on the network of new containers, where there is one.
    async fn gateway(&self) -> Result<Option<IpAddr>, EngineError>;

    /// The host's addresses on other networks that containers of this daemon are on: those that were made when
    /// the settings named another one.
    async fn other_gateways(&self) -> Result<Vec<IpAddr>, EngineError>;

    /// What happens at the engine. Never ends; while the engine is away it waits.
    ///
    /// An event is a hint to look, and carries no state. After every (re)connection comes
    /// [`EngineEvent::Resync`]: anything may have happened before it.
    fn events(&self) -> BoxStream<'static, EngineEvent>;
}

/// A hint from the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineEvent {
    /// Look at everything.
    Resync,
    /// Look at this container.
    Changed(ContainerId),
}

/// A container that carries an operation label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Managed {
    /// The container.
    pub id: ContainerId,
    /// The create it says it came from. A hint: only an open intent of our own proves anything.
    pub operation: OperationId,
}

/// A container to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSpec {
    /// The create this belongs to.
    pub operation: OperationId,
    /// The image.
    pub image: ImageRef,
    /// A name; the engine picks one when there is none.
    pub name: Option<Name>,
    /// Environment, `KEY=value`.
    pub environment: Vec<String>,
    /// Command and arguments instead of the image's own; empty for the image's own.
    pub command: Vec<String>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor limit in billionths of a core.
    pub nano_cpus: Option<u64>,
    /// Ports to publish.
    pub ports: Vec<ContainerPort>,
}

/// Why the engine did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It cannot be reached, or the connection broke before it answered.
    #[error("the Docker engine cannot be reached ({0})")]
    Unavailable(String),
    /// It did not answer in time.
    #[error("the Docker engine did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It does not have the image.
    #[error("no such image")]
    NoSuchImage,
    /// The name belongs to another container.
    #[error("the name is in use")]
    NameInUse,
    /// There is no network to put containers on: why, and what to do.
    #[error("{0}")]
    NoNetwork(String),
    /// It is not the one that our containers are on: what it does not have is not gone.
    #[error(
        "the Docker engine that answers ({found}) is not the one that the containers are on ({known}): nothing is \
         done until DOCKER_HOST names theirs; if that one is gone for good, docs/operating.md says how to go on"
    )]
    Another {
        /// The engine that the containers are on.
        known: String,
        /// The one that answers.
        found: String,
    },
    /// Whether it is the one that our containers are on cannot be told.
    #[error("whether the Docker engine that answers is the right one is not known now: {0}")]
    Unrecognised(String),
    /// It refused, in its own words.
    #[error("the Docker engine refused: {0}")]
    Rejected(String),
}

impl EngineError {
    /// Whether the engine may have done what it was asked, or do it later.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            // From the one that the containers are on nothing was heard.
            Self::Unavailable(_) | Self::TimedOut(_) | Self::Another { .. } | Self::Unrecognised(_) => true,
            Self::NoSuchImage | Self::NameInUse | Self::NoNetwork(_) | Self::Rejected(_) => false,
        }
    }
}
