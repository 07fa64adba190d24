//! What becomes due: warnings, stops, removals.

use super::*;

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

const MILLISECOND: Duration = Duration::from_millis(1);

/// Everything that a record can be due for, under a policy by which it is.
fn dues() -> [(Record, Due, Policy); 3] {
    let policy = || Policy {
        default_rest: seconds(100),
        warn_before: Duration::from_secs(30),
        ..policy(seconds(100))
    };
    [
        (running(), Due::Warning, policy()),
        (running(), Due::Stop, policy()),
        (stopped(), Due::Removal, policy()),
    ]
}

#[test]
fn what_was_due_in_another_run_is_due_no_more() {
    for (record, due, policy) in dues() {
        for generation in [6, 8] {
            let input = due_for(due, generation, policy.clone());
            assert_eq!(transition(&record, input, NOW), Ok(Transition::same()), "{due:?}");
        }
        let input = due_for(due, 7, policy);
        assert_ne!(transition(&record, input, NOW), Ok(Transition::same()), "{due:?}");
    }
}

#[test]
fn use_in_the_last_millisecond_and_in_the_same_one_wins() {
    for used_at in [NOW.before(MILLISECOND), NOW] {
        for signal in [Signal::CheckIn, Signal::Connections, Signal::Cpu] {
            let used = super::used_at(used_at, signal, 1);
            let due = due_to_stop(7, policy(seconds(100)));
            assert_eq!(transition(&used, due, NOW), Ok(Transition::same()), "{signal:?}");
        }
    }
}

#[test]
fn a_warning_is_given_once_for_each_deadline_and_changes_nothing_else() {
    let policy = || Policy {
        warn_before: Duration::from_secs(300),
        ..policy(seconds(9_000))
    };
    let warning = || due_for(Due::Warning, 7, policy());
    let deadline = EARLIER.after(Duration::from_secs(9_000));
    let moment = deadline.before(Duration::from_secs(300));
    assert_eq!(
        transition(&running(), warning(), moment.before(MILLISECOND)),
        Ok(Transition::same())
    );
    let warned = transition(&running(), warning(), moment).unwrap();
    let event = warned.event.clone().unwrap();
    assert_eq!(
        (event.what, event.stops_at),
        (EventKind::IdleWarning, Some(deadline))
    );
    let mut expected = running();
    expected.fields.activity.warning_sent_for = Some(deadline);
    assert_eq!(
        (warned.next, warned.effect),
        (NextState::Changed(Box::new(expected.clone())), None)
    );
    assert_eq!(transition(&expected, warning(), moment), Ok(Transition::same()));
    let extension = Extension::By(Duration::from_secs(60));
    let shift_clock = Case {
        input: requested(Request::Extend(extension)),
        policy: policy(),
    };
    let shift_clock = after_at(&expected, shift_clock, moment);
    let again = told(&shift_clock, warning(), deadline.after(Duration::from_secs(50)));
    assert!(again.is_some(), "the deadline has moved");
}

#[test]
fn a_warning_says_how_long_is_left_and_why_it_will_be_stopped() {
    let policy = Policy {
        warn_before: Duration::from_secs(300),
        ..policy(seconds(9_000))
    };
    let moment = EARLIER.after(Duration::from_secs(8_700));
    let expected = says(
        EventKind::IdleWarning,
        "will be stopped in 5m: not used for 2h 25m, and its idle timeout is 2h 30m (the daemon's default); \
         the last use was its start",
    );
    // Who wakes for a moment wakes a little later.
    for now in [moment, moment.after(Duration::from_millis(80))] {
        assert_eq!(
            told(&running(), due_for(Due::Warning, 7, policy.clone()), now),
            expected
        );
    }
}

/// Why a record is stopped at its deadline.
fn reason_of_stop(record: &Record, policy: &Policy) -> String {
    let deadline = policy.stops_at(record).unwrap();
    let (what, why) = told(record, due_to_stop(7, policy.clone()), deadline).unwrap();
    assert_eq!(what, EventKind::Stopping);
    why
}

