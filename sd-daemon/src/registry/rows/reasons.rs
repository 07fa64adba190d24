//! Reasons and actors of events, stored as JSON with their kind.
//!
//! The stored form is separate from that of the API: each can change without the other. Spans are stored in
//! seconds. Slightly over 400 lines: every type is defined, saved and read side by side.

use std::sync::Arc;

use rusqlite::Row;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::columns::invalid;
use crate::domain::{
    Actor, AppliedLimit, Caller, Idleness, Intent, LastUse, LimitSource, Limits, Means, Reason, Seconds,
    TimeLimit, Use,
};

/// The JSON of a reason.
pub(in crate::registry) fn reason_column(reason: &Reason) -> rusqlite::Result<String> {
    json(&Column(reason))
}

/// The JSON of an actor.
pub(in crate::registry) fn actor_column(actor: &Actor) -> rusqlite::Result<String> {
    json(&Column(actor))
}

/// Reads a reason, or `None` if the column is null.
pub(in crate::registry) fn reason(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Reason>> {
    read(row, column)
}

/// Reads an actor, or `None` if the column is null.
pub(in crate::registry) fn actor(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Actor>> {
    read(row, column)
}

/// Reads an intent from two columns, or `None` if an older version stored the row.
pub(super) fn intent(row: &Row<'_>) -> rusqlite::Result<Option<Intent>> {
    let (reason, actor) = (reason(row, "intent_reason")?, actor(row, "intent_actor")?);
    Ok(reason.zip(actor).map(|(reason, actor)| Intent { reason, actor }))
}

/// A value whose stored form is defined below.
struct Column<T>(T);

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn read<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    Column<T>: for<'de> Deserialize<'de>,
{
    let Some(text) = row.get::<_, Option<String>>(column)? else {
        return Ok(None);
    };
    let value: Column<T> =
        serde_json::from_str(&text).map_err(|error| invalid(row, column, &error.to_string()))?;
    Ok(Some(value.0))
}

impl Serialize for Column<&Reason> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredReason::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Column<Reason> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StoredReason::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Column<&Actor> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredActor::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Column<Actor> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StoredActor::deserialize(deserializer).map(Self)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reason", tag = "kind", rename_all = "snake_case")]
enum StoredReason {
    Requested,
    IdleTimeout(#[serde(with = "StoredIdleness")] Idleness),
    KeepUntil(#[serde(with = "StoredIdleness")] Idleness),
    Grace(#[serde(with = "StoredIdleness")] Idleness),
    MaxLifetime(#[serde(with = "StoredLimit")] AppliedLimit),
    RemoveAfter(#[serde(with = "StoredLimit")] AppliedLimit),
    Exited {
        code: i64,
    },
    OutOfMemory,
    Outside,
    NeverRan,
    StartFailed {
        message: Box<str>,
    },
    LimitsChanged(#[serde(with = "stored_limits")] Box<Limits>),
    ExtendedBy {
        #[serde(with = "StoredSeconds")]
        span: Seconds,
        #[serde(with = "optional_limit", default, skip_serializing_if = "Option::is_none")]
        capped_by: Option<AppliedLimit>,
    },
    KeptFor {
        #[serde(with = "StoredSeconds")]
        span: Seconds,
        #[serde(with = "optional_limit", default, skip_serializing_if = "Option::is_none")]
        capped_by: Option<AppliedLimit>,
    },
    ReportedBusy {
        #[serde(with = "StoredSeconds")]
        span: Seconds,
    },
    Text {
        text: Box<str>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Idleness")]
struct StoredIdleness {
    #[serde(with = "StoredSeconds")]
    idle_for: Seconds,
    #[serde(with = "StoredLimit")]
    timeout: AppliedLimit,
    #[serde(with = "StoredUse")]
    last_use: LastUse,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AppliedLimit")]
struct StoredLimit {
    #[serde(with = "StoredSeconds")]
    limit: Seconds,
    #[serde(with = "StoredSource")]
    source: LimitSource,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "LimitSource", rename_all = "snake_case")]
enum StoredSource {
    Container,
    ImageLabel,
    ImageRule,
    Default,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "LastUse")]
struct StoredUse {
    #[serde(with = "StoredUseKind")]
    kind: Use,
    value: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Use", rename_all = "snake_case")]
enum StoredUseKind {
    Started,
    Unpaused,
    CheckIn,
    Connections,
    Cpu,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Actor", tag = "kind", rename_all = "snake_case")]
enum StoredActor {
    Caller(#[serde(with = "stored_caller")] Arc<Caller>),
    Daemon,
    Container,
    Outside,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Means", rename_all = "snake_case")]
enum StoredMeans {
    Api,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Seconds")]
struct StoredSeconds(#[serde(getter = "whole_seconds")] u32);

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference to the field"
)]
fn whole_seconds(seconds: &Seconds) -> u32 {
    seconds.get()
}

impl From<StoredSeconds> for Seconds {
    fn from(stored: StoredSeconds) -> Self {
        Self::new(stored.0)
    }
}

mod optional_limit {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{AppliedLimit, StoredLimit};

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredLimit")] AppliedLimit);

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference to the field"
    )]
    pub(super) fn serialize<S: Serializer>(
        limit: &Option<AppliedLimit>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        limit.map(Stored).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<AppliedLimit>, D::Error> {
        let stored = Option::<Stored>::deserialize(deserializer)?;
        Ok(stored.map(|stored| stored.0))
    }
}

/// Limits in seconds; 0 means unlimited, as in the table `container`.
mod stored_limits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Limits, TimeLimit};
    use crate::registry::rows::columns::{limit_from_seconds, limit_seconds};

    #[derive(Serialize, Deserialize)]
    struct Stored {
        idle_timeout: Option<u64>,
        max_lifetime: Option<u64>,
        remove_after: Option<u64>,
    }

    pub(super) fn serialize<S: Serializer>(limits: &Limits, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            idle_timeout: limits.idle_timeout.map(limit_seconds),
            max_lifetime: limits.max_lifetime.map(limit_seconds),
            remove_after: limits.remove_after.map(limit_seconds),
        };
        stored.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Limits>, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let limit = |seconds: Option<u64>| -> Option<TimeLimit> { seconds.map(limit_from_seconds) };
        Ok(Box::new(Limits {
            idle_timeout: limit(stored.idle_timeout),
            max_lifetime: limit(stored.max_lifetime),
            remove_after: limit(stored.remove_after),
        }))
    }
}

mod stored_caller {
    use std::net::IpAddr;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Caller, Means, StoredMeans};

    #[derive(Serialize, Deserialize)]
    struct Stored {
        user: Option<String>,
        address: Option<IpAddr>,
        #[serde(with = "StoredMeans")]
        means: Means,
    }

    pub(super) fn serialize<S: Serializer>(caller: &Caller, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            user: caller.user.as_deref().map(str::to_owned),
            address: caller.address,
            means: caller.means,
        };
        stored.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Caller>, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Ok(Arc::new(Caller {
            user: stored.user.map(Into::into),
            address: stored.address,
            means: stored.means,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read_back<'a, T: 'a>(value: &'a T) -> T
    where
        Column<&'a T>: Serialize,
        Column<T>: for<'de> Deserialize<'de>,
    {
        let text = json(&Column(value)).unwrap();
        serde_json::from_str::<Column<T>>(&text).unwrap().0
    }

    fn every_reason() -> Vec<Reason> {
        let limit = AppliedLimit {
            limit: Seconds::new(9_000),
            source: LimitSource::ImageLabel,
        };
        let idleness = |kind| Idleness {
            idle_for: Seconds::new(9_001),
            timeout: limit,
            last_use: LastUse { kind, value: 3 },
        };
        let limits = Limits {
            idle_timeout: Some(TimeLimit::Never),
            max_lifetime: Some(TimeLimit::After(Duration::from_secs(60))),
            remove_after: None,
        };
        let span = Seconds::new(60);
        vec![
            Reason::Requested,
            Reason::IdleTimeout(idleness(Use::Unpaused)),
            Reason::KeepUntil(idleness(Use::CheckIn)),
            Reason::Grace(idleness(Use::Cpu)),
            Reason::MaxLifetime(limit),
            Reason::RemoveAfter(limit),
            Reason::Exited { code: 137 },
            Reason::OutOfMemory,
            Reason::Outside,
            Reason::NeverRan,
            Reason::StartFailed {
                message: "port is already allocated".into(),
            },
            Reason::LimitsChanged(Box::new(limits)),
            Reason::ExtendedBy {
                span,
                capped_by: Some(limit),
            },
            Reason::KeptFor {
                span,
                capped_by: None,
            },
            Reason::ReportedBusy { span },
            Reason::Text {
                text: "its main process ended by itself, with status 1".into(),
            },
        ]
    }

    #[test]
    fn every_reason_is_read_as_it_was_saved() {
        for reason in every_reason() {
            assert_eq!(read_back(&reason), reason);
        }
    }

    #[test]
    fn every_actor_is_read_as_it_was_saved() {
        let admin = Caller::of_api("admin", "::1".parse().unwrap());
        for actor in [
            Actor::from(admin),
            Actor::from(Caller::unidentified()),
            Actor::Daemon,
            Actor::Container,
            Actor::Outside,
        ] {
            assert_eq!(read_back(&actor), actor);
        }
    }

    #[test]
    fn stored_form_names_the_kind() {
        for (reason, expected) in [
            (Reason::Requested, r#"{"kind":"requested"}"#),
            (Reason::Exited { code: 3 }, r#"{"kind":"exited","code":3}"#),
        ] {
            assert_eq!(reason_column(&reason).unwrap(), expected);
        }
        assert_eq!(
            actor_column(&Actor::from(Caller::of_api(
                "admin",
                "127.0.0.1".parse().unwrap()
            )))
            .unwrap(),
            r#"{"kind":"caller","user":"admin","address":"127.0.0.1","means":"api"}"#
        );
    }
}
