//! One container as spin-docker knows it.

use std::net::IpAddr;

use super::{ContainerId, Endpoints, ImageRef, Name, OperationId, RunId, TimeLimit, Timestamp};

/// One container: who it is, what it is doing, whether anybody uses it.
///
/// Only [`step()`](super::step()) makes one from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub(super) fields: RecordFields,
}

/// The parts of a [`Record`], to read one from where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFields {
    /// The engine's id.
    pub id: ContainerId,
    /// The create that made it.
    pub operation: OperationId,
    /// Its name.
    pub name: Name,
    /// The image as it was named at creation.
    pub image: ImageRef,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Its own idle timeout, where it has one.
    pub idle_timeout: Option<TimeLimit>,
    /// What it is doing.
    pub lifecycle: Lifecycle,
    /// Whether anybody uses it.
    pub activity: Activity,
    /// Grows with every run. A decision made about an older run is dropped.
    pub generation: u64,
    /// The latest run that is known to have begun.
    pub last_run: Option<RunId>,
}

/// What a container is doing. What belongs to a state lives in that state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// It shall run; the engine has not confirmed it.
    Starting,
    /// Its main process runs.
    Running {
        /// Since when.
        since: Timestamp,
        /// Where it is reached.
        endpoints: Endpoints,
        /// Its own addresses: who checks in from one of them is this container.
        addresses: Vec<IpAddr>,
    },
    /// Somebody on the host has frozen it. It is not idle: whoever froze it knows that it exists.
    Paused {
        /// When this run began.
        since: Timestamp,
        /// Where it is reached.
        endpoints: Endpoints,
    },
    /// It shall stop; the engine has not confirmed it.
    Stopping {
        /// Why.
        cause: StopCause,
        /// Where it is still reached.
        endpoints: Endpoints,
    },
    /// At rest.
    Stopped {
        /// Since when.
        since: Timestamp,
        /// Why.
        cause: StopCause,
    },
    /// It shall go; the engine has not confirmed it.
    Removing {
        /// Where it is still reached, when it was alive.
        endpoints: Option<Endpoints>,
    },
}

/// Why a container is at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// Somebody asked for it.
    Requested,
    /// Nobody used it.
    Idle,
    /// Its main process ended.
    Exited,
    /// Somebody stopped it on the host.
    External,
    /// It could not be started.
    Failed,
}

/// Whether anybody uses a container. A time, never a level: a reporter that died after saying
/// "active" does not keep its container for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The latest moment of use; the creation before there was any.
    pub last_active_at: Timestamp,
    /// What said so.
    pub signal: Signal,
    /// The latest reported number of connections.
    pub connections: u32,
}

/// What can say that a container is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It was created, started or resumed.
    Started,
    /// It reported connections.
    CheckIn,
}

impl Record {
    /// A record as it was kept.
    pub fn restore(fields: RecordFields) -> Self {
        Self { fields }
    }

    /// The engine's id.
    pub fn id(&self) -> ContainerId {
        self.fields.id
    }

    /// The create that made it.
    pub fn operation(&self) -> OperationId {
        self.fields.operation
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.fields.name
    }

    /// The image as it was named at creation.
    pub fn image(&self) -> &ImageRef {
        &self.fields.image
    }

    /// When it was asked for.
    pub fn created_at(&self) -> Timestamp {
        self.fields.created_at
    }

    /// Its own idle timeout, where it has one.
    pub fn idle_timeout(&self) -> Option<TimeLimit> {
        self.fields.idle_timeout
    }

    /// What it is doing.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.fields.lifecycle
    }

    /// Whether anybody uses it.
    pub fn activity(&self) -> Activity {
        self.fields.activity
    }

    /// Counts its runs.
    pub fn generation(&self) -> u64 {
        self.fields.generation
    }

    /// The latest run that is known to have begun.
    pub fn last_run(&self) -> Option<&RunId> {
        self.fields.last_run.as_ref()
    }

    /// Its own addresses while it runs.
    pub fn addresses(&self) -> &[IpAddr] {
        match self.lifecycle() {
            Lifecycle::Running { addresses, .. } => addresses,
            Lifecycle::Starting
            | Lifecycle::Paused { .. }
            | Lifecycle::Stopping { .. }
            | Lifecycle::Stopped { .. }
            | Lifecycle::Removing { .. } => &[],
        }
    }
}

impl Lifecycle {
    /// Where the container is reached; nothing in a state without a main process.
    pub fn endpoints(&self) -> Option<&Endpoints> {
        match self {
            Self::Running { endpoints, .. }
            | Self::Paused { endpoints, .. }
            | Self::Stopping { endpoints, .. } => Some(endpoints),
            Self::Removing { endpoints } => endpoints.as_ref(),
            Self::Starting | Self::Stopped { .. } => None,
        }
    }

    /// Whether something was begun and not yet confirmed.
    pub fn is_unfinished(&self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Stopping { .. } | Self::Removing { .. }
        )
    }
}
