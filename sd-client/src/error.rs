//! The errors of a call to the daemon.

use std::time::Duration;

use crate::api::Problem;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of the daemon is invalid.
    #[error("invalid daemon address {url:?}: {reason}")]
    BadUrl {
        /// The address as given, or `***` if it contains credentials.
        url: String,
        /// Why it is invalid.
        reason: String,
    },
    /// The connection could not be opened, or broke before the response was complete.
    #[error("failed to get a response from {url}: {reason}")]
    Unreachable {
        /// The address of the daemon.
        url: String,
        /// The innermost cause, such as `Connection refused (os error 111)`.
        reason: String,
        /// Whether the daemon may have executed the request.
        sent: RequestSent,
    },
    /// The response did not arrive in time.
    #[error("failed to get a response from {url} within {} s", limit.as_secs())]
    Timeout {
        /// The address of the daemon.
        url: String,
        /// The timeout.
        limit: Duration,
    },
    /// The daemon refused the request or failed to execute it.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The response does not conform to this API.
    #[error("failed to read the response of {url} (status {status}): {reason}")]
    Decode {
        /// The address of the server.
        url: String,
        /// The HTTP status of the response.
        status: u16,
        /// The violation.
        reason: String,
    },
}

/// Whether a failed request may have reached the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSent {
    /// The request was not sent, so it had no effect.
    No,
    /// The request may have been executed.
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

    /// The problem that the daemon described. Returns `None` for other errors.
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
