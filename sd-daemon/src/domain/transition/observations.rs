//! Transitions on observations of the engine.

use std::net::IpAddr;

use super::super::{
    Actor, Endpoints, Event, EventKind, Exit, Intent, Lifecycle, LiveState, Observation, ObservedState,
    ProcessId, Reason, Record, RemoveMode, RunId, Signal, StopCause, Timestamp,
};
use super::{Effect, NextState, Transition, begin_removal};

pub(super) fn observed(record: &Record, observation: Observation, now: Timestamp) -> Transition {
    let mut renamed = record.clone();
    renamed.fields.name = observation.name;
    let mut transition = match observation.state {
        ObservedState::Created => observed_created(&renamed, now),
        ObservedState::Live {
            run,
            state,
            endpoints,
            addresses,
            process,
        } => {
            let live = Live {
                run,
                state,
                endpoints,
                addresses,
                process,
            };
            observed_live(&renamed, live, now)
        }
        ObservedState::Ended { run, exit } => observed_ended(&renamed, run, exit, now),
        ObservedState::Unknown => Transition::same(),
    };
    if matches!(transition.next, NextState::Same) && renamed != *record {
        transition.next = NextState::Changed(Box::new(renamed));
    }
    transition
}

/// The engine does not have the container any more.
pub(super) fn vanished(record: &Record) -> Transition {
    let event = match (record.lifecycle(), record.intent()) {
        (Lifecycle::Removing { .. }, Some(Intent { reason, actor })) => {
            Event::new(EventKind::Removed, reason.clone(), actor.clone())
        }
        // An older version began the removal and stored only the cause.
        (Lifecycle::Removing { cause, .. }, None) => Event {
            kind: EventKind::Removed,
            reason: (*cause == StopCause::Requested).then_some(Reason::Requested),
            actor: None,
            stops_at: None,
        },
        (
            Lifecycle::Starting
            | Lifecycle::Running { .. }
            | Lifecycle::Paused { .. }
            | Lifecycle::Stopping { .. }
            | Lifecycle::Stopped { .. },
            _,
        ) => outside(EventKind::Removed),
    };
    Transition {
        next: NextState::Gone,
        effect: None,
        event: Some(event),
    }
}

/// A container that never ran is removed: no client has received its id. One that ran before can hold data and stays.
pub(super) fn start_rejected(record: &Record, message: &str, now: Timestamp) -> Transition {
    let reason = Reason::StartFailed {
        message: message.into(),
    };
    match record.lifecycle() {
        Lifecycle::Starting if record.last_run().is_none() => {
            let intent = Intent {
                reason,
                actor: Actor::Daemon,
            };
            begin_removal(record, RemoveMode::Force, StopCause::Failed, intent)
        }
        Lifecycle::Starting => {
            let event = Event::new(EventKind::Stopped, reason, Actor::Outside);
            record.stopped(StopCause::Failed, now, event)
        }
        Lifecycle::Running { .. }
        | Lifecycle::Paused { .. }
        | Lifecycle::Stopping { .. }
        | Lifecycle::Stopped { .. }
        | Lifecycle::Removing { .. } => Transition::same(),
    }
}

fn observed_created(record: &Record, now: Timestamp) -> Transition {
    match record.lifecycle() {
        Lifecycle::Starting => Transition::same().with_effect(Effect::Start),
        Lifecycle::Stopping { cause, .. } => record.stopped(*cause, now, completed_stop(record)),
        // The engine reports that the container never ran, although the record has a run.
        Lifecycle::Running { .. } | Lifecycle::Paused { .. } => {
            let event = Event::new(EventKind::Stopped, Reason::NeverRan, Actor::Outside);
            record.stopped(StopCause::External, now, event)
        }
        Lifecycle::Stopped { .. } => Transition::same(),
        Lifecycle::Removing { .. } => Transition::same().with_effect(Effect::Remove(RemoveMode::Graceful)),
    }
}

