//! Requests that postpone a stop.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(9_000);
/// When [`running`] is stopped if it is neither used nor extended.
const IDLE_END: Timestamp = Timestamp::from_millis(EARLIER.as_millis() + 9_000_000);

fn by(span: Duration) -> Case {
    extend(Extension::By(span), default_policy())
}

fn hold(span: Duration) -> Case {
    extend(Extension::For(span), default_policy())
}

fn extend(extension: Extension, policy: Policy) -> Case {
    Case {
        input: requested(Request::Extend(extension)),
        policy,
    }
}

fn default_policy() -> Policy {
    policy(TimeLimit::After(TIMEOUT))
}

fn deadline(record: &Record) -> Option<(Timestamp, DeadlineReason)> {
    let deadline = default_policy().deadline(record)?;
    Some((deadline.at, deadline.because))
}

#[test]
fn by_postpones_the_deadline_by_a_duration() {
    let once = after(&running(), by(2 * HOUR));
    assert_eq!(
        deadline(&once),
        Some((IDLE_END.after(2 * HOUR), DeadlineReason::KeepUntil))
    );
    let twice = after(&once, by(HOUR));
    assert_eq!(
        deadline(&twice),
        Some((IDLE_END.after(3 * HOUR), DeadlineReason::KeepUntil))
    );
}

#[test]
fn by_postpones_a_passed_deadline_from_now() {
    let late = IDLE_END.after(Duration::from_secs(50));
    let next = after_at(&running(), by(HOUR), late);
    assert_eq!(
        deadline(&next),
        Some((late.after(HOUR), DeadlineReason::KeepUntil))
    );
}

#[test]
fn for_keeps_from_now_and_never_shortens() {
    let short = after(&running(), hold(HOUR));
    assert_eq!(deadline(&short), Some((IDLE_END, DeadlineReason::IdleTimeout)));
    let long = after(&running(), hold(5 * HOUR));
    assert_eq!(
        deadline(&long),
        Some((NOW.after(5 * HOUR), DeadlineReason::KeepUntil))
    );
    assert_eq!(outcome(&long, hold(HOUR)), unchanged());
}

#[test]
fn extension_is_recorded_with_span_client_and_deadline() {
    let by_two_hours = Reason::ExtendedBy {
        span: Seconds::from(2 * HOUR),
        capped_by: None,
    };
    let expected = Event {
        stops_at: Some(IDLE_END.after(2 * HOUR)),
        ..Event::new(EventKind::Extended, by_two_hours, admin())
    };
    assert_eq!(event(&running(), by(2 * HOUR), NOW), Some(expected));
    let kept_for_an_hour = Reason::KeptFor {
        span: Seconds::from(HOUR),
        capped_by: None,
    };
    let expected = Event {
        stops_at: Some(IDLE_END), // the deadline, not the end of the extension
        ..Event::new(EventKind::Extended, kept_for_an_hour, admin())
    };
    assert_eq!(event(&running(), hold(HOUR), NOW), Some(expected));
}

#[test]
fn repeated_hold_is_recorded_once() {
    let (mut record, mut now, mut events) = (running(), NOW, 0);
    for _ in 0..600 {
        let transition = transition(&record, hold(MINUTE), now).unwrap();
        events += usize::from(transition.event.is_some());
        record = after_at(&record, hold(MINUTE), now);
        assert_eq!(record.activity().keep_until, Some(now.after(MINUTE)));
        now = now.after(MINUTE / 3);
    }
    assert_eq!(events, 1);
    let end = record.activity().keep_until.unwrap();
    assert_eq!(event(&record, hold(MINUTE), end), None);
    let after_the_end = event(&record, hold(MINUTE), end.after(MILLISECOND));
    assert!(after_the_end.is_some(), "a hold after a gap is a new one");
}

#[test]
fn maximum_lifetime_caps_an_extension() {
    let policy = || Policy {
        default_max_lifetime: TimeLimit::After(3 * HOUR),
        ..default_policy()
    };
    let capped_by = Some(applied(3 * HOUR, LimitSource::Default));
    let by = Reason::ExtendedBy {
        span: Seconds::from(2 * HOUR),
        capped_by,
    };
    let kept = Reason::KeptFor {
        span: Seconds::from(10 * HOUR),
        capped_by,
    };
    for (extension, reason) in [(Extension::By(2 * HOUR), by), (Extension::For(10 * HOUR), kept)] {
        let expected = Event {
            stops_at: Some(EARLIER.after(3 * HOUR)),
            ..Event::new(EventKind::Extended, reason, admin())
        };
        let case = || extend(extension, policy());
        assert_eq!(event(&running(), case(), NOW), Some(expected));
        let next = after(&running(), case());
        assert_eq!(policy().stops_at(&next), Some(EARLIER.after(3 * HOUR)));
    }
}

#[test]
fn container_without_idle_timeout_ignores_extensions() {
    let pinned = after(&running(), Request::SetLimits(timeout_of(TimeLimit::Never)));
    for case in [by(HOUR), hold(HOUR)] {
        assert_eq!(transition(&pinned, case, NOW), Ok(Transition::same()));
    }
}

#[test]
fn container_that_does_not_run_refuses_extensions() {
    for (record, refusal) in [
        (starting(), Refusal::NotRunning),
        (paused(), Refusal::Paused),
        (stopping(), Refusal::NotRunning),
        (stopped(), Refusal::NotRunning),
        (removing(), Refusal::BeingRemoved),
    ] {
        for case in [by(HOUR), hold(HOUR)] {
            assert_eq!(transition(&record, case, NOW), Err(refusal), "{}", state(&record));
        }
    }
}

#[test]
fn extension_applies_to_its_run_only() {
    let kept = after(&running(), hold(5 * HOUR));
    let stopped = after(&kept, ended("first", Exit::Killed));
    assert_eq!(stopped.activity().keep_until, None);
    assert_eq!(stopped.activity().extended_at, None);
    let restarted = after(&kept, live("second", LiveState::Running));
    assert_eq!(restarted.activity().keep_until, None);
    let unpaused = after(
        &after(&kept, live("first", LiveState::Paused)),
        live("first", LiveState::Running),
    );
    assert_eq!(unpaused.activity().keep_until, Some(NOW.after(5 * HOUR)));
}
