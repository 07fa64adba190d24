//! Decides what follows when an input arrives for a container.
//!
//! ```text
//!              Start                 Live
//!   Stopped ─────────► Starting ────────────► Running ◄─────► Paused
//!      ▲  ▲               │ StartRejected        │    Live       │
//!      │  └───────────────┘                      │               │
//!      │                                         │ Stop, Due     │ Stop
//!      │        Ended                            ▼               ▼
//!      └───────────────────────────────────── Stopping ◄─────────┘
//!
//!   Running, Paused ──── Ended ───► Stopped       Stopped ──── Live ───► Running
//!   any state ── Remove, or Due if stopped ──► Removing ── Vanished ──► removed
//!   any state ── Vanished ──► removed
//! ```
//!
//! `Start`, `Stop` and `Remove` are requests of clients, `Due` is a deadline, and `Live`, `Ended` and `Vanished` are
//! results of an inspection. `Starting`, `Stopping` and `Removing` are intents: every observation that shows an intent
//! unfulfilled returns its effect again. After a crash, the stored record and one inspection are therefore enough to
//! finish what was begun.
//!
//! The registry calls [`transition()`] and stores the result; the service executes the [`Effect`].

mod activity;
mod deadlines;
mod observations;
mod requests;

use super::{
    Actor, Context, Event, EventKind, Input, Intent, Lifecycle, Reason, Record, RemoveMode, StopCause,
    Timestamp,
};

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

/// Decides what follows when `input` arrives for `record`.
///
/// Only requests of clients are refused.
pub fn transition(record: &Record, input: Input, context: &Context) -> Result<Transition, Refusal> {
    match input {
        Input::Requested { request, by } => requests::requested(record, request, by.into(), context),
        Input::Due { due, generation } => Ok(deadlines::due(record, due, generation, context)),
        Input::CheckIn { generation, report } => {
            Ok(activity::checked_in(record, generation, report, context.now))
        }
        Input::Used {
            generation,
            signal,
            value,
        } => Ok(activity::used(record, generation, signal, value, context.now)),
        Input::Observed(observation) => Ok(observations::observed(record, observation, context.now)),
        Input::Vanished => Ok(observations::vanished(record)),
        Input::StartRejected { message } => Ok(observations::start_rejected(record, &message, context.now)),
    }
}

/// Begins to stop a container that has, or is to have, a main process.
fn begin_stop(record: &Record, cause: StopCause, reason: Reason, actor: Actor) -> Transition {
    let endpoints = record.lifecycle().endpoints().cloned().unwrap_or_default();
    let intent = Intent {
        reason: reason.clone(),
        actor: actor.clone(),
    };
    record
        .with_intent(Lifecycle::Stopping { cause, endpoints }, intent)
        .with_effect(Effect::Stop)
        .with_event(Event::new(EventKind::Stopping, reason, actor))
}

/// Begins to remove a container. The event follows when it is removed.
fn begin_removal(record: &Record, mode: RemoveMode, cause: StopCause, intent: Intent) -> Transition {
    let effect = Effect::Remove(mode);
    match record.lifecycle() {
        Lifecycle::Removing { .. } => Transition::same().with_effect(effect),
        lifecycle => {
            let endpoints = lifecycle.endpoints().cloned();
            record
                .with_intent(Lifecycle::Removing { cause, endpoints }, intent)
                .with_effect(effect)
        }
    }
}

impl Record {
    /// Begins a change that the engine has to confirm.
    fn with_intent(&self, lifecycle: Lifecycle, intent: Intent) -> Transition {
        let mut next = self.clone();
        next.fields.lifecycle = lifecycle;
        next.fields.intent = Some(intent);
        Transition::changed(next)
    }

    /// Records that the main process has ended.
    fn stopped(&self, cause: StopCause, now: Timestamp, event: Event) -> Transition {
        let mut next = self.clone();
        next.fields.lifecycle = Lifecycle::Stopped { since: now, cause };
        next.fields.intent = None;
        next.fields.activity.end_run();
        Transition::changed(next).with_event(event)
    }
}

impl Transition {
    fn same() -> Self {
        Self {
            next: NextState::Same,
            effect: None,
            event: None,
        }
    }

    fn changed(record: Record) -> Self {
        Self {
            next: NextState::Changed(Box::new(record)),
            ..Self::same()
        }
    }

    fn unless_same(before: &Record, after: Record) -> Self {
        if *before == after {
            Self::same()
        } else {
            Self::changed(after)
        }
    }

    fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }

    fn with_event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }
}

#[cfg(test)]
mod tests;
