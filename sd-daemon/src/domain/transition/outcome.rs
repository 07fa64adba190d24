//! The outcome of a transition: the next record, the effect and the event.

use super::super::{Event, Record, RemoveMode};

/// The consequences of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The record after the input.
    pub next: NextState,
    /// The engine call that follows.
    pub effect: Option<Effect>,
    /// The event for the history.
    pub event: Option<Event>,
}

/// The record after an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextState {
    /// The record is unchanged.
    Same,
    /// The record is replaced.
    Changed(Box<Record>),
    /// The record is deleted.
    Gone,
}

/// An engine call. A container never needs more than one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the container.
    Start,
    /// Stop the container.
    Stop,
    /// Remove the container with its anonymous volumes.
    Remove(RemoveMode),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The container is paused. Only the host can unpause it.
    Paused,
    /// The container is stopping. A start has to wait for the end of the stop.
    Stopping,
    /// The container is being removed.
    BeingRemoved,
    /// The container does not run and has no deadline to postpone.
    NotRunning,
}

impl Transition {
    pub(super) fn same() -> Self {
        Self {
            next: NextState::Same,
            effect: None,
            event: None,
        }
    }

    pub(super) fn changed(record: Record) -> Self {
        Self {
            next: NextState::Changed(Box::new(record)),
            ..Self::same()
        }
    }

    pub(super) fn unless_same(before: &Record, after: Record) -> Self {
        if *before == after {
            Self::same()
        } else {
            Self::changed(after)
        }
    }

    pub(super) fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }

    pub(super) fn with_event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }
}
