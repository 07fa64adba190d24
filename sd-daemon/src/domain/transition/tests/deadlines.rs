//! Deadlines: warnings, stops and removals.

use super::*;

#[test]
fn idle_container_is_stopped_at_its_deadline() {
    let due = due_to_stop;
    let stops = ("stopping Idle".to_owned(), STOP);
    assert_eq!(outcome(&running(), due(7, policy(seconds(100)))), stops);
    for (timeout, generation, why) in [
        (seconds(101), 7, "before the deadline"),
        (seconds(100), 6, "in another run"),
        (TimeLimit::Never, 7, "without a timeout"),
    ] {
        let case = due(generation, policy(timeout));
        assert_eq!(outcome(&running(), case), unchanged(), "{why}");
    }
    let used = after(&running(), report(7, 1));
    assert_eq!(outcome(&used, due(7, policy(seconds(1)))), unchanged());
    for other in all_but_running() {
        let case = due(7, policy(seconds(1)));
        assert_eq!(outcome(&other, case), unchanged(), "{}", state(&other));
    }
}

#[test]
fn grace_period_after_a_restart_is_at_most_the_timeout() {
    let grace = |timeout| {
        let policy = Policy {
            resumed_at: NOW,
            ..policy(seconds(timeout))
        };
        policy.stops_at(&running()).unwrap().since(NOW).as_secs()
    };
    assert_eq!(grace(50), 50, "a shorter timeout shortens the grace period");
    assert_eq!(
        grace(660),
        600,
        "a deadline in the grace period waits for its end"
    );
    assert_eq!(
        grace(9000),
        8900,
        "a deadline after the grace period is unchanged"
    );
}

