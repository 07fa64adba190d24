//! Events of a container, as its history records them.

use std::sync::Arc;

use super::{Actor, ContainerId, ImageRef, Name, Reason, Record, Timestamp};

/// A change of a container, and who or what caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The change.
    pub kind: EventKind,
    /// Why it happened, or `None` if an earlier event gives the reason.
    pub reason: Option<Reason>,
    /// The actor, or `None` if an older version recorded the event.
    pub actor: Option<Actor>,
    /// When the container will be stopped if it is not used, for events that announce or postpone a stop.
    pub stops_at: Option<Timestamp>,
}

impl Event {
    /// An event that does not announce a stop.
    pub fn new(kind: EventKind, reason: Reason, actor: Actor) -> Self {
        Self {
            kind,
            reason: Some(reason),
            actor: Some(actor),
            stops_at: None,
        }
    }
}

/// The kinds of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// An event with its number, time and container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The number of the event. Numbers grow and are never reused.
    pub id: u64,
    /// When the event happened.
    pub at: Timestamp,
    /// The container. Events of one container share it in memory while the name stays the same.
    pub subject: Arc<Subject>,
    /// The event.
    pub event: Event,
}

/// The container of an event, with the names it had then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The engine's id.
    pub container: ContainerId,
    /// The name when the event happened.
    pub name: Name,
    /// The image.
    pub image: ImageRef,
}

impl From<&Record> for Subject {
    fn from(record: &Record) -> Self {
        Self {
            container: record.id(),
            name: record.name().clone(),
            image: record.image().clone(),
        }
    }
}
