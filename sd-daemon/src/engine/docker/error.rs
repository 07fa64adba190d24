//! Maps errors of bollard and hyper to the engine's error kinds.

use std::time::Duration;

use bollard::errors::Error;

use crate::engine::EngineError;

/// A call that failed.
#[derive(Debug)]
pub(super) enum CallError {
    /// The engine responded with an error.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The engine's message, in one line.
        message: String,
    },
    /// There was no usable response.
    Failed(EngineError),
}

impl CallError {
    /// Whether the engine responded with this status.
    pub(super) fn has_status(&self, wanted: u16) -> bool {
        matches!(self, Self::Answer { status, .. } if *status == wanted)
    }

    /// A response that cannot be understood.
    pub(super) fn invalid(reason: &str) -> Self {
        Self::Failed(EngineError::Rejected(format!(
            "invalid response: {}",
            one_line(reason)
        )))
    }

    /// A connection that broke.
    pub(super) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed(EngineError::Unavailable(innermost(error)))
    }
}

impl From<CallError> for EngineError {
    fn from(refused: CallError) -> Self {
        match refused {
            CallError::Answer { message, .. } => Self::Rejected(message),
            CallError::Failed(error) => error,
        }
    }
}

/// Maps an error of a call with this time limit.
pub(super) fn from_bollard(error: &Error, limit: Duration) -> CallError {
    match error {
        Error::DockerResponseServerError { status_code, message } => CallError::Answer {
            status: *status_code,
            message: one_line(message),
        },
        Error::RequestTimeoutError => CallError::Failed(EngineError::TimedOut(limit)),
        Error::JsonDataError { message, .. } => CallError::invalid(message),
        Error::SocketNotFoundError(path) => {
            CallError::Failed(EngineError::Unavailable(format!("there is no socket at {path}")))
        }
        // bollard's wrapper does not return its source.
        Error::HyperLegacyError { err } => CallError::broken(err),
        // The other variants are failures of the connection.
        error => CallError::broken(error),
    }
}

/// The cause with the useful text; the errors around it contain only "client error".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    one_line(&cause.to_string())
}

/// Removes control characters: the engine's message may contain text of a container.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    clean.trim().to_owned()
}
