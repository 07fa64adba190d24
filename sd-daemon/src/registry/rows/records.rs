//! The table `container`: the records.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use super::columns::{
    invalid, limit_seconds, limits, list, millis, name_of, optional_timestamp, parse, parse_optional,
    timestamp, value_of,
};
use super::reasons;
use crate::domain::{
    Activity, ContainerId, ContainerPort, Endpoints, Lifecycle, ProcessId, Record, RecordFields, RunId,
    Signal, SignalReading, StopCause, Timestamp,
};

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

/// Reads every record.
pub(in crate::registry) fn load_all(connection: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare("select * from container")?;
    statement.query_map([], read)?.collect()
}

/// Saves a record, new or existing.
pub(in crate::registry) fn save(connection: &Connection, record: &Record) -> rusqlite::Result<()> {
    let lifecycle = LifecycleColumns::of(record.lifecycle());
    let (limits, labels) = (record.limits(), record.label_limits());
    let (activity, intent) = (record.activity(), record.intent());
    connection
        .prepare_cached(
            "insert into container values (
                 :id, :operation, :name, :image, :created_at,
                 :idle_timeout, :max_lifetime, :remove_after,
                 :label_idle_timeout, :label_max_lifetime, :label_remove_after,
                 :generation, :last_run, :state, :since, :cause, :ports, :app_port, :addresses, :process,
                 :evidence, :connections, :keep_until, :kept_from, :warned_of,
                 :intent_reason, :intent_actor
             )
             on conflict (id) do update set
                 name = excluded.name, idle_timeout = excluded.idle_timeout,
                 max_lifetime = excluded.max_lifetime, remove_after = excluded.remove_after,
                 generation = excluded.generation, last_run = excluded.last_run,
                 state = excluded.state, since = excluded.since, cause = excluded.cause,
                 ports = excluded.ports, app_port = excluded.app_port, addresses = excluded.addresses,
                 process = excluded.process, evidence = excluded.evidence, connections = excluded.connections,
                 keep_until = excluded.keep_until, kept_from = excluded.kept_from,
                 warned_of = excluded.warned_of, intent_reason = excluded.intent_reason,
                 intent_actor = excluded.intent_actor",
        )?
        .execute(named_params! {
            ":id": record.id().to_string(),
            ":operation": record.operation().to_string(),
            ":name": record.name().as_str(),
            ":image": record.image().as_str(),
            ":created_at": millis(record.created_at()),
            ":idle_timeout": limits.idle_timeout.map(limit_seconds),
            ":max_lifetime": limits.max_lifetime.map(limit_seconds),
            ":remove_after": limits.remove_after.map(limit_seconds),
            ":label_idle_timeout": labels.idle_timeout.map(limit_seconds),
            ":label_max_lifetime": labels.max_lifetime.map(limit_seconds),
            ":label_remove_after": labels.remove_after.map(limit_seconds),
            ":generation": record.generation(),
            ":last_run": record.last_run().map(RunId::as_str),
            ":state": lifecycle.state,
            ":since": lifecycle.since.map(millis),
            ":cause": lifecycle.cause.and_then(|cause| name_of(CAUSES, cause)),
            ":ports": lifecycle.endpoints.map(format_ports),
            ":app_port": lifecycle.endpoints.and_then(Endpoints::app_port).map(|port| port.to_string()),
            ":addresses": lifecycle.addresses,
            ":process": lifecycle.process.map(ProcessId::number),
            ":evidence": format_readings(&activity.readings),
            ":connections": activity.connections,
            ":keep_until": activity.keep_until.map(millis),
            ":kept_from": activity.extended_at.map(millis),
            ":warned_of": activity.warning_sent_for.map(millis),
            ":intent_reason": intent.map(|intent| reasons::reason_column(&intent.reason)).transpose()?,
            ":intent_actor": intent.map(|intent| reasons::actor_column(&intent.actor)).transpose()?,
        })?;
    Ok(())
}

/// Deletes a record.
pub(in crate::registry) fn delete(connection: &Connection, id: ContainerId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from container where id = ?1")?
        .execute([id.to_string()])?;
    Ok(())
}

/// The columns that depend on the state of a container.
#[derive(Default)]
struct LifecycleColumns<'a> {
    state: &'static str,
    since: Option<Timestamp>,
    cause: Option<StopCause>,
    endpoints: Option<&'a Endpoints>,
    addresses: Option<String>,
    process: Option<ProcessId>,
}

