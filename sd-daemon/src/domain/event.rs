//! What happens to a container, as its history tells it.

use std::borrow::Cow;
use std::sync::Arc;

use super::{ContainerId, ImageRef, Name, Record, Timestamp};

/// A reason in words. Most are the same again and again: those take no memory.
pub type Words = Cow<'static, str>;

/// Something that happened to a container, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub what: EventKind,
    /// Why, in words that stay true: no points in time, only lengths. Empty where there is nothing to say.
    pub why: Words,
    /// When it will be stopped if nothing happens until then, where that is the point.
    pub stops_at: Option<Timestamp>,
}

impl Event {
    /// Something that happened, without more about when it will be stopped.
    pub fn new(what: EventKind, why: impl Into<Words>) -> Self {
        Self {
            what,
            why: why.into(),
            stops_at: None,
        }
    }
}

/// What can happen to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// A line of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Grows with every event; never used twice.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// To which container. The same in memory for all events of one that has kept its name.
    pub subject: Arc<Subject>,
    /// What, and why.
    pub event: Event,
}

/// A container, as its history speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which.
    pub container: ContainerId,
    /// Its name then.
    pub name: Name,
    /// Its image.
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
