//! Why an engine call failed.

use std::time::Duration;

/// Why an engine call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The connection failed, broke before the response was complete, or led to another program.
    #[error("failed to reach the container engine: {0}")]
    Unavailable(String),
    /// The engine did not respond in time.
    #[error("the container engine did not respond within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The engine does not have the image.
    #[error("the container engine does not have the image")]
    NoSuchImage,
    /// The engine does not have the container.
    #[error("the container engine does not have the container")]
    NoSuchContainer,
    /// The operation needs a running container.
    #[error("the container is not running")]
    NotRunning,
    /// Another container has the name.
    #[error("the name is in use by another container")]
    NameInUse,
    /// There is no network for containers. The text has the cause and what to do.
    #[error("{0}")]
    NoNetwork(String),
    /// The containers of this daemon are on another engine. Their absence on this one proves nothing.
    #[error(
        "connected to a different engine ({found}, expected {expected}); changes are refused until DOCKER_HOST points \
         to the original one; if that engine no longer exists, see docs/operating.md"
    )]
    WrongEngine {
        /// The identity of the engine with the containers.
        expected: String,
        /// The identity of the connected engine.
        found: String,
    },
    /// The daemon could not check whether its containers are on this engine.
    #[error("failed to verify the identity of the container engine: {0}")]
    UnverifiedEngine(String),
    /// The engine does not have the function.
    #[error("the container engine does not support {0}")]
    Unsupported(&'static str),
    /// The engine refused the call. The text is the engine's.
    #[error("the container engine refused: {0}")]
    Rejected(String),
}

impl EngineError {
    /// Whether the engine may have carried out the call, or may do so later.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::TimedOut(_)
            // The engine with the containers has not responded.
            | Self::WrongEngine { .. }
            | Self::UnverifiedEngine(_) => true,
            Self::NoSuchImage
            | Self::NoSuchContainer
            | Self::NotRunning
            | Self::NameInUse
            | Self::NoNetwork(_)
            | Self::Unsupported(_)
            | Self::Rejected(_) => false,
        }
    }
}
