//! Check-ins of containers, and use that the prober saw.

use super::super::{Actor, Event, EventKind, Reason, Record, Report, Seconds, Signal, Timestamp};
use super::Transition;

pub(super) fn checked_in(record: &Record, generation: u64, report: Report, now: Timestamp) -> Transition {
    if !record.is_in_run(generation) {
        return Transition::same();
    }
    let was_kept = record.activity().is_kept_at(now);
    let mut next = record.clone();
    let activity = &mut next.fields.activity;
    activity.connections = report.connections.unwrap_or(activity.connections);
    if !report.counts {
        return Transition::unless_same(record, next);
    }
    let used_by = report.connections.unwrap_or_default();
    if used_by > 0 || report.busy_for.is_some() {
        activity.record_activity(Signal::CheckIn, now, used_by);
    }
    if let Some(span) = report.busy_for {
        activity.extend_until(now.after(span), now);
    }
    let transition = Transition::unless_same(record, next);
    match report.busy_for {
        // A busy container repeats the report: only the first one is recorded.
        Some(span) if !was_kept => {
            let span = Seconds::from(span);
            let reason = Reason::ReportedBusy { span };
            transition.with_event(Event::new(EventKind::Extended, reason, Actor::Container))
        }
        Some(_) | None => transition,
    }
}

pub(super) fn used(
    record: &Record,
    generation: u64,
    signal: Signal,
    value: u32,
    now: Timestamp,
) -> Transition {
    if !record.is_in_run(generation) {
        return Transition::same();
    }
    let mut next = record.clone();
    next.fields.activity.record_activity(signal, now, value);
    Transition::unless_same(record, next)
}
