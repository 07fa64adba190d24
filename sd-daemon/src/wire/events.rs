//! Events with their reasons and actors, as the API describes them.

use sd_client::api;

use super::values::{limit_seconds, source, timestamp};
use crate::domain::{
    Actor, AppliedLimit, Caller, EventKind, Idleness, LastUse, Limits, Means, Reason, RecordedEvent, Use,
};

/// An event in the history of a container.
pub(super) fn history_entry(recorded: &RecordedEvent) -> api::HistoryEntry {
    let what = kind(recorded.event.kind);
    let reason = recorded.event.reason.as_ref().map(reason);
    let actor = recorded.event.actor.as_ref().map(actor);
    api::HistoryEntry {
        id: recorded.id,
        at: timestamp(recorded.at),
        why: why(recorded, &what, reason.as_ref(), actor.as_ref()),
        what,
        reason,
        actor,
    }
}

/// An event in the stream of events.
pub(crate) fn event(recorded: &RecordedEvent) -> api::Event {
    let entry = history_entry(recorded);
    api::Event {
        id: entry.id,
        event: entry.what,
        at: entry.at,
        container_id: recorded.subject.container.to_string(),
        name: format!("/{}", recorded.subject.name.as_str()),
        image: recorded.subject.image.to_string(),
        why: entry.why,
        stops_at: recorded.event.stops_at.map(timestamp),
        reason: entry.reason,
        actor: entry.actor,
    }
}

/// The sentence of an event; empty if an earlier event gives the reason.
fn why(
    recorded: &RecordedEvent,
    what: &api::EventKind,
    reason: Option<&api::Reason>,
    actor: Option<&api::Actor>,
) -> String {
    let Some(reason) = reason else {
        return String::new();
    };
    let sentence = reason.sentence(what, actor);
    match (reason, recorded.event.kind, recorded.event.stops_at) {
        // Older versions recorded the whole sentence.
        (api::Reason::Text { .. }, _, _) => sentence,
        (_, EventKind::IdleWarning, Some(stops_at)) => api::warning(stops_at.since(recorded.at), &sentence),
        _ => sentence, // no other event announces a stop
    }
}

fn kind(kind: EventKind) -> api::EventKind {
    match kind {
        EventKind::Created => api::EventKind::Created,
        EventKind::Started => api::EventKind::Started,
        EventKind::IdleWarning => api::EventKind::IdleWarning,
        EventKind::Extended => api::EventKind::Extended,
        EventKind::Changed => api::EventKind::Changed,
        EventKind::Paused => api::EventKind::Paused,
        EventKind::Resumed => api::EventKind::Resumed,
        EventKind::Stopping => api::EventKind::Stopping,
        EventKind::Stopped => api::EventKind::Stopped,
        EventKind::Removed => api::EventKind::Removed,
    }
}

fn reason(reason: &Reason) -> api::Reason {
    match reason {
        Reason::Requested => api::Reason::Requested,
        Reason::IdleTimeout(idle) => api::Reason::IdleTimeout(idleness(*idle)),
        Reason::KeepUntil(idle) => api::Reason::KeepUntil(idleness(*idle)),
        Reason::Grace(idle) => api::Reason::Grace(idleness(*idle)),
        Reason::MaxLifetime(limit) => api::Reason::MaxLifetime {
            limit: applied(*limit),
        },
        Reason::RemoveAfter(limit) => api::Reason::RemoveAfter {
            limit: applied(*limit),
        },
        Reason::Exited { code } => api::Reason::Exited { code: *code },
        Reason::OutOfMemory => api::Reason::OutOfMemory,
        Reason::Outside => api::Reason::Outside,
        Reason::NeverRan => api::Reason::NeverRan,
        Reason::StartFailed { message } => api::Reason::StartFailed {
            message: message.to_string(),
        },
        Reason::LimitsChanged(limits) => api::Reason::LimitsChanged(changed(**limits)),
        Reason::ExtendedBy { span, capped_by } => api::Reason::ExtendedBy {
            seconds: span.get().into(),
            capped_by: capped_by.map(applied),
        },
        Reason::KeptFor { span, capped_by } => api::Reason::KeptFor {
            seconds: span.get().into(),
            capped_by: capped_by.map(applied),
        },
        Reason::ReportedBusy { span } => api::Reason::ReportedBusy {
            seconds: span.get().into(),
        },
        Reason::Text { text } => api::Reason::Text {
            text: text.to_string(),
        },
    }
}

fn idleness(idleness: Idleness) -> api::Idleness {
    let Idleness {
        idle_for,
        timeout,
        last_use,
    } = idleness;
    api::Idleness {
        idle_for: idle_for.get().into(),
        limit: applied(timeout),
        last_use: self::last_use(last_use),
    }
}

fn last_use(last_use: LastUse) -> api::LastUse {
    api::LastUse {
        signal: match last_use.kind {
            Use::Started | Use::Unpaused => api::SignalKind::Started,
            Use::CheckIn => api::SignalKind::CheckIn,
            Use::Connections => api::SignalKind::Connections,
            Use::Cpu => api::SignalKind::Cpu,
        },
        value: last_use.value.into(),
        unpaused: last_use.kind == Use::Unpaused,
    }
}

fn applied(limit: AppliedLimit) -> api::AppliedLimit {
    api::AppliedLimit {
        seconds: limit.limit.get().into(),
        source: source(limit.source),
    }
}

fn changed(limits: Limits) -> api::ChangedLimits {
    let seconds = |limit| limit_seconds(limit).unwrap_or(0);
    api::ChangedLimits {
        idle_timeout: limits.idle_timeout.map(seconds),
        max_lifetime: limits.max_lifetime.map(seconds),
        remove_after: limits.remove_after.map(seconds),
    }
}

fn actor(actor: &Actor) -> api::Actor {
    match actor {
        Actor::Caller(caller) => api::Actor::Client(client(caller)),
        Actor::Daemon => api::Actor::Daemon,
        Actor::Container => api::Actor::Container,
        Actor::Outside => api::Actor::Outside,
    }
}

fn client(caller: &Caller) -> api::Client {
    api::Client {
        user: caller.user.as_deref().map(str::to_owned),
        address: caller.address,
        means: match caller.means {
            Means::Api => api::Means::Api,
        },
    }
}
