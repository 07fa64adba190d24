//! The rule by table, and what holds for every history. Long, because each row of a table is a promise that stands
//! beside the others.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::domain::{Activity, ContainerPort, RecordFields, TimeLimit};

mod properties;

const BY_ITSELF: Exit = Exit::ByItself { status: 1 };
const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const EARLIER: Timestamp = Timestamp::from_millis(900_000);

fn endpoints(host_port: u16) -> Endpoints {
    Endpoints::new(BTreeMap::from([(ContainerPort::tcp(80), host_port)]), None)
}

fn run(name: &str) -> RunId {
    RunId::new(name)
}

fn record(lifecycle: Lifecycle) -> Record {
    Record::restore(RecordFields {
        id: "ab".repeat(32).parse().unwrap(),
        operation: "cd".repeat(16).parse().unwrap(),
        name: "hungry_bell".parse().unwrap(),
        image: "web".parse().unwrap(),
        created_at: EARLIER,
        limits: Limits::default(),
        label_limits: Limits::default(),
        lifecycle,
        activity: Activity::started_at(EARLIER),
        generation: 7,
        last_run: Some(run("first")),
    })
}

fn starting() -> Record {
    record(Lifecycle::Starting)
}

fn running() -> Record {
    record(Lifecycle::Running {
        since: EARLIER,
        endpoints: endpoints(49_153),
        addresses: vec!["172.17.0.2".parse().unwrap()],
        process: ProcessId::new(4_711),
    })
}

fn paused() -> Record {
    record(Lifecycle::Paused {
        since: EARLIER,
        endpoints: endpoints(49_153),
    })
}

fn stopping() -> Record {
    record(Lifecycle::Stopping {
        cause: StopCause::Requested,
        endpoints: endpoints(49_153),
    })
}

fn stopped() -> Record {
    record(Lifecycle::Stopped {
        since: EARLIER,
        cause: StopCause::Requested,
    })
}

fn removing() -> Record {
    record(Lifecycle::Removing {
        cause: StopCause::Requested,
        endpoints: None,
    })
}

fn created() -> Input {
    observed(ObservedState::Created)
}

fn live(run: &str, state: LiveState) -> Input {
    let addresses = vec!["172.17.0.2".parse().unwrap()];
    observed(ObservedState::Live {
        run: RunId::new(run),
        state,
        endpoints: endpoints(49_153),
        addresses,
        process: ProcessId::new(4_711),
    })
}

fn ended(run: &str, exit: Exit) -> Input {
    observed(ObservedState::Ended {
        run: RunId::new(run),
        exit,
    })
}

fn observed(state: ObservedState) -> Input {
    Input::Observed(Observation {
        name: "hungry_bell".parse().unwrap(),
        state,
    })
}

/// What a step leads to, in a word that fits into a table.
fn outcome(record: &Record, input: Input) -> (String, Option<Effect>) {
    match step(record, input, NOW) {
        Err(refusal) => (format!("refused: {refusal:?}"), None),
        Ok(Step {
            next: Next::Same,
            effect,
            ..
        }) => ("same".to_owned(), effect),
        Ok(Step {
            next: Next::Gone,
            effect,
            ..
        }) => ("gone".to_owned(), effect),
        Ok(Step {
            next: Next::Changed(next),
            effect,
            ..
        }) => (state(&next), effect),
    }
}

fn state(record: &Record) -> String {
    match record.lifecycle() {
        Lifecycle::Starting => "starting".to_owned(),
        Lifecycle::Running { .. } => "running".to_owned(),
        Lifecycle::Paused { .. } => "paused".to_owned(),
        Lifecycle::Stopping { cause, .. } => format!("stopping {cause:?}"),
        Lifecycle::Stopped { cause, .. } => format!("stopped {cause:?}"),
        Lifecycle::Removing { .. } => "removing".to_owned(),
    }
}

const GRACEFUL: Option<Effect> = Some(Effect::Remove(RemoveMode::Graceful));
const START: Option<Effect> = Some(Effect::Start);
const STOP: Option<Effect> = Some(Effect::Stop);

