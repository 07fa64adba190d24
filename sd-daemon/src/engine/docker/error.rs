//! What bollard says went wrong, in our words.

use std::time::Duration;

use bollard::errors::Error;

use crate::engine::EngineError;

/// A call that came to nothing.
#[derive(Debug)]
pub(super) enum CallError {
    /// The engine answered, and the answer is no.
    Answer {
        /// Its HTTP status.
        status: u16,
        /// Its words, in one line.
        message: String,
    },
    /// There was no answer to speak of.
    Failed(EngineError),
}

impl From<CallError> for EngineError {
    fn from(refused: CallError) -> Self {
        match refused {
            CallError::Answer { message, .. } => Self::Rejected(message),
            CallError::Failed(error) => error,
        }
    }
}

/// Reads an error of a call that was given this long.
pub(super) fn read(error: &Error, limit: Duration) -> CallError {
    match error {
        Error::DockerResponseServerError { status_code, message } => CallError::Answer {
            status: *status_code,
            message: one_line(message),
        },
        Error::RequestTimeoutError => CallError::Failed(EngineError::TimedOut(limit)),
        Error::JsonDataError { message, .. } => CallError::Failed(EngineError::Rejected(format!(
            "its answer makes no sense: {}",
            one_line(message)
        ))),
        Error::SocketNotFoundError(path) => {
            CallError::Failed(EngineError::Unavailable(format!("there is no socket at {path}")))
        }
        // Everything else is a way in which a connection fails.
        error => CallError::Failed(EngineError::Unavailable(innermost(error))),
    }
}

/// The cause that tells a person something; what wraps it only says "client error".
fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = match error {
        // bollard's wrapper does not pass its source on.
        Error::HyperLegacyError { err } => err,
        error => error,
    };
    while let Some(source) = cause.source() {
        cause = source;
    }
    one_line(&cause.to_string())
}

/// The engine's words may contain a container's words: no control character of theirs gets through.
fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    clean.trim().to_owned()
}
