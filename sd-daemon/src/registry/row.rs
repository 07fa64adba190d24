//! Rows: how records and creations lie in their tables.
//!
//! Longer than most files here: whoever changes a column finds its writing and its reading side by side.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use crate::domain::{
    Activity, ContainerId, ContainerPort, Creation, Endpoints, IdempotencyKey, Lifecycle, Name, OperationId,
    Record, RecordFields, RunId, Signal, StopCause, TimeLimit, Timestamp,
};

/// Every container.
pub(super) fn load_records(connection: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare("select * from container")?;
    statement.query_map([], read_record)?.collect()
}

/// Every create that has no container yet.
pub(super) fn load_creations(connection: &Connection) -> rusqlite::Result<Vec<Creation>> {
    let mut statement = connection.prepare(
        "select creation.*, key, request
         from creation left join idempotency_key using (operation)",
    )?;
    statement.query_map([], read_creation)?.collect()
}

/// Writes a container, new or known.
pub(super) fn save_record(connection: &Connection, record: &Record) -> rusqlite::Result<()> {
    let lifecycle = Columns::of(record.lifecycle());
    let activity = record.activity();
    connection
        .prepare_cached(
            "insert into container values (
                 :id, :operation, :name, :image, :created_at, :idle_timeout, :generation, :last_run,
                 :state, :since, :cause, :ports, :app_port, :addresses,
                 :last_active_at, :last_active_signal, :connections
             )
             on conflict (id) do update set
                 name = excluded.name, idle_timeout = excluded.idle_timeout,
                 generation = excluded.generation, last_run = excluded.last_run,
                 state = excluded.state, since = excluded.since, cause = excluded.cause,
                 ports = excluded.ports, app_port = excluded.app_port, addresses = excluded.addresses,
                 last_active_at = excluded.last_active_at,
                 last_active_signal = excluded.last_active_signal, connections = excluded.connections",
        )?
        .execute(named_params! {
            ":id": record.id().to_string(),
            ":operation": record.operation().to_string(),
            ":name": record.name().as_str(),
            ":image": record.image().as_str(),
            ":created_at": millis(record.created_at()),
            ":idle_timeout": record.idle_timeout().map(idle_timeout_column),
            ":generation": record.generation(),
            ":last_run": record.last_run().map(RunId::as_str),
            ":state": lifecycle.state,
            ":since": lifecycle.since.map(millis),
            ":cause": lifecycle.cause.map(|cause| name_of(CAUSES, cause)),
            ":ports": lifecycle.endpoints.map(ports_column),
            ":app_port": lifecycle.endpoints.and_then(Endpoints::app_port).map(|port| port.to_string()),
            ":addresses": lifecycle.addresses,
            ":last_active_at": millis(activity.last_active_at),
            ":last_active_signal": name_of(SIGNALS, activity.signal),
            ":connections": activity.connections,
        })?;
    Ok(())
}

/// Deletes a container.
pub(super) fn delete_record(connection: &Connection, id: ContainerId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from container where id = ?1")?
        .execute([id.to_string()])?;
    Ok(())
}

/// Writes a new creation, and its key.
pub(super) fn save_creation(connection: &Connection, creation: &Creation) -> rusqlite::Result<()> {
    connection
        .prepare_cached("insert into creation values (:operation, :image, :name, :idle_timeout, :opened_at)")?
        .execute(named_params! {
            ":operation": creation.operation.to_string(),
            ":image": creation.image.as_str(),
            ":name": creation.name.as_ref().map(Name::as_str),
            ":idle_timeout": creation.idle_timeout.map(idle_timeout_column),
            ":opened_at": millis(creation.opened_at),
        })?;
    if let Some(IdempotencyKey { key, request }) = &creation.key {
        connection
            .prepare_cached("insert into idempotency_key values (?1, ?2, ?3, ?4)")?
            .execute((
                key,
                request,
                creation.operation.to_string(),
                millis(creation.opened_at),
            ))?;
    }
    Ok(())
}

