//! The activity of a container: its use, its deadlines and its history.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Actor, Reason, Status, StopReason, Timestamp};

/// Answer of `GET /v1/containers/{ref}/activity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Activity {
    /// The id of the container.
    pub container_id: String,
    /// With a leading slash.
    pub name: String,
    /// The image as it was named at creation.
    pub image: String,
    /// The status of the container.
    pub status: Status,
    /// The time of the response, by the clock of the daemon.
    pub at: Timestamp,
    /// When the container was created.
    pub created_at: Timestamp,
    /// When the present run began; null if it does not run.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub started_at: Option<Timestamp>,
    /// When it stopped; null unless stopped.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub stopped_at: Option<Timestamp>,
    /// Why it was stopped; null unless stopping or stopped.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub stop_reason: Option<StopReason>,
    /// The last use; null before the first start.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub last_active_at: Option<Timestamp>,
    /// The signal that showed it.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub last_active_signal: Option<SignalKind>,
    /// Seconds without activity after which it is stopped; null means never.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub idle_timeout: Option<u64>,
    /// The source of the idle timeout.
    pub idle_timeout_source: PolicySource,
    /// Seconds after which a run is stopped, used or not; null means never.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub max_lifetime: Option<u64>,
    /// The source of the maximum lifetime.
    pub max_lifetime_source: PolicySource,
    /// Seconds after a stop after which the container is removed; null means never.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub remove_after: Option<u64>,
    /// The source of that time.
    pub remove_after_source: PolicySource,
    /// When it will be stopped if it is not used.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub stops_at: Option<Timestamp>,
    /// The limit that determines that time.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub stops_because: Option<StopsBecause>,
    /// When it will be removed if it is not started.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub removes_at: Option<Timestamp>,
    /// It is not stopped for idleness before this, because of an extension.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub keep_until: Option<Timestamp>,
    /// The client connections that the prober saw; null if it has not probed the container yet, or cannot.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub connections: Option<OpenConnections>,
    /// The signals that can show use.
    pub signals: Vec<Signal>,
    /// The events of the container, the latest last. Old events are deleted.
    pub history: Vec<HistoryEntry>,
}

/// The source of a limit, the most specific first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// The container itself, at its creation or later.
    Container,
    /// A label of its image.
    ImageLabel,
    /// A rule of the daemon for the image.
    ImageRule,
    /// The daemon's default.
    Default,
    /// A value that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The limit that determines when a container is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopsBecause {
    /// The idle timeout, counted from the last use.
    IdleTimeout,
    /// An extension by a client or by the container.
    KeepUntil,
    /// The grace period after a start of the daemon, in which containers can report.
    Grace,
    /// The maximum lifetime of a run.
    MaxLifetime,
    /// A value that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The client connections of a container at the time of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenConnections {
    /// When the container was probed.
    pub seen_at: Timestamp,
    /// How many were open.
    pub open: u32,
    /// How many were open to each exposed port, such as `"5432/tcp"`.
    pub ports: BTreeMap<String, u32>,
    /// The bytes per minute that they carried since the previous probe, in both directions together.
    pub bytes_per_minute: u64,
}

/// A signal that can show use of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Signal {
    /// Its kind.
    pub kind: SignalKind,
    /// Whether the daemon uses it.
    pub state: SignalState,
    /// Why the daemon does not use it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<String>,
    /// When it last showed use.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub at: Option<Timestamp>,
    /// How much: connections for `check-in` and `connections`, thousandths of a core for `cpu`.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub value: Option<u64>,
}

/// The kinds of signals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// The container was created, started or unpaused.
    Started,
    /// The container checked in.
    CheckIn,
    /// The prober saw a client connection that was opened or carried data.
    Connections,
    /// The prober saw the container use the processor.
    Cpu,
    /// A value that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Whether the daemon uses a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalState {
    /// It is used.
    On,
    /// It is not used.
    Off,
    /// A value that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// An event in the history of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryEntry {
    /// The number of the event. Numbers grow.
    pub id: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The kind of the event.
    pub what: EventKind,
    /// Why, as a sentence; empty if an earlier event gives the reason.
    pub why: String,
    /// Why, as a structure; null if an earlier event gives the reason.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<Reason>,
    /// The actor that caused it; null if an older version of the daemon recorded the event.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub actor: Option<Actor>,
}

/// An event in the stream of `GET /v1/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// The number of the event. Numbers grow; `Last-Event-ID` resumes after one.
    pub id: u64,
    /// The kind of the event.
    pub event: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// The id of the container.
    pub container_id: String,
    /// The name of the container at that time, with a leading slash.
    pub name: String,
    /// The image of the container.
    pub image: String,
    /// Why, as a sentence; empty if an earlier event gives the reason.
    pub why: String,
    /// When the container will be stopped if it is not used, for events that announce or postpone a stop.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub stops_at: Option<Timestamp>,
    /// Why, as a structure; null if an earlier event gives the reason.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<Reason>,
    /// The actor that caused it; null if an older version of the daemon recorded the event.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub actor: Option<Actor>,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The container was created.
    Created,
    /// A run began.
    Started,
    /// The container will be stopped soon unless it is used.
    IdleWarning,
    /// The stop was postponed.
    Extended,
    /// A limit was changed.
    Changed,
    /// The container was paused.
    Paused,
    /// The container was unpaused.
    Resumed,
    /// A stop began.
    Stopping,
    /// The container is stopped.
    Stopped,
    /// The container is removed.
    Removed,
    /// A value that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Created => "created",
            Self::Started => "started",
            Self::IdleWarning => "idle_warning",
            Self::Extended => "extended",
            Self::Changed => "changed",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
            Self::Other(other) => other,
        })
    }
}

impl fmt::Display for SignalKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Started => "started",
            Self::CheckIn => "check-in",
            Self::Connections => "connections",
            Self::Cpu => "cpu",
            Self::Other(other) => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_shown_as_it_is_on_the_wire() {
        for (kind, word) in [
            (EventKind::IdleWarning, "idle_warning"),
            (EventKind::Stopped, "stopped"),
            (EventKind::Other("melted".to_owned()), "melted"),
        ] {
            assert_eq!(kind.to_string(), word);
            assert_eq!(serde_json::to_value(&kind).unwrap(), word);
            assert_eq!(serde_json::from_value::<EventKind>(word.into()).unwrap(), kind);
        }
        for (kind, word) in [(SignalKind::CheckIn, "check-in"), (SignalKind::Cpu, "cpu")] {
            assert_eq!(kind.to_string(), word);
            assert_eq!(serde_json::to_value(&kind).unwrap(), word);
        }
    }
}
