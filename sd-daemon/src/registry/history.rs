//! What happened to containers: a bounded table, and the same in memory for readers.
//!
//! An event is written in the transaction of the change it tells of, and shown to readers only after that.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, Row, named_params};
use tokio::sync::watch;

use super::rows::columns::{millis, name_of, optional_timestamp, parse, timestamp, value_of};
use super::rows::reasons;
use crate::domain::{
    Actor, Caller, ContainerId, Event, EventKind, Reason, Record, RecordedEvent, Subject, Timestamp,
};

/// Events that are kept in all. More than a busy day of a small server.
const KEPT: usize = 10_000;
/// Events that are kept of one container, so that one that is started and stopped all day does not make
/// the others' history shorter.
const KEPT_OF_ONE: usize = 100;

/// What happened, for readers. Cheap to clone; all clones are the same history.
#[derive(Clone)]
pub struct History {
    events: Arc<RwLock<VecDeque<RecordedEvent>>>,
    latest: watch::Sender<u64>,
}

impl History {
    /// Reads what is kept.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("select * from history order by id")?;
        // All that it will ever take, so that it is not moved and doubled while it grows.
        let mut events = VecDeque::with_capacity(KEPT);
        let mut subjects = HashMap::new();
        let mut callers: HashSet<Arc<Caller>> = HashSet::new();
        for event in statement.query_map([], read_event)? {
            let mut event = event?;
            let known = subjects
                .entry(event.subject.container)
                .or_insert_with(|| Arc::clone(&event.subject));
            share_subject(&mut event, known);
            *known = Arc::clone(&event.subject);
            if let Some(caller) = caller(&event) {
                let known = callers.get(caller).unwrap_or(caller);
                let known = Arc::clone(known);
                callers.insert(Arc::clone(&known));
                event.event.actor = Some(Actor::Caller(known));
            }
            events.push_back(event);
        }
        // What was forgotten had numbers too, and they are not given again.
        let latest = connection.query_row(
            "select coalesce((select seq from sqlite_sequence where name = 'history'), 0)",
            [],
            |row| row.get(0),
        )?;
        Ok(Self {
            events: Arc::new(RwLock::new(events)),
            latest: watch::Sender::new(latest),
        })
    }

    /// What happened after the event of this number, the oldest first.
    pub fn after(&self, id: u64, at_most: usize) -> Vec<RecordedEvent> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let first = events.partition_point(|event| event.id <= id);
        events.range(first..).take(at_most).cloned().collect()
    }

    /// What happened to a container, the oldest first.
    pub fn of(&self, id: ContainerId) -> Vec<RecordedEvent> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        events
            .iter()
            .filter(|event| event.subject.container == id)
            .cloned()
            .collect()
    }

    /// The number of the latest event, now and whenever there is another.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Shows events that are on the disk together with the change that they tell of: whoever has seen one of the
    /// two finds the other. Forgets what is not on the disk any more.
    pub(super) fn publish(&self, news: impl Iterator<Item = RecordedEvent>, show_change: impl FnOnce()) {
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        show_change();
        for event in news {
            append(&mut events, event);
        }
        let latest = events.back().map(|event| event.id);
        drop(events);
        if let Some(latest) = latest {
            self.latest
                .send_if_modified(|known| std::mem::replace(known, latest) != latest);
        }
    }
}

fn append(events: &mut VecDeque<RecordedEvent>, mut event: RecordedEvent) {
    let id = event.subject.container;
    let of_same = |other: &RecordedEvent| other.subject.container == id;
    if let Some(latest) = events.iter().rev().find(|other| of_same(other)) {
        share_subject(&mut event, &latest.subject);
    }
    if let Some(new) = caller(&event) {
        let mut known = events.iter().rev().filter_map(caller);
        if let Some(known) = known.find(|known| *known == new) {
            event.event.actor = Some(Actor::Caller(Arc::clone(known)));
        }
    }
    if events.iter().filter(|other| of_same(other)).count() >= KEPT_OF_ONE
        && let Some(oldest) = events.iter().position(of_same)
    {
        events.remove(oldest);
    }
    if events.len() >= KEPT {
        events.pop_front();
    }
    events.push_back(event);
}

/// Events of one container share its id, name and image in memory while they are the same.
fn share_subject(event: &mut RecordedEvent, known: &Arc<Subject>) {
    if event.subject == *known {
        event.subject = Arc::clone(known);
    }
}

/// The client that caused an event. Events of one client share it in memory.
fn caller(event: &RecordedEvent) -> Option<&Arc<Caller>> {
    match &event.event.actor {
        Some(Actor::Caller(caller)) => Some(caller),
        Some(Actor::Daemon | Actor::Container | Actor::Outside) | None => None,
    }
}

/// Writes what happened to a container, and deletes what is too old.
pub(super) fn save(
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
            "delete from history where container = :container and id <= (
                 select id from history where container = :container
                 order by id desc limit 1 offset :kept_of_one
             )",
        )?
        .execute(named_params! { ":container": container, ":kept_of_one": KEPT_OF_ONE })?;
    connection
        .prepare_cached(
            "delete from history where id in (
                 select id from history order by id limit max((select count(*) from history) - ?1, 0)
             )",
        )?
        .execute([KEPT])?;
    Ok(RecordedEvent {
        id: u64::try_from(id).unwrap_or_default(),
        at: now,
        subject: Arc::new(Subject::from(record)),
        event,
    })
}

/// Adds `by` milliseconds to the times of every event.
pub(super) fn shift_clock(connection: &Connection, by: i64) -> rusqlite::Result<()> {
    connection
        .execute(
            "update history
             set at = max(at + ?1, 0), stops_at = max(stops_at + ?1, 0)",
            [by],
        )
        .map(drop)
}

pub(super) fn read_event(row: &Row<'_>) -> rusqlite::Result<RecordedEvent> {
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