/// One record for each kind of deadline, with a policy by which it is due.
fn dues() -> [(Record, Due, Policy); 3] {
    let policy = || Policy {
        default_remove_after: seconds(100),
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
fn deadline_of_another_run_is_ignored() {
    for (record, due, policy) in dues() {
        for generation in [6, 8] {
            let case = due_for(due, generation, policy.clone());
            assert_eq!(transition(&record, case, NOW), Ok(Transition::same()), "{due:?}");
        }
        let case = due_for(due, 7, policy);
        assert_ne!(transition(&record, case, NOW), Ok(Transition::same()), "{due:?}");
    }
}

#[test]
fn use_until_the_deadline_prevents_the_stop() {
    for used_at in [NOW.before(MILLISECOND), NOW] {
        for signal in [Signal::CheckIn, Signal::Connections, Signal::Cpu] {
            let used = super::used_at(used_at, signal, 1);
            let due = due_to_stop(7, policy(seconds(100)));
            assert_eq!(transition(&used, due, NOW), Ok(Transition::same()), "{signal:?}");
        }
    }
}

fn idleness(idle_for: u64, last_use: LastUse) -> Idleness {
    Idleness {
        idle_for: Duration::from_secs(idle_for).into(),
        timeout: applied(Duration::from_secs(9_000), LimitSource::Default),
        last_use,
    }
}

const START_OF_RUN: LastUse = LastUse {
    kind: Use::Started,
    value: 0,
};

#[test]
fn warning_is_sent_once_for_each_deadline() {
    let policy = || Policy {
        warn_before: Duration::from_secs(300),
        ..policy(seconds(9_000))
    };
    let warning = || due_for(Due::Warning, 7, policy());
    let deadline = EARLIER.after(Duration::from_secs(9_000));
    let time = deadline.before(Duration::from_secs(300));
    assert_eq!(
        transition(&running(), warning(), time.before(MILLISECOND)),
        Ok(Transition::same())
    );
    let mut warned = running();
    warned.fields.activity.warning_sent_for = Some(deadline);
    let reason = Reason::IdleTimeout(idleness(8_700, START_OF_RUN));
    let expected = Transition {
        next: NextState::Changed(Box::new(warned.clone())),
        effect: None,
        event: Some(Event {
            stops_at: Some(deadline),
            ..Event::new(EventKind::IdleWarning, reason, Actor::Daemon)
        }),
    };
    assert_eq!(transition(&running(), warning(), time), Ok(expected));
    assert_eq!(transition(&warned, warning(), time), Ok(Transition::same()));
    let extension = Case {
        input: requested(Request::Extend(Extension::By(Duration::from_secs(60)))),
        policy: policy(),
    };
    let extended = after_at(&warned, extension, time);
    let again = event(&extended, warning(), deadline.after(Duration::from_secs(50)));
    assert!(again.is_some(), "an extension moves the deadline");
}

/// Why a record is stopped at its deadline. The daemon is the actor.
fn reason_of_stop(record: &Record, policy: &Policy) -> Reason {
    let deadline = policy.stops_at(record).unwrap();
    let stop = event(record, due_to_stop(7, policy.clone()), deadline).unwrap();
    assert_eq!(
        (stop.kind, stop.actor, stop.stops_at),
        (EventKind::Stopping, Some(Actor::Daemon), None)
    );
    stop.reason.unwrap()
}

#[test]
fn idle_stop_records_the_last_use() {
    let unpaused = after(&paused(), live("first", LiveState::Running));
    for (record, kind, value) in [
        (running(), Use::Started, 0),
        (unpaused, Use::Unpaused, 0),
        (used_at(NOW, Signal::CheckIn, 0), Use::CheckIn, 0),
        (used_at(NOW, Signal::CheckIn, 12), Use::CheckIn, 12),
        (used_at(NOW, Signal::Connections, 3), Use::Connections, 3),
        (used_at(NOW, Signal::Cpu, 250), Use::Cpu, 250),
    ] {
        let last_use = LastUse { kind, value };
        assert_eq!(
            reason_of_stop(&record, &policy(seconds(9_000))),
            Reason::IdleTimeout(idleness(9_000, last_use))
        );
    }
}

#[test]
fn idle_stop_records_the_source_of_the_timeout() {
    let limits = || timeout_of(seconds(100));
    let mut labelled = running();
    labelled.fields.label_limits = limits();
    let rule = ImageRule {
        images: "*".parse().unwrap(),
        limits: limits(),
    };
    let with_rule = Policy {
        image_rules: [rule].into(),
        ..policy(TimeLimit::Never)
    };
    let with_own = after(&running(), Request::SetLimits(limits()));
    for (record, policy, source) in [
        (with_own, policy(TimeLimit::Never), LimitSource::Container),
        (labelled, policy(TimeLimit::Never), LimitSource::ImageLabel),
        (running(), with_rule, LimitSource::ImageRule),
        (running(), policy(seconds(100)), LimitSource::Default),
    ] {
        let expected = Idleness {
            idle_for: Seconds::new(100),
            timeout: applied(Duration::from_secs(100), source),
            last_use: START_OF_RUN,
        };
        assert_eq!(reason_of_stop(&record, &policy), Reason::IdleTimeout(expected));
    }
}

#[test]
fn stop_after_an_extension_has_its_own_reason() {
    let default = policy(seconds(9_000));
    let extension = Case {
        input: requested(Request::Extend(Extension::By(HOUR))),
        policy: default.clone(),
    };
    let extended = after(&running(), extension);
    assert_eq!(
        reason_of_stop(&extended, &default),
        Reason::KeepUntil(idleness(12_600, START_OF_RUN))
    );
}

#[test]
fn stop_after_the_grace_period_has_its_own_reason() {
    let policy = Policy {
        resumed_at: EARLIER.after(Duration::from_secs(18_000)),
        ..policy(seconds(9_000))
    };
    assert_eq!(
        reason_of_stop(&running(), &policy),
        Reason::Grace(idleness(18_600, START_OF_RUN))
    );
}

#[test]
fn maximum_lifetime_stops_a_container_in_use() {
    let policy = Policy {
        default_max_lifetime: seconds(100),
        ..policy(seconds(9_000))
    };
    let used = used_at(NOW, Signal::Connections, 3);
    assert_eq!(
        outcome(&used, due_to_stop(7, policy.clone())),
        ("stopping Expired".to_owned(), STOP)
    );
    let limit = applied(Duration::from_secs(100), LimitSource::Default);
    assert_eq!(reason_of_stop(&used, &policy), Reason::MaxLifetime(limit));
}

#[test]
fn stopped_container_is_removed_at_its_deadline() {
    let [.., (record, due, policy)] = dues();
    let removal = || due_for(due, 7, policy.clone());
    let removed = transition(&record, removal(), NOW).unwrap();
    assert_eq!((removed.effect, removed.event), (GRACEFUL, None));
    let NextState::Changed(removing) = removed.next else {
        panic!("the record is unchanged")
    };
    let expected = Lifecycle::Removing {
        cause: StopCause::Expired,
        endpoints: None,
    };
    assert_eq!(*removing.lifecycle(), expected);
    let limit = applied(Duration::from_secs(100), LimitSource::Default);
    assert_eq!(
        event(&removing, Input::Vanished, NOW),
        Some(Event::new(
            EventKind::Removed,
            Reason::RemoveAfter(limit),
            Actor::Daemon
        ))
    );
    assert_eq!(
        transition(&record, removal(), NOW.before(MILLISECOND)),
        Ok(Transition::same())
    );
    for other in [starting(), running(), paused(), stopping()] {
        assert_eq!(outcome(&other, removal()), unchanged(), "{}", state(&other));
    }
}

#[test]
fn start_at_the_last_moment_prevents_the_removal() {
    let [.., (record, due, policy)] = dues();
    let started = after(&record, Request::Start);
    assert_eq!(
        transition(&started, due_for(due, 7, policy), NOW),
        Ok(Transition::same())
    );
}