/// Deletes a creation.
pub(super) fn delete_creation(connection: &Connection, operation: OperationId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from creation where operation = ?1")?
        .execute([operation.to_string()])?;
    Ok(())
}

/// The request and the operation that a key stands for.
pub(super) fn find_key(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<(String, OperationId)>> {
    let mut statement =
        connection.prepare_cached("select request, operation from idempotency_key where key = ?1")?;
    let mut rows = statement.query_map([key], |row| Ok((row.get(0)?, parse(row, "operation")?)))?;
    rows.next().transpose()
}

/// Frees the key of an operation that came to nothing.
pub(super) fn delete_key_of(connection: &Connection, operation: OperationId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from idempotency_key where operation = ?1")?
        .execute([operation.to_string()])?;
    Ok(())
}

/// Frees the keys that were given before a moment.
pub(super) fn delete_keys_before(connection: &Connection, moment: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from idempotency_key where opened_at < ?1")?
        .execute([millis(moment)])?;
    Ok(())
}

/// The identity of this registry: what it makes carries it as a label.
pub(super) fn instance(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("select id from instance", [], |row| row.get(0))
}

const CAUSES: &[(&str, StopCause)] = &[
    ("requested", StopCause::Requested),
    ("idle", StopCause::Idle),
    ("exited", StopCause::Exited),
    ("external", StopCause::External),
    ("failed", StopCause::Failed),
];

const SIGNALS: &[(&str, Signal)] = &[("started", Signal::Started), ("check-in", Signal::CheckIn)];

fn name_of<T: PartialEq + Copy>(names: &[(&'static str, T)], value: T) -> Option<&'static str> {
    names
        .iter()
        .find(|(_, named)| *named == value)
        .map(|(name, _)| *name)
}

fn value_of<T: Copy>(names: &[(&'static str, T)], row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let value = names
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value);
    value.ok_or_else(|| unreadable(row, column, &format!("{text:?} is unknown")))
}

/// What the state of a container puts into which column.
#[derive(Default)]
struct Columns<'a> {
    state: &'static str,
    since: Option<Timestamp>,
    cause: Option<StopCause>,
    endpoints: Option<&'a Endpoints>,
    addresses: Option<String>,
}

impl<'a> Columns<'a> {
    fn of(lifecycle: &'a Lifecycle) -> Self {
        let endpoints = lifecycle.endpoints();
        match lifecycle {
            Lifecycle::Starting => Self {
                state: "starting",
                ..Self::default()
            },
            Lifecycle::Running { since, addresses, .. } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                let addresses = Some(addresses.join(" "));
                Self {
                    state: "running",
                    since: Some(*since),
                    endpoints,
                    addresses,
                    cause: None,
                }
            }
            Lifecycle::Paused { since, .. } => Self {
                state: "paused",
                since: Some(*since),
                endpoints,
                ..Self::default()
            },
            Lifecycle::Stopping { cause, .. } => Self {
                state: "stopping",
                cause: Some(*cause),
                endpoints,
                ..Self::default()
            },
            Lifecycle::Stopped { since, cause } => Self {
                state: "stopped",
                since: Some(*since),
                cause: Some(*cause),
                ..Self::default()
            },
            Lifecycle::Removing { .. } => Self {
                state: "removing",
                endpoints,
                ..Self::default()
            },
        }
    }
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record::restore(RecordFields {
        id: parse(row, "id")?,
        operation: parse(row, "operation")?,
        name: parse(row, "name")?,
        image: parse(row, "image")?,
        created_at: timestamp(row, "created_at")?,
        idle_timeout: idle_timeout(row)?,
        lifecycle: read_lifecycle(row)?,
        activity: Activity {
            last_active_at: timestamp(row, "last_active_at")?,
            signal: value_of(SIGNALS, row, "last_active_signal")?,
            connections: row.get("connections")?,
        },
        generation: row.get("generation")?,
        last_run: row
            .get::<_, Option<String>>("last_run")?
            .as_deref()
            .map(RunId::new),
    }))
}

fn read_lifecycle(row: &Row<'_>) -> rusqlite::Result<Lifecycle> {
    let state: String = row.get("state")?;
    Ok(match state.as_str() {
        "starting" => Lifecycle::Starting,
        "running" => Lifecycle::Running {
            since: timestamp(row, "since")?,
            endpoints: endpoints(row)?.unwrap_or_default(),
            addresses: list(row, "addresses", str::parse)?,
        },
        "paused" => Lifecycle::Paused {
            since: timestamp(row, "since")?,
            endpoints: endpoints(row)?.unwrap_or_default(),
        },
        "stopping" => Lifecycle::Stopping {
            cause: value_of(CAUSES, row, "cause")?,
            endpoints: endpoints(row)?.unwrap_or_default(),
        },
        "stopped" => Lifecycle::Stopped {
            since: timestamp(row, "since")?,
            cause: value_of(CAUSES, row, "cause")?,
        },
        "removing" => Lifecycle::Removing {
            endpoints: endpoints(row)?,
        },
        unknown => return Err(unreadable(row, "state", &format!("{unknown:?} is unknown"))),
    })
}

fn read_creation(row: &Row<'_>) -> rusqlite::Result<Creation> {
    let key: Option<String> = row.get("key")?;
    let request: Option<String> = row.get("request")?;
    Ok(Creation {
        operation: parse(row, "operation")?,
        image: parse(row, "image")?,
        name: parse_optional(row, "name")?,
        idle_timeout: idle_timeout(row)?,
        key: key
            .zip(request)
            .map(|(key, request)| IdempotencyKey { key, request }),
        opened_at: timestamp(row, "opened_at")?,
    })
}

fn ports_column(endpoints: &Endpoints) -> String {
    let ports: Vec<_> = endpoints
        .ports()
        .iter()
        .map(|(port, host)| format!("{port}={host}"))
        .collect();
    ports.join(" ")
}

fn endpoints(row: &Row<'_>) -> rusqlite::Result<Option<Endpoints>> {
    if row.get_ref("ports")?.data_type() == Type::Null {
        return Ok(None);
    }
    let pair = |text: &str| -> Option<(ContainerPort, u16)> {
        let (port, host) = text.split_once('=')?;
        Some((port.parse().ok()?, host.parse().ok()?))
    };
    let ports: BTreeMap<_, _> = list(row, "ports", |text| pair(text).ok_or("it is not a pair of ports"))?;
    Ok(Some(Endpoints::restore(ports, parse_optional(row, "app_port")?)))
}

fn idle_timeout_column(timeout: TimeLimit) -> u64 {
    match timeout {
        TimeLimit::Never => 0,
        TimeLimit::After(duration) => duration.as_secs(),
    }
}

fn idle_timeout(row: &Row<'_>) -> rusqlite::Result<Option<TimeLimit>> {
    let seconds: Option<u64> = row.get("idle_timeout")?;
    Ok(seconds.map(|seconds| match seconds {
        0 => TimeLimit::Never,
        _ => TimeLimit::After(Duration::from_secs(seconds)),
    }))
}

fn millis(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_millis()).unwrap_or(i64::MAX)
}

fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

fn parse<T: FromStr<Err: ToString>>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|error: T::Err| unreadable(row, column, &error.to_string()))
}

fn parse_optional<T: FromStr<Err: ToString>>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.data_type() {
        Type::Null => Ok(None),
        _ => parse(row, column).map(Some),
    }
}

/// The values in a column that holds several, with blanks between them.
fn list<T, E: ToString, C: FromIterator<T>>(
    row: &Row<'_>,
    column: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> rusqlite::Result<C> {
    let text: String = row.get(column)?;
    let values = text
        .split_ascii_whitespace()
        .map(|value| read(value).map_err(|error| error.to_string()));
    values
        .collect::<Result<C, _>>()
        .map_err(|reason| unreadable(row, column, &reason))
}

fn unreadable(row: &Row<'_>, column: &str, reason: &str) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    let reason = format!("column {column}: {reason}");
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, reason.into())
}
