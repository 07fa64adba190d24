//! Requests to start, stop and remove a container.

use super::*;

#[test]
fn requests_follow_the_state_diagram() {
    type Row = (fn() -> Record, [(&'static str, Option<Effect>); 3]);
    let stop = ("stopping Requested", STOP);
    let remove = ("removing", GRACEFUL);
    let refused = "refused: BeingRemoved";
    let table: [Row; 6] = [
        (starting, [("same", START), stop, remove]),
        (running, [("same", None), stop, remove]),
        (paused, [("refused: Paused", None), stop, remove]),
        (stopping, [("refused: Stopping", None), ("same", STOP), remove]),
        (stopped, [("starting", START), ("same", None), remove]),
        (removing, [(refused, None), (refused, None), ("same", GRACEFUL)]),
    ];
    for (from, expected) in table {
        let requests = [
            Request::Start,
            Request::Stop,
            Request::Remove(RemoveMode::Graceful),
        ];
        for (request, (expected, effect)) in requests.into_iter().zip(expected) {
            let label = format!("{} then {request:?}", state(&from()));
            assert_eq!(
                outcome(&from(), request),
                (expected.to_owned(), effect),
                "{label}"
            );
        }
    }
}

#[test]
fn removal_keeps_its_mode() {
    let (_, effect) = outcome(&running(), Request::Remove(RemoveMode::Force));
    assert_eq!(effect, Some(Effect::Remove(RemoveMode::Force)));
}

#[test]
fn rejected_start_removes_only_containers_that_never_ran() {
    let mut never_ran = starting();
    never_ran.fields.last_run = None;
    let force = Some(Effect::Remove(RemoveMode::Force));
    assert_eq!(
        outcome(&never_ran, start_rejected()),
        ("removing".to_owned(), force)
    );
    let removing_again = after(&never_ran, start_rejected());
    let expected = Event::new(EventKind::Removed, start_failed(), Actor::Daemon);
    assert_eq!(event(&removing_again, Input::Vanished, NOW), Some(expected));
    assert_eq!(
        outcome(&starting(), start_rejected()),
        ("stopped Failed".to_owned(), None)
    );
    for other in [running(), paused(), stopping(), stopped(), removing()] {
        assert_eq!(outcome(&other, start_rejected()), unchanged());
    }
}

#[test]
fn stop_is_recorded_once_with_its_client() {
    let expected = Event::new(EventKind::Stopping, Reason::Requested, admin());
    for from in [starting(), running(), paused()] {
        assert_eq!(event(&from, Request::Stop, NOW), Some(expected.clone()));
    }
    assert_eq!(event(&stopping(), Request::Stop, NOW), None);
    assert_eq!(event(&stopped(), Request::Stop, NOW), None);
}

#[test]
fn start_and_removal_are_recorded_when_they_are_done() {
    assert_eq!(event(&stopped(), Request::Start, NOW), None);
    let starting = after(&stopped(), Request::Start);
    let started = event(&starting, live("second", LiveState::Running), NOW);
    let expected = Event::new(EventKind::Started, Reason::Requested, admin());
    assert_eq!(started, Some(expected));

    assert_eq!(event(&running(), Request::Remove(RemoveMode::Force), NOW), None);
    let removing = after(&running(), Request::Remove(RemoveMode::Force));
    let expected = Event::new(EventKind::Removed, Reason::Requested, admin());
    assert_eq!(event(&removing, Input::Vanished, NOW), Some(expected));
}

#[test]
fn failed_start_is_recorded_with_the_message_of_the_engine() {
    let expected = Event::new(EventKind::Stopped, start_failed(), Actor::Outside);
    assert_eq!(event(&starting(), start_rejected(), NOW), Some(expected));
}

#[test]
fn intent_ends_with_its_state() {
    let starting = after(&stopped(), Request::Start);
    assert_eq!(starting.intent().map(|intent| &intent.actor), Some(&admin()));
    let running = after(&starting, live("second", LiveState::Running));
    assert_eq!(running.intent(), None);
    let stopping = after(&running, Request::Stop);
    assert!(stopping.intent().is_some());
    let stopped = after(&stopping, ended("second", Exit::Killed));
    assert_eq!(stopped.intent(), None);
}
