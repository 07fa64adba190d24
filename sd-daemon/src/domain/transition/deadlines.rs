//! Deadlines: warnings, stops and removals.

use super::super::{
    Actor, AppliedLimit, Context, Deadline, DeadlineReason, Due, Event, EventKind, Idleness, Intent, LastUse,
    Lifecycle, Reason, Record, RemoveMode, Seconds, Signal, StopCause, Use,
};
use super::{Transition, begin_removal, begin_stop};

/// Evaluates the policy again: a use after the deadline was found postpones it.
pub(super) fn due(record: &Record, due: Due, generation: u64, context: &Context) -> Transition {
    let Context { now, policy } = context;
    if record.generation() != generation || !policy.is_due(record, due, *now) {
        return Transition::same();
    }
    match (due, policy.deadline(record)) {
        (Due::Warning, Some(deadline)) => warn(record, deadline, context),
        (Due::Stop, Some(deadline)) => stop(record, deadline, context),
        (Due::Removal, _) => remove(record, context),
        // Only a container with a deadline is due for a warning or a stop.
        (Due::Warning | Due::Stop, None) => Transition::same(),
    }
}

fn warn(record: &Record, deadline: Deadline, context: &Context) -> Transition {
    let mut next = record.clone();
    next.fields.activity.warning_sent_for = Some(deadline.at);
    let event = Event {
        kind: EventKind::IdleWarning,
        reason: reason(record, deadline, context),
        actor: Some(Actor::Daemon),
        stops_at: Some(deadline.at),
    };
    Transition::changed(next).with_event(event)
}

fn stop(record: &Record, deadline: Deadline, context: &Context) -> Transition {
    let cause = match deadline.because {
        DeadlineReason::IdleTimeout | DeadlineReason::KeepUntil | DeadlineReason::Grace => StopCause::Idle,
        DeadlineReason::MaxLifetime => StopCause::Expired,
    };
    reason(record, deadline, context).map_or_else(Transition::same, |reason| {
        begin_stop(record, cause, reason, Actor::Daemon)
    })
}

fn remove(record: &Record, context: &Context) -> Transition {
    let limit = AppliedLimit::from_effective(context.policy.remove_after(record));
    limit.map_or_else(Transition::same, |limit| {
        let intent = Intent {
            reason: Reason::RemoveAfter(limit),
            actor: Actor::Daemon,
        };
        begin_removal(record, RemoveMode::Graceful, StopCause::Expired, intent)
    })
}

/// Why a container is stopped at a deadline. `None` if the deadline has no limit, which the policy excludes.
fn reason(record: &Record, deadline: Deadline, context: &Context) -> Option<Reason> {
    let Context { now, policy } = context;
    if deadline.because == DeadlineReason::MaxLifetime {
        let limit = AppliedLimit::from_effective(policy.max_lifetime(record))?;
        return Some(Reason::MaxLifetime(limit));
    }
    let idleness = Idleness {
        idle_for: Seconds::from(now.since(record.activity().last_active().at)),
        timeout: AppliedLimit::from_effective(policy.idle_timeout(record))?,
        last_use: last_use(record),
    };
    Some(match deadline.because {
        DeadlineReason::KeepUntil => Reason::KeepUntil(idleness),
        DeadlineReason::Grace => Reason::Grace(idleness),
        DeadlineReason::IdleTimeout | DeadlineReason::MaxLifetime => Reason::IdleTimeout(idleness),
    })
}

fn last_use(record: &Record) -> LastUse {
    let last_active = record.activity().last_active();
    let was_unpaused =
        matches!(record.lifecycle(), Lifecycle::Running { since, .. } if last_active.at > *since);
    let kind = match last_active.signal {
        Signal::Started if was_unpaused => Use::Unpaused,
        Signal::Started => Use::Started,
        Signal::CheckIn => Use::CheckIn,
        Signal::Connections => Use::Connections,
        Signal::Cpu => Use::Cpu,
    };
    LastUse {
        kind,
        value: last_active.value,
    }
}
