//! The history: the latest events, in memory for readers.
//!
//! An event is saved in the transaction of its change (see [`events`]), and becomes visible to readers together with
//! the change.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use rusqlite::Connection;
use tokio::sync::watch;

use super::rows::events::{self, MAX_EVENTS, MAX_EVENTS_OF_CONTAINER};
use crate::domain::{Actor, Caller, ContainerId, RecordedEvent, Subject};

/// The recorded events, for readers. Cheap to clone; all clones share the same events.
#[derive(Clone)]
pub struct History {
    events: Arc<RwLock<VecDeque<RecordedEvent>>>,
    latest: watch::Sender<u64>,
}

impl History {
    /// Reads the events from the database.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        // Allocated at its maximum size, so that it never grows and moves.
        let mut loaded = VecDeque::with_capacity(MAX_EVENTS);
        let mut subjects = HashMap::new();
        let mut callers: HashSet<Arc<Caller>> = HashSet::new();
        events::for_each(connection, |mut event| {
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
            loaded.push_back(event);
        })?;
        let latest = events::latest_id(connection)?;
        Ok(Self {
            events: Arc::new(RwLock::new(loaded)),
            latest: watch::Sender::new(latest),
        })
    }

    /// At most `limit` events after the event with this id, the oldest first.
    pub fn after(&self, id: u64, limit: usize) -> Vec<RecordedEvent> {
        let events = self.events.read();
        let first = events.partition_point(|event| event.id <= id);
        events.range(first..).take(limit).cloned().collect()
    }

    /// The events of a container, the oldest first.
    pub fn of(&self, id: ContainerId) -> Vec<RecordedEvent> {
        let events = self.events.read();
        events
            .iter()
            .filter(|event| event.subject.container == id)
            .cloned()
            .collect()
    }

    /// Receives the id of the latest event, now and after every new one.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Makes committed events visible, together with their changes: `publish_changes` runs under the same lock, so that a
    /// reader that has one of the two finds the other.
    pub(super) fn publish(
        &self,
        new_events: impl Iterator<Item = RecordedEvent>,
        publish_changes: impl FnOnce(),
    ) {
        let mut events = self.events.write();
        publish_changes();
        for event in new_events {
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

/// Appends an event, and deletes the oldest ones beyond the limits.
fn append(events: &mut VecDeque<RecordedEvent>, mut event: RecordedEvent) {
    let id = event.subject.container;
    let is_of_container = |other: &RecordedEvent| other.subject.container == id;
    if let Some(latest) = events.iter().rev().find(|other| is_of_container(other)) {
        share_subject(&mut event, &latest.subject);
    }
    if let Some(new) = caller(&event) {
        let mut known = events.iter().rev().filter_map(caller);
        if let Some(known) = known.find(|known| *known == new) {
            event.event.actor = Some(Actor::Caller(Arc::clone(known)));
        }
    }
    if events.iter().filter(|other| is_of_container(other)).count() >= MAX_EVENTS_OF_CONTAINER
        && let Some(oldest) = events.iter().position(is_of_container)
    {
        events.remove(oldest);
    }
    if events.len() >= MAX_EVENTS {
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