fn observed_ended(record: &Record, run: RunId, exit: Exit, now: Timestamp) -> Transition {
    let is_known_run = record.last_run() == Some(&run);
    let mut ended = record.clone();
    ended.fields.last_run = Some(run);
    match record.lifecycle() {
        // The previous run has ended; the requested one has not begun.
        Lifecycle::Starting if is_known_run => Transition::same().with_effect(Effect::Start),
        Lifecycle::Stopping { cause, .. } => ended.stopped(*cause, now, completed_stop(record)),
        Lifecycle::Stopped { .. } if is_known_run => Transition::same(),
        Lifecycle::Starting
        | Lifecycle::Running { .. }
        | Lifecycle::Paused { .. }
        | Lifecycle::Stopped { .. } => ended.stopped(exit.cause(), now, exited(exit)),
        Lifecycle::Removing { .. } => Transition::same().with_effect(Effect::Remove(RemoveMode::Graceful)),
    }
}

/// The event of a stop that was begun before. The event of its beginning has the reason.
fn completed_stop(record: &Record) -> Event {
    Event {
        kind: EventKind::Stopped,
        reason: None,
        actor: record.intent().map(|intent| intent.actor.clone()),
        stops_at: None,
    }
}

/// The event of a main process that ended without a request.
fn exited(exit: Exit) -> Event {
    let (reason, actor) = match exit {
        Exit::Exited { code } => (Reason::Exited { code }, Actor::Container),
        Exit::OutOfMemory => (Reason::OutOfMemory, Actor::Outside),
        Exit::Killed => (Reason::Outside, Actor::Outside),
    };
    Event::new(EventKind::Stopped, reason, actor)
}

fn outside(kind: EventKind) -> Event {
    Event::new(kind, Reason::Outside, Actor::Outside)
}

/// A live container as the engine shows it.
struct Live {
    run: RunId,
    state: LiveState,
    endpoints: Endpoints,
    addresses: Vec<IpAddr>,
    process: Option<ProcessId>,
}

fn observed_live(record: &Record, live: Live, now: Timestamp) -> Transition {
    let is_known_run = record.last_run() == Some(&live.run);
    let state = live.state;
    match record.lifecycle() {
        Lifecycle::Stopping { .. } => Transition::same().with_effect(Effect::Stop),
        Lifecycle::Removing { .. } => Transition::same().with_effect(Effect::Remove(RemoveMode::Graceful)),
        // The request to start has already counted the run.
        Lifecycle::Starting => {
            let event = match record.intent() {
                Some(Intent { reason, actor }) => {
                    Event::new(EventKind::Started, reason.clone(), actor.clone())
                }
                None => Event {
                    actor: None,
                    ..Event::new(EventKind::Started, Reason::Requested, Actor::Daemon)
                },
            };
            Transition::changed(record.in_run(live, now, Run::New)).with_event(event)
        }
        Lifecycle::Running { since, .. } if is_known_run => {
            let next = record.in_run(live, *since, Run::Known);
            let transition = Transition::unless_same(record, next);
            match state {
                LiveState::Running => transition,
                LiveState::Paused => transition.with_event(outside(EventKind::Paused)),
            }
        }
        Lifecycle::Paused { since, .. } if is_known_run => {
            let mut next = record.in_run(live, *since, Run::Known);
            match state {
                LiveState::Paused => Transition::unless_same(record, next),
                LiveState::Running => {
                    next.fields.activity.record_activity(Signal::Started, now, 0);
                    Transition::changed(next).with_event(outside(EventKind::Resumed))
                }
            }
        }
        // It was started on the host: a new run, with a new idle timeout.
        Lifecycle::Running { .. } | Lifecycle::Paused { .. } | Lifecycle::Stopped { .. } => {
            let mut next = record.in_run(live, now, Run::New);
            next.fields.generation += 1;
            Transition::changed(next).with_event(outside(EventKind::Started))
        }
    }
}

/// Whether a run has just begun. A new run begins with fresh activity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    New,
    Known,
}

impl Record {
    fn in_run(&self, live: Live, since: Timestamp, which: Run) -> Self {
        let Live {
            run,
            state,
            endpoints,
            addresses,
            process,
        } = live;
        let mut next = self.clone();
        next.fields.last_run = Some(run);
        next.fields.intent = None;
        next.fields.lifecycle = match state {
            LiveState::Running => Lifecycle::Running {
                since,
                endpoints,
                addresses,
                process,
            },
            LiveState::Paused => Lifecycle::Paused { since, endpoints },
        };
        if which == Run::New {
            next.fields.activity.begin_run(since);
        }
        next
    }
}
