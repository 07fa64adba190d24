//! What a container says of itself, and what is seen of it from the host.

use super::*;

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
fn a_busy_container_is_in_use_and_kept_until_it_is_not() {
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
    assert_eq!(
        told(&running(), busy(None), NOW),
        says(EventKind::Extended, "it reported that it would be busy for 40m")
    );
}

#[test]
fn being_busy_on_and_on_is_told_once() {
    let first = after(&running(), busy(None));
    let later = NOW.after(BUSY / 2);
    assert_eq!(told(&first, busy(None), later), None);
    let second = after_at(&first, busy(None), later);
    assert_eq!(second.activity().keep_until, Some(later.after(BUSY)));
    let at_the_end = later.after(BUSY);
    assert_eq!(told(&second, busy(None), at_the_end), None);
    let afterwards = at_the_end.after(Duration::from_millis(1));
    assert!(told(&second, busy(None), afterwards).is_some());
}

#[test]
fn a_shorter_word_does_not_take_back_a_longer_one() {
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
fn where_reports_are_no_signal_the_count_is_remembered_and_nothing_else() {
    let report = Report {
        connections: Some(5),
        busy_for: Some(BUSY),
        counts: false,
    };
    let next = after(&running(), reported(report));
    let mut expected = running();
    expected.fields.activity.connections = 5;
    assert_eq!(next, expected);
    assert_eq!(told(&running(), reported(report), NOW), None);
}

#[test]
fn use_seen_from_the_host_counts_in_the_run_that_was_seen() {
    let seen = |generation, signal, value| Input::Used {
        generation,
        signal,
        value,
    };
    for (signal, value) in [(Signal::Connections, 2), (Signal::Cpu, 250)] {
        let next = after(&running(), seen(7, signal, value));
        let expected = LastActive {
            at: NOW,
            signal,
            value,
        };
        assert_eq!(next.activity().last_active(), expected);
        assert_eq!(next.activity().connections, 0, "that is what is reported");
        for generation in [6, 8] {
            assert_eq!(
                outcome(&running(), seen(generation, signal, value)),
                ("same".to_owned(), None)
            );
        }
        for other in [starting(), paused(), stopping(), stopped(), removing()] {
            assert_eq!(
                outcome(&other, seen(7, signal, value)),
                ("same".to_owned(), None),
                "{}",
                state(&other)
            );
        }
    }
}

#[test]
fn each_signal_keeps_its_own_latest_word() {
    let reported = after(&used_at(EARLIER.after(BUSY), Signal::Cpu, 300), report(7, 3));
    let readings = |signal| reported.activity().readings.get(&signal).copied();
    let expected = |at, value| Some(crate::domain::SignalReading { at, value });
    assert_eq!(readings(Signal::Started), expected(EARLIER, 0));
    assert_eq!(readings(Signal::CheckIn), expected(NOW, 3));
    assert_eq!(readings(Signal::Connections), None);
    assert_eq!(readings(Signal::Cpu), expected(EARLIER.after(BUSY), 300));
    assert_eq!(
        reported.activity().last_active().signal,
        Signal::Cpu,
        "the latest, not the last to speak"
    );
}

#[test]
fn use_after_a_stop_was_begun_changes_nothing() {
    let stopping = after(&running(), due_to_stop(7, policy(seconds(100))));
    assert_eq!(state(&stopping), "stopping Idle");
    let seen = Input::Used {
        generation: 7,
        signal: Signal::Connections,
        value: 1,
    };
    for input in [report(7, 5), busy(Some(5)), seen] {
        assert_eq!(transition(&stopping, input, NOW), Ok(Transition::same()));
    }
    let stopped = after(&stopping, ended("first", Exit::BySignal));
    assert_eq!(state(&stopped), "stopped Idle");
}
