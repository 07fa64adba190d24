//! Requests of clients.

use super::super::{
    Actor, AppliedLimit, Context, DeadlineReason, Event, EventKind, Extension, Intent, Lifecycle, Limits,
    Reason, Record, RemoveMode, Request, Seconds, StopCause,
};
use super::{Effect, NextState, Refusal, Transition, begin_removal, begin_stop};

pub(super) fn requested(
    record: &Record,
    request: Request,
    by: Actor,
    context: &Context,
) -> Result<Transition, Refusal> {
    match request {
        Request::Start => start(record, by),
        Request::Stop => stop(record, by),
        Request::Remove(mode) => Ok(remove(record, mode, by)),
        Request::SetLimits(limits) => Ok(set_limits(record, limits, by)),
        Request::Extend(extension) => extend(record, extension, by, context),
    }
}

fn start(record: &Record, by: Actor) -> Result<Transition, Refusal> {
    match record.lifecycle() {
        Lifecycle::Stopped { .. } => {
            let mut next = record.clone();
            next.fields.generation += 1;
            let intent = requested_by(by);
            Ok(next
                .with_intent(Lifecycle::Starting, intent)
                .with_effect(Effect::Start))
        }
        Lifecycle::Starting => Ok(Transition::same().with_effect(Effect::Start)),
        Lifecycle::Running { .. } => Ok(Transition::same()),
        Lifecycle::Paused { .. } => Err(Refusal::Paused),
        Lifecycle::Stopping { .. } => Err(Refusal::Stopping),
        Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
    }
}

fn stop(record: &Record, by: Actor) -> Result<Transition, Refusal> {
    match record.lifecycle() {
        Lifecycle::Starting | Lifecycle::Running { .. } | Lifecycle::Paused { .. } => {
            Ok(begin_stop(record, StopCause::Requested, Reason::Requested, by))
        }
        Lifecycle::Stopping { .. } => Ok(Transition::same().with_effect(Effect::Stop)),
        Lifecycle::Stopped { .. } => Ok(Transition::same()),
        Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
    }
}

fn remove(record: &Record, mode: RemoveMode, by: Actor) -> Transition {
    begin_removal(record, mode, StopCause::Requested, requested_by(by))
}

fn requested_by(actor: Actor) -> Intent {
    Intent {
        reason: Reason::Requested,
        actor,
    }
}

fn set_limits(record: &Record, limits: Limits, by: Actor) -> Transition {
    let mut next = record.clone();
    next.fields.limits = limits.or(*record.limits());
    let transition = Transition::unless_same(record, next);
    match transition.next {
        NextState::Same => transition,
        NextState::Changed(_) | NextState::Gone => {
            let reason = Reason::LimitsChanged(Box::new(limits));
            transition.with_event(Event::new(EventKind::Changed, reason, by))
        }
    }
}

/// Postpones the stop. Does nothing for a running container that is never stopped for idleness.
fn extend(
    record: &Record,
    extension: Extension,
    by: Actor,
    context: &Context,
) -> Result<Transition, Refusal> {
    let Context { now, policy } = context;
    let Some(idle_ends_at) = policy.idle_ends_at(record) else {
        return match record.lifecycle() {
            Lifecycle::Running { .. } => Ok(Transition::same()),
            Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
            Lifecycle::Paused { .. } => Err(Refusal::Paused),
            Lifecycle::Starting | Lifecycle::Stopping { .. } | Lifecycle::Stopped { .. } => {
                Err(Refusal::NotRunning)
            }
        };
    };
    let until = match extension {
        // A deadline that has passed and was not enforced yet counts as now.
        Extension::By(span) => idle_ends_at.max(*now).after(span),
        Extension::For(span) => now.after(span),
    };
    let mut next = record.clone();
    next.fields.activity.extend_until(until, *now);
    let deadline = policy.deadline(&next);
    let is_capped = deadline.is_some_and(|deadline| deadline.because == DeadlineReason::MaxLifetime);
    let capped_by = is_capped
        .then(|| AppliedLimit::from_effective(policy.max_lifetime(record)))
        .flatten();
    let transition = Transition::unless_same(record, next);
    if !is_recorded(record, extension, context) {
        return Ok(transition);
    }
    let reason = match extension {
        Extension::By(span) => Reason::ExtendedBy {
            span: Seconds::from(span),
            capped_by,
        },
        Extension::For(span) => Reason::KeptFor {
            span: Seconds::from(span),
            capped_by,
        },
    };
    Ok(transition.with_event(Event {
        stops_at: deadline.map(|deadline| deadline.at),
        ..Event::new(EventKind::Extended, reason, by)
    }))
}

/// Whether the history records an extension. A client that holds a container repeats the request: only the first one is
/// recorded.
fn is_recorded(record: &Record, extension: Extension, context: &Context) -> bool {
    match extension {
        Extension::By(_) => true,
        Extension::For(_) => !record.activity().is_kept_at(context.now),
    }
}
