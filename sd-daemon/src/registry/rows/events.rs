//! The table `history`: the events.

use std::sync::Arc;

use rusqlite::{Connection, Row, named_params};

use super::columns::{millis, name_of, optional_timestamp, parse, timestamp, value_of};
use super::reasons;
use crate::domain::{Event, EventKind, Reason, Record, RecordedEvent, Subject, Timestamp};

/// The maximum number of events. More than those of a busy day on a small server.
pub(in crate::registry) const MAX_EVENTS: usize = 10_000;

/// The maximum number of events of one container, so that one that starts and stops all day does not displace the events of
/// the others.
pub(in crate::registry) const MAX_EVENTS_OF_CONTAINER: usize = 100;

const KINDS: &[(&str, EventKind)] = &[
    ("created", EventKind::Created),
    ("started", EventKind::Started),
    ("idle_warning", EventKind::IdleWarning),
    ("extended", EventKind::Extended),
    ("changed", EventKind::Changed),
    ("paused", EventKind::Paused),
    ("resumed", EventKind::Resumed),
    ("stopping", EventKind::Stopping),
    ("stopped", EventKind::Stopped),
    ("removed", EventKind::Removed),
];

/// Calls a function with every event, the oldest first. They are not collected here, because the caller shares equal parts
/// of them.
pub(in crate::registry) fn for_each(
    connection: &Connection,
    mut receive: impl FnMut(RecordedEvent),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("select * from history order by id")?;
    for event in statement.query_map([], read)? {
        receive(event?);
    }
    Ok(())
}

/// The id of the latest event, also if it was deleted. 0 if there was none.
pub(in crate::registry) fn latest_id(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row(
        "select coalesce((select seq from sqlite_sequence where name = 'history'), 0)",
        [],
        |row| row.get(0),
    )
}

/// Saves an event, and deletes the oldest events beyond the limits.
pub(in crate::registry) fn save(
    connection: &Connection,
    record: &Record,
    event: Event,
    now: Timestamp,
) -> rusqlite::Result<RecordedEvent> {
    let container = record.id().to_string();
    connection
        .prepare_cached(
            "insert into history (at, container, name, image, what, why, stops_at, reason, actor)
             values (:at, :container, :name, :image, :what, '', :stops_at, :reason, :actor)",
        )?
        .execute(named_params! {
            ":at": millis(now),
            ":container": container,
            ":name": record.name().as_str(),
            ":image": record.image().as_str(),
            ":what": name_of(KINDS, event.kind),
            ":stops_at": event.stops_at.map(millis),
            ":reason": event.reason.as_ref().map(reasons::reason_column).transpose()?,
            ":actor": event.actor.as_ref().map(reasons::actor_column).transpose()?,
        })?;
    let id = connection.last_insert_rowid();
    connection
        .prepare_cached(
            "delete from history
             where container = :container and id <= (
                 select id from history
                 where container = :container
                 order by id desc
                 limit 1 offset :limit
             )",
        )?
        .execute(named_params! { ":container": container, ":limit": MAX_EVENTS_OF_CONTAINER })?;
    connection
        .prepare_cached(
            "delete from history
             where id in (
                 select id from history
                 order by id
                 limit max((select count(*) from history) - ?1, 0)
             )",
        )?
        .execute([MAX_EVENTS])?;
    Ok(RecordedEvent {
        id: u64::try_from(id).unwrap_or_default(),
        at: now,
        subject: Arc::new(Subject::from(record)),
        event,
    })
}

/// Adds `by` milliseconds to the times of every event.
pub(in crate::registry) fn shift_clock(connection: &Connection, by: i64) -> rusqlite::Result<()> {
    connection
        .execute(
            "update history
             set at = max(at + ?1, 0), stops_at = max(stops_at + ?1, 0)",
            [by],
        )
        .map(drop)
}

/// Reads an event.
pub(in crate::registry) fn read(row: &Row<'_>) -> rusqlite::Result<RecordedEvent> {
    Ok(RecordedEvent {
        id: row.get("id")?,
        at: timestamp(row, "at")?,
        subject: Arc::new(Subject {
            container: parse(row, "container")?,
            name: parse(row, "name")?,
            image: parse(row, "image")?,
        }),
        event: Event {
            kind: value_of(KINDS, row, "what")?,
            reason: read_reason(row)?,
            actor: reasons::actor(row, "actor")?,
            stops_at: optional_timestamp(row, "stops_at")?,
        },
    })
}

/// Older versions stored a sentence in the column `why`, which is empty if there was no reason.
fn read_reason(row: &Row<'_>) -> rusqlite::Result<Option<Reason>> {
    if let Some(reason) = reasons::reason(row, "reason")? {
        return Ok(Some(reason));
    }
    let text: Box<str> = row.get("why")?;
    Ok((!text.is_empty()).then_some(Reason::Text { text }))
}
