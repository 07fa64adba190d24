//! Reasons and actors of events, as structures.
//!
//! [`Reason::sentence`] is the only place that renders them: the daemon fills `why` with it, and `sd why` uses it too.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{PolicySource, SignalKind};

/// Why an event happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// A client requested it.
    Requested,
    /// The container was not used for its idle timeout.
    IdleTimeout(Idleness),
    /// The time for which the stop was postponed is over.
    KeepUntil(Idleness),
    /// The grace period after a start of the daemon is over.
    Grace(Idleness),
    /// The run reached its maximum lifetime.
    MaxLifetime {
        /// The maximum lifetime.
        limit: AppliedLimit,
    },
    /// The container was stopped for as long as stopped containers are kept.
    RemoveAfter {
        /// How long stopped containers are kept.
        limit: AppliedLimit,
    },
    /// The main process exited.
    Exited {
        /// Its exit code.
        code: i64,
    },
    /// The kernel killed the main process because the container exceeded its memory limit.
    OutOfMemory,
    /// The container was changed with the engine's own tools or by a signal from the host.
    Outside,
    /// The engine reports that the container never ran.
    NeverRan,
    /// The engine refused to start the container.
    StartFailed {
        /// The engine's message.
        message: String,
    },
    /// A client set limits.
    LimitsChanged(ChangedLimits),
    /// A client postponed the stop.
    ExtendedBy {
        /// How much later the container is stopped, in seconds.
        seconds: u64,
        /// The maximum lifetime, if it ends the run before the extension does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capped_by: Option<AppliedLimit>,
    },
    /// A client requested that the container is not stopped for a duration from then on, as `sd hold` does.
    KeptFor {
        /// For how long, in seconds.
        seconds: u64,
        /// The maximum lifetime, if it ends the run before the extension does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capped_by: Option<AppliedLimit>,
    },
    /// The container reported that it is busy.
    ReportedBusy {
        /// For how long, in seconds.
        seconds: u64,
    },
    /// A sentence that an older version of the daemon recorded.
    Text {
        /// The sentence.
        text: String,
    },
    /// A reason that this version does not know. The event's `why` has it as a sentence.
    #[serde(untagged)]
    Other(OtherReason),
}

/// How long a container was not used when its deadline passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idleness {
    /// Seconds since the last use.
    pub idle_for: u64,
    /// The idle timeout that applied.
    pub limit: AppliedLimit,
    /// The last use.
    pub last_use: LastUse,
}

/// A limit that applied, and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppliedLimit {
    /// The limit in seconds.
    pub seconds: u64,
    /// The source of the limit.
    pub source: PolicySource,
}

/// The last use of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastUse {
    /// The signal that showed the use.
    pub signal: SignalKind,
    /// Connections for `check-in` and `connections`, thousandths of a core for `cpu`; 0 for other signals.
    pub value: u64,
    /// Whether a container with the signal `started` was unpaused, not started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpaused: bool,
}

/// The limits that a request set, in seconds. 0 means unlimited; a missing limit was not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedLimits {
    /// The idle timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<u64>,
    /// The maximum lifetime of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<u64>,
    /// The time after which a stopped container is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_after: Option<u64>,
}

/// A reason of a kind that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherReason {
    /// The kind.
    pub kind: String,
}

/// The cause of an event: a client, the daemon, the container or the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A client requested it.
    Client(Client),
    /// The daemon, because of a deadline or to restore a consistent state.
    Daemon,
    /// The container, by a check-in or by the exit of its main process.
    Container,
    /// The host or the engine, without spin-docker.
    Outside,
    /// An actor that this version does not know.
    #[serde(untagged)]
    Other(OtherActor),
}

/// A client that sent a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The authenticated user, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The address of the client, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// How the request was sent.
    pub means: Means,
}

/// How a request was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// Through the HTTP API.
    Api,
    /// In a way that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// An actor of a kind that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherActor {
    /// The kind.
    pub kind: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reason_is_tagged_by_its_kind() {
        let idle = Idleness {
            idle_for: 9_000,
            limit: AppliedLimit {
                seconds: 9_000,
                source: PolicySource::ImageLabel,
            },
            last_use: LastUse {
                signal: SignalKind::CheckIn,
                value: 2,
                unpaused: false,
            },
        };
        for (reason, expected) in [
            (Reason::Requested, json!({"kind": "requested"})),
            (Reason::Exited { code: 3 }, json!({"kind": "exited", "code": 3})),
            (
                Reason::IdleTimeout(idle),
                json!({
                    "kind": "idle_timeout",
                    "idle_for": 9_000,
                    "limit": {"seconds": 9_000, "source": "image-label"},
                    "last_use": {"signal": "check-in", "value": 2},
                }),
            ),
            (
                Reason::KeptFor {
                    seconds: 60,
                    capped_by: None,
                },
                json!({"kind": "kept_for", "seconds": 60}),
            ),
        ] {
            assert_eq!(serde_json::to_value(&reason).unwrap(), expected);
            assert_eq!(serde_json::from_value::<Reason>(expected).unwrap(), reason);
        }
    }

    #[test]
    fn unknown_kinds_survive_deserialisation() {
        let reason = json!({"kind": "preempted", "by": "web"});
        let expected = Reason::Other(OtherReason {
            kind: "preempted".to_owned(),
        });
        assert_eq!(serde_json::from_value::<Reason>(reason).unwrap(), expected);
        let actor = json!({"kind": "scheduler", "node": "n1"});
        let expected = Actor::Other(OtherActor {
            kind: "scheduler".to_owned(),
        });
        assert_eq!(serde_json::from_value::<Actor>(actor).unwrap(), expected);
        let client = json!({"kind": "client", "means": "page"});
        let expected = Actor::Client(Client {
            user: None,
            address: None,
            means: Means::Other("page".to_owned()),
        });
        assert_eq!(serde_json::from_value::<Actor>(client).unwrap(), expected);
    }
}
