//! What can go wrong between a client and the daemon.

use std::time::Duration;

use crate::api::Problem;

/// Why a call gave no answer, or an answer that says no.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of the daemon is not one.
    #[error("{url:?} is not an address of a daemon: {reason}")]
    BadUrl {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or it broke before the answer was complete.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// Where the daemon was expected.
        url: String,
        /// The innermost cause, such as `Connection refused (os error 111)`.
        reason: String,
        /// Whether the connection could not even be opened, so that the request was certainly not acted on.
        sent: RequestSent,
    },
    /// The answer took too long.
    #[error("no answer from {url} within {} s", limit.as_secs())]
    Timeout {
        /// Where the daemon was expected.
        url: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The daemon answered that it would not.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The answer is not one that a daemon of this API gives.
    #[error("{url} gave an answer that is not of this API (status {status}): {reason}")]
    Decode {
        /// Who answered.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether a request that failed may have reached the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSent {
    /// It was never sent: nothing happened.
    No,
    /// It may have been acted on.
    Unknown,
}

impl Error {
    /// The error of a connection that could not be opened, or that broke.
    pub(crate) fn unreachable(url: &str, error: &reqwest::Error) -> Self {
        let sent = if error.is_connect() {
            RequestSent::No
        } else {
            RequestSent::Unknown
        };
        Self::Unreachable {
            url: url.to_owned(),
            reason: innermost(error),
            sent,
        }
    }

    /// The problem the daemon described, when it did.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

/// The innermost cause. The errors around it only repeat the address.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
