//! The container object: the eight fields of the original API, then additions.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Timestamp, text};

/// One container as the daemon describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The engine's id: 1 to 128 lower-case letters, digits or dashes. Docker uses 64 hex digits.
    pub container_id: String,
    /// With a leading slash, as the engine writes it: `/hungry_bell`.
    pub name: String,
    /// The image as it was named at creation.
    pub image: String,
    /// What the container is doing.
    pub status: Status,
    /// Last reported number of active connections; 0 before the first report and when stopped.
    #[serde(with = "text::number")]
    pub active: u32,
    /// Host port that leads to 22/tcp.
    #[serde(with = "text::optional_number")]
    pub ssh_port: Option<u16>,
    /// Host port of the application: the lowest other exposed TCP port, unless the image's label
    /// `spin-docker.app-port` names one.
    #[serde(with = "text::optional_number")]
    pub app_port: Option<u16>,
    /// Path of this container under the daemon's address.
    pub uri: String,
    /// Every published port, `"22/tcp"` to the host port. Empty unless running, paused or stopping.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// When the container was created.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When the present run began; null when there is none.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// Latest activity: the start, a check-in with a count above 0, or a connection that carried data.
    #[serde(default)]
    pub last_active_at: Option<Timestamp>,
    /// Seconds without activity after which it is stopped; null means never.
    #[serde(default)]
    pub idle_timeout: Option<u64>,
    /// When it will be stopped if nothing happens until then.
    #[serde(default)]
    pub stops_at: Option<Timestamp>,
    /// Seconds that a run may last, however much it is used; null means as long as it likes.
    #[serde(default)]
    pub max_lifetime: Option<u64>,
    /// Seconds at rest after which it is removed; null means never.
    #[serde(default)]
    pub remove_after: Option<u64>,
    /// When it will be removed if nobody starts it until then; null unless stopped.
    #[serde(default)]
    pub removes_at: Option<Timestamp>,
    /// Why it was stopped; null unless stopping or stopped.
    #[serde(default)]
    pub stop_reason: Option<StopReason>,
}

/// What a container is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A start is under way.
    Starting,
    /// Its main process runs.
    Running,
    /// Frozen by somebody on the host.
    Paused,
    /// A stop or a removal is under way.
    Stopping,
    /// At rest; it can be started again.
    Stopped,
    /// A state that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Why a container was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// Somebody asked for it over this API.
    Requested,
    /// Nobody used it for its idle timeout.
    Idle,
    /// Its run had lasted as long as it may.
    Expired,
    /// Its main process ended by itself.
    Exited,
    /// Somebody stopped it on the host, behind the daemon's back.
    External,
    /// It could not be started.
    Failed,
    /// A reason that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Other(other) => other,
        })
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Requested => "requested",
            Self::Idle => "idle",
            Self::Expired => "expired",
            Self::Exited => "exited",
            Self::External => "external",
            Self::Failed => "failed",
            Self::Other(other) => other,
        })
    }
}