impl<'a> LifecycleColumns<'a> {
    fn of(lifecycle: &'a Lifecycle) -> Self {
        let mut columns = Self {
            endpoints: lifecycle.endpoints(),
            ..Self::default()
        };
        match lifecycle {
            Lifecycle::Starting => columns.state = "starting",
            Lifecycle::Running {
                since,
                addresses,
                process,
                ..
            } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                columns.state = "running";
                columns.since = Some(*since);
                columns.addresses = Some(addresses.join(" "));
                columns.process = *process;
            }
            Lifecycle::Paused { since, .. } => {
                columns.state = "paused";
                columns.since = Some(*since);
            }
            Lifecycle::Stopping { cause, .. } => {
                columns.state = "stopping";
                columns.cause = Some(*cause);
            }
            Lifecycle::Stopped { since, cause } => {
                columns.state = "stopped";
                columns.since = Some(*since);
                columns.cause = Some(*cause);
            }
            Lifecycle::Removing { cause, .. } => {
                columns.state = "removing";
                columns.cause = Some(*cause);
            }
        }
        columns
    }
}

/// Reads a record.
pub(in crate::registry) fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
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
        intent: reasons::intent(row)?,
        activity: Activity {
            readings: list(row, "evidence", |text| {
                parse_reading(text).ok_or("invalid signal reading")
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
            endpoints: read_endpoints(row)?.unwrap_or_default(),
            addresses: list(row, "addresses", str::parse)?,
            process: row.get::<_, Option<u32>>("process")?.and_then(ProcessId::new),
        },
        "paused" => Lifecycle::Paused {
            since: timestamp(row, "since")?,
            endpoints: read_endpoints(row)?.unwrap_or_default(),
        },
        "stopping" => Lifecycle::Stopping {
            cause: value_of(CAUSES, row, "cause")?,
            endpoints: read_endpoints(row)?.unwrap_or_default(),
        },
        "stopped" => Lifecycle::Stopped {
            since: timestamp(row, "since")?,
            cause: value_of(CAUSES, row, "cause")?,
        },
        "removing" => Lifecycle::Removing {
            cause: value_of(CAUSES, row, "cause")?,
            endpoints: read_endpoints(row)?,
        },
        unknown => return Err(invalid(row, "state", &format!("unknown value {unknown:?}"))),
    })
}

/// Published ports in the form `22/tcp=49155 80/tcp=49156`.
fn format_ports(endpoints: &Endpoints) -> String {
    let ports: Vec<_> = endpoints
        .ports()
        .iter()
        .map(|(port, host)| format!("{port}={host}"))
        .collect();
    ports.join(" ")
}

fn read_endpoints(row: &Row<'_>) -> rusqlite::Result<Option<Endpoints>> {
    if row.get_ref("ports")?.data_type() == Type::Null {
        return Ok(None);
    }
    let pair = |text: &str| -> Option<(ContainerPort, u16)> {
        let (port, host) = text.split_once('=')?;
        Some((port.parse().ok()?, host.parse().ok()?))
    };
    let ports: BTreeMap<_, _> = list(row, "ports", |text| pair(text).ok_or("invalid pair of ports"))?;
    Ok(Some(Endpoints::restore(ports, parse_optional(row, "app_port")?)))
}

/// Signal readings in the form `started=1772373731250/0 check-in=1772373735000/2`.
fn format_readings(readings: &BTreeMap<Signal, SignalReading>) -> String {
    let readings = readings
        .iter()
        .filter_map(|(signal, SignalReading { at, value })| {
            Some(format!("{}={}/{value}", name_of(SIGNALS, *signal)?, millis(*at)))
        });
    readings.collect::<Vec<_>>().join(" ")
}

fn parse_reading(text: &str) -> Option<(Signal, SignalReading)> {
    let (name, rest) = text.split_once('=')?;
    let (at, value) = rest.split_once('/')?;
    let (_, signal) = SIGNALS.iter().find(|(known, _)| *known == name)?;
    let reading = SignalReading {
        at: Timestamp::from_millis(at.parse().ok()?),
        value: value.parse().ok()?,
    };
    Some((*signal, reading))
}
