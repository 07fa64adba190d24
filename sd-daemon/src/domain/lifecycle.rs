//! The lifecycle of a container.

use std::net::IpAddr;

use super::{Actor, Endpoints, ProcessId, Reason, Timestamp};

/// The state of a container. Each state has fields for what exists in it only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// The container is to be started; the engine has not confirmed it.
    Starting,
    /// The main process runs.
    Running {
        /// When the run began.
        since: Timestamp,
        /// Published ports.
        endpoints: Endpoints,
        /// Addresses on container networks. A check-in from one of them comes from this container.
        addresses: Vec<IpAddr>,
        /// The main process on the engine's host.
        process: Option<ProcessId>,
    },
    /// The container was paused on the host. It is not idle: the operator who paused it will unpause it.
    Paused {
        /// When the run began.
        since: Timestamp,
        /// Published ports.
        endpoints: Endpoints,
    },
    /// The container is to be stopped; the engine has not confirmed it.
    Stopping {
        /// Why.
        cause: StopCause,
        /// Published ports.
        endpoints: Endpoints,
    },
    /// The container has no main process.
    Stopped {
        /// When it stopped.
        since: Timestamp,
        /// Why.
        cause: StopCause,
    },
    /// The container is to be removed; the engine has not confirmed it.
    Removing {
        /// Why.
        cause: StopCause,
        /// Published ports, or `None` if it was stopped before.
        endpoints: Option<Endpoints>,
    },
}

/// Why a container is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A client requested it.
    Requested,
    /// It was idle.
    Idle,
    /// It reached its maximum lifetime, or the time for which stopped containers are kept.
    Expired,
    /// The main process exited.
    Exited,
    /// It was stopped outside spin-docker.
    External,
    /// The engine refused to start it.
    Failed,
}

/// Why and by whom an unfinished change was begun.
///
/// Stored with `Starting`, `Stopping` and `Removing`, so that the event of the completed change names both, also after
/// a restart of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Why the change was begun.
    pub reason: Reason,
    /// The actor that began it.
    pub actor: Actor,
}

impl Lifecycle {
    /// The published ports, or `None` in a state without a main process.
    pub fn endpoints(&self) -> Option<&Endpoints> {
        match self {
            Self::Running { endpoints, .. }
            | Self::Paused { endpoints, .. }
            | Self::Stopping { endpoints, .. } => Some(endpoints),
            Self::Removing { endpoints, .. } => endpoints.as_ref(),
            Self::Starting | Self::Stopped { .. } => None,
        }
    }

    /// Whether a change was begun that the engine has not confirmed.
    pub fn is_unfinished(&self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Stopping { .. } | Self::Removing { .. }
        )
    }
}