#[test]
fn a_stop_names_the_latest_use_whatever_told_of_it() {
    let thawed = after(&paused(), live("first", LiveState::Running));
    for (record, words) in [
        (running(), "its start"),
        (thawed, "its unpausing on the host"),
        (used_at(NOW, Signal::CheckIn, 0), "its report that it was busy"),
        (used_at(NOW, Signal::CheckIn, 1), "its report of 1 connection"),
        (used_at(NOW, Signal::CheckIn, 12), "its report of 12 connections"),
        (
            used_at(NOW, Signal::Connections, 1),
            "1 connection seen in use from the host",
        ),
        (
            used_at(NOW, Signal::Connections, 3),
            "3 connections seen in use from the host",
        ),
        (
            used_at(NOW, Signal::Cpu, 250),
            "its work on the processor, 0.25 cores",
        ),
    ] {
        assert_eq!(
            reason_of_stop(&record, &policy(seconds(9_000))),
            format!(
                "not used for 2h 30m, and its idle timeout is 2h 30m (the daemon's default); the last use was {words}"
            )
        );
    }
}

#[test]
fn a_stop_names_who_decided_on_the_timeout() {
    let mut labelled = running();
    labelled.fields.label_limits = timeout_of(seconds(100));
    let rule = crate::domain::ImageRule {
        images: "*".parse().unwrap(),
        limits: timeout_of(seconds(100)),
    };
    let ruled = Policy {
        image_rules: [rule].into(),
        ..policy(TimeLimit::Never)
    };
    let of_its_own = after(&running(), Request::SetLimits(timeout_of(seconds(100))));
    for (record, policy, words) in [
        (of_its_own, policy(TimeLimit::Never), "set for this container"),
        (labelled, policy(TimeLimit::Never), "from its image's label"),
        (running(), ruled, "from the daemon's rule for its image"),
        (running(), policy(seconds(100)), "the daemon's default"),
    ] {
        assert_eq!(
            reason_of_stop(&record, &policy),
            format!(
                "not used for 1m 40s, and its idle timeout is 1m 40s ({words}); the last use was its start"
            )
        );
    }
}

#[test]
fn a_stop_after_somebody_asked_to_keep_it_says_so() {
    let default = policy(seconds(9_000));
    let kept = Case {
        input: requested(Request::Extend(Extension::By(Duration::from_secs(3_600)))),
        policy: default.clone(),
    };
    let kept = after(&running(), kept);
    assert_eq!(
        reason_of_stop(&kept, &default),
        "nobody asked to keep it for longer, and it was not used for 3h 30m, while its idle timeout is 2h 30m \
         (the daemon's default); the last use was its start"
    );
}

#[test]
fn a_stop_at_the_end_of_the_grace_says_so() {
    let policy = Policy {
        resumed_at: EARLIER.after(Duration::from_secs(18_000)),
        ..policy(seconds(9_000))
    };
    assert_eq!(
        reason_of_stop(&running(), &policy),
        "not used for 5h 10m, although it was given time to report since the daemon started or the machine \
         woke up, and its idle timeout is 2h 30m (the daemon's default); the last use was its start"
    );
}

#[test]
fn a_run_that_has_lasted_for_as_long_as_it_may_is_ended_though_it_is_used() {
    let policy = Policy {
        default_lifetime: seconds(100),
        ..policy(seconds(9_000))
    };
    let used = used_at(NOW, Signal::Connections, 3);
    assert_eq!(
        outcome(&used, due_to_stop(7, policy.clone())),
        ("stopping Expired".to_owned(), STOP)
    );
    assert_eq!(
        reason_of_stop(&used, &policy),
        "a run may last 1m 40s at most (the daemon's default), however much it is used"
    );
}

#[test]
fn what_has_been_at_rest_for_as_long_as_it_may_is_removed() {
    let [.., (record, due, policy)] = dues();
    let removed = transition(&record, due_for(due, 7, policy.clone()), NOW).unwrap();
    assert_eq!(removed.effect, GRACEFUL);
    let NextState::Changed(removing) = removed.next else {
        panic!("it stays")
    };
    let cause = StopCause::Expired;
    let expected = Lifecycle::Removing {
        cause,
        endpoints: None,
    };
    assert_eq!(*removing.lifecycle(), expected);
    let before = NOW.before(MILLISECOND);
    assert_eq!(
        transition(&record, due_for(due, 7, policy.clone()), before),
        Ok(Transition::same())
    );
    for other in [starting(), running(), paused(), stopping()] {
        let due = due_for(due, 7, policy.clone());
        assert_eq!(
            transition(&other, due, NOW),
            Ok(Transition::same()),
            "{}",
            state(&other)
        );
    }
}

#[test]
fn somebody_who_starts_it_in_the_last_moment_keeps_it() {
    let [.., (record, due, policy)] = dues();
    let started = after(&record, Request::Start);
    assert_eq!(
        transition(&started, due_for(due, 7, policy), NOW),
        Ok(Transition::same())
    );
}
