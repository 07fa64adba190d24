//! The container object: the eight fields of the original API, then additions.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Timestamp, text};

/// A container. The first eight fields are strings, as in the original API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Container {
    /// The engine's id: 1 to 128 lower-case letters, digits or dashes. Docker uses 64 hex digits.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[a-z0-9-]{1,128}$"))]
    pub container_id: String,
    /// The name with a leading slash, as Docker writes it: `/hungry_bell`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^/"))]
    pub name: String,
    /// The image, as named when the container was created.
    pub image: String,
    /// The status of the container.
    pub status: Status,
    /// The number of connections in the last check-in. `"0"` before the first check-in and while stopped.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9]+$"))]
    #[serde(with = "text::number")]
    pub active: u32,
    /// The host port of 22/tcp. Empty if the port is not published.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^([0-9]{1,5})?$"))]
    #[serde(with = "text::optional_number")]
    pub ssh_port: Option<u16>,
    /// The host port of the application: the lowest exposed TCP port other than 22, unless the image label
    /// `spin-docker.app-port` names another one. Empty if no such port is published.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^([0-9]{1,5})?$"))]
    #[serde(with = "text::optional_number")]
    pub app_port: Option<u16>,
    /// The path of the container.
    pub uri: String,
    /// The host port of each published port. Empty unless the status is running, paused or stopping.
    #[cfg_attr(feature = "openapi", schema(required = true, schema_with = super::schema::host_ports))]
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// The creation time.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// The start of the current run. Null unless the container is running or paused.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// The latest activity: the start, a check-in with connections, or a connection that transferred data.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub last_active_at: Option<Timestamp>,
    /// Seconds without activity after which the container is stopped. Null means never.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub idle_timeout: Option<u64>,
    /// The time at which the container will be stopped without further activity.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub stops_at: Option<Timestamp>,
    /// Maximum duration of a run in seconds, regardless of activity. Null means unlimited.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub max_lifetime: Option<u64>,
    /// Seconds after which a stopped container is removed. Null means never.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub remove_after: Option<u64>,
    /// The time at which the container will be removed unless it is started. Null unless stopped.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub removes_at: Option<Timestamp>,
    /// The reason of the stop. Null unless stopping or stopped.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub stop_reason: Option<StopReason>,
}

/// The status of a container. Later versions may add values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The container is being started.
    Starting,
    /// The main process is running.
    Running,
    /// Paused on the host.
    Paused,
    /// The container is being stopped or removed.
    Stopping,
    /// Stopped. The container can be started again.
    Stopped,
    /// A status that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The reason why a container was stopped. Later versions may add values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// A client requested it.
    Requested,
    /// The idle timeout passed without activity.
    Idle,
    /// The run reached its maximum lifetime.
    Expired,
    /// The main process exited.
    Exited,
    /// The container was stopped outside spin-docker.
    External,
    /// The container failed to start.
    Failed,
    /// A reason that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl Status {
    /// All statuses that this version knows.
    pub const KNOWN: [Self; 5] = [
        Self::Starting,
        Self::Running,
        Self::Paused,
        Self::Stopping,
        Self::Stopped,
    ];
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
