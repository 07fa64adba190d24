//! Why an operation was not carried out. `http::problem` turns each into an answer.

use crate::domain::{ContainerId, Refusal};
use crate::engine::EngineError;
use crate::registry::RegistryError;

/// Why an operation was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No container of ours is called that.
    #[error("Container {0} doesn't exist")]
    NotFound(String),
    /// Several containers are called that.
    #[error("{0} is the beginning of several container ids: give more digits, or the name")]
    Ambiguous(String),
    /// The container's state does not allow it.
    #[error("{}", sentence(*.0, .1))]
    Refused(Refusal, String),
    /// The engine does not have the image.
    #[error("Image {0} not found on this server")]
    ImageNotFound(String),
    /// The name belongs to another container on the host.
    #[error("the name {0} is in use by another container: choose another one")]
    NameInUse(String),
    /// The idempotency key came before, with another request.
    #[error("the Idempotency-Key belongs to a different request: choose another key")]
    KeyReused,
    /// The container that the key stands for has been removed.
    #[error("the container created with this Idempotency-Key has been removed: choose another key")]
    CreatedAndRemoved,
    /// There are as many containers as there may be.
    #[error("there are {0} containers, as many as max_containers allows: remove one first")]
    TooManyContainers(u32),
    /// What was asked of the container before is not done yet.
    #[error("container {0} is busy with what was asked of it before: try again in a minute")]
    Busy(ContainerId),
    /// As many containers are being created as the engine gets done in a reasonable time.
    #[error("too many containers are being created at the moment: try again in a few seconds")]
    TooManyCreates,
    /// The caller is not a container of ours.
    #[error("no running container has the address {0}: only containers started here can check in")]
    UnknownCaller(std::net::IpAddr),
    /// The token is not one that this daemon gave to a container.
    #[error("the token is not one of this daemon: containers find theirs in SD_CHECK_IN_TOKEN")]
    UnknownToken,
    /// The container that the token was given to does not run.
    #[error("the container that this token was given to is not running")]
    TokenContainerNotRunning,
    /// No container can be made from the image.
    #[error("Image {image} cannot be used: {reason}")]
    UnusableImage {
        /// The image.
        image: String,
        /// What is wrong.
        reason: String,
    },
    /// The engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The registry did not do it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A bug of ours.
    #[error("{0}")]
    Bug(String),
}

fn sentence(refusal: Refusal, reference: &str) -> String {
    match refusal {
        Refusal::Paused => {
            format!("Container {reference} is paused: run `docker unpause` on the host, or stop it first")
        }
        Refusal::Stopping => {
            format!("Container {reference} is still stopping: try again in a few seconds")
        }
        Refusal::NotRunning => {
            format!("Container {reference} is not running, so there is no deadline to push: start it first")
        }
        Refusal::BeingRemoved => format!("Container {reference} is being removed"),
    }
}
