//! Why an operation failed. `http::problem` maps each error to a response.

use std::net::IpAddr;

use crate::domain::{ContainerId, Refusal};
use crate::engine::EngineError;
use crate::registry::RegistryError;

/// Why an operation failed. The messages are shown to clients.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No container of this daemon has this id or name.
    #[error("Container {0} doesn't exist")]
    NotFound(String),
    /// Several containers have ids with this prefix.
    #[error("{0} is a prefix of several container ids: use a longer prefix, or the name")]
    Ambiguous(String),
    /// The container's state does not allow the operation.
    #[error("{}", refusal_message(*.0, .1))]
    Refused(Refusal, String),
    /// The engine does not have the image.
    #[error("Image {0} not found on this server")]
    ImageNotFound(String),
    /// Another container on the host has the name.
    #[error("the name {0} is in use by another container: choose another one")]
    NameInUse(String),
    /// An earlier, different request had the same idempotency key.
    #[error("the Idempotency-Key belongs to a different request: choose another key")]
    KeyReused,
    /// The container that was created with the idempotency key has been removed.
    #[error("the container created with this Idempotency-Key has been removed: choose another key")]
    CreatedAndRemoved,
    /// The maximum number of containers is reached.
    #[error("there are {0} containers, the maximum set by max_containers: remove one first")]
    TooManyContainers(u32),
    /// Other operations on the container are still in progress. Boxed, because an id takes 129 bytes.
    #[error("container {0} is busy with earlier requests: try again in a minute")]
    Busy(Box<ContainerId>),
    /// The maximum number of creates is in progress.
    #[error("too many containers are being created: try again in a few seconds")]
    TooManyCreates,
    /// No running container has the address that a check-in came from.
    #[error("no running container has the address {0}: only containers created by this daemon can check in")]
    UnknownCaller(IpAddr),
    /// This daemon has not issued the token of a check-in.
    #[error("the check-in token is invalid: containers get theirs in SD_CHECK_IN_TOKEN")]
    UnknownToken,
    /// The container that the token was issued to is not running.
    #[error("the container that this token was issued to is not running")]
    TokenContainerNotRunning,
    /// No container can be created from the image.
    #[error("Image {image} cannot be used: {reason}")]
    UnusableImage {
        /// The image.
        image: String,
        /// The problem with it.
        reason: String,
    },
    /// The engine returned an error.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The registry returned an error.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A bug in this program.
    #[error("{0}")]
    Bug(String),
}

impl ServiceError {
    /// The message for clients without credentials. It names no container and no path.
    pub(crate) fn public_message(&self) -> String {
        match self {
            Self::Engine(EngineError::TimedOut(_)) => "the engine did not respond in time".to_owned(),
            Self::Engine(error) if error.is_ambiguous() => "the engine is unavailable".to_owned(),
            Self::Engine(_) => "the engine refused a call".to_owned(),
            Self::Registry(_) => "the registry is unavailable".to_owned(),
            // Requests of clients can fail for other reasons; those of tasks can fail for these.
            _ => "an operation on a container failed".to_owned(),
        }
    }
}

fn refusal_message(refusal: Refusal, reference: &str) -> String {
    match refusal {
        Refusal::Paused => {
            format!("Container {reference} is paused: run `docker unpause` on the host, or stop it first")
        }
        Refusal::Stopping => {
            format!("Container {reference} is still stopping: try again in a few seconds")
        }
        Refusal::NotRunning => {
            format!("Container {reference} is not running and has no stop to postpone: start it first")
        }
        Refusal::BeingRemoved => format!("Container {reference} is being removed"),
    }
}
