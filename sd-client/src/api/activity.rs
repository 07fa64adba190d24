//! Who is using a container, why it is still up, and what happened to it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Status, StopReason, Timestamp};

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
    /// What the container is doing.
    pub status: Status,
    /// When the daemon said all this, by its clock.
    pub at: Timestamp,
    /// When the container was created.
    pub created_at: Timestamp,
    /// When the present run began; null when there is none.
    pub started_at: Option<Timestamp>,
    /// Since when it is at rest; null unless stopped.
    pub stopped_at: Option<Timestamp>,
    /// Why it was stopped; null unless stopping or stopped.
    pub stop_reason: Option<StopReason>,
    /// Latest activity; null before the first start.
    pub last_active_at: Option<Timestamp>,
    /// What that was.
    pub last_active_signal: Option<SignalKind>,
    /// Seconds without activity after which it is stopped; null means never.
    pub idle_timeout: Option<u64>,
    /// Who decided on the idle timeout.
    pub idle_timeout_source: PolicySource,
    /// Seconds that a run may last; null means as long as it likes.
    pub max_lifetime: Option<u64>,
    /// Who decided on the longest run.
    pub max_lifetime_source: PolicySource,
    /// Seconds at rest after which it is removed; null means never.
    pub remove_after: Option<u64>,
    /// Who decided on the removal.
    pub remove_after_source: PolicySource,
    /// When it will be stopped if nothing happens until then.
    pub stops_at: Option<Timestamp>,
    /// What decides that moment.
    pub stops_because: Option<StopsBecause>,
    /// When it will be removed if nobody starts it until then.
    pub removes_at: Option<Timestamp>,
    /// Somebody asked that it is not stopped for idleness before this.
    pub keep_until: Option<Timestamp>,
    /// The client connections seen from the host; null when nobody has looked yet, or nobody can.
    pub connections: Option<OpenConnections>,
    /// Everything that can tell of use.
    pub signals: Vec<Signal>,
    /// What happened to it, the latest last. Bounded: what is old is forgotten.
    pub history: Vec<HistoryEntry>,
}

/// Who decided on a limit, the most specific first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// The container itself, at its creation or later.
    Container,
    /// A label of its image.
    ImageLabel,
    /// A rule of the daemon for its image.
    ImageRule,
    /// The daemon's default.
    Default,
    /// One that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// What decides when a container is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopsBecause {
    /// Its idle timeout, counted from the latest activity.
    IdleTimeout,
    /// Somebody asked to keep it until then.
    KeepUntil,
    /// The grace after a start of the daemon, in which containers can report.
    Grace,
    /// The longest time a run may last.
    MaxLifetime,
    /// Something that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The client connections of a container at one look from the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenConnections {
    /// When they were looked at.
    pub seen_at: Timestamp,
    /// How many were open.
    pub open: u32,
    /// How many were open to each exposed port, such as `"5432/tcp"`.
    pub ports: BTreeMap<String, u32>,
    /// What they carried, both ways together, since the look before.
    pub bytes_per_minute: u64,
}

/// Something that can tell that a container is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Signal {
    /// Which.
    pub kind: SignalKind,
    /// Whether it counts here.
    pub state: SignalState,
    /// Why it does not count.
    #[serde(default)]
    pub reason: Option<String>,
    /// When it last told of use.
    pub at: Option<Timestamp>,
    /// What it told then: connections for `check-in` and `connections`, thousandths of a core for `cpu`.
    pub value: Option<u64>,
}

/// What can tell of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// It was created, started or thawed.
    Started,
    /// It reported itself.
    CheckIn,
    /// A client connection was opened or carried data, seen from the host.
    Connections,
    /// It used the processor.
    Cpu,
    /// One that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Whether a signal counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalState {
    /// It does.
    On,
    /// It does not.
    Off,
    /// A state that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryEntry {
    /// Number of the event, growing.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: EventKind,
    /// Why, in words; empty where there is nothing to say.
    pub why: String,
}

/// Something that happened to some container, as `GET /v1/events` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Number of the event, growing; `Last-Event-ID` resumes after it.
    pub id: u64,
    /// What happened.
    pub event: EventKind,
    /// When.
    pub at: Timestamp,
    /// To which container.
    pub container_id: String,
    /// Its name then, with a leading slash.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Why, in words; empty where there is nothing to say.
    pub why: String,
    /// When it will be stopped if nothing happens until then, as things stood.
    #[serde(default)]
    pub stops_at: Option<Timestamp>,
}

/// What can happen to a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It was created.
    Created,
    /// It runs.
    Started,
    /// It will be stopped soon unless somebody uses it.
    IdleWarning,
    /// Its deadline was pushed.
    Extended,
    /// One of its limits was changed.
    Changed,
    /// It was frozen on the host.
    Paused,
    /// It was thawed.
    Resumed,
    /// A stop began.
    Stopping,
    /// It is at rest.
    Stopped,
    /// It is gone.
    Removed,
    /// One that this version does not know.
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
    fn words_on_the_wire_are_the_words_that_are_shown() {
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
