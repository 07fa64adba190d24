//! Inspections of a container.

use super::*;

fn signal(code: i64) -> Exit {
    Exit::Exited { code }
}

#[test]
fn observations_follow_the_state_diagram() {
    use Exit::Killed;
    use LiveState::{Paused, Running};
    type Row = (fn() -> Record, fn() -> Input, &'static str, Option<Effect>);
    let table: [Row; 27] = [
        (starting, created, "same", START),
        (starting, || live("second", Running), "running", None),
        (starting, || live("second", Paused), "paused", None),
        // The previous run has ended; the requested one has not begun.
        (starting, || ended("first", EXITED), "same", START),
        // The requested run has begun and has already ended.
        (starting, || ended("second", EXITED), "stopped Exited", None),
        (running, || live("first", Running), "same", None),
        (running, || live("second", Running), "running", None),
        (running, || live("first", Paused), "paused", None),
        (running, || ended("first", EXITED), "stopped Exited", None),
        (running, || ended("first", Killed), "stopped External", None),
        (running, || ended("first", signal(137)), "stopped External", None),
        (running, || ended("first", signal(143)), "stopped External", None),
        (paused, || live("first", Paused), "same", None),
        (paused, || live("first", Running), "running", None),
        (paused, || ended("first", Killed), "stopped External", None),
        (stopping, || live("first", Running), "same", STOP),
        (stopping, || live("second", Running), "same", STOP),
        (stopping, || live("first", Paused), "same", STOP),
        (stopping, || ended("first", EXITED), "stopped Requested", None),
        (stopping, created, "stopped Requested", None),
        (stopped, || live("second", Running), "running", None),
        (stopped, || ended("first", EXITED), "same", None),
        (stopped, || ended("second", EXITED), "stopped Exited", None),
        (stopped, created, "same", None),
        (removing, || live("first", Running), "same", GRACEFUL),
        (removing, || ended("first", EXITED), "same", GRACEFUL),
        (removing, created, "same", GRACEFUL),
    ];
    for (from, input, expected, effect) in table {
        let label = format!("{} sees {:?}", state(&from()), input());
        assert_eq!(
            outcome(&from(), input()),
            (expected.to_owned(), effect),
            "{label}"
        );
    }
}

#[test]
fn new_run_begins_with_fresh_activity() {
    assert_eq!(after(&stopped(), Request::Start).generation(), 8);
    for record in [stopped(), running(), paused()] {
        let next = after(&record, live("second", LiveState::Running));
        assert_eq!(next.generation(), 8);
        assert_eq!(next.activity().last_active().at, NOW);
        assert!(matches!(next.lifecycle(), Lifecycle::Running { since: NOW, .. }));
    }
}

#[test]
fn known_run_keeps_its_activity() {
    let next = after(&running(), live("first", LiveState::Running));
    assert_eq!(
        (next.generation(), next.activity().last_active().at),
        (7, EARLIER)
    );
}

#[test]
fn new_ports_of_a_known_run_are_stored() {
    let before = record(Lifecycle::Running {
        since: EARLIER,
        endpoints: endpoints(1),
        addresses: vec![],
        process: None,
    });
    let next = after(&before, live("first", LiveState::Running));
    assert_eq!(next.lifecycle().endpoints(), Some(&endpoints(49_153)));
    assert_eq!(next.addresses().len(), 1);
    assert!(matches!(
        next.lifecycle(),
        Lifecycle::Running { since: EARLIER, .. }
    ));
}

#[test]
fn unpausing_counts_as_use() {
    assert_eq!(
        after(&paused(), live("first", LiveState::Running))
            .activity()
            .last_active()
            .at,
        NOW
    );
}

#[test]
fn stopping_container_has_ports_and_stopped_one_has_none() {
    let stopping = after(&running(), Request::Stop);
    assert_eq!(stopping.lifecycle().endpoints(), Some(&endpoints(49_153)));
    let stopped = after(&stopping, ended("first", Exit::Killed));
    assert_eq!(stopped.lifecycle().endpoints(), None);
}

#[test]
fn new_name_is_stored_in_every_state() {
    for record in all_states() {
        let renamed = Observation {
            name: "renamed".parse().unwrap(),
            state: ObservedState::Created,
        };
        assert_eq!(
            after(&record, Input::Observed(renamed)).name().as_str(),
            "renamed",
            "{}",
            state(&record)
        );
    }
}

#[test]
fn vanished_container_is_deleted_in_every_state() {
    for record in all_states() {
        assert_eq!(
            outcome(&record, Input::Vanished),
            ("gone".to_owned(), None),
            "{}",
            state(&record)
        );
    }
}

#[test]
fn observed_change_is_recorded_with_reason_and_actor() {
    use LiveState::{Paused, Running};
    type Row = (fn() -> Record, Input, Option<Event>);
    let stopped_by = |reason, actor| Some(Event::new(EventKind::Stopped, reason, actor));
    let exited = |code| stopped_by(Reason::Exited { code }, Actor::Container);
    let requested = |kind| Some(Event::new(kind, Reason::Requested, admin()));
    let stopped_outside = || Some(outside(EventKind::Stopped));
    let table: [Row; 18] = [
        (starting, live("second", Running), requested(EventKind::Started)),
        (
            stopped,
            live("second", Running),
            Some(outside(EventKind::Started)),
        ),
        (
            running,
            live("second", Running),
            Some(outside(EventKind::Started)),
        ),
        (running, live("first", Running), None),
        (running, live("first", Paused), Some(outside(EventKind::Paused))),
        (paused, live("first", Paused), None),
        (paused, live("first", Running), Some(outside(EventKind::Resumed))),
        (running, ended("first", EXITED), exited(1)),
        (running, ended("first", signal(137)), exited(137)),
        (
            running,
            ended("first", Exit::OutOfMemory),
            stopped_by(Reason::OutOfMemory, Actor::Outside),
        ),
        (running, ended("first", Exit::Killed), stopped_outside()),
        (paused, ended("first", Exit::Killed), stopped_outside()),
        (running, created(), stopped_by(Reason::NeverRan, Actor::Outside)),
        (starting, ended("second", EXITED), exited(1)),
        // The event of the request has the reason.
        (
            stopping,
            ended("first", Exit::Killed),
            Some(Event {
                kind: EventKind::Stopped,
                reason: None,
                actor: Some(admin()),
                stops_at: None,
            }),
        ),
        (stopped, ended("first", EXITED), None),
        (running, Input::Vanished, Some(outside(EventKind::Removed))),
        (removing, Input::Vanished, requested(EventKind::Removed)),
    ];
    for (from, input, expected) in table {
        let label = format!("{} observes {input:?}", state(&from()));
        assert_eq!(event(&from(), input, NOW), expected, "{label}");
    }
}

#[test]
fn change_begun_by_an_older_version_is_recorded_without_actor() {
    let without_intent = |mut record: Record| {
        record.fields.intent = None;
        record
    };
    let recorded = |kind, reason| {
        Some(Event {
            kind,
            reason,
            actor: None,
            stops_at: None,
        })
    };
    let expired = record(Lifecycle::Removing {
        cause: StopCause::Expired,
        endpoints: None,
    });
    for (record, input, expected) in [
        (
            starting(),
            live("second", LiveState::Running),
            recorded(EventKind::Started, Some(Reason::Requested)),
        ),
        (
            stopping(),
            ended("first", Exit::Killed),
            recorded(EventKind::Stopped, None),
        ),
        (
            removing(),
            Input::Vanished,
            recorded(EventKind::Removed, Some(Reason::Requested)),
        ),
        (expired, Input::Vanished, recorded(EventKind::Removed, None)),
    ] {
        let record = without_intent(record);
        assert_eq!(event(&record, input, NOW), expected, "{}", state(&record));
    }
}