#[test]
fn wishes_lead_where_the_diagram_says() {
    type Row = (fn() -> Record, [(&'static str, Option<Effect>); 3]);
    let table: [Row; 6] = [
        // start                        stop                            remove
        (
            starting,
            [
                ("same", START),
                ("stopping Requested", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            running,
            [
                ("same", None),
                ("stopping Requested", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            paused,
            [
                ("refused: Paused", None),
                ("stopping Requested", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            stopping,
            [
                ("refused: Stopping", None),
                ("same", STOP),
                ("removing", GRACEFUL),
            ],
        ),
        (
            stopped,
            [("starting", START), ("same", None), ("removing", GRACEFUL)],
        ),
        (
            removing,
            [
                ("refused: BeingRemoved", None),
                ("refused: BeingRemoved", None),
                ("same", GRACEFUL),
            ],
        ),
    ];
    for (from, expected) in table {
        let wishes = [Input::Start, Input::Stop, Input::Remove(RemoveMode::Graceful)];
        for (input, (state, effect)) in wishes.into_iter().zip(expected) {
            let label = format!("{} then {input:?}", super::tests::state(&from()));
            assert_eq!(outcome(&from(), input), (state.to_owned(), effect), "{label}");
        }
    }
}

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

fn after(record: &Record, input: Input) -> Record {
    match step(record, input, NOW).unwrap().next {
        Next::Changed(next) => *next,
        Next::Same => record.clone(),
        Next::Gone => panic!("gone"),
    }
}

#[test]
fn a_start_and_a_run_behind_our_back_are_new_runs_with_a_fresh_clock() {
    assert_eq!(after(&stopped(), Input::Start).generation(), 8);
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
    let stopping = after(&running(), Input::Stop);
    assert_eq!(stopping.lifecycle().endpoints(), Some(&endpoints(49_153)));
    let stopped = after(&stopping, ended("first", Exit::BySignal));
    assert_eq!(stopped.lifecycle().endpoints(), None);
}

#[test]
fn a_rejected_start_removes_what_never_lived_and_keeps_what_did() {
    let mut never_lived = starting();
    never_lived.fields.last_run = None;
    let force = Some(Effect::Remove(RemoveMode::Force));
    assert_eq!(
        outcome(&never_lived, Input::StartRejected),
        ("removing".to_owned(), force)
    );
    assert_eq!(
        outcome(&starting(), Input::StartRejected),
        ("stopped Failed".to_owned(), None)
    );
    for other in [running(), paused(), stopping(), stopped(), removing()] {
        assert_eq!(outcome(&other, Input::StartRejected), ("same".to_owned(), None));
    }
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
fn a_report_counts_in_its_own_run_only() {
    let next = after(&running(), report(7, 3));
    let expected = LastActive {
        at: NOW,
        signal: Signal::CheckIn,
        value: 3,
    };
    assert_eq!(
        (next.activity().last_active(), next.activity().connections),
        (expected, 3)
    );
    assert_eq!(outcome(&running(), report(6, 3)), ("same".to_owned(), None));
    for other in [starting(), paused(), stopping(), stopped(), removing()] {
        assert_eq!(
            outcome(&other, report(7, 3)),
            ("same".to_owned(), None),
            "{}",
            state(&other)
        );
    }
}

#[test]
fn a_report_of_nobody_changes_the_count_and_not_the_time() {
    let used = after(&running(), report(7, 3));
    let next = after(&used, report(7, 0));
    assert_eq!(
        (next.activity().connections, next.activity().last_active().at),
        (0, NOW)
    );
    assert_eq!(outcome(&running(), report(7, 0)), ("same".to_owned(), None));
}

#[test]
fn a_container_at_rest_serves_nobody() {
    let used = after(&running(), report(7, 3));
    assert_eq!(
        after(&used, ended("first", Exit::ByItself { status: 1 }))
            .activity()
            .connections,
        0
    );
}

fn report(generation: u64, connections: u32) -> Input {
    let report = Report {
        connections: Some(connections),
        busy_for: None,
        counts: true,
    };
    Input::CheckIn { generation, report }
}

fn policy(default_timeout: TimeLimit) -> Policy {
    Policy {
        default_timeout,
        default_lifetime: TimeLimit::Never,
        default_rest: TimeLimit::Never,
        image_rules: [].into(),
        restart_grace: Duration::from_secs(600),
        resumed_at: Timestamp::from_millis(0),
        warn_before: Duration::ZERO,
    }
}

fn due_to_stop(generation: u64, policy: Policy) -> Input {
    Input::Due {
        due: Due::Stop,
        generation,
        policy,
    }
}

fn timeout_of(timeout: TimeLimit) -> Limits {
    Limits {
        idle_timeout: Some(timeout),
        ..Limits::default()
    }
}

fn seconds(seconds: u64) -> TimeLimit {
    TimeLimit::After(Duration::from_secs(seconds))
}

/// The records above were last active 100 s before `NOW`.
#[test]
fn an_idle_container_is_stopped_at_its_deadline_and_not_before() {
    let due = due_to_stop;
    let stops = ("stopping Idle".to_owned(), STOP);
    let stays = ("same".to_owned(), None);
    assert_eq!(outcome(&running(), due(7, policy(seconds(100)))), stops);
    assert_eq!(
        outcome(&running(), due(7, policy(seconds(101)))),
        stays,
        "before the deadline"
    );
    assert_eq!(
        outcome(&running(), due(6, policy(seconds(100)))),
        stays,
        "another run"
    );
    assert_eq!(
        outcome(&running(), due(7, policy(TimeLimit::Never))),
        stays,
        "never"
    );
    let used = after(&running(), report(7, 1));
    assert_eq!(
        outcome(&used, due(7, policy(seconds(1)))),
        stays,
        "used at the last moment"
    );
    for other in [starting(), paused(), self::stopping(), stopped(), removing()] {
        assert_eq!(
            outcome(&other, due(7, policy(seconds(1)))),
            stays,
            "{}",
            state(&other)
        );
    }
}

#[test]
fn a_timeout_of_its_own_beats_the_default_both_ways() {
    let long = after(&running(), Input::SetLimits(timeout_of(seconds(1000))));
    assert!(!policy(seconds(1)).is_due(&long, Due::Stop, NOW));
    let pinned = after(&running(), Input::SetLimits(timeout_of(TimeLimit::Never)));
    assert_eq!(policy(seconds(1)).stops_at(&pinned), None);
    let short = after(&running(), Input::SetLimits(timeout_of(seconds(1))));
    assert!(policy(TimeLimit::Never).is_due(&short, Due::Stop, NOW));
}

#[test]
fn after_a_restart_reporters_speak_first() {
    let restarted = |timeout| Policy {
        resumed_at: NOW,
        ..policy(seconds(timeout))
    };
    let grace = |timeout| {
        restarted(timeout)
            .stops_at(&running())
            .unwrap()
            .since(NOW)
            .as_secs()
    };
    assert_eq!(grace(50), 50, "a short timeout is all the grace there is");
    assert_eq!(grace(660), 600, "a deadline inside the grace waits for its end");
    assert_eq!(grace(9000), 8900, "a deadline after the grace is what it was");
}
