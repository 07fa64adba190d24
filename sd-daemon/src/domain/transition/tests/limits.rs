//! Limits that clients set for a container.

use super::*;

#[test]
fn own_timeout_overrides_the_default() {
    let long = after(&running(), Request::SetLimits(timeout_of(seconds(1000))));
    assert!(!policy(seconds(1)).is_due(&long, Due::Stop, NOW));
    let pinned = after(&running(), Request::SetLimits(timeout_of(TimeLimit::Never)));
    assert_eq!(policy(seconds(1)).stops_at(&pinned), None);
    let short = after(&running(), Request::SetLimits(timeout_of(seconds(1))));
    assert!(policy(TimeLimit::Never).is_due(&short, Due::Stop, NOW));
}

#[test]
fn limits_that_are_not_set_stay_as_they_are() {
    let first = Limits {
        idle_timeout: Some(TimeLimit::After(HOUR)),
        remove_after: Some(TimeLimit::Never),
        ..Limits::default()
    };
    let second = Limits {
        max_lifetime: Some(TimeLimit::After(8 * HOUR)),
        remove_after: Some(TimeLimit::After(48 * HOUR)),
        ..Limits::default()
    };
    let record = after(&running(), Request::SetLimits(first));
    let record = after(&record, Request::SetLimits(second));
    let expected = Limits {
        idle_timeout: Some(TimeLimit::After(HOUR)),
        ..second
    };
    assert_eq!(*record.limits(), expected);
}

#[test]
fn limits_can_be_set_in_every_state() {
    for record in all_states() {
        let next = after(&record, Request::SetLimits(timeout_of(seconds(5))));
        assert_eq!(*next.limits(), timeout_of(seconds(5)));
        assert_eq!(next.lifecycle(), record.lifecycle());
    }
}

#[test]
fn change_of_limits_is_recorded_once() {
    let limits = Limits {
        idle_timeout: Some(TimeLimit::After(HOUR)),
        max_lifetime: Some(TimeLimit::Never),
        remove_after: None,
    };
    let reason = Reason::LimitsChanged(Box::new(limits));
    assert_eq!(
        event(&running(), Request::SetLimits(limits), NOW),
        Some(Event::new(EventKind::Changed, reason, admin()))
    );
    let changed = after(&running(), Request::SetLimits(limits));
    assert_eq!(
        transition(&changed, Request::SetLimits(limits), NOW),
        Ok(Transition::same())
    );
}
