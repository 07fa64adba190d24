//! Check-ins of a container, and use that the prober saw.

use super::*;

#[test]
fn check_in_counts_in_its_own_run_only() {
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
    assert_eq!(outcome(&running(), report(6, 3)), unchanged());
    for other in all_but_running() {
        assert_eq!(outcome(&other, report(7, 3)), unchanged(), "{}", state(&other));
    }
}

#[test]
fn check_in_without_connections_is_not_use() {
    let reported = after(&running(), report(7, 3));
    let next = after(&reported, report(7, 0));
    assert_eq!(
        (next.activity().connections, next.activity().last_active().at),
        (0, NOW)
    );
    assert_eq!(outcome(&running(), report(7, 0)), unchanged());
}

#[test]
fn stopped_container_has_no_connections() {
    let used = after(&running(), report(7, 3));
    assert_eq!(
        after(&used, ended("first", Exit::Exited { code: 1 }))
            .activity()
            .connections,
        0
    );
}

const BUSY: Duration = Duration::from_secs(2_400);

fn reported(report: Report) -> Input {
    Input::CheckIn {
        generation: 7,
        report,
    }
}

fn busy(connections: Option<u32>) -> Input {
    reported(Report {
        connections,
        busy_for: Some(BUSY),
        counts: true,
    })
}

#[test]
fn busy_container_is_used_and_kept_running() {
    for connections in [None, Some(0), Some(2)] {
        let next = after(&running(), busy(connections));
        let activity = next.activity();
        let expected = LastActive {
            at: NOW,
            signal: Signal::CheckIn,
            value: connections.unwrap_or(0),
        };
        assert_eq!(activity.last_active(), expected);
        assert_eq!(activity.keep_until, Some(NOW.after(BUSY)));
    }
    let span = Seconds::from(BUSY);
    let expected = Event::new(
        EventKind::Extended,
        Reason::ReportedBusy { span },
        Actor::Container,
    );
    assert_eq!(event(&running(), busy(None), NOW), Some(expected));
}

#[test]
fn repeated_busy_report_is_recorded_once() {
    let first = after(&running(), busy(None));
    let later = NOW.after(BUSY / 2);
    assert_eq!(event(&first, busy(None), later), None);
    let second = after_at(&first, busy(None), later);
    assert_eq!(second.activity().keep_until, Some(later.after(BUSY)));
    let at_the_end = later.after(BUSY);
    assert_eq!(event(&second, busy(None), at_the_end), None);
    let afterwards = at_the_end.after(Duration::from_millis(1));
    assert!(event(&second, busy(None), afterwards).is_some());
}

#[test]
fn shorter_busy_report_does_not_shorten_a_longer_one() {
    let long = after(&running(), busy(None));
    let short = reported(Report {
        busy_for: Some(BUSY / 2),
        counts: true,
        ..Report::default()
    });
    let next = after(&long, short);
    assert_eq!(next.activity().keep_until, Some(NOW.after(BUSY)));
}

#[test]
fn disabled_check_in_signal_only_stores_the_connections() {
    let report = Report {
        connections: Some(5),
        busy_for: Some(BUSY),
        counts: false,
    };
    let next = after(&running(), reported(report));
    let mut expected = running();
    expected.fields.activity.connections = 5;
    assert_eq!(next, expected);
    assert_eq!(event(&running(), reported(report), NOW), None);
}

#[test]
fn probed_use_counts_in_the_probed_run_only() {
    for (signal, value) in [(Signal::Connections, 2), (Signal::Cpu, 250)] {
        let next = after(&running(), used(7, signal, value));
        let expected = LastActive {
            at: NOW,
            signal,
            value,
        };
        assert_eq!(next.activity().last_active(), expected);
        assert_eq!(next.activity().connections, 0, "only check-ins change it");
        for generation in [6, 8] {
            assert_eq!(outcome(&running(), used(generation, signal, value)), unchanged());
        }
        for other in all_but_running() {
            assert_eq!(
                outcome(&other, used(7, signal, value)),
                unchanged(),
                "{}",
                state(&other)
            );
        }
    }
}

#[test]
fn each_signal_keeps_its_own_latest_reading() {
    let reported = after(&used_at(EARLIER.after(BUSY), Signal::Cpu, 300), report(7, 3));
    let readings = |signal| reported.activity().readings.get(&signal).copied();
    let expected = |at, value| Some(SignalReading { at, value });
    assert_eq!(readings(Signal::Started), expected(EARLIER, 0));
    assert_eq!(readings(Signal::CheckIn), expected(NOW, 3));
    assert_eq!(readings(Signal::Connections), None);
    assert_eq!(readings(Signal::Cpu), expected(EARLIER.after(BUSY), 300));
    assert_eq!(
        reported.activity().last_active().signal,
        Signal::Cpu,
        "the latest reading, not the latest input"
    );
}

#[test]
fn use_after_the_begin_of_a_stop_changes_nothing() {
    let stopping = after(&running(), due_to_stop(7, policy(seconds(100))));
    assert_eq!(state(&stopping), "stopping Idle");
    for input in [report(7, 5), busy(Some(5)), used(7, Signal::Connections, 1)] {
        assert_eq!(transition(&stopping, input, NOW), Ok(Transition::same()));
    }
    let stopped = after(&stopping, ended("first", Exit::Killed));
    assert_eq!(state(&stopped), "stopped Idle");
}
