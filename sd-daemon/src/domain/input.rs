//! Inputs of the state machine.

use std::time::Duration;

use super::{Caller, Due, Limits, Observation, Policy, Signal, Timestamp};

/// Everything that can change a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client requested a change.
    Requested {
        /// The change.
        request: Request,
        /// The client.
        by: Caller,
    },
    /// A deadline of the run of this generation may have passed.
    Due {
        /// Which deadline.
        due: Due,
        /// The run that the deadline belongs to.
        generation: u64,
    },
    /// The container checked in from the run of this generation.
    CheckIn {
        /// The run that sent the report.
        generation: u64,
        /// The report.
        report: Report,
    },
    /// The prober saw use of the run of this generation.
    Used {
        /// The probed run.
        generation: u64,
        /// The signal that showed the use.
        signal: Signal,
        /// How much: connections, or thousandths of a core.
        value: u32,
    },
    /// The engine inspected the container.
    Observed(Observation),
    /// The engine does not have the container.
    Vanished,
    /// The engine refused to start the container.
    StartRejected {
        /// The engine's message.
        message: String,
    },
}

/// A change that a client can request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start the container.
    Start,
    /// Stop the container.
    Stop,
    /// Remove the container.
    Remove(RemoveMode),
    /// Set limits of the container. Limits that are `None` stay as they are.
    SetLimits(Limits),
    /// Postpone the stop of the container.
    Extend(Extension),
}

/// The environment of a transition: everything besides the record and the input that decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The current time.
    pub now: Timestamp,
    /// When containers are stopped and removed.
    pub policy: Policy,
}

/// The content of a check-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The number of connections it serves, if it reports one.
    pub connections: Option<u32>,
    /// For how long it will be busy, if it is. Capped by the limit for reports.
    pub busy_for: Option<Duration>,
    /// Whether the settings accept check-ins as a signal. If not, only the number of connections is stored.
    pub counts: bool,
}

/// How the stop of a container is postponed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Later than the present deadline by this duration.
    By(Duration),
    /// Not earlier than this duration from now.
    For(Duration),
}

/// How the main process ends when a running container is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoveMode {
    /// As in a stop: it may end by itself within the stop timeout.
    #[default]
    Graceful,
    /// It is killed.
    Force,
}
