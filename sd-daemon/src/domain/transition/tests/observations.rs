//! What the engine shows.

use super::*;

#[test]
fn observations_lead_where_the_design_says() {
    use Exit::BySignal;
    use LiveState::{Paused, Running};
    type Row = (fn() -> Record, fn() -> Input, &'static str, Option<Effect>);
    let table: [Row; 25] = [
        (starting, created, "same", START),
        (starting, || live("second", Running), "running", None),
        (starting, || live("second", Paused), "paused", None),
        // The run before is over, and the one that was asked for has not begun.
        (starting, || ended("first", BY_ITSELF), "same", START),
        // It began and is over already.
        (starting, || ended("second", BY_ITSELF), "stopped Exited", None),
        (running, || live("first", Running), "same", None),
        (running, || live("second", Running), "running", None),
        (running, || live("first", Paused), "paused", None),
        (running, || ended("first", BY_ITSELF), "stopped Exited", None),
        (running, || ended("first", BySignal), "stopped External", None),
        (paused, || live("first", Paused), "same", None),
        (paused, || live("first", Running), "running", None),
        (paused, || ended("first", BySignal), "stopped External", None),
        (stopping, || live("first", Running), "same", STOP),
        (stopping, || live("second", Running), "same", STOP),
        (stopping, || live("first", Paused), "same", STOP),
        (stopping, || ended("first", BY_ITSELF), "stopped Requested", None),
        (stopping, created, "stopped Requested", None),
        (stopped, || live("second", Running), "running", None),
        (stopped, || ended("first", BY_ITSELF), "same", None),
        (stopped, || ended("second", BY_ITSELF), "stopped Exited", None),
        (stopped, created, "same", None),
        (removing, || live("first", Running), "same", GRACEFUL),
        (removing, || ended("first", BY_ITSELF), "same", GRACEFUL),
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
fn a_start_and_a_run_behind_our_back_are_new_runs_with_a_fresh_clock() {
    assert_eq!(after(&stopped(), Request::Start).generation(), 8);
    for record in [stopped(), running(), paused()] {
        let next = after(&record, live("second", LiveState::Running));
        assert_eq!(next.generation(), 8);
        assert_eq!(next.activity().last_active().at, NOW);
        assert!(matches!(next.lifecycle(), Lifecycle::Running { since: NOW, .. }));
    }
}

#[test]
fn the_same_run_keeps_its_clock() {
    let next = after(&running(), live("first", LiveState::Running));
    assert_eq!(
        (next.generation(), next.activity().last_active().at),
        (7, EARLIER)
    );
}

#[test]
fn new_ports_of_the_same_run_are_taken_over() {
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
fn a_thawed_container_gets_time_to_be_used() {
    assert_eq!(
        after(&paused(), live("first", LiveState::Running))
            .activity()
            .last_active()
            .at,
        NOW
    );
}

#[test]
fn a_stopping_container_shows_its_ports_and_a_stopped_one_has_none() {
    let stopping = after(&running(), Request::Stop);
    assert_eq!(stopping.lifecycle().endpoints(), Some(&endpoints(49_153)));
    let stopped = after(&stopping, ended("first", Exit::BySignal));
    assert_eq!(stopped.lifecycle().endpoints(), None);
}

#[test]
fn a_new_name_is_taken_over_in_every_state() {
    for record in [starting(), running(), paused(), stopping(), stopped(), removing()] {
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
fn what_has_vanished_is_gone_from_every_state() {
    for record in [starting(), running(), paused(), stopping(), stopped(), removing()] {
        assert_eq!(
            outcome(&record, Input::Vanished),
            ("gone".to_owned(), None),
            "{}",
            state(&record)
        );
    }
}

#[test]
fn what_the_engine_shows_is_told_with_its_reason() {
    use LiveState::{Paused, Running};
    type Row = (fn() -> Record, Input, Option<(EventKind, String)>);
    const ON_HOST: &str = "done on the host, not by spin-docker";
    let asked = "asked for over the API";
    let of_memory = "it took more memory than it may have, and was ended by the system";
    let by_itself = "its main process ended by itself, with status 1";
    let table: [Row; 17] = [
        (starting, live("second", Running), says(EventKind::Started, asked)),
        (
            stopped,
            live("second", Running),
            says(EventKind::Started, ON_HOST),
        ),
        (
            running,
            live("second", Running),
            says(EventKind::Started, ON_HOST),
        ),
        (running, live("first", Running), None),
        (running, live("first", Paused), says(EventKind::Paused, ON_HOST)),
        (paused, live("first", Paused), None),
        (paused, live("first", Running), says(EventKind::Resumed, ON_HOST)),
        (
            running,
            ended("first", BY_ITSELF),
            says(EventKind::Stopped, by_itself),
        ),
        (
            running,
            ended("first", Exit::OutOfMemory),
            says(EventKind::Stopped, of_memory),
        ),
        (
            running,
            ended("first", Exit::BySignal),
            says(EventKind::Stopped, ON_HOST),
        ),
        (
            paused,
            ended("first", Exit::BySignal),
            says(EventKind::Stopped, ON_HOST),
        ),
        (
            running,
            created(),
            says(EventKind::Stopped, "the engine says that it never ran"),
        ),
        (
            starting,
            ended("second", BY_ITSELF),
            says(EventKind::Stopped, by_itself),
        ),
        // Why was said when the stop began.
        (
            stopping,
            ended("first", Exit::BySignal),
            says(EventKind::Stopped, ""),
        ),
        (stopped, ended("first", BY_ITSELF), None),
        (running, Input::Vanished, says(EventKind::Removed, ON_HOST)),
        (removing, Input::Vanished, says(EventKind::Removed, asked)),
    ];
    for (from, input, expected) in table {
        let label = format!("{} sees {input:?}", state(&from()));
        assert_eq!(told(&from(), input, NOW), expected, "{label}");
    }
}

#[test]
fn a_removal_that_nobody_asked_for_says_why() {
    let removing = |cause| {
        record(Lifecycle::Removing {
            cause,
            endpoints: None,
        })
    };
    let vanished = |default_rest| Case {
        input: Input::Vanished,
        policy: Policy {
            default_rest,
            ..policy(TimeLimit::Never)
        },
    };
    let two_days = TimeLimit::After(Duration::from_secs(2 * 86_400));
    assert_eq!(
        told(&removing(StopCause::Expired), vanished(two_days), NOW),
        says(
            EventKind::Removed,
            "nobody started it for 2d after its stop, and then it is removed (the daemon's default)"
        )
    );
    assert_eq!(
        told(&removing(StopCause::Expired), vanished(TimeLimit::Never), NOW),
        says(
            EventKind::Removed,
            "nobody started it for as long as it might be at rest"
        )
    );
    assert_eq!(
        told(&removing(StopCause::Failed), vanished(two_days), NOW),
        says(EventKind::Removed, "the engine refused to start it")
    );
}
