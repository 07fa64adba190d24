//! Beginning and ending the changes that the engine has to confirm.

use super::super::{
    Actor, Event, EventKind, Intent, Lifecycle, Reason, Record, RemoveMode, StopCause, Timestamp,
};
use super::{Effect, Transition};

/// Begins to stop a container that has, or is to have, a main process.
pub(super) fn begin_stop(record: &Record, cause: StopCause, reason: Reason, actor: Actor) -> Transition {
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
pub(super) fn begin_removal(
    record: &Record,
    mode: RemoveMode,
    cause: StopCause,
    intent: Intent,
) -> Transition {
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
    pub(super) fn with_intent(&self, lifecycle: Lifecycle, intent: Intent) -> Transition {
        let mut next = self.clone();
        next.fields.lifecycle = lifecycle;
        next.fields.intent = Some(intent);
        Transition::changed(next)
    }

    /// Records that the main process has ended.
    pub(super) fn stopped(&self, cause: StopCause, now: Timestamp, event: Event) -> Transition {
        let mut next = self.clone();
        next.fields.lifecycle = Lifecycle::Stopped { since: now, cause };
        next.fields.intent = None;
        next.fields.activity.end_run();
        Transition::changed(next).with_event(event)
    }
}
