//! Rows: how records and creations lie in their tables.
//!
//! Longer than most files here: whoever changes a column finds its writing and its reading side by side.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use crate::domain::{
    Activity, ContainerId, ContainerPort, Creation, Endpoints, IdempotencyKey, Lifecycle, Limits, Name,
    OperationId, ProcessId, Record, RecordFields, RunId, Signal, SignalReading, StopCause, TimeLimit,
    Timestamp,
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
    let (limits, labels) = (record.limits(), record.label_limits());
    let activity = record.activity();
    connection
        .prepare_cached(
            "insert into container values (
                 :id, :operation, :name, :image, :created_at,
                 :idle_timeout, :max_lifetime, :remove_after,
                 :label_idle_timeout, :label_max_lifetime, :label_remove_after,
                 :generation, :last_run, :state, :since, :cause, :ports, :app_port, :addresses, :process,
                 :evidence, :connections, :keep_until, :kept_from, :warned_of
             )
             on conflict (id) do update set
                 name = excluded.name, idle_timeout = excluded.idle_timeout,
                 max_lifetime = excluded.max_lifetime, remove_after = excluded.remove_after,
                 generation = excluded.generation, last_run = excluded.last_run,
                 state = excluded.state, since = excluded.since, cause = excluded.cause,
                 ports = excluded.ports, app_port = excluded.app_port, addresses = excluded.addresses,
                 process = excluded.process, evidence = excluded.evidence, connections = excluded.connections,
                 keep_until = excluded.keep_until, kept_from = excluded.kept_from,
                 warned_of = excluded.warned_of",
        )?
        .execute(named_params! {
            ":id": record.id().to_string(),
            ":operation": record.operation().to_string(),
            ":name": record.name().as_str(),
            ":image": record.image().as_str(),
            ":created_at": millis(record.created_at()),
            ":idle_timeout": limits.idle_timeout.map(limit_column),
            ":max_lifetime": limits.max_lifetime.map(limit_column),
            ":remove_after": limits.remove_after.map(limit_column),
            ":label_idle_timeout": labels.idle_timeout.map(limit_column),
            ":label_max_lifetime": labels.max_lifetime.map(limit_column),
            ":label_remove_after": labels.remove_after.map(limit_column),
            ":generation": record.generation(),
            ":last_run": record.last_run().map(RunId::as_str),
            ":state": lifecycle.state,
            ":since": lifecycle.since.map(millis),
            ":cause": lifecycle.cause.and_then(|cause| name_of(CAUSES, cause)),
            ":ports": lifecycle.endpoints.map(ports_column),
            ":app_port": lifecycle.endpoints.and_then(Endpoints::app_port).map(|port| port.to_string()),
            ":addresses": lifecycle.addresses,
            ":process": lifecycle.process.map(ProcessId::number),
            ":evidence": evidence_column(&activity.readings),
            ":connections": activity.connections,
            ":keep_until": activity.keep_until.map(millis),
            ":kept_from": activity.extended_at.map(millis),
            ":warned_of": activity.warning_sent_for.map(millis),
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
    let (limits, labels) = (&creation.limits, &creation.label_limits);
    connection
        .prepare_cached(
            "insert into creation values (
                 :operation, :image, :name, :idle_timeout, :opened_at, :max_lifetime, :remove_after,
                 :label_idle_timeout, :label_max_lifetime, :label_remove_after
             )",
        )?
        .execute(named_params! {
            ":operation": creation.operation.to_string(),
            ":image": creation.image.as_str(),
            ":name": creation.name.as_ref().map(Name::as_str),
            ":idle_timeout": limits.idle_timeout.map(limit_column),
            ":opened_at": millis(creation.opened_at),
            ":max_lifetime": limits.max_lifetime.map(limit_column),
            ":remove_after": limits.remove_after.map(limit_column),
            ":label_idle_timeout": labels.idle_timeout.map(limit_column),
            ":label_max_lifetime": labels.max_lifetime.map(limit_column),
            ":label_remove_after": labels.remove_after.map(limit_column),
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

/// Reads every key, so that one that makes no sense is found at once and not when it is asked for.
pub(super) fn check_keys(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("select operation from idempotency_key")?;
    let mut operations = statement.query_map([], |row| parse::<OperationId>(row, "operation"))?;
    operations.try_for_each(|operation| operation.map(drop))
}

/// Frees the key of an operation that came to nothing.
pub(super) fn delete_key_of(connection: &Connection, operation: OperationId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from idempotency_key where operation = ?1")?
        .execute([operation.to_string()])?;
    Ok(())
}

/// Whether there are keys that were given before a moment.
pub(super) fn has_keys_before(connection: &Connection, moment: Timestamp) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("select exists (select 1 from idempotency_key where opened_at < ?1)")?
        .query_row([millis(moment)], |row| row.get(0))
}

/// Frees the keys that were given before a moment.
pub(super) fn delete_keys_before(connection: &Connection, moment: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from idempotency_key where opened_at < ?1")?
        .execute([millis(moment)])?;
    Ok(())
}

/// The engine that the containers are on; nothing when none has answered yet.
pub(super) fn engine(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("select engine from instance", [], |row| row.get(0))
}

/// Writes down which engine the containers are on.
pub(super) fn save_engine(connection: &Connection, engine: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("update instance set engine = ?1")?
        .execute([engine])?;
    Ok(())
}

/// The identity of this registry: what it makes carries it as a label. And what only it knows.
pub(super) fn instance(connection: &Connection) -> rusqlite::Result<(String, String)> {
    connection.query_row("select id, secret from instance", [], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

const CAUSES: &[(&str, StopCause)] = &[
    ("requested", StopCause::Requested),
    ("idle", StopCause::Idle),
    ("expired", StopCause::Expired),
    ("exited", StopCause::Exited),
    ("external", StopCause::External),
    ("failed", StopCause::Failed),
];

const SIGNALS: &[(&str, Signal)] = &[
    ("started", Signal::Started),
    ("check-in", Signal::CheckIn),
    ("connections", Signal::Connections),
    ("cpu", Signal::Cpu),
];

pub(super) fn name_of<T: PartialEq + Copy>(names: &[(&'static str, T)], value: T) -> Option<&'static str> {
    names
        .iter()
        .find(|(_, named)| *named == value)
        .map(|(name, _)| *name)
}

pub(super) fn value_of<T: Copy>(
    names: &[(&'static str, T)],
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
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
    process: Option<ProcessId>,
}

impl<'a> Columns<'a> {
    fn of(lifecycle: &'a Lifecycle) -> Self {
        let endpoints = lifecycle.endpoints();
        match lifecycle {
            Lifecycle::Starting => Self {
                state: "starting",
                ..Self::default()
            },
            Lifecycle::Running {
                since,
                addresses,
                process,
                ..
            } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                let addresses = Some(addresses.join(" "));
                Self {
                    state: "running",
                    since: Some(*since),
                    endpoints,
                    addresses,
                    process: *process,
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
            Lifecycle::Removing { cause, .. } => Self {
                state: "removing",
                cause: Some(*cause),
                endpoints,
                ..Self::default()
            },
        }
    }
}

pub(super) fn read_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record::restore(RecordFields {
        id: parse(row, "id")?,
        operation: parse(row, "operation")?,
        name: parse(row, "name")?,
        image: parse(row, "image")?,
        created_at: timestamp(row, "created_at")?,
        limits: limits(row, ["idle_timeout", "max_lifetime", "remove_after"])?,
        label_limits: limits(
            row,
            ["label_idle_timeout", "label_max_lifetime", "label_remove_after"],
        )?,
        lifecycle: read_lifecycle(row)?,
        activity: Activity {
            readings: list(row, "evidence", |text| {
                readings(text).ok_or("it is not a signal's word")
            })?,
            connections: row.get("connections")?,
            keep_until: optional_timestamp(row, "keep_until")?,
            extended_at: optional_timestamp(row, "kept_from")?,
            warning_sent_for: optional_timestamp(row, "warned_of")?,
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
            process: row.get::<_, Option<u32>>("process")?.and_then(ProcessId::new),
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
            cause: value_of(CAUSES, row, "cause")?,
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
        limits: limits(row, ["idle_timeout", "max_lifetime", "remove_after"])?,
        label_limits: limits(
            row,
            ["label_idle_timeout", "label_max_lifetime", "label_remove_after"],
        )?,
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

fn evidence_column(readings: &BTreeMap<Signal, SignalReading>) -> String {
    let words = readings
        .iter()
        .filter_map(|(signal, SignalReading { at, value })| {
            Some(format!("{}={}/{value}", name_of(SIGNALS, *signal)?, millis(*at)))
        });
    words.collect::<Vec<_>>().join(" ")
}

fn readings(text: &str) -> Option<(Signal, SignalReading)> {
    let (name, rest) = text.split_once('=')?;
    let (at, value) = rest.split_once('/')?;
    let (_, signal) = SIGNALS.iter().find(|(known, _)| *known == name)?;
    let readings = SignalReading {
        at: Timestamp::from_millis(at.parse().ok()?),
        value: value.parse().ok()?,
    };
    Some((*signal, readings))
}

fn limit_column(limit: TimeLimit) -> u64 {
    match limit {
        TimeLimit::Never => 0,
        TimeLimit::After(duration) => duration.as_secs(),
    }
}

fn limits(row: &Row<'_>, [idle_timeout, max_lifetime, remove_after]: [&str; 3]) -> rusqlite::Result<Limits> {
    let limit = |column| -> rusqlite::Result<Option<TimeLimit>> {
        let seconds: Option<u64> = row.get(column)?;
        Ok(seconds.map(|seconds| match seconds {
            0 => TimeLimit::Never,
            _ => TimeLimit::After(Duration::from_secs(seconds)),
        }))
    };
    Ok(Limits {
        idle_timeout: limit(idle_timeout)?,
        max_lifetime: limit(max_lifetime)?,
        remove_after: limit(remove_after)?,
    })
}

pub(super) fn millis(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

pub(super) fn optional_timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let millis: Option<u64> = row.get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

pub(super) fn parse<T: FromStr<Err: ToString>>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
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

pub(super) fn unreadable(row: &Row<'_>, column: &str, reason: &str) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    let reason = format!("column {column}: {reason}");
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, reason.into())
}
